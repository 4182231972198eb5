//! Success responses and their envelope.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError,
    http::{Method, StatusCode},
};
use inspection_domain::{
    message::Message,
    page::{Counting, Known, Page},
    text::Language,
    translations::{Slot, Translated},
    versions::Version,
    warning::Warning,
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, Ref, RefOr, Schema},
};

use super::{
    cursors,
    entity_tags::{Versioned, tagged},
    openapi::{Describe, Operation},
    problem::Problem,
    request_context,
};

/// A response with a JSON body, which is rendered where its data is.
pub(crate) trait Render {
    /// HTTP status.
    fn status(&self) -> u16;

    /// The body; its message is in this language.
    fn body(&self, language: Language) -> serde_json::Result<String>;

    /// The version of the resource that the response shows.
    fn version(&self) -> Option<&Version> {
        None
    }

    /// Adds the warnings of the unit of work. A response without a place for them drops them.
    fn warn(&mut self, warnings: Vec<Warning>) {
        drop(warnings);
    }
}

/// A message in the language of the reader.
fn in_language(message: &'static str, language: Language) -> String {
    Message::from(message).in_language(language).into_owned()
}

/// Sends a response; one to a read has a tag.
fn respond(request: &HttpRequest, reply: &impl Render) -> HttpResponse {
    match (StatusCode::from_u16(reply.status()), reply.body(request_context::language())) {
        (Ok(StatusCode::OK), Ok(body)) if matches!(*request.method(), Method::GET | Method::HEAD) => {
            tagged(request, reply.version(), body)
        }
        (Ok(status), Ok(body)) => HttpResponse::build(status).content_type("application/json").body(body),
        (Err(error), _) => Problem::internal(error).error_response(),
        (_, Err(error)) => Problem::internal(error).error_response(),
    }
}

/// `{"status": "success", "data": …, "message": …, "warnings": …}`; `STATUS` is the HTTP status.
#[derive(Debug)]
pub(crate) struct Reply<T, const STATUS: u16 = 200> {
    data: T,
    version: Option<Version>,
    message: Option<&'static str>,
    warnings: Vec<Warning>,
}

impl<T, const STATUS: u16> Reply<T, STATUS> {
    /// A response without a message.
    pub(crate) fn new(data: T) -> Self {
        Self { data, version: None, message: None, warnings: Vec::new() }
    }

    /// A response that shows a version of a resource.
    pub(crate) fn versioned(Versioned { version, view }: Versioned<T>) -> Self {
        Self { data: view, version: Some(version), message: None, warnings: Vec::new() }
    }

    /// A response with a message for people.
    pub(crate) fn with(data: T, message: &'static str) -> Self {
        Self { data, version: None, message: Some(message), warnings: Vec::new() }
    }
}

/// The response to a request that created an object.
pub(crate) type Created<T> = Reply<T, 201>;

#[derive(Serialize)]
struct Envelope<'a, T> {
    status: &'static str,
    data: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

impl<T: Serialize, const STATUS: u16> Render for Reply<T, STATUS> {
    fn status(&self) -> u16 {
        STATUS
    }

    fn body(&self, language: Language) -> serde_json::Result<String> {
        let message = self.message.map(|text| in_language(text, language));
        let warnings = self.warnings.iter().map(|warning| warning.in_language(language)).collect();
        serde_json::to_string(&Envelope { status: "success", data: &self.data, message, warnings })
    }

    fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    fn warn(&mut self, warnings: Vec<Warning>) {
        self.warnings = warnings;
    }
}

impl<T: Serialize, const STATUS: u16> Responder for Reply<T, STATUS> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        respond(request, &self)
    }
}

