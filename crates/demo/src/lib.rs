#![doc = include_str!("../README.md")]

mod error;
mod random;
mod simulator;
mod site;
#[cfg(test)]
mod tests;

use inspection_domain::{
    equipment::EquipmentFilter,
    input::{Input, Invalid},
    page::PageRequest,
    time::{Instant, SiteTimeZone},
    users::UserFilter,
};
use inspection_persistence::{Database, DbConnection, equipment, users};

pub use error::Error;
pub use simulator::Site;
pub use site::{DOMAIN, PASSWORD};

use error::Result;

/// Seed of the random choices, chosen so that every status of a machine occurs.
const SEED: u64 = 7;

/// Days of history that `seed --demo` generates.
pub const DAYS: u16 = 90;

/// Fills an empty database with the demo site and `days` of history until `end`, the start of a
/// day. `on_day` is called with the number of finished days.
///
/// Refuses with [`Error::InUse`] if the database has equipment, or accounts beside one admin.
pub fn generate(
    database: &Database,
    calendar: &SiteTimeZone,
    end: Instant,
    days: u16,
    on_day: impl FnMut(u64),
) -> Result<Site> {
    if !database.read(is_fresh)? {
        return Err(Error::InUse);
    }
    simulator::simulate(database, calendar, end, days, SEED, on_day)
}

/// Whether a database has no machine, and no account but a first admin.
fn is_fresh(conn: &mut DbConnection) -> inspection_persistence::Result<bool> {
    let one = || PageRequest::first(1);
    let machines = equipment::list(conn, &everything::<EquipmentFilter>()?, one())?.total;
    let active = users::list(conn, &everything::<UserFilter>()?, one())?.total;
    let former = users::list(conn, &UserFilter { is_active: Some(false), ..everything()? }, one())?.total;
    let admins = users::admins(conn)?.len();
    Ok(machines == 0
        && former == 0
        && active <= 1
        && i64::try_from(admins).is_ok_and(|admins| admins == active))
}

/// A filter that matches everything.
fn everything<T: Input>() -> Result<T, Invalid> {
    T::from_pairs(Vec::new())
}
