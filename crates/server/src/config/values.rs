//! The types of variables, and their parsers.

use std::{fmt, num::NonZeroU32, path::PathBuf, time::Duration};

use inspection_domain::{input::Invalid, rule::Rule, time::SiteTimeZone, users::Email};
use inspection_operations::addresses::{encrypted_or_local, http_address};
use inspection_storage::Bucket;
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use tracing::level_filters::LevelFilter;

/// A value that is parsed from the text of a variable. The error completes a sentence that starts
/// with the name of the variable. It never contains the text, which may be a misplaced secret.
pub(super) trait Value: Sized {
    /// Parses the text.
    fn parse(text: &str) -> Result<Self, String>;

    /// The value of an unset variable.
    fn unset() -> Result<Self, String> {
        Err("is required".into())
    }
}

impl<T: Value> Value for Option<T> {
    fn parse(text: &str) -> Result<Self, String> {
        T::parse(text).map(Some)
    }

    fn unset() -> Result<Self, String> {
        Ok(None)
    }
}

/// The messages of invalid input, without field names.
pub(super) fn message(wrong: &Invalid) -> String {
    wrong.fields().into_iter().map(|field| field.message.to_string()).collect::<Vec<_>>().join(", ")
}

pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// An enum of case-insensitive words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $( $(#[$vmeta])* $variant, )+ }

        impl $name {
            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl Value for $name {
            fn parse(text: &str) -> Result<Self, String> {
                match text.to_ascii_lowercase().as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("must be one of: {}", [$($word),+].join(", "))),
                }
            }
        }
    };
}

words! {
    /// The purpose of the process; selects the defaults.
    Profile {
        /// A developer's machine.
        Development = "development",
        /// A deployment.
        Production = "production",
        /// Automated tests.
        Testing = "testing",
    }
}

words! {
    /// Log format.
    LogFormat {
        /// Text for people.
        Text = "text",
        /// One JSON object per line.
        Json = "json",
    }
}

/// Log level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLevel(
    /// The filter.
    pub LevelFilter,
);

impl Value for LogLevel {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(match text.to_ascii_lowercase().as_str() {
            "trace" => LevelFilter::TRACE,
            "debug" => LevelFilter::DEBUG,
            "info" => LevelFilter::INFO,
            "warn" | "warning" => LevelFilter::WARN,
            "error" | "critical" => LevelFilter::ERROR,
            "off" => LevelFilter::OFF,
            _ => return Err("must be one of: trace, debug, info, warning, error, critical, off".into()),
        }))
    }
}

/// Address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// Host name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Value for Bind {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "must be an address such as 127.0.0.1:5000".to_owned();
        // An IPv6 address contains colons, so that a port requires brackets: [::1]:5000.
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            _ => (text, 5000),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        match host {
            "" => Ok(Self { host: "0.0.0.0".into(), port }),
            host if host.chars().all(fine) => Ok(Self { host: host.into(), port }),
            _ => Err(wrong()),
        }
    }
}

/// Address of the database.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// The whole address, including the password.
    pub fn expose(&self) -> &SecretString {
        &self.0
    }

    /// Whether the database is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        !self.0.expose_secret().starts_with("sqlite://")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(self.0.expose_secret()))
    }
}

impl Value for DatabaseUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let rest =
            ["sqlite://", "postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        if rest.is_none_or(str::is_empty) {
            return Err("must be sqlite://path or postgres://user:password@host/name".into());
        }
        Ok(Self(text.to_owned().into()))
    }
}

/// Counter of rate limits.
#[derive(Clone)]
pub enum RedisUrl {
    /// The memory of each instance.
    Memory,
    /// A Redis server; the address may contain a password.
    Server(SecretString),
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory://"),
            Self::Server(url) => f.write_str(&masked(url.expose_secret())),
        }
    }
}

impl Value for RedisUrl {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "memory://" {
            return Ok(Self::Memory);
        }
        let schemes = ["redis://", "rediss://", "redis+unix://", "unix://"];
        let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
        if rest.is_some_and(|rest| !rest.is_empty()) && inspection_http::is_redis_url(text) {
            return Ok(Self::Server(text.to_owned().into()));
        }
        Err("must be memory://, redis://:password@host:6379 or, with TLS, rediss://:password@host:6379"
            .into())
    }
}

/// Replacement of secrets in output.
pub(super) const MASK: &str = "********";

