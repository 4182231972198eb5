//! Folders in which the user of this process can't create files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

/// Depth of the folders of stored files: category, year, month, day; one more for thumbnails.
const MAX_DEPTH: usize = 6;

/// The first folder at or below this one in which no file can be created. A probe doesn't find it:
/// it writes into a folder of its own, which may have another owner.
pub(super) fn unwritable(folder: &Path) -> io::Result<Option<PathBuf>> {
    find(folder, MAX_DEPTH)
}

/// Whether files can be created in this folder.
pub(super) fn is_writable(folder: &Path) -> bool {
    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

fn find(folder: &Path, depth: usize) -> io::Result<Option<PathBuf>> {
    if !is_writable(folder) {
        return Ok(Some(folder.to_owned()));
    }
    if depth == 0 {
        return Ok(None);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // A disk has a folder that belongs to root.
        if entry.file_type()?.is_dir()
            && entry.file_name() != "lost+found"
            && let Some(found) = find(&entry.path(), depth - 1)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
