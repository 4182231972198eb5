//! Where a backup grows before it is one, and which old ones go.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use anyhow::{Context as _, Result};
use inspection_domain::{ids::Ids, time::Instant};

use crate::backups::{self, hexadecimal};

/// What the names of folders begin with that are no backup yet, or no more.
const PARTIAL: &str = ".partial-";

/// How long ago something must last have happened in such a folder for its run to be over, in seconds.
const ABANDONED: i64 = 24 * 60 * 60;

/// A folder that goes away, unless it becomes a backup.
#[derive(Debug)]
pub(super) struct Partial {
    parent: PathBuf,
    name: String,
    is_kept: bool,
}

impl Partial {
    /// A new one, for a backup that begins at this instant.
    pub(super) fn new(parent: &Path, begun: Instant, ids: &dyn Ids) -> Result<Self> {
        let mut folders = DirBuilder::new();
        folders.recursive(true).mode(0o700);
        folders.create(parent).with_context(|| format!("can't make {}", parent.display()))?;
        let at = begun.to_string().replace(':', "");
        let at = at.split('.').next().unwrap_or_default().to_owned();
        let suffix = hexadecimal(ids.random().get(..2).unwrap_or_default());
        let partial = Self { parent: parent.to_owned(), name: format!("{at}Z-{suffix}"), is_kept: false };
        let path = partial.path();
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("can't make {}", path.display()))?;
        Ok(partial)
    }

    /// Where it is.
    pub(super) fn path(&self) -> PathBuf {
        self.parent.join(format!("{PARTIAL}{}", self.name))
    }

    /// Makes a new file in it that only its owner reads.
    pub(super) fn file(&self, name: &str) -> Result<(PathBuf, File)> {
        let path = self.path().join(name);
        let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = made.with_context(|| format!("can't make {}", path.display()))?;
        Ok((path, file))
    }

    /// Makes it a backup: it has everything, and that is safely on the disk. Gives its name.
    pub(super) fn complete(mut self) -> Result<String> {
        File::open(self.path())?.sync_all()?;
        fs::rename(self.path(), self.parent.join(&self.name))?;
        self.is_kept = true;
        File::open(&self.parent)?.sync_all()?;
        Ok(self.name.clone())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = fs::remove_dir_all(self.path())
        {
            tracing::warn!(%error, path = %self.path().display(), "what is left of a backup can't be removed");
        }
    }
}

/// Removes what runs that were killed have left behind, a day later.
pub(super) fn tidy(parent: &Path, now: Instant) -> Result<()> {
    let entries = match fs::read_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.with_context(|| format!("can't read {}", parent.display()))?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PARTIAL)
            && last_touched(&entry.path()) < now.as_second() - ABANDONED
        {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("can't remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// When something was last written in a folder, in seconds since 1970.
fn last_touched(folder: &Path) -> i64 {
    let inside = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let times = inside.chain([folder.to_owned()]).filter_map(|path| {
        let modified = fs::metadata(path).ok()?.modified().ok()?;
        i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
    });
    // What can't be looked at may be in use.
    times.max().unwrap_or(i64::MAX)
}

/// Removes the oldest backups, so that this many stay and the one that was verified last. Says which.
pub(super) fn keep(parent: &Path, count: usize) -> Result<Vec<String>> {
    let verified = backups::newest_verified(parent)?.map(|backup| backup.name);
    let all = backups::list(parent)?.backups;
    let surplus = all.into_iter().skip(count).map(|backup| backup.name);
    let surplus: Vec<String> = surplus.filter(|name| verified.as_ref() != Some(name)).collect();
    for name in &surplus {
        // First it ceases to be a backup, so that half of one never passes for one.
        let going = parent.join(format!("{PARTIAL}{name}"));
        fs::rename(parent.join(name), &going).with_context(|| format!("can't remove {name}"))?;
        fs::remove_dir_all(&going).with_context(|| format!("can't remove {}", going.display()))?;
    }
    Ok(surplus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backups::testing::{at, manifest, verified, written},
        system::SystemIds,
    };

    #[test]
    fn a_folder_that_does_not_become_a_backup_goes_away() {
        let parent = tempfile::tempdir().expect("a folder");
        let begun = at("2026-11-25T14:00:00Z");
        let partial = Partial::new(&parent.path().join("new"), begun, &SystemIds).expect("made");
        partial.file("part").expect("made");
        let path = partial.path();
        assert!(path.join("part").exists());
        drop(partial);
        assert!(!path.exists());
        let partial = Partial::new(&parent.path().join("new"), begun, &SystemIds).expect("made");
        let name = partial.complete().expect("complete");
        assert!(name.starts_with("2026-11-25T140000Z-") && parent.path().join("new").join(&name).is_dir());
    }

    #[test]
    fn what_was_left_a_day_ago_is_removed_and_what_grows_is_not() {
        let parent = tempfile::tempdir().expect("a folder");
        let partial = Partial::new(parent.path(), at("2026-11-25T14:00:00Z"), &SystemIds).expect("made");
        let now = Instant::new(jiff::Timestamp::from_second(last_touched(&partial.path())).expect("a time"));
        tidy(parent.path(), now.plus_seconds(ABANDONED - 60)).expect("tidied");
        assert!(partial.path().exists());
        tidy(parent.path(), now.plus_seconds(ABANDONED + 60)).expect("tidied");
        assert!(!partial.path().exists());
    }

    #[test]
    fn the_oldest_go_but_never_the_one_verified_last() {
        let parent = tempfile::tempdir().expect("a folder");
        let names: Vec<String> = (1..=4)
            .map(|day| written(parent.path(), &manifest(at(&format!("2026-11-0{day}T00:00:00Z")))))
            .collect();
        let first = names.first().expect("one");
        verified(&parent.path().join(first), at("2026-11-09T00:00:00Z"));
        let removed = keep(parent.path(), 2).expect("kept");
        assert_eq!(removed, names.get(1..2).expect("the second"));
        let left: Vec<_> =
            backups::list(parent.path()).expect("listed").backups.into_iter().map(|one| one.name).collect();
        assert_eq!(left, [&names[3], &names[2], &names[0]].map(Clone::clone));
        assert_eq!(fs::read_dir(parent.path()).expect("a folder").count(), 3, "nothing else is left");
    }
}
