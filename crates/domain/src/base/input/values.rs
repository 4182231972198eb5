//! Bounded integers, lists of scalar values and filters that admit several values.

use serde_json::Value;

use super::{
    field::Field,
    invalid::Invalid,
    raw::{RawInput, RawValue},
    scalar::Scalar,
};
use crate::message;

/// An integer from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integer<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Integer<MIN, MAX> {
    /// The value.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> From<Integer<MIN, MAX>> for i64 {
    fn from(number: Integer<MIN, MAX>) -> Self {
        number.0
    }
}

impl<const MIN: i64, const MAX: i64> Scalar for Integer<MIN, MAX> {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        <i64 as Scalar>::read(given).ok().filter(|number| (MIN..=MAX).contains(number)).map(Self).ok_or_else(
            || Invalid::value(message!("must be a whole number from {min} to {max}", min = MIN, max = MAX)),
        )
    }

    #[cfg(feature = "openapi")]
    #[allow(clippy::cast_precision_loss, reason = "a documented bound, not arithmetic")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        super::scalar::object(utoipa::openapi::schema::Type::Integer)
            .minimum(Some(MIN as f64))
            .maximum(Some(MAX as f64))
            .into()
    }
}

/// A list of `MIN` to `MAX` scalar values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueList<T, const MIN: usize, const MAX: usize>(
    /// The values in the order received.
    pub Vec<T>,
);

impl<T: Scalar, const MIN: usize, const MAX: usize> Scalar for ValueList<T, MIN, MAX> {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let elements = match given {
            RawValue::Json(Value::Array(elements)) => elements,
            other => return Err(other.expected("a list")),
        };
        if !(MIN..=MAX).contains(&elements.len()) {
            let found = elements.len();
            let message = message!(
                "must have {min} to {max} elements, not {length}",
                min = MIN,
                max = MAX,
                length = found
            );
            return Err(Invalid::value(message));
        }
        let mut errors = Invalid::default();
        let read = |(n, element)| errors.collect(&format!("[{n}]"), T::read(RawValue::Json(element)));
        let values = elements.into_iter().enumerate().filter_map(read).collect();
        errors.into_result().map(|()| Self(values))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ArrayBuilder::new()
            .items(T::schema())
            .min_items(Some(MIN))
            .max_items(Some(MAX))
            .into()
    }
}

/// The values that a filter admits: separated by commas, in repeated parameters, or a list. Without
/// any value the filter admits everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyOf<T>(Vec<T>);

impl<T> AnyOf<T> {
    /// The values; empty if everything is admitted.
    pub fn values(&self) -> &[T] {
        &self.0
    }
}

impl<T: PartialEq> AnyOf<T> {
    /// Whether the filter admits a value.
    pub fn admits(&self, value: &T) -> bool {
        self.0.is_empty() || self.0.contains(value)
    }
}

impl<T> Default for AnyOf<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<T> for AnyOf<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T: Scalar> AnyOf<T> {
    fn read(given: Vec<RawValue>) -> Result<Self, Invalid> {
        let mut values = Vec::new();
        for given in given {
            match given {
                RawValue::Json(Value::Null) => {}
                RawValue::Json(Value::Array(elements)) => {
                    for element in elements {
                        values.push(T::read(RawValue::Json(element))?);
                    }
                }
                RawValue::Json(Value::String(text)) | RawValue::Text(text) => {
                    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
                        values.push(T::read(RawValue::Text(part.to_owned()))?);
                    }
                }
                other @ RawValue::Json(_) => values.push(T::read(other)?),
            }
        }
        Ok(Self(values))
    }
}

impl<T: Scalar> Field for AnyOf<T> {
    const REQUIRED: bool = false;

    fn from_input(source: &mut RawInput, names: &[&str]) -> Result<Self, Invalid> {
        Self::read(source.take_all(names))
    }

    fn take_field(given: Option<RawValue>) -> Result<Self, Invalid> {
        Self::read(given.into_iter().collect())
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ArrayBuilder::new()
            .items(T::schema())
            .description(Some("Several values are separated by commas, or the parameter is repeated."))
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Rule;
    use serde_json::json;

    #[test]
    fn a_number_out_of_its_bounds_is_refused() {
        let read = |value| Integer::<1, 5>::read(RawValue::Json(value)).map(Integer::get);
        assert_eq!((read(json!(1)), read(json!(5))), (Ok(1), Ok(5)));
        for wrong in [json!(0), json!(6), json!(-1), json!(2.5), json!("3"), json!(null), json!(u64::MAX)] {
            let error = read(wrong.clone()).expect_err("refused").to_string();
            assert!(error.contains("from 1 to 5"), "{wrong}: {error}");
        }
        assert_eq!(Integer::<0, 10>::read(RawValue::Text("10".into())).map(Integer::get), Ok(10));
    }

    #[test]
    fn a_filter_admits_any_of_its_values() {
        type Numbers = AnyOf<Integer<1, 5>>;
        let values = |numbers: &Numbers| numbers.values().iter().map(|it| it.get()).collect::<Vec<_>>();
        let pairs = |texts: &[&str]| {
            let pairs = texts.iter().map(|text| ("n".to_owned(), (*text).to_owned())).collect();
            Numbers::from_input(&mut RawInput(serde_json::Map::new(), pairs), &["number", "n"])
        };
        for (texts, expected) in [
            (&["1,3"][..], &[1, 3][..]),
            (&["1", "3"], &[1, 3]),
            (&["1, 3", "", "5,"], &[1, 3, 5]),
            (&["", ","], &[]),
            (&[], &[]),
        ] {
            let found = pairs(texts).expect("numbers");
            assert_eq!(values(&found), expected, "{texts:?}");
            assert!(found.admits(&Integer(4)) == expected.is_empty());
            assert!(expected.iter().all(|number| found.admits(&Integer(*number))));
        }
        assert!(pairs(&["1,6"]).is_err() && pairs(&["1", "x"]).is_err());
        let json = |value| Numbers::take_field(Some(RawValue::Json(value))).map(|found| values(&found));
        assert_eq!([json!([1, 2]), json!("1,2")].map(json), [Ok(vec![1, 2]), Ok(vec![1, 2])]);
        assert_eq!([json!(null), json!("")].map(json), [Ok(vec![]), Ok(vec![])]);
        assert_eq!(json(json!(3)), Ok(vec![3]));
        assert!(json(json!([6])).is_err() && json(json!(true)).is_err());
    }

    #[test]
    fn every_wrong_value_of_a_list_is_named() {
        type Numbers = ValueList<Integer<1, 5>, 1, 3>;
        let read = |value| Numbers::read(RawValue::Json(value)).map_err(|wrong| wrong.at("list"));
        assert_eq!(read(json!([5, 1])).map(|list| list.0.len()), Ok(2));
        let fields = |value| -> Vec<String> {
            read(value).expect_err("refused").fields().into_iter().map(|error| error.field).collect()
        };
        assert_eq!(fields(json!([0, 1, "x"])), ["list[0]", "list[2]"]);
        for wrong in [json!([]), json!([1, 1, 1, 1]), json!(1), json!({"0": 1}), json!("1,2")] {
            assert_eq!(fields(wrong), ["list"]);
        }
    }
}
