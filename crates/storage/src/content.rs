//! Content inspection: the bytes determine the type; name and declared type must agree (rule §14).

mod containers;
mod documents;
mod error;
mod hidden;
mod limits;
mod meter;
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
    containers::Cost,
    error::ContentError,
    limits::{HEAD, MAX_MEMORY},
    meter::{Meter, Metered},
};

/// Determines the type of a file by its first bytes.
pub(crate) fn kind_of(head: &[u8]) -> Result<FileKind, Refusal> {
    if head.is_empty() {
        return Err(Refusal::Empty);
    }
    let mime = infer::get(head).ok_or(Refusal::NotTaken)?.mime_type();
    let accepted = FileKind::ALL.iter().copied().find(|kind| kind.as_str() == mime);
    accepted.ok_or_else(|| match mime {
        "image/heif" => Refusal::Heic,
        mime if mime.starts_with("video/") => Refusal::Video,
        _ => Refusal::NotTaken,
    })
}

/// Bytes of one read of a decoder, between checks of its limits.
const PIECE: usize = 32 << 10;

fn open(path: &Path) -> Result<BufReader<File>, ContentError> {
    Ok(BufReader::with_capacity(64 << 10, File::open(path)?))
}

fn head(path: &Path) -> Result<Vec<u8>, ContentError> {
    let mut head = Vec::with_capacity(HEAD);
    File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn cost_of(file: &mut BufReader<File>, kind: FileKind) -> Result<Cost, ContentError> {
    let length = file.get_ref().metadata()?.len();
    containers::check(file, kind, length)
}

/// Determines the type of a file that is complete and consistent with its name, and the memory to
/// decode it, by its headers.
pub(crate) fn examine(
    path: &Path,
    name: &str,
    declared: Option<&str>,
) -> Result<(FileKind, Cost), ContentError> {
    let head = head(path)?;
    let kind = kind_of(&head)?;
    names::agree(name, declared, kind)?;
    let mut file = open(path)?;
    let cost = cost_of(&mut file, kind)?;
    if cost.decoding > MAX_MEMORY {
        return Err(Refusal::TooComplex.into());
    }
    file.rewind()?;
    hidden::check(&mut file, &head, kind)?;
    Ok((kind, cost))
}

/// Checks that the content of an image is readable to its end, and that a document is passive.
pub(crate) fn decode(path: &Path, kind: FileKind, meter: &Meter) -> Result<(), ContentError> {
    let mut file = source(path, meter)?;
    let checked = if kind == FileKind::Pdf {
        let mut data = Vec::new();
        file.read_to_end(&mut data).map_err(ContentError::from).and_then(|_| documents::check(&data, meter))
    } else {
        pixels::check(file, kind)
    };
    checked.map_err(|error| meter.explain(error))
}

/// The type of an accepted file, and the memory to decode it.
pub(crate) fn cost_of_stored(path: &Path) -> Result<(FileKind, Cost), ContentError> {
    let kind = kind_of(&head(path)?)?;
    Ok((kind, cost_of(&mut open(path)?, kind)?))
}

/// The source of a decoder.
pub(crate) fn source(path: &Path, meter: &Meter) -> Result<BufReader<Metered<File>>, ContentError> {
    Ok(BufReader::with_capacity(PIECE, meter.of(File::open(path)?)))
}
