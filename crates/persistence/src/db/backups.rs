//! What backups need of a database: a state of it that stays as it is while it is copied, what tells whether a copy is whole,
//! and the place of one that is put back. Everything here has a connection of its own and takes as long as it takes.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use diesel::{Connection, SqliteConnection, prelude::*, sql_types};
use inspection_domain::{
    ids::FileId,
    schema::{files, users},
};
use rusqlite::{OpenFlags, backup::StepResult};

use crate::{DbConnection, Error, Result, migrations};

/// Where Diesel keeps which migrations were applied.
const MIGRATIONS: &str = "__diesel_schema_migrations";

/// Files on record that are read at once.
const BATCH: i64 = 5000;

/// Version of a database system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The number that decides what works with what.
    pub major: u32,
    /// All of it, such as `16.14`.
    pub text: String,
}

/// What is in a database, in numbers: two that agree in it hold the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// The migrations it has, in order.
    pub migrations: Vec<String>,
    /// Rows of every table.
    pub tables: BTreeMap<String, i64>,
}

impl Contents {
    /// Rows of all tables.
    pub fn rows(&self) -> i64 {
        self.tables.values().sum()
    }
}

/// What a database knows of the bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct FileOnRecord {
    /// Number.
    pub id: FileId,
    /// Where the bytes are, in the store.
    pub key: String,
    /// Bytes.
    pub size: i64,
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
}

/// What a database holds at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// In numbers.
    pub contents: Contents,
    /// Its files, in order.
    pub files: Vec<FileOnRecord>,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = sql_types::Text)]
    word: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = sql_types::BigInt)]
    number: i64,
}

fn words(conn: &mut DbConnection, statement: &str) -> Result<Vec<String>> {
    let words: Vec<Word> = with_conn!(conn, |c| diesel::sql_query(statement).load(c))?;
    Ok(words.into_iter().map(|row| row.word).collect())
}

fn number(conn: &mut DbConnection, statement: &str) -> Result<i64> {
    let row: Number = with_conn!(conn, |c| diesel::sql_query(statement).get_result(c))?;
    Ok(row.number)
}

/// A connection that changes nothing of a SQLite file by being opened, and waits for PostgreSQL without end. A file must be
/// there.
fn connect(url: &str) -> Result<DbConnection> {
    let unavailable = |error: diesel::ConnectionError| Error::Unavailable(error.to_string());
    match url.strip_prefix("sqlite://") {
        Some(path) if !Path::new(path).is_file() => Err(nothing_at(Path::new(path))),
        Some(path) => {
            let mut conn = DbConnection::Sqlite(SqliteConnection::establish(path).map_err(unavailable)?);
            conn.execute("PRAGMA busy_timeout = 10000")?;
            Ok(conn)
        }
        None => DbConnection::open(url, 0).map_err(unavailable),
    }
}

fn nothing_at(path: &Path) -> Error {
    Error::Unavailable(format!("there is no file {}", path.display()))
}

fn tables(conn: &mut DbConnection) -> Result<Vec<String>> {
    let statement = match conn {
        DbConnection::Postgres(_) => {
            "SELECT tablename::text AS word FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) ORDER BY 1"
        }
        DbConnection::Sqlite(_) => {
            "SELECT name AS word FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             ORDER BY 1"
        }
    };
    words(conn, statement)
}

fn state_of(conn: &mut DbConnection) -> Result<State> {
    let tables = tables(conn)?;
    let mut contents = Contents::default();
    let mut on_record = Vec::new();
    for table in tables {
        if table == MIGRATIONS {
            let applied = words(conn, &format!("SELECT version AS word FROM {MIGRATIONS} ORDER BY 1"))?;
            contents.migrations = migrations::names_of(&applied, conn)?;
            continue;
        }
        if table == "files" {
            on_record = files_of(conn)?;
        }
        let counted =
            number(conn, &format!("SELECT COUNT(*) AS number FROM \"{}\"", table.replace('"', "\"\"")))?;
        contents.tables.insert(table, counted);
    }
    Ok(State { contents, files: on_record })
}

fn files_of(conn: &mut DbConnection) -> Result<Vec<FileOnRecord>> {
    let mut all: Vec<FileOnRecord> = Vec::new();
    loop {
        let last = all.last().map_or(0, |file| file.id.get());
        let batch: Vec<FileOnRecord> = with_conn!(&mut *conn, |c| files::table
            .filter(files::id.gt(last))
            .order(files::id)
            .limit(BATCH)
            .select((files::id, files::key, files::file_size, files::sha256))
            .load(c))?;
        if batch.is_empty() {
            return Ok(all);
        }
        all.extend(batch);
    }
}

/// What a database holds that nobody writes to.
pub fn state(url: &str) -> Result<State> {
    state_of(&mut connect(url)?)
}

/// Whether a file is on record at this moment.
pub fn is_on_record(url: &str, id: FileId) -> Result<bool> {
    let files = files::table.filter(files::id.eq(id));
    Ok(with_conn!(&mut connect(url)?, |c| diesel::select(diesel::dsl::exists(files)).get_result(c))?)
}

/// The version of the database system.
pub fn version(url: &str) -> Result<Version> {
    if url.starts_with("sqlite://") {
        let text = rusqlite::version().to_owned();
        return Ok(Version { major: 3, text });
    }
    let number =
        number(&mut connect(url)?, "SELECT current_setting('server_version_num')::bigint AS number")?;
    let (major, minor) = (number / 10_000, number % 10_000);
    Ok(Version { major: u32::try_from(major).unwrap_or_default(), text: format!("{major}.{minor}") })
}

