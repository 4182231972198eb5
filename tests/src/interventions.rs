//! Commands of admins and engineers on the jobs of others: cancellations, reassignments, work
//! on behalf of an owner, and corrections of timers (rule book §7, §8).

use inspection_domain::users::{Role, User};
use inspection_testkit::builders;
use serde_json::{Value, json};

use crate::{
    actors::Actor,
    journeys::repairs::RepairScenario,
    site::{TestSite, on_both},
};

mod leavers;
mod timers;

const ILL: &str = "The owner is ill.";
const NOTES: &str = "Changed the seal and tried it.";

/// A job of either kind with its owner.
struct Worked {
    owner: Actor,
    path: String,
    /// The field that names the owner.
    owner_field: &'static str,
}

impl Worked {
    /// A job that is assigned and not planned.
    fn new(site: &TestSite, admin: &User, role: Role) -> Self {
        let owner = site.user(role);
        if role == Role::Engineer {
            let job = builders::engineer_job(&site.db, &site.context, admin, &owner);
            let path = format!("/api/engineer-jobs/{}", job.id);
            return Self { owner: Actor { user: owner }, path, owner_field: "engineer_id" };
        }
        let inspector = site.user(Role::Inspector);
        let machine = builders::equipment(&site.db, &site.context);
        let defect = builders::defect(&site.db, &site.context, &inspector, &machine);
        let job = builders::repair(&site.db, &site.context, admin, defect.id, &owner);
        let path = format!("/api/jobs/{}", job.id);
        Self { owner: Actor { user: owner }, path, owner_field: "specialist_id" }
    }

    /// Leads the job to a status before its completion.
    fn lead_to(&self, site: &TestSite, admin: &Actor, status: &str) {
        let Self { owner, path, .. } = self;
        if status == "assigned" {
            return;
        }
        owner.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        owner.post(site, &format!("{path}/start"), json!({}));
        match status {
            "paused" => drop(admin.post(site, &format!("{path}/admin/force-pause"), json!({}))),
            "incomplete" => {
                let reason = json!({"reason": "The parts do not fit."});
                owner.post(site, &format!("{path}/incomplete"), reason);
            }
            _ => {}
        }
    }

    fn state(&self, site: &TestSite, admin: &Actor) -> Value {
        admin.client(site).get(&self.path).data().clone()
    }
}

/// A site with a checklist and an admin.
fn admin_of(site: &TestSite) -> Actor {
    let admin = site.user(Role::Admin);
    builders::checklist(&site.db, &site.context, &admin);
    Actor { user: admin }
}

/// Action, owner, actor and reason of the interventions in a job, the latest first.
fn interventions(site: &TestSite, reader: &Actor, path: &str) -> Vec<[Value; 4]> {
    let log = reader.client(site).get(&format!("{path}/interventions"));
    let rows = log.data().as_array().unwrap_or_else(|| panic!("{}", log.text)).clone();
    let facts = |row: &Value| ["action", "owner_id", "actor_id", "reason"].map(|field| row[field].clone());
    rows.iter().map(facts).collect()
}

