//! Stores behind the interface of `object_store`: a folder, S3, memory.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    ops::Range,
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use inspection_domain::time::Instant;
use object_store::{
    Error, GetOptions, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, RenameOptions,
    local::LocalFileSystem, memory::InMemory, path::Path as ObjectPath,
};
use tokio::sync::Semaphore;

use crate::{
    Entry, FileStore, Key, Opened, Staged, StoreError, blocking,
    staging::{FOLDER, pieces_of},
};

/// Bytes of a part of an upload. S3 takes no smaller ones.
const PART: usize = 5 << 20;

/// Bytes of a file that are read at once.
const PIECE: u64 = 128 << 10;

/// Uploads to a remote store at once. Each has a part in memory.
const TRANSFERS: usize = 4;

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

fn path(key: &Key) -> ObjectPath {
    ObjectPath::from(key.as_str())
}

/// What the library says, for the log, with the reasons below it.
fn failed(key: Option<&Key>, error: Error) -> StoreError {
    match (error, key) {
        (Error::NotFound { .. }, Some(key)) => StoreError::Missing(key.clone()),
        (other, _) => {
            let mut text = other.to_string();
            let mut source = std::error::Error::source(&other);
            while let Some(error) = source {
                let reason = error.to_string();
                if !text.contains(&reason) {
                    text = format!("{text}: {reason}");
                }
                source = error.source();
            }
            StoreError::Unavailable(text)
        }
    }
}

async fn open(store: &dyn ObjectStore, key: &Key, range: Option<Range<u64>>) -> Result<Opened, StoreError> {
    let options = GetOptions { range: range.map(Into::into), ..GetOptions::default() };
    let found = store.get_opts(&path(key), options).await.map_err(|error| failed(Some(key), error))?;
    let (size, range) = (found.meta.size, found.range.clone());
    let pieces = match found.payload {
        GetResultPayload::File(file, _) => pieces_of_file(file, range.clone()),
        GetResultPayload::Stream(pieces) => pieces.map_err(|error| failed(None, error)).boxed(),
    };
    Ok(Opened { size, range, pieces })
}

/// A part of a file in large pieces, since each is read on another thread.
fn pieces_of_file(file: File, range: Range<u64>) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let read = |(mut file, range): (File, Range<u64>)| async move {
        let length = (range.end - range.start).min(PIECE);
        if length == 0 {
            return Ok(None);
        }
        let next = range.start + length..range.end;
        let read = blocking(move || {
            let mut piece = vec![0; usize::try_from(length).unwrap_or(0)];
            file.seek(SeekFrom::Start(range.start))?;
            file.read_exact(&mut piece)?;
            Ok::<_, StoreError>((Bytes::from(piece), (file, next)))
        });
        read.await?.map(Some)
    };
    futures_util::stream::try_unfold((file, range), read).boxed()
}

async fn size(store: &dyn ObjectStore, key: &Key) -> Result<Option<u64>, StoreError> {
    match store.head(&path(key)).await {
        Ok(meta) => Ok(Some(meta.size)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(failed(None, error)),
    }
}

async fn remove(store: &dyn ObjectStore, key: &Key) -> Result<(), StoreError> {
    match store.delete(&path(key)).await {
        Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(failed(None, error)),
    }
}

fn entry(meta: ObjectMeta) -> Entry {
    let modified = Instant::from_millisecond(meta.last_modified.timestamp_millis());
    Entry { key: Key::recorded(meta.location.as_ref()), size: meta.size, modified }
}

fn list(store: &dyn ObjectStore) -> BoxStream<'static, Result<Entry, StoreError>> {
    let is_staged =
        |entry: &Entry| entry.key.as_str().strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/'));
    store
        .list(None)
        .map(|found| found.map(entry).map_err(|error| failed(None, error)))
        .try_filter(move |entry| std::future::ready(!is_staged(entry)))
        .boxed()
}

/// Files in a folder of this machine, or of one that it has mounted.
#[derive(Debug)]
pub struct Local(LocalFileSystem);

impl Local {
    /// A store in this folder, which is there.
    pub fn new(folder: &Path) -> Result<Self, StoreError> {
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| failed(None, error))?;
        Ok(Self(store.with_fsync(true).with_automatic_cleanup(false)))
    }
}

#[async_trait]
impl FileStore for Local {
    /// Moves the staged file, which is in a folder of this one, to its place.
    async fn keep(&self, key: &Key, staged: Staged) -> Result<(), StoreError> {
        let from = ObjectPath::from(format!("{FOLDER}/{}", staged.name()));
        let moved = self.0.rename_opts(&from, &path(key), RenameOptions::new()).await;
        moved.map_err(|error| failed(None, error))
    }

    async fn open(&self, key: &Key, range: Option<Range<u64>>) -> Result<Opened, StoreError> {
        open(&self.0, key, range).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        size(&self.0, key).await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        remove(&self.0, key).await
    }

    fn list(&self) -> BoxStream<'static, Result<Entry, StoreError>> {
        list(&self.0)
    }
}

/// Files somewhere else than on a disk of this machine.
#[derive(Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    transfers: Semaphore,
}

impl Objects {
    /// Files in memory, which are gone with the store.
    pub fn in_memory() -> Self {
        Self::new(Arc::new(InMemory::new()))
    }

    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, transfers: Semaphore::new(TRANSFERS) }
    }

    /// In one piece.
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        self.store.put(&path(key), bytes.into()).await.map(drop).map_err(|error| failed(None, error))
    }

    /// Part by part. Nothing is there until the last one is.
    async fn put_parts(&self, key: &Key, staged: &Staged) -> Result<(), StoreError> {
        let started = self.store.put_multipart(&path(key)).await;
        let mut upload = started.map_err(|error| failed(None, error))?;
        let sent = async {
            let mut parts = pieces_of(staged, PART).await?;
            while let Some(part) = parts.next().await? {
                upload.put_part(part.into()).await.map_err(|error| failed(None, error))?;
            }
            upload.complete().await.map(drop).map_err(|error| failed(None, error))
        };
        let sent = sent.await;
        if sent.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(%error, %key, "parts of an upload stay in the store");
        }
        sent
    }
}

#[async_trait]
impl FileStore for Objects {
    async fn keep(&self, key: &Key, staged: Staged) -> Result<(), StoreError> {
        let _place =
            self.transfers.acquire().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        if staged.size() > PART as u64 {
            return self.put_parts(key, &staged).await;
        }
        let file = staged.path().to_owned();
        let bytes = blocking(move || std::fs::read(file)).await??;
        self.put(key, bytes.into()).await
    }

    async fn open(&self, key: &Key, range: Option<Range<u64>>) -> Result<Opened, StoreError> {
        open(self.store.as_ref(), key, range).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        size(self.store.as_ref(), key).await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        remove(self.store.as_ref(), key).await
    }

    fn list(&self) -> BoxStream<'static, Result<Entry, StoreError>> {
        list(self.store.as_ref())
    }
}
