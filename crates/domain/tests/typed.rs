//! A table of texts as people type them, and what each becomes.

#![allow(clippy::expect_used, clippy::panic, reason = "a test")]

use inspection_domain::{
    key::Key,
    message::Message,
    number::{self, NumberError},
    search::{Search, SearchedKind, SearchedTexts},
    text::{Language, Text},
    time::Date,
};

const TABLE: &str = include_str!("typed.tsv");

/// A text with its escapes replaced.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut whole = parts.next().expect("a part").to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').expect("a closing brace");
        let code = u32::from_str_radix(code, 16).expect("a code point");
        whole.push(char::from_u32(code).expect("a character"));
        whole.push_str(rest);
    }
    whole.replace("\\t", "\t").replace("\\n", "\n")
}

fn is_found(searched: &str, object: &str) -> bool {
    let words = SearchedTexts::new(SearchedKind::Equipment, [Some(object)]).words();
    let begins = |searched: &String| words.split(' ').any(|word| word.starts_with(searched.as_str()));
    let groups = Search::new(SearchedKind::Equipment, searched).groups;
    !groups.is_empty() && groups.iter().all(|group| group.iter().any(begins))
}

fn result(kind: &str, text: &str) -> String {
    let refused = || "refused".to_owned();
    let pair = || text.split_once(" | ").expect("two texts");
    match kind {
        "key" => Key::of(text).to_string(),
        "same" if Key::is_same(pair().0, pair().1) => "same".into(),
        "same" => "different".into(),
        "number" => match number::normalised(text) {
            Ok(number) => number,
            Err(NumberError::NotANumber) => refused(),
            Err(NumberError::TwoReadings { decimal, whole }) => {
                let message = Message::from(NumberError::TwoReadings {
                    decimal: decimal.clone(),
                    whole: whole.clone(),
                });
                for language in [Language::En, Language::Ar] {
                    let message = message.in_language(language);
                    assert!(message.contains(&decimal) && message.contains(&whole), "{message}");
                }
                format!("refused: {decimal} or {whole}")
            }
        },
        "date" => Date::typed(text).map_or_else(refused, |date| date.to_string()),
        "text" => Text::<100>::new(text).map_or_else(|_| refused(), String::from),
        "search" if is_found(pair().0, pair().1) => "found".into(),
        "search" => "not found".into(),
        other => panic!("{other} is no kind"),
    }
}

#[test]
fn typed_inputs_become_what_their_table_says() {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#')).skip(1);
    let (mut all, mut wrong) = (0, Vec::new());
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let [kind, language, text, expected] = cells[..] else { panic!("{line}") };
        assert!(!language.is_empty(), "{line}");
        let found = result(kind, &unescaped(text));
        if found != unescaped(expected) {
            wrong.push(format!("{line}: {found}"));
        }
        all += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all >= 120, "{all}");
}
