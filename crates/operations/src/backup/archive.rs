//! The archive of stored files: written from a file store, read, restored into one.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

use bytes::Bytes;
use futures_util::TryStreamExt;
use inspection_domain::{ids::FileId, time::Instant};
use inspection_persistence::backups::FileOnRecord;
use inspection_storage::{Key, Opened, Storage, StoreError};
use tokio::runtime::Runtime;

use super::{checksums::Hashing, manifest::StoredFiles};
use crate::{
    Result,
    error::{Context as _, bail, ensure},
    progress::Step,
};

/// Size of the buffer for writes into a store, in bytes.
const BUFFER: usize = 128 << 10;

/// A file store with a blocking interface.
pub(super) struct BlockingStore {
    storage: Storage,
    runtime: Runtime,
}

/// A blocking reader of an object.
struct ObjectReader<'a> {
    runtime: &'a Runtime,
    opened: Opened,
    piece: Bytes,
}

impl Read for ObjectReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.runtime.block_on(self.opened.pieces.try_next()).map_err(io::Error::other)? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.piece.len());
        let taken = self.piece.split_to(length);
        if let Some(into) = into.get_mut(..length) {
            into.copy_from_slice(&taken);
        }
        Ok(length)
    }
}

impl BlockingStore {
    pub(super) fn new(storage: Storage) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { storage, runtime })
    }

    /// Opens an object; none if it is missing.
    fn open(&self, key: &str) -> Result<Option<ObjectReader<'_>>> {
        match self.runtime.block_on(self.storage.open(&Key::recorded(key), None)) {
            Ok(opened) => Ok(Some(ObjectReader { runtime: &self.runtime, opened, piece: Bytes::new() })),
            Err(StoreError::Missing(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The checksum of an object; none if it is missing.
    fn checksum(&self, key: &str) -> Result<Option<String>> {
        match self.runtime.block_on(self.storage.checksum(&Key::recorded(key))) {
            Ok(sum) => Ok(Some(sum)),
            Err(StoreError::Missing(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Stores the content under this key.
    fn put(&self, key: &str, content: &mut dyn Read) -> Result<()> {
        let mut incoming = self.storage.begin(u64::MAX);
        let mut piece = vec![0; BUFFER];
        loop {
            let read = content.read(&mut piece)?;
            if read == 0 {
                break;
            }
            self.runtime.block_on(incoming.write(piece.get(..read).unwrap_or_default()))?;
        }
        let stored = async { self.storage.put(&Key::recorded(key), incoming.finish().await?).await };
        Ok(self.runtime.block_on(stored)?)
    }
}

/// Writes these files from a store into an archive. Each must match its record; a missing one must
/// have been deleted since the dump.
pub(super) fn write(
    store: &BlockingStore,
    files: &[FileOnRecord],
    to: File,
    at: Instant,
    is_on_record: impl Fn(FileId) -> Result<bool>,
    progress: &Step<'_>,
) -> Result<StoredFiles> {
    let mut archive = tar::Builder::new(BufWriter::new(to));
    let mut written = StoredFiles::default();
    for file in files {
        let (id, size) = (file.id, u64::try_from(file.size)?);
        let Some(object) = store.open(&file.key)? else {
            ensure!(
                !is_on_record(id)?,
                "file {id} is recorded, but its content is missing in the store; `files check` lists all such files"
            );
            written.missing.push(id.get());
            continue;
        };
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(at.as_second())?);
        let differs =
            || format!("file {id} differs from its upload; `files check --contents` lists all such files");
        ensure!(object.opened.size == size, differs());
        let mut content = Hashing::new(object);
        archive.append_data(&mut header, &file.key, &mut content).with_context(|| format!("file {id}"))?;
        let (_, bytes, sum) = content.finish();
        ensure!(bytes == size && sum == file.sha256, differs());
        written.count += 1;
        written.bytes += size;
        progress.advance(size);
    }
    let mut to = archive.into_inner()?;
    to.flush()?;
    Ok(written)
}

/// Calls `visit` with the key, size and content of each file of an archive.
pub(super) fn each(from: &Path, mut visit: impl FnMut(&str, u64, &mut dyn Read) -> Result<()>) -> Result<()> {
    let mut archive = tar::Archive::new(BufReader::new(File::open(from)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let key = entry.path()?.to_str().context("a name in the archive is not UTF-8")?.to_owned();
        ensure!(entry.header().entry_type().is_file(), "{key} is not a regular file");
        let size = entry.size();
        visit(&key, size, &mut entry)?;
    }
    Ok(())
}

/// The SHA-256 of the content, in hexadecimal digits.
pub(super) fn checksum(content: &mut dyn Read) -> Result<String> {
    let mut content = Hashing::new(content);
    io::copy(&mut content, &mut io::sink())?;
    Ok(content.finish().2)
}

/// Keys of the archived files that the store has already. Fails if one of them has other content.
pub(super) fn present(store: &BlockingStore, from: &Path, progress: &Step<'_>) -> Result<BTreeSet<String>> {
    let (mut there, mut different) = (BTreeSet::new(), Vec::new());
    each(from, |key, size, content| {
        if let Some(found) = store.checksum(key)? {
            if found == checksum(content)? {
                there.insert(key.to_owned());
            } else {
                different.push(key.to_owned());
            }
        }
        progress.advance(size);
        Ok(())
    })?;
    if let Some(first) = different.first() {
        bail!(
            "{} files in the store have other content than in the backup, such as {first}; nothing was changed",
            different.len()
        );
    }
    Ok(there)
}

/// Restores the archived files that the store lacks, and counts them.
pub(super) fn restore(
    store: &BlockingStore,
    from: &Path,
    there: &BTreeSet<String>,
    progress: &Step<'_>,
) -> Result<u64> {
    let mut count = 0;
    each(from, |key, size, content| {
        if !there.contains(key) {
            store.put(key, content).with_context(|| format!("can't restore {key}"))?;
            count += 1;
        }
        progress.advance(size);
        Ok(())
    })?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use inspection_testkit::files::png;

    use super::*;

    const KEY: &str = "general/2026/03/02/07070707070707070707070707070707.png";

    fn store(folder: &Path) -> BlockingStore {
        BlockingStore::new(Storage::local(folder).expect("a store")).expect("a store")
    }

    fn record(bytes: &[u8], id: i64, key: &str) -> FileOnRecord {
        FileOnRecord {
            id: FileId::new(id).expect("an id"),
            key: key.into(),
            size: i64::try_from(bytes.len()).expect("a size"),
            sha256: checksum(&mut &*bytes).expect("a sum"),
        }
    }

    fn step() -> Step<'static> {
        Step::open_ended(&|_| (), "a test")
    }

    fn written(
        store: &BlockingStore,
        files: &[FileOnRecord],
        to: &Path,
        on_record: bool,
    ) -> Result<StoredFiles> {
        let file = File::create(to).expect("created");
        let at = Instant::parse("2026-03-02T08:00:00Z").expect("an instant");
        write(store, files, file, at, |_| Ok(on_record), &step())
    }

    #[test]
    fn files_go_into_the_archive_and_back_into_another_store() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, other] = ["one", "other"].map(|name| store(&folder.path().join(name)));
        let (image, archive) = (png(300, 200), folder.path().join("files.tar"));
        one.put(KEY, &mut image.as_slice()).expect("stored");
        let deleted = "general/2026/03/02/08080808080808080808080808080808.png";
        let files = [record(&image, 1, KEY), record(&image, 2, deleted)];
        let refused = written(&one, &files, &archive, true).expect_err("still on record").to_string();
        assert!(refused.contains("file 2") && refused.contains("files check"), "{refused}");
        let files = written(&one, &files, &archive, false).expect("written");
        assert_eq!(files, StoredFiles { count: 1, bytes: image.len() as u64, missing: vec![2] });

        let there = present(&other, &archive, &step()).expect("compared");
        assert!(there.is_empty());
        assert_eq!(restore(&other, &archive, &there, &step()).expect("restored"), 1);
        assert_eq!(other.checksum(KEY).expect("read"), Some(checksum(&mut image.as_slice()).expect("a sum")));
        let there = present(&other, &archive, &step()).expect("compared");
        assert_eq!(restore(&other, &archive, &there, &step()).expect("nothing to do"), 0);
    }

    #[test]
    fn other_content_is_neither_backed_up_nor_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, other] = ["one", "other"].map(|name| store(&folder.path().join(name)));
        let (image, archive) = (png(30, 20), folder.path().join("files.tar"));
        one.put(KEY, &mut image.as_slice()).expect("stored");
        let changed = record(&png(31, 20), 1, KEY);
        let refused = written(&one, &[changed], &archive, true).expect_err("changed").to_string();
        assert!(refused.contains("file 1 differs from its upload"), "{refused}");
        written(&one, &[record(&image, 1, KEY)], &archive, true).expect("written");
        other.put(KEY, &mut png(99, 9).as_slice()).expect("stored");
        let refused = present(&other, &archive, &step()).expect_err("other content").to_string();
        assert!(refused.contains(KEY) && refused.contains("nothing was changed"), "{refused}");
    }
}
