//! State, version and damage of a database.

use std::{collections::BTreeMap, path::Path};

use diesel::{prelude::*, sql_types};
use inspection_domain::{
    ids::FileId,
    schema::{files, users},
};

use crate::{
    DbConnection, Error, Result,
    db::{connection::sqlite_path, migrations},
};

/// Diesel's table of applied migrations.
const MIGRATIONS: &str = "__diesel_schema_migrations";

/// Rows of `files` that one query loads.
const FILES_PER_QUERY: i64 = 5000;

/// Version of a database system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Major version, which decides about compatibility.
    pub major: u32,
    /// Complete version, such as `16.14`.
    pub text: String,
}

/// Summary of a database. Databases with equal summaries are taken to be equal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Names of the applied migrations, in order.
    pub migrations: Vec<String>,
    /// Number of rows by table.
    pub tables: BTreeMap<String, i64>,
}

impl Contents {
    /// Number of rows in all tables.
    pub fn rows(&self) -> i64 {
        self.tables.values().sum()
    }
}

/// Record of an evidence file in the database.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct FileOnRecord {
    /// Primary key.
    pub id: FileId,
    /// Key in the file store.
    pub key: String,
    /// Size in bytes.
    pub size: i64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Contents of a database at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Summary.
    pub contents: Contents,
    /// Records of its files, by id.
    pub files: Vec<FileOnRecord>,
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = sql_types::Text)]
    word: String,
}

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = sql_types::BigInt)]
    number: i64,
}

/// Values of the column `word`.
pub(super) fn words(conn: &mut DbConnection, statement: &str) -> Result<Vec<String>> {
    let words: Vec<TextRow> = with_conn!(conn, |c| diesel::sql_query(statement).load(c))?;
    Ok(words.into_iter().map(|row| row.word).collect())
}

/// Value of the column `number`.
fn number(conn: &mut DbConnection, statement: &str) -> Result<i64> {
    let row: NumberRow = with_conn!(conn, |c| diesel::sql_query(statement).get_result(c))?;
    Ok(row.number)
}

/// Connects without changing the journal mode of a SQLite file, which must exist, and without a
/// statement timeout.
pub(super) fn connect(url: &str) -> Result<DbConnection> {
    let unavailable = |error: diesel::ConnectionError| Error::Unavailable(error.to_string());
    match sqlite_path(url) {
        Some(path) if !Path::new(path).is_file() => Err(missing_file(Path::new(path))),
        Some(_) => {
            let mut conn = DbConnection::establish(url).map_err(unavailable)?;
            conn.execute("PRAGMA busy_timeout = 10000")?;
            Ok(conn)
        }
        None => DbConnection::open(url, 0).map_err(unavailable),
    }
}

pub(super) fn missing_file(path: &Path) -> Error {
    Error::Unavailable(format!("there is no file {}", path.display()))
}

fn tables(conn: &mut DbConnection) -> Result<Vec<String>> {
    let statement = by_backend!(
        &*conn,
        postgres(_) => {
            "SELECT tablename::text AS word FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) ORDER BY 1"
        },
        sqlite(_) => {
            "SELECT name AS word FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             ORDER BY 1"
        },
    );
    words(conn, statement)
}

pub(super) fn state_of(conn: &mut DbConnection) -> Result<State> {
    let tables = tables(conn)?;
    let mut contents = Contents::default();
    let mut files = Vec::new();
    for table in tables {
        if table == MIGRATIONS {
            let applied = words(conn, &format!("SELECT version AS word FROM {MIGRATIONS} ORDER BY 1"))?;
            contents.migrations = migrations::names_of(&applied, conn)?;
            continue;
        }
        if table == "files" {
            files = files_of(conn)?;
        }
        let counted =
            number(conn, &format!("SELECT COUNT(*) AS number FROM \"{}\"", table.replace('"', "\"\"")))?;
        contents.tables.insert(table, counted);
    }
    Ok(State { contents, files })
}

fn files_of(conn: &mut DbConnection) -> Result<Vec<FileOnRecord>> {
    let mut all: Vec<FileOnRecord> = Vec::new();
    loop {
        let last = all.last().map_or(0, |file| file.id.get());
        let batch: Vec<FileOnRecord> = with_conn!(&mut *conn, |c| files::table
            .filter(files::id.gt(last))
            .order(files::id)
            .limit(FILES_PER_QUERY)
            .select((files::id, files::key, files::file_size, files::sha256))
            .load(c))?;
        if batch.is_empty() {
            return Ok(all);
        }
        all.extend(batch);
    }
}

/// State of a database that has no writers meanwhile.
pub fn state(url: &str) -> Result<State> {
    state_of(&mut connect(url)?)
}

/// Whether the database has a record of a file.
pub fn is_on_record(url: &str, id: FileId) -> Result<bool> {
    let files = files::table.filter(files::id.eq(id));
    Ok(with_conn!(&mut connect(url)?, |c| diesel::select(diesel::dsl::exists(files)).get_result(c))?)
}

/// Version of the database system.
pub fn version(url: &str) -> Result<Version> {
    #[cfg(feature = "sqlite")]
    if sqlite_path(url).is_some() {
        return Ok(Version { major: 3, text: rusqlite::version().to_owned() });
    }
    let number =
        number(&mut connect(url)?, "SELECT current_setting('server_version_num')::bigint AS number")?;
    let (major, minor) = (number / 10_000, number % 10_000);
    Ok(Version { major: u32::try_from(major).unwrap_or_default(), text: format!("{major}.{minor}") })
}

/// Damage that SQLite finds in a file: broken pages and references. Empty for PostgreSQL, whose
/// server checks a restore.
pub fn damage(url: &str) -> Result<Vec<String>> {
    let mut conn = connect(url)?;
    if conn.is_postgres() {
        return Ok(Vec::new());
    }
    let mut found = words(&mut conn, "SELECT integrity_check AS word FROM pragma_integrity_check")?;
    found.retain(|line| line != "ok");
    found.extend(words(
        &mut conn,
        "SELECT 'a row of ' || \"table\" || ' refers to none of ' || parent AS word FROM pragma_foreign_key_check",
    )?);
    Ok(found)
}

/// Present contents of the target of a restore.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupants {
    /// Names of its tables.
    pub tables: Vec<String>,
    /// Number of user accounts.
    pub accounts: i64,
    /// Other connections of the same role to this PostgreSQL database, most likely those of a
    /// running service.
    pub connections: i64,
}

/// Inspects the target of a restore without changing it. A SQLite file may be absent.
pub fn occupants(url: &str) -> Result<Occupants> {
    if sqlite_path(url).is_some_and(|path| !Path::new(path).exists()) {
        return Ok(Occupants::default());
    }
    let mut conn = connect(url)?;
    let tables = tables(&mut conn)?;
    let accounts = if tables.iter().any(|table| table == "users") {
        with_conn!(&mut conn, |c| users::table.count().get_result(c))?
    } else {
        0
    };
    let connections = if conn.is_postgres() {
        number(
            &mut conn,
            "SELECT COUNT(*) AS number FROM pg_stat_activity WHERE datname = current_database() \
             AND usename = current_user AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
        )?
    } else {
        0
    };
    Ok(Occupants { tables, accounts, connections })
}
