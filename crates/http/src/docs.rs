//! The OpenAPI document of the service, and the page to browse it.

mod shared;

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, Responder, http::Method, web::ServiceConfig};
use utoipa::openapi::{
    Components, HttpMethod, Info, License, OpenApi, Paths, RefOr, Schema, Server,
    path::PathItem,
    schema::AdditionalProperties,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};

use crate::web::{
    app::App,
    extract::State,
    openapi::{Describe, Operation, object},
    permit::Public,
    problem::Problem,
    request_context::reader,
    routes::Routes,
};

/// Endpoints of the documentation.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("docs", "This document");
    routes.get("/api/openapi.json", "docs.openapi", openapi, "This document");
    routes.get("/docs", "docs.docs", docs, "A page to browse this document");
}

/// Two types of one name whose schemas differ: the document could show only one of them.
#[derive(Debug, thiserror::Error)]
#[error("several types have the name {0} in the API document")]
struct NameCollision(String);

/// The document of these endpoints, as JSON.
pub(crate) fn document(routes: Routes) -> Result<String, Box<dyn std::error::Error>> {
    let (endpoints, tags) = routes.into_parts();
    let mut paths = Paths::new();
    let mut components = Components::new();
    for endpoint in endpoints {
        let mut operation =
            Operation::new(endpoint.method.clone(), endpoint.id, endpoint.path, endpoint.summary);
        (endpoint.describe)(&mut operation);
        operation.errors(endpoint.errors);
        let method = match endpoint.method {
            Method::POST => HttpMethod::Post,
            Method::PUT => HttpMethod::Put,
            Method::DELETE => HttpMethod::Delete,
            _ => HttpMethod::Get,
        };
        let (operation, schemas) = operation.build();
        add_schemas(&mut components, schemas)?;
        let item = PathItem::new(method, operation);
        match paths.paths.get_mut(endpoint.path) {
            Some(known) => known.merge_operations(item),
            None => {
                paths.paths.insert(endpoint.path.to_owned(), item);
            }
        }
    }
    add_schemas(&mut components, shared::schemas())?;
    components.responses = shared::errors();
    for (name, doc) in
        [("access_token", "Access token of a session."), ("refresh_token", "Refresh token of a session.")]
    {
        let scheme =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(doc));
        components.security_schemes.insert(name.to_owned(), RefOr::T(SecurityScheme::Http(scheme.build())));
    }
    let mut document = OpenApi::new(Info::new("Inspection service", env!("CARGO_PKG_VERSION")), paths);
    document.info.description = Some(
        "Inspections, defects and repairs of an industrial site. Responses are \
         `{\"status\": \"success\", \"data\": …}`; errors carry a stable `code` and name every invalid field. \
         Unknown fields and parameters are ignored. In queries, `1` and `0` stand for `true` and `false`; of a \
         repeated parameter that takes one value, the last one counts."
            .to_owned(),
    );
    let mut license = License::new(env!("CARGO_PKG_LICENSE"));
    license.identifier = Some(env!("CARGO_PKG_LICENSE").to_owned());
    document.info.license = Some(license);
    document.servers = Some(vec![Server::new("/")]);
    document.components = Some(components);
    let tag = |(name, description)| TagBuilder::new().name(name).description(Some(description)).build();
    document.tags = Some(tags.into_iter().map(tag).collect());
    let mut document = serde_json::to_value(document)?;
    shared::complete(&mut document);
    Ok(serde_json::to_string_pretty(&document)?)
}

/// Adds the schemas of an operation. Types that share a name have the same schema.
fn add_schemas(
    components: &mut Components,
    schemas: Vec<(String, RefOr<Schema>)>,
) -> Result<(), NameCollision> {
    for (name, schema) in schemas {
        match components.schemas.get(&name) {
            Some(known) if *known != schema => return Err(NameCollision(name)),
            _ => components.schemas.insert(name, schema),
        };
    }
    Ok(())
}

/// The served document. Application data: the function that builds it, so that it is built on first
/// use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document(pub(crate) fn() -> &'static str);

/// The address of the service, relative to the document; alone on its line.
const SERVER: &str = "\"url\": \"/\"\n";

impl Document {
    /// The text of the document, with the address under which the client reaches the service.
    fn text(self, server: &str) -> Cow<'static, str> {
        let text = (self.0)();
        match server {
            "/" => text.into(),
            server => text.replacen(SERVER, &format!("\"url\": \"{server}\"\n"), 1).into(),
        }
    }
}

/// The address under which the client reaches the service.
fn server(request: &HttpRequest) -> String {
    let prefix = reader().prefix;
    let configured = request.app_data::<App>().and_then(|app| app.settings().app_url.clone());
    configured.unwrap_or_else(|| if prefix.is_empty() { "/".to_owned() } else { prefix.path("") })
}

impl Responder for Document {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let text = self.text(&server(request));
        HttpResponse::Ok().content_type("application/json").body(text.into_owned())
    }
}

impl Describe for Document {
    fn describe(operation: &mut Operation) {
        let any = object().additional_properties(Some(AdditionalProperties::FreeForm(true)));
        operation.bare(200, any.into());
    }
}

async fn openapi(_: App, _: Public, State(document): State<Document>) -> Result<Document, Problem> {
    Ok(document)
}

/// Redirect to the page.
#[derive(Debug)]
pub(crate) struct PageRedirect;

impl Responder for PageRedirect {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Found().insert_header(("Location", reader().prefix.path("/docs/"))).finish()
    }
}

impl Describe for PageRedirect {
    fn describe(operation: &mut Operation) {
        operation.redirects("The page to browse this document.");
    }
}

async fn docs(_: App, _: Public) -> Result<PageRedirect, Problem> {
    Ok(PageRedirect)
}

/// Serves the page with its own scripts and styles; nothing is loaded from another host.
pub(crate) fn page(config: &mut ServiceConfig) {
    let settings = utoipa_swagger_ui::Config::from("../api/openapi.json");
    config.service(utoipa_swagger_ui::SwaggerUi::new("/docs/{_:.*}").config(settings));
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::{Components, ObjectBuilder, RefOr, Schema, schema::Type};

    #[test]
    fn the_document_of_all_endpoints_is_built() {
        let document = super::document(crate::routes());
        assert!(document.is_ok(), "{document:?}");
    }

    #[test]
    fn two_types_never_share_a_name() {
        let schema = |kind| RefOr::T(Schema::from(ObjectBuilder::new().schema_type(kind)));
        let mut components = Components::new();
        let text = || vec![("Status".to_owned(), schema(Type::String))];
        assert!(super::add_schemas(&mut components, text()).is_ok());
        assert!(super::add_schemas(&mut components, text()).is_ok(), "a type is used several times");
        let other = vec![("Status".to_owned(), schema(Type::Integer))];
        let refused = super::add_schemas(&mut components, other).map_err(|error| error.to_string());
        assert_eq!(refused, Err("several types have the name Status in the API document".to_owned()));
    }
}
