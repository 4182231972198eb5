//! Retention of records that prove nothing (rule book §16). Everything else stays: answers, the
//! audit trail with its security events, points, files, and the items of offline work that were
//! applied.

use std::time::Duration;

use crate::time::Instant;

/// Periods after which records are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Of finished runs of scheduled tasks, from their end. The latest run of each task stays.
    pub task_runs: Duration,
    /// Of notifications, from the time when they were read.
    pub read_notifications: Duration,
    /// Of rejected items of offline work, from their arrival (§15).
    pub rejected_items: Duration,
    /// Of responses to requests with an `Idempotency-Key`, from the request (§15).
    pub idempotency_keys: Duration,
    /// Of background jobs that were given up, from the change that enqueued them.
    pub dead_jobs: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |count: u64| Duration::from_hours(24 * count);
        Self {
            task_runs: days(90),
            read_notifications: days(180),
            rejected_items: days(30),
            idempotency_keys: days(1),
            dead_jobs: days(90),
        }
    }
}

/// The time at which a period began that ends now.
pub fn since(now: Instant, period: Duration) -> Instant {
    now.plus_seconds(-i64::try_from(period.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::now;

    #[test]
    fn a_period_ends_now() {
        let of = Retention::default();
        assert_eq!(since(now().plus_seconds(24 * 3600), of.idempotency_keys), now());
        assert_eq!(since(now().plus_seconds(30 * 24 * 3600), of.rejected_items), now());
    }
}
