//! From a failed answer to a closed defect, over HTTP: pause, takeover, rejection, second repair, and everything that is told,
//! booked and changed on the way.

use inspection_domain::users::{Role, User};
use inspection_testkit::{
    builders::{self, CRITICAL},
    clients::Client,
};
use serde_json::{Value, json};

use crate::site::{TestSite, on_both};

/// A person of the story. They sign in anew whenever they act, since days go by.
struct Person {
    user: User,
}

impl Person {
    fn client(&self, site: &TestSite) -> Client {
        site.client(&self.user)
    }

    fn post(&self, site: &TestSite, path: &str, body: Value) -> Value {
        let answer = self.client(site).post(path, &body);
        assert!(answer.status < 300, "{path}: {} {}", answer.status, answer.text);
        answer.json["data"].clone()
    }

    fn refused(&self, site: &TestSite, path: &str, body: Value) -> (u16, String) {
        let answer = self.client(site).post(path, &body);
        assert!(answer.status >= 400, "{path}: {} {}", answer.status, answer.text);
        (answer.status, answer.code().to_owned())
    }

    /// The types of what they have been told since they last looked, the oldest first.
    fn told(&self, site: &TestSite) -> Vec<String> {
        let client = self.client(site);
        let unread = client.get("/api/notifications?unread_only=true&per_page=100");
        let mut types: Vec<String> = unread
            .data()
            .as_array()
            .expect("notifications")
            .iter()
            .map(|told| {
                assert!(!told["message"].as_str().expect("a text").contains('{'), "{told}");
                assert!(!told["message_ar"].as_str().unwrap_or_default().contains('{'), "{told}");
                told["type"].as_str().expect("a type").to_owned()
            })
            .collect();
        types.reverse();
        client.post("/api/notifications/read-all", &json!({})).data();
        types
    }

    fn points(&self, site: &TestSite) -> i64 {
        self.client(site).get("/api/auth/me").json["user"]["total_points"].as_i64().expect("points")
    }
}

struct Story {
    site: TestSite,
    admin: Person,
    engineer: Person,
    inspector: Person,
    first: Person,
    second: Person,
    qe: Person,
    machine: i64,
    defect: i64,
}

impl Story {
    fn begin(site: TestSite) -> Self {
        let person = |role| Person { user: site.user(role) };
        let (admin, engineer, inspector) =
            (person(Role::Admin), person(Role::Engineer), person(Role::Inspector));
        let (first, second, qe) =
            (person(Role::Specialist), person(Role::Specialist), person(Role::QualityEngineer));
        builders::checklist(&site.db, &site.context, &admin.user);
        let machine = builders::equipment(&site.db, &site.context);
        let (_, found) = builders::submitted(&site.db, &site.context, &inspector.user, &machine, &[CRITICAL]);
        let story = Self {
            machine: machine.id.get(),
            defect: found[0].id.get(),
            site,
            admin,
            engineer,
            inspector,
            first,
            second,
            qe,
        };
        for person in
            [&story.admin, &story.engineer, &story.inspector, &story.first, &story.second, &story.qe]
        {
            person.told(&story.site);
        }
        story
    }

    fn status_of_machine(&self) -> String {
        let machine = self.admin.client(&self.site).get(&format!("/api/equipment/{}", self.machine));
        machine.data()["status"].as_str().expect("a status").to_owned()
    }

    fn defect(&self) -> Value {
        self.admin.client(&self.site).get(&format!("/api/defects/{}", self.defect)).data().clone()
    }

    fn job(&self, id: i64) -> Value {
        self.admin.client(&self.site).get(&format!("/api/jobs/{id}")).data().clone()
    }
}

