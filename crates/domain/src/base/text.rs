//! Text validation, and the two languages of the service.

use std::{borrow::Cow, ops::Deref};

use crate::{
    characters::is_format,
    input::{Invalid, RawValue, Scalar, text_enum},
    message,
    message::Message,
    rule::FieldError,
};

/// Length from which texts may have several lines, in characters.
const SEVERAL_LINES: usize = 500;

/// A text of `MIN` to `MAX` characters without invisible characters, outer blanks and runs of
/// blanks. A text of 500 or more characters may have line breaks; in others they are blanks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text<const MAX: usize, const MIN: usize = 1>(String);

impl<const MAX: usize, const MIN: usize> Text<MAX, MIN> {
    /// Validates a text.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let is_wrong = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        let has_wrong = text.trim().contains(is_wrong);
        let text = cleaned(text, MAX >= SEVERAL_LINES);
        if text.is_empty() {
            return Err(Invalid::value("may not be empty"));
        }
        let length = text.chars().count();
        if length < MIN {
            let message = message!("must have at least {min} characters, not {length}", min = MIN, length);
            return Err(Invalid::value(message));
        }
        if length > MAX {
            let message = message!("may have at most {max} characters, not {length}", max = MAX, length);
            return Err(Invalid::value(message));
        }
        if has_wrong {
            return Err(Invalid::value("may not contain control characters"));
        }
        Ok(Self(text))
    }
}

/// A text without invisible characters and outer blanks, in which a run of blanks is one space.
/// Line breaks stay, as `\n`, or are blanks.
fn cleaned(text: &str, has_lines: bool) -> String {
    let seen: String = text.chars().filter(|c| !is_format(*c)).collect();
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !has_lines {
        return joined(&seen);
    }
    let lines = seen.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    lines.split('\n').map(joined).collect::<Vec<_>>().join("\n").trim().to_owned()
}

impl<const MAX: usize, const MIN: usize> Deref for Text<MAX, MIN> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize, const MIN: usize> From<Text<MAX, MIN>> for String {
    fn from(text: Text<MAX, MIN>) -> Self {
        text.0
    }
}

impl<const MAX: usize, const MIN: usize> Scalar for Text<MAX, MIN> {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        Self::new(&given.text()?)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::input::object(utoipa::openapi::schema::Type::String)
            .min_length(Some(MIN))
            .max_length(Some(MAX))
            .into()
    }
}

/// Serialises an absent text as an empty one.
#[expect(clippy::ref_option, reason = "the signature that serde requires")]
pub(crate) fn or_empty<S: serde::Serializer>(
    text: &Option<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text.as_deref().unwrap_or_default())
}

text_enum! {
    /// Language of the service.
    pub enum Language {
        /// English.
        En = "en",
        /// Arabic.
        Ar = "ar",
    }
}

fn is_arabic(c: char) -> bool {
    matches!(c, '\u{0600}'..='\u{06FF}' | '\u{0750}'..='\u{077F}' | '\u{08A0}'..='\u{08FF}')
}

impl Language {
    /// Detects the language of a text: Arabic if more than 30 % of its non-space characters are
    /// Arabic (rule book §13).
    pub fn of(text: &str) -> Self {
        let (mut arabic, mut all) = (0_usize, 0_usize);
        for c in text.chars().filter(|c| !c.is_whitespace()) {
            all += 1;
            arabic += usize::from(is_arabic(c));
        }
        if arabic * 10 > all * 3 { Self::Ar } else { Self::En }
    }

    /// The other language.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::En => Self::Ar,
            Self::Ar => Self::En,
        }
    }

    /// Language of a response: that which the client prefers, else the user's, else English (rule
    /// book §13).
    pub fn negotiate(preferred: Option<Self>, own: Option<Self>) -> Self {
        preferred.or(own).unwrap_or(Self::En)
    }

    /// The language that an `Accept-Language` header with optional weights prefers.
    pub fn preferred(accepted: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in accepted.split(',') {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight = parts
                .find_map(|part| {
                    part.trim().strip_prefix("q=").map(|q| q.trim().parse::<f32>().unwrap_or(0.0))
                })
                .unwrap_or(1.0);
            let language = match tag.split('-').next() {
                Some("en") => Self::En,
                Some("ar") => Self::Ar,
                _ => continue,
            };
            if weight > 0.0 && weight <= 1.0 && best.is_none_or(|(w, _)| weight > w) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// The text in this language if it exists, else the original.
    pub fn choose<'a>(self, original: &'a str, arabic: Option<&'a str>) -> &'a str {
        match (self, arabic) {
            (Self::Ar, Some(arabic)) if !arabic.is_empty() => arabic,
            _ => original,
        }
    }
}

impl Message {
    /// The text in a language.
    pub fn in_language(&self, language: Language) -> Cow<'_, str> {
        match language {
            Language::En => self.english(),
            Language::Ar => self.arabic(),
        }
    }
}

