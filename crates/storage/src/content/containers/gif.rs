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

fn side(file: &mut impl Read) -> ContainerResult<u16> {
    Ok(u16::from_le_bytes(bytes(file)?))
}

pub(super) fn check(file: &mut impl BufRead) -> ContainerResult<Cost> {
    skip(file, 6)?;
    let canvas = bounded(side(file)?, side(file)?)?;
    let flags = byte(file)?;
    skip(file, 2 + palette(flags))?;
    let (mut frames, mut largest) = (Frames::default(), 0);
    loop {
        match byte(file)? {
            b';' if frames.count == 0 => return Err(Refusal::Damaged.into()),
            b';' => {
                return Ok(Cost {
                    decoding: largest + TABLES,
                    thumbnail: largest.max(canvas) * THUMBNAIL + TABLES,
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
        }
    }
}
