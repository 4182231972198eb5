//! Timer of a job: time worked, time paused, and the rating of the planned time (rule book §7).

use serde::{Serialize, Serializer};

use crate::{
    input::{Invalid, RawValue, Scalar},
    message::Message,
    number::{self, NumberError},
    time::Instant,
};

/// Non-negative number of hours with two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::BigInt))]
pub struct Hours(i64);

/// Largest planned time in hundredths of an hour: 999.99 hours.
const MAX_HUNDREDTHS: i64 = 99_999;

impl Hours {
    /// Converts seconds, rounded to hundredths of an hour.
    pub(crate) const fn of_seconds(seconds: i64) -> Self {
        Self(if seconds < 0 { 0 } else { (seconds + 18) / 36 })
    }

    /// Converts working days of eight hours; `None` if they exceed the largest planned time.
    pub(crate) const fn of_days(days: i64) -> Option<Self> {
        match days.checked_mul(800) {
            Some(hundredths @ 0..=MAX_HUNDREDTHS) => Some(Self(hundredths)),
            _ => None,
        }
    }

    /// Converts to seconds.
    pub const fn seconds(self) -> i64 {
        self.0 * 36
    }

    /// Converts to a number of hours.
    #[allow(clippy::cast_precision_loss, reason = "far fewer hundredths than a float distinguishes")]
    pub fn number(self) -> f64 {
        self.0 as f64 / 100.0
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.number())
    }
}

impl Scalar for Hours {
    /// Reads a number above 0 and at most 999.99, rounded to two decimals, also from a text.
    #[allow(clippy::cast_possible_truncation, reason = "checked to be small")]
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let wrong = || Invalid::value("must be a number of hours, more than 0 and at most 999.99");
        let number = match given {
            RawValue::Json(serde_json::Value::Number(number)) => number.as_f64(),
            RawValue::Json(serde_json::Value::String(text)) | RawValue::Text(text) => {
                match number::value(&text) {
                    Ok(number) => Some(number),
                    Err(NumberError::NotANumber) => None,
                    Err(error @ NumberError::TwoReadings { .. }) => {
                        let message = Message::from(error);
                        return Err(Invalid::value(message));
                    }
                }
            }
            RawValue::Json(_) => None,
        };
        let hundredths = number.map(|hours: f64| (hours * 100.0).round());
        #[allow(clippy::cast_precision_loss, reason = "a small number")]
        let fits = |hundredths: &f64| (1.0..=MAX_HUNDREDTHS as f64).contains(hundredths);
        hundredths.filter(fits).map(|hundredths| Self(hundredths as i64)).ok_or_else(wrong)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let number = crate::input::object(utoipa::openapi::schema::Type::Number);
        crate::input::number_or_text(number.minimum(Some(0.01)).maximum(Some(999.99)))
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Hours {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::input::object(utoipa::openapi::schema::Type::Number).minimum(Some(0)).into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Hours {}

#[cfg(feature = "diesel")]
impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::BigInt, DB> for Hours
where
    i64: diesel::serialize::ToSql<diesel::sql_types::BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
        diesel::serialize::ToSql::<diesel::sql_types::BigInt, DB>::to_sql(&self.0, out)
    }
}

#[cfg(feature = "diesel")]
impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::BigInt, DB> for Hours
where
    i64: diesel::deserialize::FromSql<diesel::sql_types::BigInt, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        diesel::deserialize::FromSql::<diesel::sql_types::BigInt, DB>::from_sql(raw).map(Self)
    }
}

/// Times of a job in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Times {
    /// Time worked.
    pub worked: i64,
    /// Time paused.
    pub paused: i64,
}

/// Whole seconds between two instants; the parts of a period add up to the whole.
fn seconds(from: Instant, to: Instant) -> i64 {
    (to.as_second() - from.as_second()).max(0)
}

