//! Fixtures shared by the tests of several commands.

use std::sync::Arc;

use inspection_domain::time::SiteTimeZone;
use inspection_persistence::{Context, Database, Settings};
use tempfile::TempDir;

use crate::system::{SystemClock, SystemIds};

/// An empty database without a schema, removed with its folder.
pub(super) fn scratch() -> (TempDir, Database, Context) {
    let folder = tempfile::tempdir().expect("folder");
    let url = format!("sqlite://{}/test.db", folder.path().display());
    let database = Database::open(Settings::new(url)).expect("database");
    (
        folder,
        database,
        Context {
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            calendar: SiteTimeZone::utc(),
            translates: false,
        },
    )
}
