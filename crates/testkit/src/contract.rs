//! The contract of the API: checks requests and responses against its OpenAPI document.

mod schema;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use self::schema::{Checker, resolve, shortened};

/// Response headers that belong to the contract: no response has one that is not declared.
const CONTRACT_HEADERS: &[&str] = &[
    "accept-ranges",
    "allow",
    "content-disposition",
    "content-range",
    "deprecation",
    "etag",
    "idempotency-replayed",
    "link",
    "location",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "sunset",
    "www-authenticate",
    "x-request-id",
];

/// The OpenAPI document of a service, which its clients hold it to.
#[derive(Debug)]
pub struct Contract {
    document: Value,
}

/// A request as sent.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Method.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Content type and body.
    pub body: Option<(&'a str, &'a [u8])>,
}

/// A response as received.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// Status code.
    pub status: u16,
    /// Headers, with lower-case names.
    pub headers: &'a [(String, String)],
    /// Body.
    pub bytes: &'a [u8],
}

impl Response<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> String {
        shortened(&String::from_utf8_lossy(self.bytes))
    }
}

impl Contract {
    /// The contract that a document describes.
    pub const fn new(document: Value) -> Self {
        Self { document }
    }

    /// The deviations of a response, and of a request that succeeded, from the document. Each names
    /// the operation, the status and the position in the body.
    pub fn violations(&self, request: &Request<'_>, response: &Response<'_>) -> Vec<String> {
        // The redirect to HTTPS precedes every operation, and so do preflight requests.
        if response.status == 308 || request.method == "OPTIONS" {
            return Vec::new();
        }
        let path = request.path.split('?').next().unwrap_or_default();
        let mut found = Vec::new();
        let name = if let Some((name, operation)) = self.operation(request.method, path) {
            self.check_response(operation, request.method, response, &mut found);
            if response.status < 300 {
                self.check_query(operation, request.path, &mut found);
                self.check_body(operation, request.body, &mut found);
            }
            name
        } else {
            self.check_other(path, response, &mut found);
            format!("{} {path}", request.method)
        };
        found.into_iter().map(|violation| format!("{name} {}: {violation}", response.status)).collect()
    }

    /// Whether a read of this path takes a query parameter.
    pub fn takes(&self, path: &str, parameter: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        self.operation("GET", path)
            .is_some_and(|(_, operation)| self.query_names(operation).any(|name| name == parameter))
    }

    /// Names of the query parameters of an operation.
    fn query_names<'a>(&'a self, operation: &'a Value) -> impl Iterator<Item = &'a str> {
        let declared = operation["parameters"].as_array().into_iter().flatten();
        let declared = declared.map(|parameter| resolve(&self.document, parameter));
        declared
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
    }