impl FieldError {
    /// The same error with its message in a language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> Self {
        let message = self.message.in_language(language).into_owned().into();
        Self { field: self.field.clone(), message }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_loses_invisible_characters() {
        let short = |text: &str| Text::<100>::new(text).map(String::from).ok();
        let long = |text: &str| Text::<500>::new(text).map(String::from).ok();
        for (text, cleaned) in [
            ("\u{200f} Pump  7\u{a0}\u{feff}", "Pump 7"),
            ("\u{2067}مضخة\u{2069}\u{3000}\u{61c}٧", "مضخة ٧"),
            ("a\t\tb", "a b"),
            ("می\u{200c}خواهم", "میخواهم"),
        ] {
            assert_eq!((short(text), long(text)), (Some(cleaned.into()), Some(cleaned.into())), "{text}");
        }
        let lines = "\n one \r\n\n two\u{2028}three \r";
        assert_eq!(
            (short(lines), long(lines)),
            (Some("one two three".into()), Some("one\n\ntwo\nthree".into()))
        );
        for nothing in ["", " \n", "\u{200b}\u{feff}", "\u{2060} \u{200f}"] {
            assert_eq!((short(nothing), long(nothing)), (None, None), "{nothing:?}");
        }
        assert_eq!((short("a\u{7}b"), short("a\u{0}")), (None, None));
        assert_eq!(Text::<3>::new("a\u{200b}b\u{200b}c").map(String::from).ok().as_deref(), Some("abc"));
    }

    proptest! {
        #[test]
        fn a_cleaned_text_stays(text in "[\\PC \t\r\n\u{200b}-\u{200f}\u{2028}\u{2060}-\u{2069}\u{feff}]{0,40}", has_lines: bool) {
            let once = cleaned(&text, has_lines);
            prop_assert_eq!(&cleaned(&once, has_lines), &once);
            prop_assert!(!once.contains(is_format) && !once.contains("  "));
            prop_assert!(has_lines || !once.contains('\n'));
            let seen = |text: &str| text.chars().filter(|c| !c.is_whitespace() && !is_format(*c)).collect::<String>();
            prop_assert_eq!(seen(&once), seen(&text));
        }
    }

    #[test]
    fn a_text_is_arabic_when_more_than_thirty_percent_is() {
        assert_eq!(Language::of("pump"), Language::En);
        assert_eq!(Language::of("مضخة"), Language::Ar);
        assert_eq!(Language::of("abcdefg ابج"), Language::En, "3 of 10 is not more than 30 %");
        assert_eq!(Language::of("abcdef ابج"), Language::Ar, "3 of 9 is");
        assert_eq!(Language::of("  "), Language::En);
    }

    #[test]
    fn the_arabic_letters_are_in_three_blocks() {
        for (first, last) in [('\u{600}', '\u{6FF}'), ('\u{750}', '\u{77F}'), ('\u{8A0}', '\u{8FF}')] {
            assert!(is_arabic(first) && is_arabic(last));
            let before = char::from_u32(u32::from(first) - 1).expect("a character");
            let after = char::from_u32(u32::from(last) + 1).expect("a character");
            assert!(!is_arabic(before) && !is_arabic(after), "{before:?} {after:?}");
        }
    }

    #[test]
    fn accept_language_weights_are_honoured() {
        let of = |header| Language::negotiate(Language::preferred(header), Some(Language::Ar));
        assert_eq!(of("en-GB, ar;q=0.8"), Language::En);
        assert_eq!(of("en;q=0.3, ar-SA;q=0.8"), Language::Ar);
        assert_eq!(of("en;q=0"), Language::Ar, "not acceptable, so the user's own");
        assert_eq!(of("de, fr;q=x"), Language::Ar);
        assert_eq!((of("en, ar"), of("ar, en")), (Language::En, Language::Ar), "the first of equals");
        assert_eq!(of("en;q=1.1"), Language::Ar, "out of range");
        assert_eq!(Language::negotiate(None, None), Language::En);
    }

    #[test]
    fn texts_are_trimmed_counted_in_characters_and_free_of_control_characters() {
        assert_eq!(&*<Text<4>>::new(" مضخة ").expect("four characters"), "مضخة");
        assert!(<Text<3>>::new("مضخة").is_err());
        assert!(<Text<9>>::new(" \n ").is_err());
        assert!(<Text<9>>::new("a\0b").is_err());
        assert!(<Text<9>>::new("a\nb\r\tc").is_ok());
        let bounded = |text| <Text<4, 2>>::new(text).is_ok();
        assert_eq!(["ا", "اب", "ابجد", "ابجده"].map(bounded), [false, true, true, false]);
    }

    #[test]
    fn a_text_is_chosen_in_the_readers_language_if_present() {
        assert_eq!(Language::Ar.choose("Hall", Some("قاعة")), "قاعة");
        assert_eq!(Language::Ar.choose("Hall", None), "Hall");
        assert_eq!(Language::Ar.choose("Hall", Some("")), "Hall");
        assert_eq!(Language::En.choose("Hall", Some("قاعة")), "Hall");
    }
}
