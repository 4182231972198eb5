//! Rows of `inspections`: lookups, locks, insert and guarded write.

use std::collections::HashSet;

use diesel::prelude::*;
use inspection_domain::{
    assignments::Assignment,
    audit::AuditAction,
    ids::{AssignmentId, EquipmentId, InspectionId, RevisionId, TemplateId, UserId},
    inspections::{Inspection, InspectionStatus},
    schema::inspections,
    users::Category,
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    query::BATCH,
    tx::Tx,
};

/// One inspection.
pub fn get(conn: &mut DbConnection, id: InspectionId) -> Result<Inspection> {
    find_row!(conn, inspections, Inspection, id)?.ok_or_else(Error::not_found::<Inspection>)
}

/// The inspections with these ids.
pub fn by_ids(conn: &mut DbConnection, ids: &[i64]) -> Result<Vec<Inspection>> {
    let selected = inspections::table.filter(inspections::id.eq_any(ids));
    Ok(with_conn!(conn, |c| selected.select(Inspection::as_select()).load(c))?)
}

/// An inspector's inspection of their half of an assignment.
pub(crate) fn find_half(
    conn: &mut DbConnection,
    assignment: AssignmentId,
    half: Category,
    technician: UserId,
) -> Result<Option<Inspection>> {
    Ok(with_conn!(conn, |c| inspections::table
        .filter(inspections::assignment_id.eq(assignment))
        .filter(inspections::category.eq(half))
        .filter(inspections::technician_id.eq(technician))
        .select(Inspection::as_select())
        .first(c))
    .optional()?)
}

/// Whether an inspector has submitted their half of an assignment.
pub(crate) fn is_half_submitted(
    conn: &mut DbConnection,
    assignment: AssignmentId,
    half: Category,
    technician: UserId,
) -> Result<bool> {
    let submitted = inspections::table
        .filter(inspections::assignment_id.eq(assignment))
        .filter(inspections::category.eq(half))
        .filter(inspections::technician_id.eq(technician))
        .filter(inspections::status.ne(InspectionStatus::Draft));
    Ok(with_conn!(conn, |c| diesel::select(diesel::dsl::exists(submitted)).get_result(c))?)
}

/// An inspector's ad-hoc draft of a machine. One that a takeover has detached from its assignment
/// is found if there is no other.
pub(crate) fn find_ad_hoc_draft(
    conn: &mut DbConnection,
    technician: UserId,
    machine: EquipmentId,
) -> Result<Option<Inspection>> {
    let draft = inspections::table
        .filter(inspections::technician_id.eq(technician))
        .filter(inspections::equipment_id.eq(machine))
        .filter(inspections::assignment_id.is_null())
        .filter(inspections::status.eq(InspectionStatus::Draft))
        .order((inspections::is_detached, inspections::id));
    Ok(with_conn!(conn, |c| draft.select(Inspection::as_select()).first(c)).optional()?)
}

/// An inspector's draft of their half of an assignment.
pub(crate) fn find_half_draft(
    conn: &mut DbConnection,
    technician: UserId,
    assignment: AssignmentId,
) -> Result<Option<Inspection>> {
    let draft = inspections::table
        .filter(inspections::technician_id.eq(technician))
        .filter(inspections::assignment_id.eq(assignment))
        .filter(inspections::status.eq(InspectionStatus::Draft));
    Ok(with_conn!(conn, |c| draft.select(Inspection::as_select()).first(c)).optional()?)
}

/// The inspections of an assignment's halves, the mechanical one first.
pub(crate) fn halves(conn: &mut DbConnection, id: AssignmentId) -> Result<Vec<Inspection>> {
    Ok(with_conn!(conn, |c| inspections::table
        .filter(inspections::assignment_id.eq(id))
        .order(inspections::category.desc())
        .select(Inspection::as_select())
        .load(c))?)
}

/// Makes the inspector of each half of an assignment the partner of the other half.
pub(crate) fn write_partners(conn: &mut DbConnection, assignment: &Assignment) -> Result<()> {
    for half in Category::ALL {
        let own = inspections::table
            .filter(inspections::assignment_id.eq(assignment.id))
            .filter(inspections::category.eq(*half));
        let partner = inspections::partner_id.eq(assignment.inspector(half.other()));
        with_conn!(&mut *conn, |c| diesel::update(own).set(partner).execute(c))?;
    }
    Ok(())
}

