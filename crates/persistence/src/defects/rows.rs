//! Rows of `defects` and `defect_occurrences`: lookups, locks, inserts and guarded write.

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    defects::{Defect, DefectStatus, occurrences::Occurrence},
    ids::{DefectId, EquipmentId, InspectionId, ItemId},
    schema::{defect_occurrences as occurrences, defects},
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    query::BATCH,
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

/// The defects an inspection has found, new ones and those found again, by id.
pub fn list_by_inspection(conn: &mut DbConnection, id: InspectionId) -> Result<Vec<Defect>> {
    list_by_inspections(conn, &[id])
}

/// The defects that several inspections have found, new ones and those found again, by id.
pub(crate) fn list_by_inspections(conn: &mut DbConnection, ids: &[InspectionId]) -> Result<Vec<Defect>> {
    let of_one = occurrences::inspection_id.eq_any(ids);
    let found = occurrences::table.filter(of_one).select(occurrences::defect_id);
    Ok(with_conn!(conn, |c| defects::table
        .filter(defects::id.eq_any(found))
        .order(defects::id)
        .select(Defect::as_select())
        .load(c))?)
}

/// The unresolved defects of a machine and questions, by lineage, locked until the transaction
/// ends. There is at most one for each.
pub(crate) fn lock_unresolved(
    conn: &mut DbConnection,
    machine: EquipmentId,
    lineages: &[ItemId],
) -> Result<HashMap<ItemId, Defect>> {
    let unresolved = defects::table
        .filter(defects::equipment_id.eq(machine))
        .filter(defects::lineage.eq_any(lineages))
        .filter(defects::status.eq_any(DefectStatus::UNRESOLVED))
        .order(defects::id);
    let found: Vec<Defect> = lock_rows!(conn, unresolved.select(Defect::as_select()), load)?;
    Ok(found.into_iter().filter_map(|defect| Some((defect.lineage?, defect))).collect())
}

/// The unresolved defects of these machines, and these defects, the earliest due date first.
pub fn unresolved_of(
    conn: &mut DbConnection,
    machines: &[EquipmentId],
    ids: &[DefectId],
) -> Result<Vec<Defect>> {
    if machines.is_empty() && ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(with_conn!(conn, |c| defects::table
        .filter(defects::status.eq_any(DefectStatus::UNRESOLVED))
        .filter(defects::equipment_id.eq_any(machines).or(defects::id.eq_any(ids)))
        .order((defects::due_date, defects::id))
        .select(Defect::as_select())
        .load(c))?)
}

/// The latest resolved or closed defects of a machine and questions, by lineage.
pub(crate) fn latest_resolved(
    conn: &mut DbConnection,
    machine: EquipmentId,
    lineages: &[ItemId],
) -> Result<HashMap<ItemId, DefectId>> {
    let found: Vec<(Option<ItemId>, Option<DefectId>)> = with_conn!(conn, |c| defects::table
        .filter(defects::equipment_id.eq(machine))
        .filter(defects::lineage.eq_any(lineages))
        .filter(defects::status.eq_any([DefectStatus::Resolved, DefectStatus::Closed]))
        .group_by(defects::lineage)
        .select((defects::lineage, diesel::dsl::max(defects::id)))
        .load(c))?;
    Ok(found.into_iter().filter_map(|(lineage, id)| Some((lineage?, id?))).collect())
}

/// The unresolved defect of the machine and question of a resolved one.
pub(crate) fn find_later(conn: &mut DbConnection, defect: &Defect) -> Result<Option<Defect>> {
    let unresolved = defects::table
        .filter(defects::equipment_id.eq(defect.equipment_id))
        .filter(defects::lineage.eq(defect.lineage))
        .filter(defects::id.ne(defect.id))
        .filter(defects::status.eq_any(DefectStatus::UNRESOLVED));
    Ok(with_conn!(conn, |c| unresolved.select(Defect::as_select()).first(c)).optional()?)
}

/// Inserts findings, which the records of their defects cover.
pub(crate) fn insert_occurrences(conn: &mut DbConnection, new: &[Occurrence]) -> Result<()> {
    for batch in new.chunks(BATCH) {
        with_conn!(&mut *conn, |c| diesel::insert_into(occurrences::table).values(batch).execute(c))?;
    }
    Ok(())
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
