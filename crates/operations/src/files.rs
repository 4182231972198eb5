//! Reconciliation of the file store with the database, once or daily.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant as Moment},
};

use inspection_domain::{
    ids::FileId,
    invariants::{Invariant, InvariantResult},
    time::Instant,
};
use inspection_persistence::{Context, Database, invariants};
use inspection_scheduler::files::{Contents, ReconcilePlan, reconcile};
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
    let contents = if contents { Contents::Checksums } else { Contents::Sizes };
    Ok(reconcile(database, storage, ReconcilePlan { remove: false, contents, before: before(now, GRACE) })?)
}

/// Removes orphaned objects, which belong to no file, older than `grace`.
pub fn remove_orphans(
    database: &Database,
    storage: &Storage,
    now: Instant,
    grace: Duration,
) -> Result<ReconcileReport> {
    let plan = ReconcilePlan { remove: true, contents: Contents::Sizes, before: before(now, grace) };
    Ok(reconcile(database, storage, plan)?)
}

/// Checks the invariants of the file store: by size, and a sample of another hundredth of the files
/// on each day by checksum. With `remove`, orphaned objects are removed, too, and don't count.
pub(crate) fn invariants(
    database: &Database,
    storage: &Storage,
    now: Instant,
    remove: bool,
) -> Result<Vec<InvariantResult>> {
    let begun = Moment::now();
    let contents = Contents::Sample(now.as_second() / 86_400);
    let report =
        reconcile(database, storage, ReconcilePlan { remove, contents, before: before(now, GRACE) })?;
    tracing::debug!(?report, "file store compared with the database");
    let took = begun.elapsed();
    let wrong: Vec<i64> = report.missing.iter().chain(&report.changed).copied().map(FileId::get).collect();
    let orphans = if remove { 0 } else { report.orphans };
    Ok(vec![
        invariants::storage_result(
            Invariant::FilesHaveTheirBytes,
            now,
            wrong.len() as u64,
            wrong.into_iter(),
            took,
        ),
        invariants::storage_result(Invariant::StoredBytesHaveAFile, now, orphans, std::iter::empty(), took),
    ])
}

/// Removes orphaned objects at once, since a start may follow a crash, and then daily, on a thread
/// that ends with the process, and records whether the invariants of the file store hold. Problems
/// are logged. `on_exit` is called if the thread panics.
pub fn remove_orphans_daily(
    database: Database,
    storage: Storage,
    context: Context,
    on_exit: impl FnOnce() + Send + 'static,
) {
    let removal = move || {
        loop {
            let done = invariants(&database, &storage, context.clock.now(), true)
                .and_then(|results| Ok(invariants::record(&database, &context, &results)?));
            if let Err(error) = done {
                tracing::warn!(error = error.report(), "can't reconcile the file store");
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
