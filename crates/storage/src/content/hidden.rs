//! Whether a file is something else as well: a page, a program, an archive.

use std::io::{BufRead, Read, Seek, SeekFrom};

use aho_corasick::{AhoCorasick, StartKind};
use inspection_domain::files::FileKind;

use super::{Failure, HEAD, Refusal};

/// What begins pages and programs that browsers and servers carry out. Long enough not to turn up in a photo by chance: in
/// one of ten million, if at all.
const MARKS: &[(&str, &str)] = &[
    ("<script", "a script"),
    ("<!doctype", "a page"),
    ("<html>", "a page"),
    ("<html ", "a page"),
    ("<iframe", "a page"),
    ("<svg xmlns", "a drawing"),
    ("javascript:", "a script"),
    ("<?php ", "a program"),
    ("<?php\t", "a program"),
    ("<?php\r", "a program"),
    ("<?php\n", "a program"),
];

/// Bytes at the end of an archive, with the longest comment it can have.
const ARCHIVE_END: u64 = 22 + 0xFFFF;

pub(super) fn check(file: &mut (impl BufRead + Seek), head: &[u8], kind: FileKind) -> Result<(), Failure> {
    let marks = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .start_kind(StartKind::Unanchored)
        .build(MARKS.iter().map(|(mark, _)| mark))
        .map_err(std::io::Error::other)?;
    let found = if kind.is_image() {
        if head.windows(5).any(|window| window == b"%PDF-") {
            return Err(Refusal::Hidden("a pdf").into());
        }
        marks.stream_find_iter(&mut *file).next().transpose()?
    } else {
        // Further in, a PDF may say what it likes: it is text to its readers.
        marks.find(head)
    };
    if let Some((_, what)) = found.and_then(|found| MARKS.get(found.pattern().as_usize())) {
        return Err(Refusal::Hidden(what).into());
    }
    archive(file)
}

/// Archives such as ZIP and JAR are read from their end.
fn archive(file: &mut (impl Read + Seek)) -> Result<(), Failure> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(ARCHIVE_END)))?;
    let mut tail = Vec::with_capacity(HEAD);
    file.read_to_end(&mut tail)?;
    let is_end = |(n, window): (usize, &[u8])| {
        let comment =
            window.get(20..).and_then(|length| length.try_into().ok()).map_or(0, u16::from_le_bytes);
        window.starts_with(b"PK\x05\x06") && n + window.len() + usize::from(comment) == tail.len()
    };
    if tail.windows(22).enumerate().any(is_end) {
        return Err(Refusal::Hidden("an archive").into());
    }
    Ok(())
}
