//! Everything about the bytes of files in one place: where they are kept, and what happens before.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::Duration,
};

use futures_util::TryStreamExt;
use inspection_domain::{files::FileKind, time::Instant};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::{
    FileStore, Incoming, Key, Local, NoThumbnail, Objects, Opened, Refusal, S3, S3Settings, Size, Staged,
    StoreError, UploadError, blocking,
    staging::{Staging, hexadecimal},
    thumbnails,
};

/// Bytes that are written to see whether a store can be written to: more than a full disk finds a place for.
const PROBE: &[u8] = &[0; 64 << 10];

/// How long a store may take to show that it can be written to.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

/// The store of a service, and the folder for uploads under way. Clones are the same.
#[derive(Debug, Clone)]
pub struct Storage {
    store: Arc<dyn FileStore>,
    staging: Staging,
    /// One image is decoded at a time, so that memory stays bounded whatever is uploaded.
    imaging: Arc<Semaphore>,
}

impl Storage {
    /// Files in a folder, which is made if it isn't there.
    pub fn local(folder: &Path) -> Result<Self, StoreError> {
        let staging = Staging::new(folder, true)?;
        Ok(Self::new(Arc::new(Local::new(folder)?), staging))
    }

    /// Files in a bucket; uploads under way are in a folder of this machine.
    pub fn s3(settings: &S3Settings, folder: &Path) -> Result<Self, StoreError> {
        Ok(Self::new(Arc::new(S3::new(settings)?), Staging::new(folder, false)?))
    }

    /// Files in memory, for tests; uploads under way are in a folder of this machine.
    pub fn in_memory(folder: &Path) -> Result<Self, StoreError> {
        Self::over(Arc::new(Objects::in_memory()), folder)
    }

    /// Files in any store that takes staged files from everywhere.
    pub fn over(store: Arc<dyn FileStore>, folder: &Path) -> Result<Self, StoreError> {
        Ok(Self::new(store, Staging::new(folder, false)?))
    }

    fn new(store: Arc<dyn FileStore>, staging: Staging) -> Self {
        Self { store, staging, imaging: Arc::new(Semaphore::new(1)) }
    }

    /// Where the files are.
    pub fn store(&self) -> &dyn FileStore {
        self.store.as_ref()
    }

    /// Begins an upload of at most so many bytes.
    pub fn begin(&self, limit: u64) -> Incoming {
        self.staging.begin(limit)
    }

    /// What a staged file is, if it is one that is taken under this name and with this declared type (rule book §14).
    /// Waits for its turn.
    pub async fn inspect(
        &self,
        staged: Staged,
        name: &str,
        declared: Option<&str>,
    ) -> Result<(Staged, FileKind), UploadError> {
        let (name, declared) = (name.to_owned(), declared.map(ToOwned::to_owned));
        self.imaging(move || {
            // A decoder that panics has met a file that it can't read.
            let looked = catch_unwind(AssertUnwindSafe(|| staged.inspect(&name, declared.as_deref())));
            let kind = looked.unwrap_or(Err(UploadError::Refused(Refusal::Damaged)))?;
            Ok((staged, kind))
        })
        .await?
    }

    async fn imaging<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.imaging).acquire_owned().await;
        let turn = turn.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        // The turn is over when the work is, also if nobody waits for it any more.
        blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
    }

    /// The thumbnail of an image: the one that was made before, or a new one.
    pub async fn thumbnail(&self, original: &Key, size: Size) -> Result<Opened, NoThumbnail> {
        let key = original.thumbnail(size);
        match self.store.open(&key, None).await {
            Err(StoreError::Missing(_)) => {}
            other => return Ok(other?),
        }
        let copy = self.copy(original).await?;
        let made = self.imaging(move || {
            catch_unwind(AssertUnwindSafe(|| thumbnails::make(copy.path(), size)))
                .unwrap_or(Err(NoThumbnail::Impossible))
        });
        let staged = self.stage(&made.await??).await?;
        self.store.keep(&key, staged).await?;
        Ok(self.store.open(&key, None).await?)
    }

    /// Bytes of a stored file in a file of its own on this machine.
    async fn copy(&self, key: &Key) -> Result<Staged, StoreError> {
        let mut pieces = self.store.open(key, None).await?.pieces;
        let mut incoming = self.begin(u64::MAX);
        while let Some(piece) = pieces.try_next().await? {
            incoming.append(&piece).await?;
        }
        incoming.finish().await
    }

    async fn stage(&self, bytes: &[u8]) -> Result<Staged, StoreError> {
        let mut incoming = self.begin(u64::MAX);
        incoming.append(bytes).await?;
        incoming.finish().await
    }

    /// Opens a file, or a part of it.
    pub async fn open(&self, key: &Key, range: Option<Range<u64>>) -> Result<Opened, StoreError> {
        self.store.open(key, range).await
    }

    /// SHA-256 of the bytes of a file, in hexadecimal digits.
    pub async fn checksum(&self, key: &Key) -> Result<String, StoreError> {
        let mut pieces = self.store.open(key, None).await?.pieces;
        let mut hash = Sha256::new();
        while let Some(piece) = pieces.try_next().await? {
            hash.update(&piece);
        }
        Ok(hexadecimal(&hash.finalize()))
    }

    /// Keeps a staged file under this key.
    pub async fn keep(&self, key: &Key, staged: Staged) -> Result<(), StoreError> {
        self.store.keep(key, staged).await
    }

    /// Removes a file and its thumbnails.
    pub async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        for size in Size::ALL {
            self.store.remove(&key.thumbnail(size)).await?;
        }
        self.store.remove(key).await
    }

    /// Whether files can be kept: writes one, and removes it.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let probed = tokio::time::timeout(PROBE_PATIENCE, async {
            let staged = self.stage(PROBE).await?;
            let key = Key::probe(&staged.name());
            self.store.keep(&key, staged).await?;
            self.store.remove(&key).await
        });
        probed.await.map_err(|_| StoreError::Unavailable("it takes too long".into()))?
    }

    /// What uploads before this instant have left in the staging folder, because the process was killed. Says how many files,
    /// and removes them if told to.
    pub async fn abandoned(&self, before: Instant, remove: bool) -> Result<u64, StoreError> {
        self.staging.tidy(before, remove).await
    }
}
