//! Daily lists: lists, and generating them (§4).

pub(crate) mod rows;

use diesel::{prelude::*, sql_types};
use inspection_domain::{
    assignments::{Assignment, AssignmentStatus},
    audit::{AuditAction, Changes},
    checklists::Template,
    daily_lists::{
        GenerateList, InspectionList, LISTED, ListFilter, ListOrder, ListRule, reasons_for_nothing,
    },
    equipment::{Equipment, EquipmentStatus},
    ids::{AssignmentId, ListId, TemplateId},
    key::Key,
    page::{Page, PageRequest, Sort},
    schema::{
        checklist_templates as templates, equipment, inspection_assignments as assignments,
        inspection_lists as daily_lists, inspection_routines as routines, routine_asset_types as asset_types,
    },
    time::Date,
    users::Shift,
};

pub use rows::get;

use crate::{
    DbConnection, Result, Tx,
    routines::{holidays_for, planned_on, routines_of_shift},
};

/// A page of daily lists, by default the latest day first (§4).
pub fn list(conn: &mut DbConnection, filter: &ListFilter, page: PageRequest) -> Result<Page<InspectionList>> {
    let sort = filter.sort.unwrap_or(Sort { by: ListOrder::TargetDate, descending: true });
    paged!(
        conn,
        page,
        InspectionList,
        || {
            let mut query = daily_lists::table.into_boxed::<Backend>();
            filter_by!(query, { daily_lists::target_date => filter.date });
            filter_any!(query, {
                daily_lists::shift => filter.shift,
                daily_lists::status => filter.status,
            });
            if let Some(from) = filter.date_from {
                query = query.filter(daily_lists::target_date.ge(from));
            }
            if let Some(to) = filter.date_to {
                query = query.filter(daily_lists::target_date.le(to));
            }
            query
        },
        daily_lists by sort {
            ListOrder::Id => [id],
            ListOrder::TargetDate => [target_date, id],
        }
    )
}

/// The assignments of lists with their machines, in order. One statement.
pub fn assignments_of(conn: &mut DbConnection, ids: &[ListId]) -> Result<Vec<(Assignment, Equipment)>> {
    Ok(with_conn!(conn, |c| assignments::table
        .inner_join(equipment::table)
        .filter(assignments::list_id.eq_any(ids))
        .order(assignments::id)
        .select((Assignment::as_select(), Equipment::as_select()))
        .load(c))?)
}

/// The result of generating a list.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The list.
    pub list: InspectionList,
    /// Number of assignments added.
    pub added: usize,
    /// Whether the list is new.
    pub is_new: bool,
}

/// Generates the list of a day and shift (§4): one statement inserts an assignment for each machine
/// whose type belongs to a routine that runs then. With `refresh`, an existing list gets the
/// missing assignments, and nothing else of it changes. A list without any machine is refused, with
/// the reasons. Locks the list.
pub fn generate(tx: &mut Tx<'_>, request: &GenerateList) -> Result<Generated> {
    let (target_date, shift) = (request.target_date, request.shift);
    let new = InspectionList::empty(target_date, shift, tx.actor_id(), tx.now);
    // A concurrent transaction that generates the same list waits here for the first to end.
    let inserted: Option<InspectionList> =
        with_conn!(&mut *tx.conn, |c| diesel::insert_into(daily_lists::table)
            .values(&new)
            .on_conflict_do_nothing()
            .returning(InspectionList::as_returning())
            .get_result(c))
        .optional()?;
    let is_new = inserted.is_some();
    let before = match inserted {
        Some(list) => list,
        None if request.refresh.unwrap_or(false) => {
            let same = daily_lists::table
                .filter(daily_lists::target_date.eq(target_date).and(daily_lists::shift.eq(shift)));
            lock_rows!(&mut *tx.conn, same.select(InspectionList::as_select()), first)?
        }
        None => return Err(ListRule::Exists { target_date, shift }.into()),
    };
    let added = add_missing(tx, &before)?;
    if is_new && added == 0 {
        return Err(nothing_to_inspect(tx.conn, target_date, shift)?.into());
    }
    let list = recount(tx, &before)?;
    let changes = Changes::between((!is_new).then_some(&before), Some(&list)).with("added", added);
    tx.record_with(AuditAction::Generate, (!is_new).then_some(&before), Some(&list), changes);
    Ok(Generated { list, added, is_new })
}

/// Why the list of a shift is empty.
fn nothing_to_inspect(conn: &mut DbConnection, target_date: Date, shift: Shift) -> Result<ListRule> {
    let (routines, types) = routines_of_shift(conn, shift)?;
    let named: Vec<Key> = types.iter().map(|of_type| Key::of(&of_type.equipment_type)).collect();
    let machines: Vec<(String, EquipmentStatus, i64)> = with_conn!(conn, |c| equipment::table
        .filter(equipment::type_key.eq_any(named))
        .group_by((equipment::type_key, equipment::status))
        .order((equipment::type_key, equipment::status))
        .select((equipment::type_key.assume_not_null(), equipment::status, diesel::dsl::count_star()))
        .load(c))?;
    let holidays = holidays_for(conn, &routines, target_date)?;
    let reasons = reasons_for_nothing(&routines, &types, &machines, (target_date, shift), &holidays);
    Ok(ListRule::NothingToInspect { target_date, shift, reasons })
}

