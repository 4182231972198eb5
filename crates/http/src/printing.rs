//! The common parts of printed documents: languages, times, and the codes of machines.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use inspection_documents::{Code, Direction, Error, Moment, Properties, Text, isolate, isolate_ltr};
use inspection_domain::{equipment::Equipment, message::Message, text::Language, time::Instant};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::web::{
    extract::asks_for_both,
    openapi::{Describe, Operation},
    problem::Problem,
};

/// Characters of a path segment that are encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whether a document is requested in both languages, with `?lang=both`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InBoth(bool);

impl FromRequest for InBoth {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(asks_for_both(request).map(Self))
    }
}

impl Describe for InBoth {
    fn describe(operation: &mut Operation) {
        operation.both_languages();
    }
}

impl InBoth {
    /// The languages of the document for this reader.
    pub(crate) fn languages(self, reader: Language) -> Languages {
        if self.0 { Languages::BOTH } else { Languages(Some(reader)) }
    }
}

/// The languages of a document: one, or both if none is chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Languages(Option<Language>);

impl Languages {
    /// Both languages.
    pub(crate) const BOTH: Self = Self(None);

    /// The order of columns.
    pub(crate) fn direction(self) -> Direction {
        match self.0 {
            Some(Language::Ar) => Direction::RightToLeft,
            Some(Language::En) | None => Direction::LeftToRight,
        }
    }

    /// The main language, as a tag.
    pub(crate) fn tag(self) -> &'static str {
        self.0.unwrap_or(Language::En).as_str()
    }

    /// A text of the service.
    pub(crate) fn text(self, text: impl Into<Message>) -> Text {
        let text = text.into();
        match self.0 {
            Some(Language::En) => Text::ltr(text.english()),
            Some(Language::Ar) => Text::rtl(text.arabic()),
            None if text.english() == text.arabic() => Text::ltr(text.english()),
            None => Text::both(text.english(), text.arabic()),
        }
    }

    /// A text of a user in English, or in whatever language, and in Arabic.
    pub(crate) fn either(self, original: &str, arabic: Option<&str>) -> Text {
        match (self.0, arabic) {
            (None, Some(arabic)) if arabic != original => Text::both(isolate(original), isolate(arabic)),
            (Some(language), arabic) => {
                Text::new(isolate(language.choose(original, arabic)), self.direction())
            }
            (None, _) => self.user(original),
        }
    }

    /// A text of a user in an unknown language.
    pub(crate) fn user(self, text: &str) -> Text {
        Text::new(isolate(text), self.direction())
    }

    /// A value that reads from left to right, such as a time or a code.
    pub(crate) fn value(self, value: &str) -> Text {
        Text::new(isolate_ltr(value), self.direction())
    }
}

/// The properties of a document that is made now.
pub(crate) fn properties(title: String, languages: Languages, now: Instant) -> Properties {
    let (date, time) = now.civil();
    let [year, month, day] = date;
    let [hour, minute, second] = time;
    let small = |number: i16| u8::try_from(number).unwrap_or_default();
    let created = Moment {
        year: u16::try_from(year).unwrap_or_default(),
        month: small(month),
        day: small(day),
        hour: small(hour),
        minute: small(minute),
        second: small(second),
    };
    Properties { title, language: languages.tag(), created }
}

/// The QR code of a machine: its address in the client, or its serial number if the address of the
/// service isn't configured.
pub(crate) fn code_of(machine: &Equipment, app_url: Option<&str>) -> Result<Code, Error> {
    let serial = machine.serial_number.as_str();
    match app_url {
        Some(url) => Code::new(&format!("{url}/e/{}", utf8_percent_encode(serial, SEGMENT))),
        None => Code::new(serial),
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use inspection_documents::Text;
    use inspection_domain::text::Language;

    use super::Languages;

    #[test]
    fn a_text_of_a_user_stands_in_the_languages_that_it_has() {
        let (english, arabic, both) =
            (Languages(Some(Language::En)), Languages(Some(Language::Ar)), Languages::BOTH);
        let quay = |languages: Languages| languages.either("Quay", Some("رصيف"));
        assert_eq!(quay(english), Text::ltr("\u{2068}Quay\u{2069}"));
        assert_eq!(quay(arabic), Text::rtl("\u{2068}رصيف\u{2069}"));
        assert_eq!(quay(both), Text::both("\u{2068}Quay\u{2069}", "\u{2068}رصيف\u{2069}"));
        assert_eq!(both.either("Quay", None), Text::ltr("\u{2068}Quay\u{2069}"));
        assert_eq!(arabic.either("Quay", None), Text::rtl("\u{2068}Quay\u{2069}"));
    }
}