on_both! {
    fn a_failed_answer_becomes_a_closed_defect(site: TestSite) {
        let story = Story::begin(site);
        let Story { site, admin, engineer, inspector, first, second, qe, defect, .. } = &story;
        let nobody_told: Vec<String> = Vec::new();

        // The engineer gives it to the first specialist; a large job needs a reason.
        let assign = format!("/api/defects/{defect}/assign-specialist");
        assert_eq!(engineer.refused(site, &assign, json!({"specialist_id": first.user.id, "category": "major"})),
            (400, "VALIDATION_ERROR".into()));
        assert_eq!(engineer.refused(site, &assign, json!({"specialist_id": inspector.user.id})).1, "VALIDATION_ERROR");
        let job = engineer.post(site, &assign, json!({
            "specialist_id": first.user.id, "category": "major", "major_reason": "The hook has to come off.",
        }));
        let id = job["id"].as_i64().expect("an id");
        assert_eq!((&job["job_id"], &job["universal_id"]), (&json!(format!("{}-001", first.user.role_id)), &json!(1)));
        assert_eq!((&job["status"], &job["specialist_id"]), (&json!("assigned"), &json!(first.user.id)));
        assert_eq!(engineer.refused(site, &assign, json!({"specialist_id": second.user.id})).1, "INVALID_STATE");
        assert_eq!(first.told(site), ["job_assigned"]);
        assert_eq!(story.defect()["status"], "in_progress");
        assert_eq!(story.status_of_machine(), "active", "nobody works on it yet");

        // Its owner sees next to nothing before the planned time is entered.
        let path = format!("/api/jobs/{id}");
        let closed = first.client(site).get(&path);
        assert_eq!((closed.status, closed.code()), (403, "PLANNED_TIME_REQUIRED"));
        let mut seen: Vec<&String> = closed.json["data"].as_object().expect("a little").keys().collect();
        seen.sort();
        assert_eq!(seen, ["code", "equipment_name", "id", "job_id", "universal_id"]);
        for list in ["/api/jobs", "/api/jobs/pending-planned-time"] {
            let list = first.client(site).get(list);
            assert_eq!(list.data()[0]["code"], "PLANNED_TIME_REQUIRED");
            assert_eq!(list.data()[0].get("major_reason"), None);
        }
        assert_eq!(second.client(site).get(&path).code(), "FORBIDDEN");
        assert_eq!(first.refused(site, &format!("{path}/start"), json!({})), (403, "PLANNED_TIME_REQUIRED".into()));
        assert_eq!(first.client(site).get("/api/defect-assessments/pending").json["pagination"]["total"], 0);
        let opened = first.post(site, &format!("{path}/planned-time"), json!({"hours": 4}));
        assert_eq!((&opened["planned_time_hours"], &opened["defect"]["id"]), (&json!(4.0), &json!(defect)));
        assert_eq!(first.refused(site, &format!("{path}/planned-time"), json!({"hours": 5})).1, "INVALID_STATE");
        assert_eq!(story.status_of_machine(), "under_maintenance");

        // The specialist confirms it, and begins.
        let waiting = first.client(site).get("/api/defect-assessments/pending");
        assert_eq!((&waiting.data()[0]["job_id"], &waiting.data()[0]["defect"]["id"]), (&json!(id), &json!(defect)));
        let verdict = json!({"defect_id": defect, "verdict": "confirm", "technical_notes": "Cracked indeed."});
        assert_eq!(second.refused(site, "/api/defect-assessments", verdict.clone()).1, "FORBIDDEN");
        first.post(site, "/api/defect-assessments", verdict.clone());
        assert_eq!(first.refused(site, "/api/defect-assessments", verdict).1, "DUPLICATE");
        assert_eq!(story.defect()["assessment_status"], "confirmed");
        first.post(site, &format!("{path}/start"), json!({}));

        // An hour later parts are missing.
        site.clock.advance_seconds(3600);
        assert_eq!(first.refused(site, &format!("{path}/pause"), json!({"reason_category": "other", "reason_details": "short"})).1,
            "VALIDATION_ERROR");
        let pause = first.post(site, &format!("{path}/pause"), json!({"reason_category": "parts"}));
        assert_eq!(first.refused(site, &format!("{path}/pause"), json!({"reason_category": "tools"})).1, "DUPLICATE");
        assert_eq!(admin.told(site), ["pause_requested"]);
        assert_eq!(engineer.told(site), ["pause_requested"]);
        site.clock.advance_seconds(600);
        let pause = format!("/api/jobs/pauses/{}", pause["id"]);
        assert_eq!(engineer.client(site).get("/api/jobs/pauses/pending").data()[0]["job_number"], job["job_id"]);
        engineer.post(site, &format!("{pause}/approve"), json!({}));
        assert_eq!(first.told(site), ["pause_approved"]);
        assert_eq!(story.job(id)["status"], "paused");
        assert_eq!(engineer.refused(site, &format!("{pause}/deny"), json!({"reason": "no"})).1, "INVALID_STATE");
        assert_eq!(second.refused(site, &format!("{path}/takeover"), json!({})).1, "INVALID_STATE", "too early");

        // Three days later it is stalled, and the second specialist takes it over.
        site.clock.advance_seconds(3 * 86_400);
        let stalled = second.client(site).get("/api/jobs/stalled");
        assert_eq!((&stalled.data()[0]["id"], &stalled.data()[0]["is_stalled"]), (&json!(id), &json!(true)));
        assert_eq!(first.refused(site, &format!("{path}/takeover"), json!({})).1, "RULE_VIOLATION", "one's own");
        let third = Person { user: site.user(Role::Specialist) };
        let takeover = second.post(site, &format!("{path}/takeover"), json!({"reason": "I have the parts."}));
        assert_eq!((&takeover["position"], &takeover["job_id"]), (&json!(1), &json!(id)));
        assert_eq!(third.post(site, &format!("{path}/takeover"), json!({}))["position"], 2);
        assert_eq!(second.refused(site, &format!("{path}/takeover"), json!({})).1, "DUPLICATE");
        assert_eq!(admin.told(site), ["takeover_requested", "takeover_requested"]);
        let queue = second.client(site).get(&format!("/api/takeovers/queue?job_type=specialist&job_id={id}"));
        assert_eq!(queue.json["pagination"]["total"], 2);
        admin.post(site, &format!("/api/takeovers/{}/approve", takeover["id"]), json!({}));
        assert_eq!(second.told(site), ["takeover_approved"]);
        assert_eq!(first.told(site), ["takeover_approved"]);
        assert_eq!(third.told(site), ["takeover_denied"]);
        let taken = story.job(id);
        assert_eq!((&taken["status"], &taken["owner_id"], &taken["job_id"]), (&json!("assigned"), &json!(second.user.id), &job["job_id"]));
        assert_eq!((&taken["planned_time_hours"], &taken["started_at"], &taken["paused_seconds"]), (&json!(null), &json!(null), &json!(0)));
        let log = admin.client(site).get(&format!("{path}/pause-history"));
        assert_eq!(log.data()[0]["duration_seconds"], 3 * 86_400, "the log keeps what happened");
        assert_eq!(first.client(site).get(&path).code(), "FORBIDDEN");

        // Done half an hour late by the clock of the second: rated 4, defect resolved, machine running, review asked for.
        second.post(site, &format!("{path}/planned-time"), json!({"planned_time_hours": 1.5}));
        second.post(site, &format!("{path}/start"), json!({}));
        site.clock.advance_seconds(7200);
        assert_eq!(second.refused(site, &format!("{path}/complete"), json!({"work_notes": "done"})).1, "VALIDATION_ERROR");
        let done = second.post(site, &format!("{path}/complete"), json!({"work_notes": "New hook fitted.", "completion_status": "complete"}));
        assert_eq!((&done["status"], &done["actual_time_hours"], &done["time_rating"]), (&json!("completed"), &json!(2.0), &json!(4)));
        assert_eq!(done["qe_id"], json!(qe.user.id));
        assert_eq!(second.told(site), ["takeover_bonus"]);
        assert_eq!(second.points(site), 3);
        assert_eq!(qe.told(site), ["quality_review_assigned"]);
        assert_eq!(admin.told(site), ["defect_resolved", "job_completed"]);
        let resolved = story.defect();
        assert_eq!((&resolved["status"], &resolved["resolution_notes"]), (&json!("resolved"), &json!("New hook fitted.")));
        assert_eq!(story.status_of_machine(), "active");
        assert_eq!(admin.client(site).get("/api/takeovers").data()[1]["status"], "completed");

        // Cleaning with a photo, rated twice: the difference counts.
        let photo = second.client(site).upload(&[("related_type", "cleaning"), ("related_id", &id.to_string())], "clean.jpg", "image/jpeg",
            &inspection_testkit::files::jpeg(20, 20)).id();
        second.post(site, &format!("{path}/cleaning"), json!({"notes": "Swept.", "file_ids": [photo]}));
        assert_eq!(second.client(site).delete(&format!("/api/files/{photo}")).code(), "RULE_VIOLATION", "it is evidence now");
        admin.post(site, &format!("{path}/admin/cleaning-rating"), json!({"rating": 2}));
        admin.post(site, &format!("{path}/admin/cleaning-rating"), json!({"cleaning_rating": 1}));
        assert_eq!(second.points(site), 4);
        admin.post(site, &format!("{path}/admin/bonus"), json!({"bonus": 5}));
        admin.post(site, &format!("{path}/admin/bonus"), json!({"admin_bonus": 3}));
        assert_eq!(second.points(site), 7);

        // The quality engineer rejects it, the admin agrees: both penalties once, the work goes back.
        let review = qe.client(site).get("/api/quality-reviews/pending").data()[0]["id"].as_i64().expect("an id");
        let review = format!("/api/quality-reviews/{review}");
        assert_eq!(qe.refused(site, &format!("{review}/reject"), json!({"category": "other", "reason": "bad"})).1, "VALIDATION_ERROR");
        qe.post(site, &format!("{review}/reject"), json!({
            "category": "equipment_still_faulty", "reason": "The hook turns the wrong way round.", "evidence": "see for yourself",
        }));
        assert_eq!(admin.told(site), ["quality_rejection_pending"]);
        assert_eq!(story.job(id)["status"], "completed", "until an admin agrees");
        assert_eq!(qe.refused(site, &format!("{review}/validate"), json!({"is_valid": true})).1, "FORBIDDEN");
        let decided = admin.post(site, &format!("{review}/validate"), json!({"is_valid": true, "notes": "Indeed."}));
        assert_eq!((&decided["status"], &decided["is_valid"], &decided["sla_met"]), (&json!("rejected"), &json!(true), &json!(true)));
        assert_eq!(admin.refused(site, &format!("{review}/validate"), json!({"is_valid": false})).1, "INVALID_STATE");
        assert_eq!((second.points(site), qe.points(site)), (5, 2));
        assert_eq!(second.told(site), ["rejection_validated"]);
        assert_eq!(qe.told(site), ["rejection_validated"]);
        let open = story.defect();
        assert_eq!((&open["status"], &open["resolution_notes"], &open["job"]["status"]), (&json!("open"), &json!(null), &json!("incomplete")));

        // The admin gives it to the first again: the second repair, in time, approved, closed.
        let again = admin.post(site, &format!("{path}/reassign"), json!({"specialist_id": first.user.id, "reason": "You know it."}));
        assert_eq!((&again["status"], &again["job_id"]), (&json!("assigned"), &job["job_id"]));
        assert_eq!(first.told(site), ["job_assigned"]);
        assert_eq!(story.defect()["status"], "in_progress");
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        assert_eq!(story.status_of_machine(), "under_maintenance");
        first.post(site, &format!("{path}/start"), json!({}));
        site.clock.advance_seconds(3600);
        let done = first.post(site, &format!("{path}/complete"), json!({"work_notes": "Turned the hook round."}));
        assert_eq!((&done["time_rating"], &done["actual_time_hours"]), (&json!(5), &json!(1.0)));
        assert_eq!(first.points(site), 0, "nobody took anything over this time");
        assert_eq!(qe.told(site), ["quality_review_assigned"]);
        let review = qe.client(site).get("/api/quality-reviews/pending").data()[0]["id"].clone();
        qe.post(site, &format!("/api/quality-reviews/{review}/approve"), json!({"rating": 5, "notes": "Well done."}));
        assert_eq!(first.told(site), ["quality_approved"]);
        let approved = story.job(id);
        assert_eq!((&approved["status"], &approved["qc_rating"]), (&json!("qc_approved"), &json!(5)));
        admin.told(site);
        admin.post(site, &format!("/api/defects/{defect}/close"), json!({}));
        assert_eq!(story.defect()["status"], "closed");
        assert_eq!(story.status_of_machine(), "active");
        assert_eq!(third.told(site), nobody_told);
        assert_eq!(inspector.told(site), nobody_told);
        let history = admin.client(site).get(&format!("/api/equipment/{}/history", story.machine));
        assert!(history.data().as_array().expect("events").iter().any(|event| event["type"] == "job" || event["kind"] == "job"), "{}", history.text);
        let mismatches = site.db.read(inspection_persistence::points::mismatches).expect("a check");
        assert!(mismatches.is_empty(), "points are what the ledger says");
    }

    fn a_defect_that_is_none_costs_its_inspector_a_point(site: TestSite) {
        let story = Story::begin(site);
        let Story { site, engineer, inspector, first, defect, .. } = &story;
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        first.post(site, &format!("/api/jobs/{}/planned-time", job["id"]), json!({"hours": 1}));
        assert_eq!(story.status_of_machine(), "under_maintenance");
        first.post(site, "/api/defect-assessments", json!({"defect_id": defect, "verdict": "reject", "technical_notes": "Only paint."}));
        assert_eq!((story.defect()["status"].clone(), story.job(job["id"].as_i64().expect("an id"))["status"].clone()),
            (json!("false_alarm"), json!("cancelled")));
        assert_eq!(inspector.points(site), -1);
        assert_eq!(inspector.told(site), ["defect_rejected"]);
        assert_eq!(engineer.told(site), ["job_cancelled"]);
        assert_eq!(story.status_of_machine(), "active", "nobody works on it any more");
        let start = first.refused(site, &format!("/api/jobs/{}/start", job["id"]), json!({}));
        assert_eq!(start.1, "INVALID_STATE");
    }

    fn a_small_defect_is_of_low_priority(site: TestSite) {
        let story = Story::begin(site);
        let Story { site, engineer, first, defect, .. } = &story;
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        first.post(site, "/api/defect-assessments", json!({"defect_id": defect, "verdict": "minor", "technical_notes": "A scratch."}));
        assert_eq!((story.defect()["priority"].clone(), story.defect()["assessment_status"].clone()), (json!("low"), json!("minor")));
    }

    fn work_on_a_stopped_machine_does_not_release_it(site: TestSite) {
        let story = Story::begin(site);
        let Story { site, admin, engineer, first, defect, machine, .. } = &story;
        let put = admin.client(site).put(&format!("/api/equipment/{machine}"), &json!({"status": "stopped"}));
        assert_eq!(put.status, 200);
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        assert_eq!(story.status_of_machine(), "stopped");
        first.post(site, &format!("{path}/start"), json!({}));
        first.post(site, &format!("{path}/complete"), json!({"work_notes": "New hook fitted."}));
        assert_eq!(story.status_of_machine(), "stopped");
    }

    fn without_a_quality_engineer_the_work_stands_and_the_admin_finds_one(site: TestSite) {
        let story = Story::begin(site);
        let Story { site, admin, engineer, first, qe, defect, .. } = &story;
        admin.client(site).delete(&format!("/api/users/{}", qe.user.id)).data();
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        first.post(site, &format!("{path}/start"), json!({}));
        let done = first.post(site, &format!("{path}/complete"), json!({"work_notes": "New hook fitted."}));
        assert_eq!((&done["status"], &done["qe_id"]), (&json!("completed"), &json!(null)));
        assert_eq!(admin.told(site), ["defect_resolved", "job_completed", "no_quality_engineer"]);
        let found = Person { user: site.user(Role::QualityEngineer) };
        let wrong = admin.refused(site, "/api/quality-reviews", json!({"job_id": job["id"], "qe_id": first.user.id}));
        assert_eq!(wrong.1, "VALIDATION_ERROR");
        let review = admin.post(site, "/api/quality-reviews", json!({"job_type": "specialist", "job_id": job["id"], "qe_id": found.user.id}));
        assert_eq!(admin.refused(site, "/api/quality-reviews", json!({"job_id": job["id"], "qe_id": found.user.id})).1, "DUPLICATE");
        assert_eq!(found.told(site), ["quality_review_assigned"]);
        // Later than 48 hours: overdue, and not in time.
        site.clock.advance_seconds(48 * 3600 + 1);
        assert_eq!(found.client(site).get("/api/quality-reviews/overdue").data()[0]["id"], review["id"]);
        let late = found.post(site, &format!("/api/quality-reviews/{}/approve", review["id"]), json!({"qc_rating": 3}));
        assert_eq!(late["sla_met"], false);
    }

    fn a_wrong_rejection_costs_its_quality_engineer(site: TestSite) {
        let story = Story::begin(site);
        let Story { site, admin, engineer, first, qe, defect, .. } = &story;
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        first.post(site, &format!("{path}/start"), json!({}));
        first.post(site, &format!("{path}/complete"), json!({"work_notes": "New hook fitted."}));
        let review = qe.client(site).get("/api/quality-reviews/pending").data()[0]["id"].clone();
        qe.post(site, &format!("/api/quality-reviews/{review}/reject"), json!({"category": "other", "reason": "I do not like the colour of it."}));
        admin.post(site, &format!("/api/quality-reviews/{review}/validate"), json!({"is_valid": false}));
        assert_eq!((first.points(site), qe.points(site)), (0, -2));
        let after = story.job(job["id"].as_i64().expect("an id"));
        assert_eq!((&after["status"], &after["qc_rating"]), (&json!("qc_approved"), &json!(null)));
        assert_eq!(story.defect()["status"], "resolved");
    }

    fn engineers_work_under_the_same_timer(site: TestSite) {
        let story = Story::begin(site);
        let Story { site, admin, engineer, qe, .. } = &story;
        let body = json!({"job_type": "custom_project", "title": "New lights", "planned_time_days": 3});
        let job = engineer.post(site, "/api/engineer-jobs", body.clone());
        assert_eq!((&job["kind"], &job["universal_id"], &job["code"]), (&json!(null), &json!(1), &json!("PLANNED_TIME_REQUIRED")));
        assert_eq!(engineer.told(site), ["engineer_job_created"]);
        let other = Person { user: site.user(Role::Engineer) };
        assert_eq!(other.refused(site, "/api/engineer-jobs", json!({"job_type": "special_task", "title": "x", "engineer_id": engineer.user.id})).1, "FORBIDDEN");
        let path = format!("/api/engineer-jobs/{}", job["id"]);
        assert_eq!(other.client(site).get(&path).code(), "FORBIDDEN");
        assert_eq!(admin.client(site).get(&format!("/api/jobs/{}", job["id"])).code(), "NOT_FOUND", "it is no repair");
        engineer.post(site, &format!("{path}/planned-time"), json!({"planned_time_hours": 3}));
        engineer.post(site, &format!("{path}/start"), json!({}));
        site.clock.advance_seconds(1800);
        let pause = engineer.post(site, &format!("{path}/pause"), json!({"reason_category": "duty_finish"}));
        let pause = format!("/api/jobs/pauses/{}", pause["id"]);
        assert_eq!(engineer.refused(site, &format!("{pause}/approve"), json!({})).1, "FORBIDDEN", "somebody else decides");
        other.post(site, &format!("{pause}/deny"), json!({"reason": "Finish it."}));
        assert_eq!(engineer.told(site), ["pause_denied"]);
        let forced = admin.post(site, &format!("{path}/admin/force-pause"), json!({}));
        assert_eq!((&forced["status"], &forced["is_forced"]), (&json!("approved"), &json!(true)));
        assert_eq!(engineer.told(site), ["pause_approved"]);
        site.clock.advance_seconds(16 * 3600);
        engineer.post(site, &format!("/api/jobs/pauses/{}/resume", forced["id"]), json!({}));
        site.clock.advance_seconds(1800);
        let done = engineer.post(site, &format!("{path}/complete"), json!({"work_notes": "All lights are new."}));
        assert_eq!((&done["actual_time_hours"], &done["paused_seconds"], &done["time_rating"]), (&json!(1.0), &json!(16 * 3600), &json!(7)));
        assert_eq!(qe.told(site), ["quality_review_assigned"]);
        admin.post(site, &format!("{path}/admin/bonus"), json!({"bonus": 10}));
        let me = engineer.client(site).get("/api/auth/me");
        assert_eq!((&me.json["user"]["engineer_points"], &me.json["user"]["total_points"]), (&json!(10), &json!(10)));
    }

    fn a_late_inspection_is_taken_over_by_a_pair(site: TestSite) {
        let admin = Person { user: site.user(Role::Admin) };
        let (template, _) = builders::checklist(&site.db, &site.context, &admin.user);
        builders::routine(&site.db, &site.context, &admin.user, template.id);
        builders::equipment(&site.db, &site.context);
        let (_, on_it) = builders::generated(&site.db, &site.context, &admin.user);
        let assignment = on_it[0].id;
        let old = builders::team(&site.db, &site.context);
        builders::assigned(&site.db, &site.context, &admin.user, assignment, &old);
        // The mechanical half gets done, the electrical one is a draft.
        builders::half_submitted(&site.db, &site.context, &old.mechanical, assignment, &[]);
        let draft = builders::half_draft(&site.db, &site.context, &old.electrical, assignment).inspection.id;
        let new = builders::team(&site.db, &site.context);
        let (taker, partner) = (Person { user: new.electrical.clone() }, Person { user: new.mechanical.clone() });
        let path = format!("/api/inspection-assignments/{assignment}/takeover");
        let wanted = json!({"partner_id": partner.user.id, "reason": "We are there."});
        assert_eq!(taker.refused(&site, &path, wanted.clone()).1, "INVALID_STATE", "not late yet");
        site.clock.set("2026-03-04T08:00:00Z");
        assert_eq!(taker.refused(&site, &path, json!({"partner_id": old.electrical.id})).1, "VALIDATION_ERROR", "the same trade");
        let asked = taker.post(&site, &path, wanted);
        assert_eq!((&asked["job_type"], &asked["job_id"]), (&json!("inspection"), &json!(assignment)));
        admin.told(&site);
        admin.post(&site, &format!("/api/takeovers/{}/approve", asked["id"]), json!({}));
        let backlog = admin.client(&site).get("/api/inspection-assignments/backlog");
        assert_eq!(backlog.json["pagination"]["total"], 0, "there is time again");
        let left = Person { user: old.electrical.clone() };
        assert!(left.told(&site).contains(&"takeover_approved".to_owned()));
        let kept = left.client(&site).get(&format!("/api/inspections/{draft}"));
        assert_eq!((&kept.data()["status"], &kept.data()["assignment_id"]), (&json!("draft"), &json!(null)), "nothing is lost");
        builders::half_submitted(&site.db, &site.context, &taker.user, assignment, &[]);
        assert_eq!((taker.points(&site), partner.points(&site)), (3, 0));
        assert!(taker.told(&site).contains(&"takeover_bonus".to_owned()));
        assert_eq!(admin.client(&site).get("/api/takeovers?job_type=inspection").data()[0]["status"], "completed");
    }
}