/// Inserts an assignment for every machine that belongs on a list and isn't on it, with the
/// checklist in force; returns their number.
fn add_missing(tx: &mut Tx<'_>, list: &InspectionList) -> Result<usize> {
    let planned = planned_on(tx.conn, list.target_date, list.shift)?;
    // The list is locked: every assignment of it behind this one is new.
    let own = assignments::table.filter(assignments::list_id.eq(list.id));
    let behind: Option<AssignmentId> =
        with_conn!(&mut *tx.conn, |c| own.select(diesel::dsl::max(assignments::id)).first(c))?;
    let behind = behind.unwrap_or(AssignmentId::UNSAVED);
    let now = tx.now;
    let of_type = asset_types::table.on(asset_types::type_key.eq(equipment::type_key));
    let due = equipment::table
        .inner_join(of_type)
        .inner_join(routines::table.on(routines::id.eq(asset_types::routine_id)))
        .filter(asset_types::id.eq_any(planned))
        .filter(equipment::status.eq_any(LISTED))
        .order(equipment::id)
        .select((
            list.id.into_sql::<sql_types::BigInt>(),
            equipment::id,
            routines::template_id,
            list.target_date.into_sql::<sql_types::Date>(),
            list.shift.into_sql::<sql_types::Text>(),
            equipment::berth,
            equipment::berth_key,
            AssignmentStatus::Unassigned.into_sql::<sql_types::Text>(),
            now.into_sql::<sql_types::Timestamp>(),
            now.into_sql::<sql_types::Timestamp>(),
        ));
    let columns = (
        assignments::list_id,
        assignments::equipment_id,
        assignments::template_id,
        assignments::target_date,
        assignments::shift,
        assignments::berth,
        assignments::berth_key,
        assignments::status,
        assignments::created_at,
        assignments::updated_at,
    );
    let added = with_conn!(&mut *tx.conn, |c| due
        .insert_into(assignments::table)
        .into_columns(columns)
        .on_conflict_do_nothing()
        .execute(c))?;
    let added = added.saturating_sub(drop_retired(tx, list, behind)?);
    use_newest_checklists(tx, list, behind)?;
    Ok(added)
}

/// Deletes the assignments of a list after `behind` whose machines changed their status while it
/// was generated; returns their number. A change of status waits for the references of new
/// assignments, or they wait for it: it finds the assignment, or this finds the change.
fn drop_retired(tx: &mut Tx<'_>, list: &InspectionList, behind: AssignmentId) -> Result<usize> {
    let retired = equipment::table.filter(equipment::status.ne_all(LISTED)).select(equipment::id);
    let dropped = assignments::table
        .filter(assignments::list_id.eq(list.id))
        .filter(assignments::id.gt(behind))
        .filter(assignments::equipment_id.eq_any(retired));
    Ok(with_conn!(&mut *tx.conn, |c| diesel::delete(dropped).execute(c))?)
}

/// Gives the assignments of a list after `behind` the newest active checklist of the line that
/// their routine names (§4). One statement for each line with a newer version.
fn use_newest_checklists(tx: &mut Tx<'_>, list: &InspectionList, behind: AssignmentId) -> Result<()> {
    let used = assignments::table
        .filter(assignments::list_id.eq(list.id))
        .filter(assignments::id.gt(behind))
        .select(assignments::template_id);
    let (chosen, active) = with_conn!(&mut *tx.conn, |c| {
        let chosen: Vec<Template> =
            templates::table.filter(templates::id.eq_any(used)).select(Template::as_select()).load(c)?;
        let types: Vec<Key> = chosen.iter().map(|template| Key::of(&template.equipment_type)).collect();
        let active: Vec<Template> = templates::table
            .filter(templates::type_key.eq_any(types))
            .filter(templates::is_active)
            .select(Template::as_select())
            .load(c)?;
        (chosen, active)
    });
    for template in &chosen {
        let newest: TemplateId = Template::in_force(template, &active).id;
        if newest == template.id {
            continue;
        }
        let outdated = assignments::table
            .filter(assignments::list_id.eq(list.id))
            .filter(assignments::id.gt(behind))
            .filter(assignments::template_id.eq(template.id));
        with_conn!(&mut *tx.conn, |c| diesel::update(outdated)
            .set(assignments::template_id.eq(newest))
            .execute(c))?;
    }
    Ok(())
}

/// Recomputes the counters of a list, which is locked.
pub(crate) fn recount(tx: &mut Tx<'_>, before: &InspectionList) -> Result<InspectionList> {
    let own = assignments::table.filter(assignments::list_id.eq(before.id));
    let counts: Vec<(AssignmentStatus, i64)> = with_conn!(&mut *tx.conn, |c| own
        .group_by(assignments::status)
        .select((assignments::status, diesel::dsl::count_star()))
        .load(c))?;
    let after = before.counted(&counts, tx.now);
    rows::write_counters(tx, before, &after)?;
    Ok(after)
}
