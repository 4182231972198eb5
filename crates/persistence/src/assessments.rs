//! Final assessments: lists, and units of work from the verdicts to the decision (§9).

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    assessments::{AdminDecision, Assessment, AssessmentFilter, AssessmentStatus, NewVerdict, lists_all},
    assignments::{Assignment, AssignmentCommand, POINTS},
    audit::AuditAction,
    daily_lists::InspectionList,
    equipment::Equipment,
    ids::{AssessmentId, AssignmentId},
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest},
    points::PointKind,
    schema::final_assessments as assessments,
    users::{Role, User},
};

use crate::{
    DbConnection, Result, Tx,
    assignments::{self, rows as assignment_rows},
    daily_lists::rows as list_rows,
    db::error::ConcurrentUpdate,
    equipment::{self, rows as equipment_rows},
    points::{self, Award},
    users::rows as user_rows,
};

/// A page of assessments, newest first: all for an admin, else those of which the actor is an
/// inspector.
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    filter: &AssessmentFilter,
    page: PageRequest,
) -> Result<Page<Assessment>> {
    paged!(
        conn,
        page,
        Assessment,
        || {
            let mut query = assessments::table.into_boxed::<Backend>();
            filter_any!(query, { assessments::status => filter.status });
            if !lists_all(actor) {
                let own = assessments::mechanical_inspector_id
                    .eq(actor.id)
                    .or(assessments::electrical_inspector_id.eq(actor.id));
                query = query.filter(own);
            }
            query
        },
        assessments by desc [id]
    )
}

/// A page of the assessments that wait for the actor's verdict, the oldest first.
pub fn waiting_for(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<Assessment>> {
    let waits_for_mechanical =
        assessments::mechanical_inspector_id.eq(actor.id).and(assessments::mechanical_verdict.is_null());
    let waits_for_electrical =
        assessments::electrical_inspector_id.eq(actor.id).and(assessments::electrical_verdict.is_null());
    paged!(
        conn,
        page,
        Assessment,
        || assessments::table
            .filter(waits_for_mechanical.or(waits_for_electrical))
            .filter(assessments::status.eq(AssessmentStatus::Pending))
            .into_boxed::<Backend>(),
        assessments by asc [id]
    )
}

/// One assessment, if the actor may see it.
pub fn get_visible(conn: &mut DbConnection, actor: &User, id: AssessmentId) -> Result<Assessment> {
    let assessment = rows::get(conn, id)?;
    assessment.may_be_seen_by(actor)?;
    Ok(assessment)
}

/// The assessment of an assignment, for its team and admins; submitting the second half creates it
/// (§9).
pub fn get_visible_by_assignment(
    conn: &mut DbConnection,
    actor: &User,
    id: AssignmentId,
) -> Result<Assessment> {
    let assignment = assignment_rows::get(conn, id)?;
    assignment.may_be_assessed_by(actor)?;
    match rows::find_by_assignment(conn, id)? {
        Some(assessment) => Ok(assessment),
        // It doesn't exist yet: the status of the assignment says why.
        None => Err(assignment
            .status
            .after(AssignmentCommand::Assess)
            .err()
            .map_or(ConcurrentUpdate.into(), Into::into)),
    }
}

/// Creates the assessment of an assignment, which is locked, and asks both inspectors for their
/// verdict (§9).
pub(crate) fn create(tx: &mut Tx<'_>, assignment: &Assignment, machine: &Equipment) -> Result<()> {
    let (Some(mechanical), Some(electrical)) =
        (assignment.mechanical_inspector_id, assignment.electrical_inspector_id)
    else {
        return Err(ConcurrentUpdate.into());
    };
    let assessment = rows::insert(tx, &Assessment::of(assignment, [mechanical, electrical], tx.now))?;
    let notice = Notice::new(NotificationType::AssessmentRequired)
        .with("equipment", machine.name.as_str())
        .about(&assessment);
    tx.notify(assessment.inspectors(), &notice);
    Ok(())
}

/// An assessment and what its verdicts change, all locked, in lock order: assignment, list,
/// machine, assessment.
struct AssessmentCase {
    assignment: Assignment,
    list: InspectionList,
    machine: Equipment,
    assessment: Assessment,
}

impl AssessmentCase {
    fn lock(tx: &mut Tx<'_>, id: AssessmentId) -> Result<Self> {
        let seen = rows::get(tx.conn, id)?;
        let assignment = assignment_rows::lock(tx.conn, seen.assignment_id)?;
        let list = list_rows::lock(tx.conn, assignment.list_id)?;
        let machine = equipment_rows::lock(tx.conn, seen.equipment_id)?;
        Ok(Self { assignment, list, machine, assessment: rows::lock(tx.conn, id)? })
    }

    /// Writes a judged assessment and its consequences: the machine's status, the notifications,
    /// and with the decision the end of the assignment and the points (§9). All verdicts and
    /// decisions go through here.
    fn apply(self, tx: &mut Tx<'_>, action: AuditAction, judged: &Assessment) -> Result<Assessment> {
        let before = self.assessment;
        let mut holding = rows::holding(tx.conn, self.machine.id)?;
        holding.retain(|other| other.id != before.id);
        let (after, status) = judged.settled(self.machine.status, &holding);
        // Only a stopped machine can be held, so the order of the two writes depends on the hold.
        if after.equipment_hold.is_some() {
            equipment::change_status(tx, &self.machine, status)?;
            rows::write(tx, action, &before, &after)?;
        } else {
            rows::write(tx, action, &before, &after)?;
            equipment::change_status(tx, &self.machine, status)?;
        }
        if before.equipment_hold.is_none() && after.equipment_hold.is_some() {
            let notice = Notice::new(NotificationType::EquipmentStopped)
                .with("equipment", self.machine.name.as_str())
                .with("reason", after.urgent_reason().as_str())
                .about(&after);
            let recipients = user_rows::active_with(tx.conn, &[Role::Admin, Role::Engineer])?;
            tx.notify(recipients, &notice);
        }
        if before.status == AssessmentStatus::Pending && after.status == AssessmentStatus::Completed {
            assignments::finish(tx, &self.assignment, &self.list)?;
            user_rows::lock_all(tx.conn, &after.inspectors())?;
            for user_id in after.inspectors() {
                let award = Award::new(user_id, Role::Inspector, PointKind::Assessment).about(&after);
                points::award(tx, &Award { amount: POINTS, ..award })?;
            }
        }
        Ok(after)
    }
}

/// Takes the verdict of one of the two inspectors (§9). Locks the assignment, the list, the
/// machine, the assessment, and last the inspectors.
pub fn give_verdict(tx: &mut Tx<'_>, id: AssessmentId, given: NewVerdict) -> Result<Assessment> {
    let case = AssessmentCase::lock(tx, id)?;
    let half = case.assessment.half_of(tx.actor()?)?;
    let (verdict, reason) = given.checked()?;
    let judged = case.assessment.with_verdict(half, verdict, reason, tx.now)?;
    case.apply(tx, AuditAction::Verdict, &judged)
}

/// Decides an assessment, or changes the decision, as an admin (§9). Locks as [`give_verdict`]
/// does.
pub fn decide(tx: &mut Tx<'_>, id: AssessmentId, decision: AdminDecision) -> Result<Assessment> {
    let case = AssessmentCase::lock(tx, id)?;
    let judged = case.assessment.decided(decision, tx.actor()?.id, tx.now);
    case.apply(tx, AuditAction::Decide, &judged)
}
