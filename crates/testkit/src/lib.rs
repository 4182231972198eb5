#![doc = include_str!("../README.md")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a panic reports a failure in a test"
)]

pub mod bombs;
pub mod builders;
pub mod clients;
pub mod context;
pub mod contract;
pub mod databases;
pub mod documents;
mod environment;
pub mod files;
pub mod invariants;
pub mod ledger;
pub mod load;
mod messages;
pub mod outages;
pub mod postgres;
pub mod processes;
pub mod raw_http;
pub mod redis;
pub mod s3;
pub mod service;
pub mod skips;

pub use databases::{DatabaseKind, TestDatabase};

/// Rounds of a test of races or of random orders: 2, or `INSPECTION_TEST_ROUNDS`.
///
/// # Panics
///
/// When the variable is no number.
pub fn rounds() -> usize {
    let rounds = environment::variable("INSPECTION_TEST_ROUNDS");
    rounds.map_or(2, |rounds| rounds.to_str().and_then(|text| text.parse().ok()).expect("a number of rounds"))
}
