//! Inputs: typed commands and filters, with errors for **every** invalid field.
//!
//! A command or filter is declared once with the `input!` macro. The declaration yields its names
//! in JSON, its parser for JSON objects and query strings, and its schema in the API document.

mod macros;
mod values;

use std::fmt;

use serde_json::{Map, Value};

use crate::rule::{Code, FieldError, Rule};

#[cfg(feature = "diesel")]
pub(crate) use macros::stored_as_json;
pub(crate) use macros::{input, text_enum};
pub use values::{Integer, ValueList};

/// Every error of an input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invalid {
    fields: Vec<FieldError>,
    malformed: bool,
}

impl Invalid {
    /// An error in the present value; [`at`](Self::at) adds the field.
    pub fn value(message: impl Into<String>) -> Self {
        Self::field("", message)
    }

    /// An error in a field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { fields: vec![FieldError { field: field.into(), message: message.into() }], malformed: false }
    }

    /// The document is not valid JSON; `field` is the position of the syntax error.
    pub fn malformed(field: impl Into<String>, message: impl Into<String>) -> Self {
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
        f.write_str(if self.malformed { "the body is not valid JSON" } else { "the input is not valid" })?;
        for (n, error) in self.fields.iter().enumerate() {
            write!(f, "{} {} {}", if n == 0 { ":" } else { ";" }, error.field, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

impl Rule for Invalid {
    fn code(&self) -> Code {
        if self.malformed { Code::MalformedJson } else { Code::ValidationError }
    }

    fn fields(&self) -> Vec<FieldError> {
        self.fields.clone()
    }
}

/// A value as received: JSON, or text from a query string or path.
#[derive(Debug, Clone)]
pub enum RawValue {
    /// A JSON value.
    Json(Value),
    /// Text from a query string or path.
    Text(String),
}

impl RawValue {
    fn expected(&self, what: &str) -> Invalid {
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

/// A type that parses a single value.
pub trait Scalar: Sized {
    /// Parses the value.
    fn read(given: RawValue) -> Result<Self, Invalid>;

    /// Schema in the API document.
    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema>;
}

#[cfg(feature = "openapi")]
pub(crate) fn object(kind: utoipa::openapi::schema::Type) -> utoipa::openapi::ObjectBuilder {
    utoipa::openapi::ObjectBuilder::new().schema_type(kind)
}

impl Scalar for bool {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        match given {
            RawValue::Json(Value::Bool(value)) => Ok(value),
            RawValue::Text(ref text) if text == "true" || text == "1" => Ok(true),
            RawValue::Text(ref text) if text == "false" || text == "0" => Ok(false),
            other => Err(other.expected("true or false")),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        object(utoipa::openapi::schema::Type::Boolean).into()
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Scalar for $number {
            fn read(given: RawValue) -> Result<Self, Invalid> {
                let number = match &given {
                    RawValue::Json(Value::Number(number)) => number.as_i64().and_then(|n| Self::try_from(n).ok()),
                    RawValue::Text(text) => text.trim().parse().ok(),
                    RawValue::Json(_) => None,
                };
                number.ok_or_else(|| Invalid::value(
                    format!("must be a whole number from {} to {}", <$number>::MIN, <$number>::MAX)
                ))
            }

            #[cfg(feature = "openapi")]
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                object(utoipa::openapi::schema::Type::Integer).minimum(Some(<$number>::MIN as f64)).into()
            }
        }
    )*};
}

#[allow(clippy::cast_precision_loss, clippy::cast_lossless, reason = "a documented bound, not arithmetic")]
mod numbers {
    #[cfg(feature = "openapi")]
    use super::object;
    use super::{Invalid, RawValue, Scalar, Value};

    whole_numbers!(i32, i64, u32);
}

impl Scalar for f64 {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let number = match &given {
            RawValue::Json(Value::Number(number)) => number.as_f64(),
            RawValue::Text(text) => text.trim().parse().ok(),
            RawValue::Json(_) => None,
        };
        number.filter(|n| n.is_finite()).ok_or_else(|| given.expected("a finite number"))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        object(utoipa::openapi::schema::Type::Number).into()
    }
}

/// A type of an input's field: required, optional, change, patch, list or object.
pub trait Field: Sized {
    /// Whether the field must be present.
    const REQUIRED: bool;

    /// Parses the value received under the name of the field, if any.
    fn take_field(given: Option<RawValue>) -> Result<Self, Invalid>;

    /// Schema in the API document.
    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema>;
}

impl<T: Scalar> Field for T {
    const REQUIRED: bool = true;

    fn take_field(given: Option<RawValue>) -> Result<Self, Invalid> {
        given.map_or_else(|| Err(Invalid::value("is required")), T::read)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <T as Scalar>::schema()
    }
}

impl<T: Scalar> Field for Option<T> {
    const REQUIRED: bool = false;

    fn take_field(given: Option<RawValue>) -> Result<Self, Invalid> {
        match given {
            None | Some(RawValue::Json(Value::Null)) => Ok(None),
            // An empty value such as `?status=` means an absent filter.
            Some(RawValue::Text(text)) if text.is_empty() => Ok(None),
            Some(given) => T::read(given).map(Some),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        T::schema()
    }
}

/// A change of a required field: absent keeps the value, `null` is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T>(
    /// New value; `None` keeps the old one.
    pub Option<T>,
);

impl<T> Default for Change<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Change<T> {
    /// Replaces `to` by the new value, if any.
    pub fn apply<U: From<T>>(self, to: &mut U) {
        if let Some(value) = self.0 {
            *to = value.into();
        }
    }
}

impl<T: Scalar> Field for Change<T> {
    const REQUIRED: bool = false;

    fn take_field(given: Option<RawValue>) -> Result<Self, Invalid> {
        match given {
            None => Ok(Self(None)),
            Some(RawValue::Json(Value::Null)) => Err(Invalid::value("may not be null")),
            Some(given) => T::read(given).map(|value| Self(Some(value))),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        T::schema()
    }
}

/// A change of an optional field: absent keeps the value, `null` clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// Absent: the value is unchanged.
    #[default]
    Keep,
    /// `null`: the value is cleared.
    Clear,
    /// A new value.
    Set(T),
}

impl<T> Patch<T> {
    /// Applies the change to `to`.
    pub fn apply<U: From<T>>(self, to: &mut Option<U>) {
        match self {
            Self::Keep => {}
            Self::Clear => *to = None,
            Self::Set(value) => *to = Some(value.into()),
        }
    }
}

impl<T: Scalar> Field for Patch<T> {
    const REQUIRED: bool = false;

    fn take_field(given: Option<RawValue>) -> Result<Self, Invalid> {
        match given {
            None => Ok(Self::Keep),
            Some(RawValue::Json(Value::Null)) => Ok(Self::Clear),
            Some(given) => T::read(given).map(Self::Set),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::OneOfBuilder::new()
            .item(T::schema())
            .item(object(utoipa::openapi::schema::Type::Null))
            .into()
    }
}

/// A list of 1 to `MAX` objects.
#[derive(Debug, Clone)]
pub struct NonEmptyList<T, const MAX: usize>(
    /// The elements in the order received.
    pub Vec<T>,
);

impl<T: Input, const MAX: usize> Field for NonEmptyList<T, MAX> {
    const REQUIRED: bool = true;

    fn take_field(given: Option<RawValue>) -> Result<Self, Invalid> {
        let elements = match given {
            None => return Err(Invalid::value("is required")),
            Some(RawValue::Json(Value::Array(elements))) => elements,
            Some(other) => return Err(other.expected("a list")),
        };
        if elements.is_empty() || elements.len() > MAX {
            return Err(Invalid::value(format!("must have 1 to {MAX} elements, not {}", elements.len())));
        }
        let mut errors = Invalid::default();
        let list = elements
            .into_iter()
            .enumerate()
            .filter_map(|(n, element)| errors.collect(&format!("[{n}]"), T::from_json(element)))
            .collect();
        errors.into_result().map(|()| Self(list))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ArrayBuilder::new().items(T::schema()).min_items(Some(1)).max_items(Some(MAX)).into()
    }
}

/// A nested object of an input.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<T>(
    /// The object.
    pub T,
);

impl<T: Input> Scalar for Object<T> {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        match given {
            RawValue::Json(value) => T::from_json(value).map(Self),
            other @ RawValue::Text(_) => Err(other.expected("an object")),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        T::schema()
    }
}

/// The unparsed fields of an input.
pub struct RawInput(Map<String, Value>, Vec<(String, String)>);

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

/// Description of a field in the API document.
#[cfg(feature = "openapi")]
pub struct FieldDoc {
    /// Name in JSON.
    pub name: &'static str,
    /// Description.
    pub doc: String,
    /// Whether the field must be present.
    pub required: bool,
    /// Schema.
    pub schema: utoipa::openapi::RefOr<utoipa::openapi::Schema>,
}

/// A command or filter, parsed from a JSON object or a query string.
pub trait Input: Sized {
    /// Parses the fields; the error names every invalid one.
    fn read(source: &mut RawInput) -> Result<Self, Invalid>;

    /// Name, description and schema of every field.
    #[cfg(feature = "openapi")]
    fn fields() -> Vec<FieldDoc>;

    /// Parses a JSON document, which must be an object.
    fn from_json(document: Value) -> Result<Self, Invalid> {
        match document {
            Value::Object(map) => Self::read(&mut RawInput(map, Vec::new())),
            other => Err(RawValue::Json(other).expected("an object").at("body")),
        }
    }

    /// Parses the pairs of a query string.
    fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, Invalid> {
        Self::read(&mut RawInput(Map::new(), pairs))
    }

    /// Schema of the object.
    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{AllOfBuilder, RefOr, Schema, schema::Type};
        let mut schema = object(Type::Object);
        for field in Self::fields() {
            // A description beside a reference requires an enclosing schema.
            let described: RefOr<Schema> = match field.schema {
                RefOr::T(Schema::Object(mut inner)) => {
                    inner.description = Some(field.doc);
                    RefOr::T(Schema::Object(inner))
                }
                other => AllOfBuilder::new().item(other).description(Some(field.doc)).into(),
            };
            schema = schema.property(field.name, described);
            if field.required {
                schema = schema.required(field.name);
            }
        }
        schema.into()
    }
}

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro declares what other crates use")]
mod tests;
