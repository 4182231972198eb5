//! The OpenAPI document of the service, and the page to browse it.

use actix_web::{HttpRequest, HttpResponse, Responder, http::Method, web::ServiceConfig};
use utoipa::openapi::{
    Components, HttpMethod, Info, OpenApi, Paths, RefOr, Schema,
    path::PathItem,
    schema::{SchemaType, Type},
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::Tag,
};

use crate::web::{
    app::App,
    extract::State,
    openapi::{Describe, Operation, object},
    permit::Public,
    problem::Problem,
    routes::Routes,
};

/// Endpoints of the documentation.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/openapi.json", "docs.openapi", openapi, "This document");
    routes.get("/docs", "docs.docs", docs, "A page to browse this document");
}

/// Marks the properties that may be null as required: a response has them always. A property that
/// may be missing is never null.
fn require_nullable(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let nullable = object.properties.iter().filter(|(_, property)| allows_null(property));
            let nullable: Vec<_> = nullable.map(|(name, _)| name.clone()).collect();
            object.required.extend(nullable);
            object.required.sort_unstable();
            object.required.dedup();
        }
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(require_nullable),
        RefOr::T(Schema::OneOf(one)) => one.items.iter_mut().for_each(require_nullable),
        _ => {}
    }
}

fn allows_null(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => match &object.schema_type {
            SchemaType::Type(kind) => *kind == Type::Null,
            SchemaType::Array(kinds) => kinds.contains(&Type::Null),
            SchemaType::AnyValue => false,
        },
        RefOr::T(Schema::OneOf(one)) => one.items.iter().any(allows_null),
        RefOr::T(Schema::Array(array)) => {
            matches!(&array.schema_type, SchemaType::Array(kinds) if kinds.contains(&Type::Null))
        }
        _ => false,
    }
}

/// The document of these endpoints.
pub(crate) fn document(routes: Routes) -> OpenApi {
    let mut paths = Paths::new();
    let mut components = Components::new();
    let mut tags: Vec<String> = Vec::new();
    for endpoint in routes.into_endpoints() {
        let mut operation =
            Operation::new(endpoint.method.clone(), endpoint.id, endpoint.path, endpoint.summary);
        (endpoint.describe)(&mut operation);
        let method = match endpoint.method {
            Method::POST => HttpMethod::Post,
            Method::PUT => HttpMethod::Put,
            Method::DELETE => HttpMethod::Delete,
            _ => HttpMethod::Get,
        };
        if !tags.iter().any(|tag| tag == operation.tag()) {
            tags.push(operation.tag().to_owned());
        }
        let (operation, mut schemas) = operation.build();
        for (_, schema) in &mut schemas {
            require_nullable(schema);
        }
        components.schemas.extend(schemas);
        let item = PathItem::new(method, operation);
        match paths.paths.get_mut(endpoint.path) {
            Some(known) => known.merge_operations(item),
            None => {
                paths.paths.insert(endpoint.path.to_owned(), item);
            }
        }
    }
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
         `{\"status\": \"success\", \"data\": …}`; errors carry a stable `code` and name every invalid field."
            .to_owned(),
    );
    document.components = Some(components);
    document.tags = Some(tags.into_iter().map(Tag::new).collect());
    document
}

/// The served document. Application data: the function that builds it, so that it is built on first
/// use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document(pub(crate) fn() -> &'static str);

impl Responder for Document {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().content_type("application/json").body((self.0)())
    }
}

impl Describe for Document {
    fn describe(operation: &mut Operation) {
        operation.bare(200, object().into());
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
        HttpResponse::Found().insert_header(("Location", "/docs/")).finish()
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
    let settings = utoipa_swagger_ui::Config::from("/api/openapi.json");
    config.service(utoipa_swagger_ui::SwaggerUi::new("/docs/{_:.*}").config(settings));
}