    /// The operation of a request, with its method and path template. Of several templates, the one
    /// with the most fixed segments applies.
    fn operation(&self, method: &str, path: &str) -> Option<(String, &Value)> {
        let segments: Vec<&str> = path.split('/').collect();
        let fixed_segments = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            let is_match = |(part, segment): (&&str, &&str)| {
                if part.starts_with('{') {
                    !segment.is_empty()
                } else {
                    percent_decode_str(segment).decode_utf8_lossy() == **part
                }
            };
            let fits = parts.len() == segments.len() && parts.iter().zip(&segments).all(is_match);
            fits.then(|| parts.iter().filter(|part| !part.starts_with('{')).count())
        };
        let templates = self.document["paths"].as_object()?;
        let matching =
            templates.iter().filter_map(|(template, item)| Some((fixed_segments(template)?, template, item)));
        let (_, template, item) = matching.max_by_key(|(fixed, ..)| *fixed)?;
        let known = if method == "HEAD" { "get".to_owned() } else { method.to_ascii_lowercase() };
        Some((format!("{method} {template}"), item.get(known)?))
    }

    fn check_response(
        &self,
        operation: &Value,
        method: &str,
        response: &Response<'_>,
        found: &mut Vec<String>,
    ) {
        let Some(declared) = operation["responses"].get(response.status.to_string()) else {
            found.push(format!("the status is not declared; {}", response.text()));
            return;
        };
        let declared = resolve(&self.document, declared);
        self.check_headers(declared, response, found);
        if method == "HEAD" {
            return;
        }
        let Some(contents) = declared["content"].as_object() else {
            if !response.bytes.is_empty() {
                found.push("a body is not declared".to_owned());
            }
            return;
        };
        let kind = essence(response.header("content-type").unwrap_or_default());
        let Some(content) = contents.get(kind) else {
            found.push(format!("the content type {kind:?} is not declared"));
            return;
        };
        if kind == "application/json" {
            match serde_json::from_slice(response.bytes) {
                Ok(body) => found.extend(self.deviations(&content["schema"], &body)),
                Err(error) => found.push(format!("the body is not JSON: {error}")),
            }
        }
    }

    /// The deviations of a whole body from its schema.
    fn deviations(&self, schema: &Value, body: &Value) -> Vec<String> {
        let mut checker = Checker::closed(&self.document);
        checker.check(schema, body, "");
        checker.into_violations()
    }

    fn check_headers(&self, declared: &Value, response: &Response<'_>, found: &mut Vec<String>) {
        let declared: Vec<(String, &Value)> = declared["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, header)| (name.to_ascii_lowercase(), resolve(&self.document, header)))
            .collect();
        for (name, header) in &declared {
            match response.header(name) {
                Some(text) => {
                    let value = typed(&header["schema"], text);
                    let wrong = self.deviations(&header["schema"], &value);
                    found.extend(wrong.into_iter().map(|wrong| format!("header {name}: {wrong}")));
                }
                None if header["required"] == true => found.push(format!("the header {name} is missing")),
                None => {}
            }
        }
        for (name, _) in response.headers {
            let is_contract = CONTRACT_HEADERS.contains(&name.as_str());
            if is_contract && !declared.iter().any(|(known, _)| known == name) {
                found.push(format!("the header {name} is not declared"));
            }
        }
    }

    /// A request that succeeded was valid: whatever the service takes is documented.
    fn check_body(&self, operation: &Value, sent: Option<(&str, &[u8])>, found: &mut Vec<String>) {
        let body = resolve(&self.document, &operation["requestBody"]);
        let (kind, bytes) = sent.unwrap_or_default();
        if bytes.is_empty() {
            if body["required"] == true {
                found.push("the request needs a body by the document, but not by the service".to_owned());
            }
            return;
        }
        if essence(kind) != "application/json" || body.is_null() {
            return;
        }
        if let Ok(document) = serde_json::from_slice(bytes) {
            let schema = &body["content"]["application/json"]["schema"];
            // The service ignores fields that it does not know.
            let mut checker = Checker::open(&self.document);
            checker.check(schema, &document, "");
            found.extend(checker.into_violations().into_iter().map(|wrong| format!("request body {wrong}")));
        }
    }

    /// The parameters of a request that succeeded are documented.
    fn check_query(&self, operation: &Value, path: &str, found: &mut Vec<String>) {
        let query = path.split_once('?').map(|(_, query)| query).unwrap_or_default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split('=').next().unwrap_or_default();
            if !self.query_names(operation).any(|known| known == name) {
                found.push(format!("the query parameter {name} is not declared"));
            }
        }
    }

    /// A response to no operation: an unknown path, or a method that the path does not have.
    fn check_other(&self, path: &str, response: &Response<'_>, found: &mut Vec<String>) {
        if path.starts_with("/docs/") {
            return;
        }
        if response.status < 400 {
            found.push("the operation is not declared".to_owned());
            return;
        }
        if response.bytes.is_empty() {
            return;
        }
        match serde_json::from_slice(response.bytes) {
            Ok(body) => {
                let schema = &self.document["components"]["schemas"]["ErrorBody"];
                found.extend(self.deviations(schema, &body));
            }
            Err(error) => found.push(format!("the body is not JSON: {error}")),
        }
    }
}

/// The text of a header as a value of the declared type.
fn typed(schema: &Value, text: &str) -> Value {
    match schema["type"].as_str() {
        Some("integer") => text.parse::<i64>().map_or_else(|_| text.into(), Into::into),
        Some("boolean") => text.parse::<bool>().map_or_else(|_| text.into(), Into::into),
        _ => text.into(),
    }
}

