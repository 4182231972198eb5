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
