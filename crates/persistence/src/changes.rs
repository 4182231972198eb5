//! The change feed: changed objects per person, in commit order, followed by devices (§15).

use diesel::prelude::*;
use inspection_domain::{ids::UserId, schema::changes, sync::Changed};

use crate::{DbConnection, Result};

/// The changes of a user after a number, in order.
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
