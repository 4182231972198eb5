//! Engineer jobs (rule book §7).

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::json;

use crate::{actors::Actor, journeys::repairs::RepairScenario, site::on_both};

on_both! {
    fn engineers_work_under_the_same_timer(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, qe, .. } = &scenario;
        let body = json!({"job_type": "custom_project", "title": "New lights", "planned_time_days": 3});
        let job = engineer.post(site, "/api/engineer-jobs", body.clone());
        assert_eq!((&job["title"], &job["universal_id"], &job["code"]), (&json!(null), &json!(1), &json!("PLANNED_TIME_REQUIRED")));
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

    fn the_owner_sees_an_outline_until_the_planned_time_is_entered(site: TestSite) {
        let (admin, engineer) = (site.user(Role::Admin), Actor { user: site.user(Role::Engineer) });
        let machine = builders::equipment(&site.db, &site.context);
        let admin = Actor { user: admin };
        let job = admin.post(&site, "/api/engineer-jobs", json!({
            "job_type": "system_review", "title": "Lights", "engineer_id": engineer.user.id, "equipment_id": machine.id,
            "planned_time_days": 5,
        }));
        assert_eq!((&job["title"], &job["description"], &job["engineer_id"]), (&json!("Lights"), &json!(""), &json!(engineer.user.id)));
        let path = format!("/api/engineer-jobs/{}", job["id"]);
        let client = engineer.client(&site);
        let (list, detail) = (client.get("/api/engineer-jobs"), client.get(&path));
        for outline in [&list.data()[0], detail.data()] {
            assert_eq!((&outline["status"], &outline["category"], &outline["job_type"]), (&json!("assigned"), &json!("minor"), &json!("system_review")));
            assert_eq!((&outline["engineer_id"], &outline["created_at"]), (&json!(engineer.user.id), &job["created_at"]));
            assert_eq!((&outline["has_planned_time"], &outline["can_view_details"]), (&json!(false), &json!(false)));
            assert_eq!(outline["code"], "PLANNED_TIME_REQUIRED");
            for hidden in ["title", "description", "planned_time_days", "equipment_id", "created_by_id"] {
                assert_eq!(outline.get(hidden), Some(&json!(null)), "{hidden}");
            }
            assert!(job.as_object().expect("fields").keys().all(|key| outline.get(key).is_some()), "{outline}");
        }
        assert_eq!((detail.status, &detail.data()["equipment"], &detail.data()["defect"]), (200, &json!(null), &json!(null)));
        let neither = engineer.client(&site).post(&format!("{path}/planned-time"), &json!({}));
        assert_eq!((neither.status, neither.fields()), (400, vec!["planned_time_hours"]));
        let planned = engineer.post(&site, &format!("{path}/planned-time"), json!({"planned_time_days": 2}));
        assert_eq!((&planned["planned_time_days"], &planned["planned_time_hours"]), (&json!(2), &json!(16.0)));
        assert_eq!((&planned["title"], &planned["code"], &planned["equipment"]["id"]), (&json!("Lights"), &json!(null), &json!(machine.id)));
        let other = engineer.post(&site, "/api/engineer-jobs", json!({"job_type": "special_task", "title": "Doors"}));
        let both = json!({"planned_time_days": 2, "planned_time_hours": 9});
        let both = engineer.post(&site, &format!("/api/engineer-jobs/{}/planned-time", other["id"]), both);
        assert_eq!((&both["planned_time_days"], &both["planned_time_hours"]), (&json!(2), &json!(9.0)));
    }
}
