//! Tests of the whole service over HTTP, on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test reports its failure by a panic"
)]

mod absences;
mod actors;
mod architecture;
mod assessments;
mod assignments;
mod audit;
mod bad_input;
mod bonus_stars;
mod checklists;
mod clients;
mod conventions;
mod daily_lists;
mod defect_assessments;
mod defects;
mod deployment;
mod docs;
mod embedded;
mod engineer_jobs;
mod equipment;
mod files;
mod first_sign_ins;
mod four_eyes;
mod health;
mod idempotency;
mod inspections;
mod interventions;
mod invariants;
mod jobs;
mod journeys;
mod leaderboards;
mod leavers;
mod leaves;
mod limits;
mod logs;
mod messages;
mod metrics;
mod night_shifts;
mod notifications;
mod occurrences;
mod outbox;
mod pagination;
mod pauses;
mod permissions;
mod prefix;
mod printed;
mod quality_reviews;
mod queries;
mod ratings;
mod reports;
mod roster;
mod routines;
mod schedules;
mod security_events;
mod security_txt;
mod sessions;
mod site;
mod skips;
mod sync;
mod system;
mod takeovers;
mod tasks;
mod translations;
mod users;
mod versions;
mod visibility;
