//! OpenAPI operations, derived from the types in the signatures of handlers.

use std::collections::{BTreeMap, VecDeque};

use actix_web::http::Method;
use inspection_auth::permissions::PermissionRow;
use inspection_domain::{
    input::{FieldDoc, Scalar},
    text::Language,
};
use utoipa::{
    ToSchema,
    openapi::{
        AllOfBuilder, ArrayBuilder, Content, Deprecated, Header, ObjectBuilder, Ref, RefOr, Required,
        Response, ResponseBuilder, Schema, SecurityRequirement,
        path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::{RequestBody, RequestBodyBuilder},
        schema::Type,
    },
};

use super::problem::ErrorBody;

/// A type in a handler's signature that contributes to the operation.
pub(crate) trait Describe {
    /// Adds its contribution.
    fn describe(operation: &mut Operation);
}

type AnySchema = RefOr<Schema>;

/// The document's description of one endpoint.
pub(crate) struct Operation {
    method: Method,
    id: String,
    tag: String,
    summary: String,
    path_names: VecDeque<String>,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    responses: BTreeMap<String, Response>,
    permission: Option<&'static str>,
    security: Option<&'static str>,
    schemas: Vec<(String, AnySchema)>,
}

pub(crate) fn object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

fn constant(text: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some([text]))
}

impl Operation {
    /// An operation with the id `feature.action`; the feature is its tag.
    pub(crate) fn new(method: Method, id: &str, path: &str, summary: &str) -> Self {
        let tag = id.split_once('.').map_or(id, |(feature, _)| feature);
        let path_names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        Self {
            method,
            id: id.to_owned(),
            tag: tag.to_owned(),
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

    /// The tag of the operation.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    pub(crate) fn is_public(&mut self) {
        self.security = None;
    }

    pub(crate) fn requires(&mut self, row: PermissionRow) {
        let roles: Vec<_> = row.roles.iter().map(|role| role.as_str()).collect();
        self.summary += &format!(" ({})", roles.join(", "));
        self.permission = Some(row.name);
        self.security = Some("access_token");
        let lang = <Language as Scalar>::schema();
        self.parameter("lang", ParameterIn::Query, false, "Language of the texts in the response.", lang);
        self.error(401, "The access token is missing, invalid, expired or revoked.");
        self.error(403, "The user's role does not permit this operation, or not on this object.");
    }

    pub(crate) fn requires_refresh_token(&mut self) {
        self.security = Some("refresh_token");
        self.error(401, "The refresh token is missing, invalid, expired or revoked.");
    }

    fn parameter(&mut self, name: &str, location: ParameterIn, required: bool, doc: &str, schema: AnySchema) {
        self.parameters.push(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(location)
                .required(if required { Required::True } else { Required::False })
                .description((!doc.is_empty()).then_some(doc))
                .schema(Some(schema))
                .build(),
        );
    }

    pub(crate) fn path_parameter(&mut self, schema: AnySchema) {
        let name = self.path_names.pop_front().unwrap_or_default();
        self.parameter(&name, ParameterIn::Path, true, "", schema);
        self.error(400, "The input is invalid, or a rule forbids the operation.");
        self.error(404, "The object does not exist.");
    }

    pub(crate) fn query_parameters(&mut self, fields: Vec<FieldDoc>) {
        for field in fields {
            for alias in &field.aliases {
                let doc = format!("Another name of `{}`.", field.name);
                self.parameter(alias, ParameterIn::Query, false, &doc, field.schema.clone());
                if let Some(parameter) = self.parameters.last_mut() {
                    parameter.deprecated = Some(Deprecated::True);
                }
            }
            self.parameter(field.name, ParameterIn::Query, field.required, &field.doc, field.schema);
        }
        self.error(400, "The input is invalid, or a rule forbids the operation.");
    }

    pub(crate) fn body(&mut self, schema: AnySchema, required: bool) {
        let content = Content::new(Some(schema));
        let required = if required { Required::True } else { Required::False };
        self.body = Some(
            RequestBodyBuilder::new().content("application/json", content).required(Some(required)).build(),
        );
        self.error(400, "The input is invalid, or a rule forbids the operation.");
        self.error(409, "A concurrent update or a rule prevents the operation; retrying may succeed.");
        self.error(413, "The body is too large.");
        self.error(415, "The body is not JSON.");
    }

    /// A multipart form: one file in this field, or several, and further fields.
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
        self.error(400, "A file is refused, or a field is invalid.");
        self.error(413, "A file is too large.");
        self.error(415, "The body is not a multipart form.");
        self.error(503, "The file store is unavailable.");
    }

