//! Token buckets in the memory of this process.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicI64, Ordering},
};

use actix_governor::{
    GovernorConfig, GovernorConfigBuilder,
    governor::{clock::Clock, middleware::StateInformationMiddleware},
};
use inspection_domain::time::Instant;

use super::{
    client::ClientAddress,
    limit::{Limit, LimitDecision},
};

type Config = GovernorConfig<ClientAddress, StateInformationMiddleware>;

/// The buckets of all limits and clients.
#[derive(Debug)]
pub(super) struct MemoryCounter {
    buckets: [Config; Limit::ALL.len()],
    /// The minute of the last eviction.
    evicted: AtomicI64,
}

impl MemoryCounter {
    pub(super) fn new() -> Self {
        let bucket = |limit: Limit| {
            let capacity = limit.capacity();
            let mut config = GovernorConfigBuilder::default().key_extractor(ClientAddress);
            let mut config = config.requests_per_minute(capacity.into()).burst_size(capacity).use_headers();
            // Fails for a count of 0 only.
            config.finish().unwrap_or_else(|| unreachable!("{capacity} requests a minute are a valid limit"))
        };
        Self { buckets: Limit::ALL.map(bucket), evicted: AtomicI64::default() }
    }

    /// Takes a token from the overall bucket and, if granted, from that of the endpoint.
    pub(super) fn check(&self, client: IpAddr, own: Option<Limit>) -> LimitDecision {
        let overall = self.take(Limit::Overall, client);
        match own {
            Some(own) if overall.wait.is_none() => self.take(own, client),
            _ => overall,
        }
    }

    fn take(&self, limit: Limit, client: IpAddr) -> LimitDecision {
        let bucket = Limit::ALL.iter().zip(&self.buckets).find(|(of, _)| **of == limit);
        let Some((_, bucket)) = bucket else { unreachable!("every limit has a bucket") };
        let limiter = bucket.limiter();
        match limiter.check_key(&client) {
            Ok(state) => LimitDecision { limit, remaining: state.remaining_burst_capacity(), wait: None },
            Err(refused) => {
                let wait = refused.wait_time_from(limiter.clock().now());
                // Rounds up: waiting for the whole seconds only would be too early.
                LimitDecision { limit, remaining: 0, wait: Some(wait.as_secs() + 1) }
            }
        }
    }

    /// Forgets clients whose capacity have all come back, at most once a minute.
    pub(super) fn evict_idle_clients(&self, now: Instant) {
        let (minute, last) = (now.as_second() / 60, self.evicted.load(Ordering::Relaxed));
        let mine = self.evicted.compare_exchange(last, minute, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if minute != last && mine {
            for bucket in &self.buckets {
                bucket.limiter().retain_recent();
                bucket.limiter().shrink_to_fit();
            }
        }
    }
}
