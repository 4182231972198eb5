//! Small files that take much memory or time to decode.

use image::{GrayImage, ImageFormat};

use crate::files::{Hostile, chunk, encoded, place_of, png, png_of_size, png_with, segment};

const COMPLEX: &str = "too complex to decode";
const PIXELS: &str = "million pixels";
const DAMAGED: &str = "is damaged";

/// Bits of a file, written from the lowest or from the highest of each byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    /// Appends the lowest `count` bits of `value`, the lowest bit first.
    fn low_first(&mut self, value: u32, count: usize) {
        for n in 0..count {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().expect("a byte");
            *last |= u8::from(value >> n & 1 == 1) << (self.count % 8);
            self.count += 1;
        }
    }

    /// Appends the lowest `count` bits of `value`, the highest bit first.
    fn high_first(&mut self, value: u32, count: usize) {
        for n in (0..count).rev() {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().expect("a byte");
            *last |= u8::from(value >> n & 1 == 1) << (7 - self.count % 8);
            self.count += 1;
        }
    }
}

/// Frame header of a JPEG, with the sampling factors of each component.
fn frame(marker: u8, width: u16, height: u16, sampling: &[u8]) -> Vec<u8> {
    let mut data = vec![8];
    data.extend(height.to_be_bytes());
    data.extend(width.to_be_bytes());
    data.push(u8::try_from(sampling.len()).expect("few"));
    for (number, factors) in (1..).zip(sampling) {
        data.extend([number, *factors, 0]);
    }
    segment(marker, &data)
}

/// A scan of the first components.
fn scan(components: u8, coefficients: [u8; 3], data: &[u8]) -> Vec<u8> {
    let mut header = vec![components];
    header.extend((1..=components).flat_map(|number| [number, 0]));
    header.extend(coefficients);
    [&segment(0xDA, &header)[..], data].concat()
}

/// A JPEG with all tables that the scans of this file refer to.
fn jpeg(frame: &[u8], rest: &[Vec<u8>]) -> Vec<u8> {
    let quantization = segment(0xDB, &[&[0][..], &[1; 64]].concat());
    // One code, of one bit: no difference, and a run of 2^14 blocks without coefficients.
    let table = |class, symbol| {
        let mut data = vec![class, 1];
        data.extend([0; 15]);
        data.push(symbol);
        segment(0xC4, &data)
    };
    let start = [&[0xFF, 0xD8][..], &quantization, &table(0x00, 0), &table(0x10, 0xE0)].concat();
    [&start[..], frame, &rest.concat(), &[0xFF, 0xD9]].concat()
}

/// A progressive grey JPEG of 8000 × 8000 pixels: one scan of brightness, and these many that
/// refine nothing.
fn refined(scans: usize) -> Vec<u8> {
    let blocks = 1000 * 1000_usize;
    let run = 32_767;
    let mut bits = Bits::default();
    for _ in 0..blocks.div_ceil(run) {
        bits.high_first(0, 1);
        bits.high_first(0x3FFF, 14);
    }
    let data: Vec<u8> =
        bits.bytes.iter().flat_map(|b| if *b == 0xFF { vec![0xFF, 0] } else { vec![*b] }).collect();
    let first = scan(1, [0, 0, 0], &vec![0; blocks / 8]);
    let more = std::iter::repeat_n(scan(1, [1, 63, 0x10], &data), scans);
    jpeg(&frame(0xC2, 8000, 8000, &[0x11]), &std::iter::once(first).chain(more).collect::<Vec<_>>())
}

fn gif(width: u16, height: u16, frames: &[Vec<u8>]) -> Vec<u8> {
    let screen = [width.to_le_bytes(), height.to_le_bytes()].concat();
    [b"GIF89a", &screen[..], &[0x80, 0, 0], &[0; 6], &frames.concat(), b";"].concat()
}

/// A frame of a GIF whose data end at once.
fn gif_frame(width: u16, height: u16) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    [&b",\0\0\0\0"[..], &size, &[0, 2, 2, 0x2C, 0, 0]].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [&b"WEBP"[..], &chunks.concat()].concat();
    [&b"RIFF"[..], &u32::try_from(body.len()).expect("short").to_le_bytes(), &body].concat()
}

