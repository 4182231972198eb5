//! The database itself: connections, transactions, errors, the schema. Features stand on it, and it knows none of them.

#[macro_use]
pub(crate) mod connection;
#[macro_use]
pub(crate) mod query;
pub mod backups;
pub(crate) mod database;
pub(crate) mod error;
pub mod migrations;
pub mod notify;
pub mod scratch;
pub mod server;
pub(crate) mod stats;
pub(crate) mod tx;
