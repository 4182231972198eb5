//! Consistency of a file's name, declared type and content.

use inspection_domain::files::{FileKind, display_name};

use super::error::Refusal;

/// Extensions of executable files that lists of media types lack.
const PROGRAMS: &[&str] = &[
    "asa", "asp", "aspx", "bash", "bat", "cgi", "cmd", "com", "cpl", "exe", "hta", "htaccess", "jar", "jsp",
    "jspx", "lnk", "msi", "phar", "php", "php3", "php4", "php5", "php7", "phps", "pht", "phtml", "pl", "ps1",
    "py", "rb", "scr", "sh", "shtml", "vb", "vbs", "wsf",
];

/// Unofficial media types that clients send.
const OTHER_NAMES: &[(&str, FileKind)] = &[
    ("image/jpg", FileKind::Jpeg),
    ("image/pjpeg", FileKind::Jpeg),
    ("image/x-png", FileKind::Png),
    ("application/x-pdf", FileKind::Pdf),
];

/// Declared types without information.
const UNDECLARED: &[&str] = &["", "application/octet-stream", "binary/octet-stream"];

fn is_extension(part: &str) -> bool {
    let part = part.to_ascii_lowercase();
    let could_be = part.len() <= 8
        && part.bytes().all(|b| b.is_ascii_alphanumeric())
        && part.bytes().any(|b| b.is_ascii_alphabetic());
    could_be && (PROGRAMS.contains(&part.as_str()) || mime_guess::from_ext(&part).first().is_some())
}

fn named(name: &str) -> Result<(FileKind, String), Refusal> {
    let name = display_name(name);
    let mut parts = name.split('.').skip(1).collect::<Vec<_>>();
    let extension = parts.pop().ok_or(Refusal::Name)?.trim().to_ascii_lowercase();
    let accepted = matches!(extension.as_str(), "png" | "jpg" | "jpeg" | "gif" | "webp" | "pdf");
    let mime = mime_guess::from_ext(&extension).first().filter(|_| accepted).ok_or(Refusal::Name)?;
    let kind = FileKind::ALL.iter().copied().find(|kind| kind.as_str() == mime.essence_str());
    if let Some(second) = parts.into_iter().map(str::trim).find(|part| is_extension(part)) {
        return Err(Refusal::SecondExtension(second.to_owned()));
    }
    Ok((kind.ok_or(Refusal::Name)?, extension))
}

/// Checks the name and the declared type against the type of the content.
pub(super) fn agree(name: &str, declared: Option<&str>, kind: FileKind) -> Result<(), Refusal> {
    let (expected, named) = named(name)?;
    if expected != kind {
        return Err(Refusal::OtherName { named, kind });
    }
    let declared =
        declared.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let other_name = OTHER_NAMES.iter().any(|(other, of)| *other == declared && *of == kind);
    if declared == kind.as_str() || other_name || UNDECLARED.contains(&declared.as_str()) {
        return Ok(());
    }
    Err(Refusal::OtherType { declared: declared.chars().take(100).collect(), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_one_extension_are_accepted() {
        for name in [
            "photo.jpg",
            "PHOTO.JPG",
            "photo.jpeg",
            "IMG_2026.03.02 10.15.33.jpg",
            "Pump no. 4, left side.jpg",
            "v2.1 final.jpg",
            "مضخة رقم ٤.jpg",
            "C:\\pictures\\web.html\\photo.jpg",
            "../../etc/photo.jpg",
            "photo.jpg ",
            "photo.jpg.",
        ] {
            assert_eq!(agree(name, Some("image/jpeg"), FileKind::Jpeg), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_without_or_with_two_extensions_are_refused() {
        for name in
            ["photo", "", "...", ".jpg", "photo.exe", "photo.jpe", "photo.jfif", "photo.svg", "photo.", "jpg"]
        {
            assert_eq!(agree(name, None, FileKind::Jpeg), Err(Refusal::Name), "{name}");
        }
        for (name, second) in [
            ("photo.php.jpg", "php"),
            ("photo.PHP5.jpg", "PHP5"),
            ("a.pdf.jpg", "pdf"),
            ("a.html.b.jpg", "html"),
            ("a.exe .jpg", "exe"),
            ("a.svg.jpg", "svg"),
            ("a.ph\u{202e}p.jpg", "php"),
        ] {
            assert_eq!(
                agree(name, None, FileKind::Jpeg),
                Err(Refusal::SecondExtension(second.into())),
                "{name}"
            );
        }
    }

    #[test]
    fn declared_types_agree_or_are_generic() {
        for declared in [
            None,
            Some(""),
            Some("image/jpeg"),
            Some("IMAGE/JPEG; charset=binary"),
            Some("image/jpg"),
            Some("application/octet-stream"),
        ] {
            assert_eq!(agree("a.jpg", declared, FileKind::Jpeg), Ok(()), "{declared:?}");
        }
        for declared in ["text/html", "image/png", "image/svg+xml", "application/pdf", "nonsense"] {
            let refused = Err(Refusal::OtherType { declared: declared.into(), kind: FileKind::Jpeg });
            assert_eq!(agree("a.jpg", Some(declared), FileKind::Jpeg), refused);
        }
        let refused = Err(Refusal::OtherName { named: "jpg".into(), kind: FileKind::Pdf });
        assert_eq!(agree("a.jpg", Some("application/pdf"), FileKind::Pdf), refused);
    }
}
