//! How many requests a client may make: per address, behind trusted proxies the forwarded one.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use actix_governor::{
    Governor, GovernorConfig, GovernorConfigBuilder, KeyExtractor,
    governor::{NotUntil, clock::QuantaInstant, middleware::StateInformationMiddleware},
};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError,
    dev::ServiceRequest,
    http::Method,
    http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    middleware::Condition,
};
use inspection_domain::time::Instant;
use ipnet::IpNet;

use crate::{
    app::{App, Settings},
    problem::Problem,
};

/// An endpoint's own limit, beside that of all requests. Each is a bucket: so many requests at once, whose places come back
/// evenly over a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Signing in: 5 a minute.
    Login,
    /// Refreshing a token: 10 a minute.
    Refresh,
    /// Making jobs for engineers: 20 a minute.
    EngineerJobs,
    /// Giving bonus stars: 20 a minute.
    Bonuses,
    /// Asking for bonus stars: 20 a minute.
    BonusRequests,
    /// Uploading a file: 10 a minute.
    Upload,
    /// Uploading several files at once: 5 a minute.
    UploadMultiple,
}

/// Every limit: its name, and how many requests a minute a client has.
pub(crate) const TABLE: &[(&str, u32)] = &[
    ("overall", 200),
    ("login", 5),
    ("refresh", 10),
    ("engineer_jobs", 20),
    ("bonuses", 20),
    ("bonus_requests", 20),
    ("upload", 10),
    ("upload_multiple", 5),
];

type Config = GovernorConfig<ClientAddress, StateInformationMiddleware>;

/// The state of the limits, shared by all workers.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    overall: Config,
    login: Config,
    refresh: Config,
    engineer_jobs: Config,
    bonuses: Config,
    bonus_requests: Config,
    upload: Config,
    upload_multiple: Config,
    /// The minute in which it was last tidied up.
    tidied: Arc<AtomicI64>,
}

impl Limits {
    pub(crate) fn new(settings: &Settings) -> Self {
        let limit = |count: u32, methods: Option<Vec<Method>>| {
            let mut config = GovernorConfigBuilder::default()
                .key_extractor(ClientAddress(settings.trusted_proxies.clone()));
            let mut config = config.requests_per_minute(count.into()).burst_size(count).use_headers();
            if let Some(methods) = methods {
                config.methods(methods);
            }
            // Only a count of 0 is refused.
            config.finish().unwrap_or_else(|| unreachable!("{count} requests a minute are a limit"))
        };
        // What is limited by itself is done, not looked at under the same path.
        let per_minute = |count| limit(count, Some(vec![Method::POST]));
        Self {
            overall: limit(200, None),
            login: per_minute(5),
            refresh: per_minute(10),
            engineer_jobs: per_minute(20),
            bonuses: per_minute(20),
            bonus_requests: per_minute(20),
            upload: per_minute(10),
            upload_multiple: per_minute(5),
            tidied: Arc::default(),
        }
    }

    /// Forgets clients whose places have all come back, at most once a minute.
    pub(crate) fn tidy(&self, now: Instant) {
        let (minute, last) = (now.as_second() / 60, self.tidied.load(Ordering::Relaxed));
        let mine = self.tidied.compare_exchange(last, minute, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if minute != last && mine {
            for config in [
                &self.overall,
                &self.login,
                &self.refresh,
                &self.engineer_jobs,
                &self.bonuses,
                &self.bonus_requests,
                &self.upload,
                &self.upload_multiple,
            ] {
                config.limiter().retain_recent();
                config.limiter().shrink_to_fit();
            }
        }
    }

    pub(crate) fn of(&self, limit: Limit) -> &Config {
        match limit {
            Limit::Login => &self.login,
            Limit::Refresh => &self.refresh,
            Limit::EngineerJobs => &self.engineer_jobs,
            Limit::Bonuses => &self.bonuses,
            Limit::BonusRequests => &self.bonus_requests,
            Limit::Upload => &self.upload,
            Limit::UploadMultiple => &self.upload_multiple,
        }
    }
}

/// The limit of all requests of a client.
pub(crate) fn overall(app: &App) -> Condition<Governor<ClientAddress, StateInformationMiddleware>> {
    let unused;
    let config = if let Some(limits) = app.limits() {
        &limits.overall
    } else {
        unused = Limits::new(app.settings()).overall;
        &unused
    };
    Condition::new(app.limits().is_some(), Governor::new(config))
}

/// Tells clients apart by their address, IPv6 by its /64.
#[derive(Debug, Clone)]
pub(crate) struct ClientAddress(Vec<IpNet>);

impl KeyExtractor for ClientAddress {
    type Key = IpAddr;
    type KeyExtractionError = Problem;

