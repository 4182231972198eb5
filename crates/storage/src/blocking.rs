//! Disk and image work on the blocking thread pool.

use crate::error::StoreError;

/// Runs blocking work off the async threads. A panic of the work is [`StoreError::Unavailable`].
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the only entry of this crate to the blocking thread pool; that of http belongs to the database"
    )]
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Unavailable(error.to_string()))
}
