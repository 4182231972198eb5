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

/// The unparsed fields of an input.
pub struct RawInput(pub(super) Map<String, Value>, pub(super) Vec<(String, String)>);

impl RawInput {
    /// Takes the value of the first of these names that is present. Clients that return a response
    /// unchanged send the localised text under the name and the original under `…_en`; the original
    /// takes precedence.
    pub fn take_field(&mut self, names: &[&str]) -> Option<RawValue> {
        let originals = names.iter().filter(|name| name.ends_with("_en"));
        originals.chain(names).find_map(|name| {
            let json = self.0.remove(*name).map(RawValue::Json);
            json.or_else(|| {
                self.1.iter().rev().find(|(key, _)| key == name).map(|(_, text)| RawValue::Text(text.clone()))
            })
        })
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
