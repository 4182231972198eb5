//! Pauses of jobs (rule book §7).

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::{Value, json};

use crate::{
    actors::Actor,
    site::{TestSite, on_both},
};

/// A specialist with a running repair, and the path of the repair.
fn running(site: &TestSite) -> (Actor, String) {
    let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
    let specialist = site.user(Role::Specialist);
    builders::checklist(&site.db, &site.context, &admin);
    let machine = builders::equipment(&site.db, &site.context);
    let defect = builders::defect(&site.db, &site.context, &inspector, &machine);
    let job = builders::repair(&site.db, &site.context, &admin, defect.id, &specialist);
    builders::started(&site.db, &site.context, &specialist, &job);
    (Actor { user: specialist }, format!("/api/jobs/{}", job.id))
}

fn number(value: &Value) -> String {
    value["id"].to_string()
}

on_both! {
    fn a_denied_pause_leaves_the_job_running(site: TestSite) {
        let (owner, job) = running(&site);
        let engineer = Actor { user: site.user(Role::Engineer) };
        let pause = owner.post(&site, &format!("{job}/pause"), json!({"reason_category": "parts"}));
        let path = format!("/api/jobs/pauses/{}", number(&pause));
        assert_eq!(owner.refused(&site, &format!("{path}/approve"), json!({})).0, 403, "the owner does not decide");
        let waiting = engineer.client(&site).get("/api/jobs/pauses/pending");
        assert_eq!((&waiting.json["pagination"]["total"], &waiting.data()[0]["id"]), (&json!(1), &pause["id"]));
        owner.new_notifications(&site);
        let denied = engineer.post(&site, &format!("{path}/deny"), json!({"reason": "Finish it first."}));
        assert_eq!((&denied["status"], &denied["denial_reason"]), (&json!("denied"), &json!("Finish it first.")));
        assert_eq!((&denied["approved_by"], &denied["resumed_at"]), (&json!(engineer.user.id), &json!(null)));
        assert_eq!(owner.new_notifications(&site), ["pause_denied"]);
        assert_eq!(owner.client(&site).get(&job).data()["status"], "in_progress");
        assert_eq!(engineer.refused(&site, &format!("{path}/approve"), json!({})).1, "INVALID_STATE", "decided once");
        assert_eq!(engineer.client(&site).get("/api/jobs/pauses/pending").json["pagination"]["total"], 0);
    }

    fn a_pause_does_not_count_as_work_and_ends_by_its_owner_or_a_planner(site: TestSite) {
        let (owner, job) = running(&site);
        let [engineer, other] = [Role::Engineer, Role::Specialist].map(|role| Actor { user: site.user(role) });
        let pause = || {
            let pause = owner.post(&site, &format!("{job}/pause"), json!({"reason_category": "tools"}));
            let path = format!("/api/jobs/pauses/{}", number(&pause));
            engineer.post(&site, &format!("{path}/approve"), json!({}));
            site.clock.advance_seconds(1800);
            path
        };
        let first = pause();
        assert_eq!(other.refused(&site, &format!("{first}/resume"), json!({})), (403, "FORBIDDEN".into()));
        engineer.post(&site, &format!("{first}/resume"), json!({}));
        assert_eq!(owner.refused(&site, &format!("{first}/resume"), json!({})).1, "INVALID_STATE");
        let second = pause();
        owner.post(&site, &format!("{second}/resume"), json!({}));
        site.clock.advance_seconds(3600);
        let done = owner.post(&site, &format!("{job}/complete"), json!({"work_notes": "Changed the seal and tried it."}));
        assert_eq!((&done["paused_seconds"], &done["actual_time_hours"]), (&json!(3600), &json!(1.0)));
    }

    fn a_pause_that_is_approved_the_next_morning_counts_from_its_request(site: TestSite) {
        let (owner, job) = running(&site);
        let engineer = Actor { user: site.user(Role::Engineer) };
        site.clock.advance_seconds(3600);
        let pause = owner.post(&site, &format!("{job}/pause"), json!({"reason_category": "duty_finish"}));
        site.clock.advance_seconds(16 * 3600);
        let path = format!("/api/jobs/pauses/{}", number(&pause));
        let approved = engineer.post(&site, &format!("{path}/approve"), json!({}));
        assert_eq!(approved["paused_at"], pause["requested_at"]);
        let paused = owner.client(&site).get(&job);
        assert_eq!((&paused.data()["worked_seconds"], &paused.data()["total_paused_seconds"]), (&json!(3600), &json!(16 * 3600)));
        let resumed = owner.post(&site, &format!("{path}/resume"), json!({}));
        assert_eq!(resumed["duration_seconds"], 16 * 3600);
        let done = owner.post(&site, &format!("{job}/complete"), json!({"work_notes": "Changed the seal and tried it."}));
        assert_eq!((&done["actual_time_hours"], &done["time_rating"]), (&json!(1.0), &json!(7)), "waiting is not work");
    }

    fn a_job_that_waits_three_days_for_an_approval_is_stalled_at_once(site: TestSite) {
        let (owner, job) = running(&site);
        let (engineer, taker) = (Actor { user: site.user(Role::Engineer) }, Actor { user: site.user(Role::Specialist) });
        let pause = owner.post(&site, &format!("{job}/pause"), json!({"reason_category": "parts"}));
        site.clock.advance_seconds(3 * 86_400);
        assert_eq!(taker.refused(&site, &format!("{job}/takeover"), json!({})).1, "INVALID_STATE", "not decided yet");
        engineer.post(&site, &format!("/api/jobs/pauses/{}/approve", number(&pause)), json!({}));
        assert_eq!(taker.client(&site).get("/api/jobs/stalled").data()[0]["is_stalled"], true);
        taker.post(&site, &format!("{job}/takeover"), json!({}));
    }

    fn a_pause_that_an_admin_orders_instead_counts_from_the_request(site: TestSite) {
        let (owner, job) = running(&site);
        let admin = Actor { user: site.user(Role::Admin) };
        let asked = owner.post(&site, &format!("{job}/pause"), json!({"reason_category": "parts"}));
        site.clock.advance_seconds(7200);
        let forced = admin.post(&site, &format!("{job}/admin/force-pause"), json!({}));
        assert_eq!(forced["paused_at"], asked["requested_at"]);
        let history = admin.client(&site).get(&format!("{job}/pause-history"));
        assert_eq!((&history.data()[1]["status"], &history.data()[1]["approved_by"]), (&json!("denied"), &json!(null)), "replaced");
        owner.post(&site, &format!("/api/jobs/pauses/{}/resume", number(&forced)), json!({}));
        site.clock.advance_seconds(600);
        let again = admin.post(&site, &format!("{job}/admin/force-pause"), json!({}));
        assert_ne!(again["paused_at"], forced["resumed_at"], "without a request it begins with the order");
        assert_eq!(admin.client(&site).get(&job).data()["paused_seconds"], 7200);
    }

    fn a_denial_needs_no_reason_and_an_obsolete_request_counts_as_denied(site: TestSite) {
        let (owner, job) = running(&site);
        let engineer = site.as_a(Role::Engineer);
        let ask = || owner.post(&site, &format!("{job}/pause"), json!({"reason_category": "parts"}));
        let first = ask();
        assert_eq!((&first["reason_details"], &first["created_at"]), (&json!(""), &first["requested_at"]));
        let denied = engineer.send("POST", &format!("/api/jobs/pauses/{}/deny", number(&first)), None);
        assert_eq!((denied.status, &denied.data()["denial_reason"]), (200, &json!("No reason was given.")));
        let second = ask();
        let body = json!({"denial_reason": "Parts are here."});
        let denied = engineer.post(&format!("/api/jobs/pauses/{}/deny", number(&second)), &body);
        assert_eq!(denied.data()["denial_reason"], "Parts are here.");
        ask();
        owner.post(&site, &format!("{job}/incomplete"), json!({"reason": "The parts do not fit."}));
        let history = engineer.get(&format!("{job}/pause-history"));
        assert_eq!((&history.data()[0]["status"], &history.data()[0]["approved_by"]), (&json!("denied"), &json!(null)));
    }

    fn only_planners_decide_pauses(site: TestSite) {
        let (owner, job) = running(&site);
        let pause = owner.post(&site, &format!("{job}/pause"), json!({"reason_category": "parts"}));
        for role in [Role::Inspector, Role::Specialist, Role::QualityEngineer] {
            let client = site.as_a(role);
            assert_eq!(client.get("/api/jobs/pauses/pending").status, 403, "{role}");
            for command in ["approve", "deny"] {
                let path = format!("/api/jobs/pauses/{}/{command}", number(&pause));
                assert_eq!(client.post(&path, &json!({"reason": "No."})).status, 403, "{role}");
            }
        }
    }
}
