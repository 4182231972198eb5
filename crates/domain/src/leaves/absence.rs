//! Absence of a person by a leave: from a shift, and at an instant (rule book §4, §10).

use super::{half_day::HalfDay, leave::Leave};
use crate::{
    time::{Date, Instant, SiteTimeZone},
    users::Shift,
};

/// Local hour at which the morning ends and the afternoon begins.
const MIDDAY: i8 = 13;

/// How a leave concerns a shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The person is absent during a half of the shift.
    Half(HalfDay),
    /// The person is absent from the whole shift.
    Full,
}

impl Leave {
    /// Days that count: a half day is 0.5 (§10).
    #[allow(clippy::cast_precision_loss, reason = "a number of days is exact")]
    pub fn counted_days(&self) -> f64 {
        if self.half_day.is_some() { 0.5 } else { self.total_days() as f64 }
    }

    /// Absence from a shift, whatever the status of the leave. The day shift has both halves of its
    /// date. The night shift begins in the afternoon, and is outside the morning (§10).
    pub fn absence_from(&self, date: Date, shift: Shift) -> Option<Absence> {
        if !self.overlaps(date, date) {
            return None;
        }
        match (self.half_day, shift) {
            (None, _) | (Some(HalfDay::Pm), Shift::Night) => Some(Absence::Full),
            (Some(HalfDay::Am), Shift::Night) => None,
            (Some(half), Shift::Day) => Some(Absence::Half(half)),
        }
    }

    /// Whether the person is absent from a whole shift: approved and not ended (§4).
    pub fn excludes(&self, date: Date, shift: Shift) -> bool {
        self.is_in_force() && self.absence_from(date, shift) == Some(Absence::Full)
    }

    /// Whether the person is absent at an instant: a leave in force covers the day of the site,
    /// which begins at 07:00, and a half day its half of it (§10).
    pub fn is_absence_at(&self, at: Instant, calendar: &SiteTimeZone) -> bool {
        let date = calendar.working_day(at);
        let is_morning = at < calendar.at(date, MIDDAY);
        self.covers(date) && self.half_day.is_none_or(|half| (half == HalfDay::Am) == is_morning)
    }

    /// Whether the person was absent at an instant in the past: approved before it (§15).
    pub fn was_absence_at(&self, at: Instant, calendar: &SiteTimeZone) -> bool {
        self.is_absence_at(at, calendar) && self.decided_at.is_none_or(|decided| decided <= at)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{inputs::NewLeave, status::LeaveStatus},
        *,
    };
    use crate::{
        input::Input,
        rule::Rule,
        testing::{leave, now},
    };

    fn date(day: i8) -> Date {
        Date::new(2026, 3, day).expect("a date")
    }

    fn half(half_day: Option<HalfDay>) -> Leave {
        Leave { half_day, ..leave(date(3), date(3)) }
    }

    const HALVES: [Option<HalfDay>; 3] = [None, Some(HalfDay::Am), Some(HalfDay::Pm)];

    #[test]
    fn the_grid_of_absences_from_shifts() {
        let mut grid = String::new();
        for half_day in HALVES {
            for &shift in Shift::ALL {
                let absences = [2, 3, 4].map(|day| half(half_day).absence_from(date(day), shift));
                assert_eq!((absences[0], absences[2]), (None, None), "other days");
                grid += &format!("{half_day:?} from the {shift} shift: {:?}\n", absences[1]);
            }
        }
        insta::assert_snapshot!(grid, @r"
        None from the day shift: Some(Full)
        None from the night shift: Some(Full)
        Some(Am) from the day shift: Some(Half(Am))
        Some(Am) from the night shift: None
        Some(Pm) from the day shift: Some(Half(Pm))
        Some(Pm) from the night shift: Some(Full)
        ");
        for &status in LeaveStatus::ALL {
            for ended_at in [None, Some(now())] {
                let excludes = Leave { status, ended_at, ..half(None) }.excludes(date(3), Shift::Day);
                assert_eq!(excludes, status == LeaveStatus::Approved && ended_at.is_none(), "{status}");
            }
        }
    }

    #[test]
    fn a_half_day_is_an_absence_until_or_from_13_00_site_time() {
        let riyadh = SiteTimeZone::new("Asia/Riyadh").expect("a time zone");
        for (local, [whole, am, pm]) in [
            ("2026-03-03T06:59:59", [false, false, false]),
            ("2026-03-03T07:00:00", [true, true, false]),
            ("2026-03-03T12:59:59", [true, true, false]),
            ("2026-03-03T13:00:00", [true, false, true]),
            ("2026-03-03T23:59:59", [true, false, true]),
            ("2026-03-04T06:59:59", [true, false, true]),
            ("2026-03-04T07:00:00", [false, false, false]),
        ] {
            let at = Instant::parse(&format!("{local}+03:00")).expect("an instant");
            let found = HALVES.map(|half_day| half(half_day).is_absence_at(at, &riyadh));
            assert_eq!(found, [whole, am, pm], "{local}");
            let ended = HALVES
                .map(|half_day| Leave { ended_at: Some(now()), ..half(half_day) }.is_absence_at(at, &riyadh));
            assert_eq!(ended, [false; 3], "{local}");
        }
    }

    #[test]
    fn a_half_of_one_day_is_requested_by_name_or_as_true() {
        let request = |half_day, to: &str| {
            let body = json!({
                "leave_type": "annual", "date_from": "2026-03-03", "date_to": to, "half_day": half_day,
            });
            let new = NewLeave::from_json(body)?;
            new.validate().map(|()| new.half())
        };
        for (given, expected) in [
            (json!("am"), Some(HalfDay::Am)),
            (json!("pm"), Some(HalfDay::Pm)),
            (json!(true), Some(HalfDay::Am)),
            (json!(false), None),
            (json!(null), None),
            (json!(""), None),
        ] {
            assert_eq!(request(given.clone(), "2026-03-03"), Ok(expected), "{given}");
            let longer = request(given.clone(), "2026-03-04");
            assert_eq!(longer.is_ok(), expected.is_none(), "{given}: a half of two days");
            if let Err(wrong) = longer {
                assert_eq!(wrong.fields()[0].field, "half_day");
            }
        }
        for wrong in [json!("noon"), json!(1), json!(["am"])] {
            let refused = request(wrong.clone(), "2026-03-03").expect_err("no half");
            assert_eq!(refused.fields()[0].field, "half_day", "{wrong}");
        }
    }

    #[test]
    fn a_half_day_counts_as_half() {
        let counted = HALVES.map(|half_day| half(half_day).counted_days().to_string());
        assert_eq!(counted, ["1", "0.5", "0.5"]);
        assert_eq!(leave(date(3), date(5)).counted_days().to_string(), "3");
        assert_eq!(half(Some(HalfDay::Pm)).total_days(), 1, "the day of the calendar");
    }
}
