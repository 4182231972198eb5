//! Assignments: the machines of a daily list and their teams.

use inspection_auth::permissions::{PlanInspections, SignedIn, TakeInspectionsOver};
use inspection_domain::{
    assignments::{AssignTeam, Assignment, AssignmentFilter, CorrectBerth},
    ids::AssignmentId,
    takeovers::NewInspectionTakeover,
    text::Language,
    time::Instant,
    users::UserSummary,
};
use inspection_persistence::{self as persistence, DbConnection, assignments, takeovers};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::{EquipmentView, Related},
    takeovers::TakeoverView,
    web::{
        app::App,
        input::{Body, ListQuery, Path, Unfiltered},
        permit::Permit,
        problem::Problem,
        reply::{Created, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of assignments.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/inspection-assignments/my-assignments",
        "assignments.mine",
        mine,
        "The assignments one is on the team of; the latest day first",
    );
    routes.get(
        "/api/inspection-assignments/backlog",
        "assignments.backlog",
        backlog,
        "Unfinished assignments past their deadline, the oldest first",
    );
    routes.post(
        "/api/inspection-assignments/{id}/assign",
        "assignments.assign",
        assign,
        "Give an assignment its team of two",
    );
    routes.post(
        "/api/inspection-assignments/{id}/takeover",
        "assignments.take_over",
        take_over,
        "Queue up to take a late inspection over, with a partner",
    );
    routes.put(
        "/api/inspection-assignments/{id}/berth",
        "assignments.correct_berth",
        correct_berth,
        "Put right where the machine is",
    );
    routes.post(
        "/api/inspection-assignments/{id}/complete",
        "assignments.complete",
        complete,
        "Confirm one's half, which handing in the inspection has completed",
    );
}

inspection_domain::shows!(AssignmentView { equipment });

/// An assignment for a reader.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssignmentView {
    #[serde(flatten)]
    assignment: Assignment,
    /// The machine.
    equipment: Option<EquipmentView>,
    /// Who inspects the mechanical half.
    mechanical_inspector: Option<UserSummary>,
    /// Who inspects the electrical half.
    electrical_inspector: Option<UserSummary>,
    /// Whether it belongs to the backlog.
    is_overdue: bool,
}

/// What assignments refer to.
fn related(conn: &mut DbConnection, assignments: &[Assignment]) -> persistence::Result<Related> {
    let machines = assignments.iter().map(|assignment| assignment.equipment_id);
    Related::of(conn, machines, assignments.iter().flat_map(Assignment::team))
}

impl AssignmentView {
    /// The assignment, with what it refers to.
    pub(crate) fn new(assignment: Assignment, related: &Related, now: Instant, language: Language) -> Self {
        Self {
            equipment: related.machine(assignment.equipment_id, language),
            mechanical_inspector: related.person(assignment.mechanical_inspector_id),
            electrical_inspector: related.person(assignment.electrical_inspector_id),
            is_overdue: assignment.is_overdue(now),
            assignment,
        }
    }

    pub(crate) fn one(
        conn: &mut DbConnection,
        assignment: Assignment,
        now: Instant,
        language: Language,
    ) -> persistence::Result<Self> {
        let related = related(conn, std::slice::from_ref(&assignment))?;
        Ok(Self::new(assignment, &related, now, language))
    }
}

async fn mine(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<AssignmentFilter>,
) -> Result<Paged<AssignmentView>, Problem> {
    let now = app.now();
    let page = app.read(permit, query, move |conn, caller, (filter, page)| {
        let page = assignments::list_by_inspector(conn, caller.user.id, &filter, page)?;
        let related = related(conn, &page.items)?;
        Ok(page.map(|assignment| AssignmentView::new(assignment, &related, now, caller.language)))
    });
    Ok(Paged(page.await?))
}

async fn backlog(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<AssignmentView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (_, page)| {
        let now = caller.now;
        let page = assignments::backlog(conn, now, page)?;
        let related = related(conn, &page.items)?;
        Ok(page.map(|assignment| AssignmentView::new(assignment, &related, now, caller.language)))
    });
    Ok(Paged(page.await?))
}

async fn assign(
    app: App,
    permit: Permit<PlanInspections>,
    id: Path<AssignmentId>,
    body: Body<AssignTeam>,
) -> Result<Reply<AssignmentView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, team)| {
        let assignment = assignments::assign(tx, id, &team)?;
        let now = tx.now;
        AssignmentView::one(tx.conn(), assignment, now, caller.language)
    });
    Ok(Reply::with(view.await?, "team assigned"))
}

async fn take_over(
    app: App,
    permit: Permit<TakeInspectionsOver>,
    id: Path<AssignmentId>,
    body: Body<NewInspectionTakeover>,
) -> Result<Created<TakeoverView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, wanted)| {
        let takeover = takeovers::request_assignment(tx, id, wanted)?;
        TakeoverView::one(tx.conn(), takeover)
    });
    Ok(Created::with(view.await?, "takeover requested"))
}

async fn correct_berth(
    app: App,
    permit: Permit<PlanInspections>,
    id: Path<AssignmentId>,
    body: Body<CorrectBerth>,
) -> Result<Reply<AssignmentView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, correction)| {
        let assignment = assignments::correct_berth(tx, id, correction)?;
        let now = tx.now;
        AssignmentView::one(tx.conn(), assignment, now, caller.language)
    });
    Ok(Reply::with(view.await?, "berth corrected"))
}

async fn complete(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<AssignmentId>,
) -> Result<Reply<AssignmentView>, Problem> {
    let now = app.now();
    let view = app.read(permit, id, move |conn, caller, id| {
        let assignment = assignments::confirm(conn, &caller.user, id)?;
        AssignmentView::one(conn, assignment, now, caller.language)
    });
    Ok(Reply::with(view.await?, "your half is complete"))
}
