//! Rows of `defects`: lookups, lock and guarded write.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    defects::Defect,
    ids::{DefectId, InspectionId},
    schema::defects,
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One defect.
pub fn get(conn: &mut DbConnection, id: DefectId) -> Result<Defect> {
    find_row!(conn, defects, Defect, id)?.ok_or_else(Error::not_found::<Defect>)
}

/// The defects with these ids.
pub fn by_ids(conn: &mut DbConnection, ids: &[i64]) -> Result<Vec<Defect>> {
    let selected = defects::table.filter(defects::id.eq_any(ids));
    Ok(with_conn!(conn, |c| selected.select(Defect::as_select()).load(c))?)
}

/// The defects an inspection has raised, by id.
pub fn list_by_inspection(conn: &mut DbConnection, id: InspectionId) -> Result<Vec<Defect>> {
    Ok(with_conn!(conn, |c| defects::table
        .filter(defects::inspection_id.eq(id))
        .order(defects::id)
        .select(Defect::as_select())
        .load(c))?)
}

/// One defect, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: DefectId) -> Result<Defect> {
    lock_row!(conn, defects, Defect, id)?.ok_or_else(Error::not_found::<Defect>)
}

/// Inserts and records a defect.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Defect) -> Result<Defect> {
    let defect = insert_row!(tx, defects, Defect, new)?;
    tx.record(AuditAction::Create, None, Some(&defect));
    Ok(defect)
}

/// Writes and records a defect, which is locked.
pub(crate) fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Defect, after: &Defect) -> Result<()> {
    write_with(tx, action, before, after, Changes::between(Some(before), Some(after)))
}

/// Writes a defect, which is locked, and records these changes.
pub(crate) fn write_with(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Defect,
    after: &Defect,
    changes: Changes,
) -> Result<()> {
    update_row!(tx, defects, before, after, defects::status.eq(before.status))?;
    tx.record_with(action, Some(before), Some(after), changes);
    Ok(())
}
