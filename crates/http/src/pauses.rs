//! Pauses of jobs of both kinds: deciding on them.

use inspection_auth::permissions::{DecidePauses, SignedIn};
use inspection_domain::{
    ids::{JobId, PauseId},
    jobs::JobKind,
    pauses::{Denial, Pause},
    users::UserSummary,
};
use inspection_persistence::{jobs, pauses, users};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    input::{Body, ListQuery, Path, Unfiltered},
    permit::Permit,
    problem::Problem,
    reply::{Paged, Reply},
    routes::Routes,
};

/// Endpoints of pauses.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/jobs/pauses/pending",
        "pauses.pending",
        pending,
        "The pauses that wait for a decision, the oldest first",
    );
    routes.post(
        "/api/jobs/pauses/{id}/approve",
        "pauses.approve",
        approve,
        "Allow a pause: the job is paused from now on",
    );
    routes.post("/api/jobs/pauses/{id}/deny", "pauses.deny", deny, "Don't allow a pause");
    routes.post(
        "/api/jobs/pauses/{id}/resume",
        "pauses.resume",
        resume,
        "Let a paused job go on: its owner, an engineer or an admin",
    );
}

inspection_domain::shows!(PauseView {});

/// A pause with its job's number and who asked for it.
#[derive(Debug, Serialize, ToSchema)]
struct PauseView {
    #[serde(flatten)]
    pause: Pause,
    /// Number of the job, as people say it.
    job_number: Option<String>,
    /// Whose kind of job it is.
    job_type: Option<JobKind>,
    /// Who asked for it.
    requested_by: Option<UserSummary>,
}

async fn pending(
    app: App,
    permit: Permit<DecidePauses>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<PauseView>, Problem> {
    let page = app.read(permit, query, |conn, _, (_, page)| {
        let page = pauses::pending(conn, page)?;
        let ids: Vec<JobId> = page.items.iter().map(|pause| pause.job_id).collect();
        let jobs = jobs::by_ids(conn, &ids)?;
        let people = users::summaries(conn, page.items.iter().map(|pause| pause.requested_by_id))?;
        Ok(page.map(|pause| {
            let job = jobs.iter().find(|job| job.id == pause.job_id);
            PauseView {
                job_number: job.map(|job| job.job_id.clone()),
                job_type: job.map(|job| job.kind),
                requested_by: people.get(&pause.requested_by_id).cloned(),
                pause,
            }
        }))
    });
    Ok(Paged(page.await?))
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
