//! Backups: created while the service runs, listed, verified by a trial restore, restored.
//!
//! A backup is a folder named by the instant of its beginning. It holds a dump of the database, the
//! stored files in one archive, a manifest, and the checksums of all three. Until it is complete its
//! name starts with a dot.

mod address;
mod archive;
mod checksums;
mod create;
mod manifest;
mod partial;
mod restore;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tools;
mod trial;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use inspection_domain::time::Instant;
use inspection_persistence::Context;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

pub use create::{Created, create};
pub use manifest::{BackupFile, DatabaseKind, Manifest, StoredFiles, Verification, VerifiedCounts};
pub use restore::{Restoration, Restored};
pub use trial::{Trial, verify};

use crate::{
    Result,
    error::{Context as _, bail, ensure},
};
use address::Address;

/// Name of the manifest.
const MANIFEST: &str = "manifest.json";
/// Name of the database dump.
const DATABASE: &str = "database.dump";
/// Name of the archive of stored files.
const FILES: &str = "files.tar";
/// Name of the checksums, in the format of `sha256sum -c`.
const SUMS: &str = "SHA256SUMS";
/// Name of the record of the last successful trial.
const VERIFIED: &str = "verified.json";

/// The database and the folder that backups connect.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite://path` or `postgres://…`, with its password.
    pub database_url: SecretString,
    /// Folder of the backups; need not exist yet.
    pub folder: PathBuf,
    /// Folder of `pg_dump` and `pg_restore`; `PATH` and `/usr/lib/postgresql` are searched if absent.
    pub pg_bin: Option<PathBuf>,
}

impl Settings {
    fn url(&self) -> &str {
        self.database_url.expose_secret()
    }

    fn location(&self) -> Result<DatabaseLocation> {
        Ok(match self.url().strip_prefix("sqlite://") {
            Some(path) => DatabaseLocation::Sqlite(path.into()),
            None => DatabaseLocation::PostgreSql(Address::parse(self.url())?),
        })
    }

    /// The backup of this name, or else the newest.
    fn choose(&self, name: Option<&str>) -> Result<Summary> {
        let folder = self.folder.display();
        let BackupList { backups, unreadable } = list(&self.folder)?;
        let Some(name) = name else {
            let none = || format!("there is no backup in {folder}; create one with `backup create`");
            return backups.into_iter().next().with_context(none);
        };
        if let Some((_, reason)) = unreadable.iter().find(|(unreadable, _)| unreadable == name) {
            bail!("{name} can't be used: {reason}");
        }
        let found = backups.into_iter().find(|backup| backup.name == name);
        found.with_context(|| format!("there is no backup {name} in {folder}"))
    }
}

/// The database that is backed up or restored.
#[derive(Debug)]
enum DatabaseLocation {
    PostgreSql(Address),
    Sqlite(PathBuf),
}

impl DatabaseLocation {
    fn kind(&self) -> DatabaseKind {
        match self {
            Self::PostgreSql(_) => DatabaseKind::PostgreSql,
            Self::Sqlite(_) => DatabaseKind::Sqlite,
        }
    }
}

impl fmt::Display for DatabaseLocation {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PostgreSql(address) => f.write_str(&address.public()),
            Self::Sqlite(path) => path.display().fmt(f),
        }
    }
}

/// A backup, as far as its manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Name of its folder.
    pub name: String,
    /// Beginning of the backup.
    pub created_at: Instant,
    /// Last successful trial restore.
    pub verified_at: Option<Instant>,
    /// Database system.
    pub database: DatabaseKind,
    /// Version of the database system.
    pub database_version: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Number of stored files.
    pub files: u64,
    /// Duration of its creation, in milliseconds.
    pub milliseconds: u64,
}

