//! Instants, calendar dates and the site's time zone.

use std::fmt;

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    input::{Invalid, RawValue, Scalar},
    weekdays::DayOfWeek,
};

/// A UTC timestamp with millisecond precision; RFC 3339 with `Z` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Timestamp))]
pub struct Instant(Timestamp);

impl Instant {
    /// Truncates a timestamp to milliseconds and limits it to the last whole second of the
    /// calendar, the largest value that can be stored.
    pub fn new(timestamp: Timestamp) -> Self {
        let end = Timestamp::from_second(Timestamp::MAX.as_second()).unwrap_or(Timestamp::MAX);
        let cut = Timestamp::from_millisecond(timestamp.as_millisecond()).unwrap_or(timestamp);
        Self(cut.min(end))
    }

    /// Converts milliseconds since 1970; `None` if out of range.
    pub fn from_millisecond(milliseconds: i64) -> Option<Self> {
        Timestamp::from_millisecond(milliseconds).ok().map(Self::new)
    }

    /// Milliseconds since 1970.
    pub fn as_millisecond(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Seconds since 1970.
    pub fn as_second(self) -> i64 {
        self.0.as_second()
    }

    /// Adds seconds, which may be negative; saturates at the bounds of the calendar.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        let end = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Self::new(self.0.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(end))
    }

    /// The next millisecond.
    #[must_use]
    pub fn next(self) -> Self {
        Self::from_millisecond(self.as_millisecond() + 1).unwrap_or(self)
    }

    /// Year, month and day, and hour, minute and second in UTC.
    pub fn civil(self) -> ([i16; 3], [i16; 3]) {
        let there = TimeZone::UTC.to_datetime(self.0);
        let small = i16::from;
        (
            [there.year(), small(there.month()), small(there.day())],
            [small(there.hour()), small(there.minute()), small(there.second())],
        )
    }

    /// Parses RFC 3339; any offset is converted to UTC.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::new)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 instant"))
    }
}

impl Scalar for Instant {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        Self::parse(&given.text()?)
            .ok_or_else(|| Invalid::value("must be an instant such as 2026-03-01T07:00:00Z"))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <Self as utoipa::PartialSchema>::schema()
    }
}

/// A calendar date in site time; `YYYY-MM-DD` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Date))]
pub struct Date(jiff::civil::Date);

impl Date {
    /// A date; `None` if it does not exist.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        jiff::civil::Date::new(year, month, day).ok().map(Self)
    }

    /// Adds days, which may be negative; saturates at the bounds of the calendar.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days.days()))
    }

    /// Number of days until another date; negative if that is earlier.
    pub(crate) fn days_until(self, other: Self) -> i64 {
        self.0.until((jiff::Unit::Day, other.0)).map_or(0, |span| span.get_days().into())
    }

    /// First day of the month.
    #[must_use]
    pub(crate) fn first_of_month(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// First day of the next month.
    #[must_use]
    pub(crate) fn next_month(self) -> Self {
        Self(self.0.last_of_month()).plus_days(1)
    }

    /// Day of the month, from 1.
    pub(crate) fn day_of_month(self) -> i64 {
        self.0.day().into()
    }

    /// Number of months since the year 0.
    pub(crate) fn months(self) -> i64 {
        i64::from(self.0.year()) * 12 + i64::from(self.0.month())
    }

    /// ISO week.
    pub fn week(self) -> Week {
        let week = self.0.iso_week_date();
        Week { year: i32::from(week.year()), number: i32::from(week.week()) }
    }

    /// Day of the week.
    pub fn day_of_week(self) -> DayOfWeek {
        DayOfWeek::from_monday(self.0.weekday().to_monday_zero_offset())
    }

    /// Monday of the ISO week.
    #[must_use]
    pub fn monday(self) -> Self {
        self.plus_days(-i32::from(self.day_of_week().get()))
    }

    /// Parses `YYYY-MM-DD` with a year from 1 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 10).then(|| text.parse().ok().map(Self)).flatten().filter(|date| date.0.year() > 0)
    }
}

