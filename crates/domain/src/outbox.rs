//! Background jobs: work that a transaction leaves in the outbox, retried until it succeeds or is
//! given up.

use serde::Serialize;

use crate::{
    ids::OutboxId,
    input::{AnyOf, input, text_enum},
    message,
    message::Message,
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
    #[error("{}", self.message())]
    NotDead(OutboxStatus),
}

impl Rule for OutboxRule {
    fn code(&self) -> Code {
        Code::InvalidState
    }

    fn message(&self) -> Message {
        match self {
            Self::NotDead(status) => message!("the job is {status}, not dead", status),
        }
    }
}

input! {
    /// Filter of a list of background jobs, oldest first.
    pub struct OutboxFilter {
        /// Filter by status.
        status: AnyOf<OutboxStatus>,
        /// Filter by kind.
        kind: AnyOf<OutboxKind>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{changed_fields, fields, id, later, now};

    /// A running job after a number of attempts.
    fn running(attempts: i64) -> OutboxJob {
        OutboxJob {
            id: id(7),
            status: OutboxStatus::Running,
            attempts,
            worker: Some("worker 1".into()),
            lease_until: Some(now().plus_seconds(120)),
            error: Some("before".into()),
            ..OutboxJob::new(OutboxKind::Translate, "{}".into(), now())
        }
    }

    fn seconds_until_the_next_attempt(attempts: i64, wait: Option<i64>, chance: u8) -> i64 {
        running(attempts).failed("no", wait, chance, now()).run_at.as_second() - now().as_second()
    }

    #[test]
    fn a_job_is_due_at_once() {
        insta::assert_snapshot!(
            fields(&OutboxJob::new(OutboxKind::Translate, "{}".into(), now())).join("\n"), @r#"
        id: OutboxId(0)
        kind: Translate
        payload: "{}"
        status: Pending
        attempts: 0
        run_at: Instant(2026-03-01T07:00:00Z)
        worker: None
        lease_until: None
        error: None
        created_at: Instant(2026-03-01T07:00:00Z)
        "#
        );
        assert_eq!((OutboxKind::Translate.at_once(), OutboxKind::Translate.batch()), (2, 20));
    }

    #[test]
    fn a_failure_frees_the_job_until_the_last_attempt_gives_it_up() {
        let failed = |attempts| running(attempts).failed("no", None, 0, later());
        insta::assert_snapshot!(changed_fields(&running(13), &failed(13)), @r#"
        status: Pending
        run_at: Instant(2026-03-01T08:30:00Z)
        worker: None
        lease_until: None
        error: Some("no")
        "#);
        insta::assert_snapshot!(changed_fields(&running(14), &failed(14)), @r#"
        status: Dead
        run_at: Instant(2026-03-01T08:30:00Z)
        worker: None
        lease_until: None
        error: Some("no")
        "#);
        assert_eq!(failed(15).status, OutboxStatus::Dead);
        let long = running(1).failed(&"م".repeat(501), None, 0, later()).error.expect("an error");
        assert_eq!(long, "م".repeat(500));
    }

    #[test]
    fn the_delay_doubles_up_to_an_hour_with_half_of_it_by_chance() {
        let waits = |attempts| {
            (
                seconds_until_the_next_attempt(attempts, None, 0),
                seconds_until_the_next_attempt(attempts, None, 255),
            )
        };
        assert_eq!([1, 2, 3, 4].map(waits), [(10, 20), (20, 40), (40, 80), (80, 160)]);
        assert_eq!([8, 9, 14, 100].map(waits), [(1280, 2560), (1800, 3600), (1800, 3600), (1800, 3600)]);
        assert_eq!(seconds_until_the_next_attempt(4, None, 51), 96, "a fifth of the half");
    }

    #[test]
    fn a_requested_delay_is_honoured_up_to_the_maximum() {
        let wait = |asked| seconds_until_the_next_attempt(1, Some(asked), 0);
        assert_eq!([-5, 9, 10, 11, 3600, 3601].map(wait), [10, 10, 10, 11, 3600, 3600]);
    }

    #[test]
    fn a_job_that_was_given_up_is_retried_from_the_beginning() {
        let dead = running(14).failed("no", None, 0, now());
        let again = dead.retried(later()).expect("dead");
        insta::assert_snapshot!(changed_fields(&dead, &again), @r"
        status: Pending
        attempts: 0
        run_at: Instant(2026-03-01T08:00:00Z)
        ");
        for status in [OutboxStatus::Pending, OutboxStatus::Running] {
            let rule = OutboxRule::NotDead(status);
            assert_eq!(OutboxJob { status, ..dead.clone() }.retried(now()), Err(rule));
            assert_eq!(rule.code(), Code::InvalidState);
        }
    }
}
