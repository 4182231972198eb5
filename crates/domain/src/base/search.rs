//! Words of searches: texts are folded, so that spellings of one word are equal.

use std::collections::BTreeSet;

use icu_normalizer::DecomposingNormalizerBorrowed;

use crate::{
    characters::{ascii_digit, is_dash, is_invisible},
    input::text_enum,
};

/// Maximum length of a word, in characters. Longer ones match by their beginning.
const LONGEST_WORD: usize = 40;

/// Number of words of an object that searches find.
const MOST_WORDS: usize = 500;

/// Number of words of a search that are used.
const MOST_SEARCHED: usize = 10;

text_enum! {
    /// A kind of objects whose list can be searched.
    pub enum SearchedKind {
        /// Checklists.
        Checklist = "checklist",
        /// Defects.
        Defect = "defect",
        /// Machines.
        Equipment = "equipment",
        /// Users.
        User = "user",
    }
}

impl SearchedKind {
    /// The letter before each word of an object of this kind in the index.
    const fn letter(self) -> char {
        match self {
            Self::Checklist => 'c',
            Self::Defect => 'd',
            Self::Equipment => 'e',
            Self::User => 'u',
        }
    }

    /// Number of the kind, below 8.
    pub const fn number(self) -> i64 {
        match self {
            Self::Checklist => 0,
            Self::Defect => 1,
            Self::Equipment => 2,
            Self::User => 3,
        }
    }
}

/// The texts of an object that its list searches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchedTexts<'a> {
    /// Kind of the object.
    pub kind: SearchedKind,
    /// The texts.
    pub texts: Vec<&'a str>,
}

impl<'a> SearchedTexts<'a> {
    /// The texts that are present.
    pub fn new(kind: SearchedKind, texts: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        Self { kind, texts: texts.into_iter().flatten().collect() }
    }

    /// The words of the texts, each after the letter of the kind, with blanks between them.
    pub fn words(&self) -> String {
        let mut all = BTreeSet::new();
        for text in &self.texts {
            all.extend(words(text));
        }
        let letter = self.kind.letter();
        let each: Vec<String> = all.iter().take(MOST_WORDS).map(|word| format!("{letter}{word}")).collect();
        each.join(" ")
    }
}

/// The words of a search: an object is found if one word of each group begins one of its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The groups; each word is after the letter of the kind.
    pub groups: Vec<Vec<String>>,
}

impl Search {
    /// The search for a text among objects of a kind. A text without words finds nothing.
    pub fn new(kind: SearchedKind, text: &str) -> Self {
        let letter = kind.letter();
        let in_kind = |group: BTreeSet<String>| -> Vec<String> {
            group.iter().map(|word| format!("{letter}{word}")).collect()
        };
        Self { groups: searched_words(text).into_iter().take(MOST_SEARCHED).map(in_kind).collect() }
    }
}

/// A search among texts that are not in the index.
#[derive(Debug, Clone)]
pub struct Finder {
    groups: Vec<BTreeSet<String>>,
}

impl Finder {
    /// The search for a text. A text without words finds nothing.
    pub fn new(text: &str) -> Self {
        Self { groups: searched_words(text).into_iter().take(MOST_SEARCHED).collect() }
    }

    /// Whether one word of each group begins one of the words of the texts.
    pub fn finds<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        let own: BTreeSet<String> = texts.into_iter().flat_map(words).collect();
        let begins = |beginning: &String| {
            own.range(beginning.clone()..).next().is_some_and(|word| word.starts_with(beginning))
        };
        !self.groups.is_empty() && self.groups.iter().all(|group| group.iter().any(begins))
    }
}

/// The words of a text, under which it is found: all words, Arabic ones also without prefixes, and
/// codes from each of their parts on.
pub fn words(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for chain in chains(&folded(text)) {
        if chain.is_code {
            let whole = chain.parts.concat();
            found.extend(chain.beginnings().into_iter().filter_map(|at| whole.get(at..)).map(shortened));
        } else {
            found.extend(chain.parts.iter().flat_map(|word| without_prefixes(&shortened(word))));
        }
    }
    found
}

