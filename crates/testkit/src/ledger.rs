//! Checks of derived data against the rows it is derived from.

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    ids::{EquipmentId, UserId},
    points::PointEntry,
    schema::{equipment_weekly_completions as completions, point_entries, users},
    time::Week,
    users::User,
};
use inspection_persistence::{DbConnection, Result};

macro_rules! on_connection {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            DbConnection::Postgres($c, _) => $body,
            DbConnection::Sqlite($c, _) => $body,
        }
    };
}

/// Accounts whose totals differ from the sums of their ledger; there should be none (§1).
pub fn mismatches(conn: &mut DbConnection) -> Result<Vec<UserId>> {
    let (all, entries) = on_connection!(conn, |c| {
        let all: Vec<User> = users::table.select(User::as_select()).order(users::id).load(c)?;
        let entries: Vec<PointEntry> = point_entries::table.select(PointEntry::as_select()).load(c)?;
        (all, entries)
    });
    let mut sums: HashMap<UserId, User> = all
        .iter()
        .map(|user| {
            let bare = User { total_points: 0, inspector_points: 0, specialist_points: 0, ..user.clone() };
            (user.id, User { engineer_points: 0, qe_points: 0, ..bare })
        })
        .collect();
    for entry in entries {
        if let Some(sum) = sums.get_mut(&entry.user_id) {
            entry.book(sum);
        }
    }
    Ok(all.into_iter().filter(|user| sums.get(&user.id) != Some(user)).map(|user| user.id).collect())
}

/// Changes the total of an account without an entry of the ledger.
pub fn falsify(conn: &mut DbConnection, account: UserId, points: i64) -> Result<()> {
    let total = users::total_points.eq(users::total_points + points);
    on_connection!(conn, |c| diesel::update(users::table.find(account)).set(total).execute(c))?;
    Ok(())
}

/// Number of inspections of a machine counted in an ISO week.
pub fn weekly_completions(conn: &mut DbConnection, machine: EquipmentId, week: Week) -> Result<i32> {
    let count: Option<i32> = on_connection!(conn, |c| completions::table
        .find((machine, week.year, week.number))
        .select(completions::completions)
        .first(c)
        .optional())?;
    Ok(count.unwrap_or(0))
}
