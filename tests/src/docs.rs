//! The OpenAPI document and its page.

use inspection_testkit::DatabaseKind;
use serde_json::Value;

use crate::site::TestSite;

#[test]
fn the_document_is_complete_and_the_page_needs_no_other_host() {
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
    let served = site.anonymous().get("/api/openapi.json");
    assert_eq!(served.json, serde_json::from_str::<Value>(inspection_http::openapi()).expect("JSON"));
    assert_eq!(served.json["openapi"], "3.1.0");
    let mut references = Vec::new();
    collect_references(&served.json, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a reference inside the document");
        assert!(served.json.pointer(pointer).is_some(), "{reference} has no target");
    }
    let mut ids = std::collections::BTreeSet::new();
    for item in served.json["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            assert!(
                ids.insert(operation["operationId"].to_string()),
                "{} is not unique",
                operation["operationId"]
            );
            assert!(operation["summary"].as_str().is_some_and(|summary| summary.len() > 5));
        }
    }
    let page = site.anonymous().get("/docs/");
    assert_eq!(page.status, 200);
    for name in page.text.split('"').filter(|part| matches!(part.rsplit_once('.'), Some((_, "js" | "css")))) {
        assert!(!name.contains("://"), "{name} is on another host");
        let path = format!("/docs/{}", name.trim_start_matches("./"));
        assert_eq!(site.anonymous().get(&path).status, 200, "{path}");
    }
    let initializer = site.anonymous().get("/docs/swagger-initializer.js");
    assert!(initializer.text.contains("/api/openapi.json"), "{}", initializer.text);
    assert_eq!(site.anonymous().get("/docs").header("location"), Some("/docs/"));
}

/// Generated clients name their functions by the ids: a changed id breaks them.
#[test]
fn operation_ids_are_stable() {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            ids.push(format!("{} {method} {path}", operation["operationId"].as_str().expect("an id")));
        }
    }
    ids.sort_unstable();
    insta::assert_snapshot!("operation_ids", ids.join("\n"));
}

fn collect_references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "$ref" => into.push(text.clone()),
                    other => collect_references(other, into),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect_references(value, into)),
        _ => {}
    }
}

/// Calls `visit` with every schema of the document, and its position.
fn visit_schemas(value: &Value, at: &str, visit: &mut dyn FnMut(&Value, &str)) {
    match value {
        Value::Object(map) => {
            if map.get("type").is_some_and(|kind| kind == "object") {
                visit(value, at);
            }
            map.iter().for_each(|(key, value)| visit_schemas(value, &format!("{at}/{key}"), visit));
        }
        Value::Array(list) => list.iter().for_each(|value| visit_schemas(value, at, visit)),
        _ => {}
    }
}

#[test]
fn every_object_body_tag_and_error_is_described() {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    let mut untyped = Vec::new();
    visit_schemas(&document["components"], "", &mut |schema, at| {
        let keywords = ["properties", "additionalProperties", "required"];
        if !keywords.iter().any(|keyword| schema.get(*keyword).is_some()) {
            untyped.push(at.to_owned());
        }
    });
    assert_eq!(untyped, Vec::<String>::new(), "objects without a type");
    let tags: Vec<&Value> =
        document["tags"].as_array().into_iter().flatten().map(|tag| &tag["name"]).collect();
    let mut used = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let tag = &operation["tags"][0];
            assert!(tags.contains(&tag), "{method} {path}: {tag} has no description");
            used.insert(tag.to_string());
            let responses = operation["responses"].as_object().expect("responses");
            for status in ["429", "500", "503"] {
                assert!(responses.contains_key(status), "{method} {path} {status}");
            }
            let contents = operation["requestBody"]["content"].as_object().into_iter().flatten();
            for (kind, content) in contents {
                assert!(content["schema"]["$ref"].is_string(), "{method} {path}: {kind} has no name");
            }
        }
    }
    assert_eq!(used.len(), tags.len(), "a tag is described once, and used");
    let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().expect("codes");
    assert!(codes.contains(&"NOT_FOUND".into()) && codes.contains(&"RATE_LIMITED".into()));
    assert_eq!(document["info"]["license"]["identifier"], "MIT OR Apache-2.0");
}
