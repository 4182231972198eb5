//! Trends: counts per day, week or month in site time, including empty periods.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    input::{Invalid, input, text_enum},
    message,
    time::{Date, Instant, SiteTimeZone},
};

text_enum! {
    /// Quantity that is counted.
    pub enum Metric {
        /// Submitted inspections; passed and failed.
        Inspections = "inspections",
        /// Found defects; resolved.
        Defects = "defects",
        /// Completed jobs, by kind.
        Jobs = "jobs",
        /// Decided quality reviews; met and missed deadlines.
        Sla = "sla",
    }
}

text_enum! {
    /// Length of a step.
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
    /// First day of the next step.
    fn next(self, day: Date) -> Date {
        match self {
            Self::Day => day.plus_days(1),
            Self::Week => day.monday().plus_days(7),
            Self::Month => day.next_month(),
        }
    }
}

/// Maximum number of steps of a trend.
const MAX_STEPS: usize = 400;

/// Default number of days.
const DAYS: i32 = 30;

input! {
    /// Parameters of a trend.
    pub struct TrendQuery {
        /// Quantity to count.
        metric: Metric,
        /// First day; 29 days before the last day if absent.
        from | "date_from": Option<Date>,
        /// Last day; today if absent.
        to | "date_to": Option<Date>,
        /// Length of a step; a day if absent.
        bucket: Option<Bucket>,
    }
}

/// Steps of a trend: contiguous, covering its days exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// First requested day of each step.
    pub dates: Vec<Date>,
    /// Beginning of each step.
    starts: Vec<Instant>,
    /// End of the last step.
    pub end: Instant,
}

impl Steps {
    /// Steps from the first to the last day, inclusive.
    pub fn of(bucket: Bucket, from: Date, to: Date, calendar: &SiteTimeZone) -> Result<Self, Invalid> {
        if to < from {
            return Err(Invalid::field("to", "must not be before from"));
        }
        let mut dates = vec![from];
        let mut next = bucket.next(from);
        while next <= to {
            if dates.len() == MAX_STEPS {
                let message = message!("is more than {max} steps after from", max = MAX_STEPS);
                return Err(Invalid::field("to", message));
            }
            dates.push(next);
            next = bucket.next(next);
        }
        let starts = dates.iter().map(|date| calendar.start_of(*date)).collect();
        Ok(Self { dates, starts, end: calendar.start_of(to.plus_days(1)) })
    }

    /// Beginning of the first step.
    pub fn start(&self) -> Instant {
        self.starts.first().copied().unwrap_or(self.end)
    }

    /// Length in seconds of the largest slot that aligns, counted from 1970, with the beginning of
    /// every step. Counts per slot can therefore be summed per step.
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

    /// Sums counts per slot into counts per step. Counts named [`TOTAL`] become the total; every
    /// other name becomes a value.
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

/// Name of the counts that form the total.
pub const TOTAL: &str = "total";

/// Count of a slot under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotCount {
    /// Index of the slot, counted from 1970.
    pub slot: i64,
    /// Name of the count.
    pub name: &'static str,
    /// Count.
    pub count: i64,
}

/// A step of a trend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrendPoint {
    /// First requested day of the step.
    pub date: Date,
    /// Total count.
    pub total: i64,
    /// Partial counts by outcome: `passed` and `failed`, `resolved`, `specialist` and `engineer`,
    /// `met` and `missed`.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, i64>))]
    pub values: BTreeMap<&'static str, i64>,
}

/// Counts of a quantity over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trend {
    /// Quantity.
    pub metric: Metric,
    /// Length of a step.
    pub bucket: Bucket,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Every step in order, including those with a count of 0.
    pub points: Vec<TrendPoint>,
}

impl TrendQuery {
    /// Length of a step, first day and last day, with the defaults applied.
    pub fn days(&self, today: Date) -> (Bucket, Date, Date) {
        let to = self.to.unwrap_or(today);
        (self.bucket.unwrap_or(Bucket::Day), self.from.unwrap_or_else(|| to.plus_days(1 - DAYS)), to)
    }
}

crate::shows!(Trend {});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::input::Input;

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
        let refused = steps("2026-03-02", "2026-03-01").expect_err("backwards");
        assert_eq!(refused.to_string(), "the input is not valid: to must not be before from");
        assert_eq!(steps("2026-01-01", "2027-02-04").map(|steps| steps.dates.len()), Ok(400));
        assert!(steps("2026-01-01", "2027-02-05").is_err());
        assert!(steps("0001-01-01", "9999-12-31").is_err());
        let end = Steps::of(Bucket::Month, date("9999-12-01"), date("9999-12-31"), &SiteTimeZone::utc());
        assert!(end.is_err(), "no step follows the end of the calendar");
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

    #[test]
    fn a_trend_covers_thirty_days_up_to_today_unless_days_are_given() {
        let days = |mut body: serde_json::Value| {
            body["metric"] = json!("jobs");
            let (bucket, from, to) = TrendQuery::from_json(body).expect("a query").days(date("2026-03-30"));
            format!("{bucket} {from} {to}")
        };
        assert_eq!(days(json!({})), "day 2026-03-01 2026-03-30");
        assert_eq!(days(json!({"to": "2026-02-10", "bucket": "week"})), "week 2026-01-12 2026-02-10");
        assert_eq!(days(json!({"from": "2026-01-01", "bucket": "month"})), "month 2026-01-01 2026-03-30");
    }

    #[test]
    fn counts_are_summed_into_the_step_of_their_slot_under_their_name() {
        let steps = Steps::of(Bucket::Day, date("2026-03-01"), date("2026-03-02"), &SiteTimeZone::utc());
        let steps = steps.expect("steps");
        assert_eq!(steps.slot_seconds(), 86_400);
        assert_eq!(steps.start(), Instant::parse("2026-03-01T00:00:00Z").expect("an instant"));
        assert_eq!(steps.end, Instant::parse("2026-03-03T00:00:00Z").expect("an instant"));
        let first = steps.start().as_second() / 86_400;
        let counts = [
            (first - 1, TOTAL, 1000),
            (first, TOTAL, 5),
            (first, TOTAL, 2),
            (first, "passed", 4),
            (first, "unknown", 9),
            (first + 1, TOTAL, 3),
            (first + 1, "failed", 1),
            (first + 1, "failed", 2),
        ]
        .map(|(slot, name, count)| SlotCount { slot, name, count });
        let point = |day, total, passed, failed| TrendPoint {
            date: date(day),
            total,
            values: [("passed", passed), ("failed", failed)].into(),
        };
        let expected = [point("2026-03-01", 7, 4, 0), point("2026-03-02", 3, 0, 3)];
        assert_eq!(steps.sum(&counts, &["passed", "failed"]), expected);
    }

    #[test]
    fn a_slot_aligns_with_the_offset_of_the_zone() {
        let slot = |zone| {
            let calendar = SiteTimeZone::new(zone).expect("a zone");
            Steps::of(Bucket::Day, date("2026-03-01"), date("2026-03-02"), &calendar)
                .expect("steps")
                .slot_seconds()
        };
        let hours = ["UTC", "Asia/Dubai", "Asia/Kathmandu", "America/St_Johns"].map(|zone| slot(zone) / 60);
        assert_eq!(hours, [24 * 60, 4 * 60, 15, 30]);
        let before_1970 =
            Steps::of(Bucket::Day, date("1969-12-30"), date("1969-12-31"), &SiteTimeZone::utc());
        assert_eq!(before_1970.expect("steps").slot_seconds(), 86_400);
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