impl Summary {
    fn read(folder: &Path, name: &str) -> Result<Self> {
        let manifest = Manifest::read(&folder.join(name))?;
        Ok(Self {
            name: name.to_owned(),
            created_at: manifest.created_at,
            verified_at: Verification::read(&folder.join(name)).map(|verification| verification.at),
            database: manifest.database,
            database_version: manifest.database_version,
            bytes: manifest.parts.iter().map(|part| part.size).sum(),
            files: manifest.files.count,
            milliseconds: manifest.milliseconds,
        })
    }
}

/// The backups of a folder.
#[derive(Debug, Default)]
pub struct BackupList {
    /// Readable backups, newest first.
    pub backups: Vec<Summary>,
    /// Names of unreadable backups, each with the reason.
    pub unreadable: Vec<(String, String)>,
}

/// Whether a folder name is that of a backup, such as `2026-11-25T140000Z-1a2b`.
fn is_name(name: &str) -> bool {
    let shape = "dddd-dd-ddTddddddZ-xxxx";
    name.len() == shape.len()
        && name.chars().zip(shape.chars()).all(|(c, expected)| match expected {
            'd' => c.is_ascii_digit(),
            'x' => c.is_ascii_hexdigit(),
            other => c == other,
        })
}

/// The backups of a folder; empty if the folder doesn't exist.
pub fn list(folder: &Path) -> Result<BackupList> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BackupList::default()),
        other => other.with_context(|| format!("can't read {}", folder.display()))?,
    };
    let mut listed = BackupList::default();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !is_name(&name) {
            continue;
        }
        match Summary::read(folder, &name) {
            Ok(summary) => listed.backups.push(summary),
            Err(error) => listed.unreadable.push((name, error.report())),
        }
    }
    listed.backups.sort_by(|one, other| (other.created_at, &other.name).cmp(&(one.created_at, &one.name)));
    listed.unreadable.sort();
    Ok(listed)
}

/// The newest backup of a folder.
pub fn newest(folder: &Path) -> Result<Option<Summary>> {
    Ok(list(folder)?.backups.into_iter().next())
}

/// The backup of a folder whose successful trial is the most recent.
pub fn newest_verified(folder: &Path) -> Result<Option<Summary>> {
    Ok(list(folder)?
        .backups
        .into_iter()
        .max_by_key(|one| one.verified_at)
        .filter(|one| one.verified_at.is_some()))
}

/// Reads all of a backup and compares it with its checksums. `advance` is called with the size of
/// each piece that was read.
fn read_and_compare(folder: &Path, mut advance: impl FnMut(u64)) -> Result<Manifest> {
    ensure!(folder.is_dir(), "there is no backup {}", folder.display());
    // The manifest first: a newer format may have other checksums.
    let manifest = Manifest::read(folder)?;
    let sums = checksums::Sums::read(folder)?;
    for part in [DATABASE, FILES] {
        ensure!(manifest.part(part).is_some(), "the manifest names no {part}");
    }
    let (_, found) = checksums::of_file(&folder.join(MANIFEST), &mut advance)?;
    ensure!(sums.expected(MANIFEST) == Some(found.as_str()), "{MANIFEST} is damaged: its checksum differs");
    for part in &manifest.parts {
        let path = folder.join(&part.name);
        let (size, found) = checksums::of_file(&path, &mut advance)?;
        if size != part.size {
            bail!("{} is damaged: it has {size} bytes instead of {}", part.name, part.size);
        }
        let expected = sums.expected(&part.name);
        ensure!(
            found == part.sha256 && expected == Some(found.as_str()),
            "{} is damaged: its checksum differs",
            part.name
        );
    }
    Ok(manifest)
}

/// Milliseconds since an instant.
fn milliseconds(context: &Context, since: Instant) -> u64 {
    u64::try_from(context.clock.now().as_millisecond() - since.as_millisecond()).unwrap_or(0)
}

/// The first random bytes of an id, in hexadecimal digits.
fn random_suffix(context: &Context, bytes: usize) -> String {
    base16ct::lower::encode_string(context.ids.random().get(..bytes).unwrap_or_default())
}
