//! Work that outlives a request: jobs that a change leaves behind, done in the background until they succeed or are given up.

use serde::Serialize;

use crate::{
    ids::OutboxId,
    input::{input, text_enum},
    rule::{Code, Rule},
    time::Instant,
};

text_enum! {
    /// What is to be done.
    pub enum OutboxKind {
        /// A text into the other language (§13).
        Translate = "translate",
    }
}

impl OutboxKind {
    /// How many batches an instance works on at once.
    pub const fn at_once(self) -> usize {
        match self {
            Self::Translate => 2,
        }
    }

    /// How many jobs a batch may have.
    pub const fn batch(self) -> u32 {
        match self {
            Self::Translate => 20,
        }
    }
}

text_enum! {
    /// How far a job is.
    pub enum OutboxStatus {
        /// To be done, from a time on.
        Pending = "pending",
        /// Under way; if its worker has died, another one takes it when the lease has run out.
        Running = "running",
        /// Given up; the error says why. An admin may have it tried again.
        Dead = "dead",
    }
}

/// A job in the outbox. It is gone when it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::outbox, treat_none_as_default_value = false)
)]
pub struct OutboxJob {
    /// Number; later ones are about later changes.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: OutboxId,
    /// What is to be done.
    pub kind: OutboxKind,
    /// With what, as a JSON document.
    #[serde(skip)]
    pub payload: String,
    /// How far it is.
    pub status: OutboxStatus,
    /// How often it was begun.
    pub attempts: i64,
    /// From when on it is to be done.
    pub run_at: Instant,
    /// Who works on it.
    pub worker: Option<String>,
    /// Until when the worker has it for itself.
    pub lease_until: Option<Instant>,
    /// What went wrong the last time.
    pub error: Option<String>,
    /// When the change was made that left it behind.
    pub created_at: Instant,
}

crate::shows!(OutboxJob {});

/// Seconds for which a worker has a job for itself.
pub const LEASE: i64 = 120;

/// How often a job is begun before it is given up: about six hours after the first time.
pub const MOST_ATTEMPTS: i64 = 14;

/// Seconds to wait at the most.
const LONGEST: i64 = 3_600;

impl OutboxJob {
    /// A job that a change leaves behind.
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

    /// The job after an attempt that has failed: tried again after a while that doubles from attempt to attempt, up to an hour,
    /// half of it by chance, so that what failed together doesn't come back together; or given up. `chance` is any number,
    /// `wait` what the other side asked for, in seconds.
    #[must_use]
    pub fn failed(&self, error: &str, wait: Option<i64>, chance: u8, now: Instant) -> Self {
        let doubled = 10_i64 << self.attempts.clamp(0, 10);
        let longest = doubled.min(LONGEST);
        let wait =
            (longest / 2 + longest * i64::from(chance) / 510).max(wait.unwrap_or_default().min(LONGEST));
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

    /// The job tried again from the start, because an admin wants it.
    pub fn retried(&self, now: Instant) -> Result<Self, OutboxRule> {
        if self.status != OutboxStatus::Dead {
            return Err(OutboxRule::NotDead(self.status));
        }
        Ok(Self { status: OutboxStatus::Pending, attempts: 0, run_at: now, ..self.clone() })
    }
}

/// Why a job isn't tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboxRule {
    /// Only what was given up is.
    #[error("the job is {0}, not given up")]
    NotDead(OutboxStatus),
}

impl Rule for OutboxRule {
    fn code(&self) -> Code {
        Code::InvalidState
    }
}

input! {
    /// Which jobs of the outbox, the oldest first.
    pub struct OutboxFilter {
        /// That are this far.
        status: Option<OutboxStatus>,
        /// Of this kind.
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
    fn a_failed_job_waits_longer_each_time_until_it_is_given_up_and_can_be_had_back() {
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
    fn a_job_waits_as_long_as_the_other_side_asks_but_not_for_ever() {
        let job = OutboxJob { attempts: 1, ..OutboxJob::new(OutboxKind::Translate, "{}".into(), now()) };
        let waits = |asked| job.failed("no", Some(asked), 0, now()).run_at.as_second() - now().as_second();
        assert_eq!([waits(5), waits(77), waits(1_000_000), waits(-5)], [10, 77, 3600, 10]);
    }
}
