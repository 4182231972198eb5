//! Copies of SQLite files, and their replacement.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{OpenFlags, backup::StepResult};

use super::state::missing_file;
use crate::{Error, Result};

/// Bytes of a page of a new SQLite file.
pub const PAGE: u64 = 4096;

/// Pages copied in one step: 4 MB.
const PAGES_PER_STEP: i32 = 1000;

/// Timeout for a lock on the source of a copy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

fn failed(error: rusqlite::Error) -> Error {
    Error::Unavailable(error.to_string())
}

/// Copies a consistent state of a SQLite database into an existing empty file. Readers and writers
/// of the source aren't blocked. `progress` receives the number of copied pages and of all pages.
/// The copy is one file without a write-ahead log.
pub fn copy_sqlite(from: &Path, to: &Path, mut progress: impl FnMut(u64, u64)) -> Result<()> {
    if !from.is_file() {
        return Err(missing_file(from));
    }
    let source =
        rusqlite::Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    source.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    let mut copy =
        rusqlite::Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    // A read transaction of its own: without one, every write of another process would restart the
    // copy.
    source.execute_batch("BEGIN; SELECT COUNT(*) FROM sqlite_master;").map_err(failed)?;
    {
        let backup = rusqlite::backup::Backup::new(&source, &mut copy).map_err(failed)?;
        loop {
            let step = backup.step(PAGES_PER_STEP).map_err(failed)?;
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
    merge_log(&copy)
}

/// Merges the write-ahead log into the file. Fails if another connection has the database open.
fn merge_log(conn: &rusqlite::Connection) -> Result<()> {
    let mode: String =
        conn.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).map_err(failed)?;
    if mode == "delete" { Ok(()) } else { Err(Error::Unavailable("the database is in use".into())) }
}

/// Paths of the files that SQLite creates beside a database.
fn companions(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}

/// An exclusive lock on a SQLite file until this is dropped.
#[allow(missing_debug_implementations, reason = "connections have no state to show")]
pub struct Alone {
    path: PathBuf,
    /// Holds the lock; none if the file is absent.
    _lock: Option<rusqlite::Connection>,
}

impl Alone {
    /// Locks a SQLite database and merges its write-ahead log. Fails if another connection has it
    /// open. The file may be absent.
    pub fn with(path: &Path) -> Result<Self> {
        let lock = if path.exists() {
            let conn = rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
                .map_err(failed)?;
            conn.busy_timeout(Duration::from_secs(1)).map_err(failed)?;
            merge_log(&conn)?;
            conn.execute_batch("BEGIN EXCLUSIVE").map_err(failed)?;
            Some(conn)
        } else {
            // SQLite would take the log of a removed file for that of the new one.
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

    /// Replaces the file by another one atomically.
    pub fn replace(self, with: &Path) -> Result<()> {
        fs::rename(with, &self.path).map_err(unwritten)
    }
}

fn unwritten(error: io::Error) -> Error {
    Error::Unavailable(error.to_string())
}
