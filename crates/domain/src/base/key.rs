//! Keys: the one form of an identifier that people spell differently.
//!
//! Types of equipment, berths, serial numbers, badges, e-mail addresses and numbers of jobs are
//! unique, and match each other, by their keys. They are shown as they were entered.

use std::fmt;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use unicase::UniCase;

use crate::characters::{ascii_digit, is_dash, is_invisible};

/// The key of an identifier: compatible forms of characters are equal (NFKC), and so are cases,
/// scripts of digits, dashes and blanks; invisible characters and outer blanks don't count. It
/// depends on no locale.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct Key(String);

impl Key {
    /// The key of a text.
    pub fn of(text: &str) -> Self {
        // A folded character may have a compatible form of its own, whose case is folded again.
        Self(fold(&fold(text)))
    }

    /// The key of a text that may be absent.
    pub fn of_optional(text: Option<&str>) -> Option<Self> {
        text.map(Self::of)
    }

    /// Whether two texts have the same key.
    pub fn is_same(one: &str, other: &str) -> bool {
        one == other || Self::of(one) == Self::of(other)
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

#[cfg(feature = "diesel")]
impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for Key
where
    str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
        diesel::serialize::ToSql::<diesel::sql_types::Text, DB>::to_sql(self.as_str(), out)
    }
}

fn fold(text: &str) -> String {
    let seen = text.chars().filter(|c| !is_invisible(*c));
    // Full case folding is defined on decomposed texts.
    let decomposed: String = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(seen).collect();
    let folded = UniCase::unicode(decomposed).to_folded_case();
    let composed: String = ComposingNormalizerBorrowed::new_nfkc().normalize_iter(folded.chars()).collect();
    let plain = composed
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(|c| if is_dash(c) { '-' } else { ascii_digit(c).unwrap_or(c) });
    plain.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts of the characters whose forms differ, among others.
    fn texts() -> impl Strategy<Value = String> {
        let odd = "[ -~\u{a0}-\u{24f}\u{300}-\u{3ff}\u{600}-\u{6ff}\u{1e00}-\u{20cf}\u{2100}-\u{218f}ａ-ｚＡ-Ｚ０-９ﬀ-ﬆﭐ-ﻼ\u{feff}]{0,12}";
        prop_oneof![
            odd,
            "\\PC{0,20}",
            proptest::collection::vec(any::<char>(), 0..12).prop_map(String::from_iter)
        ]
    }

    fn all_forms(text: &str) -> [String; 4] {
        let chars = || text.chars();
        [
            ComposingNormalizerBorrowed::new_nfc().normalize_iter(chars()).collect(),
            DecomposingNormalizerBorrowed::new_nfd().normalize_iter(chars()).collect(),
            ComposingNormalizerBorrowed::new_nfkc().normalize_iter(chars()).collect(),
            DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(chars()).collect(),
        ]
    }

    #[test]
    fn every_character_has_a_key_that_is_its_own() {
        // All but the ideographs, syllables and private characters, which have no other forms.
        let some = ['\0'..='\u{33FF}', '\u{A000}'..='\u{AC10}', '\u{F900}'..='\u{1FFFF}'];
        for c in some.into_iter().flatten() {
            let text = format!("a{c}b");
            let key = Key::of(&text);
            assert_eq!(Key::of(key.as_str()), key, "{c:?}");
            for form in all_forms(&text) {
                assert_eq!(Key::of(&form), key, "{c:?} as {form:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key_and_that_of_all_normal_forms(text in texts()) {
            let key = Key::of(&text);
            prop_assert_eq!(&Key::of(key.as_str()), &key);
            for form in all_forms(&text) {
                prop_assert_eq!(&Key::of(&form), &key, "{:?}", form);
            }
        }

        #[test]
        fn case_and_blanks_do_not_count(text in texts()) {
            let key = Key::of(&text);
            prop_assert_eq!(&Key::of(&format!("\u{200f} {text}\u{a0}\u{feff}")), &key);
            let ascii: String = text.chars().map(|c| c.to_ascii_uppercase()).collect();
            prop_assert_eq!(&Key::of(&ascii), &key);
        }

        #[test]
        fn the_key_of_a_plain_text_is_its_lower_case(text in "[!-~]{1,9}( [!-~]{1,9}){0,3}") {
            // The triggers of both databases do the same for programs without keys.
            prop_assert_eq!(String::from(Key::of(&text)), text.to_ascii_lowercase());
        }

        #[test]
        fn keys_have_ascii_digits_and_dashes_only(text in texts()) {
            let key = Key::of(&text);
            let is_plain = |c: char| !is_invisible(c) && (c == '-' || !is_dash(c)) && ascii_digit(c).is_none_or(|digit| digit == c);
            prop_assert!(key.as_str().chars().all(is_plain), "{:?}", key);
            prop_assert_eq!(key.as_str().trim(), key.as_str());
        }
    }
}
