//! The database layer: connections, transactions, errors, the schema. It knows no feature.

#[macro_use]
pub(crate) mod connection;
#[macro_use]
pub(crate) mod entity;
#[macro_use]
pub(crate) mod keyset;
#[macro_use]
pub(crate) mod query;
pub mod backups;
pub(crate) mod constraints;
pub(crate) mod database;
pub(crate) mod error;
mod keys;
pub mod migrations;
pub mod notify;
pub(crate) mod pool;
mod probe;
pub(crate) mod replica;
#[cfg(feature = "postgres")]
pub mod scratch;
pub(crate) mod search;
pub(crate) mod search_plan;
pub mod server;
pub(crate) mod stats;
pub(crate) mod totals;
pub(crate) mod tx;
