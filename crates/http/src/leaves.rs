//! Leaves and their coverage.

use inspection_auth::permissions::{ManageLeaves, SignedIn};
use inspection_domain::{
    assignments::{AssignmentStatus, conflicts::SeatConflict},
    equipment::Equipment,
    ids::{AssignmentId, EquipmentId, LeaveId, UserId},
    leaves::{
        Candidate, CapacityFilter, CoverageAssignment, HalfDay, Leave, LeaveApproval, LeaveFilter,
        LeaveRejection, LeaveScope, LeaveStatus, LeaveType, NewLeave,
    },
    reports::Capacity,
    time::{Date, Instant},
    users::{Category, Shift, UserSummary},
};
use inspection_persistence::{
    self as persistence, DbConnection, equipment,
    leaves::{self, Granted},
    reports, versions,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    related::{References, Related, View, list_views},
    web::{
        app::{App, Caller},
        entity_tags::Versioned,
        input::{Body, ListQuery, Path, QueryParams, Unfiltered},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Created, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of leaves.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("leaves", "Leaves and their coverage");
    routes.get(
        "/api/leaves",
        "leaves.list",
        list,
        "List leaves, filtered, newest first; admins see all, others their own",
    );
    routes.post("/api/leaves", "leaves.request", request, "Request a leave; admins also for other users");
    routes.get("/api/leaves/active", "leaves.active", active, "List today's absences, earliest return first");
    routes.get(
        "/api/leaves/capacity",
        "leaves.capacity",
        capacity,
        "Get the number of people present today, by role and by shift",
    );
    routes.get("/api/leaves/{id}", "leaves.get", get, "Get a leave");
    routes.post(
        "/api/leaves/{id}/approve",
        "leaves.approve",
        approve,
        "Approve a leave and notify all other users; may withdraw the teams of its days",
    );
    routes.post("/api/leaves/{id}/reject", "leaves.reject", reject, "Reject a leave");
    routes.post("/api/leaves/{id}/cancel", "leaves.cancel", cancel, "Cancel the user's own request");
    routes.post("/api/leaves/{id}/end", "leaves.end", end, "End a leave early");
    routes.get(
        "/api/leaves/{id}/coverage/candidates",
        "leaves.candidates",
        candidates,
        "List coverage candidates, best first",
    );
    routes.post(
        "/api/leaves/{id}/coverage/assign",
        "leaves.assign_coverage",
        assign_coverage,
        "Assign the coverage of a leave",
    );
}

inspection_domain::shows!(LeaveView { leave }, GrantedView { leave }, CandidateView {}, AbsenceView {});

/// A leave.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeaveView {
    #[serde(flatten)]
    leave: Leave,
    /// Duration in days of the calendar, first and last day included.
    total_days: i64,
    /// Days that count: a half day is 0.5.
    counted_days: f64,
    /// The absent user.
    user: Option<UserSummary>,
    /// The covering user.
    coverage_user: Option<UserSummary>,
}

/// An approved leave, with the seats of its person on its days.
#[derive(Debug, Serialize, ToSchema)]
struct GrantedView {
    #[serde(flatten)]
    leave: LeaveView,
    /// Seats of the absent user whose halves are not submitted, by date.
    conflicts: Vec<ConflictView>,
}

/// A seat of an absent user.
#[derive(Debug, Serialize, ToSchema)]
struct ConflictView {
    /// The assignment.
    assignment_id: AssignmentId,
    /// Its day.
    date: Date,
    /// Its shift.
    shift: Shift,
    /// The machine.
    equipment_id: EquipmentId,
    /// Name of the machine, in the language of the reader.
    equipment_name: String,
    /// The half whose inspector is absent.
    seat: Category,
    /// Status of the assignment before the approval.
    status: AssignmentStatus,
    /// Whether the team was withdrawn. If not, the absent user still has the seat.
    is_freed: bool,
}

