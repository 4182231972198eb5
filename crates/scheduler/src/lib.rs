#![doc = include_str!("../README.md")]

mod background;
mod feed;
pub mod files;
pub mod outbox;
pub mod tasks;
pub mod translations;
pub mod translator;

pub use background::{Background, Parts, all_tasks};

/// Leaves the threads that drive the background, for work that blocks.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the door of the background, as App::read is of requests"
    )]
    let done = tokio::task::spawn_blocking(work).await;
    done.inspect_err(|error| tracing::error!(%error, "background work ended abruptly")).ok()
}
