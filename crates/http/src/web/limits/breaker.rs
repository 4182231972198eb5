//! A circuit breaker in front of Redis.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// How long the circuit stays open after a failure, before one request probes Redis again.
const OPEN_TIME: Duration = Duration::from_secs(1);

/// Minimum time between two log lines about failures.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// State of the circuit: closed while Redis answers, open after a failure.
#[derive(Debug)]
pub(super) struct CircuitBreaker {
    origin: Instant,
    /// Time of the next probe, in milliseconds since `origin`; 0 while the circuit is closed.
    retry_at: AtomicU64,
    /// Earliest time of the next log line about a failure, in the same unit.
    log_at: AtomicU64,
}

impl CircuitBreaker {
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), retry_at: AtomicU64::new(0), log_at: AtomicU64::new(0) }
    }

    /// Milliseconds from `origin` until `time` from now; never 0.
    fn after(&self, time: Duration) -> u64 {
        u64::try_from((self.origin.elapsed() + time).as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// Whether Redis answered the last request.
    pub(super) fn is_closed(&self) -> bool {
        self.retry_at.load(Ordering::Relaxed) == 0
    }

    /// Whether to ask Redis. While the circuit is open, one request for each [`OPEN_TIME`] probes
    /// it; the others do not wait for the probe.
    pub(super) fn allows(&self) -> bool {
        let retry_at = self.retry_at.load(Ordering::Relaxed);
        let won = || {
            self.retry_at.compare_exchange(
                retry_at,
                self.after(OPEN_TIME),
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
        };
        retry_at == 0 || (self.after(Duration::ZERO) >= retry_at && won().is_ok())
    }

    /// Records a failure and opens the circuit. Returns whether to log it.
    pub(super) fn failed(&self) -> bool {
        self.retry_at.store(self.after(OPEN_TIME), Ordering::Relaxed);
        let log_at = self.log_at.load(Ordering::Relaxed);
        let next = || self.after(LOG_INTERVAL);
        self.after(Duration::ZERO) >= log_at
            && self.log_at.compare_exchange(log_at, next(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Records a success and closes the circuit. Returns whether it was open.
    pub(super) fn succeeded(&self) -> bool {
        // The common case only reads, so that the cache line stays shared between cores.
        !self.is_closed() && self.retry_at.swap(0, Ordering::Relaxed) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::CircuitBreaker;

    #[test]
    fn an_open_circuit_allows_no_request_until_its_time_is_over_and_then_one() {
        let breaker = CircuitBreaker::new();
        assert!(breaker.is_closed() && breaker.allows() && breaker.allows());
        assert!(breaker.failed(), "the first failure is logged");
        assert!(!breaker.failed(), "the next one is not");
        assert!(!breaker.is_closed() && !breaker.allows());
        std::thread::sleep(super::OPEN_TIME + std::time::Duration::from_millis(10));
        let allowed = (0..100).filter(|_| breaker.allows()).count();
        assert!((1..100).contains(&allowed), "{allowed}");
        assert!(breaker.succeeded(), "the return is logged");
        assert!(!breaker.succeeded(), "once");
        assert!(breaker.is_closed() && breaker.allows() && breaker.allows());
    }
}
