//! Time and ids under the control of a test.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use inspection_domain::{
    ids::Ids,
    retention::Retention,
    time::{Clock, Instant, SiteTimeZone},
};
use inspection_persistence::Context;

/// Start of a fixed clock: a Monday morning.
pub const START: &str = "2026-03-02T08:00:00Z";

/// A clock that only a test moves.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock at [`START`].
    pub fn new() -> Self {
        Self(AtomicI64::new(instant(START).as_millisecond()))
    }

    /// Sets the clock to an instant such as `2026-03-02T08:00:00Z`.
    pub fn set(&self, to: &str) {
        self.0.store(instant(to).as_millisecond(), Ordering::SeqCst);
    }

    /// Moves the clock forward, or back by a negative number.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Default for FixedClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Instant {
        Instant::from_millisecond(self.0.load(Ordering::SeqCst)).expect("an instant on the calendar")
    }
}

/// The instant of a text such as `2026-03-02T08:00:00Z`.
pub fn instant(text: &str) -> Instant {
    Instant::parse(text).unwrap_or_else(|| panic!("{text:?} is not an instant"))
}

/// Ids that count up: unique, ordered, the same in every run.
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl SequentialIds {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl Ids for SequentialIds {
    /// In the format of a UUID, version 7.
    fn unique(&self) -> String {
        format!("00000000-0000-7000-8000-{:012x}", self.next())
    }

    fn random(&self) -> [u8; 16] {
        u128::from(self.next()).to_be_bytes()
    }
}

/// A context in UTC, and its clock.
pub fn context() -> (Context, Arc<FixedClock>) {
    context_in("UTC")
}

/// A context in an IANA time zone such as `Asia/Riyadh`, and its clock.
pub fn context_in(zone: &str) -> (Context, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::new());
    let calendar = SiteTimeZone::new(zone).unwrap_or_else(|| panic!("{zone:?} is not a time zone"));
    let context = Context {
        clock: Arc::<FixedClock>::clone(&clock),
        ids: Arc::new(SequentialIds::default()),
        calendar,
        translates: false,
        retention: Retention::default(),
    };
    (context, clock)
}
