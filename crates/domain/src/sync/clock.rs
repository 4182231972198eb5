//! Clocks of phones, which are wrong, and the times of what happened offline (rule book §15).

use crate::{
    jobs::JobRule,
    message,
    time::Instant,
    warning::{Warning, WarningCode},
};

/// Difference in milliseconds from which a correction deserves a warning: five minutes.
const NOTABLE: i64 = 5 * 60 * 1000;

/// Seconds by which a record may be dated back: seven days.
const FURTHEST: i64 = 7 * 24 * 60 * 60;

/// The clock of a phone, compared with that of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PhoneClock {
    /// Milliseconds by which it is fast.
    ahead: i64,
}

impl PhoneClock {
    /// Compares the time at which the phone has sent a request with the time of its receipt. A
    /// phone that doesn't say when is taken as right.
    pub fn new(sent_at: Option<Instant>, received_at: Instant) -> Self {
        let ahead = |sent: Instant| sent.as_millisecond() - received_at.as_millisecond();
        Self { ahead: sent_at.map_or(0, ahead) }
    }

    /// A time of the phone by the clock of the service. What still lies in the future is now.
    pub fn corrected(self, occurred_at: Instant, now: Instant) -> Instant {
        let moved = occurred_at.as_millisecond() - self.ahead;
        let earliest = now.plus_seconds(-FURTHEST);
        Instant::from_millisecond(moved.min(now.as_millisecond())).unwrap_or(earliest)
    }

    /// The warning about a correction by five minutes or more.
    pub fn warning(self) -> Option<Warning> {
        if self.ahead.abs() < NOTABLE {
            return None;
        }
        let minutes = self.ahead.abs() / 60_000;
        let message = if self.ahead > 0 {
            message!("the clock of the phone is {minutes} min fast; the times were corrected", minutes)
        } else {
            message!("the clock of the phone is {minutes} min slow; the times were corrected", minutes)
        };
        Some(Warning::of_field(WarningCode::ClockCorrected, "sent_at", message))
    }
}

/// The time in the record of an action that happened offline: never before what it follows, at most
/// seven days back, and never in the future.
pub fn dated(happened_at: Instant, follows: Option<Instant>, now: Instant) -> Instant {
    let earliest = now.plus_seconds(-FURTHEST);
    happened_at.max(earliest).max(follows.unwrap_or(earliest)).min(now)
}

/// Checks that a command that was refused at `received_at` belongs to the present work of the owner
/// of a job, to whom it came at `since`.
pub fn belongs_to_present_work(received_at: Instant, since: Option<Instant>) -> Result<(), JobRule> {
    if since.is_some_and(|since| received_at < since) { Err(JobRule::EarlierWork) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::now;

    const MINUTE: i64 = 60;
    const DAY: i64 = 24 * 60 * MINUTE;
    const YEAR: i64 = 365 * DAY;

    fn at(seconds: i64) -> Instant {
        now().plus_seconds(seconds)
    }

    #[test]
    fn times_of_a_wrong_clock_keep_their_distance_to_the_sending() {
        // Seconds by which the phone is fast, and seconds between the action and the sending.
        for ahead in [0, 1, -1, 7200, -7200, 3 * YEAR, -3 * YEAR, -56 * YEAR] {
            for before in [0, 1, MINUTE, DAY, 30 * DAY] {
                let clock = PhoneClock::new(Some(at(ahead)), now());
                assert_eq!(clock.corrected(at(ahead - before), now()), at(-before), "{ahead} {before}");
                assert_eq!(clock.corrected(at(ahead + before), now()), now(), "{ahead}: in the future");
            }
            let unsaid = PhoneClock::new(None, now());
            assert_eq!(unsaid.corrected(at(ahead), now()), at(ahead.min(0)), "as it is: {ahead}");
        }
    }

    #[test]
    fn no_time_is_too_odd() {
        let far = |text: &str| Instant::parse(text).expect("an instant");
        let odd = [
            far("1970-01-01T00:00:00Z"),
            far("2099-01-01T00:00:00Z"),
            far("9999-12-30T00:00:00Z"),
            far("-009999-01-03T00:00:00Z"),
        ];
        for sent in odd {
            for occurred in odd {
                let corrected = PhoneClock::new(Some(sent), now()).corrected(occurred, now());
                assert!(corrected <= now());
                let dated = dated(corrected, None, now());
                assert!((at(-7 * DAY)..=now()).contains(&dated), "{sent} {occurred}: {dated}");
            }
        }
    }

    #[test]
    fn a_correction_by_five_minutes_is_reported() {
        let warning = |ahead| PhoneClock::new(Some(at(ahead)), now()).warning();
        assert_eq!([warning(0), warning(299), warning(-299)], [None, None, None]);
        assert_eq!(PhoneClock::new(None, now()).warning(), None);
        for (ahead, text) in [
            (300, "the clock of the phone is 5 min fast; the times were corrected"),
            (-7259, "the clock of the phone is 120 min slow; the times were corrected"),
        ] {
            let warning = warning(ahead).expect("a warning");
            assert_eq!(
                (warning.code, warning.field.as_deref()),
                (WarningCode::ClockCorrected, Some("sent_at"))
            );
            assert_eq!(warning.message.to_string(), text);
        }
    }

    #[test]
    fn a_refused_command_is_not_carried_over_to_later_work() {
        for (received, since, expected) in [
            (0, None, Ok(())),
            (0, Some(-1), Ok(())),
            (0, Some(0), Ok(())),
            (0, Some(1), Err(JobRule::EarlierWork)),
        ] {
            assert_eq!(
                belongs_to_present_work(at(received), since.map(at)),
                expected,
                "{received} {since:?}"
            );
        }
    }

    #[test]
    fn records_are_dated_after_what_they_follow_within_seven_days() {
        let week = -7 * DAY;
        for (happened, follows, expected) in [
            (0, None, 0),
            (-60, None, -60),
            (week, None, week),
            (week - 1, None, week),
            (-30 * DAY, None, week),
            (60, None, 0),
            (-60, Some(-90), -60),
            (-60, Some(-60), -60),
            (-60, Some(-30), -30),
            (-60, Some(30), 0),
            (-30 * DAY, Some(-20 * DAY), week),
            (-30 * DAY, Some(-2 * DAY), -2 * DAY),
            (60, Some(90), 0),
        ] {
            let found = dated(at(happened), follows.map(at), now());
            assert_eq!(found, at(expected), "{happened} after {follows:?}");
        }
    }
}
