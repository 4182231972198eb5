//! Defects that are found again: one defect, all of its findings (rule book §6).

use inspection_domain::{equipment::Equipment, users::Role};
use inspection_testkit::{
    builders::{self, CRITICAL, PASS_FAIL, YES_NO},
    clients::Client,
    files::png,
};
use serde_json::{Value, json};

use crate::{
    actors::{Actor, at_once},
    site::{TestSite, on_both},
};

/// An administrator, an engineer and two inspectors of a machine with a checklist.
struct Watch {
    admin: Actor,
    engineer: Actor,
    first: Actor,
    second: Actor,
    machine: Equipment,
    template: i64,
}

fn watch(site: &TestSite) -> Watch {
    let person = |role| Actor { user: site.user(role) };
    let admin = person(Role::Admin);
    let (template, _) = builders::checklist(&site.db, &site.context, &admin.user);
    Watch {
        admin,
        engineer: person(Role::Engineer),
        first: person(Role::Inspector),
        second: person(Role::Inspector),
        machine: builders::equipment(&site.db, &site.context),
        template: template.id.get(),
    }
}

impl Watch {
    fn fail(&self, site: &TestSite, inspector: &Actor, failing: &[usize]) -> Vec<i64> {
        let (_, found) =
            builders::submitted(&site.db, &site.context, &inspector.user, &self.machine, failing);
        found.iter().map(|defect| defect.id.get()).collect()
    }

    fn total(&self, site: &TestSite) -> Value {
        self.admin.client(site).get("/api/defects").json["pagination"]["total"].clone()
    }
}

