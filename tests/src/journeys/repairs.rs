//! From a failed answer to a closed defect: pause, takeover, rejection, second repair, with all
//! notifications, points and changes of status on the way.

use inspection_domain::users::Role;
use inspection_testkit::builders::{self, CRITICAL};
use serde_json::{Value, json};

use crate::{
    actors::Actor,
    site::{TestSite, on_both},
};

/// A machine with one defect and the users who handle it.
pub(crate) struct RepairScenario {
    pub(crate) site: TestSite,
    pub(crate) admin: Actor,
    pub(crate) engineer: Actor,
    pub(crate) inspector: Actor,
    pub(crate) first: Actor,
    pub(crate) second: Actor,
    pub(crate) qe: Actor,
    pub(crate) machine: i64,
    pub(crate) defect: i64,
}

impl RepairScenario {
    pub(crate) fn begin(site: TestSite) -> Self {
        let person = |role| Actor { user: site.user(role) };
        let (admin, engineer, inspector) =
            (person(Role::Admin), person(Role::Engineer), person(Role::Inspector));
        let (first, second, qe) =
            (person(Role::Specialist), person(Role::Specialist), person(Role::QualityEngineer));
        builders::checklist(&site.db, &site.context, &admin.user);
        let machine = builders::equipment(&site.db, &site.context);
        let (_, found) = builders::submitted(&site.db, &site.context, &inspector.user, &machine, &[CRITICAL]);
        let scenario = Self {
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
        for person in [
            &scenario.admin,
            &scenario.engineer,
            &scenario.inspector,
            &scenario.first,
            &scenario.second,
            &scenario.qe,
        ] {
            person.new_notifications(&scenario.site);
        }
        scenario
    }

    pub(crate) fn status_of_machine(&self) -> String {
        let machine = self.admin.client(&self.site).get(&format!("/api/equipment/{}", self.machine));
        machine.data()["status"].as_str().expect("a status").to_owned()
    }

    pub(crate) fn defect(&self) -> Value {
        self.admin.client(&self.site).get(&format!("/api/defects/{}", self.defect)).data().clone()
    }

    pub(crate) fn job(&self, id: i64) -> Value {
        self.admin.client(&self.site).get(&format!("/api/jobs/{id}")).data().clone()
    }
}

on_both! {
    fn a_failed_answer_becomes_a_closed_defect(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, inspector, first, second, qe, defect, .. } = &scenario;
        let none: Vec<String> = Vec::new();

        // The engineer assigns the first specialist. A major job needs a reason.
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
        assert_eq!(first.new_notifications(site), ["job_assigned"]);
        assert_eq!(scenario.defect()["status"], "in_progress");
        assert_eq!(scenario.status_of_machine(), "active", "work has not started");

        // Before the planned time is entered the owner sees number, size, status and defect only.
        let path = format!("/api/jobs/{id}");
        let closed = first.client(site).get(&path);
        assert_eq!((closed.status, closed.code()), (403, "PLANNED_TIME_REQUIRED"));
        let outline = &closed.json["data"];
        let mut seen: Vec<_> = outline.as_object().expect("fields").iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| key).collect();
        seen.sort();
        assert_eq!(seen, [
            "can_view_details", "category", "cleaning_file_ids", "code", "created_at", "defect_id", "equipment_name",
            "findings", "has_planned_time", "id", "is_paused", "is_running", "is_stalled", "job_id", "kind", "owner", "paused_seconds", "photo_file_ids",
            "specialist_id", "status", "total_paused_seconds", "universal_id", "updated_at", "worked_seconds",
        ]);
        assert_eq!((&outline["status"], &outline["category"], &outline["defect_id"], &outline["specialist_id"]),
            (&json!("assigned"), &json!("major"), &json!(defect), &json!(first.user.id)));
        assert_eq!((&outline["has_planned_time"], &outline["can_view_details"], &outline["cleaning_file_ids"]),
            (&json!(false), &json!(false), &json!([])));
        let planner = scenario.job(id);
        assert_eq!((&planner["has_planned_time"], &planner["can_view_details"], &planner["code"]), (&json!(false), &json!(true), &json!(null)));
        let hidden = |key: &&String| outline[key.as_str()].is_null();
        assert!(planner.as_object().expect("fields").keys().all(|key| outline.get(key).is_some()), "nothing is missing: {outline}");
        assert!(planner.as_object().expect("fields").keys().filter(hidden).count() > 10, "{outline}");
        for list in ["/api/jobs", "/api/jobs/pending-planned-time"] {
            let list = first.client(site).get(list);
            assert_eq!(list.data()[0]["code"], "PLANNED_TIME_REQUIRED");
            assert_eq!((&list.data()[0]["major_reason"], &list.data()[0]["status"]), (&json!(null), &json!("assigned")));
        }
        assert_eq!(second.client(site).get(&path).code(), "FORBIDDEN");
        assert_eq!(first.refused(site, &format!("{path}/start"), json!({})), (403, "PLANNED_TIME_REQUIRED".into()));
        assert_eq!(first.client(site).get("/api/defect-assessments/pending").json["pagination"]["total"], 0);
        let opened = first.post(site, &format!("{path}/planned-time"), json!({"hours": 4}));
        assert_eq!((&opened["planned_time_hours"], &opened["defect"]["id"]), (&json!(4.0), &json!(defect)));
        assert_eq!(first.refused(site, &format!("{path}/planned-time"), json!({"hours": 5})).1, "INVALID_STATE");
        assert_eq!(first.client(site).get("/api/jobs/pending-planned-time").json["pagination"]["total"], 0);
        assert_eq!(scenario.status_of_machine(), "under_maintenance");

