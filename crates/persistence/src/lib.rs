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
pub mod equipment;
pub mod files;
pub mod inspections;
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
pub mod routines;
pub mod schedules;
pub mod sessions;
pub mod sync;
pub mod takeovers;
pub mod tasks;
pub mod translations;
pub mod users;

pub use db::connection::DbConnection;
pub use db::database::{Database, Pool, Settings};
#[doc(hidden)]
pub use db::error::unique_constraints;
pub use db::error::{Error, Result};
pub use db::stats::{QueryStats, with_query_stats};
pub use db::tx::{Context, Origin, Tx};
pub use db::{backups, migrations, notify, scratch, server};

// Linked for their features alone: they decide whether the client libraries are compiled in.
use {libsqlite3_sys as _, openssl_sys as _, pq_sys as _};
