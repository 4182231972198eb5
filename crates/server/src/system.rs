//! Time and randomness of the system, for a program that runs; tests bring their own.

use inspection_domain::{
    ids::Ids,
    time::{Clock, Instant},
};

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is injected everywhere else")]
    fn now(&self) -> Instant {
        Instant::new(jiff::Timestamp::now())
    }
}

/// The system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "these are the ids that are injected everywhere else")]
    fn unique(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }

    #[expect(
        clippy::expect_used,
        reason = "without randomness no password, salt or token would be safe to make"
    )]
    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_ids_are_in_order_and_random_bytes_differ() {
        assert!(SystemIds.unique() < SystemIds.unique());
        assert_ne!(SystemIds.random(), SystemIds.random());
    }

    #[test]
    fn time_does_not_go_backwards() {
        let before = SystemClock.now();
        assert!(SystemClock.now() >= before);
    }
}
