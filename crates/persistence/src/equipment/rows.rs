//! Rows of `equipment` and of the history of its status: lookups, locks, insert and guarded write.

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    equipment::{Equipment, StatusChange},
    ids::{EquipmentId, StatusChangeId},
    key::Key,
    schema::{equipment, equipment_status_changes as status_changes},
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// The keys of a machine, which are stored beside it.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = equipment, treat_none_as_null = true, treat_none_as_default_value = false)]
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
struct Keys {
    type_key: Option<Key>,
    serial_key: Option<Key>,
    berth_key: Option<Key>,
}

impl Keys {
    fn of(machine: &Equipment) -> Self {
        Self {
            type_key: Some(Key::of(&machine.equipment_type)),
            serial_key: Some(Key::of(&machine.serial_number)),
            berth_key: Key::of_optional(machine.berth.as_deref()),
        }
    }
}

/// One machine.
pub fn get(conn: &mut DbConnection, id: EquipmentId) -> Result<Equipment> {
    find_row!(conn, equipment, Equipment, id)?.ok_or_else(Error::not_found::<Equipment>)
}

/// These machines by id. One statement, none for no ids.
pub fn by_ids(
    conn: &mut DbConnection,
    ids: impl IntoIterator<Item = EquipmentId>,
) -> Result<HashMap<EquipmentId, Equipment>> {
    let mut ids: Vec<EquipmentId> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<Equipment> = with_conn!(conn, |c| equipment::table
        .filter(equipment::id.eq_any(ids))
        .select(Equipment::as_select())
        .load(c))?;
    Ok(found.into_iter().map(|machine| (machine.id, machine)).collect())
}

/// One machine, locked until the transaction ends, if it exists.
pub(crate) fn find_and_lock(conn: &mut DbConnection, id: EquipmentId) -> Result<Option<Equipment>> {
    lock_row!(conn, equipment, Equipment, id)
}

/// One machine, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: EquipmentId) -> Result<Equipment> {
    find_and_lock(conn, id)?.ok_or_else(Error::not_found::<Equipment>)
}

/// Inserts and records a machine, with its first status.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Equipment) -> Result<Equipment> {
    let machine = insert_row!(tx, equipment, Equipment, (new, Keys::of(new)))?;
    log_status(tx, None, &machine, None)?;
    tx.record(AuditAction::Create, None, Some(&machine));
    Ok(machine)
}

/// Writes a machine, which is locked, logs a changed status with its reason, and records these
/// changes. While an
/// assessment holds the machine, the database refuses every status but `stopped`.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Equipment,
    after: &Equipment,
    changes: Changes,
    reason: Option<&str>,
) -> Result<()> {
    update_row!(tx, equipment, before, (after, Keys::of(after)), equipment::status.eq(before.status))?;
    log_status(tx, Some(before), after, reason)?;
    tx.record_with(action, Some(before), Some(after), changes);
    Ok(())
}

/// Adds a changed status to the machine's history.
fn log_status(
    tx: &mut Tx<'_>,
    before: Option<&Equipment>,
    after: &Equipment,
    reason: Option<&str>,
) -> Result<()> {
    if before.is_some_and(|before| before.status == after.status) {
        return Ok(());
    }
    let change = StatusChange {
        id: StatusChangeId::UNSAVED,
        equipment_id: after.id,
        from_status: before.map(|before| before.status),
        to_status: after.status,
        changed_by_id: tx.actor_id(),
        changed_at: tx.now,
        reason: reason.map(str::to_owned),
    };
    with_conn!(&mut *tx.conn, |c| diesel::insert_into(status_changes::table).values(&change).execute(c))?;
    Ok(())
}