fn riff_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("short").to_le_bytes();
    [&kind[..], &length, data, if data.len() % 2 == 1 { &[0] } else { &[] }].concat()
}

/// The size of a canvas or a frame.
fn canvas(width: u32, height: u32) -> Vec<u8> {
    [&(width - 1).to_le_bytes()[..3], &(height - 1).to_le_bytes()[..3]].concat()
}

fn extended(flags: u8, width: u32, height: u32) -> Vec<u8> {
    riff_chunk(*b"VP8X", &[&[flags, 0, 0, 0][..], &canvas(width, height)].concat())
}

/// A lossless picture whose data are these, behind its header.
fn lossless(width: u32, height: u32, bits: Bits) -> Vec<u8> {
    let size = (width - 1) | (height - 1) << 14;
    riff_chunk(*b"VP8L", &[&[0x2F][..], &size.to_le_bytes(), &bits.bytes].concat())
}

/// A lossless picture of one colour, which takes no data.
fn plain(width: u32, height: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    // No transform, no cache, no further codes.
    bits.low_first(0, 3);
    for _ in 0..5 {
        // A simple code of the symbol 0.
        bits.low_first(1, 4);
    }
    bits.low_first(0, 32);
    lossless(width, height, bits)
}

fn lossy(width: u16, height: u16) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    riff_chunk(*b"VP8 ", &[&[0x10, 0, 0, 0x9D, 0x01, 0x2A][..], &size, &[0; 40]].concat())
}

fn webp_frame(width: u32, height: u32, picture: &[u8]) -> Vec<u8> {
    riff_chunk(*b"ANMF", &[&[0; 6][..], &canvas(width, height), &[0; 4], picture].concat())
}

fn animation(width: u32, height: u32, frames: usize) -> Vec<u8> {
    let mut chunks = vec![extended(0x12, width, height), riff_chunk(*b"ANIM", &[0; 6])];
    chunks.extend(std::iter::repeat_n(webp_frame(1, 1, &plain(1, 1)), frames));
    riff(&chunks)
}

