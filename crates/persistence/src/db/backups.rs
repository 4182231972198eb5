//! Database operations of backups: consistent snapshots, checks of a copy, and the target of a
//! restore. Each uses a connection of its own, without a statement timeout.

#[cfg(feature = "postgres")]
mod snapshot;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;

#[cfg(feature = "postgres")]
pub use snapshot::Snapshot;
#[cfg(feature = "sqlite")]
pub use sqlite::{Alone, PAGE, copy_sqlite};
pub use state::{
    Contents, FileOnRecord, Occupants, State, Version, damage, is_on_record, occupants, state, version,
};
