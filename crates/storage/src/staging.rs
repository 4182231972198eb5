//! Where uploads are written to before it is known whether they are taken.

use std::{
    fmt,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use inspection_domain::{files::FileKind, time::Instant};
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};

use crate::{
    Refusal, StoreError, blocking,
    content::{self, HEAD},
};

/// Folder for what isn't taken yet, within the one of the files. No category begins with a dot.
pub(crate) const FOLDER: &str = ".staging";

/// What the names of staged files begin with.
const PREFIX: &str = "upload-";

/// Bytes of an upload in memory.
const PIECE: usize = 64 << 10;

/// Why an upload goes no further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// It has more bytes than are allowed.
    #[error("may have at most {0} bytes")]
    TooLarge(u64),
    /// It isn't a file that is taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no place for it right now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The folder for uploads under way.
#[derive(Debug, Clone)]
pub struct Staging {
    folder: PathBuf,
    /// Whether what is staged must survive a loss of power, since it is moved and not sent somewhere.
    durable: bool,
}

impl Staging {
    /// A place for uploads below this folder; both are made if they aren't there.
    pub(crate) fn new(folder: &Path, durable: bool) -> Result<Self, StoreError> {
        let folder = folder.join(FOLDER);
        std::fs::create_dir_all(&folder)
            .map_err(|error| StoreError::Unavailable(format!("{}: {error}", folder.display())))?;
        Ok(Self { folder, durable })
    }

    /// Begins an upload of at most so many bytes.
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

    /// Removes what uploads before this instant have left behind, and says how many files that were. What uploads leave
    /// behind is removed at once, unless the process is killed.
    pub(crate) async fn tidy(&self, before: Instant, remove: bool) -> Result<u64, StoreError> {
        let folder = self.folder.clone();
        blocking(move || {
            let mut count = 0;
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                // Another instance may be about to take it away.
                let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) else {
                    continue;
                };
                let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::MAX);
                let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
                if is_ours
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

/// The file of an upload under way, which goes when this does.
struct Spool {
    file: NamedTempFile,
    hash: Sha256,
}

/// Two digits for each byte.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |text, byte| text + &format!("{byte:02x}"))
}

/// An upload under way. Dropping it leaves nothing behind.
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
    /// Takes the next piece. Says no as soon as it is known that there will be none to keep: too many bytes, or a beginning that
    /// no file has that is taken.
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

    /// Takes the next piece of something that was taken before.
    pub(crate) async fn append(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.size += piece.len() as u64;
        self.buffer.extend_from_slice(piece);
        self.flush_if_full().await
    }

    async fn flush_if_full(&mut self) -> Result<(), StoreError> {
        if self.buffer.len() >= PIECE { self.flush().await } else { Ok(()) }
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

    /// That was all: the file, whose bytes are on the disk.
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
            let sha256 = hexadecimal(&hash.finalize());
            Ok(Staged { path: file.into_temp_path(), size, sha256 })
        })
        .await?
    }
}

/// An uploaded file that isn't kept yet. Dropping it removes it.
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

    /// SHA-256 of the bytes, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Where it is until it is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What the file is, if it is one that is taken under this name and with this declared type. Reads and decodes all of it:
    /// blocks.
    pub fn inspect(&self, name: &str, declared: Option<&str>) -> Result<FileKind, UploadError> {
        content::inspect(&self.path, name, declared)
    }
}

/// A staged file in parts of the same length, but for the last.
pub(crate) struct Pieces {
    file: Option<File>,
    length: usize,
}

pub(crate) async fn pieces_of(staged: &Staged, length: usize) -> Result<Pieces, StoreError> {
    let path = staged.path().to_owned();
    Ok(Pieces { file: Some(blocking(move || File::open(path)).await??), length })
}

impl Pieces {
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
