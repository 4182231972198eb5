//! OpenAPI operations, derived from the types in the signatures of handlers.

use std::collections::{BTreeMap, VecDeque};

use actix_web::http::Method;
use inspection_auth::permissions::PermissionRow;
use inspection_domain::{
    input::{FieldDoc, Input, Scalar},
    text::Language,
    warning::Warning,
};
use utoipa::{
    ToSchema,
    openapi::{
        ArrayBuilder, Content, ContentBuilder, Deprecated, KnownFormat, ObjectBuilder, Ref, RefOr, Required,
        Response, ResponseBuilder, Schema, SchemaFormat, SecurityRequirement,
        path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::{RequestBody, RequestBodyBuilder},
        schema::{ArrayItems, SchemaType, Type},
    },
};

/// A type in a handler's signature that contributes to the operation.
pub(crate) trait Describe {
    /// Adds its contribution.
    fn describe(operation: &mut Operation);
}

type AnySchema = RefOr<Schema>;

/// The error responses of the API: status, name in the document and meaning. Operations refer to
/// them.
pub(crate) const ERRORS: &[(u16, &str, &str)] = &[
    (400, "BadRequest", "The input is invalid, or a rule forbids the operation."),
    (401, "Unauthorized", "The token is missing, invalid, expired or revoked, or the credentials are wrong."),
    (403, "Forbidden", "The user's role does not permit this operation, or not on this object."),
    (404, "NotFound", "The object, or one that the input refers to, does not exist or is not visible."),
    (409, "Conflict", "A concurrent update prevents the operation; retrying may succeed."),
    (412, "PreconditionFailed", "The resource is in another version than the client has seen."),
    (413, "PayloadTooLarge", "The body, or a file in it, is too large."),
    (415, "UnsupportedMediaType", "The body is not of the type that the operation takes."),
    (429, "TooManyRequests", "The client has sent too many requests."),
    (500, "InternalError", "A defect of the service. The log has its cause under the request id."),
    (503, "Unavailable", "The database, the file store or another dependency is unavailable, or busy."),
];

/// Headers of every response, and of those to requests with an idempotency key.
const HEADERS: &[&str] = &["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-Request-Id"];
const REPLAYED: &str = "Idempotency-Replayed";

/// The document's description of one endpoint.
pub(crate) struct Operation {
    method: Method,
    id: String,
    tag: String,
    summary: String,
    path_names: VecDeque<String>,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    responses: BTreeMap<String, RefOr<Response>>,
    /// Whether requests may have an idempotency key.
    is_keyed: bool,
    permission: Option<&'static str>,
    security: Option<&'static str>,
    /// Schemas of responses.
    schemas: Vec<(String, AnySchema)>,
    /// Schemas of bodies.
    inputs: Vec<(String, AnySchema)>,
}

pub(crate) fn object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

/// Bytes. Generators of clients recognize them by the format.
fn binary(content_type: &str) -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).content_media_type(content_type)
}

fn constant(text: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some([text]))
}

/// Marks the properties that may be null as required. A property that may be missing is never null.
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

/// Whether an input refers to an object by its id, which may not exist.
fn has_id(schema: &AnySchema) -> bool {
    let is_id = SchemaFormat::KnownFormat(KnownFormat::Int64);
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let is_positive = object.minimum == Some(1_i32.into());
            object.format.as_ref() == Some(&is_id) && is_positive || object.properties.values().any(has_id)
        }
        RefOr::T(Schema::Array(array)) => match &array.items {
            ArrayItems::RefOrSchema(element) => has_id(element),
            ArrayItems::False => false,
        },
        RefOr::T(Schema::AllOf(all)) => all.items.iter().any(has_id),
        RefOr::T(Schema::OneOf(one)) => one.items.iter().any(has_id),
        RefOr::T(Schema::AnyOf(any)) => any.items.iter().any(has_id),
        // An item of offline work, which may refer to any object.
        _ => true,
    }
}

