//! Routines: lists and units of work (§4).

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    checklists::Template,
    ids::{AssetTypeId, RoutineId, TemplateId},
    page::{Page, PageRequest, Sort},
    routines::{
        AssetType, NewRoutine, Routine, RoutineChanges, RoutineFilter, RoutineOrder, may_use, planned,
    },
    rule::NotFound,
    schema::{
        checklist_templates as templates, inspection_routines as routines, routine_asset_types as asset_types,
    },
    time::Date,
    users::Shift,
};

use crate::{DbConnection, Result, Tx, db::database::one_row};

/// A routine and its types of equipment, in alphabetical order.
pub type RoutineWithTypes = (Routine, Vec<String>);

/// A page of routines.
pub fn list(
    conn: &mut DbConnection,
    filter: &RoutineFilter,
    page: PageRequest,
) -> Result<Page<RoutineWithTypes>> {
    let sort = filter.sort.unwrap_or(Sort { by: RoutineOrder::Id, descending: false });
    let routines = paged!(
        &mut *conn,
        page,
        Routine,
        || {
            let mut query = routines::table.into_boxed::<Backend>();
            filter_by!(query, {
                routines::shift => filter.shift,
                routines::is_active => filter.is_active,
                routines::template_id => filter.template_id,
            });
            query
        },
        |query| order_by!(query, sort, routines::id, {
            RoutineOrder::Id => routines::id,
            RoutineOrder::Name => routines::name,
        })
    )?;
    let types: Vec<AssetType> = with_conn!(conn, |c| asset_types::table
        .filter(asset_types::routine_id.eq_any(routines.items.iter().map(|routine| routine.id)))
        .select(AssetType::as_select())
        .load(c))?;
    let mut by_routine: HashMap<RoutineId, Vec<String>> = HashMap::new();
    for of_type in types {
        by_routine.entry(of_type.routine_id).or_default().push(of_type.equipment_type);
    }
    Ok(routines.map(|routine| {
        let types = by_routine.remove(&routine.id).unwrap_or_default();
        (routine, in_order(types))
    }))
}

/// One routine.
pub fn get(conn: &mut DbConnection, id: RoutineId) -> Result<RoutineWithTypes> {
    let routine = find_row!(&mut *conn, routines, Routine, id)?.ok_or(NotFound("routine"))?;
    Ok((routine, types_of(conn, id)?))
}

fn types_of(conn: &mut DbConnection, id: RoutineId) -> Result<Vec<String>> {
    Ok(in_order(with_conn!(conn, |c| asset_types::table
        .filter(asset_types::routine_id.eq(id))
        .select(asset_types::equipment_type)
        .load(c))?))
}

/// Sorts by code point, as the domain does; the order of the server's locale may differ.
fn in_order(mut types: Vec<String>) -> Vec<String> {
    types.sort_unstable();
    types
}

/// The types of equipment on the list of this day and shift, each from the routine that applies
/// (§4).
pub(crate) fn planned_on(conn: &mut DbConnection, date: Date, shift: Shift) -> Result<Vec<AssetTypeId>> {
    let running = routines::table.filter(routines::shift.eq(shift).and(routines::is_active));
    let (all, types) = with_conn!(conn, |c| {
        let all: Vec<Routine> = running.select(Routine::as_select()).load(c)?;
        let types: Vec<AssetType> = asset_types::table
            .filter(asset_types::routine_id.eq_any(all.iter().map(|routine| routine.id)))
            .select(AssetType::as_select())
            .load(c)?;
        (all, types)
    });
    Ok(planned(&all, &types, date, shift))
}

fn lock(conn: &mut DbConnection, id: RoutineId) -> Result<RoutineWithTypes> {
    let routine = lock_row!(&mut *conn, routines, Routine, id)?.ok_or(NotFound("routine"))?;
    Ok((routine, types_of(conn, id)?))
}

/// Checks the checklist of a routine, and locks it against deactivation (shared).
fn check_template(tx: &mut Tx<'_>, id: TemplateId) -> Result<()> {
    let template =
        lock_rows!(&mut *tx.conn, templates::table.find(id).select(Template::as_select()), for_share, first)
            .optional()?;
    Ok(may_use(template.as_ref())?)
}

fn insert_types(tx: &mut Tx<'_>, routine: RoutineId, types: &[String]) -> Result<()> {
    let rows: Vec<AssetType> = types
        .iter()
        .map(|equipment_type| AssetType {
            id: AssetTypeId::UNSAVED,
            routine_id: routine,
            equipment_type: equipment_type.clone(),
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

/// Creates a routine (§4).
pub fn create(tx: &mut Tx<'_>, new: NewRoutine) -> Result<RoutineWithTypes> {
    let (routine, types) = new.draft(tx.now);
    check_template(tx, routine.template_id)?;
    let routine = insert_row!(tx, routines, Routine, &routine)?;
    insert_types(tx, routine.id, &types)?;
    let changes = Changes::between(None, Some(&routine)).with("asset_types", types.clone());
    tx.record_with(AuditAction::Create, None, Some(&routine), changes);
    Ok((routine, types))
}

/// Changes a routine; existing lists stay unchanged (§4). Locks the routine.
pub fn update(tx: &mut Tx<'_>, id: RoutineId, changes: RoutineChanges) -> Result<RoutineWithTypes> {
    let (before, types_before) = lock(tx.conn, id)?;
    let (after, types) = before.changed(changes, tx.now);
    if after.template_id != before.template_id {
        check_template(tx, after.template_id)?;
    }
    let mut audited = Changes::between(Some(&before), Some(&after));
    let types = match types {
        Some(types) if types != types_before => {
            delete_types(tx, id)?;
            insert_types(tx, id, &types)?;
            audited = audited.replaced("asset_types", &types_before, &types);
            types
        }
        _ if audited.is_empty() => return Ok((before, types_before)),
        _ => types_before,
    };
    with_conn!(&mut *tx.conn, |c| diesel::update(routines::table.find(id)).set(&after).execute(c))?;
    tx.record_with(AuditAction::Update, Some(&before), Some(&after), audited);
    Ok((after, types))
}

/// Deletes a routine; existing lists stay unchanged. Locks the routine.
pub fn delete(tx: &mut Tx<'_>, id: RoutineId) -> Result<()> {
    let (routine, types) = lock(tx.conn, id)?;
    delete_types(tx, id)?;
    one_row(with_conn!(&mut *tx.conn, |c| diesel::delete(routines::table.find(id)).execute(c))?)?;
    let changes = Changes::between(Some(&routine), None).without("asset_types", &types);
    tx.record_with(AuditAction::Delete, Some(&routine), None, changes);
    Ok(())
}
