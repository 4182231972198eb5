//! What a store of bytes can do.

use std::{fmt, ops::Range};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use inspection_domain::time::Instant;

use crate::{Key, Staged};

/// Why a store didn't do what it was asked for. The causes are for logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is nothing under this key.
    #[error("nothing is stored under {0}")]
    Missing(Key),
    /// It can't be reached, refuses, is too slow, read-only or full.
    #[error("the store of files can't be used: {0}")]
    Unavailable(String),
}

/// Bytes that are being read.
pub struct Opened {
    /// Bytes of the whole object.
    pub size: u64,
    /// Which of them come.
    pub range: Range<u64>,
    /// They themselves, piece by piece.
    pub pieces: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("size", &self.size).field("range", &self.range).finish_non_exhaustive()
    }
}

/// An object in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub key: Key,
    /// Bytes.
    pub size: u64,
    /// When it was put there, if that is a time on the calendar.
    pub modified: Option<Instant>,
}

/// A place for bytes. An object is there whole or not at all, whatever happens in between.
#[async_trait]
pub trait FileStore: fmt::Debug + Send + Sync {
    /// Takes a staged file in under this key. When this is `Ok`, it is safely there.
    async fn keep(&self, key: &Key, staged: Staged) -> Result<(), StoreError>;

    /// Opens an object, or a part of it. A range is within the object, and not empty.
    async fn open(&self, key: &Key, range: Option<Range<u64>>) -> Result<Opened, StoreError>;

    /// Bytes of an object; none if it isn't there.
    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError>;

    /// Removes an object, if it is there.
    async fn remove(&self, key: &Key) -> Result<(), StoreError>;

    /// Everything there is, in no particular order.
    fn list(&self) -> BoxStream<'static, Result<Entry, StoreError>>;
}