impl Date {
    /// Parses a date as people type it: the digits may be those of any script.
    pub fn typed(text: &str) -> Option<Self> {
        Self::parse(&crate::characters::plain(text))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a date"))
    }
}

impl Scalar for Date {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        Self::typed(&given.text()?).ok_or_else(|| Invalid::value("must be a date such as 2026-03-01"))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <Self as utoipa::PartialSchema>::schema()
    }
}

/// An ISO week and its ISO year, which can differ from the calendar year around New Year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week {
    /// ISO year.
    pub year: i32,
    /// Week number, 1 to 53.
    pub number: i32,
}

/// Time zone of the site, which converts instants to calendar dates.
#[derive(Debug, Clone)]
pub struct SiteTimeZone(TimeZone);

/// Local hour at which the working day and its day shift begin.
pub const WORKING_DAY_BEGINS: i8 = 7;

impl SiteTimeZone {
    /// The time zone with an IANA name such as `Asia/Riyadh`; `None` if unknown.
    pub fn new(zone: &str) -> Option<Self> {
        TimeZone::get(zone).ok().map(Self)
    }

    /// UTC.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Local date at an instant.
    pub fn date(&self, at: Instant) -> Date {
        Date(self.0.to_datetime(at.0).date())
    }

    /// Date of the shift that runs at an instant: the working day begins at 07:00, so that the
    /// hours before belong to the night shift of the day before.
    pub fn working_day(&self, at: Instant) -> Date {
        let local = self.0.to_datetime(at.0);
        let date = Date(local.date());
        if local.hour() < WORKING_DAY_BEGINS { date.plus_days(-1) } else { date }
    }

    /// Local date and time at an instant, as in `2026-03-01 08:30`.
    pub fn local_time(&self, at: Instant) -> String {
        self.0.to_datetime(at.0).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// First instant of a working day.
    pub fn start_of_working_day(&self, date: Date) -> Instant {
        self.at(date, WORKING_DAY_BEGINS)
    }

    /// Instant of a local hour; after a clock change that skips it, the next instant.
    pub fn at(&self, date: Date, hour: i8) -> Instant {
        self.at_minute(date, hour, 0)
    }

    /// Instant of a local hour and minute; a skipped time is shifted by the length of the gap.
    pub(crate) fn at_minute(&self, date: Date, hour: i8, minute: i8) -> Instant {
        jiff::civil::Time::new(hour, minute, 0, 0)
            .and_then(|time| self.0.to_ambiguous_zoned_datetime(date.0.to_datetime(time)).compatible())
            .map_or_else(|_| Instant::new(Timestamp::MAX), |there| Instant::new(there.timestamp()))
    }

    /// First instant of a local date.
    pub fn start_of(&self, date: Date) -> Instant {
        date.0
            .to_zoned_datetime(self.0.clone())
            .and_then(|midnight| midnight.start_of_day())
            .map_or_else(|_| Instant::new(Timestamp::MAX), |start| Instant::new(start.timestamp()))
    }
}

/// Source of the present time: the system clock in production, a settable clock in tests.
pub trait Clock: Send + Sync {
    /// The present time.
    fn now(&self) -> Instant;
}

#[cfg(feature = "openapi")]
mod openapi {
    use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat, schema::Type};

    fn string(format: KnownFormat, example: &str) -> RefOr<Schema> {
        crate::input::object(Type::String)
            .format(Some(SchemaFormat::KnownFormat(format)))
            .examples([serde_json::json!(example)])
            .into()
    }

    impl utoipa::PartialSchema for super::Instant {
        fn schema() -> RefOr<Schema> {
            string(KnownFormat::DateTime, "2026-03-01T07:00:00.000Z")
        }
    }
    impl utoipa::ToSchema for super::Instant {}

    impl utoipa::PartialSchema for super::Date {
        fn schema() -> RefOr<Schema> {
            string(KnownFormat::Date, "2026-03-01")
        }
    }
    impl utoipa::ToSchema for super::Date {}
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::{
        deserialize::{self, FromSql},
        pg::{
            Pg, PgValue,
            data_types::{PgDate, PgTimestamp},
        },
        serialize::{self, Output, ToSql},
        sql_types,
    };