on_both! {
    fn a_fault_that_every_shift_finds_again_is_one_defect_with_all_findings(site: TestSite) {
        let watch = watch(&site);
        let Watch { admin, engineer, first, second, .. } = &watch;
        let found = watch.fail(&site, first, &[PASS_FAIL]);
        let path = format!("/api/defects/{}", found[0]);
        // A planner has judged it to be low; the next failure raises it again.
        engineer.client(&site).put(&path, &json!({"severity": "low", "priority": "high"}));
        for person in [admin, engineer, first, second] {
            person.new_notifications(&site);
        }
        site.clock.advance_seconds(3600);
        assert_eq!(watch.fail(&site, second, &[PASS_FAIL]), found, "no second defect");
        let defect = admin.client(&site).get(&path).data().clone();
        assert_eq!((&defect["severity"], &defect["priority"], &defect["due_date"], &defect["occurrence_count"]),
            (&json!("medium"), &json!("high"), &json!("2026-03-09"), &json!(2)));
        assert_eq!(admin.client(&site).get("/api/defects").data()[0]["occurrence_count"], 2);
        let list = first.client(&site).get(&format!("{path}/occurrences"));
        let findings = list.data().as_array().expect("findings");
        let finders: Vec<_> = findings.iter().map(|finding| finding["found_by"]["id"].clone()).collect();
        assert_eq!(finders, [json!(second.user.id), json!(first.user.id)], "the newest first");
        assert!(findings.iter().all(|finding| finding["answer"]["answer_value"] == "fail"), "{}", list.text);
        // Each is notified once; the planners and the assignee read "again".
        assert_eq!(second.new_notifications(&site), ["defect_created"], "their own summary");
        assert_eq!(first.new_notifications(&site), ["defect_found_again"]);
        assert_eq!(engineer.new_notifications(&site), ["defect_found_again"]);
        assert_eq!(admin.new_notifications(&site), ["inspection_submitted"]);
        let told = admin.client(&site).get("/api/notifications?type=inspection_submitted");
        let text = told.data()[0]["message"].as_str().expect("a text").to_owned();
        assert!(text.contains("again"), "{text}");
        assert_eq!(told.data()[0]["priority"], "warning");
        assert_eq!(admin.client(&site).get("/api/defects/9999/occurrences").code(), "NOT_FOUND");
    }

    fn a_resolved_defect_that_fails_again_names_the_earlier_one(site: TestSite) {
        let watch = watch(&site);
        let Watch { admin, engineer, first, second, .. } = &watch;
        let earlier = watch.fail(&site, first, &[PASS_FAIL])[0];
        let path = format!("/api/defects/{earlier}");
        engineer.post(&site, &format!("{path}/resolve"), json!({"resolution_notes": "New pads."}));
        let later = watch.fail(&site, second, &[PASS_FAIL])[0];
        assert_ne!(later, earlier);
        let defect = admin.client(&site).get(&format!("/api/defects/{later}")).data().clone();
        assert_eq!((&defect["recurrence_of_id"], &defect["occurrence_count"]), (&json!(earlier), &json!(1)));
        let refused = admin.client(&site).post(&format!("{path}/reopen"), &json!({"reason": "It leaks."}));
        assert_eq!((refused.status, refused.code()), (400, "RULE_VIOLATION"), "the later one stands for it");
        engineer.post(&site, &format!("/api/defects/{later}/resolve"), json!({"resolution_notes": "New disc."}));
        assert_eq!(admin.post(&site, &format!("{path}/reopen"), json!({"reason": "It leaks."}))["status"], "open");
    }

    fn a_false_alarm_is_forgotten_when_the_question_fails_again(site: TestSite) {
        let watch = watch(&site);
        let Watch { admin, engineer, first, second, .. } = &watch;
        let earlier = watch.fail(&site, first, &[PASS_FAIL])[0];
        engineer.post(&site, &format!("/api/defects/{earlier}/false-alarm"), json!({"reason": "Shadow."}));
        let later = watch.fail(&site, second, &[PASS_FAIL])[0];
        let defect = admin.client(&site).get(&format!("/api/defects/{later}")).data().clone();
        assert_eq!((later == earlier, &defect["recurrence_of_id"]), (false, &Value::Null));
    }

    fn a_new_version_of_the_checklist_asks_the_same_question(site: TestSite) {
        let watch = watch(&site);
        let Watch { admin, first, second, .. } = &watch;
        let found = watch.fail(&site, first, &[PASS_FAIL, YES_NO]);
        let path = format!("/api/checklists/{}", watch.template);
        let before = admin.client(&site).get(&path);
        let copied = admin.client(&site).post(&format!("{path}/versions"), &json!({"version": "2.0"}));
        let lineages = |list: &Value| -> Vec<Value> {
            list["items"].as_array().expect("questions").iter().map(|item| item["lineage"].clone()).collect()
        };
        assert_eq!(lineages(copied.data()), lineages(before.data()));
        let again = admin.client(&site).post(&format!("/api/checklists/{}/versions", copied.data()["id"]), &json!({"version": "3.0"}));
        assert_eq!(lineages(again.data()), lineages(before.data()), "a copy of a copy");
        assert_eq!(watch.fail(&site, second, &[PASS_FAIL]), found[..1]);
        assert_eq!(watch.total(&site), 2);
    }

    fn one_submission_is_one_message_however_many_answers_fail(site: TestSite) {
        let watch = watch(&site);
        let Watch { admin, engineer, first, second, .. } = &watch;
        watch.fail(&site, first, &[PASS_FAIL, YES_NO, CRITICAL]);
        assert_eq!(first.new_notifications(&site), ["defect_created"]);
        let told = first.client(&site).get("/api/notifications?type=defect_created");
        assert_eq!((&told.data()[0]["priority"], &told.data()[0]["related_type"]), (&json!("urgent"), &json!("inspection")));
        for person in [admin, engineer] {
            person.new_notifications(&site);
        }
        watch.fail(&site, second, &[PASS_FAIL, YES_NO, CRITICAL]);
        assert_eq!(second.new_notifications(&site), ["defect_created"]);
        assert_eq!(first.new_notifications(&site), ["defect_found_again"]);
        assert_eq!(engineer.new_notifications(&site), ["defect_found_again"]);
        assert_eq!(admin.new_notifications(&site), ["inspection_submitted"]);
        assert_eq!(watch.total(&site), 3);
    }

    fn two_inspectors_who_hand_in_at_once_find_one_defect(site: TestSite) {
        let watch = watch(&site);
        for round in 0..3_i64 {
            let pair = [&watch.first, &watch.second];
            let machine = builders::equipment(&site.db, &site.context);
            let drafts = pair.map(|inspector| {
                let failing = if round % 2 == 0 { [PASS_FAIL, YES_NO] } else { [YES_NO, PASS_FAIL] };
                builders::answered(&site.db, &site.context, &inspector.user, &machine, &failing).inspection.id
            });
            let clients = pair.map(|inspector| site.client(&inspector.user));
            let answers = at_once(&clients, |n, client| {
                client.post(&format!("/api/inspections/{}/submit", drafts[n]), &json!({}))
            });
            let created: i64 = answers.iter().map(|answer| answer.data()["defects_created"].as_i64().expect("a number")).sum();
            assert_eq!(created, 2);
            let list = watch.admin.client(&site).get(&format!("/api/defects?equipment_id={}", machine.id));
            let counts: Vec<_> = list.data().as_array().expect("defects").iter().map(|defect| defect["occurrence_count"].clone()).collect();
            assert_eq!(counts, [json!(2), json!(2)]);
        }
    }

    fn the_photo_of_a_finding_travels_to_the_specialist_after_the_planned_time(site: TestSite) {
        let watch = watch(&site);
        let Watch { engineer, first, .. } = &watch;
        let [owner, other] = [(); 2].map(|()| Actor { user: site.user(Role::Specialist) });
        let photo = first.client(&site).upload(&[], "hook.png", "image/png", &png(9, 9)).id();
        let sheet = builders::answered(&site.db, &site.context, &first.user, &watch.machine, &[PASS_FAIL]);
        let answer = json!({
            "checklist_item_id": sheet.items[PASS_FAIL].id, "answer_value": "fail", "comment": "The lining is worn.",
            "photo_file_id": photo,
        });
        let inspection = format!("/api/inspections/{}", sheet.inspection.id);
        first.post(&site, &format!("{inspection}/answer"), answer);
        let hidden = |client: &Client| client.get(&format!("/api/files/{photo}")).status;
        assert_eq!(hidden(&other.client(&site)), 403, "a draft has found nothing yet");
        first.post(&site, &format!("{inspection}/submit"), json!({}));
        let defects = engineer.client(&site).get("/api/defects");
        let defect = defects.data()[0]["id"].clone();
        let assign = json!({"specialist_id": owner.user.id});
        let job = engineer.post(&site, &format!("/api/defects/{defect}/assign-specialist"), assign);
        let job = format!("/api/jobs/{}", job["id"]);
        let gate = owner.client(&site).get(&format!("/api/files/{photo}"));
        assert_eq!((gate.status, gate.code()), (403, "PLANNED_TIME_REQUIRED"));
        let before = owner.client(&site).get(&format!("/api/defects/{defect}/occurrences"));
        assert_eq!((&before.data()[0]["answer"], &before.data()[0]["code"]), (&Value::Null, &json!("PLANNED_TIME_REQUIRED")));
        owner.post(&site, &format!("{job}/planned-time"), json!({"hours": 2}));
        let detail = owner.client(&site).get(&job);
        let finding = &detail.data()["findings"][0]["answer"];
        assert_eq!((&finding["answer_value"], &finding["comment"], &finding["photo_file_id"]),
            (&json!("fail"), &json!("The lining is worn."), &json!(photo)), "{}", detail.text);
        for reader in [&owner, &other] {
            let client = reader.client(&site);
            assert_eq!(hidden(&client), 200);
            assert_eq!(client.get(&format!("/api/files/{photo}/download")).status, 200);
            assert_eq!(client.get(&format!("/api/files/{photo}/thumbnail")).status, 200);
            assert_eq!(client.post(&format!("/api/files/{photo}/link"), &json!({})).status, 201);
        }
        let shown = other.client(&site).get(&format!("/api/defects/{defect}"));
        assert_eq!(shown.data()["findings"][0]["answer"]["photo_file_id"], json!(photo));
    }

    fn a_copy_with_another_text_asks_another_question(site: TestSite) {
        let watch = watch(&site);
        let Watch { admin, first, second, .. } = &watch;
        let found = watch.fail(&site, first, &[PASS_FAIL]);
        let path = format!("/api/checklists/{}/versions", watch.template);
        let copy = admin.client(&site).post(&path, &json!({"version": "2.0"})).data().clone();
        let change = |place: usize, text: &str| {
            let path = format!("/api/checklists/{}/items/{}", copy["id"], copy["items"][place]["id"]);
            admin.client(&site).put(&path, &json!({"question_text": text})).data()["lineage"].clone()
        };
        assert_eq!(change(PASS_FAIL, "Are the tyres sound?"), copy["items"][PASS_FAIL]["id"]);
        assert_eq!(change(YES_NO, "DO the lights work?"), copy["items"][YES_NO]["lineage"], "the same but for its case");
        assert_ne!(watch.fail(&site, second, &[PASS_FAIL]), found, "tyres are no brakes");
        assert_eq!(watch.total(&site), 2);
    }

    fn an_inspector_who_is_an_admin_gets_one_message(site: TestSite) {
        let watch = watch(&site);
        let chief = builders::user_with(&site.db, &site.context, Role::Admin, |body| {
            body["minor_role"] = json!("inspector");
            body["specialization"] = json!("mechanical");
        });
        let chief = Actor { user: chief };
        let sheet = builders::answered(&site.db, &site.context, &chief.user, &watch.machine, &[PASS_FAIL]);
        watch.admin.post(&site, &format!("/api/inspections/{}/submit", sheet.inspection.id), json!({}));
        assert_eq!(chief.new_notifications(&site), ["defect_created"]);
    }

    fn a_summary_for_assignees_leads_to_the_machine(site: TestSite) {
        let watch = watch(&site);
        watch.fail(&site, &watch.first, &[PASS_FAIL, YES_NO]);
        watch.fail(&site, &watch.second, &[PASS_FAIL, YES_NO]);
        let told = watch.first.client(&site).get("/api/notifications?type=defect_found_again");
        assert_eq!((&told.data()[0]["related_type"], &told.data()[0]["related_id"]),
            (&json!("equipment"), &json!(watch.machine.id)));
    }
}
