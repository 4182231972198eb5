//! The entry point: a store with its staging folder, content inspection and thumbnails.

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
    blocking::blocking,
    content::Refusal,
    error::{StoreError, UploadError},
    key::{Key, Size},
    objects::{Local, Objects},
    s3::{S3, S3Settings},
    staging::{Incoming, Staged, Staging},
    store::{FileStore, Opened},
    thumbnails::{self, NoThumbnail},
};

/// Content of a probe: large enough to fail on a full disk.
const PROBE: &[u8] = &[0; 64 << 10];

/// Timeout of a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The file store of a service. Clones share it.
#[derive(Debug, Clone)]
pub struct Storage {
    store: Arc<dyn FileStore>,
    staging: Staging,
    /// Serialises the decoding of images, which bounds memory.
    imaging: Arc<Semaphore>,
}

impl Storage {
    /// Stores files in a folder; creates it if necessary.
    pub fn local(folder: &Path) -> Result<Self, StoreError> {
        let staging = Staging::new(folder, true)?;
        Ok(Self::new(Arc::new(Local::new(folder)?), staging))
    }

    /// Stores files in a bucket; `folder` holds uploads in progress.
    pub fn s3(settings: &S3Settings, folder: &Path) -> Result<Self, StoreError> {
        Ok(Self::new(Arc::new(S3::new(settings)?), Staging::new(folder, false)?))
    }

    /// Stores files in memory, for the tests of a program that embeds this crate; `folder` holds
    /// uploads in progress.
    pub fn in_memory(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self::new(Arc::new(Objects::in_memory()), Staging::new(folder, false)?))
    }

    fn new(store: Arc<dyn FileStore>, staging: Staging) -> Self {
        Self { store, staging, imaging: Arc::new(Semaphore::new(1)) }
    }

    /// The underlying store.
    pub fn store(&self) -> &dyn FileStore {
        self.store.as_ref()
    }

    /// Begins an upload of at most `limit` bytes.
    pub fn begin(&self, limit: u64) -> Incoming {
        self.staging.begin(limit)
    }

    /// Determines the type of a staged file and checks it against its name and declared type (rule
    /// §14).
    ///
    /// One file is decoded at a time; others wait.
    pub async fn inspect(
        &self,
        staged: Staged,
        name: &str,
        declared: Option<&str>,
    ) -> Result<(Staged, FileKind), UploadError> {
        let (name, declared) = (name.to_owned(), declared.map(ToOwned::to_owned));
        self.imaging(move || {
            // A panic of a decoder means a damaged file.
            let inspected = catch_unwind(AssertUnwindSafe(|| staged.inspect(&name, declared.as_deref())));
            let kind = inspected.unwrap_or(Err(UploadError::Refused(Refusal::Damaged)))?;
            Ok((staged, kind))
        })
        .await?
    }

    async fn imaging<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.imaging).acquire_owned().await;
        let permit = permit.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        // The work holds the permit to its end, even if the caller is cancelled.
        blocking(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
    }

    /// Opens the thumbnail of an image; renders and stores it on first use.
    pub async fn thumbnail(&self, original: &Key, size: Size) -> Result<Opened, NoThumbnail> {
        let key = original.thumbnail(size);
        match self.store.open(&key, None).await {
            Err(StoreError::Missing(_)) => {}
            other => return Ok(other?),
        }
        let copy = self.copy(original).await?;
        let rendered = self.imaging(move || {
            catch_unwind(AssertUnwindSafe(|| thumbnails::render(copy.path(), size)))
                .unwrap_or(Err(NoThumbnail::Impossible))
        });
        let staged = self.stage(&rendered.await??).await?;
        self.store.put(&key, staged).await?;
        Ok(self.store.open(&key, None).await?)
    }

    /// Copies a stored file to the staging folder.
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

    /// Opens a file, or a range of it.
    pub async fn open(&self, key: &Key, range: Option<Range<u64>>) -> Result<Opened, StoreError> {
        self.store.open(key, range).await
    }

    /// SHA-256 of a stored file in lower-case hexadecimal.
    pub async fn checksum(&self, key: &Key) -> Result<String, StoreError> {
        let mut pieces = self.store.open(key, None).await?.pieces;
        let mut hash = Sha256::new();
        while let Some(piece) = pieces.try_next().await? {
            hash.update(&piece);
        }
        Ok(base16ct::lower::encode_string(&hash.finalize()))
    }

    /// Stores a staged file under a key.
    pub async fn put(&self, key: &Key, staged: Staged) -> Result<(), StoreError> {
        self.store.put(key, staged).await
    }

    /// Removes a file and its thumbnails.
    pub async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        for size in Size::ALL {
            self.store.remove(&key.thumbnail(size)).await?;
        }
        self.store.remove(key).await
    }

    /// Probes the store: writes an object and removes it. Fails after five seconds.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let probed = tokio::time::timeout(PROBE_TIMEOUT, async {
            let staged = self.stage(PROBE).await?;
            let key = Key::probe(&staged.name());
            self.store.put(&key, staged).await?;
            self.store.remove(&key).await
        });
        probed.await.map_err(|_| StoreError::Unavailable("the probe timed out".into()))?
    }

    /// Counts uploads in the staging folder that are older than `before`, and removes them if
    /// `remove` is set.
    ///
    /// Only a killed process leaves such uploads.
    pub async fn abandoned(&self, before: Instant, remove: bool) -> Result<u64, StoreError> {
        self.staging.abandoned(before, remove).await
    }
}
