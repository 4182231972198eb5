//! Takeovers of stalled jobs and overdue inspections.

use inspection_auth::permissions::{ManageJobs, SignedIn};
use inspection_domain::{
    ids::TakeoverId,
    takeovers::{QueueOf, Takeover, TakeoverFilter, TakeoverStatus},
    time::Instant,
    users::UserSummary,
};
use inspection_persistence::takeovers;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    related::{References, Related, View, list_views},
    web::{
        app::{App, Caller},
        input::{ListQuery, Path},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of takeovers.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("takeovers", "Takeovers of stalled jobs");
    routes.get(
        "/api/takeovers",
        "takeovers.list",
        list,
        "List takeover requests, filtered, newest first; admins see all, others their own",
    );
    routes.get(
        "/api/takeovers/queue",
        "takeovers.queue",
        queue,
        "List the takeover queue of a job or an assignment, in order",
    );
    routes.post(
        "/api/takeovers/{id}/approve",
        "takeovers.approve",
        approve,
        "Approve a takeover; denies all other requests in the queue",
    );
    routes.post("/api/takeovers/{id}/deny", "takeovers.deny", deny, "Deny a takeover");
}

inspection_domain::shows!(TakeoverView {});

/// A takeover request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TakeoverView {
    #[serde(flatten)]
    takeover: Takeover,
    /// Primary key of the job or the assignment.
    job_id: i64,
    /// Whether the requesting user received the points for completing the work.
    bonus_awarded: bool,
    /// Time of the request.
    created_at: Instant,
    /// The requesting user.
    requester: Option<UserSummary>,
    /// The partner in the inspection.
    partner: Option<UserSummary>,
    /// The previous owner.
    previous_owner: Option<UserSummary>,
}

impl View<Takeover> for TakeoverView {
    fn references(takeover: &Takeover, references: &mut References) {
        references.people([Some(takeover.requested_by_id), takeover.partner_id, takeover.previous_owner_id]);
    }

    fn new(takeover: Takeover, related: &Related, _: &Caller) -> Self {
        Self {
            job_id: takeover.target(),
            bonus_awarded: takeover.status == TakeoverStatus::Completed,
            created_at: takeover.requested_at,
            requester: related.person(takeover.requested_by_id),
            partner: related.person(takeover.partner_id),
            previous_owner: related.person(takeover.previous_owner_id),
            takeover,
        }
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<TakeoverFilter>,
) -> Result<Paged<TakeoverView>, Problem> {
    list_views(app, permit, query, |conn, caller, filter, page| {
        takeovers::list(conn, &caller.user, &filter, page)
    })
    .await
}

async fn queue(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<QueueOf>,
) -> Result<Paged<TakeoverView>, Problem> {
    list_views(app, permit, query, |conn, _, of, page| takeovers::queue(conn, &of, page)).await
}

async fn approve(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<TakeoverId>,
) -> Result<Rendered<Reply<TakeoverView>>, Problem> {
    app.write(permit, id, |tx, caller, id| {
        let takeover = takeovers::approve(tx, id)?;
        Ok(Reply::with(TakeoverView::one(tx.conn(), takeover, caller)?, "takeover approved"))
    })
    .await
}

async fn deny(
    app: App,
    permit: Permit<ManageJobs>,
    id: Path<TakeoverId>,
) -> Result<Rendered<Reply<TakeoverView>>, Problem> {
    app.write(permit, id, |tx, caller, id| {
        let takeover = takeovers::deny(tx, id)?;
        Ok(Reply::with(TakeoverView::one(tx.conn(), takeover, caller)?, "takeover denied"))
    })
    .await
}