impl<T: Translated, const STATUS: u16> Translated for Reply<T, STATUS> {
    fn texts(&mut self, visit: &mut dyn FnMut(Slot<'_>)) {
        self.data.texts(visit);
    }
}

impl<T: ToSchema, const STATUS: u16> Describe for Reply<T, STATUS> {
    fn describe(operation: &mut Operation) {
        operation.reply::<T>(STATUS);
        operation.entity_tag();
    }
}

/// A created object (201) or an existing one (200).
#[derive(Debug)]
pub(crate) struct FoundOrCreated<T> {
    /// The object.
    pub(crate) data: T,
    /// Whether the request created the object.
    pub(crate) is_new: bool,
}

impl<T: Translated> Translated for FoundOrCreated<T> {
    fn texts(&mut self, visit: &mut dyn FnMut(Slot<'_>)) {
        self.data.texts(visit);
    }
}

/// A value without translatable text, or one that is not part of the response.
#[derive(Debug)]
pub(crate) struct Plain<T>(pub(crate) T);

impl<T> Translated for Plain<T> {
    fn texts(&mut self, _: &mut dyn FnMut(Slot<'_>)) {}
}

impl<T: Serialize> Render for FoundOrCreated<T> {
    fn status(&self) -> u16 {
        if self.is_new { 201 } else { 200 }
    }

    fn body(&self, _: Language) -> serde_json::Result<String> {
        serde_json::to_string(&Envelope {
            status: "success",
            data: &self.data,
            message: None,
            warnings: Vec::new(),
        })
    }
}

impl<T: ToSchema> Describe for FoundOrCreated<T> {
    fn describe(operation: &mut Operation) {
        Reply::<T, 200>::describe(operation);
        Reply::<T, 201>::describe(operation);
    }
}

/// A response without data: the message only.
#[derive(Debug)]
pub(crate) struct Done(pub(crate) &'static str);

#[derive(Serialize)]
struct DoneBody {
    status: &'static str,
    data: Option<()>,
    message: String,
}

impl Render for Done {
    fn status(&self) -> u16 {
        200
    }

    fn body(&self, language: Language) -> serde_json::Result<String> {
        let message = in_language(self.0, language);
        serde_json::to_string(&DoneBody { status: "success", data: None, message })
    }
}

impl Responder for Done {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        respond(request, &self)
    }
}

impl Translated for Done {
    fn texts(&mut self, _: &mut dyn FnMut(Slot<'_>)) {}
}

impl Describe for Done {
    fn describe(operation: &mut Operation) {
        operation.message();
    }
}

/// Position of a page in its list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pagination {
    /// Page number, from 1.
    #[schema(value_type = i64, minimum = 1)]
    page: u32,
    /// Maximum number of elements on a page.
    per_page: u32,
    /// Number of elements on all pages, exact up to 10,000; null with `count=none`.
    total: Option<i64>,
    /// Number of pages; null with `count=none`.
    pages: Option<i64>,
    /// Whether a next page exists.
    has_next: bool,
    /// Whether a previous page exists.
    has_prev: bool,
    /// The parameter `cursor` of the next page; null on the last page.
    next_cursor: Option<String>,
    /// Whether `total` is exact: false if it is an estimate, or null.
    total_is_exact: bool,
}

impl Pagination {
    /// Position of a page in the list that the request reads.
    pub(crate) fn new<T>(request: &HttpRequest, page: &Page<T>) -> Self {
        let is_counted = page.known != Known::Not && page.request.count != Some(Counting::None);
        Self {
            page: page.request.page,
            per_page: page.request.per_page,
            total: is_counted.then_some(page.total),
            pages: is_counted.then(|| page.pages()),
            has_next: page.next.is_some(),
            has_prev: page.request.page > 1,
            next_cursor: page.next.as_ref().and_then(|next| cursors::sign(request, next)),
            total_is_exact: is_counted && page.known == Known::Exactly,
        }
    }
}

/// A page of a list: `data` and `pagination`.
#[derive(Debug)]
pub(crate) struct Paged<T>(pub(crate) Page<T>);

#[derive(Serialize)]
struct PagedEnvelope<'a, T> {
    status: &'static str,
    data: &'a [T],
    pagination: Pagination,
}

impl<T: Serialize> Responder for Paged<T> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let pagination = Pagination::new(request, &self.0);
        Bare(PagedEnvelope { status: "success", data: &self.0.items, pagination }).respond_to(request)
    }
}

impl<T: ToSchema> Describe for Paged<T> {
    fn describe(operation: &mut Operation) {
        operation.page::<T, Pagination>();
        operation.entity_tag();
    }
}

/// A complete list as the data of a response.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Complete<T>(pub(crate) Vec<T>);

impl<T: Translated> Translated for Complete<T> {
    fn texts(&mut self, visit: &mut dyn FnMut(Slot<'_>)) {
        self.0.texts(visit);
    }
}

impl<T: ToSchema> PartialSchema for Complete<T> {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(Ref::from_schema_name(T::name())).into()
    }
}

impl<T: ToSchema> ToSchema for Complete<T> {
    fn name() -> Cow<'static, str> {
        format!("{}List", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
        schemas.push((T::name().into_owned(), T::schema()));
    }
}

/// A body without the envelope, for compatibility with existing clients.
#[derive(Debug)]
pub(crate) struct Bare<T>(pub(crate) T);

impl<T: Serialize> Render for Bare<T> {
    fn status(&self) -> u16 {
        200
    }

    fn body(&self, _: Language) -> serde_json::Result<String> {
        serde_json::to_string(&self.0)
    }
}

impl<T: Serialize> Responder for Bare<T> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        respond(request, &self)
    }
}

impl<T: Translated> Translated for Bare<T> {
    fn texts(&mut self, visit: &mut dyn FnMut(Slot<'_>)) {
        self.0.texts(visit);
    }
}

impl<T: ToSchema> Describe for Bare<T> {
    fn describe(operation: &mut Operation) {
        operation.bare_read::<T>();
    }
}
