//! Trends: how many in each day, week or month, site time, with zeros where there were none.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    input::{Invalid, input, text_enum},
    time::{Date, Instant, SiteTimeZone},
};

text_enum! {
    /// What is counted.
    pub enum Metric {
        /// Inspections handed in, and how many passed and failed.
        Inspections = "inspections",
        /// Defects found, and how many were resolved.
        Defects = "defects",
        /// Jobs finished, and of which kind they were.
        Jobs = "jobs",
        /// Quality reviews decided, and how many in time.
        Sla = "sla",
    }
}

text_enum! {
    /// How long each step is.
    pub enum Bucket {
        /// A day.
        Day = "day",
        /// An ISO week.
        Week = "week",
        /// A calendar month.
        Month = "month",
    }
}

impl Bucket {
    /// The first day of the step after the one a day is in.
    fn next(self, day: Date) -> Date {
        match self {
            Self::Day => day.plus_days(1),
            Self::Week => day.monday().plus_days(7),
            Self::Month => day.next_month(),
        }
    }
}

/// The most steps of one answer.
const MOST: usize = 400;

/// Days that are shown if it isn't said how many.
const DAYS: i32 = 30;

input! {
    /// Which trend.
    pub struct TrendQuery {
        /// What is counted.
        metric: Metric,
        /// The first day; 29 days before the last if absent.
        from | "date_from": Option<Date>,
        /// The last day; today if absent.
        to | "date_to": Option<Date>,
        /// How long each step is; a day if absent.
        bucket: Option<Bucket>,
    }
}

/// The steps of a trend: they touch, and cover its days exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// The first day of each, of those asked for.
    pub dates: Vec<Date>,
    /// When each begins.
    starts: Vec<Instant>,
    /// When the last one ends.
    pub end: Instant,
}

impl Steps {
    /// The steps from one day to another, both included.
    pub fn of(bucket: Bucket, from: Date, to: Date, calendar: &SiteTimeZone) -> Result<Self, Invalid> {
        if to < from {
            return Err(Invalid::field("to", "must not be before from"));
        }
        let mut dates = vec![from];
        let mut next = bucket.next(from);
        while next <= to {
            if dates.len() == MOST {
                return Err(Invalid::field("to", format!("is more than {MOST} steps after from")));
            }
            dates.push(next);
            next = bucket.next(next);
        }
        let starts = dates.iter().map(|date| calendar.start_of(*date)).collect();
        Ok(Self { dates, starts, end: calendar.start_of(to.plus_days(1)) })
    }

    /// When the first begins.
    pub fn start(&self) -> Instant {
        self.starts.first().copied().unwrap_or(self.end)
    }

    /// Seconds of the largest slot such that slots, counted from 1970, never reach over the beginning of a step: what
    /// is counted by slot can be summed by step.
    pub fn slot_seconds(&self) -> i64 {
        let gcd = |a: i64, b: i64| {
            let (mut a, mut b) = (a.abs(), b.abs());
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a
        };
        let all = self.starts.iter().chain([&self.end]);
        all.fold(0, |slot, start| gcd(slot, start.as_second())).max(1)
    }

    /// The counts by step, of counts by slot and name; `total` has those named so, and every other name its own value.
    pub fn sum(&self, counts: &[SlotCount], names: &[&'static str]) -> Vec<TrendPoint> {
        let seconds = self.slot_seconds();
        let zeros: BTreeMap<&'static str, i64> = names.iter().map(|name| (*name, 0)).collect();
        let mut points: Vec<TrendPoint> = self
            .dates
            .iter()
            .map(|date| TrendPoint { date: *date, total: 0, values: zeros.clone() })
            .collect();
        for SlotCount { slot, name, count } in counts {
            let at = slot.saturating_mul(seconds);
            let after = self.starts.partition_point(|start| start.as_second() <= at);
            let Some(point) = after.checked_sub(1).and_then(|step| points.get_mut(step)) else { continue };
            if *name == TOTAL {
                point.total += count;
            } else if let Some(value) = point.values.get_mut(name) {
                *value += count;
            }
        }
        points
    }
}

/// The name under which counts are summed into the total.
pub const TOTAL: &str = "total";

/// How many there were in a slot, under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotCount {
    /// Number of the slot, counted from 1970.
    pub slot: i64,
    /// What they are.
    pub name: &'static str,
    /// How many.
    pub count: i64,
}

