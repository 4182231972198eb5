//! Invalid input: for every body of the API document, each violation is refused with its field.

use inspection_auth::{permissions::TABLE, tokens::TokenType};
use inspection_domain::users::{Role, User};
use inspection_http::Settings;
use inspection_testkit::{DatabaseKind, builders, clients::Client};
use serde_json::{Map, Value, json};

use crate::site::{TestSite, on_both, settings};

/// A request body that the API document describes.
struct Body {
    method: String,
    path: String,
    schema: Value,
    example: Value,
    permission: Option<String>,
}

/// One client of each role.
struct RoleClients(Vec<(Role, Client)>);

impl RoleClients {
    fn of(site: &TestSite) -> Self {
        Self(Role::ALL.iter().map(|role| (*role, site.as_a(*role))).collect())
    }

    /// An admin, or the first other role that may send this body.
    fn for_body(&self, body: &Body) -> &Client {
        let row = TABLE.iter().find(|row| Some(row.name) == body.permission.as_deref());
        let may = |role: &Role| row.is_none_or(|row| row.roles.contains(role));
        let found = self.0.iter().find(|(role, _)| may(role));
        &found.expect("a role with the permission").1
    }
}

/// The schema of an operation's JSON body; null without one. A required field with several names is
/// required under the first.
pub(crate) fn body_schema(document: &Value, operation: &Value) -> Value {
    let reference = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let Some(pointer) = reference.as_str().and_then(|reference| reference.strip_prefix('#')) else {
        return Value::Null;
    };
    let schema = document.pointer(pointer).expect("a schema");
    let Some(parts) = schema["allOf"].as_array() else { return schema.clone() };
    let mut object = parts[0].clone();
    let mut required = object["required"].as_array().cloned().unwrap_or_default();
    required.extend(parts[1..].iter().map(|names| names["anyOf"][0]["required"][0].clone()));
    object["required"] = required.into();
    object
}

fn bodies() -> Vec<Body> {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    let mut bodies = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let schema = body_schema(&document, operation);
            if schema.is_object() {
                let method = method.to_uppercase();
                let description = operation["description"].as_str().unwrap_or_default();
                let permission =
                    description.strip_prefix("Permission: ").and_then(|rest| rest.strip_suffix('.'));
                let permission = permission.map(ToOwned::to_owned);
                let example = operation["requestBody"]["content"]["application/json"]["example"].clone();
                bodies.push(Body { method, path: path.clone(), schema, example, permission });
            }
        }
    }
    assert!(bodies.len() > 15, "there are many bodies");
    bodies
}

/// The alternatives of a schema, without the one that stands for an absent value.
fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let all = ["allOf", "oneOf", "anyOf"].iter().filter_map(|list| schema[*list].as_array()).flatten();
    all.filter(|inner| inner["enum"] != json!(["", null]))
}

/// A schema without the wrapper that adds a description or allows null.
fn unwrapped(schema: &Value) -> &Value {
    alternatives(schema).next().map_or(schema, unwrapped)
}

/// The type of a value, beside null.
fn kind(schema: &Value) -> Option<&str> {
    schema["type"].as_array().map_or(&schema["type"], |kinds| &kinds[0]).as_str()
}

fn allows(schema: &Value, name: &str) -> bool {
    kind(schema) == Some(name) || alternatives(schema).any(|inner| allows(inner, name))
}

/// A value that a schema allows.
fn valid_value(schema: &Value) -> Value {
    let schema = unwrapped(schema);
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    match (kind(schema), schema["format"].as_str()) {
        (Some("string"), Some("email")) => json!("someone@example.com"),
        (Some("string"), Some("date")) => json!("2026-03-01"),
        (Some("string"), Some("date-time")) => json!("2026-03-01T00:00:00Z"),
        (Some("string"), Some("password")) => json!("correct horse battery"),
        (Some("string"), _) => json!("ABC"),
        (Some("integer" | "number"), _) => json!(1),
        (Some("boolean"), _) => json!(true),
        (Some("array"), _) => json!([valid_value(&schema["items"])]),
        _ => {
            let mut object = Map::new();
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                object.insert(name.clone(), valid_value(property));
            }
            Value::Object(object)
        }
    }
}

/// A body with the required fields of an operation, valid by its schema.
pub(crate) fn required_body(method: &str, path: &str) -> Value {
    let Some(body) = bodies().into_iter().find(|body| body.method == method && body.path == path) else {
        return json!({});
    };
    let schema = unwrapped(&body.schema);
    let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    names.map(|name| (name.to_owned(), valid_value(&schema["properties"][name]))).collect()
}

