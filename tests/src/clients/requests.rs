//! The requests that existing clients send.

use std::collections::BTreeSet;

use inspection_domain::users::Role;
use inspection_testkit::{
    builders::{self, PASS_FAIL},
    clients::Client,
    files::png,
};
use serde_json::{Value, json};

use super::states;
use crate::{
    journeys::repairs::RepairScenario,
    site::{largest_page, on_both, with},
};

/// Parameters with a value of an enum that are no filters: a list has one order and one way to be
/// counted, a leaderboard one role, an object one type.
const ONE_VALUE: [&str; 8] = ["lang", "sort", "period", "role", "metric", "bucket", "related_type", "count"];

fn document() -> Value {
    serde_json::from_str(inspection_http::openapi()).expect("JSON")
}

/// The lists of the document with their query parameters.
fn list_parameters(document: &Value) -> impl Iterator<Item = (&str, Vec<&Value>)> {
    let paths = document["paths"].as_object().expect("paths");
    let lists = paths
        .iter()
        .filter(|(path, item)| path.starts_with("/api/") && !path.contains('{') && item["get"].is_object());
    lists.map(|(path, item)| {
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        (path.as_str(), parameters.filter(|parameter| parameter["in"] == "query").collect())
    })
}

/// The ids of the rows of a list; of a shift that a phone takes along, those of its assignments.
fn rows(client: &Client, path: &str) -> BTreeSet<i64> {
    let response = client.get(path);
    let data = response.data();
    let rows = data.as_array().or_else(|| data["assignments"].as_array());
    let rows = rows.unwrap_or_else(|| panic!("{path}: {}", response.text)).iter();
    rows.map(|row| row["id"].as_i64().expect("an id")).collect()
}

/// An object as it is, with every alias of the body of this path set to null, and with every alias
/// set to an empty text.
fn under_other_names(document: &Value, path: &str, object: &Value) -> Vec<Value> {
    let schema = crate::bad_input::body_schema(document, &document["paths"][path]["put"]);
    let properties = schema["properties"].as_object().expect("properties");
    let aliases: Vec<_> = properties.iter().filter(|(_, property)| property["deprecated"] == true).collect();
    let with = |empty: &Value| {
        let mut object = object.clone();
        for (alias, _) in &aliases {
            object[alias.as_str()] = empty.clone();
        }
        object
    };
    vec![object.clone(), with(&Value::Null), with(&json!(""))]
}

