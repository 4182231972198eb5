//! JPEG: segments that begin with 0xFF and a marker; scan data ends at the next marker outside its
//! own set.

use std::io::{BufRead, Read};

use super::{
    cost::{Cost, bounded},
    reading::{ContainerResult, byte, bytes, skip},
};
use crate::content::{
    error::{ContentError, Refusal},
    limits::{MAX_BLOCKS, MAX_SCANS, MAX_SEGMENTS, TABLES},
};

const START_OF_SCAN: u8 = 0xDA;
const END: u8 = 0xD9;

/// Bytes of the coefficients of a block.
const BLOCK: u64 = 64 * 2;

/// Bytes of rows that wait for the decoder's threads.
const QUEUE: u64 = 32 << 20;

/// Maximum number of pixels that a thumbnail is made of, unless the image is larger than the
/// decoder can reduce it: less than twice the largest size on both sides.
const THUMBNAIL: u64 = 1280 * 1280;

/// A colour component: its number and its blocks.
struct Component {
    number: u8,
    blocks: u64,
}

/// The frame header.
struct Frame {
    pixels: u64,
    is_lossless: bool,
    is_progressive: bool,
    components: Vec<Component>,
}

impl Frame {
    fn read(marker: u8, segment: &mut impl Read) -> ContainerResult<Self> {
        let [_, h1, h2, w1, w2, count] = bytes(segment)?;
        let (width, height) = (u16::from_be_bytes([w1, w2]), u16::from_be_bytes([h1, h2]));
        let pixels = bounded(width, height)?;
        let mut sampling = Vec::new();
        for _ in 0..count {
            let [number, factors, _] = bytes(segment)?;
            let (x, y) = (factors >> 4, factors & 15);
            if !(1..=4).contains(&x) || !(1..=4).contains(&y) {
                return Err(Refusal::Damaged.into());
            }
            sampling.push((number, u64::from(x), u64::from(y)));
        }
        if !(1..=4).contains(&sampling.len()) {
            return Err(Refusal::Damaged.into());
        }
        let is_lossless = marker & 3 == 3;
        // Interleaved units cover all components; their number is rounded up on both sides.
        let most = |of: fn(&(u8, u64, u64)) -> u64| sampling.iter().map(of).max().unwrap_or(1);
        let columns = u64::from(width).div_ceil(8 * most(|(_, x, _)| *x));
        let rows = u64::from(height).div_ceil(8 * most(|(_, _, y)| *y));
        let component = |(number, x, y)| Component {
            number,
            // Without blocks, each sample takes about a fourth of the work of a block.
            blocks: if is_lossless { pixels / 4 } else { columns * x * rows * y },
        };
        let components = sampling.into_iter().map(component).collect();
        Ok(Self { pixels, is_lossless, is_progressive: marker & 3 == 2, components })
    }

    /// Blocks of a scan.
    fn scanned(&self, segment: &mut impl Read) -> ContainerResult<u64> {
        let count = byte(segment)?;
        let mut blocks = 0;
        for _ in 0..count {
            let [number, _] = bytes(segment)?;
            let component = self.components.iter().find(|component| component.number == number);
            blocks += component.ok_or(Refusal::Damaged)?.blocks;
        }
        Ok(blocks)
    }

    fn cost(&self, metadata: u64) -> Cost {
        let count = self.components.len() as u64;
        let coefficients = self.components.iter().map(|component| component.blocks).sum::<u64>() * BLOCK;
        let held = match (self.is_lossless, self.is_progressive) {
            // Differences, results, planes and the picture.
            (true, _) => self.pixels * count * 12,
            (_, true) => coefficients + QUEUE.min(coefficients),
            _ => QUEUE.min(coefficients),
        };
        // At an eighth of its size: planes, the interleaved picture, and a copy.
        let reduced = |pixels: u64| pixels * count * 3;
        let all = held + metadata + TABLES;
        Cost {
            decoding: all + reduced(self.pixels.div_ceil(64)),
            thumbnail: all + reduced(THUMBNAIL.min(self.pixels).max(self.pixels.div_ceil(64))),
        }
    }
}

pub(super) fn check(file: &mut impl BufRead) -> ContainerResult<Cost> {
    let mut frame: Option<Frame> = None;
    let (mut scans, mut blocks, mut segments, mut metadata) = (0, 0, 0, 0);
    skip(file, 2)?;
    let mut marker = next_marker(file)?;
    loop {
        match marker {
            END => break,
            // Markers without a length.
            0x01 | 0xD0..=0xD7 => {}
            _ => {
                let length = u16::from_be_bytes(bytes(file)?);
                let length = u64::from(length.checked_sub(2).ok_or(Refusal::Damaged)?);
                segments += 1;
                let mut segment = file.take(length);
                match marker {
                    // Neither tables (C4, CC) nor the reserved marker (C8).
                    0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                        if frame.is_some() {
                            return Err(Refusal::Damaged.into());
                        }
                        frame = Some(Frame::read(marker, &mut segment)?);
                    }
                    START_OF_SCAN => {
                        scans += 1;
                        blocks += frame.as_ref().ok_or(Refusal::Damaged)?.scanned(&mut segment)?;
                    }
                    0xE0..=0xEF => metadata += length,
                    _ => {}
                }
                let rest = segment.limit();
                skip(file, rest)?;
                if segments > MAX_SEGMENTS || scans > MAX_SCANS || blocks > MAX_BLOCKS {
                    return Err(Refusal::TooComplex.into());
                }
            }
        }
        let was_scan = marker == START_OF_SCAN;
        marker = next_marker(file)?;
        // Escaped 0xFF bytes and restart markers belong to the scan data.
        while was_scan && matches!(marker, 0x00 | 0xD0..=0xD7) {
            marker = next_marker(file)?;
        }
    }
    Ok(frame.ok_or(Refusal::Damaged)?.cost(metadata))
}

/// Returns the byte after the next run of 0xFF bytes.
fn next_marker(file: &mut impl BufRead) -> Result<u8, ContentError> {
    file.skip_until(0xFF)?;
    loop {
        match byte(file)? {
            0xFF => {}
            marker => return Ok(marker),
        }
    }
}
