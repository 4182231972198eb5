//! Components that all operations of the document share: error responses and headers.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{Content, Header, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Schema, schema::Type},
};

use crate::web::{openapi::ERRORS, problem::ErrorBody};

/// Response headers: name, whether a response that declares it always has it, type, and meaning.
const HEADERS: &[(&str, bool, &str, &str)] = &[
    ("Accept-Ranges", true, "string", "`bytes`: ranges of the file can be requested."),
    ("Content-Disposition", true, "string", "The file name, in ASCII and in UTF-8 (RFC 6266)."),
    ("Content-Range", true, "string", "The range that is sent, and the size of the file."),
    ("ETag", true, "string", "Identifies the content."),
    ("Idempotency-Replayed", false, "boolean", "`true` if this is the response to an earlier request."),
    ("Location", true, "string", "The target."),
    ("RateLimit-Limit", false, "integer", "Requests for each minute."),
    ("RateLimit-Remaining", false, "integer", "Requests that remain."),
    ("RateLimit-Reset", false, "integer", "Seconds until all requests are available again."),
    ("Retry-After", true, "integer", "Seconds after which the request may succeed."),
    ("WWW-Authenticate", true, "string", "`Bearer`."),
    ("X-Request-Id", true, "string", "Identifies the request, also in the log of the service."),
];

/// The schemas of error bodies.
pub(super) fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = Vec::new();
    ErrorBody::schemas(&mut schemas);
    schemas.push((ErrorBody::name().into_owned(), <ErrorBody<'_> as utoipa::PartialSchema>::schema()));
    schemas
}

/// The error responses, by their names.
pub(super) fn errors() -> BTreeMap<String, RefOr<Response>> {
    let reference = |name: &str| Ref::new(format!("#/components/headers/{name}"));
    let body = || Content::new(Some(Ref::from_schema_name(ErrorBody::name())));
    let error = |(status, name, doc): &(u16, &str, &str)| {
        let mut response = ResponseBuilder::new().description(*doc).content("application/json", body());
        for name in ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-Request-Id"] {
            response = response.header_ref(name, reference(name));
        }
        response = match status {
            400 | 403 | 404 => response.header_ref("Idempotency-Replayed", reference("Idempotency-Replayed")),
            401 => response.header_ref("WWW-Authenticate", reference("WWW-Authenticate")),
            409 => {
                let mut seconds = Header::new(ObjectBuilder::new().schema_type(Type::Integer));
                seconds.description = Some("Seconds after which the request may succeed.".to_owned());
                response
                    .header("Retry-After", seconds)
                    .header_ref("Idempotency-Replayed", reference("Idempotency-Replayed"))
            }
            429 | 503 => response.header_ref("Retry-After", reference("Retry-After")),
            _ => response,
        };
        ((*name).to_owned(), RefOr::T(response.build()))
    };
    ERRORS.iter().map(error).collect()
}

/// Adds what the types of utoipa lack: headers that are always present, query parameters that may
/// be empty, and deprecated properties of several types.
pub(super) fn complete(document: &mut Value) {
    let headers = HEADERS.iter().map(|(name, is_required, kind, doc)| {
        ((*name).to_owned(), json!({"description": doc, "required": is_required, "schema": {"type": kind}}))
    });
    if let Some(components) = document.pointer_mut("/components").and_then(Value::as_object_mut) {
        components.insert("headers".to_owned(), Value::Object(headers.collect()));
    }
    let paths = document.pointer_mut("/paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flat_map(|paths| paths.values_mut());
    let operations = items.flat_map(|item| item.as_object_mut().into_iter().flatten());
    for (_, operation) in operations {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            // The token of a link is never absent if it is empty.
            let is = |name: &str, value: &str| parameter.get(name).is_some_and(|found| *found == value);
            let is_optional = is("in", "query") && !is("name", "token");
            let is_optional = is_optional && parameter.get("required") == Some(&Value::Bool(false));
            if let Some(parameter) = parameter.as_object_mut().filter(|_| is_optional) {
                parameter.insert("allowEmptyValue".to_owned(), true.into());
            }
        }
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    schemas.into_iter().flat_map(|schemas| schemas.values_mut()).for_each(deprecate_aliases);
}

/// Marks the other names of the fields of bodies as deprecated, at any depth. Their values are
/// free: they count only where the field itself has none.
fn deprecate_aliases(schema: &mut Value) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(|all| all.values_mut()) {
        let doc = property.get("description").and_then(Value::as_str);
        let is_alias = doc.is_some_and(|doc| doc.starts_with("Another name of `"));
        if let Some(property) = property.as_object_mut().filter(|_| is_alias) {
            property.retain(|keyword, _| keyword == "description");
            property.insert("deprecated".to_owned(), true.into());
        }
        deprecate_aliases(property);
    }
    if let Some(element) = schema.get_mut("items") {
        deprecate_aliases(element);
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let parts = schema.get_mut(keyword).and_then(Value::as_array_mut);
        parts.into_iter().flatten().for_each(deprecate_aliases);
    }
}