    use super::{Date, Instant};

    /// PostgreSQL counts from 2000 instead of 1970.
    const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;
    const EPOCH: jiff::civil::Date = jiff::civil::date(2000, 1, 1);

    impl ToSql<sql_types::Timestamp, Pg> for Instant {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
            let value = PgTimestamp(self.0.as_microsecond() - EPOCH_MICROSECONDS);
            ToSql::<sql_types::Timestamp, Pg>::to_sql(&value, &mut out.reborrow())
        }
    }

    impl FromSql<sql_types::Timestamp, Pg> for Instant {
        fn from_sql(raw: PgValue<'_>) -> deserialize::Result<Self> {
            let PgTimestamp(value) = FromSql::<sql_types::Timestamp, Pg>::from_sql(raw)?;
            let microseconds = value.checked_add(EPOCH_MICROSECONDS).ok_or("instant out of range")?;
            Ok(Self::new(jiff::Timestamp::from_microsecond(microseconds)?))
        }
    }

    impl ToSql<sql_types::Date, Pg> for Date {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
            let days = EPOCH.until((jiff::Unit::Day, self.0))?.get_days();
            ToSql::<sql_types::Date, Pg>::to_sql(&PgDate(days), &mut out.reborrow())
        }
    }

    impl FromSql<sql_types::Date, Pg> for Date {
        fn from_sql(raw: PgValue<'_>) -> deserialize::Result<Self> {
            let PgDate(days) = FromSql::<sql_types::Date, Pg>::from_sql(raw)?;
            Ok(Self(EPOCH.checked_add(jiff::Span::new().try_days(days)?)?))
        }
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::{
        deserialize::{self, FromSql},
        serialize::{self, IsNull, Output, ToSql},
        sql_types,
        sqlite::{Sqlite, SqliteValue},
    };

    use super::{Date, Instant};

    // Of fixed width, so that the order of the texts is the order of the instants.
    impl ToSql<sql_types::Timestamp, Sqlite> for Instant {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(self.to_string());
            Ok(IsNull::No)
        }
    }

    impl FromSql<sql_types::Timestamp, Sqlite> for Instant {
        fn from_sql(raw: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            let text = <String as FromSql<sql_types::Text, Sqlite>>::from_sql(raw)?;
            Self::parse(&text).ok_or_else(|| format!("{text:?} is not an instant").into())
        }
    }

    impl ToSql<sql_types::Date, Sqlite> for Date {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(self.to_string());
            Ok(IsNull::No)
        }
    }

    impl FromSql<sql_types::Date, Sqlite> for Date {
        fn from_sql(raw: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
            let text = <String as FromSql<sql_types::Text, Sqlite>>::from_sql(raw)?;
            Self::parse(&text).ok_or_else(|| format!("{text:?} is not a date").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("an instant")
    }

    #[test]
    fn instants_have_three_digits_and_z() {
        assert_eq!(at("2026-03-01T10:00:00+03:00").to_string(), "2026-03-01T07:00:00.000Z");
        assert_eq!(at("2026-03-01T07:00:00.123987Z").to_string(), "2026-03-01T07:00:00.123Z");
    }

    #[test]
    fn instants_are_moved_within_the_calendar() {
        let start = at("2026-03-01T07:00:00Z");
        assert_eq!(start.plus_seconds(61).to_string(), "2026-03-01T07:01:01.000Z");
        assert_eq!(start.plus_seconds(-61).to_string(), "2026-03-01T06:58:59.000Z");
        assert_eq!(start.plus_seconds(0), start);
        assert_eq!(start.next().to_string(), "2026-03-01T07:00:00.001Z");
        let (first, last) = (Instant::new(Timestamp::MIN), Instant::new(Timestamp::MAX));
        assert_eq!((start.plus_seconds(i64::MIN), start.plus_seconds(i64::MAX)), (first, last));
        assert_eq!(last.to_string(), "9999-12-30T22:00:00.000Z");
        assert_eq!(last.next(), last);
    }

    #[test]
    fn the_date_is_the_sites_not_the_servers() {
        let riyadh = SiteTimeZone::new("Asia/Riyadh").expect("known zone");
        assert_eq!(riyadh.date(at("2026-03-01T22:30:00Z")).to_string(), "2026-03-02");
        assert_eq!(riyadh.start_of(Date::new(2026, 3, 2).expect("date")), at("2026-03-01T21:00:00Z"));
        assert!(SiteTimeZone::new("Atlantis/Center").is_none());
    }

    #[test]
    fn a_working_day_is_that_of_the_shift_that_runs() {
        for zone in ["Asia/Riyadh", "America/New_York", "Africa/Cairo", "Europe/Berlin"] {
            let zone = SiteTimeZone::new(zone).expect("known zone");
            // Ordinary days, and those on which clocks change in Berlin, New York and Cairo.
            for (month, day) in [(3, 2), (3, 8), (3, 29), (4, 24), (10, 25), (10, 30), (11, 1)] {
                let date = Date::new(2026, month, day).expect("a date");
                for (hour, minute, working) in
                    [(7, 1, 0), (23, 59, 0), (24, 1, 0), (30, 59, 0), (31, 1, 1), (6, 59, -1)]
                {
                    let local = date.plus_days(hour / 24);
                    let hour = i8::try_from(hour % 24).expect("an hour");
                    let now = zone.at_minute(local, hour, minute);
                    // Cairo skips 00:01 when clocks change.
                    let working = zone.working_day(now) == date.plus_days(working);
                    assert!(working, "{date} {hour}:{minute}");
                }
                let start = zone.start_of_working_day(date);
                assert_eq!(zone.working_day(start), date);
                assert_eq!(zone.working_day(start.plus_seconds(-1)), date.plus_days(-1));
            }
        }
    }

    #[test]
    fn a_day_without_midnight_starts_at_its_first_instant() {
        let beirut = SiteTimeZone::new("Asia/Beirut").expect("known zone");
        let start = beirut.start_of(Date::new(2026, 3, 29).expect("date"));
        assert_eq!(start, at("2026-03-28T22:00:00Z"), "00:00 is skipped; the day begins at 01:00");
    }

    #[test]
    fn a_local_hour_follows_the_clock_across_a_clock_change() {
        let berlin = SiteTimeZone::new("Europe/Berlin").expect("known zone");
        let seven = |day| berlin.at(Date::new(2026, 3, day).expect("date"), 7);
        assert_eq!(seven(28), at("2026-03-28T06:00:00Z"));
        assert_eq!(seven(29), at("2026-03-29T05:00:00Z"));
        let skipped = berlin.at(Date::new(2026, 3, 29).expect("date"), 2);
        assert_eq!(skipped, at("2026-03-29T01:00:00Z"), "02:00 is skipped; the next instant is 03:00");
        assert_eq!(berlin.at(Date::new(9999, 12, 31).expect("date"), 25), at("9999-12-30T22:00:00Z"));
    }

    #[test]
    fn weeks_begin_on_monday() {
        let date = |day| Date::new(2026, 3, day).expect("date");
        assert_eq!((date(2).day_of_week().get(), date(8).day_of_week().get()), (0, 6));
        assert_eq!((date(2).monday(), date(8).monday(), date(9).monday()), (date(2), date(2), date(9)));
    }

    #[test]
    fn days_around_new_year_are_in_the_iso_year_of_their_week() {
        let week = |y, m, d| Date::new(y, m, d).expect("date").week();
        assert_eq!(week(2024, 12, 31), Week { year: 2025, number: 1 });
        assert_eq!(week(2027, 1, 1), Week { year: 2026, number: 53 });
    }

    #[test]
    fn malformed_dates_are_rejected() {
        for text in
            ["2026-02-30", "2026-2-3", "20260203", "", "2026-02-03T00:00:00Z", "0000-01-01", "٢٠٢٦-٠٢-٠٣"]
        {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }
}
