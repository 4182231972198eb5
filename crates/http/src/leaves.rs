//! Leaves, and who covers them.

use std::collections::HashMap;

use inspection_auth::permissions::{ManageLeaves, SignedIn};
use inspection_domain::{
    ids::{LeaveId, UserId},
    leaves::{
        Candidate, CapacityFilter, CoverageAssignment, Leave, LeaveApproval, LeaveFilter, LeaveRejection,
        LeaveScope, LeaveStatus, NewLeave,
    },
    page::Page,
    reports::Capacity,
    time::Date,
    users::UserSummary,
};
use inspection_persistence::{self as persistence, DbConnection, leaves, reports, users};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    input::{Body, ListQuery, Path, QueryParams, Unfiltered},
    permit::Permit,
    problem::Problem,
    reply::{Created, Paged, Reply},
    routes::Routes,
};

/// Endpoints of leaves.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/leaves",
        "leaves.list",
        list,
        "Leaves, filtered, newest first; all for an admin, else one's own",
    );
    routes.post(
        "/api/leaves",
        "leaves.request",
        request,
        "Ask for leave; an admin may do so for somebody else",
    );
    routes.get(
        "/api/leaves/active",
        "leaves.active",
        active,
        "Who is away today, the first to be back first",
    );
    routes.get(
        "/api/leaves/capacity",
        "leaves.capacity",
        capacity,
        "How many people are there today, by role and by shift",
    );
    routes.get("/api/leaves/{id}", "leaves.get", get, "One leave");
    routes.post(
        "/api/leaves/{id}/approve",
        "leaves.approve",
        approve,
        "Grant a leave; everybody else is told",
    );
    routes.post("/api/leaves/{id}/reject", "leaves.reject", reject, "Refuse a leave");
    routes.post("/api/leaves/{id}/cancel", "leaves.cancel", cancel, "Withdraw one's own request");
    routes.post("/api/leaves/{id}/end", "leaves.end", end, "End a leave, whatever its last day is");
    routes.get(
        "/api/leaves/{id}/coverage/candidates",
        "leaves.candidates",
        candidates,
        "Who could cover, the best first",
    );
    routes.post(
        "/api/leaves/{id}/coverage/assign",
        "leaves.assign_coverage",
        assign_coverage,
        "Let somebody cover a leave",
    );
}

inspection_domain::shows!(LeaveView { leave }, CandidateView {}, AbsenceView {});

/// A leave for a reader.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeaveView {
    #[serde(flatten)]
    leave: Leave,
    /// Days it lasts, the first and the last included.
    total_days: i64,
    /// Who is away.
    user: Option<UserSummary>,
    /// Who covers.
    coverage_user: Option<UserSummary>,
}

/// Who is away, as everybody may know it: not why.
#[derive(Debug, Serialize, ToSchema)]
struct AbsenceView {
    /// Number of the leave.
    id: LeaveId,
    /// Who is away.
    user_id: UserId,
    /// Who is away.
    user: Option<UserSummary>,
    /// The first day.
    date_from: Date,
    /// The last day.
    date_to: Date,
    /// Days it lasts, the first and the last included.
    total_days: i64,
    /// Which of their roles rest.
    scope: LeaveScope,
    /// Always `approved`.
    status: LeaveStatus,
    /// Who covers.
    coverage_user_id: Option<UserId>,
    /// Who covers.
    coverage_user: Option<UserSummary>,
}

impl AbsenceView {
    fn new(leave: &Leave, people: &HashMap<UserId, UserSummary>) -> Self {
        Self {
            id: leave.id,
            user_id: leave.user_id,
            user: people.get(&leave.user_id).cloned(),
            date_from: leave.date_from,
            date_to: leave.date_to,
            total_days: leave.total_days(),
            scope: leave.scope,
            status: leave.status,
            coverage_user_id: leave.coverage_user_id,
            coverage_user: leave.coverage_user_id.and_then(|id| people.get(&id).cloned()),
        }
    }
}

/// Somebody who could cover.
#[derive(Debug, Serialize, ToSchema)]
struct CandidateView {
    /// Who.
    user: UserSummary,
    /// How well they fit; more is better.
    score: i64,
    /// Jobs they have in progress.
    active_jobs: i64,
    /// Whether they work when the absent person does.
    same_shift: bool,
    /// Whether they have the absent person's role.
    same_role: bool,
}

fn people(conn: &mut DbConnection, leaves: &[Leave]) -> persistence::Result<HashMap<UserId, UserSummary>> {
    users::summaries(
        conn,
        leaves.iter().flat_map(|leave| [Some(leave.user_id), leave.coverage_user_id]).flatten(),
    )
}

