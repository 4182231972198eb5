//! The backups of a folder.

use std::{fs, io, path::Path};

use inspection_domain::time::Instant;
use serde::Serialize;

use super::{
    layout::is_name,
    manifest::{DatabaseKind, Manifest, Verification},
};
use crate::{Result, error::Context as _};

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