        // The specialist confirms the defect and starts.
        let waiting = first.client(site).get("/api/defect-assessments/pending");
        assert_eq!((&waiting.data()[0]["job_id"], &waiting.data()[0]["defect"]["id"]), (&json!(id), &json!(defect)));
        let verdict = json!({"defect_id": defect, "verdict": "confirm", "technical_notes": "Cracked indeed."});
        assert_eq!(second.refused(site, "/api/defect-assessments", verdict.clone()).1, "FORBIDDEN");
        first.post(site, "/api/defect-assessments", verdict.clone());
        assert_eq!(first.refused(site, "/api/defect-assessments", verdict).1, "DUPLICATE");
        assert_eq!(scenario.defect()["assessment_status"], "confirmed");
        first.post(site, &format!("{path}/start"), json!({}));

        // One hour later, parts are missing.
        site.clock.advance_seconds(3600);
        assert_eq!(first.refused(site, &format!("{path}/pause"), json!({"reason_category": "other", "reason_details": "short"})).1,
            "VALIDATION_ERROR");
        let pause = first.post(site, &format!("{path}/pause"), json!({"reason_category": "parts"}));
        assert_eq!(first.refused(site, &format!("{path}/pause"), json!({"reason_category": "tools"})).1, "DUPLICATE");
        assert_eq!(admin.new_notifications(site), ["pause_requested"]);
        assert_eq!(engineer.new_notifications(site), ["pause_requested"]);
        site.clock.advance_seconds(600);
        let pause = format!("/api/jobs/pauses/{}", pause["id"]);
        assert_eq!(engineer.client(site).get("/api/jobs/pauses/pending").data()[0]["job_number"], job["job_id"]);
        engineer.post(site, &format!("{pause}/approve"), json!({}));
        assert_eq!(first.new_notifications(site), ["pause_approved"]);
        assert_eq!(scenario.job(id)["status"], "paused");
        assert_eq!(engineer.refused(site, &format!("{pause}/deny"), json!({"reason": "no"})).1, "INVALID_STATE");
        assert_eq!(second.refused(site, &format!("{path}/takeover"), json!({})).1, "INVALID_STATE", "too early");

