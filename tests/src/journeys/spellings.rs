//! Identifiers and numbers in the spellings of people and phones (rule book, texts and numbers).

use inspection_domain::users::Role;
use inspection_testkit::{
    builders::{self, NUMERIC, PASSWORD, TODAY},
    clients::{Client, Response},
};
use serde_json::{Value, json};

use crate::site::{TestSite, on_both};

fn machine(admin: &Client, kind: &str, serial: &str, berth: &str) -> Response {
    admin.post(
        "/api/equipment",
        &json!({
            "name": "Belt", "equipment_type": kind, "serial_number": serial, "berth": berth,
        }),
    )
}

fn ids(answer: &Response) -> Vec<i64> {
    answer.data().as_array().expect("a list").iter().filter_map(|one| one["id"].as_i64()).collect()
}

/// The path with its query encoded.
fn encoded(path: &str, name: &str, value: &str) -> String {
    let bytes = value.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    format!("{path}?{name}={bytes}")
}

fn draft(site: &TestSite) -> (Client, String, i64) {
    let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
    let (_, items) = builders::checklist(&site.db, &site.context, &admin);
    let machine = builders::equipment(&site.db, &site.context);
    let draft = builders::draft(&site.db, &site.context, &inspector, &machine);
    let path = format!("/api/inspections/{}/answer", draft.inspection.id);
    (site.client(&inspector), path, items[NUMERIC].id.get())
}

