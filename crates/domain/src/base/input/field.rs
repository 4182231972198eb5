//! Fields: required, optional, changes and patches.

use serde_json::Value;

use super::{
    invalid::Invalid,
    raw::{RawInput, RawValue},
    scalar::Scalar,
};

/// A type of an input's field: required, optional, change, patch, list or object.
pub trait Field: Sized {
    /// Whether the field must be present.
    const REQUIRED: bool;

    /// Whether `null` or an empty text stand for an absent value.
    const TAKES_NOTHING: bool = false;

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
    const TAKES_NOTHING: bool = true;

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
///
/// Responses show some values under two names. A client that returns a response after an edit sends
/// the new value under one name and the old value under the other, so the value that differs from
/// the stored one is the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T>(
    /// The values of the names that are present.
    Vec<T>,
);

impl<T> Change<T> {
    /// Whether the field is present.
    pub fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// The first value that is a new one.
    pub fn find(self, is_new: impl FnMut(&T) -> bool) -> Option<T> {
        self.0.into_iter().find(is_new)
    }

    /// Replaces `to` by the new value, if any.
    pub fn apply<U: From<T> + PartialEq>(self, to: &mut U) {
        if let Some(new) = self.0.into_iter().map(U::from).find(|value| value != to) {
            *to = new;
        }
    }

    /// Replaces the original of a text by the new text, if any. The Arabic text that a response
    /// showed instead of the original is not a new one.
    pub fn apply_original(self, to: &mut String, arabic: Option<&str>)
    where
        String: From<T>,
    {
        let mut values = self.0.into_iter().map(String::from);
        if let Some(new) = values.find(|value| value != to && Some(value.as_str()) != arabic) {
            *to = new;
        }
    }
}

impl<T: Scalar> Field for Change<T> {
    const REQUIRED: bool = false;

    fn from_input(source: &mut RawInput, names: &[&str]) -> Result<Self, Invalid> {
        Self::read(source.take_each(names))
    }

    fn take_field(given: Option<RawValue>) -> Result<Self, Invalid> {
        Self::read(given.into_iter().collect())
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        T::schema()
    }
}

impl<T: Scalar> Change<T> {
    fn read(given: Vec<RawValue>) -> Result<Self, Invalid> {
        let read = |value| match value {
            RawValue::Json(Value::Null) => Err(Invalid::value("may not be null")),
            value => T::read(value),
        };
        given.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

/// A change of an optional field: absent keeps the value, `null` or an empty text clears it. Of
/// several values, the one that differs from the stored one is the new one, as in [`Change`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch<T>(
    /// The values of the names that are present; `None` clears.
    Vec<Option<T>>,
);

impl<T> Patch<T> {
    /// Applies the change to `to`.
    pub fn apply<U: From<T> + PartialEq>(self, to: &mut Option<U>) {
        let mut values = self.0.into_iter().map(|value| value.map(U::from));
        if let Some(new) = values.find(|value| value != to) {
            *to = new;
        }
    }

    /// Applies the change to the original of a text, as [`Change::apply_original`] does.
    pub fn apply_original(self, to: &mut Option<String>, arabic: Option<&str>)
    where
        String: From<T>,
    {
        let is_shown = |value: &Option<String>| to.is_some() && value.is_some() && value.as_deref() == arabic;
        let mut values = self.0.into_iter().map(|value| value.map(String::from));
        if let Some(new) = values.find(|value| value != to && !is_shown(value)) {
            *to = new;
        }
    }
}

impl<T: Scalar> Field for Patch<T> {
    const REQUIRED: bool = false;
    const TAKES_NOTHING: bool = true;

    fn from_input(source: &mut RawInput, names: &[&str]) -> Result<Self, Invalid> {
        Self::read(source.take_each(names))
    }

    fn take_field(given: Option<RawValue>) -> Result<Self, Invalid> {
        Self::read(given.into_iter().collect())
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        T::schema()
    }
}

impl<T: Scalar> Patch<T> {
    fn read(given: Vec<RawValue>) -> Result<Self, Invalid> {
        let read = |value: RawValue| if value.is_empty() { Ok(None) } else { T::read(value).map(Some) };
        given.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}
