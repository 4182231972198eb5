//! Settings of the API, taken from the configuration.

use std::{fmt, sync::Arc, time::Duration};

use secrecy::SecretString;

/// Settings of the API, taken from the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Allowed CORS origins; `*` stands for any.
    pub cors_origins: Vec<String>,
    /// Networks of proxies whose `X-Forwarded-*` headers are trusted.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// The address of the service for its clients, if it is configured: such as
    /// `https://example.com/inspection`, without a trailing slash. Links carry its path.
    pub app_url: Option<String>,
    /// Addresses for reports of vulnerabilities, in the order of preference. Without one, there is
    /// no `security.txt`.
    pub security_contacts: Vec<String>,
    /// Enables rate limits.
    pub rate_limits: bool,
    /// Redis that counts requests for all instances together; without it, each instance counts its
    /// own.
    pub redis_url: Option<SecretString>,
    /// Time limit for one rate-limit check on Redis; on expiry a circuit breaker falls back to
    /// memory.
    pub redis_timeout: Duration,
    /// Bearer token for `/metrics`; without it, only local clients may read them.
    pub metrics_token: Option<SecretString>,
    /// Additional gauges for `/metrics`. Gauges of one name must be adjacent.
    pub extra_metrics: Vec<ExtraMetric>,
    /// The listening socket survives this process, so that new connections wait for its successor.
    pub socket_outlives: bool,
    /// Redirects plain HTTP requests from a trusted proxy to HTTPS.
    pub https_redirect: bool,
    /// Maximum size of one uploaded file and of a JSON body, in bytes.
    pub max_content_length: usize,
    /// Maximum age of the cached site-wide numbers on admin dashboards.
    pub dashboard_age: Duration,
    /// Time limit for one request.
    pub request_timeout: Duration,
    /// Time after which a connection ends whose client reads nothing.
    pub write_timeout: Duration,
    /// Interval of heartbeats and session checks on open event streams.
    pub heartbeat: Duration,
}

/// A gauge that `/metrics` exports besides those of the service itself, such as free disk space.
#[derive(Clone)]
pub struct ExtraMetric {
    /// Name of the metric.
    pub name: &'static str,
    /// Description, including the unit.
    pub help: &'static str,
    /// Label name and value.
    pub label: Option<(&'static str, &'static str)>,
    /// Reads the current value; `None` if it is not available. May block.
    pub read: Arc<dyn Fn() -> Option<f64> + Send + Sync>,
}

impl fmt::Debug for ExtraMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtraMetric")
            .field("name", &self.name)
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}
