//! Half days of leave (rule book §10).

use serde_json::Value;

use crate::input::{Invalid, RawValue, Scalar, text_enum};

text_enum! {
    /// Half of a day.
    pub enum HalfDay {
        /// The morning, until 13:00 site time.
        Am = "am",
        /// The afternoon, from 13:00 site time.
        Pm = "pm",
    }
}

/// A half of a day as clients send it: `true` is the morning, and `false` a whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedHalf(
    /// The half, if it is one.
    pub Option<HalfDay>,
);

impl Scalar for RequestedHalf {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        match given {
            RawValue::Json(Value::Bool(is_half)) => Ok(Self(is_half.then_some(HalfDay::Am))),
            given => HalfDay::read(given).map(|half| Self(Some(half))),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::OneOfBuilder;
        OneOfBuilder::new().item(<HalfDay as Scalar>::schema()).item(<bool as Scalar>::schema()).into()
    }
}
