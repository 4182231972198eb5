//! Inspections: visibility in lists, and concurrent requests on one inspection (rule book §5).

mod answering;
mod report;
mod team;

use inspection_domain::users::Role;
use inspection_testkit::{builders, rounds};
use serde_json::json;

use crate::{
    actors::{at_once, sorted_statuses},
    site::on_both,
};

on_both! {
    fn lists_contain_own_inspections_only(site: TestSite) {
        let admin = site.user(Role::Admin);
        builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let inspectors = [(); 2].map(|()| site.user(Role::Inspector));
        for inspector in &inspectors {
            builders::submitted(&site.db, &site.context, inspector, &machine, &[]);
        }
        let total = |client: inspection_testkit::clients::Client, query: &str| {
            client.get(&format!("/api/inspections{query}")).json["pagination"]["total"].clone()
        };
        assert_eq!(total(site.client(&inspectors[0]), ""), 1);
        assert_eq!(total(site.client(&inspectors[0]), &format!("?technician_id={}", inspectors[1].id)), 0);
        assert_eq!(total(site.as_a(Role::Engineer), ""), 2);
        assert_eq!(total(site.as_a(Role::QualityEngineer), "?result=fail"), 0);
        assert_eq!(total(site.as_a(Role::Specialist), ""), 0);
        assert_eq!(total(site.as_a(Role::Engineer), "?date_from=2026-03-02&date_to=2026-03-02"), 2);
        assert_eq!(total(site.as_a(Role::Engineer), "?date_from=2026-03-03"), 0);
    }

    fn of_concurrent_submits_one_succeeds_and_creates_one_set_of_defects(site: TestSite) {
        let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        builders::checklist(&site.db, &site.context, &admin);
        for _ in 0..rounds() {
            let machine = builders::equipment(&site.db, &site.context);
            let sheet = builders::answered(&site.db, &site.context, &inspector, &machine, &[0, 3]);
            let clients = [&inspector, &inspector, &admin].map(|user| site.client(user));
            let path = format!("/api/inspections/{}/submit", sheet.inspection.id);
            let answers = at_once(&clients, |_, client| client.post(&path, &json!({})));
            assert_eq!(sorted_statuses(&answers), [200, 400, 400], "{answers:?}");
            for answer in answers.iter().filter(|answer| answer.status == 400) {
                assert_eq!(answer.code(), "INVALID_STATE");
            }
            let found = site.client(&admin).get(&format!("/api/defects?equipment_id={}", machine.id));
            assert_eq!(found.json["pagination"]["total"], 2);
        }
    }

    fn a_question_has_one_answer_and_a_machine_one_draft(site: TestSite) {
        let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        let (_, items) = builders::checklist(&site.db, &site.context, &admin);
        let clients = vec![site.client(&inspector); 4];
        for _ in 0..rounds() {
            let machine = builders::equipment(&site.db, &site.context);
            let start = json!({"equipment_id": machine.id});
            let answers = at_once(&clients, |_, client| client.post("/api/inspections/start", &start));
            assert_eq!(sorted_statuses(&answers), [200, 200, 200, 201], "{answers:?}");
            let draft = answers[0].id();
            assert!(answers.iter().all(|answer| answer.id() == draft));
            let path = format!("/api/inspections/{draft}/answer");
            let answers = at_once(&clients, |n, client| client.post(&path, &json!({
                "checklist_item_id": items[0].id, "answer_value": if n % 2 == 0 { "pass" } else { "fail" },
            })));
            assert_eq!(sorted_statuses(&answers), [200; 4], "{answers:?}");
            let sheet = clients[0].get(&format!("/api/inspections/{draft}"));
            assert_eq!(sheet.data()["answers"].as_array().map(Vec::len), Some(1));
        }
    }
}
