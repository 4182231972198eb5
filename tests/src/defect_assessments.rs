//! Assessments of defects by specialists, and their consequences (rule book §6).

use serde_json::json;

use crate::{journeys::repairs::RepairScenario, site::on_both};

on_both! {
    fn a_false_alarm_costs_its_inspector_a_point(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, engineer, inspector, first, defect, .. } = &scenario;
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        first.post(site, &format!("/api/jobs/{}/planned-time", job["id"]), json!({"hours": 1}));
        assert_eq!(scenario.status_of_machine(), "under_maintenance");
        first.post(site, "/api/defect-assessments", json!({"defect_id": defect, "verdict": "reject", "technical_notes": "Only paint."}));
        assert_eq!((scenario.defect()["status"].clone(), scenario.job(job["id"].as_i64().expect("an id"))["status"].clone()),
            (json!("false_alarm"), json!("cancelled")));
        assert_eq!(inspector.points(site), -1);
        assert_eq!(inspector.new_notifications(site), ["defect_rejected"]);
        assert_eq!(engineer.new_notifications(site), ["job_cancelled"]);
        assert_eq!(scenario.status_of_machine(), "active", "the job is cancelled");
        let start = first.refused(site, &format!("/api/jobs/{}/start", job["id"]), json!({}));
        assert_eq!(start.1, "INVALID_STATE");
    }

    fn a_minor_defect_has_low_priority(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, engineer, first, defect, .. } = &scenario;
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        first.post(site, "/api/defect-assessments", json!({"defect_id": defect, "verdict": "minor", "technical_notes": "A scratch."}));
        assert_eq!((scenario.defect()["priority"].clone(), scenario.defect()["assessment_status"].clone()), (json!("low"), json!("minor")));
    }

    fn a_defect_waits_for_its_specialist_from_the_planned_time_to_the_verdict(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, first, second, defect, .. } = &scenario;
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        let total = |client: &inspection_testkit::clients::Client, path: &str| client.get(path).json["pagination"]["total"].clone();
        let waiting = || total(&first.client(site), "/api/defect-assessments/pending");
        assert_eq!(waiting(), 0, "no planned time yet");
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        assert_eq!((waiting(), total(&second.client(site), "/api/defect-assessments/pending")), (json!(1), json!(0)));
        assert_eq!(engineer.client(site).get("/api/defect-assessments/pending").status, 403);
        let verdict = json!({"defect_id": defect, "verdict": "confirm", "technical_notes": "Cracked."});
        assert_eq!(second.refused(site, "/api/defect-assessments", verdict.clone()), (403, "FORBIDDEN".into()));
        let silent = first.client(site).post("/api/defect-assessments", &json!({"defect_id": defect, "verdict": "confirm"}));
        assert_eq!((silent.code(), silent.fields()), ("VALIDATION_ERROR", vec!["technical_notes"]));
        first.post(site, "/api/defect-assessments", verdict);
        assert_eq!(waiting(), 0);
        let list = "/api/defect-assessments";
        let seen = [admin, first, second].map(|person| total(&person.client(site), list));
        assert_eq!(seen, [json!(1), json!(1), json!(0)], "admins see all, specialists their own");
    }
}
