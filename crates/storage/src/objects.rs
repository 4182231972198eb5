//! Stores on top of `object_store`: a folder, a bucket, memory.

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
    blocking::blocking,
    error::StoreError,
    key::Key,
    staging::{FOLDER, Staged, parts_of},
    store::{FileStore, Opened, StoredObject},
};

/// Bytes of one part of a multipart upload: the minimum of S3.
const PART_SIZE: usize = 5 << 20;

/// Bytes of one read from a local file.
const READ_SIZE: u64 = 128 << 10;

/// Concurrent uploads to a remote store. Each holds one part in memory.
const MAX_TRANSFERS: usize = 4;

fn path(key: &Key) -> ObjectPath {
    ObjectPath::from(key.as_str())
}

/// Maps an error of `object_store`, with the chain of its sources for the log.
fn store_error(key: Option<&Key>, error: Error) -> StoreError {
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
    let found = store.get_opts(&path(key), options).await.map_err(|error| store_error(Some(key), error))?;
    let (size, range) = (found.meta.size, found.range.clone());
    let pieces = match found.payload {
        GetResultPayload::File(file, _) => pieces_of_file(file, range.clone()),
        GetResultPayload::Stream(pieces) => pieces.map_err(|error| store_error(None, error)).boxed(),
    };
    Ok(Opened { size, range, pieces })
}

/// Streams a range of a file. Large reads amortise the change to a blocking thread.
fn pieces_of_file(file: File, range: Range<u64>) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let read = |(mut file, range): (File, Range<u64>)| async move {
        let length = (range.end - range.start).min(READ_SIZE);
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
        Err(error) => Err(store_error(None, error)),
    }
}

async fn remove(store: &dyn ObjectStore, key: &Key) -> Result<(), StoreError> {
    match store.delete(&path(key)).await {
        Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(store_error(None, error)),
    }
}

fn stored_object(meta: ObjectMeta) -> StoredObject {
    let modified = Instant::from_millisecond(meta.last_modified.timestamp_millis());
    StoredObject { key: Key::recorded(meta.location.as_ref()), size: meta.size, modified }
}

fn list(store: &dyn ObjectStore) -> BoxStream<'static, Result<StoredObject, StoreError>> {
    let is_staged = |object: &StoredObject| {
        object.key.as_str().strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/'))
    };
    store
        .list(None)
        .map(|found| found.map(stored_object).map_err(|error| store_error(None, error)))
        .try_filter(move |object| std::future::ready(!is_staged(object)))
        .boxed()
}

/// A store in a local or mounted folder.
#[derive(Debug)]
pub(crate) struct Local(LocalFileSystem);

impl Local {
    /// Opens an existing folder.
    pub(crate) fn new(folder: &Path) -> Result<Self, StoreError> {
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| store_error(None, error))?;
        Ok(Self(store.with_fsync(true).with_automatic_cleanup(false)))
    }
}

#[async_trait]
impl FileStore for Local {
    /// Renames the staged file, which is on the same file system.
    async fn put(&self, key: &Key, staged: Staged) -> Result<(), StoreError> {
        let from = ObjectPath::from(format!("{FOLDER}/{}", staged.name()));
        let moved = self.0.rename_opts(&from, &path(key), RenameOptions::new()).await;
        moved.map_err(|error| store_error(None, error))
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

    fn list(&self) -> BoxStream<'static, Result<StoredObject, StoreError>> {
        list(&self.0)
    }
}

/// A store that receives copies of staged files: a bucket, or memory.
#[derive(Debug)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    transfers: Semaphore,
}

impl Objects {
    /// A store in memory, for tests.
    pub(crate) fn in_memory() -> Self {
        Self::new(Arc::new(InMemory::new()))
    }

    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, transfers: Semaphore::new(MAX_TRANSFERS) }
    }

    /// Uploads in a single request.
    async fn put_single(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        self.store.put(&path(key), bytes.into()).await.map(drop).map_err(|error| store_error(None, error))
    }

    /// Uploads in parts. The object appears when the upload is completed.
    async fn put_multipart(&self, key: &Key, staged: &Staged) -> Result<(), StoreError> {
        let started = self.store.put_multipart(&path(key)).await;
        let mut upload = started.map_err(|error| store_error(None, error))?;
        let sent = async {
            let mut parts = parts_of(staged, PART_SIZE).await?;
            while let Some(part) = parts.next().await? {
                upload.put_part(part.into()).await.map_err(|error| store_error(None, error))?;
            }
            upload.complete().await.map(drop).map_err(|error| store_error(None, error))
        };
        let sent = sent.await;
        if sent.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(%error, %key, "failed to abort a multipart upload; its parts remain in the bucket");
        }
        sent
    }
}

#[async_trait]
impl FileStore for Objects {
    async fn put(&self, key: &Key, staged: Staged) -> Result<(), StoreError> {
        let _permit =
            self.transfers.acquire().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        if staged.size() > PART_SIZE as u64 {
            return self.put_multipart(key, &staged).await;
        }
        let file = staged.path().to_owned();
        let bytes = blocking(move || std::fs::read(file)).await??;
        self.put_single(key, bytes.into()).await
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

    fn list(&self) -> BoxStream<'static, Result<StoredObject, StoreError>> {
        list(self.store.as_ref())
    }
}
