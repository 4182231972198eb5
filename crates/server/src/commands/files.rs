//! `files`: compares the file store with the database, and removes orphaned files.

use std::time::Duration;

use anyhow::{Result, bail};
use inspection_domain::{ids::FileId, time::Instant};
use inspection_operations::files::{self, ReconcileReport};
use inspection_persistence::Database;
use inspection_storage::Storage;

use super::output::{say, table};
use crate::config::duration;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Count orphaned files, and list missing and changed ones, which are a failure.
    Check {
        /// Compare the checksum of every file, not only its size.
        #[arg(long)]
        contents: bool,
    },
    /// Remove orphaned files left by interrupted uploads and deletions.
    Tidy {
        /// Minimum age of removed files: seconds, or with a unit such as `2h`. Must exceed the
        /// duration of an upload.
        #[arg(long, default_value = "1h", value_parser = duration)]
        older_than: Duration,
    },
}

pub(super) fn run(action: &Action, database: &Database, storage: &Storage, now: Instant) -> Result<()> {
    let (report, removed) = match action {
        Action::Check { contents } => (files::check(database, storage, now, *contents)?, false),
        Action::Tidy { older_than } => (files::remove_orphans(database, storage, now, *older_than)?, true),
    };
    say(lines(&report, removed))?;
    if !report.is_consistent() {
        bail!("{} files are missing or changed", report.missing.len() + report.changed.len());
    }
    Ok(())
}

fn lines(report: &ReconcileReport, removed: bool) -> String {
    let ids = |ids: &[FileId]| {
        let shown: Vec<String> = ids.iter().take(20).map(ToString::to_string).collect();
        let more = if ids.len() > shown.len() { " …" } else { "" };
        if ids.is_empty() { String::new() } else { format!("numbers {}{more}", shown.join(" ")) }
    };
    let done = if removed { "removed" } else { "to be removed by `files tidy`" };
    let done = |count: u64| if count > 0 { done.to_owned() } else { String::new() };
    let row = |name: &str, count: u64, note: String| vec![name.to_owned(), count.to_string(), note];
    table(&[
        row("recorded files", report.files, String::new()),
        row("missing", report.missing.len() as u64, ids(&report.missing)),
        row("changed", report.changed.len() as u64, ids(&report.changed)),
        row("orphaned files", report.orphans, done(report.orphans)),
        row("abandoned uploads", report.abandoned, done(report.abandoned)),
        row("foreign objects", report.foreign, String::new()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_faults_and_removals() {
        let id = |number| FileId::new(number).expect("an id");
        let report =
            ReconcileReport { files: 5, missing: vec![id(3)], orphans: 2, ..ReconcileReport::default() };
        let text = lines(&report, true);
        assert!(text.contains("missing            1  numbers 3"), "{text}");
        assert!(text.contains("orphaned files     2  removed"), "{text}");
        assert!(lines(&report, false).contains("files tidy"));
    }
}
