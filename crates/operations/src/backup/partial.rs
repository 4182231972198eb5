//! Folders of backups in progress, and the removal of old backups.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use inspection_domain::time::Instant;
use inspection_persistence::Context;

use super::{
    layout::random_suffix,
    list::{list, newest_verified},
};
use crate::{Result, error::Context as _};

/// Prefix of folders that are not a backup yet, or no longer.
const PARTIAL: &str = ".partial-";

/// Age in seconds after which an unchanged folder of that prefix is abandoned.
const ABANDONED: i64 = 24 * 60 * 60;

/// A folder that is removed when dropped, unless it was completed.
#[derive(Debug)]
pub(super) struct Partial {
    parent: PathBuf,
    name: String,
    is_complete: bool,
}

impl Partial {
    /// Creates the folder of a backup that begins at this instant.
    pub(super) fn new(parent: &Path, begun: Instant, context: &Context) -> Result<Self> {
        let mut folders = DirBuilder::new();
        folders.recursive(true).mode(0o700);
        folders.create(parent).with_context(|| format!("can't create {}", parent.display()))?;
        let at = begun.to_string().replace(':', "");
        let at = at.split('.').next().unwrap_or_default().to_owned();
        let suffix = random_suffix(context, 2);
        let partial = Self { parent: parent.to_owned(), name: format!("{at}Z-{suffix}"), is_complete: false };
        let path = partial.path();
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("can't create {}", path.display()))?;
        Ok(partial)
    }

    /// Its path.
    pub(super) fn path(&self) -> PathBuf {
        self.parent.join(format!("{PARTIAL}{}", self.name))
    }

    /// Creates a file in it with mode 0600.
    pub(super) fn file(&self, name: &str) -> Result<(PathBuf, File)> {
        let path = self.path().join(name);
        let created = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = created.with_context(|| format!("can't create {}", path.display()))?;
        Ok((path, file))
    }

    /// Renames the folder to that of a backup, and gives its name. All files must have been synced.
    pub(super) fn complete(mut self) -> Result<String> {
        File::open(self.path())?.sync_all()?;
        fs::rename(self.path(), self.parent.join(&self.name))?;
        self.is_complete = true;
        File::open(&self.parent)?.sync_all()?;
        Ok(self.name.clone())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_complete
            && let Err(error) = fs::remove_dir_all(self.path())
        {
            tracing::warn!(%error, path = %self.path().display(), "can't remove the folder of an incomplete backup");
        }
    }
}

/// Removes abandoned folders of killed runs.
pub(super) fn remove_abandoned(parent: &Path, now: Instant) -> Result<()> {
    let entries = match fs::read_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.with_context(|| format!("can't read {}", parent.display()))?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PARTIAL)
            && last_changed(&entry.path()) < now.as_second() - ABANDONED
        {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("can't remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Time of the last change in a folder, in seconds since 1970.
fn last_changed(folder: &Path) -> i64 {
    let inside = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let times = inside.chain([folder.to_owned()]).filter_map(|path| {
        let modified = fs::metadata(path).ok()?.modified().ok()?;
        i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
    });
    // Unreadable folders may be in use.
    times.max().unwrap_or(i64::MAX)
}

/// Removes all but the newest `count` backups and the one verified last, and names the removed
/// ones.
pub(super) fn prune(parent: &Path, count: usize) -> Result<Vec<String>> {
    let verified = newest_verified(parent)?.map(|backup| backup.name);
    let all = list(parent)?.backups;
    let surplus = all.into_iter().skip(count).map(|backup| backup.name);
    let surplus: Vec<String> = surplus.filter(|name| verified.as_ref() != Some(name)).collect();
    for name in &surplus {
        // Renamed first, so that an interrupted removal never leaves half a backup.
        let doomed = parent.join(format!("{PARTIAL}{name}"));
        fs::rename(parent.join(name), &doomed).with_context(|| format!("can't remove {name}"))?;
        fs::remove_dir_all(&doomed).with_context(|| format!("can't remove {}", doomed.display()))?;
    }
    Ok(surplus)
}

#[cfg(test)]
mod tests {
    use inspection_testkit::context::context;

    use super::*;
    use crate::backup::testing::{at, manifest, verified, written};

    #[test]
    fn an_incomplete_folder_is_removed() {
        let parent = tempfile::tempdir().expect("a folder");
        let (begun, (context, _)) = (at("2026-11-25T14:00:00Z"), context());
        let partial = Partial::new(&parent.path().join("new"), begun, &context).expect("created");
        partial.file("part").expect("created");
        let path = partial.path();
        assert!(path.join("part").exists());
        drop(partial);
        assert!(!path.exists());
        let partial = Partial::new(&parent.path().join("new"), begun, &context).expect("created");
        let name = partial.complete().expect("complete");
        assert!(name.starts_with("2026-11-25T140000Z-") && parent.path().join("new").join(&name).is_dir());
    }

    #[test]
    fn abandoned_folders_are_removed_and_growing_ones_are_not() {
        let parent = tempfile::tempdir().expect("a folder");
        let (context, _) = context();
        let partial = Partial::new(parent.path(), at("2026-11-25T14:00:00Z"), &context).expect("created");
        let now = Instant::new(jiff::Timestamp::from_second(last_changed(&partial.path())).expect("a time"));
        remove_abandoned(parent.path(), now.plus_seconds(ABANDONED - 60)).expect("removed");
        assert!(partial.path().exists());
        remove_abandoned(parent.path(), now.plus_seconds(ABANDONED + 60)).expect("removed");
        assert!(!partial.path().exists());
    }

    #[test]
    fn the_oldest_are_removed_but_never_the_one_verified_last() {
        let parent = tempfile::tempdir().expect("a folder");
        let names: Vec<String> = (1..=4)
            .map(|day| written(parent.path(), &manifest(at(&format!("2026-11-0{day}T00:00:00Z")))))
            .collect();
        let first = names.first().expect("one");
        verified(&parent.path().join(first), at("2026-11-09T00:00:00Z"));
        let removed = prune(parent.path(), 2).expect("pruned");
        assert_eq!(removed, names.get(1..2).expect("the second"));
        let left: Vec<_> =
            list(parent.path()).expect("listed").backups.into_iter().map(|one| one.name).collect();
        assert_eq!(left, [&names[3], &names[2], &names[0]].map(Clone::clone));
        assert_eq!(fs::read_dir(parent.path()).expect("a folder").count(), 3, "nothing else is left");
    }
}
