//! Routines: lists and units of work (§4).

pub(crate) mod rows;

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    audit::Changes,
    ids::{AssetTypeId, RoutineId, TemplateId},
    page::{Page, PageRequest, Sort},
    routines::{
        AssetType, NewRoutine, Routine, RoutineChanges, RoutineFilter, RoutineOrder, may_use, planned,
    },
    schema::{inspection_routines as routines, routine_asset_types as asset_types},
    time::Date,
    users::Shift,
};

pub use rows::get;

use crate::{DbConnection, Result, Tx, checklists::rows as checklist_rows};

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
    let mut by_routine: HashMap<RoutineId, Vec<String>> = HashMap::new();
    for of_type in types {
        by_routine.entry(of_type.routine_id).or_default().push(of_type.equipment_type);
    }
    Ok(routines.map(|routine| {
        let types = by_routine.remove(&routine.id).unwrap_or_default();
        (routine, rows::in_order(types))
    }))
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

/// Checks the checklist of a routine, and locks it against deactivation (shared).
fn check_template(tx: &mut Tx<'_>, id: TemplateId) -> Result<()> {
    Ok(may_use(checklist_rows::lock_shared(tx.conn, id)?.as_ref())?)
}

/// Creates a routine (§4).
pub fn create(tx: &mut Tx<'_>, new: NewRoutine) -> Result<RoutineWithTypes> {
    let (routine, types) = new.draft(tx.now);
    check_template(tx, routine.template_id)?;
    Ok((rows::insert(tx, &routine, &types)?, types))
}

/// Changes a routine; existing lists stay unchanged (§4). Locks the routine.
pub fn update(tx: &mut Tx<'_>, id: RoutineId, changes: RoutineChanges) -> Result<RoutineWithTypes> {
    let (before, types_before) = rows::lock(tx.conn, id)?;
    let (after, types) = before.changed(changes, tx.now);
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
