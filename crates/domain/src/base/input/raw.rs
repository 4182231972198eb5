//! Values and fields as received.

use serde_json::{Map, Value};

use super::invalid::Invalid;

/// A value as received: JSON, or text from a query string or path.
#[derive(Debug, Clone)]
pub enum RawValue {
    /// A JSON value.
    Json(Value),
    /// Text from a query string or path.
    Text(String),
}

impl RawValue {
    pub(super) fn expected(&self, what: &str) -> Invalid {
        let found = match self {
            Self::Text(_) => "something else",
            Self::Json(Value::Null) => "null",
            Self::Json(Value::Bool(_)) => "a boolean",
            Self::Json(Value::Number(_)) => "a number",
            Self::Json(Value::String(_)) => "a string",
            Self::Json(Value::Array(_)) => "a list",
            Self::Json(Value::Object(_)) => "an object",
        };
        Invalid::value(format!("must be {what}, not {found}"))
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
    /// Takes the value of the last of these names that is present. Clients that return a response
    /// unchanged send the localised text under the name and the original under `…_en`; the original
    /// takes precedence.
    pub fn take_field(&mut self, names: &[&str]) -> Option<RawValue> {
        names.iter().rev().find_map(|name| {
            let json = self.0.remove(*name).map(RawValue::Json);
            json.or_else(|| {
                self.1.iter().rev().find(|(key, _)| key == name).map(|(_, text)| RawValue::Text(text.clone()))
            })
        })
    }
}