impl Times {
    /// Computes the times up to `until` from the start, the seconds of completed pauses and the
    /// beginning of the present pause, if any (§7).
    pub(super) fn of_totals(
        started: Instant,
        ended_pauses: i64,
        paused_at: Option<Instant>,
        until: Instant,
    ) -> Self {
        let paused = ended_pauses + paused_at.map_or(0, |since| seconds(since, until));
        Self { worked: (seconds(started, until) - paused).max(0), paused }
    }
}

/// Seconds of uninterrupted work after which a job is reported: 12 hours (§7).
pub const LONG_RUN: i64 = 12 * 3600;

/// Seconds of delay that reduce the rating by one.
const HALF_HOUR: i64 = 30 * 60;
const TWO_HOURS_EARLY: i64 = -2 * 3600;

/// Rating of the planned time, 1 to 7: 5 on time, 2 more if early, 4 more if early by two hours, 1
/// less for each full half hour of delay (§7).
pub(super) fn time_rating(planned_seconds: i64, worked_seconds: i64) -> i64 {
    let late = worked_seconds - planned_seconds;
    let change = if late <= TWO_HOURS_EARLY {
        4
    } else if late < 0 {
        2
    } else {
        -(late / HALF_HOUR)
    };
    (5 + change).clamp(1, 7)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        input::Input,
        jobs::{JobKind, PlannedTime},
    };

    #[test]
    fn planned_hours_are_positive_and_bounded() {
        let read = |hours: serde_json::Value| {
            let planned = PlannedTime::from_json(json!({ "hours": hours }))?;
            planned.estimate(JobKind::Specialist).map(|estimate| estimate.hours.number())
        };
        for (given, stored) in [
            (json!(0.01), 0.01),
            (json!(1), 1.0),
            (json!(999.99), 999.99),
            (json!(1.006), 1.01),
            (json!("2.5"), 2.5),
            (json!("٢٫٥"), 2.5),
            (json!("2,5"), 2.5),
        ] {
            assert!((read(given.clone()).expect("fits") - stored).abs() < 1e-9, "{given}");
        }
        for wrong in [
            json!(0),
            json!(-1),
            json!(1000),
            json!(0.004),
            json!("1,200"),
            json!("much"),
            json!("NaN"),
            json!("inf"),
            json!(null),
            json!([1]),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_are_rounded_to_hundredths_of_an_hour() {
        for (seconds, hundredths) in
            [(-100, 0), (0, 0), (17, 0), (18, 1), (36, 1), (53, 1), (54, 2), (3600, 100)]
        {
            let hours = Hours::of_seconds(seconds);
            assert_eq!(hours.seconds(), hundredths * 36, "{seconds}");
            assert_eq!(serde_json::to_string(&hours).expect("a number"), json!(hours.number()).to_string());
        }
        assert_eq!(json!(Hours::of_seconds(54)), json!(0.02));
    }

    #[test]
    fn on_time_to_the_second_is_five() {
        let minutes = |count: i64| count * 60;
        for (planned, worked, rating) in [
            (minutes(240), minutes(240), 5),
            (minutes(240), minutes(240) - 1, 7),
            (minutes(240), minutes(120) + 1, 7),
            (minutes(240), minutes(120), 7),
            (minutes(240), minutes(240) + 1, 5),
            (minutes(240), minutes(270) - 1, 5),
            (minutes(240), minutes(270), 4),
            (minutes(240), minutes(300), 3),
            (minutes(240), minutes(360), 1),
            (minutes(240), minutes(24000), 1),
        ] {
            assert_eq!(time_rating(planned, worked), rating, "{planned} {worked}");
        }
    }

    proptest! {
        #[test]
        fn the_rating_falls_with_lateness_and_stays_within_its_bounds(
            planned in 1..4_000_000_i64, a in 0..8_000_000_i64, b in 0..8_000_000_i64,
        ) {
            let (early, late) = (a.min(b), a.max(b));
            prop_assert!(time_rating(planned, early) >= time_rating(planned, late));
            prop_assert!((1..=7).contains(&time_rating(planned, a)));
        }
    }
}
