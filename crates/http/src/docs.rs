//! The OpenAPI document, put together from the types of the handlers, and the page to browse it.

use std::collections::{BTreeMap, VecDeque};

use actix_web::{HttpRequest, HttpResponse, Responder, http::Method, web::ServiceConfig};
use inspection_auth::permissions::PermissionRow;
use inspection_domain::input::FieldDoc;
use utoipa::{
    ToSchema,
    openapi::{
        AllOfBuilder, ArrayBuilder, Components, Content, HttpMethod, Info, ObjectBuilder, OpenApi, Paths,
        Ref, RefOr, Required, Response, ResponseBuilder, Schema, SecurityRequirement,
        path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem},
        request_body::RequestBodyBuilder,
        schema::Type,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::Tag,
    },
};

use crate::{
    app::App,
    extract::Public,
    problem::{ErrorBody, Problem},
    routes::Routes,
};

/// Something in a handler's signature that the document tells of.
pub(crate) trait Describe {
    /// Tells it.
    fn describe(operation: &mut Operation);
}

type AnySchema = RefOr<Schema>;

/// What the document says of one endpoint.
pub(crate) struct Operation {
    id: String,
    tag: String,
    summary: String,
    path_names: VecDeque<String>,
    parameters: Vec<Parameter>,
    body: Option<utoipa::openapi::request_body::RequestBody>,
    responses: BTreeMap<String, Response>,
    permission: Option<&'static str>,
    security: Option<&'static str>,
    schemas: Vec<(String, AnySchema)>,
}

/// The name of a type as that of a feature.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

fn object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

fn constant(text: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some([text]))
}

impl Operation {
    pub(crate) fn new(handler: &str, path: &str, summary: &str) -> Self {
        // What serves several features is generic: `jobs::start<EngineerJobs>` is `engineer_jobs.start`.
        let (handler, kind) = handler.split_once('<').unwrap_or((handler, ""));
        let mut names = handler.rsplit("::");
        let function = names.next().unwrap_or_default();
        let feature = match kind.trim_end_matches('>').rsplit("::").next() {
            Some(kind) if !kind.is_empty() => snake_case(kind),
            _ => names.next().unwrap_or_default().to_owned(),
        };
        let path_names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        Self {
            id: format!("{feature}.{function}"),
            tag: feature,
            summary: summary.to_owned(),
            path_names: path_names.map(ToOwned::to_owned).collect(),
            parameters: Vec::new(),
            body: None,
            responses: BTreeMap::new(),
            permission: None,
            security: None,
            schemas: Vec::new(),
        }
    }

    pub(crate) fn is_public(&mut self) {
        self.security = None;
    }

    pub(crate) fn needs(&mut self, row: PermissionRow) {
        let roles: Vec<_> = row.roles.iter().map(|role| role.as_str()).collect();
        self.summary += &format!(" ({})", roles.join(", "));
        self.permission = Some(row.name);
        self.security = Some("access_token");
        let lang = <inspection_domain::text::Language as inspection_domain::input::Scalar>::schema();
        self.parameter("lang", ParameterIn::Query, false, "Language of the texts in the answer.", lang);
        self.error(401, "Nobody is signed in, or not any more.");
        self.error(403, "Your role may not do this, or not to this object.");
    }

    pub(crate) fn needs_refresh_token(&mut self) {
        self.security = Some("refresh_token");
        self.error(401, "The refresh token is no good.");
    }

    fn parameter(&mut self, name: &str, place: ParameterIn, required: bool, doc: &str, schema: AnySchema) {
        self.parameters.push(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(place)
                .required(if required { Required::True } else { Required::False })
                .description((!doc.is_empty()).then_some(doc))
                .schema(Some(schema))
                .build(),
        );
    }

    pub(crate) fn path_parameter(&mut self, schema: AnySchema) {
        let name = self.path_names.pop_front().unwrap_or_default();
        self.parameter(&name, ParameterIn::Path, true, "", schema);
        self.error(400, "The input is not valid, or a rule forbids it.");
        self.error(404, "There is no such object.");
    }

    pub(crate) fn query_parameters(&mut self, fields: Vec<FieldDoc>) {
        for field in fields {
            self.parameter(field.name, ParameterIn::Query, field.required, &field.doc, field.schema);
        }
        self.error(400, "The input is not valid, or a rule forbids it.");
    }

