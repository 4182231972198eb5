//! Messages for users. The English text stands in the code and is the key of its Arabic text in the
//! catalogue `message/ar.po`.

use std::{borrow::Cow, collections::HashMap, fmt, sync::LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text for users, in both languages. It may have places such as `{max}`, which values fill. A
/// value that the catalogue knows, such as a status, is translated too.
#[derive(Clone)]
pub struct Message {
    text: Cow<'static, str>,
    values: Vec<(&'static str, Self)>,
    /// Whether the text is the same in both languages, also if the catalogue has it.
    is_verbatim: bool,
}

impl Message {
    /// A text with places, and the values by the names of their places.
    pub fn new(text: &'static str, values: Vec<(&'static str, Self)>) -> Self {
        Self { text: text.into(), values, is_verbatim: false }
    }

    /// A text that is the same in both languages, such as the name of a field.
    pub fn verbatim(text: impl Into<String>) -> Self {
        Self { text: text.into().into(), values: Vec::new(), is_verbatim: true }
    }

    /// Several texts, separated by commas.
    pub fn joined(texts: impl IntoIterator<Item = Self>) -> Self {
        let pair = |all, next| Self::new("{all}, {next}", vec![("all", all), ("next", next)]);
        texts.into_iter().reduce(pair).unwrap_or_else(|| "".into())
    }

    /// The text in English.
    pub fn english(&self) -> Cow<'_, str> {
        self.fill(|text| text)
    }

    /// The text in Arabic; in English if the catalogue lacks it.
    pub fn arabic(&self) -> Cow<'_, str> {
        self.fill(|text| ARABIC.get(text).copied().unwrap_or(text))
    }

    fn fill<'a>(&'a self, translate: fn(&'a str) -> &'a str) -> Cow<'a, str> {
        let text = if self.is_verbatim { &self.text } else { translate(&self.text) };
        if self.values.is_empty() {
            return text.into();
        }
        let mut parts = text.split('{');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or_default();
            let value = self.values.iter().find(|(place, _)| *place == name);
            filled += &value.map(|(_, value)| value.fill(translate)).unwrap_or_default();
            filled += rest;
        }
        filled.into()
    }
}

/// A [`Message`] with its values, as in `message!("must be {min} to {max}", min, max = 20)`. The
/// compiler compares places and values.
#[macro_export]
macro_rules! message {
    ($text:literal $(,)?) => {
        $crate::message::Message::from($text)
    };
    ($text:literal, $($place:ident $(= $value:expr)?),+ $(,)?) => {{
        let _ = format_args!($text, $($place = ""),+);
        let values = vec![$((stringify!($place), $crate::message!(@ $place $($value)?).to_string().into())),+];
        $crate::message::Message::new($text, values)
    }};
    (@ $place:ident) => {
        $place
    };
    (@ $place:ident $value:expr) => {
        $value
    };
}

impl From<&'static str> for Message {
    fn from(text: &'static str) -> Self {
        Self::new(text, Vec::new())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self { text: text.into(), values: Vec::new(), is_verbatim: false }
    }
}

/// In English.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.english())
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.english(), f)
    }
}

/// Messages with the same English text are equal.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.english() == other.english()
    }
}

impl Eq for Message {}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.english())
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

static ARABIC: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| catalogue().collect());

/// The entries of the catalogue: English and Arabic text.
pub fn catalogue() -> impl Iterator<Item = (&'static str, &'static str)> {
    let texts = |keyword: &'static str| {
        let lines = include_str!("message/ar.po").lines();
        lines.filter_map(move |line| line.strip_prefix(keyword)?.strip_prefix(" \"")?.strip_suffix('"'))
    };
    // The first entry is the head of the file.
    texts("msgid").zip(texts("msgstr")).skip(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Names of the places of a text. An Arabic text needs no article.
    fn places(text: &str) -> BTreeSet<&str> {
        let names = text.split('{').skip(1).map(|part| part.split_once('}').expect("the end of a place").0);
        names.filter(|name| *name != "article").collect()
    }

    #[test]
    fn every_entry_has_an_arabic_text_with_the_same_places() {
        let mut known = BTreeSet::new();
        for (english, arabic) in catalogue() {
            assert!(known.insert(english), "twice: {english}");
            assert_eq!(places(english), places(arabic), "{english}");
            let is_arabic = arabic.contains(|c| ('\u{600}'..='\u{6FF}').contains(&c));
            assert!(is_arabic || english == "{field} {message}", "{english}: {arabic}");
            assert_eq!(arabic.trim(), arabic);
            assert!(!arabic.contains(['\\', '"', '?', ',', ';']), "Latin punctuation: {arabic}");
            assert!(!arabic.contains(|c: char| ('٠'..='٩').contains(&c)), "Arabic digits: {arabic}");
        }
        let file = include_str!("message/ar.po");
        let lines = file.lines().filter(|line| line.starts_with("msgid ") || line.starts_with("msgstr "));
        assert_eq!(lines.count(), 2 * (known.len() + 1), "every text is on one line");
        let pairs = file.lines().zip(file.lines().skip(1));
        assert!(
            pairs.filter(|(id, _)| id.starts_with("msgid ")).all(|(_, text)| text.starts_with("msgstr "))
        );
    }

    #[test]
    fn a_message_is_filled_in_both_languages() {
        let bounds = message!("may have at most {max} characters, not {length}", max = 5, length = "12");
        assert_eq!(bounds.to_string(), "may have at most 5 characters, not 12");
        let arabic = bounds.arabic();
        assert!(arabic.contains('5') && arabic.contains("12") && !arabic.contains("may"), "{arabic}");
        let empty =
            message!("no active routine runs in the {shift} shift of {date}", shift = "night", date = 5);
        let arabic = empty.arabic().into_owned();
        assert!(arabic.contains("مناوبة الليل"), "a known value is translated: {arabic}");
        let field = Message::new(
            "{field} {message}",
            vec![("field", Message::verbatim("file")), ("message", "is required".into())],
        );
        assert!(field.arabic().starts_with("file"), "{}: the name of a field", field.arabic());
        let unknown = Message::from("is {odd}".to_owned());
        assert_eq!(unknown.arabic(), "is {odd}");
        assert_eq!(format!("{unknown:>9}|{unknown:?}"), " is {odd}|\"is {odd}\"");
    }

    #[test]
    fn a_message_is_stored_as_its_english_text() {
        let message = message!("is on leave on {date}", date = "2026-03-01");
        let stored = serde_json::to_string(&message).expect("JSON");
        assert_eq!(stored, "\"is on leave on 2026-03-01\"");
        assert_eq!(serde_json::from_str::<Message>(&stored).expect("a message"), message);
    }
}