impl GrantedView {
    fn new(conn: &mut DbConnection, granted: Granted, caller: &Caller) -> persistence::Result<Self> {
        let Granted { leave, conflicts } = granted;
        let machines = equipment::by_ids(conn, conflicts.iter().map(|seat| seat.assignment.equipment_id))?;
        let name = |id| {
            let machine: Option<&Equipment> = machines.get(&id);
            let name = |machine: &Equipment| {
                caller.language.choose(&machine.name, machine.name_ar.as_deref()).to_owned()
            };
            machine.map(name).unwrap_or_default()
        };
        let conflict = |SeatConflict { assignment, seat, is_freed }| ConflictView {
            assignment_id: assignment.id,
            date: assignment.target_date,
            shift: assignment.shift,
            equipment_id: assignment.equipment_id,
            equipment_name: name(assignment.equipment_id),
            seat,
            status: assignment.status,
            is_freed,
        };
        let conflicts = conflicts.into_iter().map(conflict).collect();
        Ok(Self { leave: LeaveView::one(conn, leave, caller)?, conflicts })
    }
}

/// A leave in force. Its type and reasons and its approval are null, except for the absent user and
/// admins.
#[derive(Debug, Serialize, ToSchema)]
struct AbsenceView {
    /// Primary key of the leave.
    id: LeaveId,
    /// The absent user.
    user_id: UserId,
    /// The absent user.
    user: Option<UserSummary>,
    /// Type.
    leave_type: Option<LeaveType>,
    /// Reason for the type `other`.
    other_reason: Option<String>,
    /// Remark of the absent user.
    reason: Option<String>,
    /// Always null: a rejected leave is not in force.
    rejection_reason: Option<String>,
    /// First day.
    date_from: Date,
    /// Last day.
    date_to: Date,
    /// Duration in days of the calendar, first and last day included.
    total_days: i64,
    /// Days that count: a half day is 0.5.
    counted_days: f64,
    /// Half of the day; null for whole days.
    half_day: Option<HalfDay>,
    /// The roles that the leave covers.
    scope: LeaveScope,
    /// Always `approved`.
    status: LeaveStatus,
    /// User that approved it.
    approved_by_id: Option<UserId>,
    /// Time of the approval.
    approved_at: Option<Instant>,
    /// Time of the request.
    created_at: Option<Instant>,
    /// The covering user.
    coverage_user_id: Option<UserId>,
    /// The covering user.
    coverage_user: Option<UserSummary>,
}

impl View<Leave> for AbsenceView {
    fn references(leave: &Leave, references: &mut References) {
        references.people([Some(leave.user_id), leave.coverage_user_id]);
    }

    fn new(leave: Leave, related: &Related, caller: &Caller) -> Self {
        let is_visible = leave.may_be_seen_by(&caller.user).is_ok();
        Self {
            leave_type: is_visible.then_some(leave.leave_type),
            other_reason: leave.other_reason.clone().filter(|_| is_visible),
            reason: leave.reason.clone().filter(|_| is_visible),
            rejection_reason: leave.rejection_reason.clone().filter(|_| is_visible),
            approved_by_id: leave.decided_by_id.filter(|_| is_visible),
            approved_at: leave.decided_at.filter(|_| is_visible),
            created_at: is_visible.then_some(leave.created_at),
            id: leave.id,
            user_id: leave.user_id,
            user: related.person(leave.user_id),
            date_from: leave.date_from,
            date_to: leave.date_to,
            total_days: leave.total_days(),
            counted_days: leave.counted_days(),
            half_day: leave.half_day,
            scope: leave.scope,
            status: leave.status,
            coverage_user_id: leave.coverage_user_id,
            coverage_user: related.person(leave.coverage_user_id),
        }
    }
}

/// A coverage candidate.
#[derive(Debug, Serialize, ToSchema)]
struct CandidateView {
    /// The user.
    user: UserSummary,
    /// Suitability; higher is better.
    score: i64,
    /// Number of jobs in progress.
    active_jobs: i64,
    /// Whether the shift is that of the absent user.
    same_shift: bool,
    /// Whether the role is that of the absent user.
    same_role: bool,
}

impl View<Leave> for LeaveView {
    fn references(leave: &Leave, references: &mut References) {
        references.people([Some(leave.user_id), leave.coverage_user_id]);
    }

