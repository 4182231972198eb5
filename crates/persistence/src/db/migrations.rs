//! The schema: migrations of both databases, embedded in the program.

use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{keys, search};
use crate::{Database, DbConnection, Error, Result};

#[cfg(feature = "postgres")]
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
#[cfg(feature = "sqlite")]
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn failed(error: Failure) -> Error {
    match error.downcast::<diesel::result::Error>() {
        Ok(error) => (*error).into(),
        Err(other) => Error::Database(diesel::result::Error::QueryBuilderError(other)),
    }
}

/// A migration and its state in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Name.
    pub name: String,
    /// Whether it has been applied.
    pub applied: bool,
}

/// Every migration known to this program, in order.
pub fn status(database: &Database) -> Result<Vec<Status>> {
    database.read(status_of)
}

/// Names of all migrations known to this program for PostgreSQL or for SQLite, in order. Fails if
/// support for that database isn't compiled in.
pub fn known(is_postgres: bool) -> Result<Vec<String>> {
    #[cfg(feature = "postgres")]
    if is_postgres {
        return Ok(names(MigrationSource::<diesel::pg::Pg>::migrations(&POSTGRES).map_err(failed)?));
    }
    #[cfg(feature = "sqlite")]
    if !is_postgres {
        return Ok(names(MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).map_err(failed)?));
    }
    Err(Error::Unavailable("the migrations of this database aren't compiled in".into()))
}

/// Names of recorded versions; a version unknown to this program is its own name.
pub(crate) fn names_of(versions: &[String], conn: &DbConnection) -> Result<Vec<String>> {
    let known = known(conn.is_postgres())?;
    let known: Vec<Status> = known.into_iter().map(|name| Status { name, applied: true }).collect();
    Ok(versions.iter().map(|version| name_of(&known, version)).collect())
}

fn status_of(conn: &mut DbConnection) -> Result<Vec<Status>> {
    let all = known(conn.is_postgres())?;
    let pending = by_backend!(
        conn,
        postgres(c) => names(c.pending_migrations(POSTGRES).map_err(failed)?),
        sqlite(c) => names(c.pending_migrations(SQLITE).map_err(failed)?),
    );
    Ok(all.into_iter().map(|name| Status { applied: !pending.contains(&name), name }).collect())
}

fn names<DB: diesel::backend::Backend>(migrations: Vec<Box<dyn Migration<DB>>>) -> Vec<String> {
    let mut names: Vec<String> = migrations.iter().map(|migration| migration.name().to_string()).collect();
    names.sort();
    names
}

/// Whether a migration has not been applied, or the index of searches lacks objects from before it,
/// because [`up`] was interrupted.
pub fn is_pending(database: &Database) -> Result<bool> {
    let is_pending = |conn: &mut DbConnection| -> Result<bool> {
        let has_pending = by_backend!(
            conn,
            postgres(c) => c.has_pending_migration(POSTGRES).map_err(failed)?,
            sqlite(c) => c.has_pending_migration(SQLITE).map_err(failed)?,
        );
        Ok(has_pending || search::is_incomplete(conn)?)
    };
    // The first question creates a table, which PostgreSQL refuses to do twice at once.
    database.read(|conn| if conn.is_postgres() { exclusively(conn, is_pending) } else { is_pending(conn) })
}

/// Applies all pending migrations, fills keys and the index of searches for objects from before
/// them, and returns the names of the migrations. If objects have identifiers that are the same by
/// their keys, nothing is changed, and the error names all of them.
pub fn up(database: &Database) -> Result<Vec<String>> {
    let applied = database.read(|conn| {
        exclusively(conn, |conn| {
            let before = status_of(conn)?;
            let earlier = before.iter().filter(|migration| migration.applied);
            if keys::are_new(earlier.map(|migration| migration.name.as_str())) {
                keys::refuse_clashes(conn)?;
            }
            let applied = by_backend!(
                conn,
                postgres(c) => versions(&c.run_pending_migrations(POSTGRES).map_err(failed)?),
                sqlite(c) => versions(&c.run_pending_migrations(SQLITE).map_err(failed)?),
            );
            Ok(applied.iter().map(|version| name_of(&before, version)).collect())
        })
    })?;
    database.read(keys::fill)?;
    // In short transactions, which continue where an earlier start has stopped.
    while database.read(|conn| conn.transaction(search::fill_some))? {}
    Ok(applied)
}

/// Name of a version: the version is its leading digits.
fn name_of(all: &[Status], version: &str) -> String {
    let known = all.iter().find(|migration| migration.name.replace('-', "").starts_with(version));
    known.map_or_else(|| version.to_owned(), |migration| migration.name.clone())
}

/// Reverts the newest migration and returns its name.
pub fn down(database: &Database) -> Result<String> {
    database.read(|conn| {
        exclusively(conn, |conn| {
            let before = status_of(conn)?;
            let version = by_backend!(
                conn,
                postgres(c) => c.revert_last_migration(POSTGRES).map_err(failed)?,
                sqlite(c) => c.revert_last_migration(SQLITE).map_err(failed)?,
            );
            Ok(name_of(&before, &version.to_string()))
        })
    })
}

fn versions(applied: &[MigrationVersion<'_>]) -> Vec<String> {
    applied.iter().map(ToString::to_string).collect()
}

/// Runs `work` while no other instance migrates: under an advisory lock on PostgreSQL, in one
/// transaction on SQLite, where a migration therefore can't be one that has to run outside a
/// transaction.
fn exclusively<T>(conn: &mut DbConnection, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
    /// Key of the advisory lock; an arbitrary number.
    const LOCK: &str = "7236482109";

    if !conn.is_postgres() {
        return conn.transaction(work);
    }
    conn.execute(&format!("SELECT pg_advisory_lock({LOCK})"))?;
    let outcome = work(conn);
    conn.execute(&format!("SELECT pg_advisory_unlock({LOCK})"))?;
    outcome
}
