//! Clock, ids and random choices of the simulation, all deterministic.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use fastrand::Rng;
use inspection_domain::{
    ids::Ids,
    time::{Clock, Instant},
};

use crate::error::{Error, Result};

const MINUTE: i64 = 60;

/// The clock of the simulation.
pub(crate) struct SimulatedClock(AtomicI64);

impl SimulatedClock {
    pub(crate) fn at(at: Instant) -> Self {
        Self(AtomicI64::new(at.as_millisecond()))
    }

    pub(crate) fn set(&self, at: Instant) {
        self.0.store(at.as_millisecond(), Ordering::Relaxed);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Instant {
        let at = Instant::from_millisecond(self.0.load(Ordering::Relaxed));
        // The number came from an instant.
        at.unwrap_or_else(|| Instant::new(jiff::Timestamp::UNIX_EPOCH))
    }
}

/// Sequential ids. No secret depends on them: the only password is public.
#[derive(Default)]
pub(crate) struct SequentialIds(AtomicU64);

impl Ids for SequentialIds {
    fn unique(&self) -> String {
        format!("story-{:08}", self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn random(&self) -> [u8; 16] {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed)).to_be_bytes()
    }
}

/// A random duration in seconds between two others, in whole minutes.
pub(crate) fn duration(rng: &mut Rng, from: i64, to: i64) -> i64 {
    from + rng.i64(0..=((to - from) / MINUTE).max(0)) * MINUTE
}

/// A random element.
pub(crate) fn pick<'a, T>(rng: &mut Rng, list: &'a [T]) -> Result<&'a T> {
    rng.choice(list).ok_or(Error::Missing("element to choose from"))
}
