//! Taking over stalled jobs and late inspections.

use inspection_auth::permissions::{ManageJobs, SignedIn};
use inspection_domain::{
    ids::{TakeoverId, UserId},
    takeovers::{QueueOf, Takeover, TakeoverFilter},
    users::UserSummary,
};
use inspection_persistence::{self as persistence, DbConnection, takeovers, users};
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    input::{ListQuery, Path},
    permit::Permit,
    problem::Problem,
    reply::{Paged, Reply},
    routes::Routes,
};

/// Endpoints of takeovers.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/takeovers",
        "takeovers.list",
        list,
        "Requests to take over, filtered, newest first; all for an admin, else one's own",
    );
    routes.get(
        "/api/takeovers/queue",
        "takeovers.queue",
        queue,
        "The queue for a job or an assignment, in its order",
    );
    routes.post(
        "/api/takeovers/{id}/approve",
        "takeovers.approve",
        approve,
        "Let somebody take over; everybody else in the queue is denied",
    );
    routes.post("/api/takeovers/{id}/deny", "takeovers.deny", deny, "Don't let somebody take over");
}

inspection_domain::shows!(TakeoverView {});

/// A request to take over, for a reader.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TakeoverView {
    #[serde(flatten)]
    takeover: Takeover,
    /// Number of the job, or of the assignment.
    job_id: i64,
    /// Who would take it over.
    requested_by: Option<UserSummary>,
    /// Who would inspect with them.
    partner: Option<UserSummary>,
    /// Whose job it was.
    previous_owner: Option<UserSummary>,
}

fn people(
    conn: &mut DbConnection,
    takeovers: &[Takeover],
) -> persistence::Result<HashMap<UserId, UserSummary>> {
    let ids = takeovers.iter().flat_map(|takeover| {
        [Some(takeover.requested_by_id), takeover.partner_id, takeover.previous_owner_id]
    });
    users::summaries(conn, ids.flatten().collect::<Vec<_>>())
}

impl TakeoverView {
    fn new(takeover: Takeover, people: &HashMap<UserId, UserSummary>) -> Self {
        let person = |id: Option<UserId>| people.get(&id?).cloned();
        Self {
            job_id: takeover.target(),
            requested_by: person(Some(takeover.requested_by_id)),
            partner: person(takeover.partner_id),
            previous_owner: person(takeover.previous_owner_id),
            takeover,
        }
    }

    pub(crate) fn one(conn: &mut DbConnection, takeover: Takeover) -> persistence::Result<Self> {
        let people = people(conn, std::slice::from_ref(&takeover))?;
        Ok(Self::new(takeover, &people))
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<TakeoverFilter>,
) -> Result<Paged<TakeoverView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = takeovers::list(conn, &caller.user, &filter, page)?;
        let people = people(conn, &page.items)?;
        Ok(page.map(|takeover| TakeoverView::new(takeover, &people)))
    });
    Ok(Paged(page.await?))
}

async fn queue(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<QueueOf>,
) -> Result<Paged<TakeoverView>, Problem> {
    let page = app.read(permit, query, |conn, _, (of, page)| {
        let page = takeovers::queue(conn, &of, page)?;
        let people = people(conn, &page.items)?;
        Ok(page.map(|takeover| TakeoverView::new(takeover, &people)))
    });
    Ok(Paged(page.await?))
}

async fn approve(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<TakeoverId>,
) -> Result<Reply<TakeoverView>, Problem> {
    let view = app.write(permit, id, |tx, _, id| {
        let takeover = takeovers::approve(tx, id)?;
        TakeoverView::one(tx.conn(), takeover)
    });
    Ok(Reply::with(view.await?, "takeover approved"))
}

async fn deny(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<TakeoverId>,
) -> Result<Reply<TakeoverView>, Problem> {
    let view = app.write(permit, id, |tx, _, id| {
        let takeover = takeovers::deny(tx, id)?;
        TakeoverView::one(tx.conn(), takeover)
    });
    Ok(Reply::with(view.await?, "takeover denied"))
}
