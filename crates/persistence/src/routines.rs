//! Routines: lists and units of work (§4).

pub(crate) mod rows;

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    audit::Changes,
    equipment::{Equipment, EquipmentStatus},
    holidays::Holidays,
    ids::{AssetTypeId, RoutineId, TemplateId},
    page::{Page, PageRequest, Sort},
    routines::{
        AssetType, NewRoutine, Routine, RoutineChanges, RoutineFilter, RoutineOrder, may_use, planned,
    },
    schema::{equipment, inspection_routines as routines, routine_asset_types as asset_types},
    time::Date,
    users::Shift,
};

pub use rows::get;

use crate::{DbConnection, Result, Tx, checklists::rows as checklist_rows, holidays};

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
                routines::is_active => filter.is_active,
                routines::template_id => filter.template_id,
            });
            filter_any!(query, { routines::shift => filter.shift });
            query
        },
        routines by sort {
            RoutineOrder::Id => [id],
            RoutineOrder::Name => [name, id],
        }
    )?;
    let types: Vec<AssetType> = with_conn!(conn, |c| asset_types::table
        .filter(asset_types::routine_id.eq_any(routines.items.iter().map(|routine| routine.id)))
        .select(AssetType::as_select())
        .load(c))?;
    let mut by_routine = by_routine(types);
    Ok(routines.map(|routine| {
        let types = by_routine.remove(&routine.id).unwrap_or_default();
        (routine, types)
    }))
}

/// The types of equipment of each routine, in alphabetical order.
fn by_routine(types: Vec<AssetType>) -> HashMap<RoutineId, Vec<String>> {
    let mut by_routine: HashMap<RoutineId, Vec<String>> = HashMap::new();
    for of_type in types {
        by_routine.entry(of_type.routine_id).or_default().push(of_type.equipment_type);
    }
    by_routine.into_iter().map(|(routine, types)| (routine, rows::in_order(types))).collect()
}

/// The active routines of a shift and their types of equipment.
pub(crate) fn routines_of_shift(
    conn: &mut DbConnection,
    shift: Shift,
) -> Result<(Vec<Routine>, Vec<AssetType>)> {
    let running = routines::table.filter(routines::shift.eq(shift).and(routines::is_active));
    with_conn!(conn, |c| {
        let all: Vec<Routine> = running.order(routines::id).select(Routine::as_select()).load(c)?;
        let types: Vec<AssetType> = asset_types::table
            .filter(asset_types::routine_id.eq_any(all.iter().map(|routine| routine.id)))
            .order(asset_types::id)
            .select(AssetType::as_select())
            .load(c)?;
        Ok((all, types))
    })
}

/// The types of equipment on the list of this day and shift, each from the routine that applies
/// (§4).
pub(crate) fn planned_on(conn: &mut DbConnection, date: Date, shift: Shift) -> Result<Vec<AssetTypeId>> {
    let (all, types) = routines_of_shift(conn, shift)?;
    Ok(planned(&all, &types, (date, shift), &holidays_for(conn, &all, date)?))
}

/// The holidays that decide whether these routines run on a date. No statement if none observes
/// holidays.
pub(crate) fn holidays_for(conn: &mut DbConnection, routines: &[Routine], date: Date) -> Result<Holidays> {
    if routines.iter().any(Routine::observes_holidays) {
        holidays::deciding(conn, date)
    } else {
        Ok(Holidays::default())
    }
}

/// Most machines and routines that the report of coverage names.
const MOST_REPORTED: i64 = 1000;

/// The machines that no active routine reaches, and the active routines that reach no machine
/// (§4). At most 1,000 of each, with the number of all machines. Decommissioned machines count
/// neither way. Four statements.
pub fn coverage(conn: &mut DbConnection) -> Result<(Vec<Equipment>, i64, Vec<RoutineWithTypes>)> {
    let in_use = || equipment::table.filter(equipment::status.ne(EquipmentStatus::OutOfService));
    let planned_types = asset_types::table
        .inner_join(routines::table.on(routines::id.eq(asset_types::routine_id)))
        .filter(routines::is_active)
        .filter(asset_types::type_key.is_not_null())
        .select(asset_types::type_key);
    let (machines, total, idle, types) = with_conn!(conn, |c| {
        let uncovered = || in_use().filter(equipment::type_key.ne_all(planned_types));
        let machines: Vec<Equipment> = uncovered()
            .order((equipment::name, equipment::id))
            .limit(MOST_REPORTED)
            .select(Equipment::as_select())
            .load(c)?;
        let total: i64 = uncovered().count().get_result(c)?;
        let reaching = asset_types::table
            .filter(asset_types::type_key.eq_any(in_use().select(equipment::type_key)))
            .select(asset_types::routine_id);
        let idle: Vec<Routine> = routines::table
            .filter(routines::is_active)
            .filter(routines::id.ne_all(reaching))
            .order(routines::id)
            .limit(MOST_REPORTED)
            .select(Routine::as_select())
            .load(c)?;
        let types: Vec<AssetType> = asset_types::table
            .filter(asset_types::routine_id.eq_any(idle.iter().map(|routine| routine.id)))
            .select(AssetType::as_select())
            .load(c)?;
        (machines, total, idle, types)
    });
    let mut types = by_routine(types);
    let idle = idle.into_iter().map(|routine| {
        let own = types.remove(&routine.id).unwrap_or_default();
        (routine, own)
    });
    Ok((machines, total, idle.collect()))
}

/// Checks the checklist of a routine, and locks it against deactivation (shared).
fn check_template(tx: &mut Tx<'_>, id: TemplateId) -> Result<()> {
    Ok(may_use(checklist_rows::lock_shared(tx.conn, id)?.as_ref())?)
}

/// Creates a routine (§4).
pub fn create(tx: &mut Tx<'_>, new: NewRoutine) -> Result<RoutineWithTypes> {
    let (routine, types) = new.draft(tx.now);
    routine.validate()?;
    check_template(tx, routine.template_id)?;
    Ok((rows::insert(tx, &routine, &types)?, types))
}

/// Changes a routine; existing lists stay unchanged (§4). Locks the routine.
pub fn update(tx: &mut Tx<'_>, id: RoutineId, changes: RoutineChanges) -> Result<RoutineWithTypes> {
    let (before, types_before) = rows::lock(tx.conn, id)?;
    let (after, types) = before.changed(changes, tx.now);
    after.validate()?;
    if after.template_id != before.template_id {
        check_template(tx, after.template_id)?;
    }
    let mut audited = Changes::between(Some(&before), Some(&after));
    let types = match types {
        Some(types) if types != types_before => {
            rows::replace_types(tx, id, &types)?;
            audited = audited.replaced("asset_types", &types_before, &types);
            types
        }
        _ if audited.is_empty() => return Ok((before, types_before)),
        _ => types_before,
    };
    rows::write(tx, &before, &after, audited)?;
    Ok((after, types))
}

/// Deletes a routine; existing lists stay unchanged. Locks the routine.
pub fn delete(tx: &mut Tx<'_>, id: RoutineId) -> Result<()> {
    let (routine, types) = rows::lock(tx.conn, id)?;
    rows::delete(tx, &routine, &types)
}