/// Whether there is an inspection with a checklist.
pub(crate) fn is_inspected(conn: &mut DbConnection, template: TemplateId) -> Result<bool> {
    let any = inspections::table.filter(inspections::template_id.eq(template));
    Ok(with_conn!(conn, |c| diesel::select(diesel::dsl::exists(any)).get_result(c))?)
}

/// Ids of the drafts whose questions are those of the checklist, locked until the transaction ends.
pub(crate) fn lock_drafts_that_follow(
    conn: &mut DbConnection,
    template: TemplateId,
) -> Result<Vec<InspectionId>> {
    let drafts = inspections::table
        .filter(inspections::template_id.eq(template))
        .filter(inspections::status.eq(InspectionStatus::Draft))
        .filter(inspections::revision_id.is_null())
        .order(inspections::id)
        .select(inspections::id);
    Ok(lock_rows!(conn, drafts, load)?)
}

/// Gives drafts, which are locked, questions of their own.
pub(crate) fn keep_revision(
    conn: &mut DbConnection,
    drafts: &[InspectionId],
    revision: RevisionId,
) -> Result<()> {
    for batch in drafts.chunks(BATCH) {
        let kept = inspections::table.filter(inspections::id.eq_any(batch));
        with_conn!(&mut *conn, |c| diesel::update(kept)
            .set(inspections::revision_id.eq(revision))
            .execute(c))?;
    }
    Ok(())
}

/// Those of the assignments of which an inspector has a draft.
pub fn drafts_of(
    conn: &mut DbConnection,
    technician: UserId,
    of: &[AssignmentId],
) -> Result<HashSet<AssignmentId>> {
    let found: Vec<Option<AssignmentId>> = with_conn!(conn, |c| inspections::table
        .filter(inspections::assignment_id.eq_any(of))
        .filter(inspections::technician_id.eq(technician))
        .filter(inspections::status.eq(InspectionStatus::Draft))
        .select(inspections::assignment_id)
        .load(c))?;
    Ok(found.into_iter().flatten().collect())
}

/// Ids of the drafts of an assignment's halves, in order.
pub(crate) fn drafts_of_assignment(conn: &mut DbConnection, id: AssignmentId) -> Result<Vec<InspectionId>> {
    drafts_of_assignments(conn, &[id])
}

/// Ids of the drafts of these assignments' halves, in order.
pub(crate) fn drafts_of_assignments(
    conn: &mut DbConnection,
    ids: &[AssignmentId],
) -> Result<Vec<InspectionId>> {
    Ok(with_conn!(conn, |c| inspections::table
        .filter(inspections::assignment_id.eq_any(ids))
        .filter(inspections::status.eq(InspectionStatus::Draft))
        .order(inspections::id)
        .select(inspections::id)
        .load(c))?)
}

/// One inspection, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: InspectionId) -> Result<Inspection> {
    lock_row!(conn, inspections, Inspection, id)?.ok_or_else(Error::not_found::<Inspection>)
}

/// These inspections by id, locked until the transaction ends. One statement.
pub(crate) fn lock_all(conn: &mut DbConnection, ids: &[InspectionId]) -> Result<Vec<Inspection>> {
    let in_order = inspections::table.filter(inspections::id.eq_any(ids)).order(inspections::id);
    Ok(lock_rows!(conn, in_order.select(Inspection::as_select()), load)?)
}

/// One inspection the actor may work on, locked until the transaction ends (§5).
pub(crate) fn lock_for_actor(tx: &mut Tx<'_>, id: InspectionId) -> Result<Inspection> {
    let inspection = lock(tx.conn, id)?;
    inspection.may_be_worked_on_by(tx.actor()?)?;
    Ok(inspection)
}

/// Inserts and records a draft.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Inspection) -> Result<Inspection> {
    let inspection = insert_row!(tx, inspections, Inspection, new)?;
    tx.record(AuditAction::Start, None, Some(&inspection));
    Ok(inspection)
}

/// Writes and records an inspection, which is locked.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Inspection,
    after: &Inspection,
) -> Result<()> {
    update_row!(tx, inspections, before, after, inspections::status.eq(before.status))?;
    tx.record(action, Some(before), Some(after));
    Ok(())
}
