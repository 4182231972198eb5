//! Defects from discovery to closure (rule book §6).

use inspection_domain::users::Role;
use inspection_testkit::{
    builders,
    files::{pdf, png},
};
use serde_json::{Value, json};

use crate::{
    actors::Actor,
    journeys::repairs::RepairScenario,
    site::{TestSite, on_both},
};

/// An admin, the inspector of a defect, and the path of the defect.
fn found(site: &TestSite) -> (Actor, Actor, String) {
    let [admin, inspector] = [Role::Admin, Role::Inspector].map(|role| Actor { user: site.user(role) });
    builders::checklist(&site.db, &site.context, &admin.user);
    let machine = builders::equipment(&site.db, &site.context);
    let defect = builders::defect(&site.db, &site.context, &inspector.user, &machine);
    (admin, inspector, format!("/api/defects/{}", defect.id))
}

on_both! {
    fn another_severity_sets_another_due_date_unless_one_is_given(site: TestSite) {
        let (_, inspector, path) = found(&site);
        let engineer = site.as_a(Role::Engineer);
        let due = |body: Value| engineer.put(&path, &body).data()["due_date"].clone();
        assert_eq!(engineer.get(&path).data()["due_date"], "2026-03-09", "seven days for medium");
        assert_eq!(due(json!({"severity": "critical"})), "2026-03-03");
        assert_eq!(due(json!({"severity": "low", "due_date": "2026-03-20"})), "2026-03-20");
        assert_eq!(due(json!({"priority": "high"})), "2026-03-20", "only another severity moves it");
        let refused = inspector.client(&site).put(&path, &json!({"severity": "low"}));
        assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"));
    }

    fn a_defect_is_overdue_after_its_due_date_until_it_is_resolved(site: TestSite) {
        let (admin, inspector, path) = found(&site);
        let overdue = || admin.client(&site).get("/api/defects?overdue=true").json["pagination"]["total"].clone();
        site.clock.set("2026-03-10T06:59:59Z");
        assert_eq!(overdue(), 0);
        site.clock.set("2026-03-10T07:00:00Z");
        assert_eq!(overdue(), 1);
        inspector.post(&site, &format!("{path}/resolve"), json!({"resolution_notes": "New seal."}));
        assert_eq!(overdue(), 0);
    }

    fn its_assignee_resolves_it_and_only_admins_close_and_reopen_it(site: TestSite) {
        let (admin, inspector, path) = found(&site);
        let other = Actor { user: site.user(Role::Inspector) };
        let notes = json!({"resolution_notes": "New seal."});
        assert_eq!(other.refused(&site, &format!("{path}/resolve"), notes.clone()), (403, "FORBIDDEN".into()));
        assert_eq!(admin.refused(&site, &format!("{path}/close"), json!({})).1, "INVALID_STATE", "still open");
        admin.new_notifications(&site);
        assert_eq!(inspector.post(&site, &format!("{path}/resolve"), notes)["status"], "resolved");
        assert_eq!(admin.new_notifications(&site), ["defect_resolved"]);
        for command in ["close", "reopen"] {
            assert_eq!(inspector.refused(&site, &format!("{path}/{command}"), json!({"reason": "It leaks."})).0, 403);
        }
        let bare = admin.client(&site).post(&format!("{path}/reopen"), &json!({}));
        assert_eq!((bare.code(), bare.fields()), ("VALIDATION_ERROR", vec!["reason"]));
        let reopened = admin.post(&site, &format!("{path}/reopen"), json!({"reason": "It leaks."}));
        assert_eq!((&reopened["status"], &reopened["resolution_notes"]), (&json!("open"), &Value::Null));
        inspector.post(&site, &format!("{path}/resolve"), json!({"resolution_notes": "Another seal."}));
        assert_eq!(admin.post(&site, &format!("{path}/close"), json!({}))["status"], "closed");
    }

    fn a_specialist_who_smells_burning_reports_it_without_an_inspection(site: TestSite) {
        let person = |role| Actor { user: site.user(role) };
        let (admin, engineer, specialist) = (person(Role::Admin), person(Role::Engineer), person(Role::Specialist));
        let machine = builders::equipment(&site.db, &site.context);
        let photo = specialist.client(&site).upload(&[], "motor.png", "image/png", &png(9, 9)).id();
        let report = json!({
            "equipment_id": machine.id, "description": "The motor smells of burning.", "severity": "critical",
            "category": "electrical", "photo_file_id": photo,
        });
        let defect = specialist.post(&site, "/api/defects", report.clone());
        assert_eq!((&defect["inspection_id"], &defect["checklist_item_id"]), (&Value::Null, &Value::Null));
        assert_eq!((&defect["status"], &defect["priority"], &defect["due_date"]),
            (&json!("open"), &json!("urgent"), &json!("2026-03-03")));
        assert_eq!((&defect["reported_by_id"], &defect["reported_by"]["id"], &defect["assigned_to_id"]),
            (&json!(specialist.user.id), &json!(specialist.user.id), &Value::Null));
        for planner in [&admin, &engineer] {
            let told = planner.client(&site).get("/api/notifications");
            assert_eq!((&told.data()[0]["type"], &told.data()[0]["priority"]), (&json!("defect_created"), &json!("urgent")));
        }
        assert!(specialist.new_notifications(&site).is_empty(), "not of what they did themselves");
        let path = format!("/api/defects/{}", defect["id"]);
        let shown = engineer.client(&site).get(&path);
        assert_eq!((&shown.data()["inspection"], &shown.data()["photo_file_ids"]), (&Value::Null, &json!([photo])));
        assert_eq!(engineer.client(&site).get(&format!("/api/files/{photo}")).status, 200);
        assert_eq!(specialist.client(&site).delete(&format!("/api/files/{photo}")).code(), "RULE_VIOLATION", "evidence");
        let history = admin.client(&site).get(&format!("/api/equipment/{}/history", machine.id));
        assert_eq!(history.data()[0]["defect"]["id"], defect["id"]);
        let numbers = admin.client(&site).get("/api/reports/defect-analytics");
        assert_eq!(numbers.data()["by_severity"]["critical"], 1, "{}", numbers.text);

        // It is repaired like any other defect; a rejection costs the reporter no point.
        let assign = json!({"specialist_id": specialist.user.id});
        let job = engineer.post(&site, &format!("{path}/assign-specialist"), assign);
        let shown = specialist.client(&site).get(&format!("/api/jobs/{}", job["id"]));
        assert_eq!(shown.json["data"]["photo_file_ids"], json!([]), "not before the planned time: {}", shown.text);
        specialist.post(&site, &format!("/api/jobs/{}/planned-time", job["id"]), json!({"hours": 1}));
        let shown = specialist.client(&site).get(&format!("/api/jobs/{}", job["id"]));
        assert_eq!(shown.data()["photo_file_ids"], json!([photo]));
        let verdict = json!({"defect_id": defect["id"], "verdict": "reject", "technical_notes": "Only dust."});
        specialist.post(&site, "/api/defect-assessments", verdict);
        assert_eq!(specialist.points(&site), 0);
        assert_eq!(admin.client(&site).get(&path).data()["status"], "false_alarm");
    }

    fn a_report_names_every_wrong_field(site: TestSite) {
        let inspector = site.as_a(Role::Inspector);
        let machine = builders::equipment(&site.db, &site.context);
        let bare = inspector.post("/api/defects", &json!({"severity": "terrible"}));
        assert_eq!((bare.code(), bare.fields()), ("VALIDATION_ERROR", vec!["equipment_id", "description", "severity"]));
        let document = inspector.upload(&[], "motor.pdf", "application/pdf", &pdf()).id();
        let body = json!({"equipment_id": machine.id, "description": "x", "severity": "low", "photo_file_id": document});
        let refused = inspector.post("/api/defects", &body);
        assert_eq!((refused.code(), refused.fields()), ("VALIDATION_ERROR", vec!["photo_file_id"]));
        let unknown = json!({"equipment_id": 9999, "description": "x", "severity": "low"});
        assert_eq!(inspector.post("/api/defects", &unknown).code(), "NOT_FOUND");
        assert_eq!(inspector.get("/api/defects").json["pagination"]["total"], 0, "nothing is left behind");
    }

    fn a_report_made_without_a_network_arrives_once(site: TestSite) {
        let inspector = site.as_a(Role::Inspector);
        let machine = builders::equipment(&site.db, &site.context);
        let item = json!({
            "client_id": "0f8fad5b-d9cb-469f-a165-000000000001", "entity_type": "defect_report",
            "entity_data": {"equipment_id": machine.id, "description": "Oil on the floor.", "severity": "high"},
        });
        for outcome in ["applied", "duplicate"] {
            let answer = inspector.post("/api/sync", &item);
            assert_eq!((&answer.data()["outcome"], &answer.data()["result"]["severity"]), (&json!(outcome), &json!("high")));
        }
        assert_eq!(inspector.get("/api/defects").json["pagination"]["total"], 1);
    }

    fn a_false_alarm_sends_the_specialist_home_and_tells_who_raised_it(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, inspector, first, defect, .. } = &scenario;
        let path = format!("/api/defects/{defect}");
        let job = admin.post(site, &format!("{path}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let job = job["id"].as_i64().expect("an id");
        first.post(site, &format!("/api/jobs/{job}/planned-time"), json!({"hours": 2}));
        first.post(site, &format!("/api/jobs/{job}/start"), json!({}));
        first.post(site, &format!("/api/jobs/{job}/pause"), json!({"reason_category": "parts"}));
        assert_eq!(scenario.status_of_machine(), "under_maintenance");
        let alarm = format!("{path}/false-alarm");
        assert_eq!(inspector.refused(site, &alarm, json!({"reason": "x"})), (403, "FORBIDDEN".into()));
        let bare = engineer.client(site).post(&alarm, &json!({}));
        assert_eq!((bare.code(), bare.fields()), ("VALIDATION_ERROR", vec!["reason"]));
        for person in [admin, engineer, inspector, first] {
            person.new_notifications(site);
        }
        let dismissed = engineer.post(site, &alarm, json!({"reason": "It was the shadow of the hook."}));
        assert_eq!(dismissed["status"], "false_alarm");
        assert_eq!(scenario.job(job)["status"], "cancelled");
        assert_eq!(scenario.status_of_machine(), "active");
        assert_eq!(inspector.new_notifications(site), ["defect_dismissed"]);
        assert_eq!(first.new_notifications(site), ["job_cancelled"]);
        assert_eq!(admin.new_notifications(site), ["job_cancelled"], "the creator of the job");
        assert!(engineer.new_notifications(site).is_empty());
        assert_eq!(inspector.points(site), 0);
        let pending = admin.client(site).get("/api/jobs/pauses/pending");
        assert_eq!(pending.json["pagination"]["total"], 0);
        assert_eq!(engineer.refused(site, &alarm, json!({"reason": "Again."})).1, "INVALID_STATE");
        let trail = admin.client(site).get(&format!("/api/admin/audit?entity_type=defect&entity_id={defect}&action=dismiss"));
        assert_eq!(trail.data()[0]["changes"]["reason"]["new"], "It was the shadow of the hook.");
    }

    fn resolving_a_defect_completes_the_job_in_progress_and_its_machine_runs_again(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, first, qe, defect, .. } = &scenario;
        let path = format!("/api/defects/{defect}");
        let job = engineer.post(site, &format!("{path}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let job = job["id"].as_i64().expect("an id");
        first.post(site, &format!("/api/jobs/{job}/planned-time"), json!({"hours": 2}));
        first.post(site, &format!("/api/jobs/{job}/start"), json!({}));
        site.clock.advance_seconds(3600);
        let pause = first.post(site, &format!("/api/jobs/{job}/pause"), json!({"reason_category": "parts"}));
        engineer.post(site, &format!("/api/jobs/pauses/{}/approve", pause["id"]), json!({}));
        site.clock.advance_seconds(3600);
        for person in [admin, engineer, first] {
            person.new_notifications(site);
        }
        engineer.post(site, &format!("{path}/resolve"), json!({"resolution_notes": "Fixed it."}));
        let done = scenario.job(job);
        assert_eq!((&done["status"], &done["work_notes"], &done["actual_time_hours"], &done["total_paused_seconds"]),
            (&json!("completed"), &json!("Fixed it."), &json!(1.0), &json!(3600)));
        assert_eq!((&done["time_rating"], &done["paused_at"]), (&json!(7), &Value::Null));
        assert_eq!(scenario.status_of_machine(), "active");
        let defect = scenario.defect();
        assert_eq!((&defect["status"], &defect["resolved_by_id"]), (&json!("resolved"), &json!(engineer.user.id)));
        assert_eq!(first.new_notifications(site), ["job_completed"]);
        assert_eq!(admin.new_notifications(site), ["defect_resolved"]);
        assert_eq!(qe.new_notifications(site), ["quality_review_assigned"]);
        assert_eq!(first.refused(site, &format!("/api/jobs/{job}/complete"), json!({"work_notes": "Changed the seal."})).1,
            "INVALID_STATE");
        let trail = admin.client(site).get(&format!("/api/admin/audit?entity_type=specialist_job&entity_id={job}&action=complete"));
        assert_eq!(trail.data()[0]["actor_id"], json!(engineer.user.id), "{}", trail.text);
    }

    fn resolving_a_defect_ends_an_unstarted_job_without_a_rating(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, engineer, first, qe, defect, .. } = &scenario;
        let path = format!("/api/defects/{defect}");
        let job = engineer.post(site, &format!("{path}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let job = job["id"].as_i64().expect("an id");
        engineer.post(site, &format!("{path}/resolve"), json!({"resolution_notes": "Tightened a screw."}));
        let done = scenario.job(job);
        assert_eq!((&done["status"], &done["time_rating"], &done["actual_time_hours"]), (&json!("completed"), &Value::Null, &Value::Null));
        assert!(qe.new_notifications(site).is_empty(), "there is no work to review");
        let own = first.client(site).get(&format!("/api/jobs/{job}"));
        assert_eq!((own.status, &own.data()["work_notes"]), (200, &json!("Tightened a screw.")), "the gate is open at the end");
        assert_eq!(scenario.status_of_machine(), "active");
    }

    fn an_owner_who_resolves_without_starting_is_reviewed_all_the_same(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, engineer, first, qe, defect, .. } = &scenario;
        let path = format!("/api/defects/{defect}");
        engineer.post(site, &format!("{path}/assign-specialist"), json!({"specialist_id": first.user.id}));
        first.post(site, &format!("{path}/resolve"), json!({"resolution_notes": "Done on my way."}));
        assert_eq!(qe.new_notifications(site), ["quality_review_assigned"]);
    }

    fn a_stopped_machine_stays_stopped_when_its_defect_is_resolved(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, first, defect, machine, .. } = &scenario;
        let path = format!("/api/defects/{defect}");
        let job = engineer.post(site, &format!("{path}/assign-specialist"), json!({"specialist_id": first.user.id}));
        first.post(site, &format!("/api/jobs/{}/planned-time", job["id"]), json!({"hours": 2}));
        admin.client(site).put(&format!("/api/equipment/{machine}"), &json!({"status": "stopped"}));
        engineer.post(site, &format!("{path}/resolve"), json!({"resolution_notes": "Welded."}));
        assert_eq!(scenario.status_of_machine(), "stopped");
    }

    fn a_machine_left_under_maintenance_by_an_incomplete_job_runs_again_with_its_resolved_defect(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, engineer, first, defect, .. } = &scenario;
        let path = format!("/api/defects/{defect}");
        let job = engineer.post(site, &format!("{path}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let job = job["id"].as_i64().expect("an id");
        first.post(site, &format!("/api/jobs/{job}/planned-time"), json!({"hours": 2}));
        first.post(site, &format!("/api/jobs/{job}/start"), json!({}));
        first.post(site, &format!("/api/jobs/{job}/incomplete"), json!({"reason": "No parts for weeks."}));
        assert_eq!(scenario.status_of_machine(), "under_maintenance");
        engineer.post(site, &format!("{path}/resolve"), json!({"resolution_notes": "The maker came."}));
        assert_eq!((scenario.status_of_machine().as_str(), &scenario.job(job)["status"]), ("active", &json!("incomplete")));
    }
}
