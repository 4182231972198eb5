//! Roster: list and unit of work (§1).

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    ids::UserId,
    page::{Page, PageRequest},
    roster::{RosterChange, RosterEntry, RosterFilter, RosterPlan},
    schema::roster_entries,
    time::Date,
};

use crate::{DbConnection, Result, Tx, users::rows as user_rows};

/// A page of the roster, the earliest date first.
pub fn list(conn: &mut DbConnection, filter: &RosterFilter, page: PageRequest) -> Result<Page<RosterEntry>> {
    paged!(
        conn,
        page,
        RosterEntry,
        || {
            let mut query = roster_entries::table.into_boxed::<Backend>();
            filter_by!(query, { roster_entries::user_id => filter.user_id });
            if let Some(from) = filter.from {
                query = query.filter(roster_entries::date.ge(from));
            }
            if let Some(to) = filter.to {
                query = query.filter(roster_entries::date.le(to));
            }
            query
        },
        roster_entries by asc [date, id]
    )
}

/// Sets and removes entries of the roster, all or none (§1). A fixed number of statements. Locks
/// the people, so that concurrent changes of their entries run one after the other, and an
/// assignment sees all or none.
pub fn change(tx: &mut Tx<'_>, change: RosterChange) -> Result<RosterPlan> {
    let requested = change.requested()?;
    let mut people: Vec<UserId> = requested.iter().map(|line| line.user_id).collect();
    let mut dates: Vec<Date> = requested.iter().map(|line| line.date).collect();
    people.sort_unstable();
    people.dedup();
    dates.sort_unstable();
    dates.dedup();
    let found = user_rows::lock_all(tx.conn, &people)?;
    let stored = rows::list_of(tx.conn, &people, &dates)?;
    let plan = RosterPlan::new(&requested, &found, stored, tx.actor()?.id, tx.now)?;
    rows::delete_all(tx, &plan.removed)?;
    rows::write_all(tx, &plan.changed)?;
    rows::insert_all(tx, &plan.created)?;
    Ok(plan)
}
