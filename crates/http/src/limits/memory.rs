//! Limits that this process counts in its own memory.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicI64, Ordering},
};

use actix_governor::{
    GovernorConfig, GovernorConfigBuilder,
    governor::{clock::Clock, middleware::StateInformationMiddleware},
};
use inspection_domain::time::Instant;

use super::{Limit, Verdict, client::ClientAddress};

type Config = GovernorConfig<ClientAddress, StateInformationMiddleware>;

/// The buckets of all limits, for each client.
#[derive(Debug)]
pub(super) struct Memory {
    buckets: [Config; Limit::ALL.len()],
    /// The minute in which it was last tidied up.
    tidied: AtomicI64,
}

impl Memory {
    pub(super) fn new(clients: &ClientAddress) -> Self {
        let bucket = |limit: Limit| {
            let places = limit.places();
            let mut config = GovernorConfigBuilder::default().key_extractor(clients.clone());
            let mut config = config.requests_per_minute(places.into()).burst_size(places).use_headers();
            // Only a count of 0 is refused.
            config.finish().unwrap_or_else(|| unreachable!("{places} requests a minute are a limit"))
        };
        Self { buckets: Limit::ALL.map(bucket), tidied: AtomicI64::default() }
    }

    /// Takes a place in the bucket of all requests, and, if there was one, in that of the endpoint.
    pub(super) fn ask(&self, client: IpAddr, own: Option<Limit>) -> Verdict {
        let overall = self.take(Limit::Overall, client);
        match own {
            Some(own) if overall.wait.is_none() => self.take(own, client),
            _ => overall,
        }
    }

    fn take(&self, limit: Limit, client: IpAddr) -> Verdict {
        let bucket = Limit::ALL.iter().zip(&self.buckets).find(|(of, _)| **of == limit);
        let Some((_, bucket)) = bucket else { unreachable!("every limit has a bucket") };
        let limiter = bucket.limiter();
        match limiter.check_key(&client) {
            Ok(state) => Verdict { limit, remaining: state.remaining_burst_capacity(), wait: None },
            Err(refused) => {
                let wait = refused.wait_time_from(limiter.clock().now());
                // A client that waits for the whole seconds only would be early.
                Verdict { limit, remaining: 0, wait: Some(wait.as_secs() + 1) }
            }
        }
    }

    /// Forgets clients whose places have all come back, at most once a minute.
    pub(super) fn tidy(&self, now: Instant) {
        let (minute, last) = (now.as_second() / 60, self.tidied.load(Ordering::Relaxed));
        let mine = self.tidied.compare_exchange(last, minute, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if minute != last && mine {
            for bucket in &self.buckets {
                bucket.limiter().retain_recent();
                bucket.limiter().shrink_to_fit();
            }
        }
    }
}
