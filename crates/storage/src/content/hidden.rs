//! Polyglot files: content that is also a web page, a program or an archive.

use std::io::{BufRead, Read, Seek, SeekFrom};

use aho_corasick::{AhoCorasick, StartKind};
use inspection_domain::files::FileKind;

use super::{
    error::{ContentError, Refusal},
    limits::HEAD,
};

/// Prefixes of pages and programs that browsers or servers execute.
///
/// They are long enough to be unlikely in image data: at most one photo in ten million has one.
const MARKERS: &[(&str, &str)] = &[
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

/// Maximum bytes of the end record of an archive, with its comment.
const ARCHIVE_END: u64 = 22 + 0xFFFF;

pub(super) fn check(
    file: &mut (impl BufRead + Seek),
    head: &[u8],
    kind: FileKind,
) -> Result<(), ContentError> {
    let markers = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .start_kind(StartKind::Unanchored)
        .build(MARKERS.iter().map(|(marker, _)| marker))
        .map_err(std::io::Error::other)?;
    let found = if kind.is_image() {
        if head.windows(5).any(|window| window == b"%PDF-") {
            return Err(Refusal::Hidden("a pdf").into());
        }
        markers.stream_find_iter(&mut *file).next().transpose()?
    } else {
        // After the head, such text is ordinary content of a PDF.
        markers.find(head)
    };
    if let Some((_, content)) = found.and_then(|found| MARKERS.get(found.pattern().as_usize())) {
        return Err(Refusal::Hidden(content).into());
    }
    archive(file)
}

/// Finds archives such as ZIP and JAR, whose readers start at the end.
fn archive(file: &mut (impl Read + Seek)) -> Result<(), ContentError> {
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
