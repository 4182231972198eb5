//! Rows of `equipment_schedules`: lock, insert and deletion.

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction, ids::ScheduleId, schedules::Schedule, schema::equipment_schedules as schedules,
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One planned day, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: ScheduleId) -> Result<Schedule> {
    lock_row!(conn, schedules, Schedule, id)?.ok_or_else(Error::not_found::<Schedule>)
}

/// Inserts and records a planned day.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Schedule) -> Result<Schedule> {
    let schedule = insert_row!(tx, schedules, Schedule, new)?;
    tx.record(AuditAction::Create, None, Some(&schedule));
    Ok(schedule)
}

/// Deletes a planned day, which is locked, and records it.
pub(crate) fn delete(tx: &mut Tx<'_>, schedule: &Schedule) -> Result<()> {
    delete_row!(tx, schedules[schedule.id])?;
    tx.record(AuditAction::Delete, Some(schedule), None);
    Ok(())
}
