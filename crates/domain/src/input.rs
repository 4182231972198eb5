//! Inputs: what clients send, read into typed commands with **every** wrong field named.
//!
//! A command or filter is declared once, with [`input!`](crate::input); reading it from a JSON object or
//! a query string, its schema in the API document and its names on the wire all follow from that.

use std::fmt;

use serde_json::{Map, Value};

use crate::rule::{Code, FieldError, Rule};

/// Everything that is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invalid {
    fields: Vec<FieldError>,
    malformed: bool,
}

impl Invalid {
    /// One thing wrong with the value at hand; [`under`](Self::under) says which field it is in.
    pub fn value(message: impl Into<String>) -> Self {
        Self::field("", message)
    }

    /// One thing wrong with a field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { fields: vec![FieldError { field: field.into(), message: message.into() }], malformed: false }
    }

    /// The document isn't one; the field is the place where it stops being so.
    pub fn malformed(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { malformed: true, ..Self::field(field, message) }
    }

    /// The same, seen from the object that holds the value under this name.
    #[must_use]
    pub fn under(mut self, name: &str) -> Self {
        for error in &mut self.fields {
            error.field = match error.field.as_str() {
                "" => name.to_owned(),
                inner if inner.starts_with('[') => format!("{name}{inner}"),
                inner => format!("{name}.{inner}"),
            };
        }
        self
    }

    /// Both together.
    pub fn merge(&mut self, other: Self) {
        self.fields.extend(other.fields);
        self.malformed |= other.malformed;
    }

    /// Keeps the value, or the errors of the field of this name.
    pub fn keep<T>(&mut self, name: &str, read: Result<T, Self>) -> Option<T> {
        read.map_err(|errors| self.merge(errors.under(name))).ok()
    }

    /// `Ok` if nothing is wrong.
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

/// One value as it was sent: in a JSON document, or as text in a query string or a path.
#[derive(Debug, Clone)]
pub enum Given {
    /// From a JSON document.
    Json(Value),
    /// From a query string or a path, where everything is text.
    Text(String),
}

impl Given {
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

    /// The text, if it is text.
    pub fn text(self) -> Result<String, Invalid> {
        match self {
            Self::Text(text) | Self::Json(Value::String(text)) => Ok(text),
            other @ Self::Json(_) => Err(other.expected("a string")),
        }
    }
}

/// A single value that a field can hold.
pub trait Scalar: Sized {
    /// Reads the value, or says what is wrong with it.
    fn read(given: Given) -> Result<Self, Invalid>;

    /// Its schema in the API document.
    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema>;
}

#[cfg(feature = "openapi")]
pub(crate) fn object(kind: utoipa::openapi::schema::Type) -> utoipa::openapi::ObjectBuilder {
    utoipa::openapi::ObjectBuilder::new().schema_type(kind)
}

