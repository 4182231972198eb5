//! Rows of `bonus_stars`: lock, insert and guarded write.

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction, bonus_stars::Bonus, ids::BonusId, schema::bonus_stars as bonuses,
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One request, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: BonusId) -> Result<Bonus> {
    lock_row!(conn, bonuses, Bonus, id)?.ok_or_else(Error::not_found::<Bonus>)
}

/// Inserts and records an award or a request.
pub(crate) fn insert(tx: &mut Tx<'_>, action: AuditAction, new: &Bonus) -> Result<Bonus> {
    let bonus = insert_row!(tx, bonuses, Bonus, new)?;
    tx.record(action, None, Some(&bonus));
    Ok(bonus)
}

/// Writes and records a request, which is locked.
pub(crate) fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Bonus, after: &Bonus) -> Result<()> {
    update_row!(tx, bonuses, before, after, bonuses::status.eq(before.status))?;
    tx.record(action, Some(before), Some(after));
    Ok(())
}
