//! Values and fields as received.

use serde_json::{Map, Value};

use super::invalid::Invalid;
use crate::message;

/// A value as received: JSON, or text from a query string or path.
#[derive(Debug, Clone)]
pub enum RawValue {
    /// A JSON value.
    Json(Value),
    /// Text from a query string or path.
    Text(String),
}

impl RawValue {
    pub(super) fn expected(&self, expected: &str) -> Invalid {
        let found = match self {
            Self::Text(_) => "something else",
            Self::Json(Value::Null) => "null",
            Self::Json(Value::Bool(_)) => "a boolean",
            Self::Json(Value::Number(_)) => "a number",
            Self::Json(Value::String(_)) => "a string",
            Self::Json(Value::Array(_)) => "a list",
            Self::Json(Value::Object(_)) => "an object",
        };
        Invalid::value(message!("must be {expected}, not {found}", expected, found))
    }

    /// Whether it is `null` or an empty text, which an optional field takes for an absent value.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Json(Value::Null) => true,
            Self::Json(Value::String(text)) | Self::Text(text) => text.is_empty(),
            Self::Json(_) => false,
        }
    }

    /// The text; an error if it is not one.
    pub fn text(self) -> Result<String, Invalid> {
        match self {
            Self::Text(text) | Self::Json(Value::String(text)) => Ok(text),
            other @ Self::Json(_) => Err(other.expected("a string")),
        }
    }
}

/// A value, and the name under which it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedValue<T> {
    /// The value.
    pub(super) value: T,
    /// Whether the name is not the first one of the field.
    pub(super) is_alias: bool,
    /// Whether the name is that of the original of a text.
    pub(super) is_original: bool,
}

impl<T> NamedValue<T> {
    /// A value under the name of the field.
    pub(super) fn named(value: T) -> Self {
        Self { value, is_alias: false, is_original: false }
    }

    /// Converts the value.
    pub(super) fn try_map<U, E>(self, convert: impl FnOnce(T) -> Result<U, E>) -> Result<NamedValue<U>, E> {
        let Self { value, is_alias, is_original } = self;
        convert(value).map(|value| NamedValue { value, is_alias, is_original })
    }
}

/// The unparsed fields of an input.
pub struct RawInput(pub(super) Map<String, Value>, pub(super) Vec<(String, String)>);

impl RawInput {
    /// Takes the value of a field: the first of these names that has one. A name with `null` or an
    /// empty text gives way to the others.
    pub fn take_field(&mut self, names: &[&str]) -> Option<RawValue> {
        let mut found = self.take_each(names);
        let filled = found.iter().position(|given| !given.value.is_empty()).unwrap_or_default();
        (filled < found.len()).then(|| found.swap_remove(filled).value)
    }

    /// Takes the value of each of these names that is present. Responses show a text in the
    /// reader's language under the name and the original under `…_en`; the original comes first.
    pub(super) fn take_each(&mut self, names: &[&str]) -> Vec<NamedValue<RawValue>> {
        let (originals, others): (Vec<&str>, Vec<&str>) =
            names.iter().partition(|name| name.ends_with("_en"));
        let mut take = |name: &str| {
            let json = self.0.remove(name).map(RawValue::Json);
            let value = json.or_else(|| {
                self.1.iter().rev().find(|(key, _)| key == name).map(|(_, text)| RawValue::Text(text.clone()))
            })?;
            let is_alias = names.first().is_some_and(|first| *first != name);
            Some(NamedValue { value, is_alias, is_original: name.ends_with("_en") })
        };
        originals.into_iter().chain(others).filter_map(&mut take).collect()
    }

    /// Takes the values of all parameters with one of these names, or the JSON value.
    pub(super) fn take_all(&mut self, names: &[&str]) -> Vec<RawValue> {
        let json = names.iter().find_map(|name| self.0.remove(*name)).map(RawValue::Json);
        let is_named = |key: &String| names.contains(&key.as_str());
        let texts =
            self.1.iter().filter(|(key, _)| is_named(key)).map(|(_, text)| RawValue::Text(text.clone()));
        json.into_iter().chain(texts).collect()
    }
}