on_both! {
    fn a_cancelled_repair_releases_its_machine_and_its_defect(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, first, second, defect, .. } = &scenario;
        let assign = format!("/api/defects/{defect}/assign-specialist");
        for status in ["assigned", "in_progress", "paused", "incomplete"] {
            let job = engineer.post(site, &assign, json!({"specialist_id": first.user.id}));
            let path = format!("/api/jobs/{}", job["id"]);
            let owner = Actor { user: first.user.clone() };
            let worked = Worked { owner, path: path.clone(), owner_field: "specialist_id" };
            worked.lead_to(site, admin, status);
            for person in [first, admin, engineer] {
                person.new_notifications(site);
            }
            let cancel = format!("{path}/cancel");
            let reason = json!({"reason": "The crane is sold."});
            assert_eq!(first.refused(site, &cancel, reason.clone()).1, "FORBIDDEN", "the owner leaves it incomplete");
            assert_eq!(engineer.refused(site, &cancel, json!({})).1, "VALIDATION_ERROR");
            let cancelled = admin.post(site, &cancel, reason.clone());
            assert_eq!((&cancelled["status"], &cancelled["is_paused"], &cancelled["incomplete_reason"]),
                (&json!("cancelled"), &json!(false), &json!("The crane is sold.")), "{status}");
            assert_eq!(scenario.status_of_machine(), "active", "{status}");
            assert_eq!(scenario.defect()["status"], "open", "{status}");
            assert_eq!(first.new_notifications(site), ["job_cancelled"]);
            assert_eq!(engineer.new_notifications(site), ["job_cancelled"], "the creator");
            assert_eq!(admin.new_notifications(site), Vec::<String>::new());
            assert_eq!(admin.refused(site, &cancel, reason).1, "INVALID_STATE");
            let history = admin.client(site).get(&format!("{path}/pause-history"));
            assert!(history.data().as_array().expect("pauses").iter().all(|pause| pause["resumed_at"].is_string()));
            assert_eq!(interventions(site, admin, &path)[0],
                [json!("cancel"), json!(first.user.id), json!(admin.user.id), json!("The crane is sold.")]);
        }
        let again = engineer.post(site, &assign, json!({"specialist_id": second.user.id}));
        assert_eq!(again["status"], "assigned", "the defect can be assigned again");
    }

    fn a_completed_job_is_not_cancelled_and_not_reassigned(site: TestSite) {
        let admin = admin_of(&site);
        for role in [Role::Specialist, Role::Engineer] {
            let job = Worked::new(&site, &admin.user, role);
            job.lead_to(&site, &admin, "in_progress");
            job.owner.post(&site, &format!("{}/complete", job.path), json!({"work_notes": NOTES}));
            let other = site.user(role);
            let to = json!({job.owner_field: other.id});
            assert_eq!(admin.refused(&site, &format!("{}/cancel", job.path), json!({"reason": "No."})).1, "INVALID_STATE");
            assert_eq!(admin.refused(&site, &format!("{}/reassign", job.path), to).1, "INVALID_STATE");
        }
    }

    fn a_repair_that_is_left_and_cancelled_late_leaves_the_next_repair_alone(site: TestSite) {
        let scenario = RepairScenario::begin(site);
        let RepairScenario { site, admin, engineer, first, second, qe, defect, .. } = &scenario;
        let assign = format!("/api/defects/{defect}/assign-specialist");
        let job = engineer.post(site, &assign, json!({"specialist_id": first.user.id}));
        let path = format!("/api/jobs/{}", job["id"]);
        first.post(site, &format!("{path}/planned-time"), json!({"hours": 1}));
        first.post(site, &format!("{path}/start"), json!({}));
        first.post(site, &format!("{path}/complete"), json!({"work_notes": NOTES}));
        let review = qe.client(site).get("/api/quality-reviews/pending").data()[0]["id"].clone();
        qe.post(site, &format!("/api/quality-reviews/{review}/reject"),
            json!({"category": "other", "reason": "It still leaks as it did before."}));
        admin.post(site, &format!("/api/quality-reviews/{review}/validate"), json!({"is_valid": true}));
        let next = engineer.post(site, &assign, json!({"specialist_id": second.user.id}));
        second.post(site, &format!("/api/jobs/{}/planned-time", next["id"]), json!({"hours": 1}));
        admin.post(site, &format!("{path}/cancel"), json!({"reason": "Another one repairs it."}));
        assert_eq!(scenario.defect()["status"], "in_progress");
        assert_eq!(scenario.status_of_machine(), "under_maintenance");
    }

    fn an_admin_gives_an_unfinished_job_to_another_owner(site: TestSite) {
        let admin = admin_of(&site);
        for role in [Role::Specialist, Role::Engineer] {
            for status in ["assigned", "in_progress", "paused", "incomplete"] {
                let job = Worked::new(&site, &admin.user, role);
                job.lead_to(&site, &admin, status);
                let (next, engineer) = (Actor { user: site.user(role) }, Actor { user: site.user(Role::Engineer) });
                job.owner.new_notifications(&site);
                let reassign = format!("{}/reassign", job.path);
                let to = json!({job.owner_field: next.user.id, "reason": "She is nearer."});
                assert_eq!(engineer.refused(&site, &reassign, to.clone()).1, "FORBIDDEN");
                let unfit = json!({job.owner_field: admin.user.id});
                assert_eq!(admin.refused(&site, &reassign, unfit).1, "VALIDATION_ERROR");
                let given = admin.post(&site, &reassign, to);
                let facts = ["status", job.owner_field, "planned_time_hours", "started_at", "paused_at"];
                assert_eq!(facts.map(|fact| given[fact].clone()),
                    [json!("assigned"), json!(next.user.id), json!(null), json!(null), json!(null)], "{role} {status}");
                assert_eq!(job.owner.new_notifications(&site), ["job_reassigned"], "{role} {status}");
                let expected = if role == Role::Engineer { "engineer_job_created" } else { "job_assigned" };
                assert_eq!(next.new_notifications(&site), [expected]);
                assert_eq!(interventions(&site, &admin, &job.path)[0],
                    [json!("reassign"), json!(job.owner.user.id), json!(admin.user.id), json!("She is nearer.")]);
                next.post(&site, &format!("{}/planned-time", job.path), json!({"hours": 1}));
                next.post(&site, &format!("{}/start", job.path), json!({}));
                let done = next.post(&site, &format!("{}/complete", job.path), json!({"work_notes": NOTES}));
                assert_eq!(done["status"], "completed", "{role} {status}");
            }
        }
    }

    fn a_planner_works_for_an_owner_who_is_ill(site: TestSite) {
        let admin = admin_of(&site);
        let engineer = Actor { user: site.user(Role::Engineer) };
        let qe = builders::user_with(&site.db, &site.context, Role::Engineer, |body| body["minor_role"] = json!("quality_engineer"));
        let (qe, other_qe) = (Actor { user: qe }, Actor { user: site.user(Role::QualityEngineer) });
        for role in [Role::Specialist, Role::Engineer] {
            let job = Worked::new(&site, &admin.user, role);
            let (owner, path) = (&job.owner, &job.path);
            let stranger = Actor { user: site.user(Role::Specialist) };
            owner.new_notifications(&site);
            let steps = [
                ("planned-time", json!({"hours": 1}), "plan"),
                ("start", json!({}), "start"),
                ("complete", json!({"work_notes": NOTES}), "complete"),
            ];
            for (n, (step, body, action)) in steps.into_iter().enumerate() {
                // The quality engineer with the fewest reviews completes it, and doesn't review it.
                let actor = [&engineer, &admin, &qe][n];
                let path = format!("{path}/{step}");
                let refused = actor.client(&site).post(&path, &body);
                assert_eq!((refused.code(), refused.fields()), ("VALIDATION_ERROR", vec!["on_behalf_reason"]), "{path}");
                let mut given = body;
                given["on_behalf_reason"] = json!(ILL);
                assert_eq!(stranger.refused(&site, &path, given.clone()).1, "FORBIDDEN");
                actor.post(&site, &path, given);
                assert_eq!(owner.new_notifications(&site), ["job_on_behalf"]);
                assert_eq!(interventions(&site, &admin, &job.path)[0],
                    [json!(action), json!(owner.user.id), json!(actor.user.id), json!(ILL)]);
            }
            let done = job.state(&site, &admin);
            assert_eq!((&done["status"], &done[job.owner_field]), (&json!("completed"), &json!(owner.user.id)));
            assert_eq!(done["qe_id"], json!(other_qe.user.id), "the doer does not review");
            let review = other_qe.client(&site).get("/api/quality-reviews/pending").data()[0].clone();
            assert_eq!(review["worker_id"], json!(owner.user.id));
            let to_doer = json!({"qe_id": qe.user.id});
            let reassign = format!("/api/quality-reviews/{}/reassign", review["id"]);
            assert_eq!(admin.refused(&site, &reassign, to_doer).1, "VALIDATION_ERROR", "nor later");
            other_qe.post(&site, &format!("/api/quality-reviews/{}/approve", review["id"]), json!({"rating": 5}));
            assert_eq!(interventions(&site, owner, &job.path).len(), 3, "the owner reads who acted");
            let kind = if role == Role::Engineer { "engineer_job" } else { "specialist_job" };
            let trail = admin.client(&site).get(&format!("/api/admin/audit?entity={kind}&action=start&per_page=1"));
            let changes = &trail.data()[0]["changes"];
            assert_eq!((&changes["on_behalf_of"]["new"], &changes["on_behalf_reason"]["new"]), (&json!(owner.user.id), &json!(ILL)));
            for person in [&admin, &engineer, &qe, owner] {
                assert_eq!(person.points(&site), 0, "no user earns points by acting for another");
            }
        }
    }

    fn a_planner_leaves_a_job_incomplete_for_its_owner(site: TestSite) {
        let admin = admin_of(&site);
        for role in [Role::Specialist, Role::Engineer] {
            for status in ["in_progress", "paused"] {
                let job = Worked::new(&site, &admin.user, role);
                job.lead_to(&site, &admin, status);
                let body = json!({"reason": "The parts do not fit.", "on_behalf_reason": ILL});
                let left = admin.post(&site, &format!("{}/incomplete", job.path), body);
                assert_eq!((&left["status"], &left["is_paused"]), (&json!("incomplete"), &json!(false)));
                assert!(job.owner.new_notifications(&site).contains(&"job_on_behalf".to_owned()));
            }
        }
    }

    fn an_owner_who_is_an_engineer_needs_no_reason(site: TestSite) {
        let admin = admin_of(&site);
        let job = Worked::new(&site, &admin.user, Role::Engineer);
        job.lead_to(&site, &admin, "in_progress");
        let body = json!({"work_notes": NOTES, "on_behalf_reason": "My own job."});
        job.owner.post(&site, &format!("{}/complete", job.path), body);
        assert!(interventions(&site, &admin, &job.path).is_empty(), "the owner acts for no other user");
    }

    fn the_bonus_of_a_takeover_is_the_takers_when_an_admin_completes_it(site: TestSite) {
        let admin = admin_of(&site);
        let job = Worked::new(&site, &admin.user, Role::Specialist);
        job.lead_to(&site, &admin, "paused");
        site.clock.advance_seconds(3 * 86_400);
        let taker = Actor { user: site.user(Role::Specialist) };
        let takeover = taker.post(&site, &format!("{}/takeover", job.path), json!({}));
        admin.post(&site, &format!("/api/takeovers/{}/approve", takeover["id"]), json!({}));
        let steps = [("planned-time", json!({"hours": 1})), ("start", json!({})), ("complete", json!({"work_notes": NOTES}))];
        for (step, mut body) in steps {
            body["on_behalf_reason"] = json!(ILL);
            admin.post(&site, &format!("{}/{step}", job.path), body);
        }
        assert_eq!((taker.points(&site), admin.points(&site)), (3, 0));
    }

    fn settling_a_defect_is_an_intervention_in_its_repair(site: TestSite) {
        let admin = admin_of(&site);
        let engineer = Actor { user: site.user(Role::Engineer) };
        for (command, body, action) in [
            ("resolve", json!({"resolution_notes": "Tightened."}), "complete"),
            ("false-alarm", json!({"reason": "A shadow."}), "cancel"),
        ] {
            let job = Worked::new(&site, &admin.user, Role::Specialist);
            job.lead_to(&site, &admin, "in_progress");
            let defect = job.state(&site, &admin)["defect_id"].clone();
            engineer.post(&site, &format!("/api/defects/{defect}/{command}"), body.clone());
            let reason = body.as_object().expect("fields").values().next().expect("a reason").clone();
            assert_eq!(interventions(&site, &admin, &job.path)[0],
                [json!(action), json!(job.owner.user.id), json!(engineer.user.id), reason]);
        }
    }
}