    /// The key of requests that may be sent again. Only requests that are not idempotent anyway
    /// have one.
    pub(crate) fn idempotency_key(&mut self) {
        if self.method == Method::POST {
            self.header(
                "Idempotency-Key",
                "Key of at most 128 characters, chosen by the client. Within a day, a request that is \
                 sent again with its key is answered as the first time, with `Idempotency-Replayed: \
                 true`, and changes nothing.",
            );
        }
    }

    /// The tag of a response to a read, and the request header that names it.
    pub(crate) fn entity_tag(&mut self) {
        if self.method != Method::GET {
            return;
        }
        self.header(
            "If-None-Match",
            "Tags of responses that the client has. Equal content is answered with 304, without a body.",
        );
        let text = ObjectBuilder::new().schema_type(Type::String);
        let mut tag = Header::new(text);
        tag.description = Some("Tag of the response, for `If-None-Match` and `If-Match`.".to_owned());
        if let Some(response) = self.responses.get_mut("200") {
            response.headers.insert("ETag".to_owned(), tag.clone().into());
        }
        let unchanged =
            ResponseBuilder::new().description("The client's copy is current.").header("ETag", tag).build();
        self.responses.insert("304".to_owned(), unchanged);
    }

    /// The request header that names the version of the resource to change.
    pub(crate) fn precondition(&mut self) {
        if self.parameters.iter().any(|parameter| parameter.parameter_in == ParameterIn::Path) {
            self.header(
                "If-Match",
                "Tags of responses to reads of the resource, or `*`. The resource changes only if one of \
                 them shows its present version.",
            );
            self.error(412, "The resource is in another version than the client has seen.");
        }
    }

    /// A request header.
    pub(crate) fn header(&mut self, name: &str, doc: &str) {
        let text = ObjectBuilder::new().schema_type(Type::String).into();
        self.parameter(name, ParameterIn::Header, false, doc, text);
    }

    /// A link token in the query, instead of an access token.
    pub(crate) fn link_token(&mut self) {
        let text = ObjectBuilder::new().schema_type(Type::String).into();
        let doc = "Token of a link to this file; replaces the access token.";
        self.parameter("token", ParameterIn::Query, false, doc, text);
    }

    /// A stream of server-sent events.
    pub(crate) fn events(&mut self) {
        self.text(
            "text/event-stream",
            "Server-sent events: `id` is the number of a notification, `data` the notification as lists \
             show it.",
        );
    }

    /// A body of another text format than JSON.
    pub(crate) fn text(&mut self, content_type: &str, doc: &str) {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let response = ResponseBuilder::new()
            .description(doc)
            .content(content_type, Content::new(Some(Schema::from(text))))
            .build();
        self.responses.insert("200".into(), response);
    }

    /// A file, or a range of it.
    pub(crate) fn bytes(&mut self) {
        for (status, doc) in [("200", "The file."), ("206", "The requested range.")] {
            let bytes =
                ObjectBuilder::new().schema_type(Type::String).content_media_type("application/octet-stream");
            let response = ResponseBuilder::new()
                .description(doc)
                .content("application/octet-stream", Content::new(Some(Schema::from(bytes))))
                .build();
            self.responses.insert(status.into(), response);
        }
        for (status, doc) in
            [("304", "The client's copy is current."), ("416", "The range is not satisfiable.")]
        {
            self.responses.insert(status.into(), ResponseBuilder::new().description(doc).build());
        }
        self.error(503, "The file store is unavailable.");
    }

    /// Adds the schema of a type to the document and refers to it.
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
        let doc = if status == 201 { "Created." } else { "OK." };
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
        self.response(200, "OK.", schema.into());
    }

    /// A body without the envelope, with the tag of a read.
    pub(crate) fn bare_read<T: ToSchema>(&mut self) {
        let body = self.schema::<T>();
        self.bare(200, body);
        self.entity_tag();
    }

    pub(crate) fn bare(&mut self, status: u16, body: AnySchema) {
        self.response(status, "OK.", body);
    }

    /// A redirect.
    pub(crate) fn redirects(&mut self, doc: &str) {
        self.responses.insert("302".to_owned(), ResponseBuilder::new().description(doc).build());
    }

    pub(crate) fn error(&mut self, status: u16, doc: &str) {
        let schema = self.schema::<ErrorBody<'static>>();
        self.response(status, doc, schema);
    }

    /// The operation and the schemas it refers to.
    pub(crate) fn build(self) -> (OperationBuilder, Vec<(String, AnySchema)>) {
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
