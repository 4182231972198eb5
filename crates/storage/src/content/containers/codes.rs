//! Lossless WebP: the memory of its codes, which no header states.
//!
//! A picture has groups of codes, whose number is the highest one that another picture refers to,
//! in the data. A decoder builds the tables of all groups before it reads a pixel. So this walk
//! decodes the small pictures before the codes, without storing them, and adds up the tables. It
//! ends where the pixels begin.

use std::io::Read;

use super::reading::{ContainerResult, byte};
use crate::content::{
    error::Refusal,
    limits::{MAX_ALL_GROUPS, MAX_GROUPS, MAX_MEMORY},
};

/// Sizes of the alphabets of a group: green, lengths and cached colours, red, blue, transparency,
/// distances.
const ALPHABETS: [usize; 5] = [256 + LENGTHS, 256, 256, 256, 40];

/// Symbols for lengths, behind those of green.
const LENGTHS: usize = 24;

/// Order of the lengths of the codes for lengths.
const ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Maximum length of a code.
const LONGEST: usize = 15;

/// Length of a code up to which the decoder uses a table.
const TABLE: usize = 10;

/// Bytes of an entry of a table.
const ENTRY: u64 = 4;

/// Bytes of the two nodes for a longer code, in a vector that may have grown by doubling.
const NODES: u64 = 64;

/// Bytes of a code and of its allocations, apart from its table.
const CODE: u64 = 160;

/// Bits, from the lowest of each byte.
struct Bits<R> {
    source: R,
    buffer: u32,
    count: usize,
}

impl<R: Read> Bits<R> {
    /// Takes at most 18 bits, the first one lowest.
    fn take(&mut self, count: usize) -> ContainerResult<usize> {
        while self.count < count {
            self.buffer |= u32::from(byte(&mut self.source)?) << self.count;
            self.count += 8;
        }
        let taken = self.buffer & ((1 << count) - 1);
        self.buffer >>= count;
        self.count -= count;
        Ok(taken.try_into().unwrap_or(usize::MAX))
    }

    fn is_set(&mut self) -> ContainerResult<bool> {
        Ok(self.take(1)? == 1)
    }
}

/// The lengths of the symbols of an alphabet, in runs of a length and its number of symbols.
type Lengths = Vec<(usize, usize)>;

/// The memory of the table and the nodes of a code.
fn memory_of(lengths: &Lengths) -> u64 {
    let used = || lengths.iter().filter(|(length, _)| *length > 0);
    if used().map(|(_, times)| times).sum::<usize>() < 2 {
        return CODE;
    }
    let longest = used().map(|(length, _)| *length).max().unwrap_or(0);
    let nodes = used().filter(|(length, _)| *length > TABLE).map(|(_, times)| *times as u64).sum::<u64>();
    CODE + ENTRY * (1 << longest.min(TABLE)) + NODES * nodes
}

/// A code of a small picture.
struct Code {
    /// Number of symbols of each length.
    counts: [usize; LONGEST + 1],
    /// Symbols by length and value. A single one takes no bits.
    symbols: Vec<usize>,
}

impl Code {
    /// A code whose symbols have these lengths; fails if it has unused codes or too many.
    fn of(lengths: &Lengths) -> ContainerResult<Self> {
        let mut symbols: Vec<_> = lengths
            .iter()
            .flat_map(|(length, times)| std::iter::repeat_n(*length, *times))
            .enumerate()
            .filter(|(_, length)| *length > 0)
            .collect();
        symbols.sort_by_key(|(_, length)| *length);
        let mut counts = [0; LONGEST + 1];
        for (_, length) in &symbols {
            if let Some(count) = counts.get_mut(*length) {
                *count += 1;
            }
        }
        // Each code takes its part of all codes of the longest length.
        let taken =
            counts.iter().enumerate().map(|(length, count)| count << (LONGEST - length)).sum::<usize>();
        if symbols.is_empty() || symbols.len() > 1 && taken != 1 << LONGEST {
            return Err(Refusal::Damaged.into());
        }
        Ok(Self { counts, symbols: symbols.into_iter().map(|(symbol, _)| symbol).collect() })
    }