    pub(crate) fn body(&mut self, schema: AnySchema, required: bool) {
        let content = Content::new(Some(schema));
        let required = if required { Required::True } else { Required::False };
        self.body = Some(
            RequestBodyBuilder::new().content("application/json", content).required(Some(required)).build(),
        );
        self.error(400, "The input is not valid, or a rule forbids it.");
        self.error(409, "Somebody else was faster; trying again may work.");
        self.error(413, "The body is too large.");
        self.error(415, "The body is not JSON.");
    }

    /// A form with one file in this field, or with several, and further fields.
    pub(crate) fn form(&mut self, field: &str, several: bool, fields: AnySchema) {
        let file =
            ObjectBuilder::new().schema_type(Type::String).content_media_type("application/octet-stream");
        let files: AnySchema =
            if several { ArrayBuilder::new().items(file).max_items(Some(10)).into() } else { file.into() };
        let with_files = object().property(field, files).required(field);
        let schema = AllOfBuilder::new().item(with_files).item(fields);
        let content = Content::new(Some(Schema::from(schema)));
        self.body = Some(
            RequestBodyBuilder::new()
                .content("multipart/form-data", content)
                .required(Some(Required::True))
                .build(),
        );
        self.error(400, "A file is not taken, or a field is not valid.");
        self.error(413, "A file is too large.");
        self.error(415, "The body is not a form.");
        self.error(503, "Files can't be stored right now.");
    }

    /// A header of the request.
    pub(crate) fn header(&mut self, name: &str, doc: &str) {
        let text = ObjectBuilder::new().schema_type(Type::String).into();
        self.parameter(name, ParameterIn::Header, false, doc, text);
    }

    /// A signature in the query, instead of an access token.
    pub(crate) fn link_token(&mut self) {
        let text = ObjectBuilder::new().schema_type(Type::String).into();
        let doc = "From a link to this file; no access token is needed then.";
        self.parameter("token", ParameterIn::Query, false, doc, text);
    }

    /// A stream of events.
    pub(crate) fn events(&mut self) {
        self.text(
            "text/event-stream",
            "Events: each has the number of a notification as its id, and the notification, as lists show it, as its data.",
        );
    }

    /// Text that isn't JSON.
    pub(crate) fn text(&mut self, content_type: &str, doc: &str) {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let response = ResponseBuilder::new()
            .description(doc)
            .content(content_type, Content::new(Some(Schema::from(text))))
            .build();
        self.responses.insert("200".into(), response);
    }

    /// The bytes of a file.
    pub(crate) fn bytes(&mut self) {
        for (status, doc) in [("200", "The bytes."), ("206", "The part that was asked for.")] {
            let bytes =
                ObjectBuilder::new().schema_type(Type::String).content_media_type("application/octet-stream");
            let response = ResponseBuilder::new()
                .description(doc)
                .content("application/octet-stream", Content::new(Some(Schema::from(bytes))))
                .build();
            self.responses.insert(status.into(), response);
        }
        for (status, doc) in [("304", "The client has it already."), ("416", "There is no such part.")] {
            self.responses.insert(status.into(), ResponseBuilder::new().description(doc).build());
        }
        self.error(503, "Files can't be read right now.");
    }

    /// A reference to the schema of a type, which goes into the document.
    pub(crate) fn schema<T: ToSchema>(&mut self) -> AnySchema {
        T::schemas(&mut self.schemas);
        self.schemas.push((T::name().into_owned(), T::schema()));
        Ref::from_schema_name(T::name()).into()
    }

    pub(crate) fn list<T: ToSchema>(&mut self) -> AnySchema {
        let element = self.schema::<T>();
        ArrayBuilder::new().items(element).into()
    }

    fn response(&mut self, status: u16, doc: &str, schema: AnySchema) {
        let response = ResponseBuilder::new()
            .description(doc)
            .content("application/json", Content::new(Some(schema)))
            .build();
        self.responses.insert(status.to_string(), response);
    }

    pub(crate) fn envelope(&mut self, status: u16, data: AnySchema, pagination: Option<AnySchema>) {
        let mut schema = object().property("status", constant("success")).required("status");
        schema = schema.property("data", data).required("data");
        schema = match pagination {
            Some(pagination) => schema.property("pagination", pagination).required("pagination"),
            None => schema.property("message", ObjectBuilder::new().schema_type(Type::String)),
        };
        let doc = if status == 201 { "Made." } else { "Done." };
        self.response(status, doc, schema.into());
    }

