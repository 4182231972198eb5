//! The log file of the service.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use file_rotate::{ContentLimit, FileRotate, compression::Compression, suffix::AppendCount};

/// Size in bytes at which the log file is rotated.
pub const FILE_SIZE: usize = 10 << 20;

/// Number of rotated log files that are kept.
pub const FILES_KEPT: usize = 5;

/// Maximum number of instances that share a folder.
const INSTANCES: u32 = 64;

/// The path for the instance of this number: `app.log`, `app-2.log`, `app-3.log`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut name = format!("{stem}-{number}");
    if let Some(extension) = path.extension() {
        name.push('.');
        name.push_str(&extension.to_string_lossy());
    }
    path.with_file_name(name)
}

/// Opens the lock of a path. The log file itself is renamed by a rotation, so the lock is a file
/// beside it.
fn open_lock(path: &Path) -> io::Result<File> {
    let unusable = || io::Error::from(io::ErrorKind::Unsupported);
    if path.exists() && !path.is_file() {
        return Err(unusable());
    }
    let (folder, name) = path.parent().zip(path.file_name()).ok_or_else(unusable)?;
    std::fs::create_dir_all(folder)?;
    let name = format!(".{}.lock", name.to_string_lossy());
    OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(name))
}

/// Locks a path for this process.
fn lock(path: &Path) -> Result<File, TryLockError> {
    let file = open_lock(path).map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

/// A rotated file of one process; older files are kept as `….1`, `….2` and so on. After a failure,
/// such as a full disk or a removed folder, the next line tries again.
///
/// Instances that share a folder must not rotate each other's files: each one locks a file, and
/// takes `app-2.log`, `app-3.log` and so on if `app.log` is in use.
#[allow(missing_debug_implementations, reason = "the rotation has none")]
pub struct LogFile {
    path: PathBuf,
    /// The lock on the path. Ends with the process, however that ends.
    _lock: Option<File>,
    file: Option<FileRotate<AppendCount>>,
    /// Whether the last line was written partially or not at all.
    is_broken: bool,
}

impl LogFile {
    /// The file at this path, or beside it.
    pub fn new(path: &Path) -> Self {
        let mut paths = (1..=INSTANCES).map(|number| numbered(path, number));
        let (path, lock) = paths
            .find_map(|path| match lock(&path) {
                Ok(lock) => Some((path, Some(lock))),
                Err(TryLockError::WouldBlock) => None,
                // Without locks, as on some network disks, the file is still written.
                Err(TryLockError::Error(_)) => Some((path, None)),
            })
            .unwrap_or_else(|| (path.to_owned(), None));
        Self { path, _lock: lock, file: None, is_broken: false }
    }

    /// Writes a line. A failure is reported on stderr, once.
    pub fn write_line(&mut self, line: &[u8]) {
        // The library panics if files disappear during a rotation.
        let written = catch_unwind(AssertUnwindSafe(|| self.try_line(line)));
        let is_broken = !matches!(written, Ok(Ok(())));
        if is_broken {
            self.file = None;
        }
        if is_broken != self.is_broken {
            self.is_broken = is_broken;
            let notice: &[u8] = if is_broken {
                b"can't write the log file; logging to stderr only\n"
            } else {
                b"the log file is writable again\n"
            };
            let _ = io::stderr().write_all(notice);
        }
    }

    fn try_line(&mut self, line: &[u8]) -> io::Result<()> {
        // A moved or removed file is created again.
        if self.file.is_some() && !self.path.exists() {
            self.file = None;
        }
        if self.file.is_none() {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            // The library doesn't report a failure to open the file.
            OpenOptions::new().append(true).create(true).open(&self.path)?;
            let (suffix, limit) = (AppendCount::new(FILES_KEPT), ContentLimit::BytesSurpassed(FILE_SIZE));
            self.file = Some(FileRotate::new(&self.path, suffix, limit, Compression::None, None));
        }
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        if self.is_broken {
            // Ends a partial line.
            file.write_all(b"\n")?;
        }
        file.write_all(line)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_rotate_at_ten_megabytes_and_five_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = LogFile::new(&folder.path().join("logs/app.log"));
        let line = vec![b'x'; 1 << 20];
        for _ in 0..90 {
            file.write_line(&line);
        }
        let mut sizes: Vec<(String, u64)> = fs::read_dir(folder.path().join("logs"))
            .expect("files")
            .map(|entry| entry.expect("a file"))
            .filter(|entry| entry.file_name() != ".app.log.lock")
            .map(|file| {
                (file.file_name().into_string().expect("a name"), file.metadata().expect("a size").len())
            })
            .collect();
        sizes.sort();
        let names: Vec<&str> = sizes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["app.log", "app.log.1", "app.log.2", "app.log.3", "app.log.4", "app.log.5"]);
        assert!(sizes.iter().skip(1).all(|(_, size)| *size == 11 << 20), "lines are not split: {sizes:?}");
    }

    #[test]
    fn an_unwritable_file_is_tried_again_with_every_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = folder.path().join("logs");
        let mut file = LogFile::new(&logs.join("app.log"));
        file.write_line(b"one\n");
        fs::remove_dir_all(&logs).expect("removed");
        fs::write(&logs, "in the way").expect("a file");
        file.write_line(b"lost\n");
        assert!(file.is_broken);
        fs::remove_file(&logs).expect("removed");
        file.write_line(b"two\n");
        file.write_line(b"three\n");
        assert!(!file.is_broken);
        assert_eq!(fs::read_to_string(logs.join("app.log")).expect("a log"), "\ntwo\nthree\n");
    }

    #[test]
    fn a_full_disk_is_survived() {
        let mut file = LogFile::new(Path::new("/dev/full"));
        for _ in 0..3 {
            file.write_line(b"this line doesn't fit\n");
            assert!(file.is_broken);
        }
    }

    #[test]
    fn instances_that_share_a_folder_have_files_of_their_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("app.log");
        let mut instances: Vec<LogFile> = (0..3).map(|_| LogFile::new(&path)).collect();
        for (instance, line) in instances.iter_mut().zip([b"one\n", b"two\n", b"six\n"]) {
            instance.write_line(line);
        }
        for (name, text) in [("app.log", "one\n"), ("app-2.log", "two\n"), ("app-3.log", "six\n")] {
            assert_eq!(fs::read_to_string(folder.path().join(name)).expect("a log"), text);
        }
        // The file of an instance that has ended is used again.
        drop(instances.remove(1));
        LogFile::new(&path).write_line(b"four\n");
        let reused = fs::read_to_string(folder.path().join("app-2.log")).expect("a log");
        assert_eq!(reused, "two\nfour\n");
    }
}