/// Values that the schema of a field does not allow.
fn invalid_values(schema: &Value) -> Vec<Value> {
    let mut values = vec![json!([[]])];
    // An object may have unknown fields, which are ignored.
    if kind(unwrapped(schema)) != Some("object") {
        values.push(json!({"a": {"b": []}}));
    }
    if !allows(schema, "string") {
        values.push(json!("a text"));
    }
    if !allows(schema, "number") && !allows(schema, "integer") {
        values.push(json!(12.5));
    }
    if !allows(schema, "boolean") {
        values.push(json!(true));
    }
    let schema = unwrapped(schema);
    match kind(schema) {
        Some("string") => {
            if schema["enum"].is_array() || schema["format"].is_string() && schema["format"] != "password" {
                values.extend([json!("no such thing"), json!("a\u{0}b"), json!("\u{202e}"), json!("")]);
            } else if schema["format"] == "password" {
                values.extend([json!(""), json!("x".repeat(2000))]);
            } else {
                values.extend([json!("a\u{0}b"), json!(""), json!(" \t "), json!("x".repeat(100_000))]);
            }
        }
        Some("integer") => {
            values.extend([json!(-1), json!(1e300), json!(0.5), json!(9_223_372_036_854_775_808_u64)]);
        }
        _ => {}
    }
    values
}

/// The path of a body with ids that do not exist: input is validated before rows are read.
fn path_of(body: &Body) -> String {
    body.path
        .replace("{name}", "check_backlog")
        .replace("{item_id}", "1")
        .replace("{assignment_id}", "1")
        .replace("{id}", "1")
}

fn send(client: &Client, body: &Body, path: &str, document: &Value) -> inspection_testkit::clients::Response {
    client.send(&body.method, path, Some(("application/json", document.to_string().as_bytes())))
}

