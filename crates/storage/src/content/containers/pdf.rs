//! PDF: a header with the version; `startxref` and `%%EOF` at the end.

use std::io::{BufRead, Seek, SeekFrom};

use super::{
    cost::Cost,
    reading::{ContainerResult, bytes},
};
use crate::content::{
    error::Refusal,
    limits::{HEAD, MAX_OBJECT_STREAM},
};

pub(super) fn check(file: &mut (impl BufRead + Seek), size: u64) -> ContainerResult<Cost> {
    let [b'%', b'P', b'D', b'F', b'-', first, b'.', second] = bytes(file)? else {
        return Err(Refusal::Damaged.into());
    };
    if !first.is_ascii_digit() || !second.is_ascii_digit() {
        return Err(Refusal::Damaged.into());
    }
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(2 * HEAD as u64)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let is_padding = |b: &u8| matches!(b, 0 | b' ' | b'\t' | b'\r' | b'\n');
    let end = tail.windows(5).rposition(|window| window == b"%%EOF").ok_or(Refusal::CutOff)?;
    if !tail.iter().skip(end + 5).all(is_padding) {
        return Err(Refusal::GoesOn.into());
    }
    if !tail.windows(9).any(|window| window == b"startxref") {
        return Err(Refusal::CutOff.into());
    }
    // The file and an object stream, whose buffers grow by doubling.
    Ok(Cost { decoding: 2 * size + 2 * MAX_OBJECT_STREAM, thumbnail: u64::MAX })
}
