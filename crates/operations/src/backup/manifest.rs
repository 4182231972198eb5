//! Documents beside a backup: its manifest, and the record of its last successful trial.

use std::{collections::BTreeMap, fmt, fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use inspection_domain::time::Instant;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::layout::{MANIFEST, VERIFIED};
use crate::{
    Result,
    error::{Context as _, ensure},
};

/// The format that is written. Newer formats are refused.
const FORMAT: u32 = 1;

/// A database system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    /// PostgreSQL, dumped by `pg_dump`.
    PostgreSql,
    /// SQLite, as a copy of the file.
    Sqlite,
}

impl fmt::Display for DatabaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PostgreSql => "PostgreSQL",
            Self::Sqlite => "SQLite",
        })
    }
}

/// A file that a backup consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Name in the folder of the backup.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// The stored files in a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFiles {
    /// Number of files.
    pub count: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Ids of files that were deleted during the backup: recorded in the dump, but without content.
    pub missing: Vec<i64>,
}

/// The description of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format version.
    pub format: u32,
    /// Version of the program that created it.
    pub program: String,
    /// Database system.
    pub database: DatabaseKind,
    /// Version of the database system.
    pub database_version: String,
    /// Beginning of the backup.
    pub created_at: Instant,
    /// Duration of its creation, in milliseconds.
    pub milliseconds: u64,
    /// Applied migrations.
    pub migrations: Vec<String>,
    /// Row count of every table.
    pub tables: BTreeMap<String, i64>,
    /// The files of the backup except the manifest and the checksums.
    pub parts: Vec<BackupFile>,
    /// The stored files in the archive.
    pub files: StoredFiles,
}

impl Manifest {
    /// The format that is written.
    pub(super) const FORMAT: u32 = FORMAT;

    /// Reads the manifest of the backup in a folder.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let path = folder.join(MANIFEST);
        let text = fs::read(&path).with_context(|| format!("{MANIFEST} is missing or can't be read"))?;
        let damaged = || format!("{MANIFEST} is damaged");
        let Format { format } = serde_json::from_slice(&text).with_context(damaged)?;
        ensure!(
            format <= FORMAT,
            "the backup was created by a newer version of this program (format {format}; this one reads up to {FORMAT}); \
             use that version"
        );
        serde_json::from_slice(&text).with_context(damaged)
    }

    /// Writes the manifest into the folder of its backup.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        write_json(folder, MANIFEST, self)
    }

    /// A part by its name.
    pub(super) fn part(&self, name: &str) -> Option<&BackupFile> {
        self.parts.iter().find(|part| part.name == name)
    }
}

/// Counts of the values that a trial compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedCounts {
    /// Migrations.
    pub migrations: usize,
    /// Tables.
    pub tables: usize,
    /// Rows of all tables.
    pub rows: i64,
    /// Stored files whose checksum is the recorded one.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// A successful trial: the backup was restored elsewhere and matched its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// End of the trial.
    pub at: Instant,
    /// Version of the program that ran it.
    pub program: String,
    /// Version of the database system it was restored into.
    pub database_version: String,
    /// Counts of the compared parts.
    pub compared: VerifiedCounts,
}

impl Verification {
    /// The last successful trial of the backup in a folder.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        read_json(&folder.join(VERIFIED))
    }

    /// Writes the record into the folder of its backup, atomically.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let new = format!(".{VERIFIED}");
        let _ = fs::remove_file(folder.join(&new));
        write_json(folder, &new, self)?;
        fs::rename(folder.join(&new), folder.join(VERIFIED))?;
        Ok(fs::File::open(folder)?.sync_all()?)
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn write_json(folder: &Path, name: &str, value: &impl Serialize) -> Result<()> {
    write_new(folder, name, serde_json::to_string_pretty(value)?.as_bytes())
}

/// Writes and syncs a new file with mode 0600.
pub(super) fn write_new(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let open = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = open.with_context(|| format!("can't write {}", path.display()))?;
    file.write_all(content)?;
    Ok(file.sync_all()?)
}
