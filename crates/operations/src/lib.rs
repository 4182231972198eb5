#![doc = include_str!("../README.md")]

pub mod accounts;
pub mod addresses;
pub mod backup;
pub mod check;
pub mod checklist;
pub mod disk;
pub mod error;
pub mod files;
pub mod finding;
pub mod gauges;
pub mod keys;
pub mod log_file;
pub mod progress;
pub mod readiness;
pub mod umask;
pub mod verify;

pub use error::{Error, Result};
pub use finding::{Finding, Report, Verdict};
pub use progress::{OnProgress, Progress};