/// A code of a lossless picture: the first `symbols` symbols, all of the same `length`.
fn code(bits: &mut Bits, length: u32, alphabet: u32, symbols: u32) {
    const ORDER: [u32; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let last = ORDER.iter().position(|of| *of == length).expect("a length");
    bits.low_first(0, 1);
    bits.low_first(u32::try_from(last + 1 - 4).expect("few"), 4);
    for of in &ORDER[..=last] {
        bits.low_first(u32::from(*of == length), 3);
    }
    if symbols == alphabet {
        bits.low_first(0, 1);
    } else {
        // The number of symbols less two, in ten bits.
        bits.low_first(1, 1);
        bits.low_first(4, 3);
        bits.low_first(symbols - 2, 10);
    }
}

/// The data of a lossless picture of one pixel with groups of codes, each with large tables.
fn codes(groups: u32, transforms: &[u32]) -> Bits {
    let mut bits = Bits::default();
    // Transforms, each with a picture of one pixel; a cache of 2^11 colours.
    for transform in transforms {
        bits.low_first(1, 1);
        bits.low_first(*transform, 2);
        // Without data (2), with a number of colours (3), or with the size of its blocks.
        match transform {
            2 => continue,
            3 => bits.low_first(0, 8),
            _ => bits.low_first(0, 3),
        }
        bits.low_first(0, 1);
        for _ in 0..5 {
            bits.low_first(1, 4);
        }
    }
    bits.low_first(0, 1);
    bits.low_first(1, 1);
    bits.low_first(11, 4);
    // Groups of codes, in a picture of one pixel, whose colour is the highest number.
    bits.low_first(1, 1);
    bits.low_first(0, 3);
    bits.low_first(0, 1);
    for symbol in [(groups - 1) & 255, (groups - 1) >> 8, 0, 0, 0] {
        bits.low_first(0b101, 3);
        bits.low_first(symbol, 8);
    }
    let mut group = Bits::default();
    code(&mut group, 10, 280 + 2048, 1024);
    for _ in 0..3 {
        code(&mut group, 8, 256, 256);
    }
    code(&mut group, 5, 40, 32);
    let group: Vec<u32> = (0..group.count).map(|n| u32::from(group.bytes[n / 8] >> (n % 8) & 1)).collect();
    for _ in 0..groups {
        for bit in &group {
            bits.low_first(*bit, 1);
        }
    }
    // The pixel.
    bits.low_first(0, 32);
    bits
}

/// A compressed plane of transparency.
fn transparency(bits: Bits) -> Vec<u8> {
    riff_chunk(*b"ALPH", &[&[1][..], &bits.bytes].concat())
}

/// A large lossy picture with data for all of its blocks.
fn full_lossy(width: u16, height: u16) -> Vec<u8> {
    const PART: usize = 500 << 10;
    let tag = u32::try_from(PART).expect("short") << 5 | 0x10;
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    let data = vec![0x55; PART * 4];
    let data = [&tag.to_le_bytes()[..3], &[0x9D, 0x01, 0x2A], &size, &[0; 32], &data].concat();
    riff_chunk(*b"VP8 ", &data)
}

/// An animation of one frame of one pixel, whose parts are these.
fn webp_frame_of(parts: &[Vec<u8>]) -> Vec<u8> {
    riff(&[extended(0x12, 1, 1), riff_chunk(*b"ANIM", &[0; 6]), webp_frame(1, 1, &parts.concat())])
}

/// An animation whose first frame has an odd size. A decoder that ignores its padding finds a large
/// frame behind it, one that does not finds chunks without a meaning.
fn odd_frame() -> Vec<u8> {
    let mut odd = webp_frame(1, 1, &[&plain(1, 1)[..], b"odd"].concat());
    odd.pop();
    let mut hidden = webp_frame(1, 1, &full_lossy(16_383, 16_383));
    // The padding is the first letter of the hidden header.
    let size = u32::from_le_bytes(hidden[4..8].try_into().expect("four")) >> 8;
    let at = usize::try_from(9 + size + size % 2).expect("short");
    let rest = u32::try_from(hidden.len() - at - 8).expect("short");
    hidden[at..at + 8].copy_from_slice(&[*b"skip", rest.to_le_bytes()].concat());
    let padding = vec![0; usize::from(rest % 2 == 1)];
    let last = webp_frame(1, 1, &plain(1, 1));
    riff(&[extended(0x12, 1, 1), riff_chunk(*b"ANIM", &[0; 6]), odd, hidden, padding, last])
}

/// A JPEG of large blocks without coefficients, which are decoded faster than they are drawn.
fn blank(marker: u8, width: u16, height: u16, sampling: &[u8]) -> Vec<u8> {
    let quantization = segment(0xDB, &[&[0][..], &[1; 64]].concat());
    // One code, of one bit: no difference, and the end of the block.
    let table = |class| segment(0xC4, &[&[class, 1][..], &[0; 16]].concat());
    let count = u8::try_from(sampling.len()).expect("few");
    let blocks: usize =
        sampling.iter().map(|factors| usize::from(factors >> 4) * usize::from(factors & 15)).sum();
    let most = |of: fn(&u8) -> u8| usize::from(sampling.iter().map(of).max().expect("one"));
    let columns = usize::from(width).div_ceil(8 * most(|factors| factors >> 4));
    let rows = usize::from(height).div_ceil(8 * most(|factors| factors & 15));
    let data = vec![0; (columns * rows * blocks).div_ceil(4)];
    let scan = scan(count, [0, 63, 0], &data);
    let start = [&[0xFF, 0xD8][..], &quantization, &table(0x00), &table(0x10)].concat();
    [&start[..], &frame(marker, width, height, sampling), &scan, &[0xFF, 0xD9]].concat()
}

/// A GIF of one pixel with a large application extension.
fn gif_with(application: &[u8; 11], bytes: usize) -> Vec<u8> {
    let block = [&[255][..], &[0; 255]].concat().repeat(bytes / 255);
    let extension = [&b"!\xFF\x0B"[..], application, &block, &[0]].concat();
    let pixel = [&b",\0\0\0\0\x01\0\x01\0"[..], &[0, 2, 2, 0x44, 1, 0]].concat();
    gif(1, 1, &[extension, pixel])
}

/// Zeros in the format of zlib: these bytes expand to a thousand times as many, without an end.
fn expanding(bytes: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.low_first(0x0178, 16);
    // The last block, with its own codes: 286 symbols, one distance, 18 lengths of lengths.
    bits.low_first(0b101, 3);
    bits.low_first(29, 5);
    bits.low_first(0, 5);
    bits.low_first(14, 4);
    // Zeros in a row (18), 1 and 2, in the order of the format.
    for length in [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2] {
        bits.low_first(length, 3);
    }
    let two = |bits: &mut Bits| bits.low_first(0b11, 2);
    let zeros = |bits: &mut Bits, count: u32| {
        bits.low_first(0, 1);
        bits.low_first(count - 11, 7);
    };
    let one = |bits: &mut Bits| bits.low_first(0b01, 2);
    // The literal 0, the end, the length 258, the distance 1.
    two(&mut bits);
    zeros(&mut bits, 138);
    zeros(&mut bits, 117);
    two(&mut bits);
    zeros(&mut bits, 28);
    one(&mut bits);
    one(&mut bits);
    // One literal, and its repetition in two bits.
    bits.low_first(0b01, 2);
    bits.bytes.resize(bytes, 0);
    bits.bytes
}

/// An animated PNG whose second frame has these data.
fn png_frame(data: &[u8]) -> Vec<u8> {
    let tiny = png(16, 16);
    let size = [16_u32.to_be_bytes(), 16_u32.to_be_bytes()].concat();
    let control = |n: u32| chunk(*b"fcTL", &[&n.to_be_bytes()[..], &size, &[0; 14]].concat());
    let animated = chunk(*b"acTL", &[2_u32.to_be_bytes(), [0; 4]].concat());
    let more = chunk(*b"fdAT", &[&2_u32.to_be_bytes()[..], data].concat());
    let end = tiny.len() - 12;
    [&tiny[..33], &animated, &control(0), &tiny[33..end], &control(1), &more, &tiny[end..]].concat()
}

/// The compressed data of a grey picture of one shade.
pub(crate) fn compressed(width: u32, height: u32) -> Vec<u8> {
    let file = encoded(&GrayImage::new(width, height).into(), ImageFormat::Png);
    let (mut data, mut rest) = (Vec::new(), &file[8..]);
    while rest.len() >= 12 {
        let length = u32::from_be_bytes(rest[..4].try_into().expect("four")) as usize;
        if &rest[4..8] == b"IDAT" {
            data.extend(&rest[8..8 + length]);
        }
        rest = &rest[12 + length..];
    }
    data
}

fn header(width: u32, height: u32, depth: u8, color: u8, interlaced: u8) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    chunk(*b"IHDR", &[&size[..], &[depth, color, 0, 0, interlaced]].concat())
}

