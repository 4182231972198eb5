//! The timer of a job: how long it has been worked on, and how well that was planned (rule book §7).

use serde::{Serialize, Serializer};

use crate::{
    input::{Invalid, RawValue, Scalar},
    time::Instant,
};

/// A time in hours, to two decimals; never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::BigInt))]
pub struct Hours(i64);

/// Hundredths of an hour that can be planned: 999.99 hours.
const MOST: i64 = 99_999;

impl Hours {
    /// So many seconds, rounded.
    pub const fn of_seconds(seconds: i64) -> Self {
        Self(if seconds < 0 { 0 } else { (seconds + 18) / 36 })
    }

    /// The seconds.
    pub const fn seconds(self) -> i64 {
        self.0 * 36
    }

    /// The number of hours.
    #[allow(clippy::cast_precision_loss, reason = "far fewer hundredths than a float tells apart")]
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
    /// A number above 0 and at most 999.99; further decimals are rounded.
    #[allow(clippy::cast_possible_truncation, reason = "checked to be small")]
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let wrong = || Invalid::value("must be a number of hours, more than 0 and at most 999.99");
        let number = match given {
            RawValue::Json(serde_json::Value::Number(number)) => number.as_f64(),
            RawValue::Json(_) => None,
            RawValue::Text(text) => text.trim().parse().ok(),
        };
        let hundredths = number.map(|hours: f64| (hours * 100.0).round());
        #[allow(clippy::cast_precision_loss, reason = "a small number")]
        let fits = |hundredths: &f64| (1.0..=MOST as f64).contains(hundredths);
        hundredths.filter(fits).map(|hundredths| Self(hundredths as i64)).ok_or_else(wrong)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::input::object(utoipa::openapi::schema::Type::Number)
            .minimum(Some(0.01))
            .maximum(Some(999.99))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Hours {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <Self as Scalar>::schema()
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

/// A stretch of a job's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// It was worked on.
    Running(Instant, Instant),
    /// It wasn't.
    Paused(Instant, Instant),
}

/// Seconds of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Times {
    /// While it was worked on.
    pub worked: i64,
    /// While it was paused.
    pub paused: i64,
}

/// Whole seconds from one instant to a later one; parts of a stretch add up to the whole.
fn seconds(from: Instant, to: Instant) -> i64 {
    (to.as_second() - from.as_second()).max(0)
}

impl Times {
    /// The times of segments that follow each other (§7).
    pub fn of(segments: impl IntoIterator<Item = Segment>) -> Self {
        segments.into_iter().fold(Self::default(), |times, segment| match segment {
            Segment::Running(from, to) => Self { worked: times.worked + seconds(from, to), ..times },
            Segment::Paused(from, to) => Self { paused: times.paused + seconds(from, to), ..times },
        })
    }

    /// The same from totals: when it began, the seconds of the pauses that have ended, and since when the present one has
    /// gone on, if there is one.
    pub fn of_totals(
        started: Instant,
        ended_pauses: i64,
        paused_at: Option<Instant>,
        until: Instant,
    ) -> Self {
        let paused = ended_pauses + paused_at.map_or(0, |since| seconds(since, until));
        Self { worked: (seconds(started, until) - paused).max(0), paused }
    }

    /// All of it.
    pub const fn elapsed(self) -> i64 {
        self.worked + self.paused
    }
}

/// Seconds of lateness that cost a point of the rating.
const HALF_HOUR: i64 = 30 * 60;
const TWO_HOURS_EARLY: i64 = -2 * 3600;

/// How well the planned time was kept, 1 to 7: 5 on time, 2 more if early, 4 more if early by two hours, 1 less for each full
/// half hour late (§7).
pub fn time_rating(planned_seconds: i64, worked_seconds: i64) -> i64 {
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