/// A state of a PostgreSQL database that its own tools can read, too, for as long as this is there.
#[allow(missing_debug_implementations, reason = "a connection has nothing to show")]
pub struct Snapshot {
    conn: DbConnection,
    name: String,
}

impl Snapshot {
    /// Keeps the state of this moment.
    pub fn begin(url: &str) -> Result<Self> {
        let mut conn = connect(url)?;
        // The tool may take longer than a transaction may be idle.
        conn.execute("SET idle_in_transaction_session_timeout = 0")?;
        conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let name = words(&mut conn, "SELECT pg_export_snapshot() AS word")?.concat();
        Ok(Self { conn, name })
    }

    /// What its tools call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the database holds in this state.
    pub fn state(&mut self) -> Result<State> {
        state_of(&mut self.conn)
    }
}

/// Bytes of a page, as SQLite makes new files.
pub const PAGE: u64 = 4096;

/// Pages that are copied at once: 4 MB.
const STEP: i32 = 1000;

/// How long to wait for whoever has a file to himself.
const PATIENCE: Duration = Duration::from_secs(10);

fn failed(error: rusqlite::Error) -> Error {
    Error::Unavailable(error.to_string())
}

/// Copies a SQLite database into a file that is there and empty, as it is at one moment; others read and write on. `progress`
/// is told how many pages are copied, and of how many. The copy is one file that needs no log.
pub fn copy_sqlite(from: &Path, to: &Path, mut progress: impl FnMut(u64, u64)) -> Result<()> {
    if !from.is_file() {
        return Err(nothing_at(from));
    }
    let source =
        rusqlite::Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    source.busy_timeout(PATIENCE).map_err(failed)?;
    let mut copy =
        rusqlite::Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    // Its own read transaction: without one, every write of somebody else would make the copy begin anew.
    source.execute_batch("BEGIN; SELECT COUNT(*) FROM sqlite_master;").map_err(failed)?;
    {
        let backup = rusqlite::backup::Backup::new(&source, &mut copy).map_err(failed)?;
        loop {
            let step = backup.step(STEP).map_err(failed)?;
            let pages = backup.progress();
            let [all, left] =
                [pages.pagecount, pages.remaining].map(|pages| u64::try_from(pages).unwrap_or(0));
            progress(all.saturating_sub(left), all);
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
    source.execute_batch("ROLLBACK").map_err(failed)?;
    without_log(&copy)
}

/// Makes a database one file. Fails if somebody else has it open.
fn without_log(conn: &rusqlite::Connection) -> Result<()> {
    let mode: String =
        conn.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).map_err(failed)?;
    if mode == "delete" { Ok(()) } else { Err(Error::Unavailable("the database is in use".into())) }
}

/// What is wrong with a SQLite file, as far as the database itself can tell; of PostgreSQL nothing, since a server checks what
/// it puts back.
pub fn damage(url: &str) -> Result<Vec<String>> {
    let mut conn = connect(url)?;
    if let DbConnection::Postgres(_) = conn {
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

/// What is at the place where a backup is to be put back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupants {
    /// The tables that are there.
    pub tables: Vec<String>,
    /// The accounts in them.
    pub accounts: i64,
    /// Connections of the same role to this PostgreSQL database, but for this one: most likely of a service that runs.
    pub connections: i64,
}

/// Looks at the place where a backup is to be put back, and leaves it as it is. A SQLite file need not be there.
pub fn occupants(url: &str) -> Result<Occupants> {
    if url.strip_prefix("sqlite://").is_some_and(|path| !Path::new(path).exists()) {
        return Ok(Occupants::default());
    }
    let mut conn = connect(url)?;
    let tables = tables(&mut conn)?;
    let accounts = if tables.iter().any(|table| table == "users") {
        with_conn!(&mut conn, |c| users::table.count().get_result(c))?
    } else {
        0
    };
    let connections = match conn {
        DbConnection::Sqlite(_) => 0,
        DbConnection::Postgres(_) => number(
            &mut conn,
            "SELECT COUNT(*) AS number FROM pg_stat_activity WHERE datname = current_database() \
             AND usename = current_user AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
        )?,
    };
    Ok(Occupants { tables, accounts, connections })
}

/// The files SQLite keeps beside a database.
fn companions(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        name.into()
    })
}

/// A database that nobody else has open, until this is dropped.
#[allow(missing_debug_implementations, reason = "a connection has nothing to show")]
pub struct Alone {
    path: PathBuf,
    /// Holds the lock; none if there is no file.
    _lock: Option<rusqlite::Connection>,
}

impl Alone {
    /// Takes a SQLite database for oneself: one file, without a log. Fails if somebody else has it open. The file need not be
    /// there.
    pub fn with(path: &Path) -> Result<Self> {
        let lock = if path.exists() {
            let conn = rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
                .map_err(failed)?;
            conn.busy_timeout(Duration::from_secs(1)).map_err(failed)?;
            without_log(&conn)?;
            conn.execute_batch("BEGIN EXCLUSIVE").map_err(failed)?;
            Some(conn)
        } else {
            // What belonged to a file that is gone would be taken for the log of the new one.
            for leftover in companions(path) {
                match fs::remove_file(leftover) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritten(error)),
                    _ => {}
                }
            }
            None
        };
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Puts another file in its place, at once.
    pub fn replace(self, with: &Path) -> Result<()> {
        fs::rename(with, &self.path).map_err(unwritten)
    }
}

fn unwritten(error: io::Error) -> Error {
    Error::Unavailable(error.to_string())
}