/// A content type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contract() -> Contract {
        Contract::new(json!({
            "paths": {
                "/things": {"post": {
                    "requestBody": {"required": true, "content": {"application/json": {"schema":
                        {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}}},
                    "responses": {"201": {
                        "headers": {"X-Request-Id": {"required": true, "schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    }},
                }},
                "/things/{id}": {"get": {
                    "parameters": [{"name": "size", "in": "query"}],
                    "responses": {"204": {}},
                }},
                "/things/latest": {"get": {"responses": {"302": {}}}},
            },
            "components": {"schemas": {
                "Thing": {"allOf": [
                    {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "minimum": 1}}},
                    {"type": "object", "properties": {"at": {"oneOf": [{"type": "null"}, {"type": "string", "format": "date"}]}}},
                ]},
                "ErrorBody": {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}},
            }},
        }))
    }

    struct Received(u16, Vec<(String, String)>, Vec<u8>);

    fn answer(status: u16, headers: &[(&str, &str)], body: &Value) -> Received {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Received(status, headers.collect(), bytes)
    }

    fn violations(request: &Request<'_>, Received(status, headers, bytes): &Received) -> Vec<String> {
        contract().violations(request, &Response { status: *status, headers, bytes })
    }

    const JSON: (&str, &str) = ("content-type", "application/json");

    fn posted(sent: &Value, received: &Received) -> Vec<String> {
        let bytes = sent.to_string();
        let request =
            Request { method: "POST", path: "/things", body: Some(("application/json", bytes.as_bytes())) };
        violations(&request, received)
    }

    #[test]
    fn a_response_as_documented_passes() {
        let body = json!({"id": 1, "at": "2026-03-01"});
        let received = answer(201, &[JSON, ("x-request-id", "a"), ("date", "today")], &body);
        assert_eq!(posted(&json!({"name": "x"}), &received), Vec::<String>::new());
    }

    #[test]
    fn every_deviation_is_named_with_its_position() {
        let id = ("x-request-id", "a");
        for (headers, body, expected) in [
            (vec![JSON, id], json!({"id": 0}), "/id is less than 1"),
            (vec![JSON, id], json!({}), "/id is missing"),
            (vec![JSON, id], json!({"id": 1, "more": 2}), "/more is not declared"),
            (vec![JSON, id], json!({"id": 1, "at": "1 March"}), "/at fits none of its types"),
            (vec![JSON], json!({"id": 1}), "the header x-request-id is missing"),
            (vec![JSON, id, ("etag", "x")], json!({"id": 1}), "the header etag is not declared"),
            (vec![id], json!({"id": 1}), "the content type \"\" is not declared"),
        ] {
            let found = posted(&json!({"name": "x"}), &answer(201, &headers, &body));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with("POST /things 201: "), "{found:?}");
            assert!(found[0].contains(expected), "{found:?}, not {expected}");
        }
        let [undeclared] = posted(&json!({}), &answer(500, &[], &Value::Null)).try_into().unwrap();
        assert!(undeclared.contains("the status is not declared"), "{undeclared}");
    }

    #[test]
    fn a_request_that_succeeds_is_valid() {
        let received = answer(201, &[JSON, ("x-request-id", "a")], &json!({"id": 1}));
        let [name] = posted(&json!({"title": "y"}), &received).try_into().unwrap();
        assert!(name.ends_with("request body /name is missing"), "{name}");
        assert_eq!(posted(&json!({"name": "x", "unknown": "y"}), &received), Vec::<String>::new());
        let request = Request { method: "POST", path: "/things", body: None };
        let [missing] = violations(&request, &received).try_into().unwrap();
        assert!(missing.contains("needs a body"), "{missing}");
    }

    #[test]
    fn the_template_with_the_most_fixed_segments_applies() {
        let get = |path, status| {
            let request = Request { method: "GET", path, body: None };
            violations(&request, &answer(status, &[], &Value::Null)).len()
        };
        assert_eq!([get("/things/latest", 302), get("/things/latest", 204)], [0, 1]);
        assert_eq!([get("/things/7", 204), get("/things/7", 302)], [0, 1]);
    }

    #[test]
    fn a_success_of_no_operation_is_a_deviation() {
        let other = |path| {
            let request = Request { method: "GET", path, body: None };
            violations(&request, &answer(200, &[JSON], &json!({}))).len()
        };
        assert_eq!([other("/nowhere"), other("/docs/index.css")], [1, 0]);
    }

    #[test]
    fn a_parameter_of_a_request_that_succeeds_is_declared() {
        let get = |path| {
            let request = Request { method: "GET", path, body: None };
            violations(&request, &answer(204, &[], &Value::Null))
        };
        assert_eq!(get("/things/7?size=3"), Vec::<String>::new());
        let [undeclared] = get("/things/7?size=3&colour=red").try_into().unwrap();
        assert!(undeclared.ends_with("the query parameter colour is not declared"), "{undeclared}");
    }

    #[test]
    fn errors_of_no_operation_have_the_general_body() {
        let other = |body: &Value| {
            let request = Request { method: "GET", path: "/nowhere", body: None };
            violations(&request, &answer(404, &[JSON], body)).len()
        };
        assert_eq!([other(&json!({"code": "NOT_FOUND"})), other(&json!({}))], [0, 1]);
    }
}
