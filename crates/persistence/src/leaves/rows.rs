//! Rows of `leaves`: lookups, lock, insert and guarded write.

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    ids::{LeaveId, UserId},
    leaves::Leave,
    schema::leaves,
    time::Date,
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One leave.
pub(crate) fn get(conn: &mut DbConnection, id: LeaveId) -> Result<Leave> {
    find_row!(conn, leaves, Leave, id)?.ok_or_else(Error::not_found::<Leave>)
}

/// The leaves of these people, of any status, that overlap a period.
pub(crate) fn overlapping(
    conn: &mut DbConnection,
    people: &[UserId],
    from: Date,
    to: Date,
) -> Result<Vec<Leave>> {
    Ok(with_conn!(conn, |c| leaves::table
        .filter(leaves::user_id.eq_any(people))
        .filter(leaves::date_from.le(to))
        .filter(leaves::date_to.ge(from))
        .select(Leave::as_select())
        .load(c))?)
}

/// The leaves of these people, of any status, that include a day.
pub(crate) fn including(conn: &mut DbConnection, people: &[UserId], date: Date) -> Result<Vec<Leave>> {
    overlapping(conn, people, date, date)
}

/// One leave, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: LeaveId) -> Result<Leave> {
    lock_row!(conn, leaves, Leave, id)?.ok_or_else(Error::not_found::<Leave>)
}

/// Inserts and records a request.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Leave) -> Result<Leave> {
    let leave = insert_row!(tx, leaves, Leave, new)?;
    tx.record(AuditAction::Request, None, Some(&leave));
    Ok(leave)
}

/// Writes and records a leave, which is locked. A leave that has ended is final.
pub(crate) fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Leave, after: &Leave) -> Result<()> {
    update_row!(tx, leaves, before, after, leaves::status.eq(before.status), leaves::ended_at.is_null())?;
    tx.record(action, Some(before), Some(after));
    Ok(())
}
