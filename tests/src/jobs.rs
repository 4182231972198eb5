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
    }
}
