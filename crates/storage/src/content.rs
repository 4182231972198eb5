//! Content inspection: the bytes determine the type; name and declared type must agree (rule §14).

mod containers;
mod error;
mod hidden;
mod limits;
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

pub use error::Refusal;
pub(crate) use {
    error::ContentError,
    limits::{HEAD, MAX_PIXELS},
};

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
