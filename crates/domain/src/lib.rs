#![doc = include_str!("../README.md")]

pub mod assessments;
pub mod assignments;
pub mod audit;
pub mod checklists;
pub mod defects;
pub mod equipment;
pub mod files;
pub mod ids;
pub mod input;
pub mod inspections;
pub mod leaves;
pub mod lists;
pub mod notifications;
pub mod page;
pub mod points;
pub mod ratings;
pub mod routines;
pub mod rule;
pub mod schedules;
#[cfg(feature = "diesel")]
pub mod schema;
pub mod sessions;
#[cfg(test)]
mod testing;
pub mod text;
pub mod time;
pub mod users;
pub mod weekdays;
