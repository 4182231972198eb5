#![doc = include_str!("../README.md")]

#[macro_use]
mod db;

pub mod assessments;
pub mod assignments;
pub mod audit;
pub mod bonus_stars;
pub mod changes;
pub mod checklists;
pub mod daily_lists;
pub mod defect_assessments;
pub mod defects;
pub mod directory;
pub mod equipment;
pub mod files;
pub mod holidays;
pub mod idempotency;
pub mod inspections;
pub mod invariants;
pub mod jobs;
pub mod leaderboards;
pub mod leaves;
pub mod notifications;
pub mod outbox;
pub mod pauses;
pub mod points;
pub mod quality_reviews;
pub mod ratings;
pub mod reports;
pub mod roster;
pub mod routines;
pub mod schedules;
pub mod sessions;
pub mod sync;
pub mod takeovers;
pub mod tasks;
pub mod translations;
pub mod users;
pub mod versions;

pub use db::connection::{DbConnection, Settings};
#[doc(hidden)]
pub use db::constraints::unique_constraints;
pub use db::error::{Error, Result};
#[cfg(feature = "postgres")]
pub use db::scratch;
pub use db::stats::{QueryStats, with_query_stats};
pub use db::tx::{Context, Origin, Tx};
pub use db::{backups, migrations, notify, server};
pub use db::{database::Database, pool::Pool, replica::ReplicaReads};

// Linked for their features alone, which decide whether the client libraries are compiled in.
#[cfg(feature = "sqlite")]
use libsqlite3_sys as _;
#[cfg(feature = "postgres")]
use {openssl_sys as _, pq_sys as _};

#[cfg(not(any(feature = "postgres", feature = "sqlite")))]
compile_error!("enable the feature `postgres`, `sqlite`, or both");
