#![doc = include_str!("../README.md")]

/// The rule book, whose sections the code cites by number, such as §5.
///
#[doc = include_str!("RULES.md")]
pub mod rules {}

pub mod assessments;
pub mod assignments;
pub mod audit;
mod base;
pub mod bonus_stars;
pub mod checklists;
pub mod daily_lists;
pub mod defect_assessments;
pub mod defects;
pub mod directory;
pub mod equipment;
pub mod files;
pub mod holidays;
pub mod idempotency;
pub mod inspections;
pub mod invariants;
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
pub mod retention;
pub mod roster;
pub mod routines;
pub mod schedules;
#[cfg(feature = "diesel")]
pub mod schema;
pub mod sessions;
pub mod sync;
pub mod takeovers;
pub mod tasks;
#[cfg(test)]
mod testing;
pub mod translations;
pub mod trends;
pub mod users;
pub mod versions;

pub(crate) use base::characters;
pub use base::{entity, ids, input, key, message, number, page, rule, search, text, time, warning, weekdays};
