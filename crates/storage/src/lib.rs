#![doc = include_str!("../README.md")]

mod content;
mod key;
mod objects;
mod s3;
mod staging;
mod storage;
mod store;
mod thumbnails;

pub use content::Refusal;
pub use key::{Key, Place};
pub use objects::{Local, Objects};
pub use s3::{S3, S3Settings};
pub use staging::{Incoming, Staged, Staging, UploadError};
pub use storage::Storage;
pub use store::{Entry, FileStore, Opened, StoreError};
pub use thumbnails::{NoThumbnail, Size};

/// Leaves the threads that answer requests, for work on disks and images. A lost task is a store that can't be used.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the door of this crate: http's doors lead to the database"
    )]
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Unavailable(error.to_string()))
}
