//! Keeps requests away from a Redis that doesn't answer.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// How long nobody asks again after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a failure is told while it lasts.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// Whether Redis answers, as far as is known, and when to try again if it doesn't.
#[derive(Debug)]
pub(super) struct Breaker {
    origin: Instant,
    /// When somebody may try again, in milliseconds since `origin`; 0 while it answers.
    retry: AtomicU64,
    /// When the next failure may be told, likewise.
    tell: AtomicU64,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), retry: AtomicU64::new(0), tell: AtomicU64::new(0) }
    }

    /// Milliseconds since `origin`, and never 0.
    fn after(&self, time: Duration) -> u64 {
        u64::try_from((self.origin.elapsed() + time).as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// Whether it answered when it was last asked.
    pub(super) fn is_closed(&self) -> bool {
        self.retry.load(Ordering::Relaxed) == 0
    }

    /// Whether to ask. After a failure that is one request a second; the others don't wait for it.
    pub(super) fn admits(&self) -> bool {
        let retry = self.retry.load(Ordering::Relaxed);
        let won =
            || self.retry.compare_exchange(retry, self.after(PAUSE), Ordering::Relaxed, Ordering::Relaxed);
        retry == 0 || (self.after(Duration::ZERO) >= retry && won().is_ok())
    }

    /// It didn't answer. Whether that is to be told.
    pub(super) fn failed(&self) -> bool {
        self.retry.store(self.after(PAUSE), Ordering::Relaxed);
        let tell = self.tell.load(Ordering::Relaxed);
        let next = || self.after(TOLD_EVERY);
        self.after(Duration::ZERO) >= tell
            && self.tell.compare_exchange(tell, next(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// It answered. Whether it hadn't before.
    pub(super) fn succeeded(&self) -> bool {
        // Mostly there is nothing to change, and nothing that other threads would have to look at again.
        !self.is_closed() && self.retry.swap(0, Ordering::Relaxed) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::Breaker;

    #[test]
    fn after_a_failure_nobody_asks_until_the_pause_is_over_and_then_one() {
        let breaker = Breaker::new();
        assert!(breaker.is_closed() && breaker.admits() && breaker.admits());
        assert!(breaker.failed(), "the first failure is told");
        assert!(!breaker.failed(), "the next one isn't");
        assert!(!breaker.is_closed() && !breaker.admits());
        std::thread::sleep(super::PAUSE + std::time::Duration::from_millis(10));
        let admitted = (0..100).filter(|_| breaker.admits()).count();
        assert!((1..100).contains(&admitted), "{admitted}");
        assert!(breaker.succeeded(), "the return is told");
        assert!(!breaker.succeeded(), "once");
        assert!(breaker.is_closed() && breaker.admits() && breaker.admits());
    }
}