impl LeaveView {
    fn new(leave: Leave, people: &HashMap<UserId, UserSummary>) -> Self {
        Self {
            total_days: leave.total_days(),
            user: people.get(&leave.user_id).cloned(),
            coverage_user: leave.coverage_user_id.and_then(|id| people.get(&id).cloned()),
            leave,
        }
    }

    pub(crate) fn one(conn: &mut DbConnection, leave: Leave) -> persistence::Result<Self> {
        let people = people(conn, std::slice::from_ref(&leave))?;
        Ok(Self::new(leave, &people))
    }

    fn page(conn: &mut DbConnection, page: Page<Leave>) -> persistence::Result<Page<Self>> {
        let people = people(conn, &page.items)?;
        Ok(page.map(|leave| Self::new(leave, &people)))
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<LeaveFilter>,
) -> Result<Paged<LeaveView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = leaves::list(conn, &caller.user, &filter, page)?;
        LeaveView::page(conn, page)
    });
    Ok(Paged(page.await?))
}

async fn active(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<AbsenceView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (_, page)| {
        let page = leaves::active(conn, caller.today, page)?;
        let people = people(conn, &page.items)?;
        Ok(page.map(|leave| AbsenceView::new(&leave, &people)))
    });
    Ok(Paged(page.await?))
}

async fn capacity(
    app: App,
    permit: Permit<ManageLeaves>,
    query: QueryParams<CapacityFilter>,
) -> Result<Reply<Capacity>, Problem> {
    let capacity = app.read(permit, query, |conn, _, filter| reports::capacity(conn, &filter));
    Ok(Reply::new(capacity.await?))
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<LeaveId>) -> Result<Reply<LeaveView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let leave = leaves::get_visible(conn, &caller.user, id)?;
        LeaveView::one(conn, leave)
    });
    Ok(Reply::new(view.await?))
}

async fn request(
    app: App,
    permit: Permit<SignedIn>,
    body: Body<NewLeave>,
) -> Result<Created<LeaveView>, Problem> {
    let view = app.write(permit, body, |tx, _, wanted| {
        let leave = leaves::request(tx, wanted)?;
        LeaveView::one(tx.conn(), leave)
    });
    Ok(Created::with(view.await?, "leave requested"))
}

async fn approve(
    app: App,
    permit: Permit<ManageLeaves>,
    id: Path<LeaveId>,
    body: Body<LeaveApproval>,
) -> Result<Reply<LeaveView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, approval)| {
        let leave = leaves::approve(tx, id, &approval)?;
        LeaveView::one(tx.conn(), leave)
    });
    Ok(Reply::with(view.await?, "leave approved"))
}

async fn reject(
    app: App,
    permit: Permit<ManageLeaves>,
    id: Path<LeaveId>,
    body: Body<LeaveRejection>,
) -> Result<Reply<LeaveView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, rejection)| {
        let leave = leaves::reject(tx, id, rejection)?;
        LeaveView::one(tx.conn(), leave)
    });
    Ok(Reply::with(view.await?, "leave rejected"))
}

async fn cancel(app: App, permit: Permit<SignedIn>, id: Path<LeaveId>) -> Result<Reply<LeaveView>, Problem> {
    let view = app.write(permit, id, |tx, _, id| {
        let leave = leaves::cancel(tx, id)?;
        LeaveView::one(tx.conn(), leave)
    });
    Ok(Reply::with(view.await?, "request withdrawn"))
}

async fn end(app: App, permit: Permit<ManageLeaves>, id: Path<LeaveId>) -> Result<Reply<LeaveView>, Problem> {
    let view = app.write(permit, id, |tx, _, id| {
        let leave = leaves::end(tx, id)?;
        LeaveView::one(tx.conn(), leave)
    });
    Ok(Reply::with(view.await?, "leave ended"))
}

async fn candidates(
    app: App,
    permit: Permit<ManageLeaves>,
    id: Path<LeaveId>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<CandidateView>, Problem> {
    let page =
        app.read(permit, (id, query), |conn, _, (id, (_, page))| {
            let candidates = page.of(leaves::candidates(conn, id)?);
            Ok(candidates.map(|Candidate { user, score, active_jobs, same_shift, same_role }| {
                CandidateView { user: user.into(), score, active_jobs, same_shift, same_role }
            }))
        });
    Ok(Paged(page.await?))
}

async fn assign_coverage(
    app: App,
    permit: Permit<ManageLeaves>,
    id: Path<LeaveId>,
    body: Body<CoverageAssignment>,
) -> Result<Reply<LeaveView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, wanted)| {
        let leave = leaves::assign_coverage(tx, id, &wanted)?;
        LeaveView::one(tx.conn(), leave)
    });
    Ok(Reply::with(view.await?, "coverage assigned"))
}
