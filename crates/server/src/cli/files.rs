//! `files`: the store of files compared with what is on record.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Result, bail};
use inspection_domain::time::{Clock, Instant};
use inspection_persistence::Database;
use inspection_scheduler::files::{ReconcilePlan, ReconcileReport, reconcile};
use inspection_storage::Storage;

use super::{say, table};
use crate::config::duration;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Count what is left over, and find files whose bytes are missing or changed. Fails if there are any.
    Check {
        /// Read every file and compare its checksum, not only its size.
        #[arg(long)]
        contents: bool,
    },
    /// Remove what uploads and deletions that were interrupted have left, after a while.
    Tidy {
        /// How long ago it must have been put there: seconds, or with a unit such as `2h`. More than an upload may take.
        #[arg(long, default_value = "1h", value_parser = duration)]
        older_than: Duration,
    },
}

/// What was put into the store within this time may belong to an upload under way.
const GRACE: Duration = Duration::from_hours(1);

/// How often a running service tidies up.
const EVERY: Duration = Duration::from_hours(24);

fn before(now: Instant, grace: Duration) -> Instant {
    now.plus_seconds(-i64::try_from(grace.as_secs()).unwrap_or(i64::MAX))
}

pub(super) fn run(action: &Action, database: &Database, storage: &Storage, now: Instant) -> Result<()> {
    let plan = match action {
        Action::Check { contents } => {
            ReconcilePlan { remove: false, contents: *contents, before: before(now, GRACE) }
        }
        Action::Tidy { older_than } => {
            ReconcilePlan { remove: true, contents: false, before: before(now, *older_than) }
        }
    };
    let report = reconcile(database, storage, plan)?;
    say(told(&report, plan.remove))?;
    if !report.is_consistent() {
        bail!("{} files are missing or changed", report.missing.len() + report.changed.len());
    }
    Ok(())
}

fn told(report: &ReconcileReport, removed: bool) -> String {
    let ids = |ids: &[inspection_domain::ids::FileId]| {
        let shown: Vec<String> = ids.iter().take(20).map(ToString::to_string).collect();
        let more = if ids.len() > shown.len() { " …" } else { "" };
        if ids.is_empty() { String::new() } else { format!("numbers {}{more}", shown.join(" ")) }
    };
    let done = if removed { "removed" } else { "to be removed by `files tidy`" };
    let done = |count: u64| if count > 0 { done.to_owned() } else { String::new() };
    let row = |what: &str, count: u64, note: String| vec![what.to_owned(), count.to_string(), note];
    table(&[
        row("files on record", report.files, String::new()),
        row("missing", report.missing.len() as u64, ids(&report.missing)),
        row("changed", report.changed.len() as u64, ids(&report.changed)),
        row("left over in the store", report.orphans, done(report.orphans)),
        row("abandoned uploads", report.abandoned, done(report.abandoned)),
        row("not put there by this program", report.foreign, String::new()),
    ])
}

/// Tidies up at the start of a service, which may follow a crash, and once a day from then on, on a thread that ends with
/// the process. What it finds wrong is in the log; that it has died is told.
pub(super) fn tidy_now_and_then(
    database: Database,
    storage: Storage,
    clock: Arc<dyn Clock>,
    when_dead: impl FnOnce() + Send + 'static,
) {
    let tidying = move || {
        loop {
            let plan = ReconcilePlan { remove: true, contents: false, before: before(clock.now(), GRACE) };
            match reconcile(&database, &storage, plan) {
                Ok(report) => tracing::debug!(?report, "tidied the store of files up"),
                Err(error) => tracing::warn!(%error, "the store of files can't be tidied up"),
            }
            thread::sleep(EVERY);
        }
    };
    thread::spawn(move || {
        // It has no end but a panic.
        if catch_unwind(AssertUnwindSafe(tidying)).is_err() {
            when_dead();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_what_is_wrong_and_what_was_done() {
        let id = |number| inspection_domain::ids::FileId::new(number).expect("an id");
        let report =
            ReconcileReport { files: 5, missing: vec![id(3)], orphans: 2, ..ReconcileReport::default() };
        let text = told(&report, true);
        assert!(text.contains("missing                        1  numbers 3"), "{text}");
        assert!(text.contains("left over in the store         2  removed"), "{text}");
        assert!(told(&report, false).contains("files tidy"));
    }
}
