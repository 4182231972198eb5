//! Valid images and documents, and a collection of hostile ones.

use std::io::Cursor;

use image::{
    DynamicImage, ExtendedColorType, Frame, ImageEncoder, ImageFormat, Rgb, RgbImage, RgbaImage,
    codecs::{gif::GifEncoder, jpeg::JpegEncoder},
};

/// A picture with a gradient: red to the right, green downwards.
pub fn picture(width: u32, height: u32) -> DynamicImage {
    let shade = |at: u32, of: u32| u8::try_from(at * 255 / of.max(1)).expect("a byte");
    RgbImage::from_fn(width, height, |x, y| Rgb([shade(x, width), shade(y, height), 64])).into()
}

/// A picture of noise, which hardly compresses.
pub fn noise(width: u32, height: u32) -> DynamicImage {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    RgbImage::from_fn(width, height, |_, _| Rgb([next(), next(), next()])).into()
}

/// The file of a picture in this format.
pub fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).expect("a picture");
    file.into_inner()
}

/// A PNG.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(&picture(width, height), ImageFormat::Png)
}

/// A JPEG.
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encoded(&picture(width, height), ImageFormat::Jpeg)
}

/// A GIF.
pub fn gif(width: u32, height: u32) -> Vec<u8> {
    encoded(&picture(width, height), ImageFormat::Gif)
}

/// A GIF of several pictures.
pub fn animation(width: u32, height: u32, pictures: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new(&mut file);
    let frame = picture(width, height).into_rgba8();
    encoder.encode_frames((0..pictures).map(|_| Frame::new(frame.clone()))).expect("an animation");
    drop(encoder);
    file
}

/// A WebP with transparent corners.
pub fn webp(width: u32, height: u32) -> Vec<u8> {
    let mut image: RgbaImage = picture(width, height).into_rgba8();
    image.get_pixel_mut(0, 0).0[3] = 0;
    encoded(&image.into(), ImageFormat::WebP)
}

/// A JPEG with segments of metadata behind its beginning, such as [`exif`].
pub fn jpeg_with(width: u32, height: u32, segments: &[Vec<u8>]) -> Vec<u8> {
    let plain = jpeg(width, height);
    [&plain[..2], &segments.concat(), &plain[2..]].concat()
}

pub(crate) fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).expect("a short segment");
    [&[0xFF, marker], &length.to_be_bytes()[..], data].concat()
}

/// A comment in a JPEG.
pub fn comment(text: &str) -> Vec<u8> {
    segment(0xFE, text.as_bytes())
}

/// EXIF segment of a JPEG with this orientation (1 to 8) and a GPS position.
pub fn exif(orientation: u8) -> Vec<u8> {
    let mut data = b"Exif\0\0MM\0*\0\0\0\x08\0\x02".to_vec();
    data.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    // The GPS position, as another table behind this one.
    data.extend([0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38, 0, 0, 0, 0]);
    data.extend([0, 1, 0, 1, 0, 2, 0, 0, 0, 2, b'N', 0, 0, 0, 0, 0, 0, 0]);
    data.extend(b"GPS-PLACE");
    segment(0xE1, &data)
}

/// A PDF of one empty page.
pub fn pdf() -> Vec<u8> {
    pdf_with("")
}

/// A PDF of one empty page with a comment in its second line.
pub fn pdf_with(comment: &str) -> Vec<u8> {
    let mut text = format!("%PDF-1.4\n%{comment}\n");
    let mut places = Vec::new();
    for (number, object) in [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
    ]
    .iter()
    .enumerate()
    {
        places.push(text.len());
        text.push_str(&format!("{} 0 obj\n{object}\nendobj\n", number + 1));
    }
    let table = text.len();
    text.push_str("xref\n0 4\n0000000000 65535 f \n");
    for place in places {
        text.push_str(&format!("{place:010} 00000 n \n"));
    }
    text.push_str(&format!("trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"));
    text.into_bytes()
}

/// A PDF of at least this size, filled with noise.
pub fn big_pdf(bytes: usize) -> Vec<u8> {
    let mut file = pdf();
    let end = file.split_off(9);
    file.extend(b"%");
    file.extend(
        noise(1024, u32::try_from(bytes.div_ceil(3072)).expect("a size"))
            .into_bytes()
            .iter()
            .map(|b| b | 0x80),
    );
    file.push(b'\n');
    file.extend(end);
    file
}

/// An archive with nothing in it.
fn zip() -> Vec<u8> {
    [&b"PK\x05\x06"[..], &[0; 18]].concat()
}

/// A file that must be refused.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// Defect of the file.
    pub what: &'static str,
    /// File name.
    pub name: &'static str,
    /// Declared content type.
    pub declared: &'static str,
    /// Content.
    pub bytes: Vec<u8>,
    /// Part of the expected error message.
    pub refusal: &'static str,
}

