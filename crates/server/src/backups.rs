//! Backups as they lie in their folder: what each is, which is the newest, whether one is whole.
//!
//! A backup is a folder named by the instant of its beginning. It has a dump of the database, the stored files in one, a
//! manifest, and the checksums of all three. Only a whole one has such a name: until then it begins with a dot.

mod manifest;
mod sums;

use std::{fs, io, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use inspection_domain::time::Instant;
use serde::Serialize;

pub use manifest::{Compared, Files, Kind, Manifest, Part, Verified};
pub(crate) use sums::{Hashing, hexadecimal, seal};

/// Name of the manifest.
pub(crate) const MANIFEST: &str = "manifest.json";
/// Name of the dump of the database.
pub(crate) const DATABASE: &str = "database.dump";
/// Name of the stored files.
pub(crate) const FILES: &str = "files.tar";
/// Name of the checksums, in the form that `sha256sum -c` reads.
pub(crate) const SUMS: &str = "SHA256SUMS";
/// Name of what is left of a successful trial.
pub(crate) const VERIFIED: &str = "verified.json";

/// What can be said of a backup without reading all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Name of its folder.
    pub name: String,
    /// When it was begun.
    pub created_at: Instant,
    /// When it was last put back for a trial, and found whole.
    pub verified_at: Option<Instant>,
    /// Of which database.
    pub database: Kind,
    /// Version of the database system.
    pub database_version: String,
    /// Bytes of all of it.
    pub bytes: u64,
    /// Stored files in it.
    pub files: u64,
    /// How long it took to make, in milliseconds.
    pub milliseconds: u64,
}

impl Summary {
    fn read(folder: &Path, name: &str) -> Result<Self> {
        let manifest = Manifest::read(&folder.join(name))?;
        Ok(Self {
            name: name.to_owned(),
            created_at: manifest.created_at,
            verified_at: Verified::read(&folder.join(name)).map(|verified| verified.at),
            database: manifest.database,
            database_version: manifest.database_version,
            bytes: manifest.parts.iter().map(|part| part.size).sum(),
            files: manifest.files.count,
            milliseconds: manifest.milliseconds,
        })
    }
}

/// What is in a folder of backups.
#[derive(Debug, Default)]
pub struct NonEmptyList {
    /// Those that can be read, newest first.
    pub backups: Vec<Summary>,
    /// Names of those that can't, and why.
    pub unreadable: Vec<(String, String)>,
}

/// Whether a folder of this name is a backup, going by the name: `2026-11-25T140000Z-1a2b`.
fn is_name(name: &str) -> bool {
    let shape = "dddd-dd-ddTddddddZ-xxxx";
    name.len() == shape.len()
        && name.chars().zip(shape.chars()).all(|(c, expected)| match expected {
            'd' => c.is_ascii_digit(),
            'x' => c.is_ascii_hexdigit(),
            other => c == other,
        })
}

/// The backups in a folder, which need not be there.
pub fn list(folder: &Path) -> Result<NonEmptyList> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(NonEmptyList::default()),
        other => other.with_context(|| format!("can't read {}", folder.display()))?,
    };
    let mut listed = NonEmptyList::default();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !is_name(&name) {
            continue;
        }
        match Summary::read(folder, &name) {
            Ok(summary) => listed.backups.push(summary),
            Err(error) => listed.unreadable.push((name, format!("{error:#}"))),
        }
    }
    listed.backups.sort_by(|one, other| (other.created_at, &other.name).cmp(&(one.created_at, &one.name)));
    listed.unreadable.sort();
    Ok(listed)
}

/// The newest backup in a folder, which need not be there.
pub fn newest(folder: &Path) -> Result<Option<Summary>> {
    Ok(list(folder)?.backups.into_iter().next())
}

/// The backup in a folder that was last put back for a trial and found whole.
pub fn newest_verified(folder: &Path) -> Result<Option<Summary>> {
    Ok(list(folder)?
        .backups
        .into_iter()
        .max_by_key(|one| one.verified_at)
        .filter(|one| one.verified_at.is_some()))
}

/// Reads all of a backup and compares it with its checksums. An error says what is wrong with it. `progress` is told the
/// bytes that were read, piece by piece.
pub(crate) fn checked(folder: &Path, mut progress: impl FnMut(u64)) -> Result<Manifest> {
    ensure!(folder.is_dir(), "there is no backup {}", folder.display());
    // First, since a newer form may have other checksums.
    let manifest = Manifest::read(folder)?;
    let sums = sums::Sums::read(folder)?;
    for part in [DATABASE, FILES] {
        ensure!(manifest.part(part).is_some(), "the manifest names no {part}");
    }
    let (_, found) = sums::of_file(&folder.join(MANIFEST), &mut progress)?;
    ensure!(
        sums.expected(MANIFEST) == Some(found.as_str()),
        "{MANIFEST} is damaged: its checksum is another"
    );
    for part in &manifest.parts {
        let path = folder.join(&part.name);
        let (size, found) = sums::of_file(&path, &mut progress)?;
        if size != part.size {
            bail!("{} is damaged: it has {size} bytes instead of {}", part.name, part.size);
        }
        let expected = sums.expected(&part.name);
        ensure!(
            found == part.sha256 && expected == Some(found.as_str()),
            "{} is damaged: its checksum is another",
            part.name
        );
    }
    Ok(manifest)
}

/// Writes the checksums of a backup, once everything else is there.
pub(crate) fn write_sums(folder: &Path, manifest: &Manifest) -> Result<()> {
    sums::write(folder, manifest)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
