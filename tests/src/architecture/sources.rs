//! The source files that the checks read.

use std::{fs, path::Path};

use walkdir::WalkDir;

/// A source file of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Path from the root of the workspace, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), text: text.into() }
    }

    /// The crate of a file below `crates/<name>/src`, and the path below that folder.
    pub(crate) fn in_crate(&self) -> Option<(&str, &str)> {
        let (name, rest) = self.path.strip_prefix("crates/")?.split_once('/')?;
        Some((name, rest.strip_prefix("src/")?))
    }
}

/// Reads all files with this extension below these folders of the workspace, sorted by path.
pub(crate) fn read(root: &Path, folders: &[&str], extension: &str) -> Vec<SourceFile> {
    let entries = folders.iter().flat_map(|folder| WalkDir::new(root.join(folder)).sort_by_file_name());
    entries
        .map(|entry| entry.expect("an entry").into_path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let relative = path.strip_prefix(root).expect("a path below the root");
            let relative = relative.to_str().expect("a path in UTF-8").replace('\\', "/");
            SourceFile::new(&relative, fs::read_to_string(&path).expect("a source file"))
        })
        .collect()
}
