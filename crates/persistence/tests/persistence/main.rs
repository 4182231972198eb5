//! Reads and units of work, on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test reports a failure by a panic"
)]

/// Runs a Diesel query on either database.
macro_rules! query {
    ($db:expr, |$c:ident| $body:expr) => {
        $db.read(|conn| match conn {
            inspection_persistence::DbConnection::Postgres($c, _) => Ok($body?),
            inspection_persistence::DbConnection::Sqlite($c, _) => Ok($body?),
        })
        .expect("a query")
    };
}

mod append_only;
mod assessments;
mod assignments;
mod bonus_stars;
mod checklists;
mod day_properties;
mod day_races;
mod defect_migrations;
mod defects;
mod drafts;
mod effects;
#[allow(dead_code, reason = "a program whose `main` only its own test calls")]
#[path = "../../examples/embedded.rs"]
mod embedded;
mod equipment;
mod files;
mod inspections;
mod invariants;
mod job_properties;
mod job_races;
mod job_rewards;
mod jobs;
mod keys;
mod leave_properties;
mod leaves;
mod list_pages;
mod list_plans;
mod long_searches;
mod notifications;
mod outbox;
mod people_races;
mod points;
mod probe;
mod races;
mod ratings;
mod replica;
mod reports;
mod retention;
mod routines;
mod schedules;
mod schema;
mod searches;
mod sync;
mod takeovers;
mod tasks;
mod transactions;
mod users;

use std::fmt::Debug;

use inspection_domain::{
    audit::{AuditEntry, AuditFilter},
    ids::UserId,
    input::Input,
    notifications::{Notification, NotificationFilter, NotificationType},
    page::PageRequest,
    rule::Code,
};
use inspection_persistence::{Context, Database, Error, Result, audit, notifications as notified};
use serde_json::{Value, json};

/// Code and fields of an expected refusal.
fn refusal<T: Debug>(outcome: Result<T>) -> (Code, Vec<String>) {
    match outcome {
        Err(Error::Rule(rule)) => (rule.code(), rule.fields().into_iter().map(|error| error.field).collect()),
        other => panic!("not a refusal: {other:?}"),
    }
}

/// Code of an expected refusal.
fn code<T: Debug>(outcome: Result<T>) -> Code {
    refusal(outcome).0
}

/// A filter read from a JSON body.
fn filter<T: Input>(body: Value) -> T {
    inspection_testkit::builders::input(body)
}

/// Everything in one page.
const ALL: PageRequest = PageRequest::first(100);

/// A person's notifications, newest first.
fn notifications_to(db: &Database, user: UserId) -> Vec<Notification> {
    let filter: NotificationFilter = filter(json!({}));
    db.read(|conn| notified::list(conn, user, &filter, ALL)).expect("a list").items
}

/// The types of a person's notifications, newest first.
fn notified_kinds(db: &Database, user: UserId) -> Vec<NotificationType> {
    notifications_to(db, user).iter().map(|notified| notified.kind).collect()
}

/// The audit entries that match a filter, newest first.
fn trail(db: &Database, context: &Context, body: Value) -> Vec<AuditEntry> {
    let filter: AuditFilter = filter(body);
    db.read(|conn| audit::list(conn, &filter, &context.calendar, ALL)).expect("a list").items
}
