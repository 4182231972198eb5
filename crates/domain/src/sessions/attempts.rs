//! Attempts at a password (rule book §1): delays after failed ones, for an account and for an
//! address.
//!
//! An attempt counts as failed from its beginning until it succeeds, so that simultaneous attempts
//! don't escape the limits.

use crate::time::Instant;

/// Failures of an account without a delay. After the last of them, its owner is notified.
pub const FREE_FAILURES: u32 = 10;
/// Attempts at the password of an account within one hour, beyond which all are refused.
pub const HOURLY_ATTEMPTS: u32 = 100;
/// Failures from one address within one minute, beyond which all attempts are refused.
pub const ADDRESS_FAILURES: u32 = 30;
/// First delay of an account, in seconds. Each further failure doubles it.
pub const FIRST_DELAY: i64 = 2;
/// Longest delay of an account, in seconds.
pub const LONGEST_DELAY: i64 = 15 * 60;
/// Failures of an account are forgotten if there is no attempt for this time, in seconds.
pub const FORGOTTEN_AFTER: i64 = 60 * 60;

const HOUR: i64 = 60 * 60;
const MINUTE: i64 = 60;

/// Attempts at the password of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountAttempts {
    /// Attempts since the last success.
    failures: u32,
    /// Time of the last attempt.
    last: Instant,
    /// End of the delay.
    next: Instant,
    /// Attempts in the current hour.
    in_hour: u32,
    /// End of the current hour.
    hour_ends: Instant,
}

/// Failed attempts from one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressFailures {
    failures: u32,
    /// End of the current minute.
    minute_ends: Instant,
}

/// Reason for refusing an attempt, and the whole seconds to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// Too many failures from the address.
    Address(i64),
    /// Too many failures at the account.
    Account(i64),
}

/// The delay after this number of failures, in seconds.
fn delay_after(failures: u32) -> i64 {
    match failures.checked_sub(FREE_FAILURES) {
        None => 0,
        Some(further) => FIRST_DELAY.checked_shl(further.min(30)).unwrap_or(LONGEST_DELAY).min(LONGEST_DELAY),
    }
}

/// Whole seconds until an instant, rounded up.
fn seconds_until(end: Instant, now: Instant) -> i64 {
    (end.as_millisecond() - now.as_millisecond() + 999) / 1000
}

impl AccountAttempts {
    /// No attempts so far.
    pub fn none(now: Instant) -> Self {
        Self { failures: 0, last: now, next: now, in_hour: 0, hour_ends: now.plus_seconds(HOUR) }
    }

    /// Whether the attempts no longer matter.
    pub fn is_forgotten(&self, now: Instant) -> bool {
        now >= self.next.max(self.last).plus_seconds(FORGOTTEN_AFTER)
    }

    fn wait(&self, now: Instant) -> Option<i64> {
        let end = if now < self.hour_ends && self.in_hour >= HOURLY_ATTEMPTS {
            self.hour_ends.max(self.next)
        } else {
            self.next
        };
        (now < end).then(|| seconds_until(end, now))
    }

    fn count(&mut self, now: Instant) {
        if now >= self.hour_ends {
            (self.in_hour, self.hour_ends) = (0, now.plus_seconds(HOUR));
        }
        self.failures = self.failures.saturating_add(1);
        self.in_hour = self.in_hour.saturating_add(1);
        (self.last, self.next) = (now, now.plus_seconds(delay_after(self.failures)));
    }

    /// Records that the last attempt has succeeded. The attempts of the hour still count.
    pub fn succeed(&mut self, now: Instant) {
        (self.failures, self.next) = (0, now);
    }
}

impl AddressFailures {
    /// No failures so far.
    pub fn none(now: Instant) -> Self {
        Self { failures: 0, minute_ends: now.plus_seconds(MINUTE) }
    }

    /// Whether the failures no longer matter.
    pub fn is_forgotten(&self, now: Instant) -> bool {
        now >= self.minute_ends
    }

    fn wait(&self, now: Instant) -> Option<i64> {
        (now < self.minute_ends && self.failures >= ADDRESS_FAILURES)
            .then(|| seconds_until(self.minute_ends, now))
    }

    fn count(&mut self, now: Instant) {
        if now >= self.minute_ends {
            *self = Self::none(now);
        }
        self.failures = self.failures.saturating_add(1);
    }

    /// Records that the last attempt has succeeded.
    pub fn succeed(&mut self) {
        self.failures = self.failures.saturating_sub(1);
    }
}

