//! What the tests of several commands need.

use std::sync::Arc;

use inspection_domain::time::Site;
use inspection_persistence::{Database, Settings, World};
use tempfile::TempDir;

use crate::world::{SystemClock, SystemIds};

/// An empty database that goes away with its folder.
pub(super) fn scratch() -> (TempDir, Database, World) {
    let folder = tempfile::tempdir().expect("folder");
    let url = format!("sqlite://{}/test.db", folder.path().display());
    let database = Database::open(Settings::new(url)).expect("database");
    (
        folder,
        database,
        World {
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            site: Site::utc(),
            translates: false,
        },
    )
}
