//! Objects for operations on jobs, pauses, takeovers and reviews.

use inspection_domain::{
    jobs::{Job, JobKind},
    users::{Role, User},
};
use inspection_persistence::{jobs, pauses, quality_reviews, takeovers};
use inspection_testkit::builders::{self, act, input};
use serde_json::{Value, json};

use super::Operation;
use crate::site::TestSite;

/// The id in the path of an operation, its query and body, and the owner of the object.
pub(super) struct Prepared {
    pub(super) id: i64,
    pub(super) query: &'static str,
    pub(super) body: Value,
    pub(super) owner: User,
}

/// Seconds.
const FOUR_DAYS: i64 = 4 * 86_400;

/// A job, its owner and an admin.
struct Workshop<'a> {
    site: &'a TestSite,
    admin: User,
    owner: User,
    job: Job,
}

impl<'a> Workshop<'a> {
    fn new(site: &'a TestSite, is_repair: bool) -> Self {
        let admin = site.user(Role::Admin);
        if is_repair {
            let machine = builders::equipment(&site.db, &site.context);
            let defect = builders::defect(&site.db, &site.context, &site.user(Role::Inspector), &machine);
            let owner = site.user(Role::Specialist);
            let job = builders::repair(&site.db, &site.context, &admin, defect.id, &owner);
            Self { site, admin, owner, job }
        } else {
            let owner = site.user(Role::Engineer);
            let job = builders::engineer_job(&site.db, &site.context, &admin, &owner);
            Self { site, admin, owner, job }
        }
    }

    fn planned(self) -> Self {
        let job = builders::planned(&self.site.db, &self.site.context, &self.owner, &self.job);
        Self { job, ..self }
    }

    fn started(self) -> Self {
        let job = builders::started(&self.site.db, &self.site.context, &self.owner, &self.job);
        Self { job, ..self }
    }

    fn finished(self) -> Self {
        let job = builders::finished(&self.site.db, &self.site.context, &self.owner, &self.job);
        Self { job, ..self }
    }

    fn about_job(self, body: Value) -> Prepared {
        Prepared { id: self.job.id.get(), query: "", body, owner: self.owner }
    }

    fn paused(&self) -> i64 {
        builders::paused(&self.site.db, &self.site.context, &self.owner, &self.admin, &self.job).id.get()
    }

    /// A job that was paused four days ago.
    fn stalled(self) -> Self {
        self.site.clock.advance_seconds(-FOUR_DAYS);
        let shop = self.started();
        shop.paused();
        shop.site.clock.advance_seconds(FOUR_DAYS);
        shop
    }
}

