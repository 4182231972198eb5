//! Rows of `inspection_assignments`: lookups, lock and guarded write.

use diesel::prelude::*;
use inspection_domain::{
    assignments::{Assignment, AssignmentStatus},
    audit::AuditAction,
    ids::{AssignmentId, EquipmentId, ListId, UserId},
    key::Key,
    schema::inspection_assignments as assignments,
    time::Date,
};

use crate::db::{
    connection::DbConnection,
    error::{ConcurrentUpdate, Error, Result},
    tx::Tx,
};

/// One assignment.
pub fn get(conn: &mut DbConnection, id: AssignmentId) -> Result<Assignment> {
    find_row!(conn, assignments, Assignment, id)?.ok_or_else(Error::not_found::<Assignment>)
}

/// The assignments with these ids.
pub fn by_ids(conn: &mut DbConnection, ids: &[i64]) -> Result<Vec<Assignment>> {
    let selected = assignments::table.filter(assignments::id.eq_any(ids));
    Ok(with_conn!(conn, |c| selected.select(Assignment::as_select()).load(c))?)
}

/// One assignment, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: AssignmentId) -> Result<Assignment> {
    lock_row!(conn, assignments, Assignment, id)?.ok_or_else(Error::not_found::<Assignment>)
}

/// Ids of the assignments of a list at a berth.
pub(crate) fn ids_at_berth(conn: &mut DbConnection, list: ListId, berth: &str) -> Result<Vec<AssignmentId>> {
    Ok(with_conn!(conn, |c| assignments::table
        .filter(assignments::list_id.eq(list))
        .filter(assignments::berth_key.eq(Key::of(berth)))
        .select(assignments::id)
        .load(c))?)
}

/// Ids of the assignments of a machine without a submitted half, in order.
pub(crate) fn ids_without_submission(
    conn: &mut DbConnection,
    machine: EquipmentId,
) -> Result<Vec<AssignmentId>> {
    Ok(with_conn!(conn, |c| assignments::table
        .filter(assignments::equipment_id.eq(machine))
        .filter(assignments::status.eq_any(AssignmentStatus::NOTHING_SUBMITTED))
        .order(assignments::id)
        .select(assignments::id)
        .load(c))?)
}

/// The unfinished assignments between two dates with a person on their team, in order.
pub(crate) fn unfinished_of(
    conn: &mut DbConnection,
    person: UserId,
    from: Date,
    to: Date,
) -> Result<Vec<Assignment>> {
    let is_on_team =
        assignments::mechanical_inspector_id.eq(person).or(assignments::electrical_inspector_id.eq(person));
    Ok(with_conn!(conn, |c| assignments::table
        .filter(assignments::target_date.between(from, to))
        .filter(assignments::status.eq_any(AssignmentStatus::UNFINISHED))
        .filter(is_on_team)
        .order((assignments::target_date, assignments::id))
        .select(Assignment::as_select())
        .load(c))?)
}

/// These assignments by id, locked until the transaction ends. One statement.
pub(crate) fn lock_all(conn: &mut DbConnection, ids: &[AssignmentId]) -> Result<Vec<Assignment>> {
    let in_order = assignments::table.filter(assignments::id.eq_any(ids)).order(assignments::id);
    Ok(lock_rows!(conn, in_order.select(Assignment::as_select()), load)?)
}

/// Writes and records the team of several assignments, which are locked: one statement, since they
/// all get the same.
pub(crate) fn write_teams(tx: &mut Tx<'_>, changed: &[(&Assignment, &Assignment)]) -> Result<()> {
    let Some((_, first)) = changed.first() else { return Ok(()) };
    let ids: Vec<AssignmentId> = changed.iter().map(|(before, _)| before.id).collect();
    let same = assignments::table
        .filter(assignments::id.eq_any(&ids))
        .filter(assignments::status.eq_any([AssignmentStatus::Unassigned, AssignmentStatus::Assigned]));
    let written = with_conn!(&mut *tx.conn, |c| diesel::update(same)
        .set((
            assignments::status.eq(first.status),
            assignments::mechanical_inspector_id.eq(first.mechanical_inspector_id),
            assignments::electrical_inspector_id.eq(first.electrical_inspector_id),
            assignments::assigned_by_id.eq(first.assigned_by_id),
            assignments::assigned_at.eq(first.assigned_at),
            assignments::deadline.eq(first.deadline),
            assignments::is_takeover.eq(first.is_takeover),
            assignments::updated_at.eq(first.updated_at),
        ))
        .execute(c))?;
    if written != changed.len() {
        return Err(ConcurrentUpdate.into());
    }
    for (before, after) in changed {
        tx.record(AuditAction::Assign, Some(*before), Some(*after));
    }
    Ok(())
}

/// Deletes and records an assignment, which is locked and has no inspections.
pub(crate) fn delete(tx: &mut Tx<'_>, before: &Assignment) -> Result<()> {
    delete_row!(tx, assignments[before.id])?;
    tx.record(AuditAction::Delete, Some(before), None);
    Ok(())
}

/// Writes and records an assignment, which is locked.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Assignment,
    after: &Assignment,
) -> Result<()> {
    let berth_key = Key::of_optional(after.berth.as_deref());
    let columns = (after, assignments::berth_key.eq(&berth_key));
    update_row!(tx, assignments, before, columns, assignments::status.eq(before.status))?;
    tx.record(action, Some(before), Some(after));
    Ok(())
}
