//! Fields: required, optional, changes and patches.

use serde_json::Value;

use super::{
    invalid::Invalid,
    raw::{NamedValue, RawInput, RawValue},
    scalar::Scalar,
};

/// A type of an input's field: required, optional, change, patch, list or object.
pub trait Field: Sized {
    /// Whether the field must be present.
    const REQUIRED: bool;

    /// Whether `null` or an empty text stand for an absent value.
    const TAKES_NOTHING: bool = false;

    /// Parses the value received under one of the names of the field, if any. The first one counts.
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
/// the stored one is the new one. A name with `null` or an empty text gives way to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T>(
    /// The values of the names that are present.
    Vec<NamedValue<T>>,
);

impl<T> Change<T> {
    /// Whether the field is present.
    pub fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// The first value that is a new one.
    pub fn find(self, is_new: impl FnMut(&T) -> bool) -> Option<T> {
        self.0.into_iter().map(|given| given.value).find(is_new)
    }

    /// Replaces `to` by the new value, if any.
    pub fn apply<U: From<T> + PartialEq>(self, to: &mut U) {
        if let Some(new) = self.0.into_iter().map(|given| U::from(given.value)).find(|value| value != to) {
            *to = new;
        }
    }

    /// Replaces the original of a text by the new text, if any. Under the name that shows a text in
    /// the reader's language, the Arabic text is not a new one.
    pub fn apply_original(self, to: &mut String, arabic: Option<&str>)
    where
        String: From<T>,
    {
        for NamedValue { value, is_original, .. } in self.0 {
            let value = String::from(value);
            if value != *to && (is_original || Some(value.as_str()) != arabic) {
                *to = value;
                return;
            }
        }
    }
}

impl<T: Scalar> Field for Change<T> {
    const REQUIRED: bool = false;

    fn from_input(source: &mut RawInput, names: &[&str]) -> Result<Self, Invalid> {
        Self::read(source.take_each(names))
    }

    fn take_field(given: Option<RawValue>) -> Result<Self, Invalid> {
        Self::read(given.into_iter().map(NamedValue::named).collect())
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        T::schema()
    }
}

impl<T: Scalar> Change<T> {
    fn read(mut given: Vec<NamedValue<RawValue>>) -> Result<Self, Invalid> {
        if given.iter().any(|given| !given.value.is_empty()) {
            given.retain(|given| !given.value.is_empty());
        }
        let read = |value| match value {
            RawValue::Json(Value::Null) => Err(Invalid::value("may not be null")),
            value => T::read(value),
        };
        given.into_iter().map(|given| given.try_map(read)).collect::<Result<_, _>>().map(Self)
    }
}

/// A change of an optional field: absent keeps the value, `null` or an empty text clears it. Of
/// several values, the one that differs from the stored one is the new one, as in [`Change`]. An
/// empty one clears only if no other is new; under another name than the first, it gives way to a
/// value under the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch<T>(
    /// The values of the names that are present; `None` clears.
    Vec<NamedValue<Option<T>>>,
);

impl<T> Patch<T> {
    /// An absent field.
    pub(crate) const fn absent() -> Self {
        Self(Vec::new())
    }

    /// A field with a value.
    pub(crate) fn to(value: T) -> Self {
        Self(vec![NamedValue::named(Some(value))])
    }

    /// Whether the field is present.
    pub fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether one of the names has this value.
    pub fn contains(&self, value: &T) -> bool
    where
        T: PartialEq,
    {
        self.0.iter().any(|given| given.value.as_ref() == Some(value))
    }

    /// Applies the change to `to`.
    pub fn apply<U: From<T> + PartialEq>(self, to: &mut Option<U>) {
        self.apply_unless(to, |_, _| false);
    }

    /// Applies the change to the original of a text, as [`Change::apply_original`] does.
    pub fn apply_original(self, to: &mut Option<String>, arabic: Option<&str>)
    where
        String: From<T>,
    {
        let has_original = to.is_some();
        self.apply_unless(to, |value, is_original| {
            has_original && !is_original && Some(value.as_str()) == arabic
        });
    }

    /// Applies the change, without the values that responses only show.
    fn apply_unless<U: From<T> + PartialEq>(self, to: &mut Option<U>, is_shown: impl Fn(&U, bool) -> bool) {
        let clears = self.0.iter().any(|given| given.value.is_none());
        for NamedValue { value, is_original, .. } in self.0 {
            let value = value.map(U::from);
            if value != *to && value.as_ref().is_some_and(|value| !is_shown(value, is_original)) {
                *to = value;
                return;
            }
        }
        if clears {
            *to = None;
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
        Self::read(given.into_iter().map(NamedValue::named).collect())
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        T::schema()
    }
}

impl<T: Scalar> Patch<T> {
    fn read(mut given: Vec<NamedValue<RawValue>>) -> Result<Self, Invalid> {
        if given.iter().any(|given| !given.is_alias && !given.value.is_empty()) {
            given.retain(|given| !given.value.is_empty());
        }
        let read = |value: RawValue| if value.is_empty() { Ok(None) } else { T::read(value).map(Some) };
        given.into_iter().map(|given| given.try_map(read)).collect::<Result<_, _>>().map(Self)
    }
}
