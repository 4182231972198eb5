//! Fields: required, optional, changes and patches.

use serde_json::Value;

#[cfg(feature = "openapi")]
use super::scalar::object;
use super::{
    invalid::Invalid,
    raw::{RawInput, RawValue},
    scalar::Scalar,
};

/// A type of an input's field: required, optional, change, patch, list or object.
pub trait Field: Sized {
    /// Whether the field must be present.
    const REQUIRED: bool;

    /// Parses the value received under one of the names of the field, if any.
    fn from_input(source: &mut RawInput, names: &[&str]) -> Result<Self, Invalid> {
        Self::take_field(source.take_field(names))
    }

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
            None => Ok(None),
            // An empty value, such as `?status=` or a form's `"shift": ""`, means an absent one.
            Some(given) if given.is_empty() => Ok(None),
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

/// A change of an optional field: absent keeps the value, `null` or an empty text clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// Absent: the value is unchanged.
    #[default]
    Keep,
    /// `null` or an empty text: the value is cleared.
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
            Some(given) if given.is_empty() => Ok(Self::Clear),
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
