//! Commands and filters, and inputs nested in them.

use serde_json::{Map, Value};

#[cfg(feature = "openapi")]
use super::scalar::object;
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
    /// Deprecated names.
    pub aliases: Vec<&'static str>,
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
        use utoipa::openapi::{
            AllOfBuilder, Deprecated, ObjectBuilder, RefOr, Schema,
            schema::{SchemaType, Type},
        };
        let mut schema = object(Type::Object);
        for field in Self::fields() {
            for alias in field.aliases {
                let mut deprecated = match &field.schema {
                    RefOr::T(Schema::Object(inner)) => inner.clone(),
                    _ => ObjectBuilder::new().schema_type(SchemaType::AnyValue).build(),
                };
                deprecated.description = Some(format!("Another name of `{}`.", field.name));
                deprecated.deprecated = Some(Deprecated::True);
                schema = schema.property(alias, deprecated);
            }
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
