//! Reconciliation of the file store with the database, once or daily.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use inspection_domain::time::{Clock, Instant};
use inspection_persistence::Database;
use inspection_scheduler::files::{ReconcilePlan, reconcile};
use inspection_storage::Storage;

pub use inspection_scheduler::files::ReconcileReport;

use crate::Result;

/// Age below which an object may belong to an upload under way.
const GRACE: Duration = Duration::from_hours(1);

/// Interval between two reconciliations of a running service.
const INTERVAL: Duration = Duration::from_hours(24);

fn before(now: Instant, grace: Duration) -> Instant {
    now.plus_seconds(-i64::try_from(grace.as_secs()).unwrap_or(i64::MAX))
}

/// Compares the store with the database and removes nothing: by size, or by checksum.
pub fn check(
    database: &Database,
    storage: &Storage,
    now: Instant,
    contents: bool,
) -> Result<ReconcileReport> {
    Ok(reconcile(database, storage, ReconcilePlan { remove: false, contents, before: before(now, GRACE) })?)
}

/// Removes orphaned objects, which belong to no file, older than `grace`.
pub fn remove_orphans(
    database: &Database,
    storage: &Storage,
    now: Instant,
    grace: Duration,
) -> Result<ReconcileReport> {
    let plan = ReconcilePlan { remove: true, contents: false, before: before(now, grace) };
    Ok(reconcile(database, storage, plan)?)
}

/// Removes orphaned objects at once, since a start may follow a crash, and then daily, on a thread
/// that ends with the process. Problems are logged. `on_exit` is called if the thread panics.
pub fn remove_orphans_daily(
    database: Database,
    storage: Storage,
    clock: Arc<dyn Clock>,
    on_exit: impl FnOnce() + Send + 'static,
) {
    let removal = move || {
        loop {
            match remove_orphans(&database, &storage, clock.now(), GRACE) {
                Ok(report) => tracing::debug!(?report, "file store reconciled"),
                Err(error) => tracing::warn!(error = error.report(), "can't reconcile the file store"),
            }
            thread::sleep(INTERVAL);
        }
    };
    thread::spawn(move || {
        if catch_unwind(AssertUnwindSafe(removal)).is_err() {
            on_exit();
        }
    });
}
