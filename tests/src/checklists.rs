//! Checklists and the history of their questions (rule book §3).

use inspection_domain::users::Role;
use inspection_testkit::builders::{self, PASS_FAIL};
use serde_json::json;

use crate::site::on_both;

on_both! {
    fn a_new_version_is_an_active_copy_and_the_newest_one_is_asked(site: TestSite) {
        let admin_user = site.user(Role::Admin);
        let (template, items) = builders::checklist(&site.db, &site.context, &admin_user);
        let machine = builders::equipment(&site.db, &site.context);
        let admin = site.client(&admin_user);
        let path = format!("/api/checklists/{}", template.id);
        let same = admin.post(&format!("{path}/versions"), &json!({"version": template.version}));
        assert_eq!((same.status, same.code()), (400, "DUPLICATE"), "{}", same.text);
        let copy = admin.post(&format!("{path}/versions"), &json!({"version": "winter"}));
        assert_eq!((copy.status, &copy.data()["is_active"]), (201, &json!(true)), "{}", copy.text);
        assert_eq!(copy.data()["items"].as_array().map(Vec::len), Some(items.len()));
        assert_ne!(copy.data()["items"][0]["id"], json!(items[0].id));
        assert_eq!(admin.get(&path).data()["version"], json!(template.version), "the original does not change");
        let asked = site.as_a(Role::Inspector).post("/api/inspections/start", &json!({"equipment_id": machine.id}));
        assert_eq!(asked.data()["template_id"], copy.data()["id"]);
        admin.put(&format!("/api/checklists/{}", copy.id()), &json!({"is_active": false})).data();
        let asked = site.as_a(Role::Inspector).post("/api/inspections/start", &json!({"equipment_id": machine.id}));
        assert_eq!(asked.data()["template_id"], json!(template.id), "the newest active one");
    }

    fn a_question_changes_as_far_as_its_history_allows(site: TestSite) {
        let (admin_user, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        let (template, items) = builders::checklist(&site.db, &site.context, &admin_user);
        let machine = builders::equipment(&site.db, &site.context);
        let admin = site.client(&admin_user);
        let item = format!("/api/checklists/{}/items/{}", template.id, items[PASS_FAIL].id);
        let outcome = |body: serde_json::Value| {
            let changed = admin.put(&item, &body);
            if changed.status == 200 { "ok".to_owned() } else { changed.code().to_owned() }
        };
        assert_eq!(outcome(json!({"question_text": "Do the brakes hold?"})), "ok", "no answer");
        let sheet = builders::answered(&site.db, &site.context, &inspector, &machine, &[]);
        assert_eq!(outcome(json!({"question_text": "Are the brakes good?"})), "RULE_VIOLATION");
        assert_eq!(outcome(json!({"is_required": false})), "ok", "answers in drafts only");
        assert_eq!(admin.delete(&item).code(), "RULE_VIOLATION");
        site.client(&inspector).post(&format!("/api/inspections/{}/submit", sheet.inspection.id), &json!({})).data();
        assert_eq!(outcome(json!({"is_required": true})), "RULE_VIOLATION", "submitted");
        assert_eq!(outcome(json!({"order_index": 40})), "ok");
        let added = admin.post(&format!("/api/checklists/{}/items", template.id), &json!({
            "question_text": "Any rust?", "answer_type": "yes_no",
        }));
        assert_eq!((added.status, &added.data()["order_index"]), (201, &json!(41)), "{}", added.text);
        let detail = site.client(&inspector).get(&format!("/api/inspections/{}", sheet.inspection.id));
        assert_eq!(detail.data()["checklist_items"].as_array().map(Vec::len), Some(items.len()), "added afterwards");
    }

    fn engineers_read_checklists_and_only_admins_change_them(site: TestSite) {
        let (template, _) = builders::checklist(&site.db, &site.context, &site.user(Role::Admin));
        let path = format!("/api/checklists/{}", template.id);
        for role in Role::ALL {
            let client = site.as_a(*role);
            let reads = matches!(role, Role::Admin | Role::Engineer);
            assert_eq!(client.get(&path).status, if reads { 200 } else { 403 }, "{role}");
            let changes = *role == Role::Admin;
            assert_eq!(client.put(&path, &json!({"name": "Check"})).status, if changes { 200 } else { 403 }, "{role}");
        }
    }
}
