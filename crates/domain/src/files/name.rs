//! Names of files: for display only, with the extension of the content (rule book §14).

use super::kind::FileKind;

/// Extensions that name an accepted type, and those that phones give to photos which they convert
/// on the way.
const EXTENSIONS: &[(&str, FileKind)] = &[
    ("png", FileKind::Png),
    ("jpg", FileKind::Jpeg),
    ("jpeg", FileKind::Jpeg),
    ("jfif", FileKind::Jpeg),
    ("jpe", FileKind::Jpeg),
    ("pjpeg", FileKind::Jpeg),
    ("heic", FileKind::Jpeg),
    ("heif", FileKind::Jpeg),
    ("gif", FileKind::Gif),
    ("webp", FileKind::Webp),
    ("pdf", FileKind::Pdf),
];

/// Maximum length of a display name, in characters.
const LONGEST_NAME: usize = 150;

/// Display name from the client's file name: no folders, control characters or direction marks,
/// bounded in length, with its extension; `file` if nothing remains (§14).
pub fn display_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = last.chars().filter(|c| !c.is_control() && !turns_direction(*c)).collect();
    let is_margin = |c: char| c.is_whitespace() || c == '.';
    let name = visible.trim_matches(is_margin);
    if name.is_empty() {
        return "file".to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.chars().count() <= 10 => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let room = LONGEST_NAME - extension.chars().count();
    let stem: String = stem.chars().take(room).collect();
    // Without an extension, a name that is cut may end in a margin again.
    let name = stem + &extension;
    name.trim_end_matches(is_margin).to_owned()
}

/// Whether a character is invisible and changes the reading direction of a name.
const fn turns_direction(c: char) -> bool {
    matches!(
        c,
        '\u{061C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
    )
}

/// The parts of a name that can be extensions, the last one first.
pub fn extensions(name: &str) -> impl Iterator<Item = &str> + Clone {
    let parts = name.split('.').count().saturating_sub(1);
    name.rsplit('.').take(parts).map(str::trim)
}

impl FileKind {
    /// The accepted type that an extension names; `None` for any other text.
    pub fn of_extension(extension: &str) -> Option<Self> {
        let is_named = |(name, _): &&(&str, Self)| name.eq_ignore_ascii_case(extension);
        EXTENSIONS.iter().find(is_named).map(|(_, kind)| *kind)
    }

    /// Display name of a file of this type: a missing, alternative or repeated extension is
    /// corrected (§14).
    pub fn named(self, given: &str) -> String {
        let name = display_name(given);
        let is_official = |extension: &str| {
            let usual = if self == Self::Jpeg { "jpeg" } else { self.extension() };
            extension.eq_ignore_ascii_case(self.extension()) || extension.eq_ignore_ascii_case(usual)
        };
        let own = extensions(&name).take_while(|extension| Self::of_extension(extension) == Some(self));
        let official = own.clone().find(|extension| is_official(extension));
        let extension = official.unwrap_or_else(|| self.extension()).to_owned();
        let mut stem = name.as_str();
        for _ in own {
            stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
        }
        display_name(&format!("{stem}.{extension}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_for_display_only() {
        for (given, shown) in [
            ("crack.jpg", "crack.jpg"),
            ("C:\\Users\\me\\crack.jpg", "crack.jpg"),
            ("../../etc/passwd", "passwd"),
            ("صورة الشق.jpg", "صورة الشق.jpg"),
            ("a\u{0}b\r\n\t.png", "ab.png"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("zero\u{200b}width\u{feff}.png", "zerowidth.png"),
            ("", "file"),
            ("...", "file"),
            ("/", "file"),
            (".htaccess", "htaccess"),
            ("  spaced out .pdf ", "spaced out .pdf"),
            ("🛠️.webp", "🛠️.webp"),
            ("\"quoted\"; filename=x.png", "\"quoted\"; filename=x.png"),
        ] {
            assert_eq!(display_name(given), shown, "{given:?}");
        }
        let named = |stem: usize, extension: &str| display_name(&format!("{}.{extension}", "x".repeat(stem)));
        assert_eq!(named(200, "abcdefghij"), format!("{}.abcdefghij", "x".repeat(139)));
        assert_eq!(named(148, "abcdefghijk"), format!("{}.a", "x".repeat(148)), "no extension");
        assert_eq!(named(146, "jpg"), format!("{}.jpg", "x".repeat(146)));
        // The cut may leave a dot or a space at the end.
        assert_eq!(named(149, "a-long-extension"), "x".repeat(149));
        let long = display_name(&format!("{}.jpg", "ط".repeat(400)));
        assert_eq!(long.chars().count(), 150);
        assert_eq!(long.rsplit('.').next(), Some("jpg"));
    }

    proptest! {
        #[test]
        fn a_display_name_is_short_plain_and_stable_for_any_input(
            given in prop_oneof![any::<String>(), "[a. ]{140,160}[.][a-z. ]{1,20}"],
        ) {
            let shown = display_name(&given);
            prop_assert!((1..=150).contains(&shown.chars().count()));
            prop_assert!(!shown.contains(['/', '\\']) && !shown.starts_with('.'));
            prop_assert!(!shown.chars().any(|c| c.is_control() || turns_direction(c)));
            prop_assert_eq!(display_name(&shown), shown);
        }
    }

    #[test]
    fn the_extension_is_that_of_the_content() {
        for (given, shown) in [
            ("crack.jpg", "crack.jpg"),
            ("crack.JPEG", "crack.JPEG"),
            ("blob", "blob.jpg"),
            ("", "file.jpg"),
            (".jpg", "jpg.jpg"),
            ("crack.", "crack.jpg"),
            ("crack.jfif", "crack.jpg"),
            ("crack.jpg.jpg", "crack.jpg"),
            ("crack.jfif.jpeg", "crack.jpeg"),
            ("IMG_0001.HEIC", "IMG_0001.jpg"),
            ("IMG_0001.heic.jpg", "IMG_0001.jpg"),
            ("IMG_2026.03.02 10.15.33", "IMG_2026.03.02 10.15.33.jpg"),
            ("مضخة", "مضخة.jpg"),
        ] {
            assert_eq!(FileKind::Jpeg.named(given), shown, "{given:?}");
        }
        assert_eq!(FileKind::Pdf.named("report"), "report.pdf");
        assert_eq!(FileKind::Jpeg.named(&"x".repeat(200)), format!("{}.jpg", "x".repeat(146)));
    }

    proptest! {
        #[test]
        fn a_corrected_name_ends_as_the_content_and_is_stable(
            given in prop_oneof![any::<String>(), "[a. ]{1,160}[.](jpg|jpeg|jfif|HEIC|txt)"],
        ) {
            for &kind in FileKind::ALL {
                let shown = kind.named(&given);
                prop_assert!((1..=150).contains(&shown.chars().count()));
                prop_assert_eq!(extensions(&shown).next().and_then(FileKind::of_extension), Some(kind));
                prop_assert_eq!(kind.named(&shown), shown);
            }
        }
    }
}
