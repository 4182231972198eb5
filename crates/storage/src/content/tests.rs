use std::{io::Write, sync::Arc};

use inspection_testkit::{
    bombs::{bombs, duds},
    documents::{active_documents, passive_documents},
    files::{self, animation, big_pdf, exif, gif, hostile, jpeg, jpeg_with, noise, pdf, png, webp},
};
use proptest::prelude::*;

use super::*;

fn inspected(name: &str, declared: &str, bytes: &[u8]) -> Result<FileKind, ContentError> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    let (kind, _) = examine(file.path(), name, Some(declared))?;
    decode(file.path(), kind, &Meter::start(Arc::default()))?;
    Ok(kind)
}

#[test]
fn ordinary_files_are_accepted() {
    let behind = [&jpeg(64, 48)[..], &jpeg(16, 12), b"camera data"].concat();
    for (name, declared, bytes, kind) in [
        ("photo.png", "image/png", png(64, 48), FileKind::Png),
        ("photo.jpg", "image/jpeg", jpeg(64, 48), FileKind::Jpeg),
        ("photo.jpeg", "image/jpg", jpeg_with(64, 48, &[exif(6)]), FileKind::Jpeg),
        ("photo.JPG", "application/octet-stream", behind, FileKind::Jpeg),
        ("photo.jpg", "image/jpeg", files::jpeg_of_quality(&noise(300, 200), 95), FileKind::Jpeg),
        ("photo.gif", "image/gif", gif(64, 48), FileKind::Gif),
        ("photo.gif", "image/gif", animation(64, 48, 5), FileKind::Gif),
        ("photo.webp", "image/webp", webp(64, 48), FileKind::Webp),
        ("photo.webp", "image/webp", webp(1, 1), FileKind::Webp),
        ("report.pdf", "application/pdf", pdf(), FileKind::Pdf),
        ("report.pdf", "application/pdf", [&pdf()[..], b"\r\n\0\0"].concat(), FileKind::Pdf),
        ("report.pdf", "application/pdf", big_pdf(300_000), FileKind::Pdf),
    ] {
        assert_eq!(inspected(name, declared, &bytes).expect(name), kind);
    }
}

#[test]
fn hostile_files_are_refused_with_a_reason() {
    let corpus = hostile();
    assert!(corpus.len() >= 40);
    for file in corpus {
        let refused = inspected(file.name, file.declared, &file.bytes);
        let Err(ContentError::Refused(reason)) = refused else { panic!("{}: {refused:?}", file.what) };
        assert!(reason.to_string().contains(file.refusal), "{}: {reason}", file.what);
    }
}

#[test]
fn bombs_are_refused_with_a_reason() {
    let corpus = bombs();
    assert!(corpus.len() >= 30);
    for file in corpus {
        let refused = inspected(file.name, file.declared, &file.bytes);
        let Err(ContentError::Refused(reason)) = refused else { panic!("{}: {refused:?}", file.what) };
        assert!(reason.to_string().contains(file.refusal), "{}: {reason}", file.what);
    }
}

#[test]
fn data_that_expand_are_not_read() {
    for file in duds() {
        assert_eq!(inspected(file.name, file.declared, &file.bytes).expect(file.what), FileKind::Png);
    }
}

#[test]
fn active_documents_are_refused_with_the_content() {
    for file in active_documents() {
        let refused = inspected(file.name, file.declared, &file.bytes);
        let Err(ContentError::Refused(reason)) = refused else { panic!("{}: {refused:?}", file.what) };
        assert!(reason.to_string().contains(file.refusal), "{}: {reason}", file.what);
    }
}

#[test]
fn passive_documents_are_accepted() {
    for bytes in passive_documents() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert_eq!(inspected("a.pdf", "application/pdf", &bytes).expect(&text), FileKind::Pdf);
    }
}

fn accepted(kind: FileKind) -> (&'static str, Vec<u8>) {
    match kind {
        FileKind::Png => ("a.png", png(40, 30)),
        FileKind::Jpeg => ("a.jpg", jpeg(40, 30)),
        FileKind::Gif => ("a.gif", animation(40, 30, 2)),
        FileKind::Webp => ("a.webp", webp(40, 30)),
        FileKind::Pdf => ("a.pdf", pdf()),
    }
}

proptest! {
    #[test]
    fn truncated_files_are_refused(kind in proptest::sample::select(FileKind::ALL), part in 0..1000_usize) {
        let (name, bytes) = accepted(kind);
        // A PDF may lack its final white space.
        let whole = bytes.trim_ascii_end().len();
        let length = whole * part / 1000;
        let cut = inspected(name, kind.as_str(), &bytes[..length]);
        prop_assert!(matches!(cut, Err(ContentError::Refused(_))), "{length} of {whole}: {cut:?}");
    }

    #[test]
    fn altered_files_are_accepted_or_refused(
        kind in proptest::sample::select(FileKind::ALL),
        changes in prop::collection::vec((0..1000_usize, any::<u8>()), 1..20),
    ) {
        let (name, mut bytes) = accepted(kind);
        for (position, value) in changes {
            let at = bytes.len() * position / 1000;
            bytes[at] = value;
        }
        let outcome = inspected(name, kind.as_str(), &bytes);
        prop_assert!(matches!(outcome, Ok(_) | Err(ContentError::Refused(_))), "{outcome:?}");
    }

    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        let refused = matches!(inspected("a.jpg", "image/jpeg", &bytes), Err(ContentError::Refused(_)));
        prop_assert!(refused);
    }
}
