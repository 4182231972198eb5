//! Assignments: the machines of a daily list and their inspection teams.

mod answers;

use inspection_auth::permissions::{PlanInspections, SignedIn, TakeInspectionsOver};
use inspection_domain::{
    assignments::{
        AssignTeam, Assignment, AssignmentFilter, AssignmentStatus, CorrectBerth, batch::AssignBatch,
    },
    ids::AssignmentId,
    takeovers::NewInspectionTakeover,
    users::UserSummary,
};
use inspection_persistence::{assignments, inspections, takeovers};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::EquipmentView,
    related::{References, Related, View, list_views},
    takeovers::TakeoverView,
    web::{
        app::{App, Caller},
        input::{Body, ListQuery, Path, Unfiltered},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Complete, Created, Done, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of assignments.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("assignments", "Assignments of machines to teams of two inspectors");
    routes.get(
        "/api/inspection-assignments/my-assignments",
        "assignments.mine",
        mine,
        "List the user's assignments, latest day first",
    );
    routes.get(
        "/api/inspection-assignments/backlog",
        "assignments.backlog",
        backlog,
        "List unfinished assignments past their deadline, oldest first",
    );
    routes.get(
        "/api/inspection-assignments/{id}/answers",
        "assignments.answers",
        answers::answers,
        "Get the questions and answers of both halves",
    );
    routes.post(
        "/api/inspection-assignments/{id}/assign",
        "assignments.assign",
        assign,
        "Assign the two inspectors of a team",
    );
    routes.post(
        "/api/inspection-assignments/batch",
        "assignments.assign_batch",
        assign_batch,
        "Assign one team to several machines of a list, all or none",
    );
    routes.post(
        "/api/inspection-assignments/{id}/unassign",
        "assignments.unassign",
        unassign,
        "Withdraw the team; its drafts are discarded",
    );
    routes.delete(
        "/api/inspection-assignments/{id}",
        "assignments.remove",
        remove,
        "Remove an assignment that no inspection was started for",
    );
    routes.post(
        "/api/inspection-assignments/{id}/takeover",
        "assignments.take_over",
        take_over,
        "Request the takeover of an overdue inspection, with a partner",
    );
    routes.put(
        "/api/inspection-assignments/{id}/berth",
        "assignments.correct_berth",
        correct_berth,
        "Correct the berth of the machine",
    );
    routes.post(
        "/api/inspection-assignments/{id}/complete",
        "assignments.complete",
        complete,
        "Confirm the user's half, completed by submitting the inspection",
    );
}

inspection_domain::shows!(AssignmentView { equipment });

/// An assignment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssignmentView {
    #[serde(flatten)]
    assignment: Assignment,
    /// The machine.
    equipment: Option<EquipmentView>,
    /// Inspector of the mechanical half.
    mechanical_inspector: Option<UserSummary>,
    /// Inspector of the electrical half.
    electrical_inspector: Option<UserSummary>,
    /// Whether it is part of the backlog.
    backlog_triggered: bool,
    /// Status of the reader's own half; null for a reader who is not on the team.
    my_status: Option<AssignmentStatus>,
}

impl View<Assignment> for AssignmentView {
    fn references(assignment: &Assignment, references: &mut References) {
        references.machine(assignment.equipment_id);
        references.people(assignment.team());
        references.assignment(assignment.id, assignment.team());
    }

    fn new(assignment: Assignment, related: &Related, caller: &Caller) -> Self {
        Self {
            equipment: EquipmentView::of(assignment.equipment_id, related, caller),
            mechanical_inspector: related.person(assignment.mechanical_inspector_id),
            electrical_inspector: related.person(assignment.electrical_inspector_id),
            backlog_triggered: assignment.is_overdue(caller.now),
            my_status: assignment.own_status(&caller.user, related.has_draft(assignment.id)),
            assignment,
        }
    }
}

async fn mine(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<AssignmentFilter>,
) -> Result<Paged<AssignmentView>, Problem> {
    list_views(app, permit, query, |conn, caller, filter, page| {
        assignments::list_by_inspector(conn, caller.user.id, &filter, page)
    })
    .await
}

async fn backlog(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<AssignmentView>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| assignments::backlog(conn, caller.now, page)).await
}

async fn assign(
    app: App,
    permit: Permit<PlanInspections>,
    id: Path<AssignmentId>,
    body: Body<AssignTeam>,
) -> Result<Rendered<Reply<AssignmentView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, team)| {
        let assignment = inspections::assign(tx, id, &team)?;
        Ok(Reply::with(AssignmentView::one(tx.conn(), assignment, caller)?, "team assigned"))
    })
    .await
}

async fn assign_batch(
    app: App,
    permit: Permit<PlanInspections>,
    body: Body<AssignBatch>,
) -> Result<Rendered<Reply<Complete<AssignmentView>>>, Problem> {
    app.write(permit, body, |tx, caller, batch| {
        let assignments = assignments::assign_batch(tx, &batch)?;
        let views = AssignmentView::many(tx.conn(), assignments, caller)?;
        Ok(Reply::with(Complete(views), "team assigned"))
    })
    .await
}

async fn unassign(
    app: App,
    permit: Permit<PlanInspections>,
    id: Path<AssignmentId>,
) -> Result<Rendered<Reply<AssignmentView>>, Problem> {
    app.write(permit, id, |tx, caller, id| {
        let assignment = inspections::unassign(tx, id)?;
        Ok(Reply::with(AssignmentView::one(tx.conn(), assignment, caller)?, "team withdrawn"))
    })
    .await
}

async fn remove(
    app: App,
    permit: Permit<PlanInspections>,
    id: Path<AssignmentId>,
) -> Result<Rendered<Done>, Problem> {
    app.write(permit, id, |tx, _, id| {
        inspections::remove(tx, id)?;
        Ok(Done("assignment removed"))
    })
    .await
}

async fn take_over(
    app: App,
    permit: Permit<TakeInspectionsOver>,
    id: Path<AssignmentId>,
    body: Body<NewInspectionTakeover>,
) -> Result<Rendered<Created<TakeoverView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, request)| {
        let takeover = takeovers::request_assignment(tx, id, request)?;
        Ok(Created::with(TakeoverView::one(tx.conn(), takeover, caller)?, "takeover requested"))
    })
    .await
}

async fn correct_berth(
    app: App,
    permit: Permit<PlanInspections>,
    id: Path<AssignmentId>,
    body: Body<CorrectBerth>,
) -> Result<Rendered<Reply<AssignmentView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, correction)| {
        let assignment = assignments::correct_berth(tx, id, correction)?;
        Ok(Reply::with(AssignmentView::one(tx.conn(), assignment, caller)?, "berth corrected"))
    })
    .await
}

async fn complete(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<AssignmentId>,
) -> Result<Reply<AssignmentView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let assignment = assignments::confirm(conn, &caller.user, id)?;
        AssignmentView::one(conn, assignment, caller)
    });
    Ok(Reply::with(view.await?, "your half is complete"))
}
