//! Limits that all instances count together, on Redis.

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

use super::{Limit, Verdict, breaker::Breaker};

/// One step of the algorithm for one client; atomic, as all scripts of Redis are.
static GCRA: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("gcra.lua")));

/// Whether this can be the address of a Redis.
pub fn is_redis_url(text: &str) -> bool {
    text.into_connection_info().is_ok()
}

/// Why a request wasn't counted on Redis.
#[derive(Debug, thiserror::Error)]
enum Outage {
    #[error("it didn't answer within {0:?}")]
    Late(Duration),
    #[error("{0}")]
    NotConnected(#[from] PoolError),
    #[error("{0}")]
    Failed(#[from] RedisError),
    #[error("its address can't be understood")]
    NoAddress,
    #[error("it answered something else than was asked")]
    Odd,
}

/// Buckets on a server of Redis, as long as that answers.
pub(super) struct Redis {
    /// Makes connections; nothing if the address can't be understood.
    pool: Option<Pool>,
    /// The one in use. Many requests can be under way on it, so that nobody waits for a free one, and none is tried before
    /// it is used.
    connection: Mutex<Option<MultiplexedConnection>>,
    patience: Duration,
    breaker: Breaker,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}

impl Redis {
    /// Buckets on the server at this address, which has this long to answer. Nothing is connected yet.
    pub(super) fn new(url: &SecretString, patience: Duration) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience));
        let manager = Manager::new_with_config(url.expose_secret(), config).ok();
        let pool = manager.and_then(|manager| Pool::builder(manager).build().ok());
        Self { pool, connection: Mutex::new(None), patience, breaker: Breaker::new() }
    }

    /// Whether it answered when it was last asked.
    pub(super) fn is_up(&self) -> bool {
        self.breaker.is_closed()
    }

    /// Takes a place in the bucket of all requests, and, if there was one, in that of the endpoint. Nothing if Redis doesn't
    /// answer; after that, hardly anybody waits for it until it does again.
    pub(super) async fn ask(&self, client: IpAddr, own: Option<Limit>) -> Option<Verdict> {
        if !self.breaker.admits() {
            return None;
        }
        let asked = tokio::time::timeout(self.patience, self.run(client, own)).await;
        match asked.unwrap_or(Err(Outage::Late(self.patience))) {
            Ok(verdict) => {
                if self.breaker.succeeded() {
                    tracing::info!("Redis answers again: limits are counted for all instances together");
                }
                Some(verdict)
            }
            Err(error) => {
                self.keep(None);
                if self.breaker.failed() {
                    tracing::warn!(%error, "Redis can't be used: each instance counts its own limits");
                }
                None
            }
        }
    }

    async fn run(&self, client: IpAddr, own: Option<Limit>) -> Result<Verdict, Outage> {
        let known = self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(mut connection) = known {
            // It may be one from before the server was started anew.
            match take(&mut connection, client, own).await {
                Err(Outage::Failed(error)) if error.is_unrecoverable_error() => {}
                asked => return asked,
            }
        }
        let pool = self.pool.as_ref().ok_or(Outage::NoAddress)?;
        let mut connection = Connection::take(pool.get().await?);
        let asked = take(&mut connection, client, own).await;
        self.keep(Some(connection));
        asked
    }

    fn keep(&self, connection: Option<MultiplexedConnection>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

async fn take(
    connection: &mut MultiplexedConnection,
    client: IpAddr,
    own: Option<Limit>,
) -> Result<Verdict, Outage> {
    let mut script = GCRA.prepare_invoke();
    let mut key = String::with_capacity(64);
    for limit in [Some(Limit::Overall), own].into_iter().flatten() {
        key.clear();
        // In braces, so that a cluster keeps both keys in one place. Text takes whatever is written to it.
        let _ = write!(key, "inspection:limit:{{{client}}}:{}", limit.name());
        script.key(key.as_str()).arg(limit.places());
    }
    let (last, remaining, wait): (u8, u32, u64) = script.invoke_async(connection).await?;
    let limit = match (last, own) {
        (1, _) => Limit::Overall,
        (2, Some(own)) => own,
        _ => return Err(Outage::Odd),
    };
    Ok(Verdict { limit, remaining, wait: (wait > 0).then_some(wait) })
}
