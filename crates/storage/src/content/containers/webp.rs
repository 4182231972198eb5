//! WebP: one RIFF chunk, padded to an even number of bytes, of chunks.

use std::io::{BufRead, Read};

use super::{
    codes::Codes,
    cost::{Cost, Frames, bounded},
    reading::{ContainerResult, bytes, skip},
};
use crate::content::{
    error::{ContentError, Refusal},
    limits::{METADATA, TABLES},
};

/// Bytes for each pixel of an animation's canvas: the canvas, and a frame in three and in four
/// channels.
const CANVAS: u64 = 11;

/// Header of a chunk: type and size.
const HEADER: u64 = 8;

/// A chunk with the part of its data that is unread. Chunks may be nested.
struct Chunk {
    kind: [u8; 4],
    rest: u64,
    padding: u64,
}

impl Chunk {
    /// Reads a header; `outer` is the rest of the surrounding chunk.
    fn read(file: &mut impl BufRead, outer: &mut u64) -> ContainerResult<Self> {
        *outer = outer.checked_sub(HEADER).ok_or(Refusal::Damaged)?;
        let kind = bytes(file)?;
        let size = u64::from(u32::from_le_bytes(bytes(file)?));
        // The padding of the last chunk may be missing.
        let padding = (size % 2).min(outer.saturating_sub(size));
        *outer = outer.checked_sub(size + padding).ok_or(Refusal::CutOff)?;
        Ok(Self { kind, rest: size, padding })
    }

    fn bytes<const N: usize>(&mut self, file: &mut impl Read) -> ContainerResult<[u8; N]> {
        self.rest = self.rest.checked_sub(N as u64).ok_or(Refusal::Damaged)?;
        bytes(file)
    }

    fn finish(self, file: &mut impl BufRead) -> ContainerResult {
        skip(file, self.rest + self.padding)
    }

    /// Width and height less one, in three bytes each.
    fn size(&mut self, file: &mut impl Read) -> ContainerResult<(u32, u32)> {
        let [w1, w2, w3, h1, h2, h3] = self.bytes(file)?;
        let side = |low, middle, high| u32::from_le_bytes([low, middle, high, 0]) + 1;
        Ok((side(w1, w2, w3), side(h1, h2, h3)))
    }

    /// The picture in this chunk, if it is one.
    fn picture(
        &mut self,
        file: &mut impl BufRead,
        codes: &mut Codes,
        with_alpha: bool,
    ) -> ContainerResult<Option<Picture>> {
        let damaged = ContentError::from(Refusal::Damaged);
        let low = |side: u16| u32::from(side & 0x3FFF);
        Ok(match &self.kind {
            b"VP8 " => {
                let [tag, _, _, 0x9D, 0x01, 0x2A, w1, w2, h1, h2] = self.bytes(file)? else {
                    return Err(damaged);
                };
                if tag & 1 != 0 {
                    return Err(damaged);
                }
                let (width, height) = (u16::from_le_bytes([w1, w2]), u16::from_le_bytes([h1, h2]));
                // Planes of brightness and colour, the picture, and a plane of transparency with
                // its own decoder.
                let pixel = if with_alpha { 12 } else { 5 };
                // The data, in a vector that grows by doubling, and their copy.
                Some(Picture { width: low(width), height: low(height), pixel, tables: self.rest * 3 })
            }
            b"VP8L" => {
                let [0x2F, b1, b2, b3, b4] = self.bytes(file)? else { return Err(damaged) };
                let header = u32::from_le_bytes([b1, b2, b3, b4]);
                // The picture in four channels, and in three channels without transparency, and the
                // images of its transforms.
                let pixel = if header >> 28 & 1 == 1 && with_alpha { 5 } else { 8 };
                let (width, height) = ((header & 0x3FFF) + 1, (header >> 14 & 0x3FFF) + 1);
                bounded(width, height)?;
                let tables = self.codes(file, codes, (width, height))?;
                Some(Picture { width, height, pixel, tables })
            }
            _ => None,
        })
    }

    /// The memory of the codes of a plane of transparency of this size, in this chunk.
    fn transparency(
        &mut self,
        file: &mut impl BufRead,
        codes: &mut Codes,
        size: (u32, u32),
    ) -> ContainerResult<u64> {
        let [flags] = self.bytes(file)?;
        if flags & 3 == 1 { self.codes(file, codes, size) } else { Ok(0) }
    }

    /// The memory of the codes of a lossless picture of this size.
    fn codes(
        &mut self,
        file: &mut impl BufRead,
        codes: &mut Codes,
        size: (u32, u32),
    ) -> ContainerResult<u64> {
        let mut data = file.take(self.rest);
        let memory = codes.memory(&mut data, size.0, size.1);
        self.rest = data.limit();
        memory.map_err(|error| match error {
            // The chunk ends, not the file.
            ContentError::Refused(Refusal::CutOff) if self.rest == 0 => Refusal::Damaged.into(),
            error => error,
        })
    }
}

