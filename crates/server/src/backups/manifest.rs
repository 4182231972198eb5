//! What is written beside a backup: what it is, and how its last trial went.

use std::{collections::BTreeMap, fmt, fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::{Context as _, Result, ensure};
use inspection_domain::time::Instant;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{MANIFEST, VERIFIED};

/// The form of backups that this program makes. It reads no newer one.
const FORMAT: u32 = 1;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// PostgreSQL, dumped by its own tools.
    PostgreSql,
    /// SQLite, a copy of the file.
    Sqlite,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PostgreSql => "PostgreSQL",
            Self::Sqlite => "SQLite",
        })
    }
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
}

/// The stored files of a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Numbers of those that were deleted while the backup was made: on record in it, but without bytes.
    pub missing: Vec<i64>,
}

/// What a backup is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the backup.
    pub format: u32,
    /// Version of the program that made it.
    pub program: String,
    /// Of which database.
    pub database: Kind,
    /// Version of the database system.
    pub database_version: String,
    /// When it was begun.
    pub created_at: Instant,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// The migrations the database had.
    pub migrations: Vec<String>,
    /// Rows of every table.
    pub tables: BTreeMap<String, i64>,
    /// The files it consists of, but for this one.
    pub parts: Vec<Part>,
    /// The stored files in it.
    pub files: Files,
}

impl Manifest {
    /// The form that this program makes.
    pub(crate) const FORMAT: u32 = FORMAT;

    /// Reads the manifest of the backup in a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let path = folder.join(MANIFEST);
        let text = fs::read(&path).with_context(|| format!("{MANIFEST} is missing or can't be read"))?;
        let damaged = || format!("{MANIFEST} is damaged");
        let Form { format } = serde_json::from_slice(&text).with_context(damaged)?;
        ensure!(
            format <= FORMAT,
            "the backup was made by a newer version of this program (form {format}; this one reads up to {FORMAT}); \
             use that version"
        );
        serde_json::from_slice(&text).with_context(damaged)
    }

    /// Writes it into the folder of its backup.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        write_json(folder, MANIFEST, self)
    }

    /// A part by its name.
    pub(crate) fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }
}

/// What a trial compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Migrations.
    pub migrations: usize,
    /// Tables whose rows were counted.
    pub tables: usize,
    /// Those rows.
    pub rows: i64,
    /// Stored files whose checksum is that on record.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
}

/// A trial that went well: the backup was put back somewhere, and was what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When.
    pub at: Instant,
    /// Version of the program that did it.
    pub program: String,
    /// Version of the database system it was put back into.
    pub database_version: String,
    /// What was compared.
    pub compared: Compared,
}

impl Verified {
    /// The last trial of the backup in a folder that went well, if there was one.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        read_json(&folder.join(VERIFIED))
    }

    /// Writes it into the folder of its backup, at once.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
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

/// Writes a new file that only its owner reads, safely onto the disk.
pub(super) fn write_new(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let open = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = open.with_context(|| format!("can't write {}", path.display()))?;
    file.write_all(content)?;
    Ok(file.sync_all()?)
}
