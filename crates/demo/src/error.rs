//! Errors of the generation.

use std::num::TryFromIntError;

use inspection_auth::passwords::HashFailed;
use inspection_domain::input::Invalid;

/// The outcome of a step of the simulation.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

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
