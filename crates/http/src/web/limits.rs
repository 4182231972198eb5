//! Rate limits for each client address. Counted on Redis, for all instances together, if it is
//! configured and answers; otherwise in memory.

mod breaker;
mod client;
mod limit;
mod memory;
mod ping;
mod redis;

use std::{collections::HashMap, sync::Arc};

use actix_governor::KeyExtractor;
use actix_web::{dev::ServiceRequest, http::Method};
use inspection_domain::time::Instant;

use self::{client::ClientAddress, memory::MemoryCounter, redis::RedisCounter};
use super::{problem::Problem, settings::Settings};

pub(crate) use self::limit::{Limit, LimitDecision};
pub use self::{ping::ping_redis, redis::is_redis_url};

/// Name and requests for each minute of every limit.
pub(crate) fn table() -> Vec<(&'static str, u32)> {
    Limit::ALL.iter().map(|limit| (limit.name(), limit.capacity())).collect()
}

#[derive(Debug)]
struct Counters {
    memory: MemoryCounter,
    redis: Option<RedisCounter>,
}

/// The rate limits of single endpoints, by method and path.
#[derive(Debug)]
pub(crate) struct EndpointLimits(HashMap<(Method, &'static str), Limit>);

impl FromIterator<((Method, &'static str), Limit)> for EndpointLimits {
    fn from_iter<I: IntoIterator<Item = ((Method, &'static str), Limit)>>(limits: I) -> Self {
        Self(limits.into_iter().collect())
    }
}

impl EndpointLimits {
    fn of(&self, request: &ServiceRequest) -> Option<Limit> {
        // The path as the router sees it, with unreserved characters unescaped.
        self.0.get(&(request.method().clone(), request.match_info().as_str())).copied()
    }
}

/// The rate limits of the service; possibly switched off. Clones share the counters.
#[derive(Debug, Clone)]
pub(crate) struct Limits(Option<Arc<Counters>>);

impl Limits {
    pub(crate) fn new(settings: &Settings) -> Self {
        let counters = || {
            let redis = settings.redis_url.as_ref();
            let redis = redis.map(|url| RedisCounter::new(url, settings.redis_timeout));
            Arc::new(Counters { memory: MemoryCounter::new(), redis })
        };
        Self(settings.rate_limits.then(counters))
    }

    /// Whether Redis answered the last check; `None` if each instance counts its own requests.
    pub(crate) fn is_redis_up(&self) -> Option<bool> {
        Some(self.0.as_ref()?.redis.as_ref()?.is_up())
    }

    /// The counter in use: `redis`, `memory`, `memory (redis unreachable)` or `off`.
    pub(crate) fn status(&self) -> &'static str {
        match (&self.0, self.is_redis_up()) {
            (None, _) => "off",
            (Some(_), None) => "memory",
            (Some(_), Some(true)) => "redis",
            (Some(_), Some(false)) => "memory (redis unreachable)",
        }
    }

    /// Evicts clients with full buckets from memory, at most once a minute.
    pub(crate) fn evict_idle_clients(&self, now: Instant) {
        if let Some(counters) = &self.0 {
            counters.memory.evict_idle_clients(now);
        }
    }

    /// Takes a token from the overall bucket of the client and, if granted, from that of the
    /// endpoint, which the worker's [`EndpointLimits`] name. `None` if the limits are switched off.
    pub(crate) async fn check(&self, request: &ServiceRequest) -> Result<Option<LimitDecision>, Problem> {
        let Some(counters) = &self.0 else { return Ok(None) };
        let client = ClientAddress.extract(request)?;
        let own = request.app_data::<EndpointLimits>().and_then(|limits| limits.of(request));
        let shared = match &counters.redis {
            Some(redis) => redis.check(client, own).await,
            None => None,
        };
        Ok(Some(shared.unwrap_or_else(|| counters.memory.check(client, own))))
    }
}