on_both! {
    fn every_invalid_field_of_every_body_is_refused_and_named(site: TestSite) {
        let clients = RoleClients::of(&site);
        let mut tried = 0;
        for body in bodies() {
            let client = clients.for_body(&body);
            let path = path_of(&body);
            let properties = body.schema["properties"].as_object().expect("properties");
            let mut fine = valid_value(&body.schema);
            let fields = fine.as_object_mut().expect("an object");
            fields.retain(|name, _| properties[name]["deprecated"] != true);
            for (given, property) in properties {
                // A deprecated name stands for another field, which an error names.
                let of = property["description"].as_str().filter(|_| property["deprecated"] == true);
                let name = of.and_then(|text| text.split('`').nth(1)).unwrap_or(given);
                let is_required = body.schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
                for value in invalid_values(&properties[name]) {
                    if value == "" && !is_required {
                        // No value.
                        continue;
                    }
                    let mut document = fine.clone();
                    document.as_object_mut().expect("an object").remove(name);
                    document[given] = value.clone();
                    let answer = send(client, &body, &path, &document);
                    let shown: String = value.to_string().chars().take(60).collect();
                    let what = format!("{} {path} {given}={shown}: {} {}", body.method, answer.status, answer.text);
                    assert_eq!((answer.status, answer.code()), (400, "VALIDATION_ERROR"), "{what}");
                    assert!(answer.fields().iter().any(|field| field.starts_with(name)), "{what}");
                    tried += 1;
                }
            }
        }
        println!("{tried} invalid values were refused");
        assert!(tried > 500);
    }

    fn every_example_of_the_document_is_valid(site: TestSite) {
        let clients = RoleClients::of(&site);
        for body in bodies() {
            let path = path_of(&body);
            let answer = send(clients.for_body(&body), &body, &path, &body.example);
            let what = format!("{} {path} {}: {}", body.method, body.example, answer.text);
            assert!(body.example.is_object(), "{what}");
            // The password in the example is not that of the user.
            let is_refused = path == "/api/auth/change-password" && answer.fields() == ["current_password"];
            let is_invalid = ["VALIDATION_ERROR", "MALFORMED_JSON"].contains(&answer.code());
            assert!(is_refused || !is_invalid, "{what}");
        }
    }

    fn all_missing_fields_are_named_in_one_response(site: TestSite) {
        let clients = RoleClients::of(&site);
        for body in bodies() {
            let client = clients.for_body(&body);
            let required: Vec<&str> =
                body.schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if required.is_empty() {
                continue;
            }
            let path = path_of(&body);
            let nulls: Map<_, _> = required.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
            for document in [json!({}), Value::Object(nulls)] {
                let answer = send(client, &body, &path, &document);
                assert_eq!((answer.status, answer.code()), (400, "VALIDATION_ERROR"), "{path} {}", answer.text);
                for name in &required {
                    assert!(answer.fields().contains(name), "{path} {name}: {}", answer.text);
                }
            }
        }
    }

    fn malformed_json_is_refused_with_its_position(site: TestSite) {
        let clients = RoleClients::of(&site);
        for body in bodies() {
            let client = clients.for_body(&body);
            let path = path_of(&body);
            let name = body.schema["properties"].as_object().and_then(|all| all.keys().next()).expect("a field").clone();
            let deep = format!("{{\"{name}\": {}1{}}}", "[".repeat(5000), "]".repeat(5000));
            let surrogate = format!("{{\"{name}\": \"\\ud800\"}}");
            let broken_utf8 = [format!("{{\"{name}\": \"").as_bytes(), &[0xff, 0xfe], b"\"}"].concat();
            for (bytes, named) in [
                (surrogate.into_bytes(), true),
                (broken_utf8, true),
                (deep.into_bytes(), true),
                (b"{\"a\": 1,}".to_vec(), false),
                (b"{\"a\" 1}".to_vec(), false),
                (b"{} {}".to_vec(), false),
                (format!("{{\"{name}\": NaN}}").into_bytes(), true),
                (b"\xef\xbb\xbf{}".to_vec(), false),
                (b"nul".to_vec(), false),
            ] {
                let answer = client.send(&body.method, &path, Some(("application/json", &bytes)));
                let shown: String = String::from_utf8_lossy(&bytes).chars().take(60).collect();
                assert_eq!((answer.status, answer.code()), (400, "MALFORMED_JSON"), "{path} {shown}: {}", answer.text);
                let fields = answer.fields();
                if named {
                    assert!(fields.iter().any(|field| field.starts_with(name.as_str())), "{path} {shown}: {}", answer.text);
                } else {
                    assert_eq!(fields.len(), 1, "{path} {shown}: {}", answer.text);
                }
            }
            for document in [json!([]), json!("text"), json!(7), Value::Null] {
                let answer = send(client, &body, &path, &document);
                assert_eq!((answer.status, answer.fields()), (400, vec!["body"]), "{path} {document}");
            }
        }
    }

    fn ten_megabytes_and_other_types_of_body_are_refused(site: TestSite) {
        let clients = RoleClients::of(&site);
        let large = format!("{{\"a\": \"{}\"}}", "x".repeat(10 << 20));
        for body in bodies() {
            let client = clients.for_body(&body);
            let path = path_of(&body);
            let answer = client.send(&body.method, &path, Some(("application/json", large.as_bytes())));
            assert_eq!((answer.status, answer.code()), (413, "PAYLOAD_TOO_LARGE"), "{path}");
            for kind in ["text/plain", "application/xml", "multipart/form-data; boundary=x"] {
                let answer = client.send(&body.method, &path, Some((kind, b"{}")));
                assert_eq!((answer.status, answer.code()), (415, "UNSUPPORTED_MEDIA_TYPE"), "{path} {kind}");
            }
        }
    }

    fn invalid_paths_and_queries_are_refused_and_named(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        for id in ["0", "-1", "abc", "1.5", "9223372036854775808", "%00", "1%20or%201", "%2e%2e", "%D9%A1"] {
            for path in [
                "/api/users/", "/api/equipment/", "/api/checklists/", "/api/inspections/", "/api/defects/",
                "/api/inspection-routines/", "/api/inspection-assignments/lists/", "/api/assessments/",
                "/api/ratings/technicians/",
            ] {
                let answer = admin.get(&format!("{path}{id}"));
                assert_eq!((answer.status, answer.fields()), (400, vec!["id"]), "{path}{id}: {}", answer.text);
            }
        }
        assert_eq!(admin.get("/api/inspections/by-assignment/x").fields(), ["assignment_id"]);
        let answer = admin.put("/api/checklists/x/items/y", &json!({"order": -1, "answer_type": 1}));
        assert_eq!(answer.fields(), ["id", "item_id", "answer_type", "order_index"], "{}", answer.text);
        for (query, field) in [
            ("page=0", "page"), ("page=-1", "page"), ("page=x", "page"), ("per_page=0", "per_page"),
            ("page=99999999999999999999", "page"), ("status=none", "status"), ("sort=password_hash", "sort"),
            ("sort=-", "sort"), ("lang=de", "lang"), ("equipment_id=-1", "equipment_id"), ("overdue=maybe", "overdue"),
            ("q=%00", "q"), ("severity=%FF%FE", "severity"),
        ] {
            let answer = admin.get(&format!("/api/defects?{query}"));
            assert_eq!((answer.status, answer.fields()), (400, vec![field]), "{query}: {}", answer.text);
        }
        let answer = admin.get("/api/inspections?date_from=2026-02-30&date_to=tomorrow&result=maybe&page=0");
        assert_eq!(answer.fields(), ["result", "date_from", "date_to", "page"], "{}", answer.text);
        let answer = admin.get("/api/inspection-assignments/lists?date=2026-02-30&shift=noon&status=done&sort=shift");
        assert_eq!(answer.fields(), ["date", "shift", "status", "sort"], "{}", answer.text);
        for path in ["/api/../etc/passwd", "/api/equipment/1/../2", "/api//equipment", "/docs/../../etc/passwd", "/nowhere"] {
            assert!(matches!(admin.get(path).status, 400 | 404), "{path}");
        }
        assert_eq!(admin.get(&format!("/api/equipment?q={}", "x".repeat(5000))).status, 400);
    }

    fn unusual_unicode_is_stored_unchanged(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        for text in ["مضخة ١", "🛠️ pump", "e\u{301}", "\u{202e}right to left", "O'Brien; DROP TABLE users; --", "\\u0000 %00 {{x}}", "NULL"] {
            let body = json!({"name": text, "equipment_type": "crane", "serial_number": text});
            let id = admin.post("/api/equipment", &body).id();
            let read = admin.get(&format!("/api/equipment/{id}"));
            assert_eq!((&read.data()["name"], &read.data()["serial_number"]), (&json!(text), &json!(text)));
        }
    }
}

