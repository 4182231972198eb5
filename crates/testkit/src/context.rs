//! Time and ids that a test decides on.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use inspection_domain::{
    ids::Ids,
    time::{Clock, Instant, SiteTimeZone},
};
use inspection_persistence::Context;

/// When a fixed clock starts: a Monday morning.
pub const START: &str = "2026-03-02T08:00:00Z";

/// A clock that moves only when it is told to.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that stands at [`START`].
    pub fn new() -> Self {
        Self(AtomicI64::new(instant(START).as_millisecond()))
    }

    /// Sets the clock to an instant such as `2026-03-02T08:00:00Z`.
    pub fn set(&self, to: &str) {
        self.0.store(instant(to).as_millisecond(), Ordering::SeqCst);
    }

    /// Moves the clock on (or back, if negative).
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

/// Ids that count up: unique, in order, the same in every run. Nothing about them is random.
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl SequentialIds {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl Ids for SequentialIds {
    /// Of the form of a UUID, version 7.
    fn unique(&self) -> String {
        format!("00000000-0000-7000-8000-{:012x}", self.next())
    }

    fn random(&self) -> [u8; 16] {
        u128::from(self.next()).to_be_bytes()
    }
}

/// A world on Greenwich time, and its clock.
pub fn context() -> (Context, Arc<FixedClock>) {
    context_in("UTC")
}

/// A world at a site in an IANA time zone such as `Asia/Riyadh`, and its clock.
pub fn context_in(zone: &str) -> (Context, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::new());
    let calendar = SiteTimeZone::new(zone).unwrap_or_else(|| panic!("{zone:?} is not a time zone"));
    let context = Context {
        clock: Arc::<FixedClock>::clone(&clock),
        ids: Arc::new(SequentialIds::default()),
        calendar,
        translates: false,
    };
    (context, clock)
}
