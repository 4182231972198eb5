//! The schema: migrations for both databases, compiled in.

use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{Database, DbConnection, Error, Result};

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn failed(error: Failure) -> Error {
    match error.downcast::<diesel::result::Error>() {
        Ok(error) => (*error).into(),
        Err(other) => Error::Database(diesel::result::Error::QueryBuilderError(other)),
    }
}

/// One migration and whether the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Whether it has been applied.
    pub applied: bool,
}

/// Every migration this program knows, in order.
pub fn status(database: &Database) -> Result<Vec<Status>> {
    database.read(status_of)
}

/// The names of every migration this program knows for PostgreSQL, or for SQLite, in order.
pub fn known(is_postgres: bool) -> Result<Vec<String>> {
    if is_postgres {
        Ok(names(MigrationSource::<diesel::pg::Pg>::migrations(&POSTGRES).map_err(failed)?))
    } else {
        Ok(names(MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).map_err(failed)?))
    }
}

/// The names of versions on record; a version that this program doesn't know is its own name.
pub(crate) fn names_of(versions: &[String], conn: &DbConnection) -> Result<Vec<String>> {
    let known = known(matches!(conn, DbConnection::Postgres(_)))?;
    let known: Vec<Status> = known.into_iter().map(|name| Status { name, applied: true }).collect();
    Ok(versions.iter().map(|version| name_of(&known, version)).collect())
}

fn status_of(conn: &mut DbConnection) -> Result<Vec<Status>> {
    let all = known(matches!(conn, DbConnection::Postgres(_)))?;
    let pending = match conn {
        DbConnection::Postgres(c) => names(c.pending_migrations(POSTGRES).map_err(failed)?),
        DbConnection::Sqlite(c) => names(c.pending_migrations(SQLITE).map_err(failed)?),
    };
    Ok(all.into_iter().map(|name| Status { applied: !pending.contains(&name), name }).collect())
}

fn names<DB: diesel::backend::Backend>(migrations: Vec<Box<dyn Migration<DB>>>) -> Vec<String> {
    let mut names: Vec<String> = migrations.iter().map(|migration| migration.name().to_string()).collect();
    names.sort();
    names
}

/// Whether some migration has not been applied.
pub fn is_pending(database: &Database) -> Result<bool> {
    database.read(|conn| match conn {
        DbConnection::Postgres(c) => c.has_pending_migration(POSTGRES).map_err(failed),
        DbConnection::Sqlite(c) => c.has_pending_migration(SQLITE).map_err(failed),
    })
}

/// Held while migrations run, so that instances that start at once don't run them at once. Any number would do.
const LOCK: &str = "7236482109";

/// Applies every pending migration and says which.
pub fn up(database: &Database) -> Result<Vec<String>> {
    database.read(|conn| {
        exclusively(conn, |conn| {
            let before = status_of(conn)?;
            let applied = match conn {
                DbConnection::Postgres(c) => versions(c.run_pending_migrations(POSTGRES).map_err(failed)?),
                DbConnection::Sqlite(c) => versions(c.run_pending_migrations(SQLITE).map_err(failed)?),
            };
            Ok(applied.iter().map(|version| name_of(&before, version)).collect())
        })
    })
}

/// The name of a version, which is the digits it begins with.
fn name_of(all: &[Status], version: &str) -> String {
    let known = all.iter().find(|migration| migration.name.replace('-', "").starts_with(version));
    known.map_or_else(|| version.to_owned(), |migration| migration.name.clone())
}

/// Takes the newest migration back and says which.
pub fn down(database: &Database) -> Result<String> {
    database.read(|conn| {
        exclusively(conn, |conn| {
            let before = status_of(conn)?;
            let version = match conn {
                DbConnection::Postgres(c) => c.revert_last_migration(POSTGRES).map_err(failed)?,
                DbConnection::Sqlite(c) => c.revert_last_migration(SQLITE).map_err(failed)?,
            };
            Ok(name_of(&before, &version.to_string()))
        })
    })
}

fn versions(applied: Vec<diesel::migration::MigrationVersion<'_>>) -> Vec<String> {
    applied.iter().map(ToString::to_string).collect()
}

/// While `work` runs, no other instance migrates. On SQLite it is one transaction, so a migration there can't be one
/// that has to run outside of one.
fn exclusively<T>(conn: &mut DbConnection, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
    if matches!(conn, DbConnection::Sqlite(_)) {
        return conn.transaction(work);
    }
    conn.execute(&format!("SELECT pg_advisory_lock({LOCK})"))?;
    let outcome = work(conn);
    conn.execute(&format!("SELECT pg_advisory_unlock({LOCK})"))?;
    outcome
}