/// The name of a view in the names of its responses.
fn noun(name: &str) -> &str {
    name.strip_suffix("View").unwrap_or(name)
}

impl Operation {
    /// An operation with the id `feature.action`; the feature is its tag.
    pub(crate) fn new(method: Method, id: &str, path: &str, summary: &str) -> Self {
        let tag = id.split_once('.').map_or(id, |(feature, _)| feature);
        let path_names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let mut operation = Self {
            method,
            id: id.to_owned(),
            tag: tag.to_owned(),
            summary: summary.to_owned(),
            path_names: path_names.map(ToOwned::to_owned).collect(),
            parameters: Vec::new(),
            body: None,
            responses: BTreeMap::new(),
            is_keyed: false,
            permission: None,
            security: None,
            schemas: Vec::new(),
            inputs: Vec::new(),
        };
        operation.errors(&[429, 500, 503]);
        operation.language();
        operation
    }

    pub(crate) fn is_public(&mut self) {
        self.security = None;
    }

    pub(crate) fn requires(&mut self, row: PermissionRow) {
        let roles: Vec<_> = row.roles.iter().map(|role| role.as_str()).collect();
        self.summary += &format!(" ({})", roles.join(", "));
        self.permission = Some(row.name);
        self.security = Some("access_token");
        self.errors(&[401, 403]);
        if self.method != Method::GET {
            self.errors(&[409]);
        }
    }

    pub(crate) fn requires_refresh_token(&mut self) {
        self.security = Some("refresh_token");
        self.errors(&[401]);
    }

    /// The language of texts, which requests without authorization may name, too.
    fn language(&mut self) {
        let lang = <Language as Scalar>::schema();
        self.parameter("lang", ParameterIn::Query, false, "Language of the texts in the response.", lang);
        self.errors(&[400]);
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
        self.errors(&[400, 404]);
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
        self.errors(&[400]);
    }