fn cut(mut bytes: Vec<u8>, missing: usize) -> Vec<u8> {
    bytes.truncate(bytes.len() - missing);
    bytes
}

fn halved(bytes: Vec<u8>) -> Vec<u8> {
    let half = bytes.len() / 2;
    cut(bytes, half)
}

fn changed(mut bytes: Vec<u8>, at: usize, to: &[u8]) -> Vec<u8> {
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

pub(crate) fn place_of(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).expect("it is there")
}

/// A chunk of a PNG with the right checksum.
pub(crate) fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("a short chunk").to_be_bytes();
    let mut crc = !0_u32;
    for byte in kind.iter().chain(data) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (!(crc & 1)).wrapping_add(1));
        }
    }
    [&length[..], &kind, data, &(!crc).to_be_bytes()].concat()
}

/// A PNG with this size in its header.
pub(crate) fn png_of_size(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let plain = png(4, 4);
    [&plain[..8], &chunk(*b"IHDR", &header), &plain[33..]].concat()
}

/// A PNG with another chunk behind its header.
pub(crate) fn png_with(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let plain = png(16, 16);
    [&plain[..33], &chunk(kind, data), &plain[33..]].concat()
}

fn jpeg_of_size(width: u16, height: u16) -> Vec<u8> {
    let plain = jpeg(16, 16);
    let frame = place_of(&plain, &[0xFF, 0xC0]) + 5;
    changed(plain, frame, &[height.to_be_bytes(), width.to_be_bytes()].concat())
}

/// A GIF of seven large frames, encoded once and repeated.
fn long_animation() -> Vec<u8> {
    let side = 7000;
    let mut file = Vec::new();
    GifEncoder::new(&mut file)
        .write_image(&vec![0; side * side * 4], 7000, 7000, ExtendedColorType::Rgba8)
        .expect("a picture");
    let start = 13 + if file[10] & 0x80 == 0 { 0 } else { 3 << ((file[10] & 7) + 1) };
    let (head, frame) = (file[..start].to_vec(), file[start..file.len() - 1].to_vec());
    [head, frame.repeat(6), vec![b';']].concat()
}

const JPEG: &str = "image/jpeg";
const PNG: &str = "image/png";
const GIF: &str = "image/gif";
const WEBP: &str = "image/webp";
const PDF: &str = "application/pdf";

const NOT_TAKEN: &str = "neither an image";
const CUT_OFF: &str = "end is missing";
const DAMAGED: &str = "damaged";
const PIXELS: &str = "million pixels";
const TRAILING_DATA: &str = "has data after its end";
const SECOND: &str = "second extension";
const NAME: &str = "must have a name that ends in";

