//! Leaderboards: two queries, however long the ledger is (rule book §11).

use std::collections::HashMap;

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};
use inspection_domain::{
    ids::UserId,
    leaderboards::{LeaderboardFilter, Period, Ranking, ranked},
    page::{Page, PageRequest},
    schema::point_entries as ledger,
    time::{Date, Site},
    users::User,
};

use crate::{DbConnection, Result, users};

/// A page of a leaderboard of today (§11).
pub fn board(
    conn: &mut DbConnection,
    filter: &LeaderboardFilter,
    today: Date,
    site: &Site,
    page: PageRequest,
) -> Result<Page<Ranking>> {
    let mut people = users::active(conn)?;
    people.retain(|person| filter.role.is_none_or(|role| person.has(role)));
    let standings = match filter.period.unwrap_or(Period::AllTime).since(today, site) {
        None => people.into_iter().map(|person| (person.points_in(filter.role), person)).collect::<Vec<_>>(),
        Some(since) => {
            let sums: Vec<(UserId, i64)> = with_conn!(conn, |c| {
                let mut entries = ledger::table
                    .filter(ledger::created_at.ge(since))
                    .group_by(ledger::user_id)
                    .select((ledger::user_id, sql::<BigInt>("CAST(SUM(amount) AS BIGINT)")))
                    .into_boxed::<Backend>();
                filter_by!(entries, { ledger::role => filter.role });
                entries.load(c)
            })?;
            let sums: HashMap<UserId, i64> = sums.into_iter().collect();
            let points = |person: &User| sums.get(&person.id).copied().unwrap_or(0);
            people.into_iter().map(|person| (points(&person), person)).collect()
        }
    };
    let all = ranked(standings.into_iter().map(|(points, person)| (person, points)).collect());
    Ok(page.of(all))
}
