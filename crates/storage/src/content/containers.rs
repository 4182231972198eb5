//! Container formats: finds the end of each format, truncation, and data after the end.

use std::io::{BufRead, Read, Seek, SeekFrom};

use inspection_domain::files::FileKind;

use super::{
    error::{ContentError, Refusal},
    limits::HEAD,
};

type ContainerResult = Result<(), ContentError>;

/// Checks that the file is complete and that no other data follows.
pub(super) fn check(file: &mut (impl BufRead + Seek), kind: FileKind) -> ContainerResult {
    match kind {
        FileKind::Png => png(file).and_then(|()| nothing_follows(file)),
        FileKind::Gif => gif(file).and_then(|()| nothing_follows(file)),
        FileKind::Webp => webp(file).and_then(|()| nothing_follows(file)),
        // Cameras append further images and their own data.
        FileKind::Jpeg => jpeg(file),
        FileKind::Pdf => pdf(file),
    }
}

fn bytes<const N: usize>(file: &mut impl Read) -> Result<[u8; N], ContentError> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn byte(file: &mut impl Read) -> Result<u8, ContentError> {
    let [byte] = bytes::<1>(file)?;
    Ok(byte)
}

/// Skips bytes; fails if the file is shorter.
fn skip(file: &mut impl BufRead, count: u64) -> ContainerResult {
    let skipped = std::io::copy(&mut file.take(count), &mut std::io::sink())?;
    if skipped == count { Ok(()) } else { Err(Refusal::CutOff.into()) }
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

/// A signature and chunks (length, type, data, checksum); the last chunk is `IEND`.
fn png(file: &mut impl BufRead) -> ContainerResult {
    skip(file, 8)?;
    loop {
        let length = u32::from_be_bytes(bytes(file)?);
        let kind = bytes::<4>(file)?;
        skip(file, u64::from(length) + 4)?;
        if kind == *b"IEND" {
            return Ok(());
        }
    }
}

/// Bytes of the palette that the flags announce.
fn palette(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// A header, images and extensions in blocks; the last byte is a semicolon.
fn gif(file: &mut impl BufRead) -> ContainerResult {
    skip(file, 10)?;
    let flags = byte(file)?;
    skip(file, 2 + palette(flags))?;
    loop {
        match byte(file)? {
            b';' => return Ok(()),
            b',' => {
                skip(file, 8)?;
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

/// One RIFF chunk, padded to an even number of bytes.
fn webp(file: &mut impl BufRead) -> ContainerResult {
    skip(file, 4)?;
    let length = u64::from(u32::from_le_bytes(bytes(file)?));
    skip(file, length)?;
    if length % 2 == 1 {
        file.read_exact(&mut [0]).or_else(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Ok(()),
            _ => Err(error),
        })?;
    }
    Ok(())
}

/// Segments that begin with 0xFF and a marker; scan data ends at the next marker outside its own
/// set.
fn jpeg(file: &mut impl BufRead) -> ContainerResult {
    const START_OF_SCAN: u8 = 0xDA;
    const END: u8 = 0xD9;
    skip(file, 2)?;
    let mut marker = next_marker(file)?;
    loop {
        match marker {
            END => return Ok(()),
            // Markers without a length.
            0x01 | 0xD0..=0xD7 => {}
            _ => {
                let length = u16::from_be_bytes(bytes(file)?);
                skip(file, u64::from(length.checked_sub(2).ok_or(Refusal::Damaged)?))?;
            }
        }
        let was_scan = marker == START_OF_SCAN;
        marker = next_marker(file)?;
        // Escaped 0xFF bytes and restart markers belong to the scan data.
        while was_scan && matches!(marker, 0x00 | 0xD0..=0xD7) {
            marker = next_marker(file)?;
        }
    }
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

/// A header with the version; `startxref` and `%%EOF` at the end.
fn pdf(file: &mut (impl BufRead + Seek)) -> ContainerResult {
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
    Ok(())
}
