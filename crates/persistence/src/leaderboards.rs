//! Leaderboards: two statements for any length of the ledger (§11).

use std::collections::HashMap;

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};
use inspection_domain::{
    ids::UserId,
    leaderboards::{LeaderboardFilter, Period, Ranking, ranked},
    page::{Page, PageRequest},
    schema::point_entries as ledger,
    time::{Date, Instant, SiteTimeZone},
    users::User,
};

use crate::{DbConnection, Result, users::rows as user_rows};

/// A page of a leaderboard as of today (§11).
pub fn board(
    conn: &mut DbConnection,
    filter: &LeaderboardFilter,
    today: Date,
    calendar: &SiteTimeZone,
    page: PageRequest,
) -> Result<Page<Ranking>> {
    let mut people = user_rows::active(conn)?;
    people.retain(|person| filter.includes(person));
    let since = filter.period.unwrap_or(Period::AllTime).since(today, calendar);
    let sums: Option<HashMap<UserId, i64>> = since.map(|since| sums(conn, filter, since)).transpose()?;
    let points = |person: &User| match &sums {
        None => person.points_in(filter.role),
        Some(sums) => sums.get(&person.id).copied().unwrap_or(0),
    };
    let all = ranked(people.into_iter().map(|person| (points(&person), person)).collect());
    Ok(page.of(all, |ranking| ranking.user_id))
}

/// Points by account, from the ledger entries since an instant.
fn sums(conn: &mut DbConnection, filter: &LeaderboardFilter, since: Instant) -> Result<HashMap<UserId, i64>> {
    let sums: Vec<(UserId, i64)> = with_conn!(conn, |c| {
        let mut entries = ledger::table
            .filter(ledger::created_at.ge(since))
            .group_by(ledger::user_id)
            .select((ledger::user_id, sql::<BigInt>("CAST(SUM(amount) AS BIGINT)")))
            .into_boxed::<Backend>();
        filter_by!(entries, { ledger::role => filter.role });
        entries.load(c)
    })?;
    Ok(sums.into_iter().collect())
}
