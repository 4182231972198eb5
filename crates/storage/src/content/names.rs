//! Consistency of a file's name, declared type and content.

use inspection_domain::files::{FileKind, display_name, extensions};

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

/// Whether part of a name is the extension of a known type.
fn is_extension(part: &str) -> bool {
    let part = part.to_ascii_lowercase();
    let could_be = part.len() <= 8
        && part.bytes().all(|b| b.is_ascii_alphanumeric())
        && part.bytes().any(|b| b.is_ascii_alphabetic());
    could_be && (PROGRAMS.contains(&part.as_str()) || mime_guess::from_ext(&part).first().is_some())
}

/// Checks the extensions of a name: the content decides the type, and a missing, alternative or
/// repeated extension is corrected later, but none may name another type.
fn name_agrees(name: &str, kind: FileKind) -> Result<(), Refusal> {
    let name = display_name(name);
    for (n, extension) in extensions(&name).enumerate() {
        match FileKind::of_extension(extension) {
            Some(named) if named == kind => {}
            Some(_) if n == 0 => {
                return Err(Refusal::OtherName { named: extension.to_ascii_lowercase(), kind });
            }
            None if n == 0 && is_extension(extension) => return Err(Refusal::Name),
            None if !is_extension(extension) => {}
            _ => return Err(Refusal::SecondExtension(extension.to_owned())),
        }
    }
    Ok(())
}

/// Checks the name and the declared type against the type of the content.
pub(super) fn agree(name: &str, declared: Option<&str>, kind: FileKind) -> Result<(), Refusal> {
    name_agrees(name, kind)?;
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
            // Corrected from the content.
            "",
            "...",
            ".jpg",
            "jpg",
            "photo.",
            "blob",
            "image",
            "photo.jfif",
            "photo.JPE",
            "photo.jpg.jpg",
            "photo.jfif.jpeg",
            "IMG_0001.HEIC",
            "IMG_0001.heic.jpg",
            "IMG_2026.03.02 10.15.33",
        ] {
            assert_eq!(agree(name, Some("image/jpeg"), FileKind::Jpeg), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_with_an_extension_of_another_type_are_refused() {
        for name in ["photo.exe", "photo.svg", "photo.HTML", "photo.php", "photo.mp4", "photo.jpg.sh"] {
            assert_eq!(agree(name, None, FileKind::Jpeg), Err(Refusal::Name), "{name}");
        }
        for (name, kind, named) in [
            ("a.png", FileKind::Jpeg, "png"),
            ("a.PDF", FileKind::Png, "pdf"),
            ("a.heic", FileKind::Png, "heic"),
        ] {
            let refused = Err(Refusal::OtherName { named: named.into(), kind });
            assert_eq!(agree(name, None, kind), refused, "{name}");
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
