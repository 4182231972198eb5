//! Token buckets on Redis, shared by all instances.

use std::{
    fmt,
    net::IpAddr,
    num::NonZeroU32,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use deadpool_redis::{
    Connection, Manager, Pool, PoolError,
    redis::{AsyncConnectionConfig, IntoConnectionInfo, RedisError, Script, aio::MultiplexedConnection},
};
use inspection_domain::sessions::attempts::{
    ADDRESS_FAILURES, Delay, FIRST_DELAY, FORGOTTEN_AFTER, FREE_FAILURES, HOURLY_ATTEMPTS, LONGEST_DELAY,
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    breaker::CircuitBreaker,
    client::Client,
    limit::{Limit, LimitDecision},
};

/// The GCRA step for one client. Redis runs scripts atomically.
static GCRA: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("gcra.lua")));

/// Counts attempts at passwords.
static ATTEMPTS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("attempts.lua")));

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

    /// Takes a token from each bucket in turn, until one is empty, in one round trip. `None` if
    /// Redis doesn't answer; the circuit breaker then skips most questions until it answers again.
    pub(super) async fn check(&self, client: &Client, limits: &[Limit]) -> Option<LimitDecision> {
        self.take_all(client, limits, NonZeroU32::MIN).await
    }

    /// Takes several tokens from each bucket in turn, until one has fewer, in one round trip.
    pub(super) async fn take_all(
        &self,
        client: &Client,
        limits: &[Limit],
        tokens: NonZeroU32,
    ) -> Option<LimitDecision> {
        self.ask(async |mut connection| take(&mut connection, client, limits, tokens).await).await
    }

    /// Counts an attempt at a password. Returns its number since the last success.
    pub(super) async fn begin_attempt(&self, account: &str, address: IpAddr) -> Option<Result<u32, Delay>> {
        self.ask(async |mut connection| match attempt(&mut connection, "begin", account, address).await? {
            (0, number) => Ok(Ok(u32::try_from(number).map_err(|_| RedisFailure::Malformed)?)),
            (1, wait) => Ok(Err(Delay::Address(wait))),
            (2, wait) => Ok(Err(Delay::Account(wait))),
            _ => Err(RedisFailure::Malformed),
        })
        .await
    }

    /// Records that the last attempt has succeeded.
    pub(super) async fn succeed(&self, account: &str, address: IpAddr) -> Option<()> {
        self.ask(async |mut connection| {
            attempt(&mut connection, "succeed", account, address).await.map(|_| ())
        })
        .await
    }

    /// Asks Redis behind the circuit breaker.
    async fn ask<T>(
        &self,
        question: impl AsyncFn(MultiplexedConnection) -> Result<T, RedisFailure>,
    ) -> Option<T> {
        if !self.breaker.allows() {
            return None;
        }
        let answer = tokio::time::timeout(self.timeout, self.run(question)).await;
        match answer.unwrap_or(Err(RedisFailure::TimedOut(self.timeout))) {
            Ok(answer) => {
                if self.breaker.succeeded() {
                    tracing::info!("Redis answers again: rate limits are shared by all instances");
                }
                Some(answer)
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

    async fn run<T>(
        &self,
        question: impl AsyncFn(MultiplexedConnection) -> Result<T, RedisFailure>,
    ) -> Result<T, RedisFailure> {
        let known = self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(connection) = known {
            // The connection may predate a restart of the server.
            match question(connection).await {
                Err(RedisFailure::Failed(error)) if error.is_unrecoverable_error() => {}
                answer => return answer,
            }
        }
        let pool = self.pool.as_ref().ok_or(RedisFailure::InvalidUrl)?;
        let connection = Connection::take(pool.get().await?);
        let answer = question(connection.clone()).await;
        self.set_connection(Some(connection));
        answer
    }

    fn set_connection(&self, connection: Option<MultiplexedConnection>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

async fn take(
    connection: &mut MultiplexedConnection,
    client: &Client,
    limits: &[Limit],
    tokens: NonZeroU32,
) -> Result<LimitDecision, RedisFailure> {
    let mut script = GCRA.prepare_invoke();
    script.arg(tokens.get());
    for limit in limits {
        // The hash tag in braces maps all keys to one cluster slot.
        script.key(format!("inspection:limit:{{{client}}}:{}", limit.name())).arg(limit.capacity());
    }
    let (last, remaining, wait): (usize, u32, u64) = script.invoke_async(connection).await?;
    let limit = last.checked_sub(1).and_then(|place| limits.get(place)).ok_or(RedisFailure::Malformed)?;
    Ok(LimitDecision::new(*limit, remaining, (wait > 0).then_some(wait)))
}

async fn attempt(
    connection: &mut MultiplexedConnection,
    step: &str,
    account: &str,
    address: IpAddr,
) -> Result<(u8, i64), RedisFailure> {
    let mut script = ATTEMPTS.prepare_invoke();
    // One hash tag maps both keys to one cluster slot.
    script.key(format!("inspection:{{attempts}}:account:{account}"));
    script.key(format!("inspection:{{attempts}}:address:{address}"));
    script.arg(step).arg(FREE_FAILURES).arg(1000 * FIRST_DELAY).arg(1000 * LONGEST_DELAY);
    script.arg(HOURLY_ATTEMPTS).arg(ADDRESS_FAILURES).arg(1000 * FORGOTTEN_AFTER);
    Ok(script.invoke_async(connection).await?)
}
