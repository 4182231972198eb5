//! What has changed for whom, in the order of the commits: phones follow it (rule book §15).

use std::collections::BTreeMap;

use diesel::prelude::*;
use inspection_domain::{
    ids::{ChangeId, UserId},
    schema::changes,
    sync::{Changed, ChangedKind},
    time::Instant,
};

use crate::{DbConnection, Result, audit::BATCH};

/// Objects that a unit of work has changed, and for whom.
pub(crate) type Touched = BTreeMap<(ChangedKind, i64), Vec<UserId>>;

/// Writes what has changed, each with a new number: whoever has read up to a number finds it after that. The transaction is alone in
/// writing these, and ends after it.
pub(crate) fn write(conn: &mut DbConnection, touched: &Touched, now: Instant) -> Result<()> {
    let mut groups: BTreeMap<(ChangedKind, &[UserId]), Vec<i64>> = BTreeMap::new();
    for ((entity_type, entity_id), people) in touched {
        groups.entry((*entity_type, people)).or_default().push(*entity_id);
    }
    let mut rows = Vec::new();
    for ((entity_type, people), ids) in groups {
        for batch in ids.chunks(BATCH) {
            let before = changes::table
                .filter(changes::user_id.eq_any(people))
                .filter(changes::entity_type.eq(entity_type))
                .filter(changes::entity_id.eq_any(batch));
            with_conn!(&mut *conn, |c| diesel::delete(before).execute(c))?;
        }
        rows.extend(ids.iter().flat_map(|id| row_of(entity_type, *id, people, now)));
    }
    insert(conn, &rows)
}

/// Writes what is new altogether.
pub(crate) fn write_new(
    conn: &mut DbConnection,
    entity_type: ChangedKind,
    new: &[(i64, UserId)],
    now: Instant,
) -> Result<()> {
    let rows: Vec<Changed> =
        new.iter().flat_map(|(id, owner)| row_of(entity_type, *id, &[*owner], now)).collect();
    insert(conn, &rows)
}

fn row_of(entity_type: ChangedKind, entity_id: i64, people: &[UserId], changed_at: Instant) -> Vec<Changed> {
    let row =
        |user: &UserId| Changed { id: ChangeId::UNSAVED, user_id: *user, entity_type, entity_id, changed_at };
    people.iter().map(row).collect()
}

fn insert(conn: &mut DbConnection, rows: &[Changed]) -> Result<()> {
    for batch in rows.chunks(BATCH) {
        with_conn!(&mut *conn, |c| diesel::insert_into(changes::table).values(batch).execute(c))?;
    }
    Ok(())
}

/// What has changed for somebody after a number, in order.
pub fn after(conn: &mut DbConnection, owner: UserId, last: i64, at_most: i64) -> Result<Vec<Changed>> {
    use diesel::sql_types::{BigInt, Nullable};

    Ok(with_conn!(conn, |c| changes::table
        .filter(changes::user_id.eq(owner))
        .filter(changes::id.nullable().gt(last.into_sql::<Nullable<BigInt>>()))
        .select(Changed::as_select())
        .order(changes::id)
        .limit(at_most)
        .load(c))?)
}
