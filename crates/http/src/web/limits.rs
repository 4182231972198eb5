//! Rate limits: for each user at an address, or for the address of requests without a token; and
//! for attempts at passwords. Counted on Redis, for all instances together, if it is configured and
//! answers; otherwise in memory.

mod attempts;
mod breaker;
mod client;
mod limit;
mod memory;
mod ping;
mod redis;

use std::{collections::HashMap, net::IpAddr, num::NonZeroU32, sync::Arc};

use actix_web::{dev::ServiceRequest, http::Method};
use inspection_domain::{ids::UserId, time::Instant};

use self::{attempts::MemoryAttempts, client::Client, memory::MemoryCounter, redis::RedisCounter};
use super::{forwarded::Forwarded, problem::Problem, settings::Settings};

pub(crate) use self::{
    client::network,
    limit::{Limit, LimitDecision},
};
pub use self::{ping::ping_redis, redis::is_redis_url};

/// Name and requests for each minute of every limit.
pub(crate) fn table() -> Vec<(&'static str, u32)> {
    Limit::ALL.iter().map(|limit| (limit.name(), limit.capacity())).collect()
}

#[derive(Debug)]
struct Counters {
    memory: MemoryCounter,
    attempts: MemoryAttempts,
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
        let own = self.0.get(&(request.method().clone(), request.match_info().as_str())).copied();
        // The account is in the body: the handler counts.
        own.filter(|limit| *limit != Limit::Login)
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
            Arc::new(Counters { memory: MemoryCounter::new(), attempts: MemoryAttempts::default(), redis })
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
        if let Some(counters) = &self.0
            && counters.memory.evict_idle_clients(now)
        {
            counters.attempts.evict(now);
        }
    }

    /// Takes a token from the overall bucket of the client and, if granted, from that of the
    /// endpoint, which the worker's [`EndpointLimits`] name. The client is the user whose token the
    /// request carries, at its address, or the address. `None` if the limits are switched off.
    pub(crate) async fn check(
        &self,
        request: &ServiceRequest,
        user: Option<UserId>,
    ) -> Result<Option<LimitDecision>, Problem> {
        let Some(counters) = &self.0 else { return Ok(None) };
        let client = Client::of(network(Forwarded::of(request.request())?.client), user);
        let own = request.app_data::<EndpointLimits>().and_then(|limits| limits.of(request));
        let shared = match (&counters.redis, own) {
            (Some(redis), Some(own)) => redis.check(&client, &[Limit::Overall, own]).await,
            (Some(redis), None) => redis.check(&client, &[Limit::Overall]).await,
            (None, _) => None,
        };
        Ok(Some(shared.unwrap_or_else(|| counters.memory.check(&client, own))))
    }

    /// Takes tokens for the items of a batch from the bucket of a user at an address. `None` if the
    /// limits are switched off.
    pub(crate) async fn spend(
        &self,
        limit: Limit,
        (address, user): (IpAddr, Option<UserId>),
        items: NonZeroU32,
    ) -> Option<LimitDecision> {
        let counters = self.0.as_ref()?;
        let client = Client::of(network(address), user);
        let shared = match &counters.redis {
            Some(redis) => redis.take_all(&client, &[limit], items).await,
            None => None,
        };
        Some(shared.unwrap_or_else(|| counters.memory.take_all(limit, &client, items)))
    }

    /// Counts an attempt at the password of an account from an address, which fails unless
    /// [`succeed`](Self::succeed) is called. Returns its number since the last success, and the
    /// decision.
    pub(crate) async fn begin_attempt(
        &self,
        account: &str,
        address: IpAddr,
        now: Instant,
    ) -> (u32, Option<LimitDecision>) {
        let Some(counters) = &self.0 else { return (0, None) };
        let network = network(address);
        let client = Client::at_account(network, account);
        let shared = match &counters.redis {
            Some(redis) => redis.check(&client, &[Limit::Login]).await,
            None => None,
        };
        let decision = shared.unwrap_or_else(|| counters.memory.take(Limit::Login, &client));
        if decision.is_refusal() {
            return (0, Some(decision));
        }
        let shared = match &counters.redis {
            Some(redis) => redis.begin_attempt(account, network).await,
            None => None,
        };
        match shared.unwrap_or_else(|| counters.attempts.begin(account, network, now)) {
            Ok(number) => (number, Some(decision)),
            Err(delay) => (0, Some(LimitDecision::delayed(delay))),
        }
    }

    /// Records that the last attempt at the password of an account has succeeded.
    pub(crate) async fn succeed(&self, account: &str, address: IpAddr, now: Instant) {
        let Some(counters) = &self.0 else { return };
        let network = network(address);
        if let Some(redis) = &counters.redis {
            redis.succeed(account, network).await;
        }
        counters.attempts.succeed(account, network, now);
    }
}
