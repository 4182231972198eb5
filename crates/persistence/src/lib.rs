#![doc = include_str!("../README.md")]

#[macro_use]
mod connection;

pub mod assessments;
pub mod assignments;
pub mod audit;
pub mod backups;
pub mod bonus_stars;
pub mod changes;
pub mod checklists;
mod database;
pub mod defect_assessments;
pub mod defects;
pub mod equipment;
mod error;
pub mod files;
pub mod inspections;
pub mod jobs;
pub mod leaderboards;
pub mod leaves;
pub mod lists;
mod metering;
pub mod migrations;
pub mod notifications;
pub mod outbox;
pub mod pauses;
pub mod points;
pub mod quality_reviews;
pub mod ratings;
pub mod reports;
pub mod routines;
pub mod schedules;
pub mod scratch;
pub mod server;
pub mod sessions;
pub mod sync;
pub mod takeovers;
pub mod tasks;
pub mod translations;
mod tx;
pub mod users;
pub mod wakeups;

pub use connection::DbConnection;
pub use database::{Database, Pool, Settings};
#[doc(hidden)]
pub use error::unique_constraints;
pub use error::{Error, Result};
pub use metering::{Meter, metered};
pub use tx::{Origin, Tx, World};

// Linked for their features alone: they decide whether the client libraries are compiled in.
use {libsqlite3_sys as _, openssl_sys as _, pq_sys as _};
