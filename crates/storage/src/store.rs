//! The interface of a store of bytes.

use std::{fmt, ops::Range};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use inspection_domain::time::Instant;

use crate::{error::StoreError, key::Key, staging::Staged};

/// An open object, or a range of one.
pub struct Opened {
    /// Bytes of the whole object.
    pub size: u64,
    /// Range of bytes in the stream.
    pub range: Range<u64>,
    /// The bytes of the range.
    pub pieces: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("size", &self.size).field("range", &self.range).finish_non_exhaustive()
    }
}

/// Metadata of an object in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Key.
    pub key: Key,
    /// Bytes.
    pub size: u64,
    /// Time of the last write, unless it is outside the supported range.
    pub modified: Option<Instant>,
}

/// A store of bytes. Writes are atomic: an object is complete or absent.
#[async_trait]
pub trait FileStore: fmt::Debug + Send + Sync {
    /// Stores a staged file under a key and replaces an existing object. The object is durable on
    /// `Ok`.
    async fn put(&self, key: &Key, staged: Staged) -> Result<(), StoreError>;

    /// Opens an object, or a range of it. The range is not empty and within the object.
    async fn open(&self, key: &Key, range: Option<Range<u64>>) -> Result<Opened, StoreError>;

    /// Returns the bytes of an object, or `None` if it is absent.
    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError>;

    /// Removes an object. An absent object is no error.
    async fn remove(&self, key: &Key) -> Result<(), StoreError>;

    /// Lists all objects in no particular order.
    fn list(&self) -> BoxStream<'static, Result<StoredObject, StoreError>>;
}
