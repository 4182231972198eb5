//! Quality reviews (rule book §8).

use inspection_domain::users::Role;
use serde_json::json;

use crate::{actors::Actor, journeys::repairs::RepairScenario, site::on_both};

on_both! {
    fn without_a_quality_engineer_the_job_is_completed_and_an_admin_assigns_one(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, first, qe, defect, .. } = &scenario;
        admin.client(site).delete(&format!("/api/users/{}", qe.user.id)).data();
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        first.post(site, &format!("{path}/start"), json!({}));
        let done = first.post(site, &format!("{path}/complete"), json!({"work_notes": "New hook fitted."}));
        assert_eq!((&done["status"], &done["qe_id"]), (&json!("completed"), &json!(null)));
        assert_eq!(admin.new_notifications(site), ["defect_resolved", "job_completed", "no_quality_engineer"]);
        let found = Actor { user: site.user(Role::QualityEngineer) };
        let wrong = admin.refused(site, "/api/quality-reviews", json!({"job_id": job["id"], "qe_id": first.user.id}));
        assert_eq!(wrong.1, "VALIDATION_ERROR");
        let review = admin.post(site, "/api/quality-reviews", json!({"job_type": "specialist", "job_id": job["id"], "qe_id": found.user.id}));
        assert_eq!(admin.refused(site, "/api/quality-reviews", json!({"job_id": job["id"], "qe_id": found.user.id})).1, "DUPLICATE");
        assert_eq!(found.new_notifications(site), ["quality_review_assigned"]);
        // After the 48 hours: overdue and late.
        assert_eq!(found.client(site).get("/api/quality-reviews/overdue").json["pagination"]["total"], 0);
        site.clock.advance_seconds(48 * 3600 + 1);
        assert_eq!(found.client(site).get("/api/quality-reviews/overdue").data()[0]["id"], review["id"]);
        let late = found.post(site, &format!("/api/quality-reviews/{}/approve", review["id"]), json!({"qc_rating": 3}));
        assert_eq!(late["sla_met"], false);
    }

    fn a_wrong_rejection_costs_its_quality_engineer(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, first, qe, defect, .. } = &scenario;
        let job = engineer.post(site, &format!("/api/defects/{defect}/assign-specialist"), json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        first.post(site, &format!("{path}/start"), json!({}));
        first.post(site, &format!("{path}/complete"), json!({"work_notes": "New hook fitted."}));
        let review = qe.client(site).get("/api/quality-reviews/pending").data()[0]["id"].clone();
        let reject = format!("/api/quality-reviews/{review}/reject");
        let rejection = json!({"category": "other", "reason": "I do not like the colour of it."});
        let colleague = Actor { user: site.user(Role::QualityEngineer) };
        assert_eq!(colleague.refused(site, &reject, rejection.clone()).1, "FORBIDDEN", "a review of another");
        assert_eq!(colleague.client(site).get(&format!("/api/quality-reviews/{review}")).code(), "FORBIDDEN");
        qe.post(site, &reject, rejection);
        let another = json!({"job_id": job["id"], "qe_id": colleague.user.id});
        assert_eq!(admin.refused(site, "/api/quality-reviews", another).1, "DUPLICATE", "not validated yet");
        admin.post(site, &format!("/api/quality-reviews/{review}/validate"), json!({"admin_validation": "wrong"}));
        assert_eq!(admin.client(site).get(&format!("/api/quality-reviews/{review}")).data()["admin_validation"], "wrong");
        assert_eq!((first.points(site), qe.points(site)), (0, -2));
        let after = scenario.job(job["id"].as_i64().expect("an id"));
        assert_eq!((&after["status"], &after["qc_rating"]), (&json!("qc_approved"), &json!(null)));
        assert_eq!(scenario.defect()["status"], "resolved");
    }
}