        // Three days later the job is stalled and the second specialist takes it over.
        site.clock.advance_seconds(3 * 86_400);
        let stalled = second.client(site).get("/api/jobs/stalled");
        assert_eq!((&stalled.data()[0]["id"], &stalled.data()[0]["is_stalled"]), (&json!(id), &json!(true)));
        assert_eq!(first.refused(site, &format!("{path}/takeover"), json!({})).1, "RULE_VIOLATION", "a takeover of the job by its owner");
        let third = Actor { user: site.user(Role::Specialist) };
        let takeover = second.post(site, &format!("{path}/takeover"), json!({"reason": "I have the parts."}));
        assert_eq!((&takeover["queue_position"], &takeover["job_id"]), (&json!(1), &json!(id)));
        assert_eq!(third.post(site, &format!("{path}/takeover"), json!({}))["queue_position"], 2);
        assert_eq!((&takeover["requested_by"], &takeover["requester"]["id"]), (&json!(second.user.id), &json!(second.user.id)));
        assert_eq!((&takeover["approved_by"], &takeover["approved_at"], &takeover["bonus_awarded"]), (&json!(null), &json!(null), &json!(false)));
        assert_eq!(second.refused(site, &format!("{path}/takeover"), json!({})).1, "DUPLICATE");
        assert_eq!(admin.new_notifications(site), ["takeover_requested", "takeover_requested"]);
        let queue = second.client(site).get(&format!("/api/takeovers/queue?job_type=specialist&job_id={id}"));
        assert_eq!(queue.json["pagination"]["total"], 2);
        admin.post(site, &format!("/api/takeovers/{}/approve", takeover["id"]), json!({}));
        assert_eq!(second.new_notifications(site), ["takeover_approved"]);
        assert_eq!(first.new_notifications(site), ["takeover_approved"]);
        assert_eq!(third.new_notifications(site), ["takeover_denied"]);
        let taken = scenario.job(id);
        assert_eq!((&taken["status"], &taken["specialist_id"], &taken["job_id"]), (&json!("assigned"), &json!(second.user.id), &job["job_id"]));
        assert_eq!((&taken["planned_time_hours"], &taken["started_at"], &taken["paused_seconds"]), (&json!(null), &json!(null), &json!(0)));
        let log = admin.client(site).get(&format!("{path}/pause-history"));
        let ended = &log.data()[0];
        assert_eq!((&ended["duration_seconds"], &ended["duration_minutes"]), (&json!(3 * 86_400 + 600), &json!(3 * 1440 + 10)), "the history remains, from the request on");
        assert_eq!((&ended["status"], &ended["job_type"]), (&json!("approved"), &json!("specialist")), "the decision stays");
        assert_eq!((&ended["requested_by"], &ended["approved_by"]), (&json!(first.user.id), &json!(engineer.user.id)));
        assert!(ended["resumed_at"].is_string(), "{ended}");
        assert_eq!(first.client(site).get(&path).code(), "FORBIDDEN");

        // Half an hour late for the second specialist: rated 4, defect resolved, machine active,
        // review requested.
        second.post(site, &format!("{path}/planned-time"), json!({"planned_time_hours": 1.5}));
        second.post(site, &format!("{path}/start"), json!({}));
        site.clock.advance_seconds(7200);
        assert_eq!(second.refused(site, &format!("{path}/complete"), json!({"work_notes": "done"})).1, "VALIDATION_ERROR");
        let done = second.post(site, &format!("{path}/complete"), json!({"work_notes": "New hook fitted.", "completion_status": "complete"}));
        assert_eq!((&done["status"], &done["actual_time_hours"], &done["time_rating"]), (&json!("completed"), &json!(2.0), &json!(4)));
        assert_eq!(done["qe_id"], json!(qe.user.id));
        assert_eq!(second.new_notifications(site), ["takeover_bonus"]);
        assert_eq!(second.points(site), 3);
        assert_eq!(qe.new_notifications(site), ["quality_review_assigned"]);
        assert_eq!(admin.new_notifications(site), ["defect_resolved", "job_completed"]);
        let resolved = scenario.defect();
        assert_eq!((&resolved["status"], &resolved["resolution_notes"]), (&json!("resolved"), &json!("New hook fitted.")));
        assert_eq!(scenario.status_of_machine(), "active");
        let finished = admin.client(site).get("/api/takeovers").data()[1].clone();
        assert_eq!((&finished["status"], &finished["bonus_awarded"], &finished["approved_by"]), (&json!("completed"), &json!(true), &json!(admin.user.id)));

        // Cleaning with a photo. A second rating adds the difference.
        let photo = second.client(site).upload(&[("related_type", "cleaning"), ("related_id", &id.to_string())], "clean.jpg", "image/jpeg",
            &inspection_testkit::files::jpeg(20, 20)).id();
        second.post(site, &format!("{path}/cleaning"), json!({"notes": "Swept.", "file_ids": [photo]}));
        assert_eq!(second.client(site).delete(&format!("/api/files/{photo}")).code(), "RULE_VIOLATION", "it is evidence now");
        admin.post(site, &format!("{path}/admin/cleaning-rating"), json!({"rating": 2}));
        let cleaned = admin.post(site, &format!("{path}/admin/cleaning-rating"), json!({"cleaning_rating": 1}));
        assert_eq!((&cleaned["cleaning_rating"], &cleaned["cleaning_notes"], &cleaned["cleaning_file_ids"]), (&json!(1), &json!("Swept."), &json!([photo])));
        assert_eq!(admin.client(site).get("/api/jobs").data()[0]["cleaning_rating"], 1);
        assert_eq!(second.points(site), 4);
        admin.post(site, &format!("{path}/admin/bonus"), json!({"bonus": 5}));
        admin.post(site, &format!("{path}/admin/bonus"), json!({"admin_bonus": 3}));
        assert_eq!(second.points(site), 7);