on_both! {
    fn a_filter_takes_several_values(site: TestSite) {
        let document = document();
        let admin = states::every_state(&site).swap_remove(0);
        let (mut filters, mut told_apart) = (0, 0);
        for (path, parameters) in list_parameters(&document) {
            for parameter in parameters {
                let (name, schema) = (parameter["name"].as_str().expect("a name"), &parameter["schema"]);
                let values: Vec<&str> = schema["items"]["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                if values.is_empty() {
                    let is_enum = schema["enum"].is_array() && path != "/api/takeovers/queue";
                    assert!(!is_enum || ONE_VALUE.contains(&name), "{path}?{name} takes one value");
                    continue;
                }
                filters += 1;
                let last = values[values.len() - 1];
                let with = |query: &str| with(&states::with_parameters(path), query);
                let unknown = admin.get(&with(&format!("{name}={},no-such-value", values[0])));
                // An error names the field, also for its deprecated name.
                let of = parameter["description"].as_str().filter(|_| parameter["deprecated"] == true);
                let field = of.and_then(|text| text.split('`').nth(1)).unwrap_or(name);
                assert_eq!((unknown.status, unknown.fields()), (400, vec![field]), "{path}?{name}");
                if path == "/api/leaves/capacity" || path == "/api/reports/capacity" {
                    let total = |query: &str| admin.get(&with(query)).data()["total"].as_i64().expect("a number");
                    let sum: i64 = values.iter().map(|value| total(&format!("{name}={value}"))).sum();
                    assert_eq!(total(&format!("{name}={}", values.join(","))), sum);
                    continue;
                }
                let all = rows(&admin, &with(&format!("{name}=")));
                assert_eq!(all, rows(&admin, &states::with_parameters(path)), "{path}?{name}= is no filter");
                let found: Vec<_> = values.iter().map(|value| rows(&admin, &with(&format!("{name}={value}")))).collect();
                told_apart += usize::from(found.iter().any(|some| !some.is_empty() && *some != all));
                let mut both: BTreeSet<i64> = found[0].union(&found[found.len() - 1]).copied().collect();
                // The first page has the latest hundred.
                both = both.into_iter().rev().take(100).collect();
                for query in [format!("{name}={},{}", values[0], last), format!("{name}={}&{name}={}", values[0], last)] {
                    assert_eq!(rows(&admin, &with(&query)), both, "{path}?{query}");
                }
            }
        }
        assert!(filters >= 30 && told_apart >= 20, "{filters} filters, {told_apart} with rows of several values");
    }

    fn search_is_another_name_of_q(site: TestSite) {
        let document = document();
        let admin_user = site.user(Role::Admin);
        let admin = site.client(&admin_user);
        let inspector = site.user(Role::Inspector);
        builders::checklist(&site.db, &site.context, &admin_user);
        let machine = builders::equipment_with(&site.db, &site.context, |body| body["name"] = json!("Needle"));
        builders::equipment(&site.db, &site.context);
        builders::submitted(&site.db, &site.context, &inspector, &machine, &[PASS_FAIL]);
        let mut searched = 0;
        for (path, parameters) in list_parameters(&document) {
            let named = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name);
            let Some(search) = named("search") else { continue };
            assert!(named("q").is_some() && search["deprecated"] == true, "{path}");
            searched += 1;
            for text in ["needle", "brakes", "inspector", "crane", "nothing"] {
                let [q, search] = ["q", "search"].map(|name| rows(&admin, &format!("{path}?per_page=100&{name}={text}")));
                assert_eq!(q, search, "{path} {text}");
            }
        }
        assert!(searched >= 3, "{searched}");
        assert_eq!(rows(&admin, "/api/equipment?search=needle"), BTreeSet::from([machine.id.get()]));
    }

    fn an_empty_text_is_no_value(site: TestSite) {
        let document = document();
        let admin = site.as_a(Role::Admin);
        for (path, parameters) in list_parameters(&document).filter(|(path, _)| *path != "/api/notifications/stream") {
            let empty = |parameter: &&Value| parameter["required"] != true;
            let empty: Vec<_> = parameters.into_iter().filter(empty).filter_map(|it| Some(format!("{}=", it["name"].as_str()?))).collect();
            let empty = empty.join("&").replace("per_page=&", "");
            let response = admin.get(&with(&states::with_parameters(path), &empty));
            assert!(matches!(response.status, 200 | 403), "{path}: {}", response.text);
        }
        let created = admin.post("/api/users", &json!({
            "email": "form@example.com", "password": "correct horse battery", "full_name": "Form", "role": "engineer",
            "phone": "", "minor_role": "", "minor_role_id": "", "employee_id": "", "specialization": "", "shift": "", "language": "",
        }));
        let user = created.data();
        assert_eq!((&user["phone"], &user["minor_role"], &user["shift"]), (&Value::Null, &Value::Null, &Value::Null));
        let machine = builders::equipment(&site.db, &site.context);
        let changed = admin.put(&format!("/api/equipment/{}", machine.id), &json!({
            "berth": "", "home_berth": "", "assigned_technician_id": "", "installation_date": "", "manufacturer": "",
        }));
        assert_eq!((&changed.data()["berth"], &changed.data()["name"]), (&Value::Null, &json!(machine.name)));
        assert_eq!(admin.put(&format!("/api/equipment/{}", machine.id), &json!({"name": ""})).fields(), ["name"]);
    }

    fn a_photo_belongs_to_an_answer_and_is_visible_as_its_inspection(site: TestSite) {
        let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let sheet = builders::answered(&site.db, &site.context, &inspector, &machine, &[PASS_FAIL]);
        let answer = &sheet.answers[0];
        let client = site.client(&inspector);
        let id = answer.id.to_string();
        let relation = [("related_type", "inspection_answer"), ("related_id", id.as_str())];
        let uploaded = client.upload(&relation, "leak.png", "image/png", &png(20, 20));
        let file = uploaded.data();
        assert_eq!((&file["related_type"], &file["related_id"]), (&json!("inspection_answer"), &json!(answer.id)));
        let path = format!("/api/files?related_type=inspection_answer&related_id={id}");
        assert_eq!(rows(&client, &path), BTreeSet::from([uploaded.id()]));
        for (role, status) in [(Role::Engineer, 200), (Role::QualityEngineer, 200), (Role::Inspector, 403), (Role::Specialist, 403)] {
            let other = site.as_a(role);
            let seen = [format!("/api/files/{}", uploaded.id()), path.clone(), format!("/api/inspections/{}", sheet.inspection.id)];
            assert_eq!(seen.map(|path| other.get(&path).status), [status; 3], "{role}");
        }
        let other = site.as_a(Role::Inspector).upload(&relation, "leak.png", "image/png", &png(20, 20));
        assert_eq!(other.status, 403);
        let missing = [("related_type", "inspection_answer"), ("related_id", "999999")];
        assert_eq!(client.upload(&missing, "leak.png", "image/png", &png(20, 20)).status, 404);
        // It may be the photo of this answer.
        let again = json!({"checklist_item_id": answer.checklist_item_id, "answer_value": "fail", "photo_file_id": uploaded.id()});
        let answered = client.post(&format!("/api/inspections/{}/answer", sheet.inspection.id), &again);
        assert_eq!(answered.data()["photo_file_id"], json!(uploaded.id()));
    }

    fn a_rejected_repair_keeps_the_notes_of_both_sides_and_a_cleaning_needs_none(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, first, qe, defect, .. } = &scenario;
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        first.post(site, &format!("{path}/planned-time"), json!({"planned_time_hours": 1}));
        first.post(site, &format!("{path}/start"), json!({}));
        first.post(site, &format!("{path}/complete"), json!({"work_notes": "New hook fitted."}));
        let photo = first.client(site).upload(&[], "clean.png", "image/png", &png(20, 20)).id();
        let cleaned = first.post(site, &format!("{path}/cleaning"), json!({"file_ids": [photo]}));
        assert_eq!(cleaned["id"], job["id"]);
        let review = qe.client(site).get("/api/quality-reviews/pending").data()[0]["id"].clone();
        let review = format!("/api/quality-reviews/{review}");
        qe.post(site, &format!("{review}/reject"), json!({
            "rejection_category": "other", "rejection_reason": "I do not like the colour of it.",
            "evidence_notes": "See the photo.", "notes": "Paint it.",
        }));
        admin.post(site, &format!("{review}/validate"), json!({
            "admin_validation": "valid", "admin_validation_notes": "So it is.",
        }));
        let kept = admin.client(site).get(&review);
        let expected = [("evidence_notes", "See the photo."), ("notes", "Paint it."), ("admin_validation", "valid"), ("admin_validation_notes", "So it is.")];
        for (name, value) in expected {
            assert_eq!(kept.data()[name], value, "{name}");
        }
    }

    fn whole_objects_sent_back_change_nothing(site: TestSite) {
        let document = document();
        let admin = states::every_state(&site).swap_remove(0);
        let mut sent_back = 0;
        let same = |one: &Value, other: &Value| {
            let [one, other] = [one, other].map(|it| {
                let mut it = it.clone();
                it.as_object_mut().expect("an object").remove("updated_at");
                it
            });
            one == other
        };
        for language in ["en", "ar"] {
            let get = |path: &str| admin.get(&largest_page(&with(path, &format!("lang={language}"))));
            for collection in ["/api/users", "/api/equipment", "/api/checklists", "/api/inspection-routines", "/api/defects"] {
                for row in get(collection).data().as_array().expect("rows") {
                    let path = format!("{collection}/{}", row["id"]);
                    let whole = get(&path);
                    for sent in under_other_names(&document, &format!("{collection}/{{id}}"), whole.data()).into_iter().skip(1) {
                        let response = admin.put(&format!("{path}?lang={language}"), &sent);
                        assert!(matches!((response.status, response.code()), (200, _) | (_, "INVALID_STATE")), "{path} {sent}: {}", response.text);
                        assert!(same(get(&path).data(), whole.data()), "{path} {sent}: {}", response.text);
                    }
                    let response = admin.put(&format!("{path}?lang={language}"), whole.data());
                    if matches!(row["status"].as_str(), Some("resolved" | "closed" | "false_alarm")) && collection == "/api/defects" {
                        assert_eq!(response.code(), "INVALID_STATE", "{}", response.text);
                        continue;
                    }
                    assert_eq!(response.status, 200, "{path}: {}", response.text);
                    assert!(same(get(&path).data(), whole.data()), "{path}: {} {}", response.text, whole.text);
                    sent_back += 1;
                }
            }
            for checklist in get("/api/checklists").data().as_array().expect("checklists") {
                for item in checklist["items"].as_array().expect("items") {
                    let path = format!("/api/checklists/{}/items/{}?lang={language}", checklist["id"], item["id"]);
                    for sent in under_other_names(&document, "/api/checklists/{id}/items/{item_id}", item) {
                        let response = admin.put(&path, &sent);
                        assert!(response.status == 200 && same(response.data(), item), "{path} {sent}: {}", response.text);
                    }
                }
            }
            for technician in get("/api/users?role=inspector").data().as_array().expect("inspectors") {
                for rating in get(&format!("/api/ratings/technicians/{}", technician["id"])).data()["ratings"].as_array().expect("ratings") {
                    let path = format!("/api/ratings/inspections/{}?lang={language}", rating["inspection_id"]);
                    for sent in under_other_names(&document, "/api/ratings/inspections/{id}", rating) {
                        let response = admin.put(&path, &sent);
                        assert!(response.status == 200 && same(response.data(), rating), "{path} {sent}: {}", response.text);
                    }
                }
            }
            for list in get("/api/inspection-assignments/lists").data().as_array().expect("lists") {
                for assignment in list["assignments"].as_array().expect("assignments") {
                    let path = format!("/api/inspection-assignments/{}/berth?lang={language}", assignment["id"]);
                    for sent in under_other_names(&document, "/api/inspection-assignments/{id}/berth", assignment) {
                        let response = admin.put(&path, &sent);
                        assert!(response.status == 200 && same(response.data(), assignment), "{path} {sent}: {}", response.text);
                    }
                }
            }
        }
        assert!(sent_back > 80, "{sent_back}");
    }
}

