//! Parameters of texts.

use crate::time::Date;

/// A parameter of a notification's text.
#[derive(Debug, Clone)]
pub enum Param {
    /// The same text in both languages.
    Plain(String),
    /// A text in English and in Arabic.
    Both(String, String),
    /// A number. The text uses the plural form of its language.
    Count(i64),
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl From<&String> for Param {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&Date> for Param {
    fn from(date: &Date) -> Self {
        Self::Plain(date.to_string())
    }
}

impl From<&i64> for Param {
    fn from(count: &i64) -> Self {
        Self::Count(*count)
    }
}

impl From<bool> for Param {
    fn from(value: bool) -> Self {
        Self::Plain(value.to_string())
    }
}

impl From<(&str, Option<&str>)> for Param {
    fn from((english, arabic): (&str, Option<&str>)) -> Self {
        Self::Both(english.to_owned(), arabic.unwrap_or(english).to_owned())
    }
}