/// The words of a search for a text, in groups of alternatives.
fn searched_words(text: &str) -> Vec<BTreeSet<String>> {
    let mut groups = Vec::new();
    for chain in chains(&folded(text)) {
        if chain.is_code {
            groups.push(BTreeSet::from([shortened(&chain.parts.concat())]));
        } else {
            groups.extend(chain.parts.iter().map(|word| without_prefixes(&shortened(word))));
        }
    }
    groups
}

/// Adjacent runs of letters and digits with one connecting character between them.
struct Chain<'a> {
    parts: Vec<&'a str>,
    /// Whether it has a digit, as `P-101A` does.
    is_code: bool,
}

impl Chain<'_> {
    /// The places in the connected parts at which a part, a number or the letters behind one begin.
    fn beginnings(&self) -> BTreeSet<usize> {
        let (mut places, mut place) = (BTreeSet::new(), 0);
        for part in &self.parts {
            let mut was_digit = None;
            for c in part.chars() {
                let is_digit = c.is_ascii_digit();
                if was_digit != Some(is_digit) {
                    places.insert(place);
                }
                was_digit = Some(is_digit);
                place += c.len_utf8();
            }
        }
        places
    }
}

/// The chains of a folded text.
fn chains(text: &str) -> impl Iterator<Item = Chain<'_>> {
    let is_connector = |c: char| is_dash(c) || matches!(c, '/' | '.' | '_');
    let chains = text.split(move |c: char| !c.is_alphanumeric() && !is_connector(c));
    chains.filter_map(move |chain| {
        let parts: Vec<&str> = chain.split(is_connector).filter(|part| !part.is_empty()).collect();
        let is_code = parts.iter().any(|part| part.contains(|c: char| c.is_ascii_digit()));
        (!parts.is_empty()).then_some(Chain { parts, is_code })
    })
}

fn shortened(word: &str) -> String {
    word.chars().take(LONGEST_WORD).collect()
}

/// An Arabic word with and without the article and the particles before it; another word as it is.
fn without_prefixes(word: &str) -> BTreeSet<String> {
    /// Prefixes, and the number of letters that must remain.
    const PREFIXES: [(&str, usize); 6] = [("ال", 2), ("لل", 2), ("و", 3), ("ب", 3), ("ل", 3), ("ف", 3)];

    let mut found = BTreeSet::new();
    let mut open = vec![word];
    while let Some(word) = open.pop() {
        if !found.insert(word.to_owned()) {
            continue;
        }
        let shorter = PREFIXES.iter().filter_map(|(prefix, least)| {
            word.strip_prefix(prefix).filter(|rest| rest.chars().count() >= *least)
        });
        open.extend(shorter);
    }
    found
}

/// A text without differences of case, accents, vowel signs, forms of letters and scripts of
/// digits. Folding it again changes nothing.
pub fn folded(text: &str) -> String {
    // The other case of a letter may have a mark of its own.
    fold_once(&fold_once(text))
}

fn fold_once(text: &str) -> String {
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(text.chars());
    let letters = decomposed.filter(|c| !is_ignored(*c));
    letters.flat_map(char::to_uppercase).flat_map(char::to_lowercase).map(unified).collect()
}

/// Accents, Arabic vowel signs and hamzas on letters, tatweel, and invisible characters.
const fn is_ignored(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}' | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}'
        | '\u{6D6}'..='\u{6DC}' | '\u{6DF}'..='\u{6E4}' | '\u{6E7}' | '\u{6E8}' | '\u{6EA}'..='\u{6ED}'
        | '\u{640}')
        || is_invisible(c)
}

/// The common letter of forms that are written for each other, and the ASCII digit of a digit.
fn unified(c: char) -> char {
    match c {
        'ٱ' => 'ا',
        'ى' | 'ی' => 'ي',
        'ة' => 'ه',
        'ک' | 'گ' => 'ك',
        c if c.is_ascii() => c,
        c => ascii_digit(c).unwrap_or(c),
    }
}

#[cfg(test)]
mod tests {
    use icu_normalizer::ComposingNormalizerBorrowed;
    use proptest::prelude::*;

    use super::*;