    pub(crate) fn message(&mut self) {
        let schema = object()
            .property("status", constant("success"))
            .required("status")
            .property("data", ObjectBuilder::new().schema_type(Type::Null))
            .required("data")
            .property("message", ObjectBuilder::new().schema_type(Type::String))
            .required("message");
        self.response(200, "Done.", schema.into());
    }

    pub(crate) fn bare(&mut self, status: u16, body: AnySchema) {
        self.response(status, "Done.", body);
    }

    pub(crate) fn error(&mut self, status: u16, doc: &str) {
        let schema = self.schema::<ErrorBody<'static>>();
        self.response(status, doc, schema);
    }

    fn build(self) -> (OperationBuilder, Vec<(String, AnySchema)>) {
        let mut operation = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(self.tag)
            .summary(Some(self.summary))
            .parameters(Some(self.parameters))
            .request_body(self.body);
        if let Some(permission) = self.permission {
            operation = operation.description(Some(format!("Permission: {permission}.")));
        }
        if let Some(scheme) = self.security {
            operation = operation.security(SecurityRequirement::new(scheme, Vec::<String>::new()));
        }
        for (status, response) in self.responses {
            operation = operation.response(status, response);
        }
        (operation, self.schemas)
    }
}

/// The document of these endpoints.
pub(crate) fn document(routes: Routes) -> OpenApi {
    let mut paths = Paths::new();
    let mut components = Components::new();
    let mut tags: Vec<String> = Vec::new();
    for endpoint in routes.operations {
        let mut operation = Operation::new(endpoint.handler, endpoint.path, endpoint.summary);
        (endpoint.describe)(&mut operation);
        let method = match endpoint.method {
            Method::POST => HttpMethod::Post,
            Method::PUT => HttpMethod::Put,
            Method::DELETE => HttpMethod::Delete,
            _ => HttpMethod::Get,
        };
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag.clone());
        }
        let (operation, schemas) = operation.build();
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
        [("access_token", "From signing in."), ("refresh_token", "The refresh token from signing in.")]
    {
        let scheme =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(doc));
        components.security_schemes.insert(name.to_owned(), RefOr::T(SecurityScheme::Http(scheme.build())));
    }
    let mut document = OpenApi::new(Info::new("Inspection service", env!("CARGO_PKG_VERSION")), paths);
    document.info.description = Some(
        "Inspections, defects and repairs of an industrial site. Answers are `{\"status\": \"success\", \"data\": …}`; errors \
         carry a stable `code` and name every wrong field."
            .to_owned(),
    );
    document.components = Some(components);
    document.tags = Some(tags.into_iter().map(Tag::new).collect());
    document
}

/// The document, as it is.
#[derive(Debug)]
pub(crate) struct Document(&'static str);

impl Responder for Document {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().content_type("application/json").body(self.0)
    }
}

impl Describe for Document {
    fn describe(operation: &mut Operation) {
        operation.bare(200, object().into());
    }
}

async fn openapi(_: App, _: Public) -> Result<Document, Problem> {
    Ok(Document(crate::openapi()))
}

/// Leads to the page.
#[derive(Debug)]
pub(crate) struct ToPage;

impl Responder for ToPage {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Found().insert_header(("Location", "/docs/")).finish()
    }
}

impl Describe for ToPage {
    fn describe(operation: &mut Operation) {
        operation.leads_to("The page to browse this document.");
    }
}

async fn docs(_: App, _: Public) -> Result<ToPage, Problem> {
    Ok(ToPage)
}

impl Operation {
    fn leads_to(&mut self, doc: &str) {
        self.responses.insert("302".to_owned(), ResponseBuilder::new().description(doc).build());
    }
}

/// Endpoints of the documentation.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/openapi.json", openapi, "This document");
    routes.get("/docs", docs, "A page to browse this document");
}

/// The page itself, with its scripts and styles, none of which come from another host.
pub(crate) fn page(config: &mut ServiceConfig) {
    let settings = utoipa_swagger_ui::Config::from("/api/openapi.json");
    config.service(utoipa_swagger_ui::SwaggerUi::new("/docs/{_:.*}").config(settings));
}
