//! PNG: a signature and chunks (length, type, data, checksum); the last chunk is `IEND`.

use std::io::BufRead;

use super::{
    cost::{Cost, Frames, bounded},
    reading::{ContainerResult, bytes, skip},
};
use crate::content::{
    error::{ContentError, Refusal},
    limits::{MAX_CHUNKS, MAX_RAW_BYTES, METADATA, TABLES},
};

/// Work of a row, in bytes, apart from that of its pixels.
const ROW: u64 = 64;

/// Rows that the decoder holds: two of raw data, the output, and one in reserve.
const ROWS: u64 = 4;

/// The header.
struct Header {
    width: u32,
    height: u32,
    depth: u8,
    color: u8,
}

impl Header {
    fn read(file: &mut impl BufRead) -> ContainerResult<Self> {
        let width = u32::from_be_bytes(bytes(file)?);
        let height = u32::from_be_bytes(bytes(file)?);
        let [depth, color] = bytes(file)?;
        if !matches!(depth, 1 | 2 | 4 | 8 | 16) {
            return Err(Refusal::Damaged.into());
        }
        Ok(Self { width, height, depth, color })
    }

    fn channels(&self) -> Result<u64, Refusal> {
        match self.color {
            0 | 3 => Ok(1),
            2 => Ok(3),
            4 => Ok(2),
            6 => Ok(4),
            _ => Err(Refusal::Damaged),
        }
    }

    /// Bytes of a row.
    fn row(&self) -> Result<u64, Refusal> {
        let bits = u64::from(self.width) * self.channels()? * u64::from(self.depth);
        Ok(bits.div_ceil(8) + 1)
    }

    /// Bytes of a pixel in memory, with the transparency that a chunk adds.
    fn pixel(&self, is_transparent: bool) -> Result<u64, Refusal> {
        let channels = match self.color {
            3 => 3 + u64::from(is_transparent),
            0 | 2 => self.channels()? + u64::from(is_transparent),
            _ => self.channels()?,
        };
        Ok(channels * if self.depth == 16 { 2 } else { 1 })
    }
}

pub(super) fn check(file: &mut impl BufRead, length: u64) -> ContainerResult<Cost> {
    skip(file, 8)?;
    let (mut header, mut frames, mut chunks) = (None, Frames::default(), 0);
    let mut is_transparent = false;
    loop {
        let size = u64::from(u32::from_be_bytes(bytes(file)?));
        let kind = bytes::<4>(file)?;
        chunks += 1;
        if chunks > MAX_CHUNKS {
            return Err(Refusal::TooComplex.into());
        }
        let read = match (&kind, &header) {
            (b"IHDR", None) if size == 13 => {
                header = Some(Header::read(file)?);
                10
            }
            (b"IHDR", _) | (_, None) => return Err(Refusal::Damaged.into()),
            // A frame of an animation: its number, width and height.
            (b"fcTL", _) if size >= 12 => {
                skip(file, 4)?;
                let width = u32::from_be_bytes(bytes(file)?);
                let height = u32::from_be_bytes(bytes(file)?);
                frames.add(bounded(width, height)?)?;
                12
            }
            _ => 0,
        };
        is_transparent |= kind == *b"tRNS";
        skip(file, size - read + 4)?;
        if kind == *b"IEND" {
            break;
        }
    }
    let header = header.ok_or(ContentError::from(Refusal::Damaged))?;
    let pixels = bounded(header.width, header.height)?;
    let row = header.row()?;
    if (row + ROW).saturating_mul(header.height.into()) > MAX_RAW_BYTES {
        return Err(Refusal::TooComplex.into());
    }
    // A chunk in a buffer that grows by doubling, or with its copy.
    let decoding = row * ROWS + 2 * length.min(METADATA) + TABLES;
    Ok(Cost { decoding, thumbnail: decoding + pixels * header.pixel(is_transparent)? + length.min(METADATA) })
}