/// Counts the deprecated aliases in a part of the document, and collects the positions of others.
fn collect_aliases(part: &Value, at: &str, found: &mut (usize, Vec<String>)) {
    if part["description"].as_str().is_some_and(|text| text.starts_with("Another name of `")) {
        if part["deprecated"] == true { found.0 += 1 } else { found.1.push(at.to_owned()) }
    }
    for (name, inner) in part.as_object().into_iter().flatten() {
        collect_aliases(inner, &format!("{at}/{name}"), found);
    }
    for (index, inner) in part.as_array().into_iter().flatten().enumerate() {
        collect_aliases(inner, &format!("{at}/{index}"), found);
    }
}

#[test]
fn aliases_are_in_the_document_as_deprecated() {
    let document = document();
    let body = |path: &str| {
        crate::bad_input::body_schema(&document, &document["paths"][path]["post"])["properties"].clone()
    };
    for (path, alias, name) in [
        ("/api/users", "employee_id", "role_id"),
        ("/api/auth/login", "username", "email"),
        ("/api/checklists/{id}/items", "is_critical", "critical_failure"),
        ("/api/inspection-assignments/{id}/assign", "mech_inspector_id", "mechanical_inspector_id"),
    ] {
        let (alias, name) = (body(path)[alias].clone(), body(path)[name].clone());
        assert_eq!(alias["deprecated"], true, "{path}");
        assert!(name["deprecated"].is_null() && alias["description"].is_string());
    }
    let mut aliases = (0, Vec::new());
    collect_aliases(&document, "", &mut aliases);
    let (deprecated, others) = aliases;
    assert!(deprecated > 40 && others.is_empty(), "{deprecated} {others:?}");
    let types = body("/api/checklists/{id}/items")["answer_type"]["enum"].clone();
    assert!(types.as_array().is_some_and(|types| types.contains(&json!("number"))), "{types}");
}
