//! Recurrence of routines beyond the days of the week, and holidays (rule book §4).

use serde::{Deserialize, Serialize};

use crate::{
    input::{Integer, Invalid, Object, input, text_enum},
    time::Date,
};

text_enum! {
    /// Unit in which the inspection days of a routine recur.
    pub enum RecurrenceUnit {
        /// Weeks: the days of the week of every n-th week.
        Week = "week",
        /// Months: a day of every n-th month, or days of one of its weeks.
        Month = "month",
    }
}

text_enum! {
    /// Treatment of an inspection day that is a holiday of the site.
    pub enum OnHoliday {
        /// The machines are inspected as on any day.
        Run = "run",
        /// The machines are not inspected.
        Skip = "skip",
        /// The machines are inspected on the next day that is not a holiday.
        Postpone = "postpone",
    }
}

/// Recurrence of the inspection days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Recurrence {
    /// Weeks or months.
    pub unit: RecurrenceUnit,
    /// Number of weeks or months from one to the next.
    pub every: i64,
    /// Day of the month; its last day if the month is shorter.
    pub day: Option<i64>,
    /// Which of the month's days of the week: 1 (first) to 4 (fourth), or -1 (last).
    pub week: Option<i64>,
}

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(Recurrence);

input! {
    /// Recurrence of the inspection days; every week if absent.
    #[derive(PartialEq)]
    pub struct RecurrenceInput {
        /// Weeks or months.
        unit: RecurrenceUnit,
        /// Number of weeks (at most 52) or months (at most 12) from one to the next; 1 if absent.
        every: Option<Integer<1, 52>>,
        /// Day of the month; its last day if the month is shorter. With `month`, this or `week`.
        day: Option<Integer<1, 31>>,
        /// Which of the month's `days_of_week`: 1 (first) to 4 (fourth), or -1 (last).
        week: Option<Integer<-1, 4>>,
    }
}

impl From<Object<RecurrenceInput>> for Recurrence {
    fn from(Object(input): Object<RecurrenceInput>) -> Self {
        Self {
            unit: input.unit,
            every: input.every.map_or(1, Integer::get),
            day: input.day.map(Integer::get),
            week: input.week.map(Integer::get),
        }
    }
}

impl Recurrence {
    /// Whether a date is one of the recurring days, counted from the week or month of the start.
    /// `is_on_weekday`: whether it is one of the days of the week.
    pub(super) fn falls_on(&self, date: Date, start: Option<Date>, is_on_weekday: bool) -> bool {
        let start = start.unwrap_or(date);
        let passed = match self.unit {
            RecurrenceUnit::Week => start.monday().days_until(date.monday()) / 7,
            RecurrenceUnit::Month => date.months() - start.months(),
        };
        if passed % self.every.max(1) != 0 {
            return false;
        }
        match (self.unit, self.day, self.week) {
            (RecurrenceUnit::Week, ..) => is_on_weekday,
            (RecurrenceUnit::Month, Some(day), _) => {
                let next = date.plus_days(1);
                let is_last = next.months() != date.months();
                date.day_of_month() == day || is_last && date.day_of_month() < day
            }
            (RecurrenceUnit::Month, None, Some(week)) if week > 0 => {
                is_on_weekday && (date.day_of_month() - 1) / 7 + 1 == week
            }
            (RecurrenceUnit::Month, None, Some(_)) => {
                is_on_weekday && date.plus_days(7).months() != date.months()
            }
            (RecurrenceUnit::Month, None, None) => false,
        }
    }

    /// Checks that the fields agree; the errors are those of a routine.
    pub(super) fn validate(&self) -> Invalid {
        let mut errors = Invalid::default();
        match (self.unit, self.day, self.week) {
            (RecurrenceUnit::Week, day, week) => {
                for (field, is_given) in [("day", day.is_some()), ("week", week.is_some())] {
                    if is_given {
                        errors.extend(Invalid::field(field, "needs the unit month"));
                    }
                }
            }
            (RecurrenceUnit::Month, None, None) => {
                errors.extend(Invalid::field("day", "is required with the unit month, unless week is given"));
            }
            (RecurrenceUnit::Month, Some(_), Some(_)) => {
                errors.extend(Invalid::field("week", "must be absent if day is given"));
            }
            (RecurrenceUnit::Month, ..) => {}
        }
        if self.week == Some(0) {
            errors.extend(Invalid::field("week", "must be 1 to 4, or -1 for the last"));
        }
        if self.unit == RecurrenceUnit::Month && self.every > 12 {
            errors.extend(Invalid::field("every", "must be at most 12 months"));
        }
        errors
    }
}
