//! Rows of `inspection_assignments`: lookups, lock and guarded write.

use diesel::prelude::*;
use inspection_domain::{
    assignments::Assignment, audit::AuditAction, ids::AssignmentId,
    schema::inspection_assignments as assignments,
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
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

/// Writes and records an assignment, which is locked.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Assignment,
    after: &Assignment,
) -> Result<()> {
    update_row!(tx, assignments, before, after, assignments::status.eq(before.status))?;
    tx.record(action, Some(before), Some(after));
    Ok(())
}
