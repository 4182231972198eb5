//! One inspection, from sign-in to a closed defect.

use inspection_domain::users::Role;
use inspection_testkit::builders::{self, PASSWORD};
use serde_json::{Value, json};

use crate::site::on_both;

on_both! {
    fn an_inspection_from_sign_in_to_closed_defect(site: TestSite) {
        let (admin_user, inspector_user) = (site.user(Role::Admin), site.user(Role::Inspector));
        let admin = site.client(&admin_user);
        let login = site.anonymous().post("/api/auth/login", &json!({"email": inspector_user.email, "password": PASSWORD}));
        let inspector = site.anonymous().with_token(login.json["access_token"].as_str().expect("a token"));

        let machine = admin.post("/api/equipment", &json!({
            "name": "Crane 1", "equipment_type": "crane", "serial_number": "C-1", "location": "Quay 1", "berth": "B1",
            "assigned_technician_id": inspector_user.id, "installation_date": "2020-02-29",
        }));
        assert_eq!((machine.status, &machine.data()["home_berth"], &machine.data()["status"]),
            (201, &json!("B1"), &json!("active")));
        assert_eq!(machine.data()["assigned_technician"]["full_name"], inspector_user.full_name);
        let checklist = admin.post("/api/checklists", &json!({"name": "Crane check", "equipment_type": "crane", "items": [
            {"question_text": "Any leak?", "question_text_ar": "هل من تسرب؟", "answer_type": "pass_fail", "is_critical": true, "category": "mechanical"},
            {"question_text": "Oil level", "answer_type": "numeric", "pass_fail_rule": {"min": 2, "max": 4.5}},
            {"question_text": "Remarks", "answer_type": "text", "is_required": false},
        ]}));
        let item = |n: usize| checklist.data()["items"][n]["id"].clone();

        let start = json!({"equipment_id": machine.id()});
        let started = inspector.post("/api/inspections/start", &start);
        assert_eq!((started.status, started.data()["checklist_items"].as_array().map(Vec::len)), (201, Some(3)));
        assert_eq!(inspector.post("/api/inspections/start", &start).status, 200, "a repeated start returns the draft");
        let inspection = format!("/api/inspections/{}", started.id());
        let submit = || inspector.post(&format!("{inspection}/submit"), &json!({}));
        let early = submit();
        assert_eq!((early.code(), early.json["errors"].as_array().map(Vec::len)), ("RULE_VIOLATION", Some(2)));

        let answer = |body: Value| inspector.post(&format!("{inspection}/answer"), &body);
        let bare = answer(json!({"checklist_item_id": item(0), "answer_value": "FAIL"}));
        assert_eq!(bare.data()["progress"]["missing_photos"][0]["question_text"], "Any leak?", "{}", bare.text);
        let failed = answer(json!({"checklist_item_id": item(0), "photo_path": "a/1.jpg"}));
        assert_eq!(failed.data()["progress"]["missing_photos"], json!([]), "{}", failed.text);
        assert_eq!(failed.data()["answer_value"], "fail");
        assert_eq!(failed.data()["progress"]["progress_percentage"], 33);
        let many = inspector.post(&format!("{inspection}/answers"), &json!({"answers": [
            {"checklist_item_id": item(1), "answer_value": 9.75}, {"checklist_item_id": item(2), "answer_value": 12},
            {"checklist_item_id": item(2), "answer_value": "again"}, {"checklist_item_id": 999, "answer_value": "pass"},
        ]}));
        assert_eq!(many.fields(), ["answers[2].checklist_item_id", "answers[3].checklist_item_id"]);
        let progress = inspector.get(&format!("{inspection}/progress"));
        assert_eq!(progress.data()["answered_items"], 1, "no partial update");
        let many = inspector.post(&format!("{inspection}/answers"), &json!({"answers": [
            {"checklist_item_id": item(1), "answer_value": 9.75, "comment": "too much"},
        ]}));
        assert_eq!(many.data()["progress"]["is_complete"], true);

        let submitted = submit();
        assert_eq!((&submitted.data()["status"], &submitted.data()["result"], &submitted.data()["defects_created"]),
            (&json!("submitted"), &json!("fail"), &json!(2)));
        assert_eq!(submit().code(), "INVALID_STATE");
        assert_eq!(answer(json!({"checklist_item_id": item(1), "answer_value": 3})).code(), "INVALID_STATE");
        assert_eq!(inspector.delete(&inspection).code(), "INVALID_STATE");

        let defects = inspector.get("/api/defects");
        let worst = &defects.data()[0];
        assert_eq!((&worst["severity"], &worst["priority"], &worst["due_date"], &worst["category"]),
            (&json!("critical"), &json!("urgent"), &json!("2026-03-03"), &json!("mechanical")));
        assert_eq!(worst["description"], "Failed: Any leak?");
        assert_eq!((&worst["assigned_to"]["id"], &worst["equipment"]["name"]), (&json!(inspector_user.id), &json!("Crane 1")));
        let inbox = inspector.get("/api/notifications?unread_only=true");
        assert_eq!((&inbox.json["unread_count"], &inbox.data()[0]["priority"]), (&json!(1), &json!("urgent")));
        assert_eq!(inbox.data()[0]["related_type"], "inspection", "one summary of two defects");
        let inbox = admin.get("/api/notifications");
        assert_eq!((inbox.json["unread_count"].as_i64(), &inbox.data()[0]["type"]), (Some(1), &json!("inspection_submitted")));

        let review = admin.post(&format!("{inspection}/review"), &json!({"notes": "seen"}));
        assert_eq!((&review.data()["status"], &review.data()["reviewed_by"]["id"]), (&json!("reviewed"), &json!(admin_user.id)));
        let defect = format!("/api/defects/{}", worst["id"]);
        assert_eq!(admin.post(&format!("{defect}/close"), &json!({})).code(), "INVALID_STATE");
        let changed = admin.put(&defect, &json!({"severity": "low", "priority": "low"}));
        assert_eq!((&changed.data()["due_date"], &changed.data()["sla_days"]), (&json!("2026-03-16"), &json!(14)));
        let resolved = inspector.post(&format!("{defect}/resolve"), &json!({"resolution_notes": "new seal"}));
        assert_eq!(resolved.data()["status"], "resolved");
        assert_eq!(admin.get("/api/notifications").data()[0]["type"], "defect_resolved");
        assert_eq!(admin.post(&format!("{defect}/reopen"), &json!({"reason": "leaks"})).data()["resolved_at"], Value::Null);
        inspector.post(&format!("{defect}/resolve"), &json!({"resolution_notes": "another seal"})).data();
        assert_eq!(admin.post(&format!("{defect}/close"), &json!({})).data()["status"], "closed");
        assert_eq!(admin.get(&defect).data()["inspection"]["id"], started.id());

        let history = inspector.get(&format!("/api/equipment/{}/history", machine.id()));
        let kinds: Vec<_> = history.data().as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds.len(), 4);
        assert!(["inspection", "defect", "status_change"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
        let sheet = admin.get(&inspection);
        assert_eq!(sheet.data()["answers"][1]["comment"], "too much");
        let trail = admin.get("/api/admin/audit?entity=defect&action=reopen");
        assert_eq!(trail.data()[0]["changes"]["reason"]["new"], "leaks");
        let week = site.context.today().week();
        let machine_id = builders::input::<inspection_domain::inspections::StartInspection>(start.clone()).equipment_id.expect("the machine");
        let count = site.db.read(|conn| inspection_testkit::ledger::weekly_completions(conn, machine_id, week));
        assert_eq!(count.expect("read"), 1);
    }
}