        // The quality engineer rejects the work and the admin agrees: both entries are booked once
        // and the job is reopened.
        let review = qe.client(site).get("/api/quality-reviews/pending").data()[0]["id"].as_i64().expect("an id");
        let review = format!("/api/quality-reviews/{review}");
        assert_eq!(qe.refused(site, &format!("{review}/reject"), json!({"category": "other", "reason": "bad"})).1, "VALIDATION_ERROR");
        qe.post(site, &format!("{review}/reject"), json!({
            "category": "equipment_still_faulty", "reason": "The hook turns the wrong way round.", "evidence_notes": "see for yourself",
            "notes": "The old hook is in the store.",
        }));
        let rejected = qe.client(site).get(&review);
        assert_eq!((&rejected.data()["evidence_notes"], &rejected.data()["notes"]), (&json!("see for yourself"), &json!("The old hook is in the store.")));
        assert_eq!((&rejected.data()["quality_engineer"]["id"], &rejected.data()["admin_validation"]), (&json!(qe.user.id), &json!(null)));

        assert_eq!(admin.new_notifications(site), ["quality_rejection_pending"]);
        assert_eq!(scenario.job(id)["status"], "completed", "until an admin agrees");
        assert_eq!(qe.refused(site, &format!("{review}/validate"), json!({"is_valid": true})).1, "FORBIDDEN");
        let decided = admin.post(site, &format!("{review}/validate"), json!({"admin_validation": "valid", "admin_validation_notes": "Indeed."}));
        assert_eq!((&decided["status"], &decided["admin_validation"], &decided["sla_met"]), (&json!("rejected"), &json!("valid"), &json!(true)));
        assert_eq!((&decided["admin_validation_notes"], &decided["notes"]), (&json!("Indeed."), &json!("The old hook is in the store.")));
        assert_eq!(admin.refused(site, &format!("{review}/validate"), json!({"is_valid": false})).1, "INVALID_STATE");
        assert_eq!((second.points(site), qe.points(site)), (5, 2));
        assert_eq!(second.new_notifications(site), ["rejection_validated"]);
        assert_eq!(qe.new_notifications(site), ["rejection_validated"]);
        let open = scenario.defect();
        assert_eq!((&open["status"], &open["resolution_notes"], &open["job"]["status"]), (&json!("open"), &json!(null), &json!("incomplete")));

        // The admin assigns the first specialist again: the second repair is on time, approved,
        // closed.
        let again = admin.post(site, &format!("{path}/reassign"), json!({"specialist_id": first.user.id, "reason": "You know it."}));
        assert_eq!((&again["status"], &again["job_id"]), (&json!("assigned"), &job["job_id"]));
        assert_eq!(first.new_notifications(site), ["job_assigned"]);
        assert_eq!(scenario.defect()["status"], "in_progress");
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        assert_eq!(scenario.status_of_machine(), "under_maintenance");
        first.post(site, &format!("{path}/start"), json!({}));
        site.clock.advance_seconds(3600);
        let done = first.post(site, &format!("{path}/complete"), json!({"work_notes": "Turned the hook round."}));
        assert_eq!((&done["time_rating"], &done["actual_time_hours"]), (&json!(5), &json!(1.0)));
        assert_eq!(first.points(site), 0, "no takeover this time");
        assert_eq!(qe.new_notifications(site), ["quality_review_assigned"]);
        let review = qe.client(site).get("/api/quality-reviews/pending").data()[0]["id"].clone();
        qe.post(site, &format!("/api/quality-reviews/{review}/approve"), json!({"rating": 5, "notes": "Well done."}));
        assert_eq!(first.new_notifications(site), ["quality_approved"]);
        let approved = scenario.job(id);
        assert_eq!((&approved["status"], &approved["qc_rating"]), (&json!("qc_approved"), &json!(5)));
        admin.new_notifications(site);
        admin.post(site, &format!("/api/defects/{defect}/close"), json!({}));
        assert_eq!(scenario.defect()["status"], "closed");
        assert_eq!(scenario.status_of_machine(), "active");
        assert_eq!(third.new_notifications(site), none);
        assert_eq!(inspector.new_notifications(site), none);
        let history = admin.client(site).get(&format!("/api/equipment/{}/history", scenario.machine));
        assert!(history.data().as_array().expect("events").iter().any(|event| event["type"] == "job" || event["kind"] == "job"), "{}", history.text);
        let mismatches = site.db.read(inspection_testkit::ledger::mismatches).expect("a check");
        assert!(mismatches.is_empty(), "points equal the sum of the ledger");
    }
}
