//! Rows of `inspection_routines` and their types of equipment: lookups, lock, insert, write and
//! deletion.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::RoutineId,
    key::Key,
    routines::Routine,
    schema::{inspection_routines as routines, routine_asset_types as asset_types},
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One routine and its types of equipment, in alphabetical order.
pub fn get(conn: &mut DbConnection, id: RoutineId) -> Result<(Routine, Vec<String>)> {
    let routine = find_row!(&mut *conn, routines, Routine, id)?.ok_or_else(Error::not_found::<Routine>)?;
    Ok((routine, types_of(conn, id)?))
}

fn types_of(conn: &mut DbConnection, id: RoutineId) -> Result<Vec<String>> {
    Ok(in_order(with_conn!(conn, |c| asset_types::table
        .filter(asset_types::routine_id.eq(id))
        .select(asset_types::equipment_type)
        .load(c))?))
}

/// Whether an active routine names a type of equipment.
pub(crate) fn is_planned(conn: &mut DbConnection, equipment_type: &str) -> Result<bool> {
    let naming = asset_types::table
        .inner_join(routines::table.on(routines::id.eq(asset_types::routine_id)))
        .filter(asset_types::type_key.eq(Key::of(equipment_type)))
        .filter(routines::is_active);
    Ok(with_conn!(conn, |c| diesel::select(diesel::dsl::exists(naming)).get_result(c))?)
}

/// Sorts by code point, as the domain does; the order of the server's locale may differ.
pub(crate) fn in_order(mut types: Vec<String>) -> Vec<String> {
    types.sort_unstable();
    types
}

/// One routine, locked until the transaction ends, and its types of equipment.
pub(crate) fn lock(conn: &mut DbConnection, id: RoutineId) -> Result<(Routine, Vec<String>)> {
    let routine = lock_row!(&mut *conn, routines, Routine, id)?.ok_or_else(Error::not_found::<Routine>)?;
    Ok((routine, types_of(conn, id)?))
}

/// A type of equipment of a routine, with its key.
#[derive(Insertable)]
#[diesel(table_name = asset_types, treat_none_as_default_value = false)]
struct NewAssetType<'a> {
    routine_id: RoutineId,
    equipment_type: &'a str,
    type_key: Option<Key>,
}

fn insert_types(tx: &mut Tx<'_>, routine: RoutineId, types: &[String]) -> Result<()> {
    let rows: Vec<NewAssetType<'_>> = types
        .iter()
        .map(|equipment_type| NewAssetType {
            routine_id: routine,
            equipment_type,
            type_key: Some(Key::of(equipment_type)),
        })
        .collect();
    with_conn!(&mut *tx.conn, |c| diesel::insert_into(asset_types::table).values(&rows).execute(c))?;
    Ok(())
}

fn delete_types(tx: &mut Tx<'_>, routine: RoutineId) -> Result<()> {
    let own = asset_types::table.filter(asset_types::routine_id.eq(routine));
    with_conn!(&mut *tx.conn, |c| diesel::delete(own).execute(c))?;
    Ok(())
}

/// Replaces the types of equipment of a routine, which is locked.
pub(crate) fn replace_types(tx: &mut Tx<'_>, id: RoutineId, types: &[String]) -> Result<()> {
    delete_types(tx, id)?;
    insert_types(tx, id, types)
}

/// Inserts and records a routine with its types of equipment.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Routine, types: &[String]) -> Result<Routine> {
    let routine = insert_row!(tx, routines, Routine, new)?;
    insert_types(tx, routine.id, types)?;
    let changes = Changes::between(None, Some(&routine)).with("asset_types", types.to_vec());
    tx.record_with(AuditAction::Create, None, Some(&routine), changes);
    Ok(routine)
}

/// Writes a routine, which is locked, and records these changes.
pub(crate) fn write(tx: &mut Tx<'_>, before: &Routine, after: &Routine, changes: Changes) -> Result<()> {
    update_row!(tx, routines, before, after)?;
    tx.record_with(AuditAction::Update, Some(before), Some(after), changes);
    Ok(())
}

/// Deletes a routine, which is locked, with its types of equipment, and records it.
pub(crate) fn delete(tx: &mut Tx<'_>, routine: &Routine, types: &[String]) -> Result<()> {
    delete_types(tx, routine.id)?;
    delete_row!(tx, routines[routine.id])?;
    let changes = Changes::between(Some(routine), None).without("asset_types", &types);
    tx.record_with(AuditAction::Delete, Some(routine), None, changes);
    Ok(())
}