/// A picture as its own header describes it.
struct Picture {
    width: u32,
    height: u32,
    /// Bytes for each pixel while it is decoded.
    pixel: u64,
    /// Bytes of its codes and data.
    tables: u64,
}

impl Picture {
    /// Memory to decode it in a canvas or frame of this size.
    fn cost(&self, expected: (u32, u32)) -> Result<u64, Refusal> {
        if (self.width, self.height) != expected {
            return Err(Refusal::Damaged);
        }
        Ok(bounded(self.width, self.height)? * self.pixel + self.tables)
    }
}

pub(super) fn check(file: &mut impl BufRead, length: u64) -> ContainerResult<Cost> {
    skip(file, 4)?;
    let whole = u64::from(u32::from_le_bytes(bytes(file)?));
    let mut rest = whole.checked_sub(4).ok_or(Refusal::Damaged)?;
    if bytes::<4>(file)? != *b"WEBP" {
        return Err(Refusal::Damaged.into());
    }
    let mut first = Chunk::read(file, &mut rest)?;
    let largest = if first.kind == *b"VP8X" {
        let [flags, _, _, _] = first.bytes(file)?;
        let canvas = first.size(file)?;
        first.finish(file)?;
        extended(file, rest, canvas, flags & 0x10 != 0)?
    } else {
        let picture = first.picture(file, &mut Codes::default(), true)?.ok_or(Refusal::Damaged)?;
        // Without an extended header, only VP8L has transparency.
        let pixel = if first.kind == *b"VP8L" { picture.pixel } else { 5 };
        let size = (picture.width, picture.height);
        let cost = Picture { pixel, ..picture }.cost(size)?;
        first.finish(file)?;
        skip(file, rest)?;
        cost
    };
    if whole % 2 == 1 {
        file.read_exact(&mut [0]).or_else(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Ok(()),
            _ => Err(error),
        })?;
    }
    let decoding = largest + TABLES;
    Ok(Cost { decoding, thumbnail: decoding + length.min(METADATA) })
}

/// The memory for the pictures behind an extended header.
fn extended(
    file: &mut impl BufRead,
    mut rest: u64,
    canvas: (u32, u32),
    with_alpha: bool,
) -> ContainerResult<u64> {
    let pixels = bounded(canvas.0, canvas.1)?;
    let mut codes = Codes::default();
    let (mut frames, mut still, mut largest, mut alpha) = (Frames::default(), None, 0, 0);
    while rest > 0 {
        let mut chunk = Chunk::read(file, &mut rest)?;
        if chunk.kind == *b"ANMF" {
            // The parts of a frame are padded. Behind an odd size, decoders find other frames.
            if chunk.rest % 2 == 1 {
                return Err(Refusal::Damaged.into());
            }
            // Every frame is drawn on the whole canvas.
            frames.add(pixels)?;
            largest = largest.max(frame(file, &mut chunk, &mut codes, canvas)?);
        } else if chunk.kind == *b"ALPH" {
            alpha = alpha.max(chunk.transparency(file, &mut codes, canvas)?);
        } else if let Some(picture) = chunk.picture(file, &mut codes, with_alpha)? {
            still = still.max(Some(picture.cost(canvas)?));
        }
        chunk.finish(file)?;
    }
    if frames.count > 0 {
        return Ok(pixels * CANVAS + alpha + largest.max(still.unwrap_or(0)));
    }
    Ok(still.ok_or(Refusal::Damaged)? + alpha)
}

/// The memory for a frame of an animation.
fn frame(
    file: &mut impl BufRead,
    outer: &mut Chunk,
    codes: &mut Codes,
    canvas: (u32, u32),
) -> ContainerResult<u64> {
    let _position = outer.bytes::<6>(file)?;
    let size = outer.size(file)?;
    let _duration_and_flags = outer.bytes::<4>(file)?;
    if size.0 > canvas.0 || size.1 > canvas.1 {
        return Err(Refusal::Damaged.into());
    }
    let mut chunk = Chunk::read(file, &mut outer.rest)?;
    let mut alpha = 0;
    // Decoders take the chunk behind a plane of transparency for a picture, whatever its type.
    if chunk.kind == *b"ALPH" {
        alpha = chunk.transparency(file, codes, size)?;
        chunk.finish(file)?;
        chunk = Chunk::read(file, &mut outer.rest)?;
        if chunk.kind != *b"VP8 " {
            return Err(Refusal::Damaged.into());
        }
    }
    let picture = chunk.picture(file, codes, true)?.ok_or(Refusal::Damaged)?;
    let cost = picture.cost(size)?;
    chunk.finish(file)?;
    Ok(cost + alpha)
}