/// Counts an attempt. Returns its number since the last success of the account, or the delay that
/// refuses it. A refused attempt doesn't count.
pub fn attempt(
    account: &mut AccountAttempts,
    address: &mut AddressFailures,
    now: Instant,
) -> Result<u32, Delay> {
    if let Some(wait) = address.wait(now) {
        return Err(Delay::Address(wait));
    }
    if account.is_forgotten(now) {
        *account = AccountAttempts::none(now);
    }
    if let Some(wait) = account.wait(now) {
        return Err(Delay::Account(wait));
    }
    address.count(now);
    account.count(now);
    Ok(account.failures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start() -> Instant {
        Instant::parse("2026-03-02T08:00:00Z").expect("an instant")
    }

    /// An attempt from an address without failures.
    fn from_afresh(account: &mut AccountAttempts, now: Instant) -> Result<u32, Delay> {
        attempt(account, &mut AddressFailures::none(now), now)
    }

    #[test]
    fn after_ten_failures_each_further_one_doubles_the_delay_up_to_a_quarter_of_an_hour() {
        let mut account = AccountAttempts::none(start());
        let mut now = start();
        for number in 1..=10 {
            assert_eq!(from_afresh(&mut account, now), Ok(number));
        }
        for (number, delay) in (11..).zip([2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
            assert_eq!(from_afresh(&mut account, now), Err(Delay::Account(delay)));
            assert_eq!(from_afresh(&mut account, now.plus_seconds(delay - 1)), Err(Delay::Account(1)));
            now = now.plus_seconds(delay);
            assert_eq!(from_afresh(&mut account, now), Ok(number), "refused attempts add nothing");
        }
        account.succeed(now);
        assert_eq!(from_afresh(&mut account, now), Ok(1));
    }

    #[test]
    fn failures_are_forgotten_after_an_hour_without_attempts() {
        let mut account = AccountAttempts::none(start());
        for _ in 0..10 {
            assert!(from_afresh(&mut account, start()).is_ok());
        }
        let mut earlier = account;
        assert_eq!(from_afresh(&mut earlier, start().plus_seconds(3601)), Ok(11));
        assert_eq!(from_afresh(&mut account, start().plus_seconds(3602)), Ok(1));
    }

    #[test]
    fn successes_do_not_extend_the_attempts_of_an_hour() {
        let mut account = AccountAttempts::none(start());
        for _ in 0..HOURLY_ATTEMPTS {
            assert_eq!(from_afresh(&mut account, start()), Ok(1));
            account.succeed(start());
        }
        assert_eq!(from_afresh(&mut account, start()), Err(Delay::Account(3600)));
        assert_eq!(from_afresh(&mut account, start().plus_seconds(3600)), Ok(1));
    }

    #[test]
    fn thirty_failures_a_minute_exhaust_an_address_and_successes_do_not() {
        let mut address = AddressFailures::none(start());
        let mut attempt_at = |now, succeeds: bool| {
            let counted = attempt(&mut AccountAttempts::none(now), &mut address, now);
            if succeeds && counted.is_ok() {
                address.succeed();
            }
            counted
        };
        for _ in 0..200 {
            assert!(attempt_at(start(), true).is_ok());
        }
        for _ in 0..30 {
            assert!(attempt_at(start(), false).is_ok());
        }
        assert_eq!(attempt_at(start(), true), Err(Delay::Address(60)));
        assert_eq!(attempt_at(start().plus_seconds(59), true), Err(Delay::Address(1)));
        assert!(attempt_at(start().plus_seconds(60), true).is_ok());
    }

    proptest! {
        /// Whatever the pauses between guesses: few of them are evaluated.
        #[test]
        fn an_account_never_has_more_than_a_hundred_attempts_an_hour(
            gaps in proptest::collection::vec((0..400_i64, any::<bool>()), 1..600),
        ) {
            let mut account = AccountAttempts::none(start());
            let mut now = start();
            let mut evaluated = Vec::new();
            for (gap, succeeds) in gaps {
                now = now.plus_seconds(gap);
                if from_afresh(&mut account, now).is_ok() {
                    evaluated.push(now);
                    if succeeds {
                        account.succeed(now);
                    }
                }
            }
            for begin in &evaluated {
                let end = begin.plus_seconds(3600);
                let within = evaluated.iter().filter(|at| *at >= begin && **at < end).count();
                // An hour that begins within another one may see the ends of both.
                prop_assert!(within <= 200, "{within} attempts");
            }
        }
    }
}