/// One step of a trend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrendPoint {
    /// Its first day, of those asked for.
    pub date: Date,
    /// How many altogether.
    pub total: i64,
    /// How many of them, by what became of them: `passed` and `failed`, `resolved`, `specialist` and `engineer`, `met` and
    /// `missed`.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, i64>))]
    pub values: BTreeMap<&'static str, i64>,
}

/// A trend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trend {
    /// What is counted.
    pub metric: Metric,
    /// How long each step is.
    pub bucket: Bucket,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Every step, in order; zeros where there was nothing.
    pub points: Vec<TrendPoint>,
}

impl TrendQuery {
    /// The days asked for (both included), and how long each step is.
    pub fn days(&self, today: Date) -> (Bucket, Date, Date) {
        let to = self.to.unwrap_or(today);
        (self.bucket.unwrap_or(Bucket::Day), self.from.unwrap_or_else(|| to.plus_days(1 - DAYS)), to)
    }
}

crate::shows!(Trend {});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text).expect("a date")
    }

    const ZONES: [&str; 7] = [
        "UTC",
        "Europe/Berlin",
        "Asia/Dubai",
        "Asia/Kathmandu",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
    ];

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first_and_the_first_step_where_asked() {
        let dates = |bucket, from, to| {
            let steps = Steps::of(bucket, date(from), date(to), &SiteTimeZone::utc()).expect("steps");
            steps.dates.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            dates(Bucket::Day, "2026-02-27", "2026-03-02"),
            ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]
        );
        assert_eq!(
            dates(Bucket::Week, "2026-02-25", "2026-03-09"),
            ["2026-02-25", "2026-03-02", "2026-03-09"]
        );
        assert_eq!(
            dates(Bucket::Month, "2026-01-31", "2026-03-01"),
            ["2026-01-31", "2026-02-01", "2026-03-01"]
        );
        assert_eq!(dates(Bucket::Month, "2026-01-31", "2026-01-31"), ["2026-01-31"]);
    }

    #[test]
    fn too_many_steps_and_days_in_the_wrong_order_are_refused() {
        let steps = |from, to| Steps::of(Bucket::Day, date(from), date(to), &SiteTimeZone::utc());
        assert!(steps("2026-03-02", "2026-03-01").is_err());
        assert_eq!(steps("2026-01-01", "2027-02-04").map(|steps| steps.dates.len()), Ok(400));
        assert!(steps("2026-01-01", "2027-02-05").is_err());
        assert!(steps("0001-01-01", "9999-12-31").is_err());
        let end = Steps::of(Bucket::Month, date("9999-12-01"), date("9999-12-31"), &SiteTimeZone::utc());
        assert!(end.is_err(), "there is no step after the end of the calendar");
    }

    #[test]
    fn a_day_with_23_hours_is_a_step_of_23_hours() {
        let calendar = SiteTimeZone::new("Europe/Berlin").expect("a zone");
        let steps = Steps::of(Bucket::Day, date("2026-03-28"), date("2026-03-30"), &calendar).expect("steps");
        assert_eq!(steps.slot_seconds(), 3600);
        let hours: Vec<i64> =
            steps.starts.windows(2).map(|pair| (pair[1].as_second() - pair[0].as_second()) / 3600).collect();
        assert_eq!(hours, [24, 23]);
    }

    proptest! {
        #[test]
        fn every_instant_is_counted_in_the_step_of_its_date(
            zone in 0..ZONES.len(), first in 0..1000_i32, length in 0..390_i32, bucket in 0..3_usize,
            seconds in prop::collection::vec(0..40_000_000_i64, 1..20),
        ) {
            let calendar = SiteTimeZone::new(ZONES[zone]).unwrap();
            let from = date("2015-01-01").plus_days(first);
            let (bucket, to) = (Bucket::ALL[bucket], from.plus_days(length));
            let steps = Steps::of(bucket, from, to, &calendar).unwrap();
            let slot = steps.slot_seconds();
            let mut expected = BTreeMap::new();
            let mut counts = Vec::new();
            for second in seconds {
                let at = steps.start().plus_seconds(second);
                if at >= steps.end { continue; }
                counts.push(SlotCount { slot: at.as_second().div_euclid(slot), name: TOTAL, count: 1 });
                let day = calendar.date(at);
                prop_assert!(from <= day && day <= to);
                let step = steps.dates.iter().rfind(|date| **date <= day).unwrap();
                *expected.entry(*step).or_insert(0) += 1;
            }
            for point in steps.sum(&counts, &[]) {
                prop_assert_eq!(point.total, expected.get(&point.date).copied().unwrap_or(0));
            }
        }
    }
}
