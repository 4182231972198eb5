//! The limits and the outcome of checking them.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use inspection_domain::sessions::attempts::{ADDRESS_FAILURES, Delay, FREE_FAILURES};

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $limit:ident: $name:literal, $capacity:literal;)+) => {
        /// A rate limit: a token bucket for each client, refilled evenly over one minute.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Limit {
            $($(#[doc = $doc])+ $limit,)+
        }

        impl Limit {
            pub(super) const ALL: [Self; [$($name),+].len()] = [$(Self::$limit),+];

            /// Name in metrics and in Redis keys.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$limit => $name,)+
                }
            }

            /// Burst size, and requests for each minute.
            pub(super) const fn capacity(self) -> u32 {
                match self {
                    $(Self::$limit => $capacity,)+
                }
            }
        }
    };
}

// The only list of limits: name, and requests for each minute.
limits! {
    /// All requests.
    Overall: "overall", 200;
    /// Entering the password of one account: signing in, and changing the password.
    Login: "login", 5;
    /// Refreshing an access token.
    Refresh: "refresh", 10;
    /// Creating engineer jobs.
    EngineerJobs: "engineer_jobs", 20;
    /// Awarding bonus stars.
    Bonuses: "bonuses", 20;
    /// Requesting bonus stars.
    BonusRequests: "bonus_requests", 20;
    /// Uploading a file.
    Upload: "upload", 10;
    /// Uploading several files at once.
    UploadMultiple: "upload_multiple", 5;
    /// Items of offline work, counted one by one.
    SyncItems: "sync_items", 2000;
}

/// The outcome of a rate-limit check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LimitDecision {
    /// Name of the deciding limit: that of the endpoint, unless the overall limit has refused
    /// already.
    pub(crate) name: &'static str,
    /// Its capacity.
    capacity: u32,
    /// Remaining tokens.
    remaining: u32,
    /// Seconds until the next token, if the request is refused.
    wait: Option<u64>,
}

impl LimitDecision {
    /// The outcome of taking a token: the remaining ones, and the seconds until the next one if
    /// there was none.
    pub(super) const fn new(limit: Limit, remaining: u32, wait: Option<u64>) -> Self {
        Self { name: limit.name(), capacity: limit.capacity(), remaining, wait }
    }

    /// The refusal of an attempt at a password.
    pub(super) fn delayed(delay: Delay) -> Self {
        let (name, capacity, wait) = match delay {
            Delay::Address(wait) => ("address_failures", ADDRESS_FAILURES, wait),
            Delay::Account(wait) => ("account_failures", FREE_FAILURES, wait),
        };
        Self { name, capacity, remaining: 0, wait: Some(wait.unsigned_abs()) }
    }

    /// Whether the request must be refused.
    pub(crate) fn is_refusal(self) -> bool {
        self.wait.is_some()
    }

    /// Adds the `RateLimit-*` and `Retry-After` headers to the response.
    pub(crate) fn add_headers(self, headers: &mut HeaderMap) {
        // Seconds until the bucket is full.
        let full = (60 * self.capacity.saturating_sub(self.remaining)).div_ceil(self.capacity);
        let reset = self.wait.unwrap_or(full.into());
        for (name, value) in [
            ("ratelimit-limit", HeaderValue::from(self.capacity)),
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
