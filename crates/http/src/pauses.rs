//! Decisions on pauses of jobs of both kinds.

use inspection_auth::permissions::{DecidePauses, SignedIn};
use inspection_domain::{
    ids::{JobId, PauseId, UserId},
    jobs::JobKind,
    pauses::{Denial, Pause, PauseDecision, PauseReason},
    time::Instant,
    users::UserSummary,
};
use inspection_persistence::pauses;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    related::{References, Related, View, list_views},
    web::{
        app::{App, Caller},
        input::{Body, ListQuery, Path, Unfiltered},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of pauses.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("pauses", "Pauses of jobs, and their approval");
    routes.get(
        "/api/jobs/pauses/pending",
        "pauses.pending",
        pending,
        "List the pauses that await a decision, oldest first",
    );
    routes.post(
        "/api/jobs/pauses/{id}/approve",
        "pauses.approve",
        approve,
        "Approve a pause; the job is paused from the instant of the request on",
    );
    routes.post("/api/jobs/pauses/{id}/deny", "pauses.deny", deny, "Deny a pause");
    routes.post(
        "/api/jobs/pauses/{id}/resume",
        "pauses.resume",
        resume,
        "Resume a paused job; allowed for its owner, engineers and admins",
    );
}

inspection_domain::shows!(PauseView {});

/// A pause of a job, or the request for one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PauseView {
    /// Primary key.
    id: PauseId,
    /// Kind of the job.
    #[schema(value_type = JobKind)]
    job_type: Option<JobKind>,
    /// The job.
    job_id: JobId,
    /// Display number of the job.
    job_number: Option<String>,
    /// User that requested or ordered it.
    requested_by: UserId,
    /// The requesting user.
    requester: Option<UserSummary>,
    /// Time of the request.
    requested_at: Instant,
    /// Reason.
    reason_category: PauseReason,
    /// Details of the reason; empty if there are none.
    reason_details: String,
    /// Decision; `approved` also after the end of the pause.
    status: PauseDecision,
    /// Whether an admin ordered it.
    is_forced: bool,
    /// User that approved or denied it.
    approved_by: Option<UserId>,
    /// Time of the approval or denial.
    approved_at: Option<Instant>,
    /// Reason for the denial.
    denial_reason: Option<String>,
    /// Begin of the pause.
    paused_at: Option<Instant>,
    /// End of the pause.
    resumed_at: Option<Instant>,
    /// User that resumed the job.
    resumed_by_id: Option<UserId>,
    /// Length of the pause in seconds.
    duration_seconds: Option<i64>,
    /// Length of the pause in whole minutes.
    duration_minutes: Option<i64>,
    /// Time of the request.
    created_at: Instant,
}

impl View<Pause> for PauseView {
    fn references(pause: &Pause, references: &mut References) {
        references.job(pause.job_id);
        references.people([Some(pause.requested_by_id)]);
    }

    fn new(pause: Pause, related: &Related, _: &Caller) -> Self {
        let job = related.job(pause.job_id);
        Self {
            id: pause.id,
            job_type: job.map(|job| job.kind),
            job_id: pause.job_id,
            job_number: job.map(|job| job.job_id.clone()),
            requested_by: pause.requested_by_id,
            requester: related.person(pause.requested_by_id),
            requested_at: pause.requested_at,
            reason_category: pause.reason_category,
            duration_minutes: pause.duration_minutes(),
            reason_details: pause.reason_details.unwrap_or_default(),
            status: pause.status.decision(),
            is_forced: pause.is_forced,
            approved_by: pause.decided_by_id,
            approved_at: pause.decided_at,
            denial_reason: pause.deny_reason,
            paused_at: pause.paused_at,
            resumed_at: pause.resumed_at,
            resumed_by_id: pause.resumed_by_id,
            duration_seconds: pause.duration_seconds,
            created_at: pause.requested_at,
        }
    }
}

async fn pending(
    app: App,
    permit: Permit<DecidePauses>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<PauseView>, Problem> {
    list_views(app, permit, query, |conn, _, _, page| pauses::pending(conn, page)).await
}

async fn approve(
    app: App,
    permit: Permit<DecidePauses>,
    id: Path<PauseId>,
) -> Result<Rendered<Reply<PauseView>>, Problem> {
    app.write(permit, id, |tx, caller, id| {
        let pause = pauses::approve(tx, id)?;
        Ok(Reply::with(PauseView::one(tx.conn(), pause, caller)?, "pause approved"))
    })
    .await
}

async fn deny(
    app: App,
    permit: Permit<DecidePauses>,
    id: Path<PauseId>,
    body: Body<Denial>,
) -> Result<Rendered<Reply<PauseView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, denial)| {
        let pause = pauses::deny(tx, id, denial)?;
        Ok(Reply::with(PauseView::one(tx.conn(), pause, caller)?, "pause denied"))
    })
    .await
}

async fn resume(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<PauseId>,
) -> Result<Rendered<Reply<PauseView>>, Problem> {
    app.write(permit, id, |tx, caller, id| {
        let pause = pauses::resume(tx, id)?;
        Ok(Reply::with(PauseView::one(tx.conn(), pause, caller)?, "job resumed"))
    })
    .await
}
