//! Token buckets in the memory of this process.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicI64, Ordering},
};

use actix_governor::{
    GovernorConfig, GovernorConfigBuilder,
    governor::{clock::Clock, middleware::StateInformationMiddleware},
};
use inspection_domain::time::Instant;

use super::{
    client::{Client, ClientKey},
    limit::{Limit, LimitDecision},
};

type Config = GovernorConfig<ClientKey, StateInformationMiddleware>;

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
            let mut config = GovernorConfigBuilder::default().key_extractor(ClientKey);
            let mut config = config.requests_per_minute(capacity.into()).burst_size(capacity).use_headers();
            // Fails for a count of 0 only.
            config.finish().unwrap_or_else(|| unreachable!("{capacity} requests a minute are a valid limit"))
        };
        Self { buckets: Limit::ALL.map(bucket), evicted: AtomicI64::default() }
    }

    /// Takes a token from the overall bucket and, if granted, from that of the endpoint.
    pub(super) fn check(&self, client: &Client, own: Option<Limit>) -> LimitDecision {
        let overall = self.take(Limit::Overall, client);
        match own {
            Some(own) if !overall.is_refusal() => self.take(own, client),
            _ => overall,
        }
    }

    /// Takes a token from one bucket.
    pub(super) fn take(&self, limit: Limit, client: &Client) -> LimitDecision {
        self.take_all(limit, client, NonZeroU32::MIN)
    }

    /// Takes several tokens from one bucket, or none.
    pub(super) fn take_all(&self, limit: Limit, client: &Client, tokens: NonZeroU32) -> LimitDecision {
        let bucket = Limit::ALL.iter().zip(&self.buckets).find(|(of, _)| **of == limit);
        let Some((_, bucket)) = bucket else { unreachable!("every limit has a bucket") };
        let limiter = bucket.limiter();
        match limiter.check_key_n(client, tokens) {
            Ok(Ok(state)) => LimitDecision::new(limit, state.remaining_burst_capacity(), None),
            // More than the bucket ever has.
            Err(_) => LimitDecision::new(limit, 0, Some(60)),
            Ok(Err(refused)) => {
                let wait = refused.wait_time_from(limiter.clock().now());
                // Rounds up: waiting for the whole seconds only would be too early.
                LimitDecision::new(limit, 0, Some(wait.as_secs() + 1))
            }
        }
    }

    /// Forgets clients whose capacity have all come back, at most once a minute. Returns whether it
    /// did.
    pub(super) fn evict_idle_clients(&self, now: Instant) -> bool {
        let (minute, last) = (now.as_second() / 60, self.evicted.load(Ordering::Relaxed));
        let mine = self.evicted.compare_exchange(last, minute, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        let evicts = minute != last && mine;
        if evicts {
            for bucket in &self.buckets {
                bucket.limiter().retain_recent();
                bucket.limiter().shrink_to_fit();
            }
        }
        evicts
    }
}
