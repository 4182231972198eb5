//! Container formats: finds the end of each format, truncation, and data after the end, and
//! computes the cost of decoding from the headers.

mod codes;
mod cost;
mod gif;
mod jpeg;
mod pdf;
mod png;
mod reading;
mod webp;

use std::io::{BufRead, Read, Seek};

use inspection_domain::files::FileKind;

use self::reading::ContainerResult;
use super::error::Refusal;

pub(crate) use cost::Cost;
pub(super) use cost::bounded;

/// Checks that the file is complete, that no other data follows, and that the work of decoding it
/// is bounded. `length` is the size of the file.
pub(super) fn check(file: &mut (impl BufRead + Seek), kind: FileKind, length: u64) -> ContainerResult<Cost> {
    match kind {
        FileKind::Png => png::check(file, length).and_then(|cost| nothing_follows(file).map(|()| cost)),
        FileKind::Gif => gif::check(file).and_then(|cost| nothing_follows(file).map(|()| cost)),
        FileKind::Webp => webp::check(file, length).and_then(|cost| nothing_follows(file).map(|()| cost)),
        // Cameras append further images and their own data.
        FileKind::Jpeg => jpeg::check(file),
        FileKind::Pdf => pdf::check(file, length),
    }
}

/// Checks that only padding follows, which some programs append.
fn nothing_follows(file: &mut impl Read) -> ContainerResult {
    let mut buffer = [0; 4096];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        if buffer.iter().take(count).any(|b| !matches!(b, 0 | b' ' | b'\r' | b'\n')) {
            return Err(Refusal::GoesOn.into());
        }
    }
}