/// Sends a request without a length, chunk by chunk and without an end. Returns the first line of
/// the answer.
pub(crate) fn unfinished_post(
    site: &TestSite,
    user: &User,
    path: &str,
    content_type: &str,
    chunks: &[&[u8]],
) -> String {
    use std::io::{BufRead, BufReader, Write};
    let token = site.token(user, TokenType::Access);
    let mut socket =
        std::net::TcpStream::connect(site.base.trim_start_matches("http://")).expect("connected");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Transfer-Encoding: chunked\r\nContent-Type: {content_type}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).expect("sent");
    for chunk in chunks {
        let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), *chunk, b"\r\n"].concat();
        socket.write_all(&framed).expect("sent");
    }
    let mut line = String::new();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("set");
    BufReader::new(&socket).read_line(&mut line).expect("an answer");
    line
}

#[test]
fn a_body_of_unknown_length_is_refused_at_the_limit() {
    let site =
        TestSite::start_with(DatabaseKind::Sqlite, Settings { max_content_length: 10_000, ..settings() })
            .expect("SQLite is built in");
    let engineer = site.user(Role::Engineer);
    let leave = br#"{"leave_type": "sick", "date_from": "2026-07-01", "date_to": "2026-07-01"}"#;
    let chunks = [&leave[..], &[b' '; 6000], &[b' '; 6000]];
    let line = unfinished_post(&site, &engineer, "/api/leaves", "application/json", &chunks);
    assert!(line.starts_with("HTTP/1.1 413"), "{line}");
    assert_eq!(site.client(&engineer).get("/api/leaves").json["pagination"]["total"], 0);
}

#[test]
fn malformed_http_requests_do_no_harm() {
    use std::io::{Read, Write};
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
    builders::equipment(&site.db, &site.context);
    let address = site.base.trim_start_matches("http://").to_owned();
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"[..],
        b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut stream = std::net::TcpStream::connect(&address).expect("connected");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("set");
        stream.write_all(bytes).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("shut down");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&answer));
    }
    // A proxy might see another end of these requests, and so another request behind them.
    for framing in [
        "Content-Length: 2\r\nContent-Length: 40",
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 2",
        "Transfer-Encoding: gzip, identity",
    ] {
        let mut stream = std::net::TcpStream::connect(&address).expect("connected");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("set");
        let head = format!("POST /api/auth/login HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        stream.write_all(b"{}GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 400"), "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{framing}: {answer}");
    }
    assert_eq!(site.anonymous().get("/health").status, 200);
}
