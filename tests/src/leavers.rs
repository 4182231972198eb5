//! Work of users who leave: named at the deactivation, and given to others (rule book §1).

use inspection_domain::users::{Role, User};
use inspection_testkit::builders;
use serde_json::{Value, json};

use crate::{
    actors::ok,
    site::{TestSite, on_both},
};

/// Deactivates an account; the work in the hands of its user.
fn left_by(site: &TestSite, admin: &User, leaver: &User) -> Value {
    let answer = site.client(admin).delete(&format!("/api/users/{}", leaver.id));
    assert_eq!((answer.status, &answer.data()["is_active"]), (200, &json!(false)), "{}", answer.text);
    answer.data()["open_work"].clone()
}

/// Work of no kind but these.
fn only(kinds: &Value) -> Value {
    let mut all = json!({
        "inspections": [], "assignments": [], "defects": [], "jobs": [], "engineer_jobs": [], "pauses": [],
        "takeovers": [], "quality_reviews": [], "leaves": [], "coverage": [],
    });
    for (kind, ids) in kinds.as_object().expect("kinds") {
        all[kind] = ids.clone();
    }
    all
}

on_both! {
    fn the_work_of_an_inspector_is_named_and_withdrawn(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(db, context, &admin);
        builders::routine(db, context, &admin, template.id);
        let machine = builders::equipment(db, context);
        let team = builders::team(db, context);
        let (_, listed) = builders::generated(db, context, &admin);
        let assignment = listed[0].id;
        builders::assigned(db, context, &admin, assignment, &team);
        let draft = builders::half_draft(db, context, &team.mechanical, assignment).inspection.id;
        let defect = builders::defect(db, context, &team.mechanical, &machine).id;
        let leave = builders::leave(db, context, &team.mechanical, "2026-04-01", "2026-04-03").id;
        assert_eq!(left_by(&site, &admin, &team.mechanical), only(&json!({
            "inspections": [draft], "assignments": [assignment], "defects": [defect], "leaves": [leave],
        })));
        let client = site.client(&admin);
        ok(&client, &format!("/api/inspection-assignments/{assignment}/unassign"), json!({}));
        ok(&client, &format!("/api/leaves/{leave}/reject"), json!({"reason": "She has left."}));
        let next = site.user(Role::Inspector);
        let given = client.put(&format!("/api/defects/{defect}"), &json!({"assigned_to_id": next.id}));
        assert_eq!(given.status, 200, "{}", given.text);
        assert_eq!(left_by(&site, &admin, &team.mechanical), only(&json!({})), "asking again names the rest");
    }

    fn the_half_of_an_inspector_who_left_is_assigned_to_another(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let (admin, engineer) = (site.user(Role::Admin), site.user(Role::Engineer));
        let (template, _) = builders::checklist(db, context, &admin);
        builders::routine(db, context, &admin, template.id);
        builders::equipment(db, context);
        let (team, next) = (builders::team(db, context), builders::team(db, context));
        let (_, listed) = builders::generated(db, context, &admin);
        let assignment = listed[0].id;
        builders::assigned(db, context, &admin, assignment, &team);
        let leaver_draft = builders::half_draft(db, context, &team.mechanical, assignment).inspection.id;
        let kept_draft = builders::half_draft(db, context, &team.electrical, assignment).inspection.id;
        assert_eq!(left_by(&site, &admin, &team.mechanical), only(&json!({
            "inspections": [leaver_draft], "assignments": [assignment],
        })));
        let assign = |actor: &User, mechanical: &User, electrical: &User| {
            let body = json!({
                "mechanical_inspector_id": mechanical.id, "electrical_inspector_id": electrical.id,
            });
            site.client(actor).post(&format!("/api/inspection-assignments/{assignment}/assign"), &body)
        };
        let refused = assign(&engineer, &next.mechanical, &team.electrical);
        assert_eq!((refused.status, refused.code()), (400, "INVALID_STATE"), "{}", refused.text);
        let replaced = assign(&admin, &next.mechanical, &team.electrical);
        assert_eq!((replaced.status, &replaced.data()["status"]), (200, &json!("in_progress")), "{}", replaced.text);
        let electrical = site.client(&team.electrical);
        let kept = electrical.get(&format!("/api/inspections/{kept_draft}"));
        assert_eq!((kept.status, &kept.data()["status"]), (200, &json!("draft")), "{}", kept.text);
        assert_eq!(left_by(&site, &admin, &team.mechanical), only(&json!({})), "nothing is out of reach");

        // The electrical half is submitted; then the new mechanical inspector leaves as well.
        builders::half_answered(db, context, &team.electrical, assignment, &[]);
        ok(&electrical, &format!("/api/inspections/{kept_draft}/submit"), json!({}));
        assert_eq!(left_by(&site, &admin, &next.mechanical), only(&json!({"assignments": [assignment]})));
        let last = builders::team(db, context);
        let refused = assign(&admin, &last.mechanical, &last.electrical);
        assert_eq!((refused.status, refused.code()), (400, "RULE_VIOLATION"), "{}", refused.text);
        assert_eq!(refused.json["errors"][0]["field"], "electrical_inspector_id");
        let replaced = assign(&admin, &last.mechanical, &team.electrical);
        assert_eq!((replaced.status, &replaced.data()["status"]), (200, &json!("elec_complete")), "{}", replaced.text);
        assert_eq!(left_by(&site, &admin, &next.mechanical), only(&json!({})));
        let draft = builders::half_answered(db, context, &last.mechanical, assignment, &[]).inspection.id;
        ok(&site.client(&last.mechanical), &format!("/api/inspections/{draft}/submit"), json!({}));
        let told = site.client(&last.mechanical).get("/api/notifications?type=inspection_assigned");
        assert_eq!(told.data().as_array().map(Vec::len), Some(1), "{}", told.text);
    }

    fn the_work_of_a_specialist_is_named_and_given_to_another(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        let [leaver, next] = [(); 2].map(|()| site.user(Role::Specialist));
        builders::checklist(db, context, &admin);
        let machine = builders::equipment(db, context);
        let repair = || {
            let defect = builders::defect(db, context, &inspector, &machine);
            builders::repair(db, context, &admin, defect.id, &leaver)
        };
        let (waiting, running) = (repair(), repair());
        builders::started(db, context, &leaver, &running);
        let client = site.client(&leaver);
        let pause = ok(&client, &format!("/api/jobs/{}/pause", running.id), json!({"reason_category": "parts"}));
        assert_eq!(left_by(&site, &admin, &leaver), only(&json!({
            "jobs": [waiting.id, running.id], "pauses": [pause["id"]],
        })));
        let client = site.client(&admin);
        for job in [&waiting, &running] {
            let body = json!({"specialist_id": next.id, "reason": "He has left."});
            ok(&client, &format!("/api/jobs/{}/reassign", job.id), body);
        }
        assert_eq!(left_by(&site, &admin, &leaver), only(&json!({})));
    }

    fn the_work_of_an_engineer_and_of_a_quality_engineer_is_named(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let (admin, engineer) = (site.user(Role::Admin), site.user(Role::Engineer));
        let qe = site.user(Role::QualityEngineer);
        let [open, done] = [(); 2].map(|()| builders::engineer_job(db, context, &admin, &engineer));
        builders::finished(db, context, &engineer, &done);
        let (review, reviewer) = builders::review(db, &admin, &done);
        assert_eq!(reviewer.id, qe.id);
        let absent = site.user(Role::Engineer);
        let leave = builders::approved_leave(db, context, &admin, &absent, "2026-03-02", "2026-03-08").id;
        let client = site.client(&admin);
        ok(&client, &format!("/api/leaves/{leave}/coverage/assign"), json!({"coverage_user_id": engineer.id}));
        assert_eq!(left_by(&site, &admin, &engineer), only(&json!({"engineer_jobs": [open.id], "coverage": [leave]})));
        assert_eq!(left_by(&site, &admin, &qe), only(&json!({"quality_reviews": [review.id]})));
        let next = site.user(Role::QualityEngineer);
        ok(&client, &format!("/api/quality-reviews/{}/reassign", review.id), json!({"qe_id": next.id, "reason": "She has left."}));
        assert_eq!(left_by(&site, &admin, &qe), only(&json!({})));
        ok(&client, &format!("/api/engineer-jobs/{}/cancel", open.id), json!({"reason": "No longer needed."}));
        ok(&client, &format!("/api/leaves/{leave}/end"), json!({}));
        assert_eq!(left_by(&site, &admin, &engineer), only(&json!({})));
    }
}
