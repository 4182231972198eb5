//! Printed documents as text.

use std::{fs, process::Command};

use inspection_testkit::{
    clients::Response,
    skips::{Skipped, skip},
};

/// The text of a PDF document, with single spaces. Arabic letters are in visual order.
pub(crate) fn text_of(answer: &Response) -> Result<String, Skipped> {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/pdf")),
        "{}",
        answer.text
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("document.pdf");
    fs::write(&path, &answer.bytes).expect("a file");
    let Ok(output) = Command::new("pdftotext").arg("-layout").arg(&path).arg("-").output() else {
        return Err(skip("pdftotext"));
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    // The marks of isolation have no glyphs.
    let visible: String = text.chars().filter(|c| !('\u{2066}'..='\u{2069}').contains(c)).collect();
    Ok(visible.split_whitespace().collect::<Vec<_>>().join(" "))
}
