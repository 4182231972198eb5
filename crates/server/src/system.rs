//! The clock and the random numbers of the operating system. Tests inject their own.

use inspection_domain::{
    ids::Ids,
    time::{Clock, Instant},
};

/// The system clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is injected everywhere else")]
    fn now(&self) -> Instant {
        Instant::new(jiff::Timestamp::now())
    }
}

/// Ids and random bytes of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "these are the ids that are injected everywhere else")]
    fn unique(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }

    #[expect(clippy::expect_used, reason = "without random bytes no password, salt or token is safe")]
    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system provides random bytes");
        bytes
    }
}
