//! How many requests a client may make: per address, behind trusted proxies the forwarded one. Counted on Redis, for all
//! instances together, if there is one and it answers, else in memory.

mod breaker;
mod client;
mod memory;
mod redis;

use std::{collections::BTreeMap, net::IpAddr};

use actix_governor::KeyExtractor;
use actix_web::{
    Error, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    },
    middleware::Next,
};
use inspection_domain::time::Instant;

use self::{client::ClientAddress, memory::Memory, redis::Redis};
use crate::{
    app::{App, Settings},
    problem::Problem,
};

pub(crate) use self::client::{client_address, forwarded_scheme};
pub use self::redis::is_redis_url;

/// A limit is a bucket for each client: so many requests at once, whose places come back evenly over a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// All requests.
    Overall,
    /// Signing in.
    Login,
    /// Refreshing a token.
    Refresh,
    /// Making jobs for engineers.
    EngineerJobs,
    /// Giving bonus stars.
    Bonuses,
    /// Asking for bonus stars.
    BonusRequests,
    /// Uploading a file.
    Upload,
    /// Uploading several files at once.
    UploadMultiple,
}

impl Limit {
    const ALL: [Self; 8] = [
        Self::Overall,
        Self::Login,
        Self::Refresh,
        Self::EngineerJobs,
        Self::Bonuses,
        Self::BonusRequests,
        Self::Upload,
        Self::UploadMultiple,
    ];

    /// Its name in metrics and on Redis.
    const fn name(self) -> &'static str {
        match self {
            Self::Overall => "overall",
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::EngineerJobs => "engineer_jobs",
            Self::Bonuses => "bonuses",
            Self::BonusRequests => "bonus_requests",
            Self::Upload => "upload",
            Self::UploadMultiple => "upload_multiple",
        }
    }

    /// Requests at once, and in a minute.
    const fn places(self) -> u32 {
        match self {
            Self::Overall => 200,
            Self::Login | Self::UploadMultiple => 5,
            Self::Refresh | Self::Upload => 10,
            Self::EngineerJobs | Self::Bonuses | Self::BonusRequests => 20,
        }
    }
}

/// Every limit: its name, and how many requests a minute a client has.
pub(crate) fn table() -> Vec<(&'static str, u32)> {
    Limit::ALL.iter().map(|limit| (limit.name(), limit.places())).collect()
}

/// What a limit says about a request.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    /// The last one that was asked: that of the endpoint, unless that of all requests has refused already.
    limit: Limit,
    /// Places that are left.
    remaining: u32,
    /// Seconds until there is a place, if there was none.
    wait: Option<u64>,
}

impl Verdict {
    /// Tells the client where it stands.
    fn tell(self, headers: &mut HeaderMap) {
        let places = self.limit.places();
        // Used places come back one by one, all of them within a minute.
        let full = (60 * places.saturating_sub(self.remaining)).div_ceil(places);
        let reset = self.wait.unwrap_or(full.into());
        for (name, value) in [
            ("ratelimit-limit", HeaderValue::from(places)),
            ("ratelimit-remaining", self.remaining.into()),
            ("ratelimit-reset", reset.into()),
        ] {
            headers.insert(HeaderName::from_static(name), value);
        }
        if let Some(wait) = self.wait {
            headers.insert(RETRY_AFTER, wait.into());
        }
    }
}

/// The state of the limits, shared by all workers.
#[derive(Debug)]
pub(crate) struct Limits {
    clients: ClientAddress,
    /// Paths to which a client may send things only so often, in addition to all requests together.
    own: BTreeMap<&'static str, Limit>,
    memory: Memory,
    redis: Option<Redis>,
}

impl Limits {
    pub(crate) fn new(settings: &Settings, own: BTreeMap<&'static str, Limit>) -> Self {
        let clients = ClientAddress(settings.trusted_proxies.clone());
        let redis = settings.redis_url.as_ref().map(|url| Redis::new(url, settings.redis_timeout));
        Self { memory: Memory::new(&clients), clients, own, redis }
    }

    /// Whether the limits that instances share can be counted; nothing if each counts its own.
    pub(crate) fn shared_ones_work(&self) -> Option<bool> {
        self.redis.as_ref().map(Redis::is_up)
    }

    /// Forgets clients whose places in memory have all come back, at most once a minute.
    pub(crate) fn tidy(&self, now: Instant) {
        self.memory.tidy(now);
    }

    /// The limit of the endpoint. What is limited by itself is done, not looked at under the same path.
    fn own(&self, request: &ServiceRequest) -> Option<Limit> {
        // The path as endpoints are found by it: signs that needn't be escaped aren't.
        (request.method() == Method::POST).then(|| self.own.get(request.match_info().as_str()).copied())?
    }

    async fn ask(&self, client: IpAddr, own: Option<Limit>) -> Verdict {
        let shared = match &self.redis {
            Some(redis) => redis.ask(client, own).await,
            None => None,
        };
        shared.unwrap_or_else(|| self.memory.ask(client, own))
    }
}

/// Refuses requests of clients that have made too many.
pub(crate) async fn enforce(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let app = request.app_data::<App>().cloned().ok_or_else(|| Problem::internal("no app"))?;
    let Some(limits) = app.limits() else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let client = limits.clients.extract(&request)?;
    let verdict = limits.ask(client, limits.own(&request)).await;
    let mut response = if verdict.wait.is_some() {
        app.metrics().rate_limited(verdict.limit.name());
        request.into_response(Problem::rate_limited().error_response()).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    verdict.tell(response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests {
    #[test]
    fn endpoints_with_a_limit_of_their_own_have_one_path_each() {
        let limited = crate::routes().limited();
        assert_eq!(limited.len(), 7);
        assert!(limited.keys().all(|path| !path.contains('{')), "{limited:?}");
    }
}
