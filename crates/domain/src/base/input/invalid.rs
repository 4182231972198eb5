//! Errors of inputs.

use std::fmt;

use crate::{
    message::Message,
    rule::{Code, FieldError, Rule},
};

/// Every error of an input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invalid {
    fields: Vec<FieldError>,
    malformed: bool,
}

impl Invalid {
    /// An error in the present value; [`at`](Self::at) adds the field.
    pub fn value(message: impl Into<Message>) -> Self {
        Self::field("", message)
    }

    /// An error in a field.
    pub fn field(field: impl Into<String>, message: impl Into<Message>) -> Self {
        Self { fields: vec![FieldError { field: field.into(), message: message.into() }], malformed: false }
    }

    /// The document is not valid JSON; `field` is the position of the syntax error.
    pub fn malformed(field: impl Into<String>, message: impl Into<Message>) -> Self {
        Self { malformed: true, ..Self::field(field, message) }
    }

    /// Prefixes every field with the name of the enclosing object or list element.
    #[must_use]
    pub fn at(mut self, name: &str) -> Self {
        for error in &mut self.fields {
            error.field = match error.field.as_str() {
                "" => name.to_owned(),
                inner if inner.starts_with('[') => format!("{name}{inner}"),
                inner => format!("{name}.{inner}"),
            };
        }
        self
    }

    /// Adds the errors of another input.
    pub fn extend(&mut self, other: Self) {
        self.fields.extend(other.fields);
        self.malformed |= other.malformed;
    }

    /// Returns the value, or collects its errors under the name of the field.
    pub fn collect<T>(&mut self, name: &str, read: Result<T, Self>) -> Option<T> {
        read.map_err(|errors| self.extend(errors.at(name))).ok()
    }

    /// `Ok` if there are no errors.
    pub fn into_result(self) -> Result<(), Self> {
        if self.fields.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

impl std::error::Error for Invalid {}

impl Rule for Invalid {
    fn code(&self) -> Code {
        if self.malformed { Code::MalformedJson } else { Code::ValidationError }
    }

    fn message(&self) -> Message {
        let errors = self.fields.iter().map(|error| {
            let values = vec![("field", Message::verbatim(&error.field)), ("message", error.message.clone())];
            Message::new("{field} {message}", values)
        });
        let listed =
            |errors, error| Message::new("{errors}; {error}", vec![("errors", errors), ("error", error)]);
        let errors = vec![("errors", errors.reduce(listed).unwrap_or_else(|| "".into()))];
        if self.malformed {
            Message::new("the body is not valid JSON: {errors}", errors)
        } else {
            Message::new("the input is not valid: {errors}", errors)
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        self.fields.clone()
    }
}
