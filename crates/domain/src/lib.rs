#![doc = include_str!("../README.md")]

pub mod assessments;
pub mod assignments;
pub mod audit;
pub mod checklists;
pub mod defect_assessments;
pub mod defects;
pub mod equipment;
pub mod files;
pub mod ids;
pub mod input;
pub mod inspections;
pub mod jobs;
pub mod leaves;
pub mod lists;
pub mod notifications;
pub mod page;
pub mod pauses;
pub mod points;
pub mod quality_reviews;
pub mod ratings;
pub mod routines;
pub mod rule;
pub mod schedules;
#[cfg(feature = "diesel")]
pub mod schema;
pub mod sessions;
pub mod takeovers;
#[cfg(test)]
mod testing;
pub mod text;
pub mod time;
pub mod users;
pub mod weekdays;
