//! Rows of `job_pauses`: lookups, insert and guarded write. A pause is changed only while its job
//! is locked.

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    ids::{JobId, PauseId},
    pauses::{Pause, PauseStatus},
    schema::job_pauses as pauses,
    time::Instant,
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One pause.
pub(crate) fn get(conn: &mut DbConnection, id: PauseId) -> Result<Pause> {
    find_row!(conn, pauses, Pause, id)?.ok_or_else(Error::not_found::<Pause>)
}

/// The pause of a job with this status; there is at most one pending and one approved.
pub(crate) fn find_with_status(
    conn: &mut DbConnection,
    job: JobId,
    status: PauseStatus,
) -> Result<Option<Pause>> {
    let of_job = pauses::table.filter(pauses::job_id.eq(job)).filter(pauses::status.eq(status));
    Ok(with_conn!(conn, |c| of_job.select(Pause::as_select()).first(c)).optional()?)
}

/// The pauses of a job that have begun, the present one included.
pub(crate) fn list_begun(conn: &mut DbConnection, job: JobId) -> Result<Vec<Pause>> {
    let begun = pauses::table.filter(pauses::job_id.eq(job)).filter(pauses::paused_at.is_not_null());
    Ok(with_conn!(conn, |c| begun.order(pauses::id).select(Pause::as_select()).load(c))?)
}

/// End of the last pause of a job.
pub(crate) fn last_end(conn: &mut DbConnection, job: JobId) -> Result<Option<Instant>> {
    let of_job = pauses::table.filter(pauses::job_id.eq(job));
    Ok(with_conn!(conn, |c| of_job.select(diesel::dsl::max(pauses::resumed_at)).first(c))?)
}

/// Inserts and records a pause.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Pause) -> Result<Pause> {
    let pause = insert_row!(tx, pauses, Pause, new)?;
    let action = if pause.is_forced { AuditAction::Pause } else { AuditAction::Request };
    tx.record(action, None, Some(&pause));
    Ok(pause)
}

/// Writes and records a pause, whose job is locked.
pub(crate) fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Pause, after: &Pause) -> Result<()> {
    update_row!(tx, pauses, before, after, pauses::status.eq(before.status))?;
    tx.record(action, Some(before), Some(after));
    Ok(())
}
