//! Rows of `inspection_lists`: lookup, lock and guarded write.

use std::collections::BTreeSet;

use diesel::prelude::*;
use inspection_domain::{daily_lists::InspectionList, ids::ListId, schema::inspection_lists as daily_lists};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One daily list.
pub fn get(conn: &mut DbConnection, id: ListId) -> Result<InspectionList> {
    find_row!(conn, daily_lists, InspectionList, id)?.ok_or_else(Error::not_found::<InspectionList>)
}

/// One daily list, locked until the transaction ends. Every change of its number of assigned or
/// completed assignments locks it, after the assignment and before the machine.
pub(crate) fn lock(conn: &mut DbConnection, id: ListId) -> Result<InspectionList> {
    lock_row!(conn, daily_lists, InspectionList, id)?.ok_or_else(Error::not_found::<InspectionList>)
}

/// These daily lists by id, locked until the transaction ends. One statement.
pub(crate) fn lock_all(
    conn: &mut DbConnection,
    ids: impl Iterator<Item = ListId>,
) -> Result<Vec<InspectionList>> {
    let ids: BTreeSet<ListId> = ids.collect();
    let in_order = daily_lists::table.filter(daily_lists::id.eq_any(ids)).order(daily_lists::id);
    Ok(lock_rows!(conn, in_order.select(InspectionList::as_select()), load)?)
}

/// Writes the counters of a list, which is locked. Derived values aren't audited.
pub(crate) fn write_counters(tx: &mut Tx<'_>, before: &InspectionList, after: &InspectionList) -> Result<()> {
    update_row!(tx, daily_lists, before, after, daily_lists::status.eq(before.status))
}
