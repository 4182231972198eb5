//! `GET /.well-known/security.txt`: the contact for reports of vulnerabilities (RFC 9116).

use std::fmt::Write as _;

use actix_web::{HttpRequest, HttpResponse, Responder, http::Method};
use inspection_domain::{
    time::{Instant, SiteTimeZone},
    users::Email,
};

use crate::web::{
    app::App,
    openapi::{Describe, Operation},
    permit::Public,
    problem::Problem,
    routes::Routes,
    settings::Settings,
};

const PATH: &str = "/.well-known/security.txt";

/// Days until a response expires. It is computed for each request, so that it never has expired
/// while the service runs; RFC 9116 recommends less than a year.
const LIFETIME: i32 = 90;

/// Endpoint of the contact.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("security", "Contact for reports of vulnerabilities");
    routes
        .get(PATH, "security.contact", contact, "Get the contact for reports of vulnerabilities")
        .errors(&[404]);
}

/// Whether a text is an address that `security.txt` may name: `mailto:`, `https://` or `tel:`. It
/// has no line break, with which it could add fields.
pub fn is_security_contact(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    match scheme {
        "mailto" => Email::new(rest).is_ok(),
        "https" => {
            let host = rest.strip_prefix("//").unwrap_or_default();
            host.starts_with(|c: char| c.is_ascii_alphanumeric())
                && host.chars().all(|c| c.is_ascii_graphic())
        }
        "tel" => {
            let is_plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
            rest.contains(|c: char| c.is_ascii_digit()) && rest.chars().all(is_plain)
        }
        _ => false,
    }
}

/// The fields of the file.
fn text(contacts: &[String], app_url: Option<&str>, now: Instant) -> String {
    let mut text = String::new();
    // Writing to a string is infallible.
    for contact in contacts {
        let _ = writeln!(text, "Contact: {contact}");
    }
    let utc = SiteTimeZone::utc();
    let expires = utc.start_of(utc.date(now).plus_days(LIFETIME));
    let _ = writeln!(text, "Expires: {expires}\nPreferred-Languages: en, ar");
    // The file belongs to the root of a host.
    let host = app_url.and_then(|url| url.strip_prefix("https://")).filter(|host| !host.contains('/'));
    if let Some(host) = host {
        let _ = writeln!(text, "Canonical: https://{host}{PATH}");
    }
    text
}

/// The content of `security.txt`.
struct SecurityText(String);

impl Responder for SecurityText {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(self.0)
    }
}

impl Describe for SecurityText {
    fn describe(operation: &mut Operation) {
        operation.text("text/plain", "The contact, in the format of RFC 9116.");
    }
}

async fn contact(app: App, _: Public) -> Result<SecurityText, Problem> {
    let Settings { security_contacts, app_url, .. } = app.settings();
    if security_contacts.is_empty() {
        return Err(Problem::no_endpoint(&Method::GET, PATH));
    }
    Ok(SecurityText(text(security_contacts, app_url.as_deref(), app.now())))
}

#[cfg(test)]
mod tests {
    use super::is_security_contact;

    #[test]
    fn contacts_are_addresses_with_a_scheme_and_without_line_breaks() {
        for contact in [
            "mailto:security@example.com",
            "https://example.com/report?from=site#form",
            "tel:+966-11-000-0000",
        ] {
            assert!(is_security_contact(contact), "{contact}");
        }
        for text in [
            "",
            "security@example.com",
            "mailto:",
            "mailto:security",
            "mailto:security@example.com\nExpires: 2000-01-01T00:00:00Z",
            "http://example.com/report",
            "https://",
            "https:///report",
            "https://example.com/\nContact: https://evil.example",
            "https://example.com/a b",
            "tel:",
            "tel:+",
            "javascript:alert(1)",
        ] {
            assert!(!is_security_contact(text), "{text}");
        }
    }
}