/// Creates the objects that an operation needs for a caller with this role, or `None` if it does
/// not concern jobs.
pub(super) fn prepare(site: &TestSite, operation: &Operation, caller: Role) -> Option<Prepared> {
    let (db, context) = (&site.db, &site.context);
    let path = operation.path;
    let repair = || Workshop::new(site, true);
    let for_owner = "The owner is ill.";
    let notes = json!({"work_notes": "Changed the seal and tried it.", "on_behalf_reason": for_owner});
    let reason = json!({"reason": "The part did not come in time.", "on_behalf_reason": for_owner});
    if let Some(action) =
        path.strip_prefix("/api/jobs/{id}").or_else(|| path.strip_prefix("/api/engineer-jobs/{id}"))
    {
        let shop = Workshop::new(site, path.starts_with("/api/jobs"));
        return Some(match action {
            "/planned-time" => shop.about_job(json!({"hours": 2.5, "on_behalf_reason": for_owner})),
            "/start" => shop.planned().about_job(json!({"on_behalf_reason": for_owner})),
            "/timer" => shop.started().about_job(json!({"pauses": [], "reason": "The phone was off."})),
            "/reassign" if shop.job.kind == JobKind::Engineer => {
                let engineer = site.user(Role::Engineer).id;
                shop.started().about_job(json!({"engineer_id": engineer, "reason": "again"}))
            }
            "/complete" => shop.started().about_job(notes),
            "/cancel" | "/incomplete" => shop.started().about_job(reason),
            "/pause" => shop.started().about_job(json!({"reason_category": "parts"})),
            "/cleaning" => shop.finished().about_job(json!({"notes": "Swept."})),
            "/takeover" => shop.stalled().about_job(json!({})),
            "/reassign" => {
                let shop = shop.started();
                act(db, context, &shop.owner, |tx| {
                    jobs::leave_incomplete(tx, shop.job.kind, shop.job.id, input(reason))
                })
                .expect("left");
                let specialist = site.user(Role::Specialist).id;
                shop.about_job(json!({"specialist_id": specialist, "reason": "again"}))
            }
            "/admin/cleaning-rating" => {
                let shop = shop.finished();
                act(db, context, &shop.owner, |tx| {
                    jobs::clean(tx, shop.job.id, input(json!({"notes": "Swept."})))
                })
                .expect("cleaned");
                shop.about_job(json!({"rating": 2}))
            }
            "/admin/bonus" => shop.finished().about_job(json!({"bonus": 3})),
            _ => shop.started().about_job(json!({})),
        });
    }
    if path.starts_with("/api/jobs/pauses/{id}") {
        let shop = repair().started();
        let id = if path.ends_with("/resume") {
            shop.paused()
        } else {
            let body = input(json!({"reason_category": "tools"}));
            act(db, context, &shop.owner, |tx| pauses::request(tx, shop.job.kind, shop.job.id, body))
                .expect("requested")
                .id
                .get()
        };
        return Some(Prepared { id, query: "", body: json!({"reason": "Go on."}), owner: shop.owner });
    }
    if path.starts_with("/api/takeovers/{id}") {
        let shop = repair().stalled();
        let taker = site.user(Role::Specialist);
        let queued = act(db, context, &taker, |tx| {
            takeovers::request_job(tx, shop.job.kind, shop.job.id, input(json!({})))
        });
        return Some(Prepared {
            id: queued.expect("queued").id.get(),
            query: "",
            body: json!({}),
            owner: taker,
        });
    }
    if path.starts_with("/api/quality-reviews/{id}") {
        site.user(Role::QualityEngineer);
        let shop = repair().finished();
        let (review, qe) = builders::review(db, &shop.admin, &shop.job);
        let id = review.id;
        if path.ends_with("/validate") {
            let rejection = json!({"category": "other", "reason": "It still leaks as it did before."});
            act(db, context, &qe, |tx| quality_reviews::reject(tx, id, input(rejection))).expect("rejected");
        }
        let another = path.ends_with("/reassign").then(|| site.user(Role::QualityEngineer).id);
        let body = json!({
            "qe_id": another, "qc_rating": 4, "category": "other", "reason": "It still leaks as it did before.", "is_valid": true,
        });
        return Some(Prepared { id: id.get(), query: "", body, owner: qe });
    }
    match (operation.method, path) {
        ("POST", "/api/quality-reviews") => {
            let shop = repair().finished();
            let qe = site.user(Role::QualityEngineer);
            let body = json!({"job_id": shop.job.id, "qe_id": qe.id});
            Some(Prepared { id: 0, query: "", body, owner: qe })
        }
        ("POST", "/api/engineer-jobs") => {
            let engineer = site.user(Role::Engineer);
            // The job of an engineer is their own.
            let whose = (caller == Role::Admin).then_some(engineer.id);
            let body = json!({"job_type": "special_task", "title": "Look", "engineer_id": whose});
            Some(Prepared { id: 0, query: "", body, owner: engineer })
        }
        ("POST", "/api/defect-assessments") => {
            let shop = repair().planned();
            let body =
                json!({"defect_id": shop.job.defect_id, "verdict": "confirm", "technical_notes": "Worn."});
            Some(Prepared { id: 0, query: "", body, owner: shop.owner })
        }
        ("POST", "/api/defects/{id}/assign-specialist") => {
            let machine = builders::equipment(db, context);
            let defect = builders::defect(db, context, &site.user(Role::Inspector), &machine);
            let owner = site.user(Role::Specialist);
            let body = json!({"specialist_id": owner.id});
            Some(Prepared { id: defect.id.get(), query: "", body, owner })
        }
        ("POST", "/api/inspection-assignments/{id}/unassign")
        | ("DELETE", "/api/inspection-assignments/{id}") => {
            let admin = site.user(Role::Admin);
            builders::equipment(db, context);
            let (_, on_it) = builders::generated(db, context, &admin);
            let (team, last) = (builders::team(db, context), on_it.last().expect("an assignment"));
            builders::assigned(db, context, &admin, last.id, &team);
            Some(Prepared { id: last.id.get(), query: "", body: json!({}), owner: team.mechanical })
        }
        ("POST", "/api/inspection-assignments/{id}/takeover") => {
            let admin = site.user(Role::Admin);
            builders::equipment(db, context);
            let (_, on_it) = builders::generated(db, context, &admin);
            let team = builders::team(db, context);
            let last = on_it.last().expect("an assignment");
            builders::assigned(db, context, &admin, last.id, &team);
            site.clock.set("2026-03-04T08:00:00Z");
            let partner = builders::team(db, context).electrical;
            let body = json!({"partner_id": partner.id});
            Some(Prepared { id: last.id.get(), query: "", body, owner: partner })
        }
        ("GET", "/api/takeovers/queue") => {
            let owner = site.user(Role::Specialist);
            Some(Prepared { id: 0, query: "?job_type=specialist&job_id=1", body: json!({}), owner })
        }
        _ => None,
    }
}
