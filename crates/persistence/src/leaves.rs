//! Leaves: who is away when.

use diesel::prelude::*;
use inspection_domain::{ids::UserId, leaves::Leave, schema::leaves, time::Date};

use crate::{DbConnection, Result};

/// The leaves of these people, whatever their status, that include a day.
pub(crate) fn around(conn: &mut DbConnection, people: &[UserId], date: Date) -> Result<Vec<Leave>> {
    Ok(with_conn!(conn, |c| leaves::table
        .filter(leaves::user_id.eq_any(people))
        .filter(leaves::date_from.le(date))
        .filter(leaves::date_to.ge(date))
        .select(Leave::as_select())
        .load(c))?)
}
