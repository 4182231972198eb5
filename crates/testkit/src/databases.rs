//! Migrated databases, one per test: copies of a template that a process creates once.

use std::{fs, ops::Deref, path::Path, sync::OnceLock};

use inspection_persistence::{Database, Settings, migrations, scratch};
use tempfile::TempDir;

use crate::{postgres::Server, skips::Skipped};

/// Database management system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A file in its own folder.
    Sqlite,
    /// A database on the server of this process.
    Postgres,
}

/// A migrated database of one test. Dropping it drops the database.
#[derive(Debug)]
pub struct TestDatabase {
    /// The database.
    pub database: Database,
    /// Database management system.
    pub kind: DatabaseKind,
    /// URL, for another connection pool.
    pub url: String,
    storage: Storage,
}

#[derive(Debug)]
enum Storage {
    Folder { _folder: TempDir },
    Server { server: &'static Server, name: String },
}

impl TestDatabase {
    /// A new database. Of SQLite there always is one, of PostgreSQL where it is installed.
    ///
    /// # Panics
    ///
    /// When it can't be created, and as [`skips::skip`](crate::skips::skip).
    pub fn new(kind: DatabaseKind) -> Result<Self, Skipped> {
        let (url, storage) = match kind {
            DatabaseKind::Sqlite => sqlite(),
            DatabaseKind::Postgres => postgres(Server::shared()?),
        };
        let database = Database::open(settings(&url, 8)).expect("a database to open");
        Ok(Self { database, kind, url, storage })
    }
}

impl Deref for TestDatabase {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Storage::Server { server, name } = &self.storage {
            // At worst it remains until the server ends with the process.
            let _ = scratch::drop_database(&server.url("postgres"), name);
        }
    }
}

/// Settings for tests: few connections, and a long wait for one on a busy machine.
fn settings(url: &str, size: u32) -> Settings {
    Settings { size, overflow: 0, wait_seconds: 10, ..Settings::new(url) }
}

fn migrate(url: &str) -> Database {
    // A template must have no connection left when it is copied.
    let database = Database::open(settings(url, 1)).expect("a database to open");
    migrations::up(&database).expect("the template to be migrated");
    database
}

const FILE: &str = "inspection.db";
const LOG: &str = "inspection.db-wal";

fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join(FILE).display())
}

fn sqlite() -> (String, Storage) {
    static TEMPLATE: OnceLock<[(&str, Vec<u8>); 2]> = OnceLock::new();
    let folder = || tempfile::Builder::new().prefix("inspection-").tempdir().expect("a temporary folder");
    let template = TEMPLATE.get_or_init(|| {
        let folder = folder();
        // Stays open until both files are read: closing moves the write-ahead log into the
        // database.
        let _open = migrate(&sqlite_url(folder.path()));
        [FILE, LOG].map(|name| (name, fs::read(folder.path().join(name)).expect("a file of the template")))
    });
    let folder = folder();
    for (name, content) in template {
        fs::write(folder.path().join(name), content).expect("a copy of the template");
    }
    (sqlite_url(folder.path()), Storage::Folder { _folder: folder })
}

fn postgres(server: &'static Server) -> (String, Storage) {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let name = server.fresh_name();
        scratch::create_database(&server.url("postgres"), &name, None).expect("a database");
        drop(migrate(&server.url(&name)));
        name
    });
    let name = server.fresh_name();
    scratch::create_database(&server.url("postgres"), &name, Some(template)).expect("a copy of the template");
    (server.url(&name), Storage::Server { server, name })
}

/// Runs each function on both databases. It becomes a module of its name with the tests `sqlite`
/// and `postgres`.
#[macro_export]
macro_rules! on_both_databases {
    ($( $(#[$meta:meta])* fn $name:ident($db:ident: TestDatabase) $body:block )+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "a test may name everything by its path")]
            use super::*;

            fn check($db: $crate::TestDatabase) $body

            #[test]
            fn sqlite() {
                $crate::TestDatabase::new($crate::DatabaseKind::Sqlite).into_iter().for_each(check);
            }

            #[test]
            fn postgres() {
                $crate::TestDatabase::new($crate::DatabaseKind::Postgres).into_iter().for_each(check);
            }
        }
    )+};
}
