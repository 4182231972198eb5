#![doc = include_str!("../README.md")]

mod random;
mod simulator;
mod site;
#[cfg(test)]
mod tests;

use std::num::TryFromIntError;

use inspection_auth::passwords::HashFailed;
use inspection_domain::{
    equipment::EquipmentFilter,
    input::{Input, Invalid},
    page::PageRequest,
    time::{Instant, SiteTimeZone},
    users::{User, UserFilter},
};
use inspection_persistence::{Database, DbConnection, equipment, users};

pub use site::{DOMAIN, PASSWORD};

/// Days of history that `seed --demo` generates.
pub const DAYS: u16 = 90;

/// The outcome of a step of the simulation.
type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the demo site can't be generated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database has content that the demo site would be mixed with.
    #[error(
        "the database is in use: it has equipment, or accounts beside the first admin; use an empty one (DATABASE_URL)"
    )]
    InUse,
    /// The database refused a unit of work, or can't be reached.
    #[error(transparent)]
    Database(#[from] inspection_persistence::Error),
    /// The domain refused an invented input.
    #[error(transparent)]
    Input(#[from] Invalid),
    /// The password can't be hashed.
    #[error(transparent)]
    Hash(#[from] HashFailed),
    /// A number of the simulation is out of range.
    #[error(transparent)]
    Number(#[from] TryFromIntError),
    /// The simulation lacks something it relies on.
    #[error("the demo site has no {0}")]
    Missing(&'static str),
}

/// The generated site.
#[derive(Debug, Clone)]
pub struct Site {
    /// Accounts, in the order of their creation.
    pub people: Vec<User>,
    /// Number of machines.
    pub machines: usize,
    /// Number of inspections.
    pub inspections: usize,
    /// Number of defects.
    pub defects: usize,
}

/// Fills an empty database with the demo site and `days` of history until `end`, the start of a day.
/// `on_day` is called with the number of finished days.
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
    simulator::simulate(database, calendar, end, days, on_day)
}

/// Whether a database has no machine, and no account but a first admin.
fn is_fresh(conn: &mut DbConnection) -> inspection_persistence::Result<bool> {
    let one = PageRequest::first(1);
    let machines = equipment::list(conn, &everything::<EquipmentFilter>()?, one)?.total;
    let active = users::list(conn, &everything::<UserFilter>()?, one)?.total;
    let former = users::list(conn, &UserFilter { is_active: Some(false), ..everything()? }, one)?.total;
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