    /// A JSON body, with an example.
    pub(crate) fn body<T: Input>(&mut self) {
        let is_required = T::fields().iter().any(|field| field.required);
        let schema = T::schema();
        if has_id(&schema) {
            self.errors(&[404]);
        }
        self.inputs.push((T::NAME.to_owned(), schema));
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(T::NAME)))
            .example(Some(T::example()))
            .build();
        let required = if is_required { Required::True } else { Required::False };
        self.body = Some(
            RequestBodyBuilder::new().content("application/json", content).required(Some(required)).build(),
        );
        self.errors(&[400, 413, 415]);
    }

    /// A multipart form: one file in this field, or several, and further fields.
    pub(crate) fn form<T: Input>(&mut self, name: &str, field: &str, several: bool) {
        let file = binary("application/octet-stream");
        let files: AnySchema = if several {
            ArrayBuilder::new().items(file).min_items(Some(1)).max_items(Some(10)).into()
        } else {
            file.into()
        };
        let mut schema = object().property(field, files).required(field);
        for field in T::fields() {
            schema = schema.property(field.name, field.schema);
        }
        self.inputs.push((name.to_owned(), schema.into()));
        let mut example = T::example();
        if let Some(fields) = example.as_object_mut() {
            let photo = serde_json::Value::from("the bytes of a photo");
            fields.insert(field.to_owned(), if several { vec![photo].into() } else { photo });
        }
        let content =
            ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).example(Some(example)).build();
        self.body = Some(
            RequestBodyBuilder::new()
                .content("multipart/form-data", content)
                .required(Some(Required::True))
                .build(),
        );
        self.errors(&[400, 404, 413, 415]);
    }

    /// The key of requests that may be sent again. Only requests that are not idempotent anyway
    /// have one.
    pub(crate) fn idempotency_key(&mut self) {
        if self.method == Method::POST {
            let key = ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(130))
                .pattern(Some("^[!-~]{1,130}$"));
            let doc = "Key of at most 128 characters, chosen by the client, bare or in double quotes. \
                       Within a day, a request that is sent again with its key is answered as the first \
                       time, with `Idempotency-Replayed: true`, and changes nothing.";
            self.parameter("Idempotency-Key", ParameterIn::Header, false, doc, key.into());
            self.is_keyed = true;
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
        if let Some(RefOr::T(response)) = self.responses.get_mut("200") {
            response.headers.insert("ETag".to_owned(), RefOr::Ref(header_ref("ETag")));
        }
        let unchanged = self.described("The client's copy is current.");
        self.success("304", unchanged.header_ref("ETag", header_ref("ETag")));
    }

    /// The request header that names the version of the resource to change.
    pub(crate) fn precondition(&mut self) {
        if self.parameters.iter().any(|parameter| parameter.parameter_in == ParameterIn::Path) {
            self.header(
                "If-Match",
                "Tags of responses to reads of the resource, or `*`. The resource changes only if one of \
                 them shows its present version.",
            );
            self.errors(&[412]);
        }
    }

    /// A request header.
    pub(crate) fn header(&mut self, name: &str, doc: &str) {
        let text = ObjectBuilder::new().schema_type(Type::String).into();
        self.parameter(name, ParameterIn::Header, false, doc, text);
    }

    /// An optional query parameter of any text.
    pub(crate) fn query_parameter(&mut self, name: &str, doc: &str) {
        let text = ObjectBuilder::new().schema_type(Type::String).into();
        self.parameter(name, ParameterIn::Query, false, doc, text);
        self.errors(&[400]);
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
        let content = Content::new(Some(Schema::from(text)));
        self.success("200", self.described(doc).content(content_type, content));
    }

    /// A file that the service generates.
    pub(crate) fn generated(&mut self, content_type: &str, doc: &str) {
        let content = Content::new(Some(Schema::from(binary(content_type))));
        let response = self.described(doc).content(content_type, content);
        let name = "Content-Disposition";
        self.success("200", response.header_ref(name, header_ref(name)));
    }

    /// Lets the language of a document be both.
    pub(crate) fn both_languages(&mut self) {
        if let Some(lang) = self.parameters.iter_mut().find(|parameter| parameter.name == "lang") {
            let languages = ["en", "ar", "both"];
            let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(languages));
            lang.schema = Some(schema.into());
            lang.description = Some("Language of the document, or both beside each other.".to_owned());
        }
    }

    /// A file of one of these types, or a range of it.
    pub(crate) fn bytes(&mut self, content_types: &[&str]) {
        for (status, doc) in [("200", "The file."), ("206", "The requested range.")] {
            let mut response = self.described(doc);
            for content_type in content_types {
                let bytes = binary(content_type);
                response = response.content(*content_type, Content::new(Some(Schema::from(bytes))));
            }
            for name in ["Accept-Ranges", "Content-Disposition", "ETag"] {
                response = response.header_ref(name, header_ref(name));
            }
            if status == "206" {
                response = response.header_ref("Content-Range", header_ref("Content-Range"));
            }
            self.success(status, response);
        }
        for (status, doc) in
            [("304", "The client's copy is current."), ("416", "The range is not satisfiable.")]
        {
            let mut response = self.described(doc);
            for name in ["Accept-Ranges", "ETag"] {
                response = response.header_ref(name, header_ref(name));
            }
            if status == "416" {
                response = response.header_ref("Content-Range", header_ref("Content-Range"));
            }
            self.success(status, response);
        }
    }

    /// Adds the schema of a type to the document and refers to it.
    pub(crate) fn schema<T: ToSchema>(&mut self) -> AnySchema {
        T::schemas(&mut self.schemas);
        self.schemas.push((T::name().into_owned(), T::schema()));
        Ref::from_schema_name(T::name()).into()
    }

    /// Adds a schema to the document and refers to it.
    fn named(&mut self, name: String, schema: impl Into<AnySchema>) -> AnySchema {
        let reference = Ref::from_schema_name(&name);
        self.schemas.push((name, schema.into()));
        reference.into()
    }

    fn described(&self, doc: &str) -> ResponseBuilder {
        let mut response = ResponseBuilder::new().description(doc);
        for name in HEADERS.iter().chain(self.is_keyed.then_some(&REPLAYED)) {
            response = response.header_ref(*name, header_ref(name));
        }
        response
    }

    fn success(&mut self, status: &str, response: ResponseBuilder) {
        self.responses.insert(status.to_owned(), response.build().into());
    }

    fn response(&mut self, status: u16, doc: &str, schema: AnySchema) {
        let response = self.described(doc).content("application/json", Content::new(Some(schema)));
        self.success(&status.to_string(), response);
    }

    /// `{"status": "success", "data": …, "message": …, "warnings": …}`.
    pub(crate) fn reply<T: ToSchema>(&mut self, status: u16) {
        let (data, warning) = (self.schema::<T>(), self.schema::<Warning>());
        let envelope = object()
            .property("status", constant("success"))
            .required("status")
            .property("data", data)
            .required("data")
            .property("message", ObjectBuilder::new().schema_type(Type::String))
            .property("warnings", ArrayBuilder::new().items(warning));
        let body = self.named(format!("{}Reply", noun(&T::name())), envelope);
        let doc = if status == 201 { "Created." } else { "OK." };
        self.response(status, doc, body);
    }

    /// `{"status": "success", "data": […], "pagination": …}`.
    pub(crate) fn page<T: ToSchema, P: ToSchema>(&mut self) {
        let (element, pagination) = (self.schema::<T>(), self.schema::<P>());
        let envelope = object()
            .property("status", constant("success"))
            .required("status")
            .property("data", ArrayBuilder::new().items(element))
            .required("data")
            .property("pagination", pagination)
            .required("pagination");
        let body = self.named(format!("{}Page", noun(&T::name())), envelope);
        self.response(200, "OK.", body);
    }

    pub(crate) fn message(&mut self) {
        let envelope = object()
            .property("status", constant("success"))
            .required("status")
            .property("data", ObjectBuilder::new().schema_type(Type::Null))
            .required("data")
            .property("message", ObjectBuilder::new().schema_type(Type::String))
            .required("message");
        let body = self.named("Done".to_owned(), envelope);
        self.response(200, "OK.", body);
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
        let response = self.described(doc).header_ref("Location", header_ref("Location"));
        self.success("302", response);
    }

    /// Error responses, by their statuses in [`ERRORS`].
    pub(crate) fn errors(&mut self, statuses: &[u16]) {
        for (status, name, _) in ERRORS.iter().filter(|(status, ..)| statuses.contains(status)) {
            self.responses.insert(status.to_string(), RefOr::Ref(Ref::from_response_name(*name)));
        }
    }

    /// The operation and the schemas it refers to. A property of a response that may be null is
    /// required: a response has it always.
    pub(crate) fn build(mut self) -> (OperationBuilder, Vec<(String, AnySchema)>) {
        for (_, schema) in &mut self.schemas {
            require_nullable(schema);
        }
        self.schemas.append(&mut self.inputs);
        let mut operation = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(self.tag)
            .summary(Some(self.summary))
            .parameters(Some(self.parameters))
            .request_body(self.body);
        if let Some(permission) = self.permission {
            operation = operation.description(Some(format!("Permission: {permission}.")));
        }
        operation = match self.security {
            Some(scheme) => operation.security(SecurityRequirement::new(scheme, Vec::<String>::new())),
            // Explicitly none.
            None => operation.securities(Some(Vec::<SecurityRequirement>::new())),
        };
        for (status, response) in self.responses {
            operation = operation.response(status, response);
        }
        (operation, self.schemas)
    }
}

fn header_ref(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}
