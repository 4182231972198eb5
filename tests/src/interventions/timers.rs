//! Corrections of timers, and reminders of jobs that run for long (rule book §7, §16).

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::{Value, json};

use super::{NOTES, Worked, admin_of};
use crate::{
    actors::Actor,
    site::{TestSite, on_both},
};

fn instant(site: &TestSite, seconds: i64) -> Value {
    json!(site.context.clock.now().plus_seconds(seconds))
}

on_both! {
    fn a_specialist_who_forgot_to_stop_the_timer_gets_the_right_hours(site: TestSite) {
        let admin = admin_of(&site);
        let engineer = Actor { user: site.user(Role::Engineer) };
        let qe = Actor { user: site.user(Role::QualityEngineer) };
        for role in [Role::Specialist, Role::Engineer] {
            let job = Worked::new(&site, &admin.user, role);
            let (owner, path) = (&job.owner, format!("{}/timer", job.path));
            let early = json!({"pauses": [], "reason": "No."});
            assert_eq!(admin.client(&site).put(&path, &early).code(), "INVALID_STATE", "not started");
            job.lead_to(&site, &admin, "in_progress");
            let begun = job.state(&site, &admin)["started_at"].clone();
            site.clock.advance_seconds(16 * 3600);
            let done = owner.post(&site, &format!("{}/complete", job.path), json!({"work_notes": NOTES}));
            assert_eq!((&done["actual_time_hours"], &done["time_rating"]), (&json!(16.0), &json!(1)));
            owner.new_notifications(&site);
            let before = owner.points(&site);
            let review = || qe.client(&site).get("/api/quality-reviews/pending").data()[0].clone();
            let pending = review();
            let at = |seconds: i64| instant(&site, seconds - 16 * 3600);
            let right = json!({
                "completed_at": at(7200), "reason": "The phone was off.",
                "pauses": [{"paused_at": at(1800), "resumed_at": at(5400)}],
            });
            for person in [owner, &engineer] {
                assert_eq!(person.client(&site).put(&path, &right).code(), "FORBIDDEN");
            }
            let client = admin.client(&site);
            let corrected = client.put(&path, &right);
            let corrected = corrected.data();
            let facts = ["started_at", "completed_at", "paused_seconds", "actual_time_hours", "time_rating", "status"];
            assert_eq!(facts.map(|fact| corrected[fact].clone()),
                [begun.clone(), at(7200), json!(3600), json!(1.0), json!(5), json!("completed")]);
            assert_eq!(owner.new_notifications(&site), ["job_timer_corrected"]);
            let log = owner.client(&site).get(&format!("{}/interventions", job.path));
            let kept = &log.data()[0];
            assert_eq!((&kept["action"], &kept["actor_id"], &kept["reason"]),
                (&json!("correct_timer"), &json!(admin.user.id), &json!("The phone was off.")));
            assert_eq!(kept["changes"]["actual_time_hours"], json!({"old": 16.0, "new": 1.0}));
            assert_eq!(kept["changes"]["pauses"]["old"], json!([]));
            let history = owner.client(&site).get(&format!("{}/pause-history", job.path));
            assert_eq!((&history.data()[0]["duration_seconds"], &history.data()[0]["is_forced"]), (&json!(3600), &json!(true)));
            assert_eq!((owner.points(&site), review()["sla_deadline"].clone()), (before, pending["sla_deadline"].clone()));
            let wrong = json!({
                "started_at": at(-60), "completed_at": at(17 * 3600), "reason": "No.",
                "pauses": [
                    {"paused_at": at(-120), "resumed_at": at(60)}, {"paused_at": at(30), "resumed_at": at(20)},
                ],
            });
            let refused = client.put(&path, &wrong);
            assert_eq!((refused.code(), refused.fields()), ("VALIDATION_ERROR", vec![
                "completed_at", "pauses[0].paused_at", "pauses[1].paused_at", "pauses[1].resumed_at",
            ]));
            let unchanged = job.state(&site, &admin);
            assert_eq!((&unchanged["started_at"], &unchanged["completed_at"]), (&begun, &corrected["completed_at"]));
            let review = review()["id"].clone();
            qe.post(&site, &format!("/api/quality-reviews/{review}/approve"), json!({"rating": 5}));
            let again = client.put(&path, &json!({"pauses": [], "reason": "There was no pause."}));
            assert_eq!((&again.data()["actual_time_hours"], &again.data()["status"]), (&json!(2.0), &json!("qc_approved")));
            let history = admin.client(&site).get(&format!("{}/pause-history", job.path));
            assert_eq!(history.data()[0]["duration_seconds"], json!(null), "the pause is void");
        }
    }

    fn an_admin_does_not_correct_the_timer_of_their_own_job(site: TestSite) {
        let other = admin_of(&site);
        let own = builders::user_with(&site.db, &site.context, Role::Admin, |body| body["minor_role"] = json!("engineer"));
        let job = builders::engineer_job(&site.db, &site.context, &other.user, &own);
        builders::finished(&site.db, &site.context, &own, &job);
        let path = format!("/api/engineer-jobs/{}/timer", job.id);
        let body = json!({"pauses": [], "reason": "I was quick."});
        assert_eq!(site.client(&own).put(&path, &body).code(), "FORBIDDEN");
        assert_eq!(other.client(&site).put(&path, &body).status, 200);
    }

    fn an_owner_and_the_planners_are_reminded_of_a_job_that_runs_all_night(site: TestSite) {
        let admin = admin_of(&site);
        let engineer = Actor { user: site.user(Role::Engineer) };
        let job = Worked::new(&site, &admin.user, Role::Specialist);
        let (owner, path) = (&job.owner, &job.path);
        job.lead_to(&site, &admin, "in_progress");
        let run = || {
            let run = admin.client(&site).post("/api/admin/tasks/check_backlog/run", &json!({}));
            run.data()["counts"]["reminded"].clone()
        };
        let inboxes = || [owner, &admin, &engineer].map(|person| {
            let unread = person.new_notifications(&site);
            unread.iter().filter(|kind| *kind == "job_running_long").count()
        });
        inboxes();
        site.clock.advance_seconds(12 * 3600);
        assert_eq!((run(), inboxes()), (json!(0), [0, 0, 0]), "12 hours, and no more");
        site.clock.advance_seconds(1);
        assert_eq!((run(), inboxes()), (json!(1), [1, 1, 1]));
        site.clock.advance_seconds(3600);
        assert_eq!((run(), inboxes()), (json!(0), [0, 0, 0]), "once a day");
        // After two days without a run, one reminder is made up.
        site.clock.advance_seconds(2 * 86_400);
        assert_eq!((run(), inboxes()), (json!(1), [1, 1, 1]));
        site.clock.advance_seconds(86_400);
        let pause = admin.post(&site, &format!("{path}/admin/force-pause"), json!({}));
        assert_eq!((run(), inboxes()), (json!(0), [0, 0, 0]), "it is paused");
        owner.post(&site, &format!("/api/jobs/pauses/{}/resume", pause["id"]), json!({}));
        site.clock.advance_seconds(12 * 3600);
        assert_eq!((run(), inboxes()), (json!(0), [0, 0, 0]), "it was paused within 12 hours");
        site.clock.advance_seconds(2);
        assert_eq!((run(), inboxes()), (json!(1), [1, 1, 1]));
    }
}
