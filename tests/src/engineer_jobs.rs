//! Engineer jobs (rule book §7).

use inspection_domain::users::Role;
use serde_json::json;

use crate::{actors::Actor, journeys::repairs::RepairScenario, site::on_both};

on_both! {
    fn engineers_work_under_the_same_timer(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, qe, .. } = &scenario;
        let body = json!({"job_type": "custom_project", "title": "New lights", "planned_time_days": 3});
        let job = engineer.post(site, "/api/engineer-jobs", body.clone());
        assert_eq!((&job["kind"], &job["universal_id"], &job["code"]), (&json!(null), &json!(1), &json!("PLANNED_TIME_REQUIRED")));
        assert_eq!(engineer.new_notifications(site), ["engineer_job_created"]);
        let other = Actor { user: site.user(Role::Engineer) };
        assert_eq!(other.refused(site, "/api/engineer-jobs", json!({"job_type": "special_task", "title": "x", "engineer_id": engineer.user.id})).1, "FORBIDDEN");
        let path = format!("/api/engineer-jobs/{}", job["id"]);
        assert_eq!(other.client(site).get(&path).code(), "FORBIDDEN");
        assert_eq!(admin.client(site).get(&format!("/api/jobs/{}", job["id"])).code(), "NOT_FOUND", "it is not a repair");
        engineer.post(site, &format!("{path}/planned-time"), json!({"planned_time_hours": 3}));
        engineer.post(site, &format!("{path}/start"), json!({}));
        site.clock.advance_seconds(1800);
        let pause = engineer.post(site, &format!("{path}/pause"), json!({"reason_category": "duty_finish"}));
        let pause = format!("/api/jobs/pauses/{}", pause["id"]);
        assert_eq!(engineer.refused(site, &format!("{pause}/approve"), json!({})).1, "FORBIDDEN", "the owner does not decide");
        other.post(site, &format!("{pause}/deny"), json!({"reason": "Finish it."}));
        assert_eq!(engineer.new_notifications(site), ["pause_denied"]);
        let forced = admin.post(site, &format!("{path}/admin/force-pause"), json!({}));
        assert_eq!((&forced["status"], &forced["is_forced"]), (&json!("approved"), &json!(true)));
        assert_eq!(engineer.new_notifications(site), ["pause_approved"]);
        site.clock.advance_seconds(16 * 3600);
        engineer.post(site, &format!("/api/jobs/pauses/{}/resume", forced["id"]), json!({}));
        site.clock.advance_seconds(1800);
        let done = engineer.post(site, &format!("{path}/complete"), json!({"work_notes": "All lights are new."}));
        assert_eq!((&done["actual_time_hours"], &done["paused_seconds"], &done["time_rating"]), (&json!(1.0), &json!(16 * 3600), &json!(7)));
        assert_eq!(qe.new_notifications(site), ["quality_review_assigned"]);
        admin.post(site, &format!("{path}/admin/bonus"), json!({"bonus": 10}));
        let me = engineer.client(site).get("/api/auth/me");
        assert_eq!((&me.json["user"]["engineer_points"], &me.json["user"]["total_points"]), (&json!(10), &json!(10)));
    }
}