    /// The only symbol, which takes no bits.
    fn single(&self) -> Option<usize> {
        self.symbols.first().copied().filter(|_| self.symbols.len() == 1)
    }

    fn symbol(&self, bits: &mut Bits<impl Read>) -> ContainerResult<usize> {
        let damaged = || Refusal::Damaged;
        if let Some(symbol) = self.single() {
            return Ok(symbol);
        }
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in self.counts.iter().skip(1) {
            code |= bits.take(1)?;
            if code < first + count {
                return Ok(*self.symbols.get(index + code - first).ok_or_else(damaged)?);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(damaged().into())
    }
}

/// The codes of the pictures of a file.
#[derive(Debug, Default)]
pub(super) struct Codes {
    /// Groups of codes so far.
    groups: usize,
}

impl Codes {
    /// The memory of the codes of a lossless picture, whose data begin behind its size.
    pub(super) fn memory(&mut self, source: impl Read, width: u32, height: u32) -> ContainerResult<u64> {
        let mut walk = Walk { bits: Bits { source, buffer: 0, count: 0 }, memory: 0 };
        let width = walk.transforms(width, height)?;
        let cache = walk.cache()?;
        let mut groups = 1;
        if walk.bits.is_set()? {
            let size = walk.bits.take(3)? + 2;
            groups = walk.picture(in_blocks(width, size), in_blocks(height, size))? + 1;
        }
        self.groups += groups;
        if groups > MAX_GROUPS || self.groups > MAX_ALL_GROUPS {
            return Err(Refusal::TooComplex.into());
        }
        for _ in 0..groups {
            walk.group(cache)?;
        }
        Ok(walk.memory)
    }
}

/// Number of blocks of 2^`size` pixels for these pixels.
fn in_blocks(pixels: u32, size: usize) -> u32 {
    pixels.div_ceil(1 << size)
}

struct Walk<R> {
    bits: Bits<R>,
    memory: u64,
}

impl<R: Read> Walk<R> {
    /// Reads the transforms; returns the width of the picture that follows.
    fn transforms(&mut self, mut width: u32, height: u32) -> ContainerResult<u32> {
        let mut seen = [false; 4];
        while self.bits.is_set()? {
            let kind = self.bits.take(2)?;
            match seen.get_mut(kind) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(Refusal::Damaged.into()),
            }
            match kind {
                0 | 1 => {
                    let size = self.bits.take(3)? + 2;
                    self.picture(in_blocks(width, size), in_blocks(height, size))?;
                }
                3 => {
                    let colors = self.bits.take(8)? + 1;
                    self.picture(u32::try_from(colors).unwrap_or(u32::MAX), 1)?;
                    // Several pixels in one.
                    width = in_blocks(
                        width,
                        match colors {
                            ..=2 => 3,
                            3..=4 => 2,
                            5..=16 => 1,
                            _ => 0,
                        },
                    );
                }
                _ => {}
            }
        }
        Ok(width)
    }

    /// Reads the number of cached colours.
    fn cache(&mut self) -> ContainerResult<usize> {
        if !self.bits.is_set()? {
            return Ok(0);
        }
        match self.bits.take(4)? {
            size @ 1..=11 => Ok(1 << size),
            _ => Err(Refusal::Damaged.into()),
        }
    }

    /// Reads the lengths of a group of codes.
    fn group(&mut self, cache: usize) -> ContainerResult<[Lengths; 5]> {
        let [green, red, blue, alpha, distance] = ALPHABETS;
        let group = [
            self.lengths(green + cache)?,
            self.lengths(red)?,
            self.lengths(blue)?,
            self.lengths(alpha)?,
            self.lengths(distance)?,
        ];
        self.memory += group.iter().map(memory_of).sum::<u64>();
        if self.memory > MAX_MEMORY { Err(Refusal::TooComplex.into()) } else { Ok(group) }
    }

    /// Reads the lengths of the symbols of an alphabet.
    fn lengths(&mut self, alphabet: usize) -> ContainerResult<Lengths> {
        if self.bits.is_set()? {
            let has_two = self.bits.is_set()?;
            let size = if self.bits.is_set()? { 8 } else { 1 };
            let first = self.bits.take(size)?;
            let second = if has_two { Some(self.bits.take(8)?) } else { None };
            return Ok(match second {
                None => vec![(0, first), (1, 1)],
                // Both codes have one bit, the first one is 0.
                Some(second) if first < second => vec![(0, first), (1, 1), (0, second - first - 1), (1, 1)],
                Some(_) => return Err(Refusal::Damaged.into()),
            });
        }
        let mut lengths = [0; ORDER.len()];
        let count = self.bits.take(4)? + 4;
        for at in ORDER.iter().take(count) {
            if let Some(length) = lengths.get_mut(*at) {
                *length = self.bits.take(3)?;
            }
        }
        let code = Code::of(&lengths.into_iter().map(|length| (length, 1)).collect())?;
        let mut most = alphabet;
        if self.bits.is_set()? {
            let size = 2 + 2 * self.bits.take(3)?;
            most = 2 + self.bits.take(size)?;
        }
        if most > alphabet {
            return Err(Refusal::Damaged.into());
        }
        if let Some(length) = code.single().filter(|length| *length <= LONGEST) {
            return Ok(vec![(length, most)]);
        }
        let (mut runs, mut read, mut previous) = (Lengths::new(), 0, 8);
        for _ in 0..most {
            if read >= alphabet {
                break;
            }
            let (length, times) = match code.symbol(&mut self.bits)? {
                16 => (previous, 3 + self.bits.take(2)?),
                17 => (0, 3 + self.bits.take(3)?),
                18 => (0, 11 + self.bits.take(7)?),
                length => (length, 1),
            };
            if length != 0 {
                previous = length;
            }
            read += times;
            runs.push((length, times));
        }
        if read > alphabet { Err(Refusal::Damaged.into()) } else { Ok(runs) }
    }

    /// Reads a picture with one group of codes; returns the highest number in red and green.
    ///
    /// Copies and cached colours repeat earlier pixels, or are zero.
    fn picture(&mut self, width: u32, height: u32) -> ContainerResult<usize> {
        let cache = self.cache()?;
        let [green, red, blue, alpha, distance] = self.group(cache)?;
        let (green, red, blue) = (Code::of(&green)?, Code::of(&red)?, Code::of(&blue)?);
        let (alpha, distance) = (Code::of(&alpha)?, Code::of(&distance)?);
        let pixels = u64::from(width) * u64::from(height);
        let (mut count, mut highest) = (0, 0);
        while count < pixels {
            let symbol = green.symbol(&mut self.bits)?;
            if symbol < 256 {
                highest = highest.max(red.symbol(&mut self.bits)? << 8 | symbol);
                blue.symbol(&mut self.bits)?;
                alpha.symbol(&mut self.bits)?;
                count += 1;
                if [&green, &red, &blue, &alpha].iter().all(|code| code.single().is_some()) {
                    // All pixels are the same.
                    break;
                }
            } else if symbol < 256 + LENGTHS {
                let length = self.distance(symbol - 256)?;
                let symbol = distance.symbol(&mut self.bits)?;
                self.distance(symbol)?;
                count += length;
            } else {
                count += 1;
            }
        }
        Ok(highest)
    }

    /// A length or distance, less than 2^20.
    fn distance(&mut self, symbol: usize) -> ContainerResult<u64> {
        if symbol < 4 {
            return Ok(symbol as u64 + 1);
        }
        let extra = (symbol - 2) >> 1;
        let offset = (2 + (symbol & 1)) << extra;
        Ok((offset + self.bits.take(extra)? + 1) as u64)
    }
}
