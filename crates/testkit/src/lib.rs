#![doc = include_str!("../README.md")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "in a test, a panic is how a failure is told"
)]

pub mod builders;
pub mod clients;
pub mod context;
pub mod databases;
pub mod files;
pub mod load;
pub mod outages;
pub mod postgres;
pub mod redis;
pub mod s3;

pub use databases::{DatabaseKind, TestDatabase};
