//! Repair jobs and their machines (rule book §7).

use serde_json::json;

use crate::{journeys::repairs::RepairScenario, site::on_both};

on_both! {
    fn work_on_a_stopped_machine_does_not_release_it(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, first, defect, machine, .. } = &scenario;
        let put = admin.client(site).put(&format!("/api/equipment/{machine}"), &json!({"status": "stopped"}));
        assert_eq!(put.status, 200);
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        assert_eq!(scenario.status_of_machine(), "stopped");
        first.post(site, &format!("{path}/start"), json!({}));
        first.post(site, &format!("{path}/complete"), json!({"work_notes": "New hook fitted."}));
        assert_eq!(scenario.status_of_machine(), "stopped");
        let cleaned = first.post(site, &format!("{path}/cleaning"), json!({}));
        assert_eq!((&cleaned["cleaning_notes"], &cleaned["cleaned_by_id"]), (&json!(null), &json!(first.user.id)), "without notes");
        assert_eq!((&cleaned["cleaning_rating"], &cleaned["cleaning_rated_by_id"]), (&json!(null), &json!(null)));
    }

    fn a_specialist_whose_phone_lost_the_answer_starts_again(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, first, second, defect, .. } = &scenario;
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        let started = first.post(site, &format!("{path}/start"), json!({}));
        site.clock.advance_seconds(60);
        let again = first.post(site, &format!("{path}/start"), json!({}));
        assert_eq!((&again["status"], &again["started_at"], &again["updated_at"]),
            (&json!("in_progress"), &started["started_at"], &started["updated_at"]));
        let bare = first.client(site).send("POST", &format!("{path}/start"), None);
        assert_eq!((bare.status, &bare.data()["started_at"]), (200, &started["started_at"]));
        assert_eq!(second.refused(site, &format!("{path}/start"), json!({})), (403, "FORBIDDEN".into()));
        let trail = admin.client(site).get(&format!("/api/admin/audit?entity=specialist_job&entity_id={}&action=start", job["id"]));
        assert_eq!(trail.json["pagination"]["total"], 1, "it started once");
        admin.post(site, &format!("{path}/admin/force-pause"), json!({}));
        assert_eq!(first.refused(site, &format!("{path}/start"), json!({})), (400, "INVALID_STATE".into()), "it is resumed");
    }

    fn a_job_says_whether_its_timer_is_running(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, first, defect, .. } = &scenario;
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        let state = || {
            let list = first.client(site).get("/api/jobs");
            let job = &list.data()[0];
            ["has_planned_time", "can_view_details", "is_running", "is_paused"].map(|flag| job[flag].as_bool().expect("a flag"))
        };
        assert_eq!(state(), [false, false, false, false]);
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        assert_eq!(state(), [true, true, false, false]);
        first.post(site, &format!("{path}/start"), json!({}));
        assert_eq!(state(), [true, true, true, false]);
        admin.post(site, &format!("{path}/admin/force-pause"), json!({}));
        assert_eq!(state(), [true, true, false, true]);
    }
}
