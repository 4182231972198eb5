//! GIF: a header, images and extensions in blocks; the last byte is a semicolon.

use std::io::{BufRead, Read};

use super::{
    cost::{Cost, Frames, bounded},
    reading::{ContainerResult, byte, bytes, skip},
};
use crate::content::{error::Refusal, limits::TABLES};

/// Bytes for each pixel of a thumbnail's source: the canvas and one frame in four channels, and
/// its indexed colours.
const THUMBNAIL: u64 = 9;

/// Bytes of the palette that the flags announce.
fn palette(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Memory apart from pictures: tables, and profiles and descriptions in vectors that grow by
/// doubling.
fn held(metadata: u64) -> u64 {
    TABLES + 2 * metadata
}

fn side(file: &mut impl Read) -> ContainerResult<u16> {
    Ok(u16::from_le_bytes(bytes(file)?))
}

pub(super) fn check(file: &mut impl BufRead) -> ContainerResult<Cost> {
    skip(file, 6)?;
    let canvas = bounded(side(file)?, side(file)?)?;
    let flags = byte(file)?;
    skip(file, 2 + palette(flags))?;
    let (mut frames, mut largest, mut metadata) = (Frames::default(), 0, 0);
    loop {
        let kind = byte(file)?;
        match kind {
            b';' if frames.count == 0 => return Err(Refusal::Damaged.into()),
            b';' => {
                return Ok(Cost {
                    decoding: largest + held(metadata),
                    thumbnail: largest.max(canvas) * THUMBNAIL + held(metadata),
                });
            }
            b',' => {
                skip(file, 4)?;
                let pixels = bounded(side(file)?, side(file)?)?;
                frames.add(pixels)?;
                largest = largest.max(pixels);
                let flags = byte(file)?;
                skip(file, palette(flags) + 1)?;
            }
            b'!' => skip(file, 1)?,
            _ => return Err(Refusal::Damaged.into()),
        }
        loop {
            let length = byte(file)?;
            if length == 0 {
                break;
            }
            skip(file, length.into())?;
            if kind == b'!' {
                metadata += u64::from(length) + 1;
            }
        }
    }
}