/// A PNG with these chunks between its header and its end.
fn png_of(header: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    [&png(1, 1)[..8], header, &chunks.concat(), &chunk(*b"IEND", &[])].concat()
}

/// An animated PNG: the control of these many frames.
fn animated_png(width: u32, height: u32, frames: u32) -> Vec<u8> {
    let plain = png_of_size(width, height);
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let control = chunk(*b"acTL", &[frames.to_be_bytes(), [0; 4]].concat());
    let frame = |n: u32| chunk(*b"fcTL", &[&n.to_be_bytes()[..], &size, &[0; 14]].concat());
    let frames: Vec<u8> = (0..frames).flat_map(frame).collect();
    [&plain[..33], &control, &frames, &plain[33..]].concat()
}

const JPEG: (&str, &str) = ("photo.jpg", "image/jpeg");
const GIF: (&str, &str) = ("photo.gif", "image/gif");
const WEBP: (&str, &str) = ("photo.webp", "image/webp");
const PNG: (&str, &str) = ("photo.png", "image/png");

/// Images that must be refused before they take much memory or time.
pub fn bombs() -> Vec<Hostile> {
    let times = |part: Vec<u8>, count| std::iter::repeat_n(part, count).collect::<Vec<_>>();
    let grey = |rest: &[Vec<u8>]| jpeg(&frame(0xC0, 16, 16, &[0x11]), rest);
    let interleaved = |marker, side, sampling: &[u8]| {
        let count = u8::try_from(sampling.len()).expect("few");
        jpeg(&frame(marker, side, side, sampling), &[scan(count, [0, 0, 0], &[0; 64])])
    };
    let empty = || scan(1, [1, 63, 0], &[0]);
    // Defect, name and declared type, content, part of the message.
    let files: Vec<(_, _, _, _)> = vec![
        ("250 scans that refine 64 million pixels", JPEG, refined(250), COMPLEX),
        ("170 scans of a small picture", JPEG, grey(&times(empty(), 170)), COMPLEX),
        (
            "49 scans of three large components",
            JPEG,
            jpeg(&frame(0xC2, 6000, 6000, &[0x11; 3]), &times(scan(3, [0, 0, 0], &[0; 8]), 49)),
            COMPLEX,
        ),
        ("four large progressive components", JPEG, interleaved(0xC2, 7900, &[0x11; 4]), COMPLEX),
        ("three large progressive components", JPEG, interleaved(0xC2, 8000, &[0x11; 3]), COMPLEX),
        ("four oversampled progressive components", JPEG, interleaved(0xC2, 7900, &[0x44; 4]), COMPLEX),
        ("a large lossless JPEG", JPEG, interleaved(0xC3, 8000, &[0x11; 3]), COMPLEX),
        ("a large arithmetic JPEG", JPEG, interleaved(0xC9, 8000, &[0x11; 3]), DAMAGED),
        ("a large progressive arithmetic JPEG", JPEG, interleaved(0xCA, 8000, &[0x11; 3]), COMPLEX),
        ("components of no size", JPEG, interleaved(0xC2, 8000, &[0x00; 3]), DAMAGED),
        (
            "two frames, the second one large",
            JPEG,
            grey(&[frame(0xC2, 8000, 8000, &[0x11; 4]), empty()]),
            DAMAGED,
        ),
        ("5,000 tables of codes", JPEG, grey(&times(segment(0xC4, &[0; 17]), 5000)), COMPLEX),
        ("5,000 tables of factors", JPEG, grey(&times(segment(0xDB, &[1; 65]), 5000)), COMPLEX),
        ("5,000 comments", JPEG, grey(&times(segment(0xFE, b""), 5000)), COMPLEX),
        ("5,000 profiles", JPEG, grey(&times(segment(0xE2, b"ICC_PROFILE\0\x01\xFF"), 5000)), COMPLEX),
        (
            "a million restart markers",
            JPEG,
            jpeg(
                &frame(0xC0, 8000, 8000, &[0x11]),
                &[segment(0xDD, &[0, 1]), scan(1, [0, 63, 0], &[0xFF, 0xD0].repeat(1 << 20))],
            ),
            DAMAGED,
        ),
        ("a JPEG of 4 gigapixels", JPEG, interleaved(0xC2, 65_535, &[0x11; 3]), PIXELS),
        ("a GIF of 4 gigapixels", GIF, gif(u16::MAX, u16::MAX, &[gif_frame(1, 1)]), PIXELS),
        ("a frame of 4 gigapixels", GIF, gif(1, 1, &[gif_frame(u16::MAX, u16::MAX)]), PIXELS),
        ("5,000 frames of one pixel", GIF, gif(1, 1, &times(gif_frame(1, 1), 5000)), COMPLEX),
        ("300 frames of a million pixels", GIF, gif(1000, 1000, &times(gif_frame(1000, 1000), 300)), PIXELS),
        ("a large frame without data", GIF, gif(8000, 8000, &[gif_frame(8000, 8000)]), DAMAGED),
        ("one frame on a large canvas", WEBP, animation(8000, 8000, 1), COMPLEX),
        ("65 frames on a canvas of four million pixels", WEBP, animation(2000, 2000, 65), PIXELS),
        ("5,000 frames on one pixel", WEBP, animation(1, 1, 5000), COMPLEX),
        ("a canvas of 10^14 pixels", WEBP, animation(1 << 24, 1 << 24, 1), PIXELS),
        ("a large lossless WebP", WEBP, riff(&[plain(8000, 8000)]), COMPLEX),
        ("a large lossy WebP", WEBP, riff(&[lossy(8000, 8000)]), COMPLEX),
        ("a large picture on a small canvas", WEBP, riff(&[extended(0, 1, 1), lossy(8000, 8000)]), DAMAGED),
        (
            "a large frame on a small canvas",
            WEBP,
            riff(&[extended(2, 1, 1), webp_frame(8000, 8000, &lossy(8000, 8000))]),
            DAMAGED,
        ),
        (
            "a large picture in a small frame",
            WEBP,
            riff(&[extended(2, 9, 9), webp_frame(1, 1, &lossy(8000, 8000))]),
            DAMAGED,
        ),
        (
            "a large picture with a plane of transparency",
            WEBP,
            riff(&[extended(0x10, 5000, 5000), riff_chunk(*b"ALPH", &[0, 0]), lossy(5000, 5000)]),
            COMPLEX,
        ),
        ("65,536 groups of codes", WEBP, riff(&[lossless(1, 1, codes(1 << 16, &[]))]), COMPLEX),
        (
            "65,536 groups of codes behind transforms",
            WEBP,
            riff(&[extended(0x10, 1, 1), lossless(1, 1, codes(1 << 16, &[0, 1, 2, 3]))]),
            COMPLEX,
        ),
        ("groups of codes in a frame", WEBP, webp_frame_of(&[lossless(1, 1, codes(1 << 16, &[]))]), COMPLEX),
        (
            "groups of codes in a plane of transparency",
            WEBP,
            riff(&[extended(0x10, 1, 1), transparency(codes(1 << 16, &[])), lossy(1, 1)]),
            COMPLEX,
        ),
        (
            "groups of codes in the plane of transparency of a frame",
            WEBP,
            webp_frame_of(&[transparency(codes(1 << 16, &[])), lossy(1, 1)]),
            COMPLEX,
        ),
        (
            "a large picture behind a plane of transparency",
            WEBP,
            {
                let mut hidden = full_lossy(16_383, 16_383);
                hidden[..4].copy_from_slice(b"hide");
                webp_frame_of(&[riff_chunk(*b"ALPH", &[0, 0]), hidden, lossy(1, 1)])
            },
            DAMAGED,
        ),
        ("a large frame behind an odd one", WEBP, odd_frame(), DAMAGED),
        ("a PNG of 2 gigapixels", PNG, png_of_size(50_000, 50_000), PIXELS),
        ("60 million rows", PNG, png_of_size(1, 60_000_000), COMPLEX),
        ("a row of 60 million pixels", PNG, png_of(&header(60_000_000, 1, 16, 6, 0), &[]), COMPLEX),
        ("70,000 chunks", PNG, png_of(&header(4, 4, 8, 0, 0), &times(chunk(*b"teST", &[]), 70_000)), COMPLEX),
        ("5,000 frames of a PNG", PNG, animated_png(4, 4, 5000), COMPLEX),
        ("65 frames of four million pixels of a PNG", PNG, animated_png(2000, 2000, 65), PIXELS),
        (
            "a large interlaced PNG with little data",
            PNG,
            png_of(&header(8000, 8000, 16, 6, 1), &[chunk(*b"IDAT", &compressed(8000, 64))]),
            DAMAGED,
        ),
        (
            "a large PNG that is cut off",
            PNG,
            {
                let file = encoded(&GrayImage::new(8000, 8000).into(), ImageFormat::Png);
                file[..file.len() / 2].to_vec()
            },
            "end is missing",
        ),
    ];
    let bomb = |(what, (name, declared), bytes, refusal)| Hostile { what, name, declared, bytes, refusal };
    files.into_iter().map(bomb).collect()
}