    /// Whether a search for `text` finds an object with this text.
    fn finds(text: &str, object: &str) -> bool {
        let object = words(object);
        let begins = |word: &String| object.iter().any(|own| own.starts_with(word));
        searched_words(text).iter().all(|group| group.iter().any(begins))
    }

    #[test]
    fn spellings_of_a_word_are_equal() {
        for (one, other) in [
            ("Müller", "MULLER"),
            ("Straße", "STRASSE"),
            ("İstanbul", "istanbul"),
            ("أحمد إبراهيم آدم", "احمد ابراهيم ادم"),
            ("مُضَخَّة", "مضخه"),
            ("مـضـخـة", "مضخة"),
            ("مستشفى", "مستشفي"),
            ("مسؤول", "مسوول"),
            ("رئيس", "رييس"),
            ("کلید", "كليد"),
            ("ﻻﺑﺪ", "لابد"),
            ("رافعة ١٢٣", "رافعه 123"),
            ("۴۵۶", "456"),
            ("Ｐ１０", "p10"),
            ("می\u{200c}خواهم", "میخواهم"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
    }

    #[test]
    fn all_words_of_a_search_begin_words_of_the_object() {
        for (text, object) in [
            ("pump", "Main Pump P-101A"),
            ("P-101", "Main Pump P-101A"),
            ("p101a", "Main Pump P-101A"),
            ("101A", "Main Pump P-101A"),
            ("P‑101A", "Main Pump P101A"),
            ("P 101 pum", "Main Pump P-101A"),
            ("٧", "Crane 07 or 7"),
            ("07", "crane-07"),
            ("crane 07", "crane-07"),
            ("مضخة", "والمضخة الرئيسية"),
            ("المضخة", "مضخة رئيسية"),
            ("رييسيه مضخه", "للمضخة الرئيسية"),
            ("ورشة", "الورشة"),
            ("ann", "ann.lee7@example.com"),
            ("lee7@example", "ann.lee7@example.com"),
            ("INS007", "INS007"),
            ("7", "INS7"),
            ("north quay", "North-quay"),
        ] {
            assert!(finds(text, object), "{text} in {object}: {:?}", words(object));
        }
        for (text, object) in
            [("ump", "Pump"), ("pump valve", "Pump"), ("P-102", "P-101"), ("حة", "لوحة"), ("%", "x %")]
        {
            assert!(searched_words(text).is_empty() || !finds(text, object), "{text} in {object}");
        }
    }

    #[test]
    fn words_have_the_letter_of_their_kind() {
        assert_eq!(Search::new(SearchedKind::User, " -%_\u{200f} ").groups, Vec::<Vec<String>>::new());
        let search = Search::new(SearchedKind::Defect, "Oil ١٢");
        assert_eq!(search.groups, [["doil"], ["d12"]]);
        let texts = SearchedTexts::new(SearchedKind::User, [Some("Ann B-2"), None]);
        assert_eq!(texts.words(), "u2 uann ub2");
    }

    proptest! {
        #[test]
        fn folding_is_idempotent_and_stable_under_normal_forms(text in "\\PC{0,40}") {
            let once = folded(&text);
            prop_assert_eq!(&folded(&once), &once);
            let composed = ComposingNormalizerBorrowed::new_nfkc().normalize_iter(text.chars());
            prop_assert_eq!(folded(&composed.collect::<String>()), once.clone());
            let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize_iter(text.chars());
            prop_assert_eq!(folded(&decomposed.collect::<String>()), once);
        }

        #[test]
        fn an_object_is_found_by_its_whole_text_and_by_each_of_its_words(text in "[ -~أ-ي٠-٩]{0,40}") {
            prop_assert!(finds(&text, &text), "{:?}", words(&text));
            for word in text.split_whitespace() {
                prop_assert!(finds(word, &text), "{} {:?}", word, words(&text));
            }
        }

        #[test]
        fn words_have_letters_and_digits_only(text in "\\PC{0,60}") {
            for word in words(&text) {
                prop_assert!(!word.is_empty() && word.chars().count() <= LONGEST_WORD);
                prop_assert!(word.chars().all(char::is_alphanumeric), "{}", word);
            }
        }
    }
}
