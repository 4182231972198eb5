//! Rows of `equipment`: lookups and locks.

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{equipment::Equipment, ids::EquipmentId, rule::NotFound, schema::equipment};

use crate::db::{connection::DbConnection, error::Result};

/// One machine.
pub fn get(conn: &mut DbConnection, id: EquipmentId) -> Result<Equipment> {
    find_row!(conn, equipment, Equipment, id)?.ok_or_else(|| NotFound("equipment").into())
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
    find_and_lock(conn, id)?.ok_or_else(|| NotFound("equipment").into())
}
