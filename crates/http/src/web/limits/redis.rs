//! Token buckets on Redis, shared by all instances.

use std::{
    fmt::{self, Write},
    net::IpAddr,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use deadpool_redis::{
    Connection, Manager, Pool, PoolError,
    redis::{AsyncConnectionConfig, IntoConnectionInfo, RedisError, Script, aio::MultiplexedConnection},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    breaker::CircuitBreaker,
    limit::{Limit, LimitDecision},
};

/// The GCRA step for one client. Redis runs scripts atomically.
static GCRA: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("gcra.lua")));

/// Whether the text is a valid Redis URL.
pub fn is_redis_url(text: &str) -> bool {
    text.into_connection_info().is_ok()
}

/// The reason why Redis did not count a request.
#[derive(Debug, thiserror::Error)]
enum RedisFailure {
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    #[error("{0}")]
    NotConnected(#[from] PoolError),
    #[error("{0}")]
    Failed(#[from] RedisError),
    #[error("the URL is invalid")]
    InvalidUrl,
    #[error("the answer is malformed")]
    Malformed,
}

/// Token buckets on a Redis server, behind a circuit breaker.
pub(super) struct RedisCounter {
    /// Opens connections; `None` if the URL is invalid.
    pool: Option<Pool>,
    /// The connection in use. It is multiplexed, so that no request waits for a free connection or
    /// for a liveness check.
    connection: Mutex<Option<MultiplexedConnection>>,
    timeout: Duration,
    breaker: CircuitBreaker,
}

impl fmt::Debug for RedisCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCounter").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}

impl RedisCounter {
    /// Buckets on this server, with a time limit for each check. Connects on first use.
    pub(super) fn new(url: &SecretString, timeout: Duration) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout));
        let manager = Manager::new_with_config(url.expose_secret(), config).ok();
        let pool = manager.and_then(|manager| Pool::builder(manager).build().ok());
        Self { pool, connection: Mutex::new(None), timeout, breaker: CircuitBreaker::new() }
    }

    /// Whether Redis answered the last check.
    pub(super) fn is_up(&self) -> bool {
        self.breaker.is_closed()
    }

    /// Takes a token from the overall bucket and, if granted, from that of the endpoint, in one
    /// round trip. `None` if Redis does not answer; the circuit breaker then skips most checks
    /// until it answers again.
    pub(super) async fn check(&self, client: IpAddr, own: Option<Limit>) -> Option<LimitDecision> {
        if !self.breaker.allows() {
            return None;
        }
        let decision = tokio::time::timeout(self.timeout, self.run(client, own)).await;
        match decision.unwrap_or(Err(RedisFailure::TimedOut(self.timeout))) {
            Ok(decision) => {
                if self.breaker.succeeded() {
                    tracing::info!("Redis answers again: rate limits are shared by all instances");
                }
                Some(decision)
            }
            Err(error) => {
                self.set_connection(None);
                if self.breaker.failed() {
                    tracing::warn!(%error, "Redis is unreachable: each instance counts its own rate limits");
                }
                None
            }
        }
    }

    async fn run(&self, client: IpAddr, own: Option<Limit>) -> Result<LimitDecision, RedisFailure> {
        let known = self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(mut connection) = known {
            // The connection may predate a restart of the server.
            match take(&mut connection, client, own).await {
                Err(RedisFailure::Failed(error)) if error.is_unrecoverable_error() => {}
                decision => return decision,
            }
        }
        let pool = self.pool.as_ref().ok_or(RedisFailure::InvalidUrl)?;
        let mut connection = Connection::take(pool.get().await?);
        let decision = take(&mut connection, client, own).await;
        self.set_connection(Some(connection));
        decision
    }

    fn set_connection(&self, connection: Option<MultiplexedConnection>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

async fn take(
    connection: &mut MultiplexedConnection,
    client: IpAddr,
    own: Option<Limit>,
) -> Result<LimitDecision, RedisFailure> {
    let mut script = GCRA.prepare_invoke();
    let mut key = String::with_capacity(64);
    for limit in [Some(Limit::Overall), own].into_iter().flatten() {
        key.clear();
        // The hash tag in braces maps both keys to one cluster slot. Writing to a string cannot
        // fail.
        let _ = write!(key, "inspection:limit:{{{client}}}:{}", limit.name());
        script.key(key.as_str()).arg(limit.capacity());
    }
    let (last, remaining, wait): (u8, u32, u64) = script.invoke_async(connection).await?;
    let limit = match (last, own) {
        (1, _) => Limit::Overall,
        (2, Some(own)) => own,
        _ => return Err(RedisFailure::Malformed),
    };
    Ok(LimitDecision { limit, remaining, wait: (wait > 0).then_some(wait) })
}
