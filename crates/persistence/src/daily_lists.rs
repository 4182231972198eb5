//! Daily lists: lists, and generating them (§4).

pub(crate) mod rows;

use diesel::{prelude::*, sql_types};
use inspection_domain::{
    assignments::{Assignment, AssignmentStatus},
    audit::{AuditAction, Changes},
    daily_lists::{GenerateList, InspectionList, LISTED, ListFilter, ListOrder, ListRule},
    equipment::Equipment,
    ids::ListId,
    page::{Page, PageRequest, Sort},
    schema::{
        equipment, inspection_assignments as assignments, inspection_lists as daily_lists,
        inspection_routines as routines, routine_asset_types as asset_types,
    },
};

pub use rows::get;

use crate::{DbConnection, Result, Tx, routines::planned_on};

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

/// Whether any routine is active; without one, every list would be empty.
pub(crate) fn is_anything_planned(conn: &mut DbConnection) -> Result<bool> {
    let active = routines::table.filter(routines::is_active);
    Ok(with_conn!(conn, |c| diesel::select(diesel::dsl::exists(active)).get_result(c))?)
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
/// missing assignments, and nothing else of it changes. Locks the list.
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
    let list = recount(tx, &before)?;
    let changes = Changes::between((!is_new).then_some(&before), Some(&list)).with("added", added);
    tx.record_with(AuditAction::Generate, (!is_new).then_some(&before), Some(&list), changes);
    Ok(Generated { list, added, is_new })
}

/// Inserts an assignment for every machine that belongs on a list and isn't on it; returns their
/// number.
fn add_missing(tx: &mut Tx<'_>, list: &InspectionList) -> Result<usize> {
    let planned = planned_on(tx.conn, list.target_date, list.shift)?;
    let now = tx.now;
    let of_type = asset_types::table.on(asset_types::equipment_type.eq(equipment::equipment_type));
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
        assignments::status,
        assignments::created_at,
        assignments::updated_at,
    );
    Ok(with_conn!(&mut *tx.conn, |c| due
        .insert_into(assignments::table)
        .into_columns(columns)
        .on_conflict_do_nothing()
        .execute(c))?)
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
