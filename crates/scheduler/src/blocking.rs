//! Database work on the blocking thread pool.

/// Runs blocking work off the async threads. Logs a panic and returns `None`.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the only entry of this crate to the blocking thread pool, as App::read is for requests"
    )]
    let done = tokio::task::spawn_blocking(work).await;
    done.inspect_err(|error| tracing::error!(%error, "background work panicked")).ok()
}
