//! Content inspection: the bytes determine the type; name and declared type must agree (rule §14).

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

/// Bytes from the start of a file that determine its type.
///
/// PDF readers accept the header anywhere within this range.
pub(crate) const HEAD: usize = 1024;

/// Maximum number of pixels of an image.
pub(crate) const MAX_PIXELS: u64 = 64_000_000;

/// Maximum total number of pixels of an animation.
const MAX_ANIMATED_PIXELS: u64 = 4 * MAX_PIXELS;

/// Reason for refusing a file. The text is a predicate whose subject is the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file has no bytes.
    #[error("is empty")]
    Empty,
    /// The type is not accepted.
    #[error("is neither an image (png, jpg, gif, webp) nor a pdf")]
    NotTaken,
    /// The name lacks an accepted extension.
    #[error("must have a name that ends in .png, .jpg, .jpeg, .gif, .webp or .pdf")]
    Name,
    /// The name has two extensions.
    #[error("has a second extension in its name: .{0}")]
    SecondExtension(String),
    /// The extension does not match the content.
    #[error("is named .{named}, but is {kind}")]
    OtherName {
        /// Extension of the name.
        named: String,
        /// Type of the content.
        kind: FileKind,
    },
    /// The declared type does not match the content.
    #[error("is declared as {declared}, but is {kind}")]
    OtherType {
        /// Declared media type.
        declared: String,
        /// Type of the content.
        kind: FileKind,
    },
    /// The file is truncated.
    #[error("is not complete: its end is missing")]
    CutOff,
    /// The file violates its format.
    #[error("is damaged")]
    Damaged,
    /// Decoding would take too much memory.
    #[error("has more than {} million pixels", MAX_PIXELS / 1_000_000)]
    TooManyPixels,
    /// Data follows the end of the format.
    #[error("goes on after its end")]
    GoesOn,
    /// The file is also valid as another format.
    #[error("has something hidden in it: {0}")]
    Hidden(&'static str),
}

/// ContentError of an inspection: the file is refused, or the disk failed.
#[derive(Debug)]
pub(crate) enum ContentError {
    Refused(Refusal),
    Io(std::io::Error),
}

impl From<Refusal> for ContentError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<std::io::Error> for ContentError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::Refused(Refusal::CutOff),
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
                Self::Refused(Refusal::Damaged)
            }
            _ => Self::Io(error),
        }
    }
}

/// Determines the type of a file by its first bytes.
pub(crate) fn kind_of(head: &[u8]) -> Result<FileKind, Refusal> {
    if head.is_empty() {
        return Err(Refusal::Empty);
    }
    let mime = infer::get(head).ok_or(Refusal::NotTaken)?.mime_type();
    FileKind::ALL.iter().copied().find(|kind| kind.as_str() == mime).ok_or(Refusal::NotTaken)
}

/// Determines the type of a file that is complete, readable and consistent with its name.
pub(crate) fn inspect(path: &Path, name: &str, declared: Option<&str>) -> Result<FileKind, ContentError> {
    let open =
        || File::open(path).map(|file| BufReader::with_capacity(64 << 10, file)).map_err(ContentError::from);
    let mut head = Vec::with_capacity(HEAD);
    open()?.take(HEAD as u64).read_to_end(&mut head).map_err(ContentError::from)?;
    let kind = kind_of(&head)?;
    names::agree(name, declared, kind)?;
    let mut file = open()?;
    containers::check(&mut file, kind)?;
    file.rewind().map_err(ContentError::from)?;
    hidden::check(&mut file, &head, kind)?;
    if kind.is_image() {
        file.rewind().map_err(ContentError::from)?;
        pixels::check(file, kind)?;
    }
    Ok(kind)
}
