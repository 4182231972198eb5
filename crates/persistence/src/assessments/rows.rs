//! Rows of `final_assessments`: lookups, lock, guarded write, and the hold on a machine.

use diesel::prelude::*;
use inspection_domain::{
    assessments::Assessment,
    audit::AuditAction,
    equipment::EquipmentStatus,
    ids::{AssessmentId, AssignmentId, EquipmentId},
    schema::final_assessments as assessments,
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One assessment.
pub(crate) fn get(conn: &mut DbConnection, id: AssessmentId) -> Result<Assessment> {
    find_row!(conn, assessments, Assessment, id)?.ok_or_else(Error::not_found::<Assessment>)
}

/// The assessment of an assignment, if it has been created.
pub(crate) fn find_by_assignment(conn: &mut DbConnection, id: AssignmentId) -> Result<Option<Assessment>> {
    let of_assignment = assessments::table.filter(assessments::assignment_id.eq(id));
    Ok(with_conn!(conn, |c| of_assignment.select(Assessment::as_select()).first(c)).optional()?)
}

/// One assessment, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: AssessmentId) -> Result<Assessment> {
    lock_row!(conn, assessments, Assessment, id)?.ok_or_else(Error::not_found::<Assessment>)
}

/// The assessments that hold a machine, by id.
pub(crate) fn holding(conn: &mut DbConnection, machine: EquipmentId) -> Result<Vec<Assessment>> {
    Ok(with_conn!(conn, |c| assessments::table
        .filter(assessments::equipment_id.eq(machine))
        .filter(assessments::equipment_hold.eq(EquipmentStatus::Stopped))
        .order(assessments::id)
        .select(Assessment::as_select())
        .load(c))?)
}

/// Inserts and records an assessment.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Assessment) -> Result<Assessment> {
    let assessment = insert_row!(tx, assessments, Assessment, new)?;
    tx.record(AuditAction::Create, None, Some(&assessment));
    Ok(assessment)
}

/// Writes and records an assessment, which is locked.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Assessment,
    after: &Assessment,
) -> Result<()> {
    update_row!(tx, assessments, before, after, assessments::status.eq(before.status))?;
    tx.record(action, Some(before), Some(after));
    Ok(())
}

/// Releases the hold of every assessment on a machine, which is locked, because its status is
/// changed by hand (§2).
pub(crate) fn release_hold(tx: &mut Tx<'_>, machine: EquipmentId) -> Result<()> {
    for before in holding(tx.conn, machine)? {
        let after = before.released(tx.actor_id(), tx.now);
        write(tx, AuditAction::Release, &before, &after)?;
    }
    Ok(())
}
