//! The staging folder: uploads before their content is accepted.

use std::{
    fmt,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use inspection_domain::time::Instant;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};

use crate::{
    blocking::blocking,
    content::{self, HEAD},
    error::{StoreError, UploadError},
};

/// Name of the staging folder within the upload folder. Categories never begin with a dot.
pub(crate) const FOLDER: &str = ".staging";

/// Prefix of the names of staged files.
const PREFIX: &str = "upload-";

/// Bytes of an upload that are buffered in memory.
const BUFFER_SIZE: usize = 64 << 10;

/// The staging folder.
#[derive(Debug, Clone)]
pub(crate) struct Staging {
    folder: PathBuf,
    /// Whether staged files are synced to disk, because the store renames them in place.
    durable: bool,
}

impl Staging {
    /// Opens the staging folder below `folder`; creates both if necessary.
    pub(crate) fn new(folder: &Path, durable: bool) -> Result<Self, StoreError> {
        let folder = folder.join(FOLDER);
        std::fs::create_dir_all(&folder)
            .map_err(|error| StoreError::Unavailable(format!("{}: {error}", folder.display())))?;
        Ok(Self { folder, durable })
    }

    /// Begins an upload of at most `limit` bytes.
    pub(crate) fn begin(&self, limit: u64) -> Incoming {
        Incoming {
            staging: self.clone(),
            spool: None,
            buffer: BytesMut::new(),
            size: 0,
            limit,
            sniffed: false,
        }
    }

    /// Counts files older than `before`, and removes them if `remove` is set.
    ///
    /// Only a killed process leaves such files.
    pub(crate) async fn abandoned(&self, before: Instant, remove: bool) -> Result<u64, StoreError> {
        let folder = self.folder.clone();
        blocking(move || {
            let mut count = 0;
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                // Another instance may have moved the file.
                let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) else {
                    continue;
                };
                let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::MAX);
                let is_upload = entry.file_name().to_string_lossy().starts_with(PREFIX);
                if is_upload
                    && i128::try_from(since_epoch.as_millis())
                        .is_ok_and(|at| at < before.as_millisecond().into())
                {
                    count += 1;
                    if remove {
                        match std::fs::remove_file(entry.path()) {
                            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                            other => other?,
                        }
                    }
                }
            }
            Ok(count)
        })
        .await?
    }
}

/// The temporary file of an upload. Dropping it removes the file.
struct Spool {
    file: NamedTempFile,
    hash: Sha256,
}

/// An upload in progress. Dropping it removes its temporary file.
pub struct Incoming {
    staging: Staging,
    spool: Option<Spool>,
    buffer: BytesMut,
    size: u64,
    limit: u64,
    sniffed: bool,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("size", &self.size)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Incoming {
    /// Appends bytes.
    ///
    /// Fails early: as soon as the size exceeds the limit, or the first bytes match no accepted
    /// type.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), UploadError> {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            return Err(UploadError::TooLarge(self.limit));
        }
        self.buffer.extend_from_slice(piece);
        if !self.sniffed && self.buffer.len() >= HEAD {
            content::kind_of(&self.buffer)?;
            self.sniffed = true;
        }
        Ok(self.flush_if_full().await?)
    }

    /// Appends bytes without checks, for content that the service has produced or accepted before.
    pub(crate) async fn append(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.size += piece.len() as u64;
        self.buffer.extend_from_slice(piece);
        self.flush_if_full().await
    }

    async fn flush_if_full(&mut self) -> Result<(), StoreError> {
        if self.buffer.len() >= BUFFER_SIZE { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        let (spool, mut buffer) = (self.spool.take(), std::mem::take(&mut self.buffer));
        let folder = self.staging.folder.clone();
        let written = blocking(move || {
            let mut spool = match spool {
                Some(spool) => spool,
                None => Spool {
                    file: tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder)?,
                    hash: Sha256::new(),
                },
            };
            spool.file.write_all(&buffer)?;
            spool.hash.update(&buffer);
            buffer.clear();
            Ok::<_, StoreError>((spool, buffer))
        });
        let (spool, buffer) = written.await??;
        (self.spool, self.buffer) = (Some(spool), buffer);
        Ok(())
    }

    /// Ends the upload. All bytes are on disk.
    pub async fn finish(mut self) -> Result<Staged, StoreError> {
        self.flush().await?;
        let Some(Spool { file, hash }) = self.spool.take() else {
            return Err(StoreError::Unavailable("nothing was staged".into()));
        };
        let (durable, size) = (self.staging.durable, self.size);
        blocking(move || {
            if durable {
                file.as_file().sync_all()?;
            }
            let sha256 = base16ct::lower::encode_string(&hash.finalize());
            Ok(Staged { path: file.into_temp_path(), size, sha256 })
        })
        .await?
    }
}

/// A complete upload that is not stored yet. Dropping it removes the file.
#[derive(Debug)]
pub struct Staged {
    path: TempPath,
    size: u64,
    sha256: String,
}

impl Staged {
    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 of the bytes in lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Path of the temporary file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// A staged file in parts of equal length; the last one may be shorter.
pub(crate) struct StagedParts {
    file: Option<File>,
    length: usize,
}

pub(crate) async fn parts_of(staged: &Staged, length: usize) -> Result<StagedParts, StoreError> {
    let path = staged.path().to_owned();
    Ok(StagedParts { file: Some(blocking(move || File::open(path)).await??), length })
}

impl StagedParts {
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        let (Some(mut file), length) = (self.file.take(), self.length) else { return Ok(None) };
        let read = blocking(move || {
            let mut part = Vec::with_capacity(length);
            Read::by_ref(&mut file).take(length as u64).read_to_end(&mut part)?;
            Ok::<_, StoreError>((file, part))
        });
        let (file, part) = read.await??;
        self.file = Some(file);
        Ok((!part.is_empty()).then(|| part.into()))
    }
}