    fn extract(&self, request: &ServiceRequest) -> Result<IpAddr, Problem> {
        Ok(network(client_address(request.request(), &self.0)))
    }

    fn exceed_rate_limit_response(
        &self,
        _: &NotUntil<QuantaInstant>,
        mut response: HttpResponseBuilder,
    ) -> HttpResponse {
        let problem = Problem::rate_limited().error_response();
        let waiting = response.finish();
        let mut answer = problem;
        for (name, value) in waiting.headers() {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
        // Sent as a fraction cut off: a client that waits exactly that long would be early.
        let seconds = waiting.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.unwrap_or(0) + 1));
        answer
    }
}

/// One household or machine has a whole /64 of IPv6 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        },
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The address of the client: that of the peer, or, if the peer is a trusted proxy, the last one it was forwarded
/// for that isn't a trusted proxy itself.
pub(crate) fn client_address(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let forwarded: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    last_untrusted(peer, &forwarded, trusted)
}

fn last_untrusted(peer: IpAddr, forwarded: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted =
        |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    let mut client = peer;
    for hop in forwarded.iter().rev() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        if !is_trusted(client) {
            break;
        }
        client = address;
    }
    client.to_canonical()
}

/// The scheme that a request came with to the last trusted proxy, if it says.
pub(crate) fn forwarded_scheme<'a>(request: &'a HttpRequest, trusted: &[IpNet]) -> Option<&'a str> {
    let peer = request.peer_addr()?.ip().to_canonical();
    if !trusted.iter().any(|network| network.contains(&peer)) {
        return None;
    }
    let schemes = request.headers().get("x-forwarded-proto")?.to_str().ok()?;
    schemes.rsplit(',').next().map(str::trim)
}

const NAMES: [(&str, &str); 2] =
    [("x-ratelimit-limit", "ratelimit-limit"), ("x-ratelimit-remaining", "ratelimit-remaining")];

/// Gives the headers of a limit their standard names. Whichever limit is named first stays: an endpoint's own is
/// the one that matters.
pub(crate) fn standard_headers(headers: &mut HeaderMap) {
    let number =
        |headers: &HeaderMap, name: &str| -> Option<u64> { headers.get(name)?.to_str().ok()?.parse().ok() };
    if !headers.contains_key("ratelimit-limit") {
        for (theirs, standard) in NAMES {
            if let Some(value) = headers.get(theirs).cloned() {
                headers.insert(HeaderName::from_static(standard), value);
            }
        }
        if let (Some(limit), Some(remaining)) =
            (number(headers, "ratelimit-limit"), number(headers, "ratelimit-remaining"))
        {
            // Used places come back one by one, all of them within a minute.
            let full = (60 * limit.saturating_sub(remaining)).div_ceil(limit.max(1));
            let reset = number(headers, "retry-after").unwrap_or(full);
            headers.insert(HeaderName::from_static("ratelimit-reset"), HeaderValue::from(reset));
        }
    }
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-after"] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_are_believed_of_trusted_proxies_only() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("network")];
        let of = |peer: &str, hops: &[&str]| {
            last_untrusted(peer.parse().expect("address"), hops, &trusted).to_string()
        };
        assert_eq!(of("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "the peer is nobody we trust");
        assert_eq!(of("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            of("10.0.0.1", &["1.2.3.4", " 198.51.100.7 "]),
            "198.51.100.7",
            "the client made the first up"
        );
        assert_eq!(of("10.0.0.1", &["198.51.100.7", "10.9.9.9"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["rubbish"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let network = |text: &str| network(text.parse().expect("address")).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
