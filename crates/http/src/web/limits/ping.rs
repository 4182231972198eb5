//! A connectivity check of Redis, for the deployment checks.

use std::time::Duration;

use deadpool_redis::{Config, Runtime, redis};
use secrecy::{ExposeSecret, SecretString};

/// Time limit for connecting and answering.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends `PING` to Redis. Blocks. Errors do not contain the URL, which may hold a password.
pub fn ping_redis(url: &SecretString) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let pool = Config::from_url(url.expose_secret()).create_pool(Some(Runtime::Tokio1));
        let pool = pool.map_err(|_| "the URL is invalid".to_owned())?;
        let asking = async {
            let mut connection = pool.get().await.map_err(|_| "no connection".to_owned())?;
            let answer: Result<String, redis::RedisError> =
                redis::cmd("PING").query_async(&mut connection).await;
            answer.map_err(|error| error.code().unwrap_or("no answer").to_owned())
        };
        let answer = tokio::time::timeout(PING_TIMEOUT, asking)
            .await
            .map_err(|_| "no answer in time".to_owned())??;
        if answer == "PONG" { Ok(()) } else { Err("the answer is malformed".into()) }
    })
}
