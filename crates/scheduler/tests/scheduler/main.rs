//! The background on real databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic reports the failure of a test"
)]

mod fake_translator;
mod files;
mod instances;
mod month;
mod translating;