/// Images with data that expand, which no decoder of the service reads.
pub fn duds() -> Vec<Hostile> {
    let data = compressed(8000, 8000);
    let tiny = png(16, 16);
    let start = place_of(&tiny, b"IDAT") - 4;
    let appended = [&tiny[..tiny.len() - 12], &chunk(*b"IDAT", &data), &tiny[tiny.len() - 12..]].concat();
    let files = [
        ("a compressed text", png_with(*b"zTXt", &[&b"Comment\0\0"[..], &data].concat())),
        ("an international text", png_with(*b"iTXt", &[&b"Comment\0\x01\0\0\0"[..], &data].concat())),
        ("a profile", png_with(*b"iCCP", &[&b"profile\0\0"[..], &data].concat())),
        ("data behind the last row", appended),
        ("the data of 64 million pixels for one", {
            let file = [&tiny[..start], &chunk(*b"IDAT", &data), &chunk(*b"IEND", &[])].concat();
            let one = header(1, 1, 8, 0, 0);
            [&file[..8], &one, &file[33..]].concat()
        }),
    ];
    let dud = |(what, bytes)| Hostile { what, name: PNG.0, declared: PNG.1, bytes, refusal: "" };
    files.into_iter().map(dud).collect()
}

/// Files whose decoding takes much of what is allowed.
pub fn heavy() -> Vec<Hostile> {
    let of = |(what, (name, declared), bytes)| Hostile { what, name, declared, bytes, refusal: "" };
    let files = [
        ("a GIF with a profile of 15 MB", GIF, gif_with(b"ICCRGBG1012", 15_000_000)),
        ("a GIF with a description of 15 MB", GIF, gif_with(b"XMP DataXMP", 15_000_000)),
        ("a frame of a PNG that expands to 15 GB", PNG, png_frame(&expanding(15_000_000))),
        (
            "data of a PNG that expand to 15 GB",
            PNG,
            png_of(&header(16, 16, 8, 0, 0), &[chunk(*b"IDAT", &expanding(15_000_000))]),
        ),
        (
            "a profile of a PNG that expands to 15 GB",
            PNG,
            png_with(*b"iCCP", &[&b"profile\0\0"[..], &expanding(15_000_000)].concat()),
        ),
        ("a frame of a PNG of 15 MB of EXIF", PNG, png_with(*b"eXIf", &vec![0; 15_000_000])),
        ("4,096 groups of codes", WEBP, riff(&[lossless(1, 1, codes(4096, &[]))])),
        (
            "4,096 groups of codes behind transforms",
            WEBP,
            riff(&[lossless(1, 1, codes(4096, &[0, 1, 2, 3]))]),
        ),
        ("8 frames of 4,096 groups of codes", WEBP, {
            let frame = webp_frame(1, 1, &lossless(1, 1, codes(4096, &[])));
            riff(&[extended(0x12, 1, 1), riff_chunk(*b"ANIM", &[0; 6]), frame.repeat(8)])
        }),
        ("a JPEG with 15 MB of profiles", JPEG, {
            let plain = crate::files::jpeg(16, 16);
            let data = vec![0; 65_000];
            let profile = |n: u8| segment(0xE2, &[&b"ICC_PROFILE\0"[..], &[n, 230], &data].concat());
            [&plain[..2], &(1..=230).map(profile).collect::<Vec<_>>().concat(), &plain[2..]].concat()
        }),
        (
            "16 MB of lossy data",
            WEBP,
            riff(&[{
                let mut data = full_lossy(1, 1);
                data.extend(vec![0; 14_000_000]);
                let size = u32::try_from(data.len() - 8).expect("short");
                data[4..8].copy_from_slice(&size.to_le_bytes());
                data
            }]),
        ),
        ("a grey JPEG of blank blocks", JPEG, blank(0xC0, 8000, 8000, &[0x11])),
        ("a JPEG of four blank components", JPEG, blank(0xC0, 8000, 8000, &[0x11; 4])),
        ("a JPEG of blank blocks in thin rows", JPEG, blank(0xC0, 65_535, 968, &[0x11; 3])),
        ("a lossy WebP of one pixel with 2 MB of data", WEBP, riff(&[full_lossy(1, 1)])),
    ];
    files.into_iter().map(of).collect()
}