impl Scalar for bool {
    fn read(given: Given) -> Result<Self, Invalid> {
        match given {
            Given::Json(Value::Bool(value)) => Ok(value),
            Given::Text(ref text) if text == "true" || text == "1" => Ok(true),
            Given::Text(ref text) if text == "false" || text == "0" => Ok(false),
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
            fn read(given: Given) -> Result<Self, Invalid> {
                let number = match &given {
                    Given::Json(Value::Number(number)) => number.as_i64().and_then(|n| Self::try_from(n).ok()),
                    Given::Text(text) => text.trim().parse().ok(),
                    Given::Json(_) => None,
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
    use super::{Given, Invalid, Scalar, Value};

    whole_numbers!(i32, i64, u32);
}

impl Scalar for f64 {
    fn read(given: Given) -> Result<Self, Invalid> {
        let number = match &given {
            Given::Json(Value::Number(number)) => number.as_f64(),
            Given::Text(text) => text.trim().parse().ok(),
            Given::Json(_) => None,
        };
        number.filter(|n| n.is_finite()).ok_or_else(|| given.expected("a finite number"))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        object(utoipa::openapi::schema::Type::Number).into()
    }
}

/// What a field of an input can be: required, optional, a change, a patch, a list or an object.
pub trait Field: Sized {
    /// Whether it has to be sent.
    const REQUIRED: bool;

    /// Reads it from what was sent under its name, if anything was.
    fn take(given: Option<Given>) -> Result<Self, Invalid>;

    /// Its schema in the API document.
    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema>;
}

impl<T: Scalar> Field for T {
    const REQUIRED: bool = true;

    fn take(given: Option<Given>) -> Result<Self, Invalid> {
        given.map_or_else(|| Err(Invalid::value("is required")), T::read)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <T as Scalar>::schema()
    }
}

impl<T: Scalar> Field for Option<T> {
    const REQUIRED: bool = false;

    fn take(given: Option<Given>) -> Result<Self, Invalid> {
        match given {
            None | Some(Given::Json(Value::Null)) => Ok(None),
            // `?status=` in a query string is a filter left empty.
            Some(Given::Text(text)) if text.is_empty() => Ok(None),
            Some(given) => T::read(given).map(Some),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        T::schema()
    }
}

/// A change of a field that can't be empty: absent leaves it as it is, `null` is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T>(
    /// The new value, if there is one.
    pub Option<T>,
);

impl<T> Default for Change<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Change<T> {
    /// Writes the new value, if there is one, over the old.
    pub fn apply<U: From<T>>(self, to: &mut U) {
        if let Some(value) = self.0 {
            *to = value.into();
        }
    }
}

impl<T: Scalar> Field for Change<T> {
    const REQUIRED: bool = false;

    fn take(given: Option<Given>) -> Result<Self, Invalid> {
        match given {
            None => Ok(Self(None)),
            Some(Given::Json(Value::Null)) => Err(Invalid::value("may not be null")),
            Some(given) => T::read(given).map(|value| Self(Some(value))),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        T::schema()
    }
}

/// A change of an optional field: absent leaves it as it is, `null` clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// Not sent: stays as it is.
    #[default]
    Keep,
    /// Sent as `null`: becomes empty.
    Clear,
    /// Sent with a value.
    Set(T),
}

impl<T> Patch<T> {
    /// Writes what was sent over the old value.
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

    fn take(given: Option<Given>) -> Result<Self, Invalid> {
        match given {
            None => Ok(Self::Keep),
            Some(Given::Json(Value::Null)) => Ok(Self::Clear),
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

/// A list of objects of at least one and at most `MAX` elements.
#[derive(Debug, Clone)]
pub struct Listed<T, const MAX: usize>(
    /// The elements, in the order sent.
    pub Vec<T>,
);

impl<T: Input, const MAX: usize> Field for Listed<T, MAX> {
    const REQUIRED: bool = true;

    fn take(given: Option<Given>) -> Result<Self, Invalid> {
        let elements = match given {
            None => return Err(Invalid::value("is required")),
            Some(Given::Json(Value::Array(elements))) => elements,
            Some(other) => return Err(other.expected("a list")),
        };
        if elements.is_empty() || elements.len() > MAX {
            return Err(Invalid::value(format!("must have 1 to {MAX} elements, not {}", elements.len())));
        }
        let mut errors = Invalid::default();
        let list = elements
            .into_iter()
            .enumerate()
            .filter_map(|(n, element)| errors.keep(&format!("[{n}]"), T::from_json(element)))
            .collect();
        errors.into_result().map(|()| Self(list))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ArrayBuilder::new().items(T::schema()).min_items(Some(1)).max_items(Some(MAX)).into()
    }
}

/// An object of its own inside an input.
#[derive(Debug, Clone, PartialEq)]
pub struct Nested<T>(
    /// The object.
    pub T,
);

impl<T: Input> Scalar for Nested<T> {
    fn read(given: Given) -> Result<Self, Invalid> {
        match given {
            Given::Json(value) => T::from_json(value).map(Self),
            other @ Given::Text(_) => Err(other.expected("an object")),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        T::schema()
    }
}

/// The named values of an input before they are read.
pub struct Source(Map<String, Value>, Vec<(String, String)>);

impl Source {
    /// Takes the value of the last of these names that was sent: who sends back what was read sends the reader's text
    /// under the name and the original under `…_en`, and the original is what is meant.
    pub fn take(&mut self, names: &[&str]) -> Option<Given> {
        names.iter().rev().find_map(|name| {
            let json = self.0.remove(*name).map(Given::Json);
            json.or_else(|| {
                self.1.iter().rev().find(|(key, _)| key == name).map(|(_, text)| Given::Text(text.clone()))
            })
        })
    }
}

/// One field of an input, for the API document.
#[cfg(feature = "openapi")]
pub struct FieldDoc {
    /// Name on the wire.
    pub name: &'static str,
    /// What it means.
    pub doc: String,
    /// Whether it has to be sent.
    pub required: bool,
    /// What it may be.
    pub schema: utoipa::openapi::RefOr<utoipa::openapi::Schema>,
}

/// A command or a filter that is read from a JSON object or a query string.
pub trait Input: Sized {
    /// Reads the fields; the error names every one that is wrong.
    fn read(source: &mut Source) -> Result<Self, Invalid>;

    /// Name, meaning and schema of every field.
    #[cfg(feature = "openapi")]
    fn fields() -> Vec<FieldDoc>;

    /// Reads it from a JSON document, which must be an object.
    fn from_json(document: Value) -> Result<Self, Invalid> {
        match document {
            Value::Object(map) => Self::read(&mut Source(map, Vec::new())),
            other => Err(Given::Json(other).expected("an object").under("body")),
        }
    }

    /// Reads it from the pairs of a query string.
    fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, Invalid> {
        Self::read(&mut Source(Map::new(), pairs))
    }

    /// The schema of the object.
    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{AllOfBuilder, RefOr, Schema, schema::Type};
        let mut schema = object(Type::Object);
        for field in Self::fields() {
            // A description beside a reference needs a schema of its own around it.
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

/// Declares a command or filter: a struct whose fields know how to be read from what a client sent.
///
/// A field may have other names that are accepted too: `role_id | "employee_id": Option<Text<20>>`.
macro_rules! input {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident $(| $alias:literal)* : $type:ty ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name { $( $(#[doc = $doc])+ pub $field: $type, )+ }

        impl $crate::input::Input for $name {
            fn read(source: &mut $crate::input::Source) -> Result<Self, $crate::input::Invalid> {
                let mut errors = $crate::input::Invalid::default();
                $(
                    let name = stringify!($field).trim_start_matches("r#");
                    let $field = errors.keep(
                        name,
                        <$type as $crate::input::Field>::take(source.take(&[name $(, $alias)*])),
                    );
                )+
                match ($($field,)+) {
                    ($(Some($field),)+) => Ok(Self { $($field,)+ }),
                    _ => Err(errors),
                }
            }

            #[cfg(feature = "openapi")]
            fn fields() -> Vec<$crate::input::FieldDoc> {
                vec![$(
                    $crate::input::FieldDoc {
                        name: stringify!($field).trim_start_matches("r#"),
                        doc: [$($doc),+].map(str::trim).join(" "),
                        required: <$type as $crate::input::Field>::REQUIRED,
                        schema: <$type as $crate::input::Field>::schema(),
                    },
                )+]
            }
        }
    };
}
pub(crate) use input;

/// Declares an enum that is a fixed text everywhere: on the wire, in the database, in the API document.
///
/// A variant may have other texts that are accepted on input: `Numeric = "numeric" | "number"`.
macro_rules! text_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $text:literal $(| $alias:literal)* ),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
        #[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
        pub enum $name { $( $(#[$vmeta])* $variant, )+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The text on the wire and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value of a text, if it is one.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text $(| $alias)* => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::unknown_variant(&text, &[$($text,)+]))
            }
        }

        impl $crate::input::Scalar for $name {
            fn read(given: $crate::input::Given) -> Result<Self, $crate::input::Invalid> {
                let text = given.text()?;
                Self::parse(&text).ok_or_else(|| {
                    $crate::input::Invalid::value(concat!("must be one of", $(" ", $text,)+).to_owned())
                })
            }

            #[cfg(feature = "openapi")]
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                <Self as utoipa::PartialSchema>::schema()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::input::object(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($text,)+]))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }

        #[cfg(feature = "diesel")]
        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for $name
        where
            str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
                diesel::serialize::ToSql::<diesel::sql_types::Text, DB>::to_sql(self.as_str(), out)
            }
        }

        #[cfg(feature = "diesel")]
        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(raw: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                let text = <String as diesel::deserialize::FromSql<diesel::sql_types::Text, DB>>::from_sql(raw)?;
                Self::parse(&text)
                    .ok_or_else(|| format!("{text:?} is not a {}", stringify!($name)).into())
            }
        }
    };
}
pub(crate) use text_enum;

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro declares what other crates use")]
mod tests {
    use super::*;
    use crate::text::Text;
    use serde_json::json;

    input! {
        /// A sample.
        pub struct Sample {
            /// Required.
            name | "title": Text<5>,
            /// Optional.
            count: Option<u32>,
            /// Can be cleared.
            note: Patch<Text<5>>,
            /// Can't be cleared.
            active: Change<bool>,
        }
    }

    fn wrong(document: Value) -> Vec<(String, String)> {
        let errors = Sample::from_json(document).expect_err("refused");
        errors.fields().into_iter().map(|e| (e.field, e.message)).collect()
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let fields: Vec<_> = wrong(json!({"count": "x", "note": 7, "active": null}));
        let names: Vec<_> = fields.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(names, ["name", "count", "note", "active"]);
        assert_eq!(wrong(json!([1])).first().map(|e| e.0.clone()), Some("body".into()));
    }

    #[test]
    fn absent_and_null_mean_different_things_in_a_change() {
        let read = |v| Sample::from_json(v).expect("read");
        assert_eq!(&*read(json!({"title": "a"})).name, "a");
        assert_eq!(read(json!({"name": "a"})).note, Patch::Keep);
        assert_eq!(read(json!({"title": "a", "note": null})).note, Patch::Clear);
        assert!(matches!(read(json!({"name": "a", "note": "b"})).note, Patch::Set(t) if &*t == "b"));
    }

    #[test]
    fn query_strings_are_read_as_text() {
        let pairs = |s: &[(&str, &str)]| s.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let sample =
            Sample::from_pairs(pairs(&[("name", "a"), ("count", "7"), ("active", "true")])).expect("read");
        assert_eq!((sample.count, sample.active.0), (Some(7), Some(true)));
        assert!(Sample::from_pairs(pairs(&[("name", "a"), ("count", "-1")])).is_err());
        assert_eq!(Sample::from_pairs(pairs(&[("name", "a"), ("count", "")])).expect("read").count, None);
    }
}
