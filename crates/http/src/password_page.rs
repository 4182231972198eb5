//! A page to change a password, for users whose app has none. It uses the public API only.

use actix_web::{HttpRequest, HttpResponse, Responder, http::header};
use inspection_domain::text::Language;

use crate::web::{
    app::{App, PASSWORD_PAGE},
    openapi::{Describe, Operation},
    permit::Public,
    problem::Problem,
    request_context,
    routes::Routes,
};

const HTML: &str = include_str!("../assets/password/page.html");
const STYLE: &str = include_str!("../assets/password/page.css");
const SCRIPT: &str = include_str!("../assets/password/page.js");

/// The beginning of the page in English, and in Arabic.
const ENGLISH: &str = r#"<html lang="en" dir="ltr">"#;
const ARABIC: &str = r#"<html lang="ar" dir="rtl">"#;

/// Content security policy of the page: its own style and script, and requests to the service.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page, its style and its script.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("password", "A page to change a password");
    routes.get(PASSWORD_PAGE, "password.page", page, "Show the page to change a password");
    routes.get("/password/page.css", "password.style", style, "Get the style of the page");
    routes.get("/password/page.js", "password.script", script, "Get the script of the page");
}

fn respond(content_type: &str, body: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(body)
}

/// The page.
#[derive(Debug)]
struct Page(String);

impl Responder for Page {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        respond("text/html; charset=utf-8", self.0)
    }
}

impl Describe for Page {
    fn describe(operation: &mut Operation) {
        operation.text("text/html", "The page.");
    }
}

/// The style of the page.
#[derive(Debug)]
struct Style;

impl Responder for Style {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        respond("text/css; charset=utf-8", STYLE.to_owned())
    }
}

impl Describe for Style {
    fn describe(operation: &mut Operation) {
        operation.text("text/css", "The style of the page.");
    }
}

/// The script of the page.
#[derive(Debug)]
struct Script;

impl Responder for Script {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        respond("text/javascript; charset=utf-8", SCRIPT.to_owned())
    }
}

impl Describe for Script {
    fn describe(operation: &mut Operation) {
        operation.text("text/javascript", "The script of the page.");
    }
}

async fn page(_: App, _: Public) -> Result<Page, Problem> {
    Ok(Page(match request_context::language() {
        Language::En => HTML.to_owned(),
        Language::Ar => HTML.replacen(ENGLISH, ARABIC, 1),
    }))
}

async fn style(_: App, _: Public) -> Result<Style, Problem> {
    Ok(Style)
}

async fn script(_: App, _: Public) -> Result<Script, Problem> {
    Ok(Script)
}
