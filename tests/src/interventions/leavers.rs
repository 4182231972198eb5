//! Everything that is open with a user who has left can be given to another user or cancelled by an
//! admin (rule book §1, §7, §8).

use inspection_domain::users::Role;
use serde_json::json;

use super::{NOTES, Worked, admin_of};
use crate::{
    actors::Actor,
    site::{TestSite, on_both},
};

/// Deactivates an account.
fn deactivate(site: &TestSite, admin: &Actor, person: &Actor) {
    let gone = admin.client(site).delete(&format!("/api/users/{}", person.user.id));
    assert_eq!(gone.data()["is_active"], false);
}

on_both! {
    fn every_job_of_a_leaver_is_given_or_cancelled(site: TestSite) {
        let admin = admin_of(&site);
        for role in [Role::Specialist, Role::Engineer] {
            for status in ["assigned", "in_progress", "paused", "incomplete"] {
                for command in ["reassign", "cancel"] {
                    let job = Worked::new(&site, &admin.user, role);
                    job.lead_to(&site, &admin, status);
                    deactivate(&site, &admin, &job.owner);
                    let next = site.user(role);
                    let body = json!({job.owner_field: next.id, "reason": "The owner has left."});
                    let after = admin.post(&site, &format!("{}/{command}", job.path), body);
                    let expected = if command == "cancel" { "cancelled" } else { "assigned" };
                    assert_eq!(after["status"], expected, "{role} {status}");
                }
            }
        }
    }

    fn the_work_of_a_leaver_is_finished_for_them(site: TestSite) {
        let admin = admin_of(&site);
        let job = Worked::new(&site, &admin.user, Role::Specialist);
        job.lead_to(&site, &admin, "in_progress");
        deactivate(&site, &admin, &job.owner);
        let done = json!({"work_notes": NOTES, "on_behalf_reason": "The owner has left."});
        let done = admin.post(&site, &format!("{}/complete", job.path), done);
        assert_eq!((&done["status"], &done["specialist_id"]), (&json!("completed"), &json!(job.owner.user.id)));
    }

    fn the_pauses_of_a_leaver_are_decided_and_ended(site: TestSite) {
        let admin = admin_of(&site);
        let engineer = Actor { user: site.user(Role::Engineer) };
        let job = Worked::new(&site, &admin.user, Role::Specialist);
        job.lead_to(&site, &admin, "in_progress");
        let ask = || {
            let pause = job.owner.post(&site, &format!("{}/pause", job.path), json!({"reason_category": "parts"}));
            format!("/api/jobs/pauses/{}", pause["id"])
        };
        let pause = ask();
        admin.post(&site, &format!("{pause}/deny"), json!({}));
        let pause = ask();
        deactivate(&site, &admin, &job.owner);
        engineer.post(&site, &format!("{pause}/approve"), json!({}));
        admin.post(&site, &format!("{pause}/resume"), json!({}));
        assert_eq!(job.state(&site, &admin)["status"], "in_progress");
    }

    fn the_takeover_of_a_leaver_blocks_no_other(site: TestSite) {
        let admin = admin_of(&site);
        let job = Worked::new(&site, &admin.user, Role::Specialist);
        job.lead_to(&site, &admin, "paused");
        site.clock.advance_seconds(3 * 86_400);
        let [leaver, other] = [Role::Specialist, Role::Specialist].map(|role| Actor { user: site.user(role) });
        let request = |person: &Actor| {
            let queued = person.post(&site, &format!("{}/takeover", job.path), json!({}));
            format!("/api/takeovers/{}", queued["id"])
        };
        let (first, second) = (request(&leaver), request(&other));
        deactivate(&site, &admin, &leaver);
        assert_eq!(admin.refused(&site, &format!("{first}/approve"), json!({})).1, "VALIDATION_ERROR");
        admin.post(&site, &format!("{second}/approve"), json!({}));
        assert_eq!(job.state(&site, &admin)["specialist_id"], json!(other.user.id));
        assert_eq!(admin.refused(&site, &format!("{first}/deny"), json!({})).1, "INVALID_STATE", "it is denied already");
    }

    fn the_review_of_a_leaver_is_given_to_another_quality_engineer(site: TestSite) {
        let admin = admin_of(&site);
        let [leaver, next] = [Role::QualityEngineer, Role::QualityEngineer].map(|role| Actor { user: site.user(role) });
        let job = Worked::new(&site, &admin.user, Role::Specialist);
        job.lead_to(&site, &admin, "in_progress");
        job.owner.post(&site, &format!("{}/complete", job.path), json!({"work_notes": NOTES}));
        let review = leaver.client(&site).get("/api/quality-reviews/pending").data()[0].clone();
        let path = format!("/api/quality-reviews/{}", review["id"]);
        deactivate(&site, &admin, &leaver);
        site.clock.advance_seconds(3 * 86_400);
        let reassign = format!("{path}/reassign");
        for (qe, code) in [(leaver.user.id, "DUPLICATE"), (job.owner.user.id, "VALIDATION_ERROR")] {
            assert_eq!(admin.refused(&site, &reassign, json!({"qe_id": qe})).1, code);
        }
        assert_eq!(next.refused(&site, &reassign, json!({"qe_id": next.user.id})).1, "FORBIDDEN");
        let given = admin.post(&site, &reassign, json!({"qe_id": next.user.id, "reason": "Her colleague has left."}));
        assert_eq!((&given["qe_id"], &given["status"], &given["is_overdue"]), (&json!(next.user.id), &json!("pending"), &json!(false)));
        assert_eq!(job.state(&site, &admin)["qe_id"], json!(next.user.id));
        assert_eq!(next.new_notifications(&site), ["quality_review_assigned"]);
        let approved = next.post(&site, &format!("{path}/approve"), json!({"rating": 4}));
        assert_eq!((&approved["status"], &approved["sla_met"]), (&json!("approved"), &json!(true)), "as long as the first had");
        assert_eq!(admin.refused(&site, &reassign, json!({"qe_id": next.user.id})).1, "INVALID_STATE");
    }
}