/// Files that do harm or disguise their type.
pub fn hostile() -> Vec<Hostile> {
    let page = b"<!DOCTYPE html><html><script>alert(1)</script></html>".to_vec();
    let drawing = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec();
    let php = b"<?php system($_GET['c']); ?>".to_vec();
    let utf16 = [0xFF, 0xFE].into_iter().chain("<html>".bytes().flat_map(|b| [b, 0])).collect();
    let good = |format| encoded(&picture(64, 48), format);
    let (jpg, png_, gif_, webp_) =
        (good(ImageFormat::Jpeg), good(ImageFormat::Png), good(ImageFormat::Gif), webp(64, 48));
    let tail = |file: &[u8], more: &[u8]| [file, more].concat();
    let mut moved = b"hello1.4\n".to_vec();
    moved.extend(pdf());
    let webp_with_script = {
        let data = b"<x><script>1</script></x>";
        let mut file = tail(&webp_, b"XMP ");
        file.extend(u32::try_from(data.len()).expect("short").to_le_bytes());
        file.extend(data);
        file.push(0);
        let length = u32::try_from(file.len() - 8).expect("short").to_le_bytes();
        changed(file, 4, &length)
    };
    // Defect, name, declared type, content, part of the message.
    let files: Vec<(&str, &str, &str, Vec<u8>, &str)> = vec![
        ("nothing", "photo.jpg", JPEG, Vec::new(), "empty"),
        ("a page called jpg", "photo.jpg", JPEG, page.clone(), NOT_TAKEN),
        ("a page called png", "photo.png", PNG, page.clone(), NOT_TAKEN),
        ("a page in UTF-16", "photo.gif", GIF, utf16, NOT_TAKEN),
        ("a page called html", "photo.html", "text/html", page.clone(), NOT_TAKEN),
        ("a drawing", "drawing.svg", "image/svg+xml", drawing.clone(), NOT_TAKEN),
        ("a drawing called png", "drawing.png", PNG, drawing.clone(), NOT_TAKEN),
        (
            "a drawing with a prologue",
            "drawing.webp",
            WEBP,
            tail(b"<?xml version=\"1.0\"?>\n", &drawing),
            NOT_TAKEN,
        ),
        ("a script for a server", "photo.jpg", JPEG, php.clone(), NOT_TAKEN),
        ("a script for a shell", "photo.gif", GIF, b"#!/bin/sh\nrm -rf /\n".to_vec(), NOT_TAKEN),
        ("a script for a browser", "photo.webp", WEBP, b"alert(document.cookie)".to_vec(), NOT_TAKEN),
        ("a program for Windows", "photo.png", PNG, tail(b"MZ\x90\0", &[0; 200]), NOT_TAKEN),
        ("a program for Linux", "report.pdf", PDF, tail(b"\x7FELF\x02\x01\x01", &[0; 200]), NOT_TAKEN),
        ("an archive called pdf", "report.pdf", PDF, tail(b"PK\x03\x04", &zip()), NOT_TAKEN),
        ("an archive called jpg", "photo.jpg", JPEG, zip(), NOT_TAKEN),
        ("text called pdf", "report.pdf", PDF, b"nothing to see here".to_vec(), NOT_TAKEN),
        ("a bitmap", "photo.bmp", "image/bmp", tail(b"BM", &[0; 200]), NOT_TAKEN),
        ("a TIFF called jpg", "photo.jpg", JPEG, tail(b"II*\0", &[0; 200]), NOT_TAKEN),
        ("a HEIC called jpg", "photo.jpg", JPEG, tail(b"\0\0\0\x18ftypheic", &[0; 200]), "HEIC"),
        ("a film called jpg", "photo.jpg", JPEG, tail(b"\0\0\0\x18ftypmp42", &[0; 200]), "is a video"),
        ("an icon called png", "photo.png", PNG, tail(&[0, 0, 1, 0, 1, 0], &[0; 200]), NOT_TAKEN),
        (
            "a script that begins like a GIF",
            "photo.gif",
            GIF,
            b"GIF89a/*..........*/=1;alert(1)//;".to_vec(),
            "",
        ),
        ("a page that begins like a GIF", "photo.gif", GIF, tail(b"GIF89a", &page), ""),
        ("a page that begins like a JPEG", "photo.jpg", JPEG, tail(&[0xFF, 0xD8, 0xFF, 0xE0], &page), ""),
        ("a page that begins like a PNG", "photo.png", PNG, tail(&png_[..8], &page), ""),
        (
            "a program in the text of a PNG",
            "photo.png",
            PNG,
            png_with(*b"tEXt", &tail(b"Comment\0", &php)),
            "a program",
        ),
        (
            "a program in the comment of a JPEG",
            "photo.jpg",
            JPEG,
            jpeg_with(32, 32, &[comment("<?PHP phpinfo();")]),
            "a program",
        ),
        (
            "a script in the comment of a JPEG",
            "photo.jpg",
            JPEG,
            jpeg_with(32, 32, &[comment("<ScRiPt>alert(1)</sCrIpT>")]),
            "a script",
        ),
        (
            "an address that is a script",
            "photo.jpg",
            JPEG,
            jpeg_with(32, 32, &[comment("JavaScript:x()")]),
            "a script",
        ),
        (
            "a script in the comment of a GIF",
            "photo.gif",
            GIF,
            [&gif_[..gif_.len() - 1], b"!\xFE\x10<script>alert(1)\0;"].concat(),
            "a script",
        ),
        ("a script in the metadata of a WebP", "photo.webp", WEBP, webp_with_script, "a script"),
        (
            "a PDF in the comment of a JPEG",
            "photo.jpg",
            JPEG,
            jpeg_with(32, 32, &[comment("%PDF-1.4 obj")]),
            "a pdf",
        ),
        ("an archive behind a JPEG", "photo.jpg", JPEG, tail(&jpg, &zip()), "an archive"),
        ("an archive behind a PNG", "photo.png", PNG, tail(&png_, &zip()), TRAILING_DATA),
        ("an archive behind a GIF", "photo.gif", GIF, tail(&gif_, &zip()), TRAILING_DATA),
        ("an archive behind a WebP", "photo.webp", WEBP, tail(&webp_, &zip()), TRAILING_DATA),
        ("a page behind a PNG", "photo.png", PNG, tail(&png_, &page), TRAILING_DATA),
        ("a page behind a JPEG", "photo.jpg", JPEG, tail(&jpg, &page), "a page"),
        ("a page behind a PDF", "report.pdf", PDF, tail(&pdf(), &page), TRAILING_DATA),
        ("an archive behind a PDF", "report.pdf", PDF, tail(&pdf(), &zip()), TRAILING_DATA),
        (
            "an archive around the end of a PDF",
            "report.pdf",
            PDF,
            {
                let comment = u16::try_from(b"startxref\n9\n%%EOF".len()).expect("short").to_le_bytes();
                let end = changed(zip(), 20, &comment);
                [&b"%PDF-1.4\n"[..], &end, b"startxref\n9\n%%EOF"].concat()
            },
            "an archive",
        ),
        ("a page at the beginning of a PDF", "report.pdf", PDF, pdf_with("<html ><script>"), "a page"),
        ("a PDF that begins later", "report.pdf", PDF, moved, DAMAGED),
        ("a PDF of no version", "report.pdf", PDF, changed(pdf(), 5, b"x.y"), DAMAGED),
        ("a PDF cut off", "report.pdf", PDF, halved(pdf()), CUT_OFF),
        ("only the first line of a PDF", "report.pdf", PDF, b"%PDF-1.7\n".to_vec(), CUT_OFF),
        ("a PDF with an end but no contents", "report.pdf", PDF, b"%PDF-1.7\n%%EOF".to_vec(), CUT_OFF),
        ("a PNG cut off", "photo.png", PNG, halved(png(200, 200)), CUT_OFF),
        ("a PNG without its last chunk", "photo.png", PNG, cut(png_.clone(), 12), CUT_OFF),
        ("a JPEG cut off", "photo.jpg", JPEG, halved(jpeg(200, 200)), CUT_OFF),
        ("a JPEG without its end", "photo.jpg", JPEG, cut(jpg.clone(), 2), CUT_OFF),
        ("a GIF cut off", "photo.gif", GIF, halved(gif(200, 200)), CUT_OFF),
        ("a GIF without its end", "photo.gif", GIF, cut(gif_.clone(), 1), CUT_OFF),
        ("a WebP cut off", "photo.webp", WEBP, halved(webp(200, 200)), CUT_OFF),
        (
            "a WebP that claims an endless size",
            "photo.webp",
            WEBP,
            changed(webp_.clone(), 4, &[0xFF; 4]),
            CUT_OFF,
        ),
        (
            "a PNG whose pixels were changed",
            "photo.png",
            PNG,
            {
                let data = place_of(&png_, b"IDAT") + 10;
                changed(png_.clone(), data, &[0x55; 8])
            },
            DAMAGED,
        ),
        ("a PNG that is nothing high", "photo.png", PNG, png_of_size(16, 0), DAMAGED),
        ("a GIF of no pictures", "photo.gif", GIF, b"GIF89a\x10\0\x10\0\0\0\0;".to_vec(), DAMAGED),
        ("a JPEG of no scans", "photo.jpg", JPEG, vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 0, 0, 0xFF, 0xD9], ""),
        ("a PNG that is 2 gigapixels", "photo.png", PNG, png_of_size(50_000, 50_000), PIXELS),
        ("a PNG as wide as can be", "photo.png", PNG, png_of_size(0x7FFF_FFFF, 0x7FFF_FFFF), ""),
        ("a JPEG that is 4 gigapixels", "photo.jpg", JPEG, jpeg_of_size(65_500, 65_500), PIXELS),
        ("a GIF that is 4 gigapixels", "photo.gif", GIF, changed(gif_.clone(), 6, &[0xFF; 4]), PIXELS),
        ("a GIF that never ends to move", "photo.gif", GIF, long_animation(), PIXELS),
        ("a second extension that is a program", "photo.php.jpg", JPEG, jpg.clone(), SECOND),
        ("a second extension that is a page", "photo.html.jpg", JPEG, jpg.clone(), SECOND),
        ("a second extension that is allowed", "photo.pdf.jpg", JPEG, jpg.clone(), SECOND),
        ("a second extension written backwards", "photo.ph\u{202E}p.jpg", JPEG, jpg.clone(), SECOND),
        ("a program's name", "photo.jpg.exe", JPEG, jpg.clone(), NAME),
        ("a drawing's name", "photo.svg", JPEG, jpg.clone(), NAME),
        ("a PNG called jpg", "photo.jpg", PNG, png_.clone(), "is named .jpg, but is image/png"),
        ("a PDF called png", "photo.png", PDF, pdf(), "is named .png, but is application/pdf"),
        ("a JPEG declared as a page", "photo.jpg", "text/html", jpg.clone(), "is declared as text/html"),
        ("a JPEG declared as a drawing", "photo.jpg", "image/svg+xml", jpg, "is declared as image/svg+xml"),
    ];
    let hostile = |(what, name, declared, bytes, refusal)| Hostile { what, name, declared, bytes, refusal };
    files.into_iter().map(hostile).collect()
}

/// A JPEG of a picture in a quality from 1 to 100.
pub fn jpeg_of_quality(picture: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality).encode_image(picture).expect("a picture");
    file
}
