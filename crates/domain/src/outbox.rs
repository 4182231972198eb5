//! Background jobs: work that a transaction leaves in the outbox, retried until it succeeds or is
//! given up.

use serde::Serialize;

use crate::{
    ids::OutboxId,
    input::{input, text_enum},
    rule::{Code, Rule},
    time::Instant,
};

text_enum! {
    /// Kind of a background job.
    pub enum OutboxKind {
        /// Translation of a text (§13).
        Translate = "translate",
    }
}

impl OutboxKind {
    /// Number of batches that an instance processes concurrently.
    pub const fn at_once(self) -> usize {
        match self {
            Self::Translate => 2,
        }
    }

    /// Maximum number of jobs in a batch.
    pub const fn batch(self) -> u32 {
        match self {
            Self::Translate => 20,
        }
    }
}

text_enum! {
    /// Status of a background job.
    pub enum OutboxStatus {
        /// Waiting until its due time.
        Pending = "pending",
        /// Running. The lease of a worker that crashed expires, and another worker claims the job.
        Running = "running",
        /// Given up after the maximum number of attempts. An admin can retry it.
        Dead = "dead",
    }
}

/// A background job. Successful jobs are deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::outbox, treat_none_as_default_value = false)
)]
pub struct OutboxJob {
    /// Primary key; increases with the changes that enqueue jobs.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: OutboxId,
    /// Kind.
    pub kind: OutboxKind,
    /// Parameters as a JSON document.
    #[serde(skip)]
    pub payload: String,
    /// Status.
    pub status: OutboxStatus,
    /// Number of attempts.
    pub attempts: i64,
    /// Earliest time of the next attempt.
    pub run_at: Instant,
    /// Worker that runs it.
    pub worker: Option<String>,
    /// End of the worker's lease.
    pub lease_until: Option<Instant>,
    /// Error of the last attempt.
    pub error: Option<String>,
    /// Time of the change that enqueued it.
    pub created_at: Instant,
}

crate::shows!(OutboxJob {});

impl crate::entity::Entity for OutboxJob {
    const NAME: &'static str = "outbox";
    const LABEL: &'static str = "job of the outbox";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

/// Length of a lease in seconds.
pub const LEASE: i64 = 120;

/// Maximum number of attempts; the last one is about six hours after the first.
pub const MOST_ATTEMPTS: i64 = 14;

/// Maximum delay between attempts, in seconds.
const MAX_DELAY: i64 = 3_600;

impl OutboxJob {
    /// Builds a job that is due at once.
    pub fn new(kind: OutboxKind, payload: String, now: Instant) -> Self {
        Self {
            id: OutboxId::UNSAVED,
            kind,
            payload,
            status: OutboxStatus::Pending,
            attempts: 0,
            run_at: now,
            worker: None,
            lease_until: None,
            error: None,
            created_at: now,
        }
    }

    /// Schedules the next attempt after a failure, or gives the job up. The delay doubles with each
    /// attempt, up to one hour, with 50 % jitter from `chance`, any number. `wait` is the delay
    /// that the remote service requested, in seconds.
    #[must_use]
    pub fn failed(&self, error: &str, wait: Option<i64>, chance: u8, now: Instant) -> Self {
        let doubled = 10_i64 << self.attempts.clamp(0, 10);
        let longest = doubled.min(MAX_DELAY);
        let wait =
            (longest / 2 + longest * i64::from(chance) / 510).max(wait.unwrap_or_default().min(MAX_DELAY));
        let is_over = self.attempts >= MOST_ATTEMPTS;
        Self {
            status: if is_over { OutboxStatus::Dead } else { OutboxStatus::Pending },
            run_at: now.plus_seconds(wait),
            worker: None,
            lease_until: None,
            error: Some(error.chars().take(500).collect()),
            ..self.clone()
        }
    }

    /// Resets the job for a retry that an admin requested.
    pub fn retried(&self, now: Instant) -> Result<Self, OutboxRule> {
        if self.status != OutboxStatus::Dead {
            return Err(OutboxRule::NotDead(self.status));
        }
        Ok(Self { status: OutboxStatus::Pending, attempts: 0, run_at: now, ..self.clone() })
    }
}

/// Reasons for rejecting a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboxRule {
    /// The job has not been given up.
    #[error("the job is {0}, not given up")]
    NotDead(OutboxStatus),
}

impl Rule for OutboxRule {
    fn code(&self) -> Code {
        Code::InvalidState
    }
}

input! {
    /// Filter of a list of background jobs, oldest first.
    pub struct OutboxFilter {
        /// Filter by status.
        status: Option<OutboxStatus>,
        /// Filter by kind.
        kind: Option<OutboxKind>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        Instant::parse("2026-03-01T10:00:00Z").expect("an instant")
    }

    #[test]
    fn a_failing_job_backs_off_until_it_is_given_up_and_can_be_retried() {
        let mut job = OutboxJob::new(OutboxKind::Translate, "{}".into(), now());
        let mut waits = Vec::new();
        while job.status != OutboxStatus::Dead {
            assert!(job.retried(now()).is_err());
            job.attempts += 1;
            let (least, most) = (job.failed("no", None, 0, now()), job.failed("no", None, 255, now()));
            assert!(least.run_at < most.run_at);
            waits.push((
                least.run_at.as_second() - now().as_second(),
                most.run_at.as_second() - now().as_second(),
            ));
            job = least;
        }
        assert_eq!(job.attempts, MOST_ATTEMPTS);
        assert_eq!(waits[..4], [(10, 20), (20, 40), (40, 80), (80, 160)]);
        assert_eq!(waits[13], (1800, 3600));
        let again = job.retried(now()).expect("dead");
        assert_eq!((again.status, again.attempts, again.run_at), (OutboxStatus::Pending, 0, now()));
    }

    #[test]
    fn a_requested_delay_is_honoured_up_to_the_maximum() {
        let job = OutboxJob { attempts: 1, ..OutboxJob::new(OutboxKind::Translate, "{}".into(), now()) };
        let waits = |asked| job.failed("no", Some(asked), 0, now()).run_at.as_second() - now().as_second();
        assert_eq!([waits(5), waits(77), waits(1_000_000), waits(-5)], [10, 77, 3600, 10]);
    }
}
