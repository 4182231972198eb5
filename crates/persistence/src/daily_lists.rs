//! Daily lists: reads, and generating them.

use diesel::{prelude::*, sql_types};
use inspection_domain::{
    assignments::{Assignment, AssignmentStatus},
    audit::{AuditAction, Changes},
    daily_lists::{GenerateList, InspectionList, LISTED, ListFilter, ListOrder, ListRule},
    equipment::Equipment,
    ids::ListId,
    page::{Page, PageRequest, Sort},
    rule::NotFound,
    schema::{
        equipment, inspection_assignments as assignments, inspection_lists as daily_lists,
        inspection_routines as routines, routine_asset_types as asset_types,
    },
};

use crate::{DbConnection, Result, Tx, db::database::one_row, routines::planned_on};

/// A page of lists; the latest day first, if no order is asked for.
pub fn list(conn: &mut DbConnection, filter: &ListFilter, page: PageRequest) -> Result<Page<InspectionList>> {
    let sort = filter.sort.unwrap_or(Sort { by: ListOrder::TargetDate, descending: true });
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = daily_lists::table.into_boxed::<Backend>();
            filter_by!(query, {
                daily_lists::target_date => filter.date,
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
        };
        let ordered = order_by!(filtered(), sort, daily_lists::id, {
            ListOrder::Id => daily_lists::id,
            ListOrder::TargetDate => daily_lists::target_date,
        });
        let items = ordered
            .select(InspectionList::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// One list.
pub fn get(conn: &mut DbConnection, id: ListId) -> Result<InspectionList> {
    with_conn!(conn, |c| daily_lists::table.find(id).select(InspectionList::as_select()).first(c))
        .optional()?
        .ok_or_else(|| NotFound("list").into())
}

/// Everything on a list, each assignment with its machine, in order: one query.
pub fn assignments_of(conn: &mut DbConnection, id: ListId) -> Result<Vec<(Assignment, Equipment)>> {
    Ok(with_conn!(conn, |c| assignments::table
        .inner_join(equipment::table)
        .filter(assignments::list_id.eq(id))
        .order(assignments::id)
        .select((Assignment::as_select(), Equipment::as_select()))
        .load(c))?)
}

/// One list, locked until the transaction ends. Whoever changes how many of its assignments are assigned or completed
/// holds it, after the assignment and before the machine.
pub(crate) fn locked(conn: &mut DbConnection, id: ListId) -> Result<InspectionList> {
    lock_rows!(conn, daily_lists::table.find(id).select(InspectionList::as_select()), first)
        .optional()?
        .ok_or_else(|| NotFound("list").into())
}

/// Whether any routine is active; without one there is nothing to put on a list.
pub(crate) fn is_anything_planned(conn: &mut DbConnection) -> Result<bool> {
    let active = routines::table.filter(routines::is_active);
    Ok(with_conn!(conn, |c| diesel::select(diesel::dsl::exists(active)).get_result(c))?)
}

/// What generating a list came to.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The list.
    pub list: InspectionList,
    /// Assignments that were added.
    pub added: usize,
    /// Whether the list is new.
    pub is_new: bool,
}

/// Generates the list of a day and shift: an assignment for each machine whose type is in a routine that runs then, all in
/// one statement. With `refresh`, a list that is there gets what is missing, and nothing else of it changes (§4).
pub fn generate(tx: &mut Tx<'_>, wanted: &GenerateList) -> Result<Generated> {
    let (target_date, shift) = (wanted.target_date, wanted.shift);
    let new = InspectionList::empty(target_date, shift, tx.actor_id(), tx.now);
    // Whoever generates the same list at the same time waits here for the other to be done.
    let made: Option<InspectionList> = with_conn!(&mut *tx.conn, |c| diesel::insert_into(daily_lists::table)
        .values(&new)
        .on_conflict_do_nothing()
        .returning(InspectionList::as_returning())
        .get_result(c))
    .optional()?;
    let is_new = made.is_some();
    let before = match made {
        Some(list) => list,
        None if wanted.refresh.unwrap_or(false) => {
            let same = daily_lists::table
                .filter(daily_lists::target_date.eq(target_date).and(daily_lists::shift.eq(shift)));
            lock_rows!(&mut *tx.conn, same.select(InspectionList::as_select()), first)?
        }
        None => return Err(ListRule::Exists { target_date, shift }.into()),
    };
    let added = add_missing(tx, &before)?;
    let list = recount(tx, &before)?;
    let changes = Changes::between((!is_new).then_some(&before), Some(&list)).with("added", added);
    tx.audit(AuditAction::Generate, "inspection_list", list.id.get(), changes);
    Ok(Generated { list, added, is_new })
}

/// Inserts an assignment for every machine that belongs on a list and isn't there.
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

/// Writes the true counters of a list, which is locked.
pub(crate) fn recount(tx: &mut Tx<'_>, before: &InspectionList) -> Result<InspectionList> {
    let own = assignments::table.filter(assignments::list_id.eq(before.id));
    let counts: Vec<(AssignmentStatus, i64)> = with_conn!(&mut *tx.conn, |c| own
        .group_by(assignments::status)
        .select((assignments::status, diesel::dsl::count_star()))
        .load(c))?;
    let after = before.counted(&counts, tx.now);
    let seen = daily_lists::table.find(before.id).filter(daily_lists::status.eq(before.status));
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(seen).set(&after).execute(c))?)?;
    Ok(after)
}

inspection_domain::shows!(Generated {});
