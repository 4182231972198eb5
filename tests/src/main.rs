//! Tests of the whole service, over HTTP, on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "in a test, a panic is how a failure is told"
)]

mod architecture;
mod background;
mod bad_input;
mod conventions;
mod daily_list;
mod deployment;
mod documents;
mod files;
mod inspection_day;
mod languages;
mod limits;
mod live;
mod logs;
mod metrics;
mod people;
mod permissions;
mod queries;
mod races;
mod repairs;
mod reports;
mod sessions;
mod site;
mod sync;
