//! Keys of objects in a store.

use std::fmt;

use inspection_domain::{
    files::{Category, FileKind, folder_of},
    time::Date,
};

/// Folder of thumbnails. Categories never begin with a dot.
const THUMBNAILS: &str = ".thumbnails";

/// Folder of the objects that a probe writes.
const PROBES: &str = ".probes";

/// Size of a thumbnail: pixels of its longer side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(u32);

impl Size {
    /// All sizes, in ascending order.
    pub const ALL: [Self; 3] = [Self(160), Self(320), Self(640)];

    /// Returns the smallest size of at least `pixels`, or the largest size.
    pub fn for_pixels(pixels: u32) -> Self {
        Self::ALL.into_iter().find(|size| size.0 >= pixels).unwrap_or(Self(640))
    }

    /// Pixels of the longer side.
    pub const fn pixels(self) -> u32 {
        self.0
    }
}

/// Key of an object: `category/yyyy/mm/dd/random.extension` (rule §14), or that of a derived
/// object.
///
/// The category is the only client input. It consists of letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

/// Kind of an object, derived from its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectKind {
    /// An uploaded file.
    File,
    /// A thumbnail of the file with this key.
    ThumbnailOf(Key),
    /// Remainder of an interrupted probe.
    Probe,
    /// An object that this program did not write.
    Foreign,
}

impl Key {
    /// Creates the key of a new file. `random` makes it unguessable.
    pub fn of_file(category: &Category, date: Date, random: [u8; 16], kind: FileKind) -> Self {
        let (category, folder) = (category.as_str(), folder_of(date));
        Self(format!("{category}/{folder}/{:032x}.{}", u128::from_be_bytes(random), kind.extension()))
    }

    /// Wraps a key from the database.
    pub fn recorded(key: &str) -> Self {
        Self(key.to_owned())
    }

    /// Returns the key of this file's thumbnail.
    #[must_use]
    pub fn thumbnail(&self, size: Size) -> Self {
        Self(format!("{THUMBNAILS}/{}/{}.jpg", size.pixels(), self.0))
    }

    pub(crate) fn probe(name: &str) -> Self {
        Self(format!("{PROBES}/{name}"))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Classifies the object.
    pub fn object_kind(&self) -> ObjectKind {
        if let Some(rest) = self.0.strip_prefix(PROBES) {
            return if rest.starts_with('/') { ObjectKind::Probe } else { ObjectKind::Foreign };
        }
        if let Some(rest) = self.0.strip_prefix(THUMBNAILS) {
            let original =
                rest.strip_prefix('/').and_then(|rest| rest.split_once('/')?.1.strip_suffix(".jpg"));
            return match original.map(Self::recorded) {
                Some(key) if key.is_file() => ObjectKind::ThumbnailOf(key),
                _ => ObjectKind::Foreign,
            };
        }
        if self.is_file() { ObjectKind::File } else { ObjectKind::Foreign }
    }

    fn is_file(&self) -> bool {
        let digits =
            |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        let parts: Vec<&str> = self.0.split('/').collect();
        let [category, year, month, day, name] = parts.as_slice() else { return false };
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        let Some((stem, extension)) = name.split_once('.') else { return false };
        !category.is_empty()
            && category.bytes().all(is_plain)
            && digits(year, 4)
            && digits(month, 2)
            && digits(day, 2)
            && stem.len() == 32
            && stem.bytes().all(|b| b.is_ascii_hexdigit())
            && FileKind::ALL.iter().any(|kind| kind.extension() == extension)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use inspection_domain::input::{RawValue, Scalar};

    use super::*;

    fn key() -> Key {
        let category = Category::read(RawValue::Text("inspection".into())).expect("a category");
        Key::of_file(&category, Date::parse("2026-03-02").expect("a date"), [7; 16], FileKind::Jpeg)
    }

    #[test]
    fn a_file_has_a_random_name_in_the_folder_of_its_day() {
        assert_eq!(key().as_str(), "inspection/2026/03/02/07070707070707070707070707070707.jpg");
    }

    #[test]
    fn the_key_of_an_object_determines_its_kind() {
        assert_eq!(key().object_kind(), ObjectKind::File);
        assert_eq!(key().thumbnail(Size::for_pixels(160)).object_kind(), ObjectKind::ThumbnailOf(key()));
        assert_eq!(Key::probe("x").object_kind(), ObjectKind::Probe);
        for foreign in [
            "README.md",
            "inspection/2026/03/02/short.jpg",
            "inspection/2026/03/02/07070707070707070707070707070707.exe",
            "inspection/2026/03/07070707070707070707070707070707.jpg",
            "inspection/2026/03/xx/07070707070707070707070707070707.jpg",
            ".thumbnails/160/README.md",
            ".probesx",
            ".thumbnails",
            "",
        ] {
            assert_eq!(Key::recorded(foreign).object_kind(), ObjectKind::Foreign, "{foreign}");
        }
    }
}
