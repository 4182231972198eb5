//! Decisions on pauses of jobs of both kinds.

use inspection_auth::permissions::{DecidePauses, SignedIn};
use inspection_domain::{
    ids::PauseId,
    jobs::JobKind,
    pauses::{Denial, Pause},
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
        reply::{Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of pauses.
pub(crate) fn routes(routes: &mut Routes) {
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
        "Approve a pause; the job is paused immediately",
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

/// A pause with its job and requesting user.
#[derive(Debug, Serialize, ToSchema)]
struct PauseView {
    #[serde(flatten)]
    pause: Pause,
    /// Display number of the job.
    job_number: Option<String>,
    /// Kind of the job.
    job_type: Option<JobKind>,
    /// The requesting user.
    requested_by: Option<UserSummary>,
}

impl View<Pause> for PauseView {
    fn references(pause: &Pause, references: &mut References) {
        references.job(pause.job_id);
        references.people([Some(pause.requested_by_id)]);
    }

    fn new(pause: Pause, related: &Related, _: &Caller) -> Self {
        let job = related.job(pause.job_id);
        Self {
            job_number: job.map(|job| job.job_id.clone()),
            job_type: job.map(|job| job.kind),
            requested_by: related.person(pause.requested_by_id),
            pause,
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

async fn approve(app: App, permit: Permit<DecidePauses>, id: Path<PauseId>) -> Result<Reply<Pause>, Problem> {
    let pause = app.write(permit, id, |tx, _, id| pauses::approve(tx, id));
    Ok(Reply::with(pause.await?, "pause approved"))
}

async fn deny(
    app: App,
    permit: Permit<DecidePauses>,
    id: Path<PauseId>,
    body: Body<Denial>,
) -> Result<Reply<Pause>, Problem> {
    let pause = app.write(permit, (id, body), |tx, _, (id, denial)| pauses::deny(tx, id, denial));
    Ok(Reply::with(pause.await?, "pause denied"))
}

async fn resume(app: App, permit: Permit<SignedIn>, id: Path<PauseId>) -> Result<Reply<Pause>, Problem> {
    let pause = app.write(permit, id, |tx, _, id| pauses::resume(tx, id));
    Ok(Reply::with(pause.await?, "job resumed"))
}
