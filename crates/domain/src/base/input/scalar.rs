//! Single values.

use serde_json::Value;

use super::{invalid::Invalid, raw::RawValue};
use crate::{
    message::Message,
    number::{self, NumberError},
};

/// A type that parses a single value.
pub trait Scalar: Sized {
    /// Parses the value.
    fn read(given: RawValue) -> Result<Self, Invalid>;

    /// Schema in the API document.
    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema>;
}

/// The schema of a value that may be `null` or an empty text, which stand for an absent one.
#[cfg(feature = "openapi")]
pub(crate) fn or_nothing(
    schema: utoipa::openapi::RefOr<utoipa::openapi::Schema>,
) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::{
        OneOfBuilder, RefOr, Schema,
        schema::{AnyOfBuilder, SchemaType, Type},
    };
    let nothing = || [serde_json::json!(""), Value::Null];
    if let RefOr::T(Schema::Object(object)) = &schema
        && object.schema_type == SchemaType::Type(Type::String)
    {
        let mut object = object.clone();
        object.schema_type = SchemaType::Array(vec![Type::String, Type::Null]);
        if let Some(values) = &mut object.enum_values {
            values.extend(nothing());
            return object.into();
        }
        if object.format.is_none() && object.pattern.is_none() {
            object.min_length = None;
            return object.into();
        }
    }
    // A text without a value is none of the format.
    let is_text = matches!(&schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::String));
    let absent = object(Type::String)
        .schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
        .enum_values(Some(nothing()));
    if is_text {
        return AnyOfBuilder::new().item(schema).item(absent).into();
    }
    OneOfBuilder::new().item(schema).item(absent).into()
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

/// Largest integer below which numbers of floating point represent each integer exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The integer that a JSON value stands for, if it is a whole number: `3.0` is `3`.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    let of_float = || {
        let float = value.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT)?;
        format!("{float:.0}").parse().ok()
    };
    value.as_i64().or_else(of_float)
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Scalar for $number {
            fn read(given: RawValue) -> Result<Self, Invalid> {
                let number = match &given {
                    RawValue::Json(value) => whole(value).and_then(|n| Self::try_from(n).ok()),
                    RawValue::Text(text) => text.trim().parse().ok(),
                };
                number.ok_or_else(|| Invalid::value(
                    message!("must be a whole number from {min} to {max}", min = <$number>::MIN, max = <$number>::MAX)
                ))
            }

            #[cfg(feature = "openapi")]
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                object(utoipa::openapi::schema::Type::Integer)
                    .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Int64)))
                    .minimum(bound(<$number>::MIN.into()))
                    .maximum(bound(<$number>::MAX.into()))
                    .into()
            }
        }
    )*};
}

#[allow(clippy::cast_precision_loss, clippy::cast_lossless, reason = "a documented bound, not arithmetic")]
mod numbers {
    #[cfg(feature = "openapi")]
    use super::object;
    use super::{Invalid, RawValue, Scalar, whole};
    use crate::message;

    whole_numbers!(i32, i64, u32);

    /// A documented bound; none beyond the integers that JSON numbers represent exactly.
    #[cfg(feature = "openapi")]
    fn bound(number: i64) -> Option<f64> {
        (number.unsigned_abs() <= 1 << 53).then_some(number as f64)
    }
}

impl Scalar for f64 {
    /// Reads a finite number, also from a text in which it is written as people do.
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let number = match &given {
            RawValue::Json(Value::Number(number)) => number.as_f64(),
            RawValue::Json(Value::String(text)) | RawValue::Text(text) => match number::value(text) {
                Ok(number) => Some(number),
                Err(NumberError::NotANumber) => None,
                Err(error @ NumberError::TwoReadings { .. }) => {
                    let message = Message::from(error);
                    return Err(Invalid::value(message));
                }
            },
            RawValue::Json(_) => None,
        };
        number.filter(|n| n.is_finite()).ok_or_else(|| given.expected("a finite number"))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        number_or_text(object(utoipa::openapi::schema::Type::Number))
    }
}

/// The schema of a number, or of a text that has it.
#[cfg(feature = "openapi")]
pub(crate) fn number_or_text(
    number: utoipa::openapi::ObjectBuilder,
) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::{OneOfBuilder, schema::Type};
    let text = object(Type::String).min_length(Some(1)).max_length(Some(100));
    OneOfBuilder::new().item(number).item(text).into()
}
