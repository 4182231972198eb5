//! Where a file is in a store.

use std::fmt;

use inspection_domain::{
    files::{Category, FileKind, folder_of},
    time::Date,
};

use crate::thumbnails::Size;

/// Folder of the thumbnails. No category begins with a dot.
const THUMBNAILS: &str = ".thumbnails";

/// Folder of what is written to see whether a store can be written to.
const PROBES: &str = ".probes";

/// The place of one object in a store: `category/yyyy/mm/dd/random.extension` (rule book §14), or that of something made from
/// it. No text of a client is part of it but the category, which has only letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

/// What an object in a store is, by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file.
    File,
    /// A thumbnail of the file with this key.
    ThumbnailOf(Key),
    /// What is left of seeing whether the store can be written to.
    Probe,
    /// Nothing this program has put there.
    Foreign,
}

impl Key {
    /// The place of a new file, with sixteen bytes that nobody can guess.
    pub fn of_file(category: &Category, date: Date, random: [u8; 16], kind: FileKind) -> Self {
        let (category, folder) = (category.as_str(), folder_of(date));
        Self(format!("{category}/{folder}/{:032x}.{}", u128::from_be_bytes(random), kind.extension()))
    }

    /// The place of a file as it is on record.
    pub fn recorded(key: &str) -> Self {
        Self(key.to_owned())
    }

    /// The place of a thumbnail of this file.
    #[must_use]
    pub fn thumbnail(&self, size: Size) -> Self {
        Self(format!("{THUMBNAILS}/{}/{}.jpg", size.pixels(), self.0))
    }

    pub(crate) fn probe(name: &str) -> Self {
        Self(format!("{PROBES}/{name}"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is there.
    pub fn place(&self) -> Place {
        if let Some(rest) = self.0.strip_prefix(PROBES) {
            return if rest.starts_with('/') { Place::Probe } else { Place::Foreign };
        }
        if let Some(rest) = self.0.strip_prefix(THUMBNAILS) {
            let original =
                rest.strip_prefix('/').and_then(|rest| rest.split_once('/')?.1.strip_suffix(".jpg"));
            return match original.map(Self::recorded) {
                Some(key) if key.is_file() => Place::ThumbnailOf(key),
                _ => Place::Foreign,
            };
        }
        if self.is_file() { Place::File } else { Place::Foreign }
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
    fn a_file_is_kept_under_a_random_name_in_the_folder_of_its_day() {
        assert_eq!(key().as_str(), "inspection/2026/03/02/07070707070707070707070707070707.jpg");
    }

    #[test]
    fn the_place_of_an_object_tells_what_it_is() {
        assert_eq!(key().place(), Place::File);
        assert_eq!(key().thumbnail(Size::for_pixels(160)).place(), Place::ThumbnailOf(key()));
        assert_eq!(Key::probe("x").place(), Place::Probe);
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
            assert_eq!(Key::recorded(foreign).place(), Place::Foreign, "{foreign}");
        }
    }
}