    fn new(leave: Leave, related: &Related, _: &Caller) -> Self {
        Self {
            total_days: leave.total_days(),
            counted_days: leave.counted_days(),
            user: related.person(leave.user_id),
            coverage_user: related.person(leave.coverage_user_id),
            leave,
        }
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<LeaveFilter>,
) -> Result<Paged<LeaveView>, Problem> {
    list_views(app, permit, query, |conn, caller, filter, page| {
        leaves::list(conn, &caller.user, &filter, page)
    })
    .await
}

async fn active(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<AbsenceView>, Problem> {
    list_views(app, permit, query, move |conn, caller, _, page| leaves::active(conn, caller.today, page))
        .await
}

async fn capacity(
    app: App,
    permit: Permit<ManageLeaves>,
    query: QueryParams<CapacityFilter>,
) -> Result<Reply<Capacity>, Problem> {
    let capacity =
        app.read(permit, query, |conn, caller, filter| reports::capacity(conn, &filter, caller.today));
    Ok(Reply::new(capacity.await?))
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<LeaveId>) -> Result<Reply<LeaveView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let leave = leaves::get_visible(conn, &caller.user, id)?;
        let version = versions::of(&leave)?;
        Ok(Versioned { version, view: LeaveView::one(conn, leave, caller)? })
    });
    Ok(Reply::versioned(view.await?))
}

async fn request(
    app: App,
    permit: Permit<SignedIn>,
    body: Body<NewLeave>,
) -> Result<Rendered<Created<LeaveView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        let leave = leaves::request(tx, new)?;
        Ok(Created::with(LeaveView::one(tx.conn(), leave, caller)?, "leave requested"))
    })
    .await
}

async fn approve(
    app: App,
    permit: Permit<ManageLeaves>,
    id: Path<LeaveId>,
    body: Body<LeaveApproval>,
) -> Result<Rendered<Reply<GrantedView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, approval)| {
        let granted = leaves::approve(tx, id, &approval)?;
        Ok(Reply::with(GrantedView::new(tx.conn(), granted, caller)?, "leave approved"))
    })
    .await
}

async fn reject(
    app: App,
    permit: Permit<ManageLeaves>,
    id: Path<LeaveId>,
    body: Body<LeaveRejection>,
) -> Result<Rendered<Reply<LeaveView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, rejection)| {
        let leave = leaves::reject(tx, id, rejection)?;
        Ok(Reply::with(LeaveView::one(tx.conn(), leave, caller)?, "leave rejected"))
    })
    .await
}

async fn cancel(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<LeaveId>,
) -> Result<Rendered<Reply<LeaveView>>, Problem> {
    app.write(permit, id, |tx, caller, id| {
        let leave = leaves::cancel(tx, id)?;
        Ok(Reply::with(LeaveView::one(tx.conn(), leave, caller)?, "request withdrawn"))
    })
    .await
}

async fn end(
    app: App,
    permit: Permit<ManageLeaves>,
    id: Path<LeaveId>,
) -> Result<Rendered<Reply<LeaveView>>, Problem> {
    app.write(permit, id, |tx, caller, id| {
        let leave = leaves::end(tx, id)?;
        Ok(Reply::with(LeaveView::one(tx.conn(), leave, caller)?, "leave ended"))
    })
    .await
}

async fn candidates(
    app: App,
    permit: Permit<ManageLeaves>,
    id: Path<LeaveId>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<CandidateView>, Problem> {
    let page =
        app.read(permit, (id, query), |conn, caller, (id, (_, page))| {
            let candidates = page.of(leaves::candidates(conn, id)?, |candidate| candidate.user.id);
            Ok(candidates.map(|Candidate { user, score, active_jobs, same_shift, same_role }| {
                CandidateView { user: user.seen_by(&caller.user), score, active_jobs, same_shift, same_role }
            }))
        });
    Ok(Paged(page.await?))
}

async fn assign_coverage(
    app: App,
    permit: Permit<ManageLeaves>,
    id: Path<LeaveId>,
    body: Body<CoverageAssignment>,
) -> Result<Rendered<Reply<LeaveView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, coverage)| {
        let leave = leaves::assign_coverage(tx, id, &coverage)?;
        Ok(Reply::with(LeaveView::one(tx.conn(), leave, caller)?, "coverage assigned"))
    })
    .await
}
