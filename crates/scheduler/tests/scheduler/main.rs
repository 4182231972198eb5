//! What happens by itself, on real databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test, a panic is how a failure is told"
)]

mod files;
mod instances;
mod month;
mod stand_in;
mod translating;
