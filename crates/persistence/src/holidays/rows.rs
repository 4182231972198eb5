//! Rows of `holidays`: lock, insert and deletion.

use diesel::prelude::*;
use inspection_domain::{audit::AuditAction, holidays::Holiday, ids::HolidayId, schema::holidays};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One holiday, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: HolidayId) -> Result<Holiday> {
    lock_row!(conn, holidays, Holiday, id)?.ok_or_else(Error::not_found::<Holiday>)
}

/// Inserts and records a holiday.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Holiday) -> Result<Holiday> {
    let holiday = insert_row!(tx, holidays, Holiday, new)?;
    tx.record(AuditAction::Create, None, Some(&holiday));
    Ok(holiday)
}

/// Deletes a holiday, which is locked, and records it.
pub(crate) fn delete(tx: &mut Tx<'_>, holiday: &Holiday) -> Result<()> {
    delete_row!(tx, holidays[holiday.id])?;
    tx.record(AuditAction::Delete, Some(holiday), None);
    Ok(())
}
