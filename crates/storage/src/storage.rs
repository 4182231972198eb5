//! The entry point: a store with its staging folder, content inspection and thumbnails.

use std::{
    collections::HashMap,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::TryStreamExt;
use inspection_domain::{files::FileKind, time::Instant};
use sha2::{Digest, Sha256};

use crate::{
    content::{self, ContentError, Refusal},
    error::{StoreError, UploadError},
    key::{Key, Size},
    objects::{Local, Objects},
    s3::{S3, S3Settings},
    staging::{Incoming, Staged, Staging},
    store::{FileStore, Opened},
    thumbnails::{self, NoThumbnail},
    turns::{Requester, Turns},
};

/// Content of a probe: large enough to fail on a full disk.
const PROBE: &[u8] = &[0; 64 << 10];

/// Timeout of a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of documents whose content is known.
const MAX_KNOWN: usize = 4096;

/// Whether documents are without active content, by their keys: content never changes.
#[derive(Debug, Clone, Default)]
struct PassiveDocuments(Arc<Mutex<HashMap<Key, bool>>>);

impl PassiveDocuments {
    fn known(&self, key: &Key) -> Option<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    fn note(&self, key: &Key, is_passive: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(key.clone(), is_passive);
    }
}

/// The file store of a service. Clones share it.
#[derive(Debug, Clone)]
pub struct Storage {
    store: Arc<dyn FileStore>,
    staging: Staging,
    turns: Turns,
    passive: PassiveDocuments,
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
        Self { store, staging, turns: Turns::new(), passive: PassiveDocuments::default() }
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
    /// Waits for a turn of its requester. A file whose headers announce too much memory or work is
    /// refused before it is decoded. Dropping the future stops the work.
    pub async fn inspect(
        &self,
        staged: Staged,
        name: &str,
        declared: Option<&str>,
        requester: Requester,
    ) -> Result<(Staged, FileKind), UploadError> {
        let (name, declared) = (name.to_owned(), declared.map(ToOwned::to_owned));
        let turn = self.turns.next(requester).await?;
        let examined = turn.run(0, move |_| {
            let examined = undamaged(|| content::examine(staged.path(), &name, declared.as_deref()));
            Ok::<_, UploadError>((staged, examined?))
        });
        let (staged, (kind, cost)) = examined.await??;
        let decoded = turn.run(cost.decoding, move |meter| {
            undamaged(|| content::decode(staged.path(), kind, &meter))?;
            Ok((staged, kind))
        });
        decoded.await?
    }

    /// Opens the thumbnail of an image; renders and stores it on first use.
    ///
    /// Waits for a turn of its requester before the image is copied.
    pub async fn thumbnail(
        &self,
        original: &Key,
        size: Size,
        requester: Requester,
    ) -> Result<Opened, NoThumbnail> {
        let key = original.thumbnail(size);
        if let Some(opened) = self.open_if_stored(&key).await? {
            return Ok(opened);
        }
        let turn = self.turns.next(requester).await?;
        // Another request may have stored it in the meantime.
        if let Some(opened) = self.open_if_stored(&key).await? {
            return Ok(opened);
        }
        let copy = self.copy(original).await?;
        let examined = turn.run(0, move |_| {
            let examined = undamaged(|| content::cost_of_stored(copy.path()));
            Ok::<_, NoThumbnail>((copy, examined?))
        });
        let (copy, (kind, cost)) = examined.await??;
        if cost.thumbnail > content::MAX_MEMORY {
            return Err(NoThumbnail::Impossible);
        }
        let rendered = turn.run(cost.thumbnail, move |meter| {
            undamaged(|| thumbnails::render(copy.path(), kind, size, &meter))
        });
        let staged = self.stage(&rendered.await??).await?;
        self.store.put(&key, staged).await?;
        Ok(self.store.open(&key, None).await?)
    }

    /// Whether a browser may show a stored file in place of storing it: any image, and a document
    /// without active content, also one that an older version has accepted.
    ///
    /// Waits for a turn of its requester when a document is shown for the first time.
    pub async fn may_be_shown(
        &self,
        key: &Key,
        kind: FileKind,
        requester: Requester,
    ) -> Result<bool, StoreError> {
        if kind != FileKind::Pdf {
            return Ok(true);
        }
        if let Some(known) = self.passive.known(key) {
            return Ok(known);
        }
        let turn = self.turns.next(requester).await?;
        let copy = self.copy(key).await?;
        let examined = turn.run(0, move |_| {
            let cost = undamaged(|| content::cost_of_stored(copy.path()));
            cost.map(|(_, cost)| (copy, cost))
        });
        let decoded = match examined.await? {
            Ok((copy, cost)) if cost.decoding <= content::MAX_MEMORY => {
                let decoded = turn.run(cost.decoding, move |meter| {
                    undamaged(|| content::decode(copy.path(), kind, &meter))
                });
                decoded.await?
            }
            Ok(_) => Err(Refusal::TooComplex.into()),
            Err(error) => Err(error),
        };
        let is_passive = match decoded {
            Ok(()) => true,
            Err(ContentError::Refused(_)) => false,
            Err(ContentError::Io(error)) => return Err(error.into()),
        };
        self.passive.note(key, is_passive);
        Ok(is_passive)
    }

    async fn open_if_stored(&self, key: &Key) -> Result<Option<Opened>, StoreError> {
        match self.store.open(key, None).await {
            Err(StoreError::Missing(_)) => Ok(None),
            opened => opened.map(Some),
        }
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

    /// The bytes of a stored file and their SHA-256 in lower-case hexadecimal. Of a longer file,
    /// the bytes of the first pieces within `limit`.
    pub async fn read(&self, key: &Key, limit: u64) -> Result<(Vec<u8>, String), StoreError> {
        let mut pieces = self.store.open(key, None).await?.pieces;
        let (mut bytes, mut hash) = (Vec::new(), Sha256::new());
        while let Some(piece) = pieces.try_next().await? {
            if (bytes.len() as u64).saturating_add(piece.len() as u64) > limit {
                break;
            }
            hash.update(&piece);
            bytes.extend_from_slice(&piece);
        }
        Ok((bytes, base16ct::lower::encode_string(&hash.finalize())))
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

/// Runs a decoder. Its panic means a damaged file.
fn undamaged<T>(decode: impl FnOnce() -> Result<T, ContentError>) -> Result<T, ContentError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(Refusal::Damaged.into()))
}
