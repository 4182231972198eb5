//! The limits and the outcome of checking them.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

/// A rate limit: a token bucket for each client, refilled evenly over one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// All requests.
    Overall,
    /// Signing in.
    Login,
    /// Refreshing an access token.
    Refresh,
    /// Creating engineer jobs.
    EngineerJobs,
    /// Awarding bonus stars.
    Bonuses,
    /// Requesting bonus stars.
    BonusRequests,
    /// Uploading a file.
    Upload,
    /// Uploading several files at once.
    UploadMultiple,
}

impl Limit {
    pub(super) const ALL: [Self; 8] = [
        Self::Overall,
        Self::Login,
        Self::Refresh,
        Self::EngineerJobs,
        Self::Bonuses,
        Self::BonusRequests,
        Self::Upload,
        Self::UploadMultiple,
    ];

    /// Name in metrics and in Redis keys.
    pub(crate) const fn name(self) -> &'static str {
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

    /// Burst size, and requests for each minute.
    pub(super) const fn capacity(self) -> u32 {
        match self {
            Self::Overall => 200,
            Self::Login | Self::UploadMultiple => 5,
            Self::Refresh | Self::Upload => 10,
            Self::EngineerJobs | Self::Bonuses | Self::BonusRequests => 20,
        }
    }
}

/// The outcome of a rate-limit check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LimitDecision {
    /// The deciding limit: that of the endpoint, unless the overall limit has refused already.
    pub(crate) limit: Limit,
    /// Remaining tokens.
    pub(super) remaining: u32,
    /// Seconds until the next token, if the request is refused.
    pub(super) wait: Option<u64>,
}

impl LimitDecision {
    /// Whether the request must be refused.
    pub(crate) fn is_refusal(self) -> bool {
        self.wait.is_some()
    }

    /// Adds the `RateLimit-*` and `Retry-After` headers to the response.
    pub(crate) fn add_headers(self, headers: &mut HeaderMap) {
        let capacity = self.limit.capacity();
        // Seconds until the bucket is full.
        let full = (60 * capacity.saturating_sub(self.remaining)).div_ceil(capacity);
        let reset = self.wait.unwrap_or(full.into());
        for (name, value) in [
            ("ratelimit-limit", HeaderValue::from(capacity)),
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
