//! Commands and filters, and inputs nested in them.

use serde_json::{Map, Value};

#[cfg(feature = "openapi")]
use super::scalar::{object, or_nothing};
use super::{
    field::Field,
    invalid::Invalid,
    raw::{RawInput, RawValue},
    scalar::Scalar,
};
use crate::message;

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
    /// Whether `null` or an empty text stand for an absent value.
    pub takes_nothing: bool,
    /// Deprecated names.
    pub aliases: Vec<&'static str>,
}

/// A command or filter, parsed from a JSON object or a query string.
pub trait Input: Sized {
    /// Name of the type, and of its schema in the API document.
    const NAME: &'static str;

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
        use utoipa::openapi::{
            AllOfBuilder, ObjectBuilder,
            schema::{AnyOfBuilder, SchemaType, Type},
        };
        let mut schema = object(Type::Object);
        let mut alternatives = Vec::new();
        for field in Self::fields() {
            // Any of the names of a required field will do; a name without a value gives way.
            let value = if field.required && !field.aliases.is_empty() {
                let names = std::iter::once(field.name).chain(field.aliases.iter().copied());
                // Without a type, which alone means an object without fields to some generators.
                let any =
                    names.map(|name| ObjectBuilder::new().schema_type(SchemaType::AnyValue).required(name));
                alternatives.push(any.fold(AnyOfBuilder::new(), AnyOfBuilder::item));
                or_nothing(field.schema)
            } else {
                if field.required {
                    schema = schema.required(field.name);
                }
                // A name without a value gives way.
                let may_be_empty = field.takes_nothing || !field.aliases.is_empty();
                if may_be_empty { or_nothing(field.schema) } else { field.schema }
            };
            for alias in field.aliases {
                let doc = format!("Another name of `{}`.", field.name);
                schema = schema.property(alias, described(value.clone(), doc));
            }
            schema = schema.property(field.name, described(value, field.doc));
        }
        if alternatives.is_empty() {
            return schema.into();
        }
        alternatives.into_iter().fold(AllOfBuilder::new().item(schema), AllOfBuilder::item).into()
    }

    /// An example of the object.
    #[cfg(feature = "openapi")]
    fn example() -> Value {
        let fields = Self::fields().into_iter();
        let examples = fields.filter_map(|field| {
            Some((field.name.to_owned(), super::example::of_field(field.name, &field.schema)?))
        });
        Value::Object(examples.collect())
    }
}

/// A schema with a description.
#[cfg(feature = "openapi")]
fn described(
    mut schema: utoipa::openapi::RefOr<utoipa::openapi::Schema>,
    doc: String,
) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::{RefOr, Schema};
    match &mut schema {
        RefOr::T(Schema::Object(inner)) => inner.description = Some(doc),
        RefOr::T(Schema::Array(inner)) => inner.description = Some(doc),
        RefOr::T(Schema::OneOf(inner)) => inner.description = Some(doc),
        RefOr::T(Schema::AllOf(inner)) => inner.description = Some(doc),
        RefOr::T(Schema::AnyOf(inner)) => inner.description = Some(doc),
        RefOr::Ref(inner) => inner.description = doc,
        RefOr::T(_) => {}
    }
    schema
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
            let length = elements.len();
            let message =
                message!("must have {min} to {max} elements, not {length}", min = 1, max = MAX, length);
            return Err(Invalid::value(message));
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
