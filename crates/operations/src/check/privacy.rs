//! Permissions of the data: only the account of the service can read it.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::deployment::Deployment;
use crate::Finding;

/// Bits of the mode that grant anything to the group or to others.
const NOT_OWNER: u32 = 0o077;
/// Bits of the mode that let others read a file, and reach the content of a folder.
const OTHERS_READ: u32 = 0o004;
const OTHERS_ENTER: u32 = 0o001;

pub(super) fn finding(deployment: &Deployment) -> Finding {
    let mut exposed = Exposed::default();
    for root in roots(deployment) {
        if let Err(error) = exposed.add(&root) {
            let found = format!("{} can't be read: {error}", root.display());
            return Finding::fail("security.files", found, "run this command as the user of the service");
        }
    }
    exposed.finding()
}

/// Files of the database, uploads, backups and logs, existing or not. The log file may be in a
/// folder that belongs to other programs as well.
fn roots(deployment: &Deployment) -> Vec<PathBuf> {
    let suffixed = |file: PathBuf, suffix: &str| {
        let mut name = file.into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    let database = deployment.sqlite_file().into_iter();
    let database =
        database.flat_map(|file| ["", "-wal", "-shm"].map(|suffix| suffixed(file.clone(), suffix)));
    let rotated = |file: PathBuf| {
        let files = (1..=deployment.log_files_kept).map(|number| format!(".{number}"));
        let files = files.map(|suffix| suffixed(file.clone(), &suffix)).collect::<Vec<_>>();
        [file].into_iter().chain(files)
    };
    let folders = [deployment.upload_folder.clone(), deployment.backup_folder.clone()];
    database.chain(folders).chain(deployment.log_file.clone().into_iter().flat_map(rotated)).collect()
}

/// Files and folders with more permissions than those of their owner.
#[derive(Default)]
struct Exposed {
    /// Files or folders to correct, with all below them.
    roots: Vec<PathBuf>,
    /// A file that other users can read, and the number of such files.
    readable: Option<(PathBuf, usize)>,
    /// A file or folder with too many permissions, and the number of such ones.
    loose: Option<(PathBuf, usize)>,
}

impl Exposed {
    /// Adds a file, or a folder with its content, if it exists.
    fn add(&mut self, root: &Path) -> io::Result<()> {
        match root.canonicalize() {
            Ok(path) => {
                let parents = path.ancestors().skip(1);
                let modes: io::Result<Vec<u32>> = parents.map(mode).collect();
                let is_reachable = modes?.iter().all(|mode| mode & OTHERS_ENTER != 0);
                self.add_below(root, path, is_reachable)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Adds a path and all below it. `is_reachable` is whether others can enter its folder.
    fn add_below(&mut self, root: &Path, path: PathBuf, is_reachable: bool) -> io::Result<()> {
        let before = self.loose.as_ref().map_or(0, |(_, count)| *count);
        let mut pending = vec![(path, is_reachable)];
        while let Some((path, is_reachable)) = pending.pop() {
            let metadata = match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_symlink() => continue,
                Ok(metadata) => metadata,
                // Removed meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let mode = metadata.permissions().mode();
            if mode & NOT_OWNER != 0 {
                count(&mut self.loose, &path);
            }
            if metadata.is_dir() {
                let is_reachable = is_reachable && mode & OTHERS_ENTER != 0;
                match fs::read_dir(&path) {
                    Ok(entries) => {
                        for entry in entries {
                            pending.push((entry?.path(), is_reachable));
                        }
                    }
                    // A disk has a folder that only root can read.
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                    Err(error) => return Err(error),
                }
            } else if is_reachable && mode & OTHERS_READ != 0 {
                count(&mut self.readable, &path);
            }
        }
        if self.loose.as_ref().map_or(0, |(_, count)| *count) > before {
            self.roots.push(root.to_owned());
        }
        Ok(())
    }

    fn finding(self) -> Finding {
        let id = "security.files";
        let roots: Vec<String> = self.roots.iter().map(|root| root.display().to_string()).collect();
        let fix = format!("chmod -R go= {}; in containers, in backup-daily", roots.join(" "));
        match (self.readable, self.loose) {
            (Some((path, count)), _) => {
                let found = format!("all users of this machine can read {count} files: {}", path.display());
                Finding::fail(id, found, fix)
            }
            (None, Some((path, count))) => {
                let found =
                    format!("{count} files and folders have permissions for other users: {}", path.display());
                Finding::warning(id, found, fix)
            }
            (None, None) => {
                Finding::pass(id, "only their owner can read the files of uploads, backups, database and log")
            }
        }
    }
}

fn mode(path: &Path) -> io::Result<u32> {
    Ok(path.metadata()?.permissions().mode())
}

/// Counts a path; the first one is the example.
fn count(found: &mut Option<(PathBuf, usize)>, path: &Path) {
    found.get_or_insert_with(|| (path.to_owned(), 0)).1 += 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Verdict, check::testing::fit};

    /// A folder `site` with a folder `day` and a file `photo`, with these modes.
    fn tree(site: u32, day: u32, photo: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("site/day");
        fs::create_dir_all(&path).expect("folders");
        fs::write(path.join("photo"), "").expect("a file");
        for (path, mode) in [(path.join("photo"), photo), (path, day), (folder.path().join("site"), site)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
        }
        folder
    }

    /// The finding for a tree, in a folder that others can enter or not.
    fn found(tree: &tempfile::TempDir, is_reachable: bool) -> Finding {
        let mut exposed = Exposed::default();
        let path = tree.path().join("site");
        exposed.add_below(Path::new("data/site"), path, is_reachable).expect("read");
        exposed.finding()
    }

    #[test]
    fn files_that_others_can_read_fail_and_permissions_of_no_effect_are_a_warning() {
        for (site, day, photo, is_reachable, verdict, count) in [
            (0o700, 0o700, 0o600, true, Verdict::Pass, ""),
            (0o755, 0o755, 0o644, true, Verdict::Fail, "read 1 files"),
            (0o711, 0o711, 0o604, true, Verdict::Fail, "read 1 files"),
            // The folder of the tree, or one in it, is closed.
            (0o755, 0o755, 0o644, false, Verdict::Warning, "3 files"),
            (0o755, 0o700, 0o644, true, Verdict::Warning, "2 files"),
            (0o750, 0o750, 0o640, true, Verdict::Warning, "3 files"),
            (0o755, 0o700, 0o600, true, Verdict::Warning, "1 files"),
        ] {
            let found = found(&tree(site, day, photo), is_reachable);
            assert_eq!(found.verdict, verdict, "{site:o} {day:o} {photo:o}: {found:?}");
            assert!(found.found.contains(count), "{found:?}");
            let fix = found.fix.unwrap_or_default();
            assert_eq!(fix.starts_with("chmod -R go= data/site;"), verdict != Verdict::Pass, "{fix}");
        }
    }

    #[test]
    fn database_uploads_backups_and_logs_are_examined() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let deployment = Deployment {
            database_url: format!("sqlite://{}", path("site.db").display()).into(),
            upload_folder: path("uploads"),
            backup_folder: path("backups"),
            log_file: Some(path("app.log")),
            ..fit()
        };
        assert_eq!(finding(&deployment).verdict, Verdict::Pass, "nothing exists");
        for folder in ["uploads", "backups"] {
            fs::create_dir(path(folder)).expect("a folder");
        }
        let files = ["site.db", "site.db-wal", "uploads/photo", "backups/dump", "app.log", "app.log.5"];
        for name in files {
            fs::write(path(name), "").expect("a file");
        }
        // Not of the service.
        fs::write(path("other.log"), "").expect("a file");
        for name in files.iter().chain(&["uploads", "backups"]) {
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o700)).expect("set");
        }
        assert_eq!(finding(&deployment).verdict, Verdict::Pass);
        for name in files {
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o640)).expect("set");
            let found = finding(&deployment);
            assert!(found.verdict == Verdict::Warning && found.found.contains(name), "{found:?}");
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o600)).expect("set");
        }
    }
}
