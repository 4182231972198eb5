//! What a file is: decided by its bytes, with which its name and its declared type must agree (rule book §14).

mod containers;
mod hidden;
mod names;
mod pixels;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    path::Path,
};

use inspection_domain::files::FileKind;

use crate::{StoreError, UploadError};

/// Bytes at the beginning of a file that tell what it is. Readers of PDF look for its first line this far.
pub(crate) const HEAD: usize = 1024;

/// Pixels an image may have.
pub(crate) const MAX_PIXELS: u64 = 64_000_000;

/// Pixels that all pictures of an animation may have together.
const MAX_ANIMATED_PIXELS: u64 = 4 * MAX_PIXELS;

/// Why a file isn't taken; said of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// Its bytes are those of something else.
    #[error("is neither an image (png, jpg, gif, webp) nor a pdf")]
    NotTaken,
    /// Its name doesn't say what it is.
    #[error("must have a name that ends in .png, .jpg, .jpeg, .gif, .webp or .pdf")]
    Name,
    /// Its name says two things.
    #[error("has a second extension in its name: .{0}")]
    SecondExtension(String),
    /// Its name says something else than its bytes.
    #[error("is named .{named}, but is {kind}")]
    OtherName {
        /// The extension.
        named: String,
        /// What it is.
        kind: FileKind,
    },
    /// Its declared type says something else than its bytes.
    #[error("is declared as {declared}, but is {kind}")]
    OtherType {
        /// What was declared.
        declared: String,
        /// What it is.
        kind: FileKind,
    },
    /// Its end is missing.
    #[error("is not complete: its end is missing")]
    CutOff,
    /// It can't be read.
    #[error("is damaged")]
    Damaged,
    /// It would take too much memory to look at.
    #[error("has more than {} million pixels", MAX_PIXELS / 1_000_000)]
    TooManyPixels,
    /// There is something behind it.
    #[error("goes on after its end")]
    GoesOn,
    /// It is something else as well.
    #[error("has something hidden in it: {0}")]
    Hidden(&'static str),
}

/// Reading a file fails because of the file, or because of the disk.
enum Failure {
    Refused(Refusal),
    Disk(std::io::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::Refused(Refusal::CutOff),
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
                Self::Refused(Refusal::Damaged)
            }
            _ => Self::Disk(error),
        }
    }
}

impl From<Failure> for UploadError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Refused(refusal),
            Failure::Disk(error) => Self::Store(StoreError::from(error)),
        }
    }
}

/// What a file is, by its first bytes.
pub(crate) fn kind_of(head: &[u8]) -> Result<FileKind, Refusal> {
    if head.is_empty() {
        return Err(Refusal::Empty);
    }
    let mime = infer::get(head).ok_or(Refusal::NotTaken)?.mime_type();
    FileKind::ALL.iter().copied().find(|kind| kind.as_str() == mime).ok_or(Refusal::NotTaken)
}

/// What the file is, if everything about it agrees and all of it can be read.
pub(crate) fn inspect(path: &Path, name: &str, declared: Option<&str>) -> Result<FileKind, UploadError> {
    let open =
        || File::open(path).map(|file| BufReader::with_capacity(64 << 10, file)).map_err(Failure::from);
    let mut head = Vec::with_capacity(HEAD);
    open()?.take(HEAD as u64).read_to_end(&mut head).map_err(Failure::from)?;
    let kind = kind_of(&head)?;
    names::agree(name, declared, kind)?;
    let mut file = open()?;
    containers::check(&mut file, kind)?;
    file.rewind().map_err(Failure::from)?;
    hidden::check(&mut file, &head, kind)?;
    if kind.is_image() {
        file.rewind().map_err(Failure::from)?;
        pixels::check(file, kind)?;
    }
    Ok(kind)
}