/// An address with its password masked.
pub(super) fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return MASK.to_owned() };
    let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let user = user.map(|user| match user.split_once(':') {
        Some((name, _)) => format!("{name}:{MASK}@"),
        None => format!("{user}@"),
    });
    let query = query.map(|query| {
        let parts = query.split('&').map(|part| match part.split_once('=') {
            Some((name, _)) if name.contains("pass") => format!("{name}={MASK}"),
            _ => part.to_owned(),
        });
        format!("?{}", parts.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{}{path}{}", user.unwrap_or_default(), query.unwrap_or_default())
}

/// Allowed origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins(
    /// The origins, or `*` alone.
    pub Vec<String>,
);

impl Origins {
    /// Any origin.
    pub fn any() -> Self {
        Self(vec!["*".into()])
    }

    /// Whether any origin is allowed.
    pub fn is_any(&self) -> bool {
        *self == Self::any()
    }
}

impl Value for Origins {
    fn parse(text: &str) -> Result<Self, String> {
        let origins: Vec<String> = list(text).map(str::to_owned).collect();
        if origins.iter().any(|origin| origin == "*") {
            return Ok(Self::any());
        }
        let fine = |origin: &String| {
            let host = ["https://", "http://"].iter().find_map(|scheme| origin.strip_prefix(scheme));
            host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', '@', '?', '#', ' ']))
        };
        match origins.iter().position(|origin| !fine(origin)) {
            Some(n) => Err(format!(
                "must be * or a list of origins such as https://app.example.com, without a path; number {} isn't one",
                n + 1
            )),
            None if origins.is_empty() => Err("must name an origin, or be *".into()),
            None => Ok(Self(origins)),
        }
    }
}

impl Value for Vec<IpNet> {
    fn parse(text: &str) -> Result<Self, String> {
        let net = |part: &str| part.parse().or_else(|_| part.parse::<std::net::IpAddr>().map(IpNet::from));
        list(text)
            .map(|part| net(part).map_err(|_| "must be addresses or ranges such as 10.0.0.0/8".to_owned()))
            .collect()
    }

    fn unset() -> Result<Self, String> {
        Ok(Self::new())
    }
}

/// Addresses for reports of vulnerabilities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityContacts(
    /// Such as `mailto:security@example.com`, in the order of preference.
    pub Vec<String>,
);

impl Value for SecurityContacts {
    fn parse(text: &str) -> Result<Self, String> {
        let contacts: Vec<String> = list(text).map(str::to_owned).collect();
        if contacts.iter().all(|contact| inspection_http::is_security_contact(contact)) {
            return Ok(Self(contacts));
        }
        Err("must be addresses such as mailto:security@example.com or https://example.com/report".into())
    }

    fn unset() -> Result<Self, String> {
        Ok(Self::default())
    }
}

/// A time zone and its name.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Name in the IANA database.
    pub name: String,
    /// The calendar of the site.
    pub site: SiteTimeZone,
}

impl Value for Zone {
    fn parse(text: &str) -> Result<Self, String> {
        let site = SiteTimeZone::new(text).ok_or("must be the name of a time zone such as Asia/Riyadh")?;
        Ok(Self { name: text.to_owned(), site })
    }
}

impl Value for Duration {
    /// Seconds, or an amount with units.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "must be seconds, or a time such as 30m, 8h or 7d".to_owned();
        let seconds = match text.parse::<u32>() {
            Ok(seconds) => i64::from(seconds),
            Err(_) => text
                .parse::<jiff::Span>()
                .and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()))
                .map_err(|_| wrong())?
                .as_secs(),
        };
        match u64::try_from(seconds) {
            // Ten years; a larger value is a typing error.
            Ok(seconds @ 1..=315_360_000) => Ok(Self::from_secs(seconds)),
            Ok(_) => Err("must be at least a second and at most ten years".into()),
            Err(_) => Err(wrong()),
        }
    }
}

impl Value for SecretString {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned().into())
    }
}

impl Value for Vec<SecretString> {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(list(text).map(SecretString::from).collect())
    }

    fn unset() -> Result<Self, String> {
        Ok(Self::new())
    }
}

impl Value for Email {
    fn parse(text: &str) -> Result<Self, String> {
        Self::new(text).map_err(|wrong| message(&wrong))
    }
}

impl Value for Bucket {
    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| "must be a bucket such as s3://bucket or s3://bucket/prefix".into())
    }
}

/// Address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(
    /// Such as `https://minio.example.com`.
    pub String,
);

impl Value for Endpoint {
    fn parse(text: &str) -> Result<Self, String> {
        let address = http_address(text).filter(|text| text.matches('/').count() == 2);
        let address = address.ok_or("must be an address such as https://minio.example.com")?;
        encrypted_or_local(address).map(Self)
    }
}

/// Address of an HTTP service, with the prefix of its paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(
    /// Such as `https://api.openai.com/v1`.
    pub String,
);

impl Value for BaseUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let address = http_address(text).ok_or("must be an address such as https://api.openai.com/v1")?;
        encrypted_or_local(address).map(Self)
    }
}

/// The address of the service for its clients, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppUrl(
    /// Such as `https://example.com/inspection`.
    pub String,
);

impl Value for AppUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let address = http_address(text).filter(|url| !url.contains("/../") && !url.ends_with("/.."));
        let is_plain = |url: &String| url.split_once("://").is_some_and(|(_, rest)| !rest.contains("//"));
        address
            .filter(is_plain)
            .map(Self)
            .ok_or_else(|| "must be an address such as https://example.com/inspection".into())
    }
}

impl Value for String {
    fn parse(text: &str) -> Result<Self, String> {
        if text.chars().all(|c| c.is_ascii_graphic()) {
            Ok(text.to_owned())
        } else {
            Err("must be one word of ASCII letters, digits and punctuation".into())
        }
    }
}

impl Value for PathBuf {
    fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(char::is_control) { Err("must be a path".into()) } else { Ok(text.into()) }
    }
}

impl Value for bool {
    fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err("must be true or false".into()),
        }
    }
}

macro_rules! numbers {
    ($($type:ty: $wrong:literal),+ $(,)?) => {$(
        impl Value for $type {
            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| $wrong.into())
            }
        }
    )+};
}

numbers! {
    u16: "must be a port, 0 to 65535",
    u32: "must be a whole number, 0 or more",
    NonZeroU32: "must be a whole number, 1 or more",
}
