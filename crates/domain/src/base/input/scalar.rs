//! Single values.

use serde_json::Value;

use super::{invalid::Invalid, raw::RawValue};

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
                    message!("must be a whole number from {min} to {max}", min = <$number>::MIN, max = <$number>::MAX)
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
    use crate::message;

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