on_both! {
    fn a_routine_reaches_machines_of_its_type_in_any_spelling(site: TestSite) {
        let admin_user = site.user(Role::Admin);
        let admin = site.client(&admin_user);
        let (template, _) = builders::checklist_with(&site.db, &site.context, &admin_user, |body| {
            body["equipment_type"] = json!("CONVEYOR\u{2013}BELT");
        });
        let kinds = ["conveyor-belt", "Conveyor\u{2011}Belt", "\u{200f}ＣＯＮＶＥＹＯＲ－ＢＥＬＴ"];
        let belts: Vec<i64> = (1..).zip(kinds).map(|(n, kind)| machine(&admin, kind, &format!("N-{n}"), "B ٢").id()).collect();
        let routine = admin.post("/api/inspection-routines", &json!({
            "name": "Belts", "asset_types": ["Conveyor\u{2011}Belt", "conveyor-belt"], "shift": "day",
            "days_of_week": [0, 1, 2, 3, 4, 5, 6], "template_id": template.id,
        }));
        assert_eq!(routine.data()["asset_types"], json!(["Conveyor\u{2011}Belt"]), "as it was entered, once");
        let coverage = admin.get("/api/inspection-routines/coverage");
        assert_eq!(coverage.json["data"]["uncovered_equipment"].as_array().map_or(0, Vec::len), 0, "{}", coverage.text);

        let list = admin.post("/api/inspection-assignments/lists/generate", &json!({"target_date": TODAY, "shift": "day"}));
        assert_eq!(list.data()["assignments_added"], 3, "{}", list.text);
        let team = builders::team(&site.db, &site.context);
        let batch = admin.post("/api/inspection-assignments/batch", &json!({
            "list_id": list.id(), "berth": "b\u{a0}2",
            "mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id,
        }));
        assert_eq!(batch.data().as_array().map(Vec::len), Some(3), "{}", batch.text);

        for (name, value) in [("equipment_type", "CONVEYOR\u{2212}belt"), ("berth", "B 2")] {
            let mut found = ids(&admin.get(&encoded("/api/equipment", name, value)));
            found.sort_unstable();
            assert_eq!(found, belts, "{name}");
        }
        let types = admin.get("/api/equipment/types");
        assert_eq!(types.data().as_array().map(Vec::len), Some(1), "{}", types.text);
        assert_eq!(ids(&admin.get(&encoded("/api/checklists", "equipment_type", "conveyor-belt"))), [template.id.get()]);
        assert_eq!(admin.get(&format!("/api/equipment/{}", belts[1])).data()["equipment_type"], "Conveyor\u{2011}Belt");
    }

    fn an_identifier_is_unique_in_all_spellings(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let first = machine(&admin, "belt", "sn-001", "B1");
        for serial in ["SN-००1", "ＳＮ\u{2011}٠٠١", " SN\u{2212}001\u{feff}"] {
            let again = machine(&admin, "belt", serial, "B1");
            assert_eq!((again.status, again.code(), again.fields()), (400, "DUPLICATE", vec!["serial_number"]), "{serial}");
        }
        let path = format!("/api/equipment/{}", first.id());
        assert_eq!(admin.put(&path, &json!({"serial_number": "SN-001"})).data()["serial_number"], "SN-001");

        let checklist = |kind: &str| admin.post("/api/checklists", &json!({"name": "Belt", "equipment_type": kind, "version": "1"}));
        assert_eq!(checklist("Belt").status, 201);
        assert_eq!((checklist("BELT").code(), checklist("BELT").fields()), ("DUPLICATE", vec!["version"]));

        let person = |email: &str, badge: &str| admin.post("/api/users", &json!({
            "email": email, "role_id": badge, "full_name": "Jana", "role": "engineer", "password": PASSWORD,
        }));
        let jana = person("Jana.Lee@Example.com", "eng\u{2011}٧٧");
        assert_eq!((&jana.data()["email"], &jana.data()["role_id"]), (&json!("Jana.Lee@Example.com"), &json!("ENG-77")));
        let other = person("jana.lee@EXAMPLE.com", "ENG-78");
        assert_eq!((other.code(), other.fields()), ("DUPLICATE", vec!["email"]));
        let other = person("other@example.com", "ＥＮＧ-77");
        assert_eq!((other.code(), other.fields()), ("DUPLICATE", vec!["role_id"]));
    }

    fn people_sign_in_with_address_or_badge_in_any_spelling(site: TestSite) {
        let person = builders::user_with(&site.db, &site.context, Role::Engineer, |body| {
            body["email"] = json!("Jana.Lee@Example.com");
            body["role_id"] = json!("ENG007");
        });
        let login = |name: &str| site.anonymous().post("/api/auth/login", &json!({"email": name, "password": PASSWORD}));
        for name in ["jana.lee@example.com", " JANA.LEE@EXAMPLE.COM\u{200f}", "ENG007", "eng٠٠٧"] {
            let answer = login(name);
            assert_eq!((answer.status, &answer.json["user"]["id"]), (200, &json!(person.id)), "{name}: {}", answer.text);
        }
        assert_eq!(login("ENG008").code(), "INVALID_CREDENTIALS");
    }

    fn a_reading_is_taken_as_the_phone_writes_it(site: TestSite) {
        let (client, path, item) = draft(&site);
        let answer = |value: Value| client.post(&path, &json!({"checklist_item_id": item, "answer_value": value}));
        for value in [json!("٣٫٥"), json!("3,5"), json!("۳٫۵"), json!("\u{200f}٣،٥"), json!(3.5)] {
            let taken = answer(value.clone());
            assert_eq!(taken.data()["answer_value"], "3.5", "{value}: {}", taken.text);
        }
        assert_eq!(answer(json!("٣٫٥-")).data()["answer_value"], "-3.5");
        assert_eq!(answer(json!("١٬٢٠٠٫٥")).data()["answer_value"], "1200.5");
        for language in ["en", "ar"] {
            let path = format!("{path}?lang={language}");
            let refused = client.post(&path, &json!({"checklist_item_id": item, "answer_value": "1,200"}));
            assert_eq!((refused.code(), refused.fields()), ("VALIDATION_ERROR", vec!["answer_value"]), "{}", refused.text);
            let message = refused.json["errors"][0]["message"].as_str().expect("a message");
            assert!(message.contains("1.200") && message.contains("1200"), "{message}");
            assert_eq!(message.contains("اكتب"), language == "ar", "{message}");
        }
    }

    fn hours_and_dates_are_taken_in_any_digits(site: TestSite) {
        let (admin, engineer) = (site.user(Role::Admin), site.user(Role::Engineer));
        let job = builders::engineer_job(&site.db, &site.context, &admin, &engineer);
        let path = format!("/api/engineer-jobs/{}/planned-time", job.id);
        let plan = |hours: &str| site.client(&engineer).post(&path, &json!({"hours": hours}));
        assert_eq!((plan("1,200").code(), plan("1,200").fields()), ("VALIDATION_ERROR", vec!["planned_time_hours"]));
        let planned = plan("٢٫٥");
        assert_eq!(planned.data()["planned_time_hours"], 2.5, "{}", planned.text);
        let lists = site.client(&admin).get(&encoded("/api/inspection-assignments/lists", "date", "٢٠٢٦-٠٣-٠٢"));
        assert_eq!(lists.status, 200, "{}", lists.text);
    }
}
