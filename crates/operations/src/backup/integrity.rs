//! Comparing a backup with its checksums.

use std::path::Path;

use super::{
    checksums,
    layout::{DATABASE, FILES, MANIFEST},
    manifest::Manifest,
};
use crate::{
    Result,
    error::{Context as _, bail, ensure},
    progress::{OnProgress, Step},
};

/// The manifest of a backup whose checksums all match.
pub(super) fn intact(folder: &Path, name: &str, bytes: u64, progress: OnProgress<'_>) -> Result<Manifest> {
    let step = Step::sized(progress, "comparing the checksums", bytes);
    read_and_compare(folder, |bytes| step.advance(bytes)).with_context(|| format!("{name} can't be used"))
}

/// Reads all of a backup and compares it with its checksums. `advance` is called with the size of
/// each piece that was read.
pub(super) fn read_and_compare(folder: &Path, mut advance: impl FnMut(u64)) -> Result<Manifest> {
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
