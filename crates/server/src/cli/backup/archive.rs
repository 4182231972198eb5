//! The stored files of a backup in one: written from a store, read, and put back into one.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use futures_util::TryStreamExt;
use indicatif::ProgressBar;
use inspection_domain::{ids::FileId, time::Instant};
use inspection_persistence::backups::FileOnRecord;
use inspection_storage::{Key, Opened, Storage, StoreError};
use tokio::runtime::Runtime;

use crate::backups::{Files, Hashing};

/// Bytes that are put into a store at once.
const PIECE: usize = 128 << 10;

/// A store, for those who wait.
pub(super) struct Store {
    storage: Storage,
    runtime: Runtime,
}

/// The bytes of an object, which are waited for.
struct Pieces<'a> {
    runtime: &'a Runtime,
    opened: Opened,
    piece: Bytes,
}

impl Read for Pieces<'_> {
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

impl Store {
    pub(super) fn new(storage: Storage) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { storage, runtime })
    }

    /// The bytes of a file, if they are there.
    fn open(&self, key: &str) -> Result<Option<Pieces<'_>>> {
        match self.runtime.block_on(self.storage.open(&Key::recorded(key), None)) {
            Ok(opened) => Ok(Some(Pieces { runtime: &self.runtime, opened, piece: Bytes::new() })),
            Err(StoreError::Missing(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The checksum of a file, if it is there.
    fn checksum(&self, key: &str) -> Result<Option<String>> {
        match self.runtime.block_on(self.storage.checksum(&Key::recorded(key))) {
            Ok(sum) => Ok(Some(sum)),
            Err(StoreError::Missing(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps what is read under this key.
    fn put(&self, key: &str, content: &mut dyn Read) -> Result<()> {
        let mut incoming = self.storage.begin(u64::MAX);
        let mut piece = vec![0; PIECE];
        loop {
            let read = content.read(&mut piece)?;
            if read == 0 {
                break;
            }
            self.runtime.block_on(incoming.write(piece.get(..read).unwrap_or_default()))?;
        }
        let kept = async { self.storage.put(&Key::recorded(key), incoming.finish().await?).await };
        Ok(self.runtime.block_on(kept)?)
    }
}

/// Writes these files out of a store. Each must be as it is on record; one that isn't there must have been deleted meanwhile.
pub(super) fn write(
    store: &Store,
    files: &[FileOnRecord],
    to: File,
    at: Instant,
    is_on_record: impl Fn(FileId) -> Result<bool>,
    bar: &ProgressBar,
) -> Result<Files> {
    let mut archive = tar::Builder::new(BufWriter::new(to));
    let mut written = Files::default();
    for file in files {
        let (id, size) = (file.id, u64::try_from(file.size)?);
        let Some(pieces) = store.open(&file.key)? else {
            ensure!(
                !is_on_record(id)?,
                "file {id} is on record, but its bytes are not in the store; `files check` lists all such files"
            );
            written.missing.push(id.get());
            continue;
        };
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(at.as_second())?);
        let differs =
            || format!("file {id} is not as it was uploaded; `files check --contents` lists all such files");
        ensure!(pieces.opened.size == size, differs());
        let mut content = Hashing::new(pieces);
        archive.append_data(&mut header, &file.key, &mut content).with_context(|| format!("file {id}"))?;
        let (_, bytes, sum) = content.finish();
        ensure!(bytes == size && sum == file.sha256, differs());
        written.count += 1;
        written.bytes += size;
        bar.inc(size);
    }
    let mut to = archive.into_inner()?;
    to.flush()?;
    Ok(written)
}

/// Reads the files of a backup one after the other: their keys, sizes and bytes.
pub(super) fn each(from: &Path, mut work: impl FnMut(&str, u64, &mut dyn Read) -> Result<()>) -> Result<()> {
    let mut archive = tar::Archive::new(BufReader::new(File::open(from)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let key = entry.path()?.to_str().context("a name that is no text")?.to_owned();
        ensure!(entry.header().entry_type().is_file(), "{key} is no file");
        let size = entry.size();
        work(&key, size, &mut entry)?;
    }
    Ok(())
}

/// The checksum of what is read.
pub(super) fn checksum(content: &mut dyn Read) -> Result<String> {
    let mut content = Hashing::new(content);
    io::copy(&mut content, &mut io::sink())?;
    Ok(content.finish().2)
}

/// Those of the files of a backup that a store has, by their keys. None of them may have other bytes.
pub(super) fn present(store: &Store, from: &Path, bar: &ProgressBar) -> Result<BTreeSet<String>> {
    let (mut there, mut different) = (BTreeSet::new(), Vec::new());
    each(from, |key, size, content| {
        if let Some(found) = store.checksum(key)? {
            if found == checksum(content)? {
                there.insert(key.to_owned());
            } else {
                different.push(key.to_owned());
            }
        }
        bar.inc(size);
        Ok(())
    })?;
    if let Some(first) = different.first() {
        bail!(
            "the store has other bytes than the backup for {} files, such as {first}; nothing was changed",
            different.len()
        );
    }
    Ok(there)
}

/// Puts the files of a backup into a store, but for those that are there. Says how many.
pub(super) fn put_back(
    store: &Store,
    from: &Path,
    there: &BTreeSet<String>,
    bar: &ProgressBar,
) -> Result<u64> {
    let mut count = 0;
    each(from, |key, size, content| {
        if !there.contains(key) {
            store.put(key, content).with_context(|| format!("can't put {key} back"))?;
            count += 1;
        }
        bar.inc(size);
        Ok(())
    })?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use inspection_testkit::files::png;

    use super::*;

    const KEY: &str = "general/2026/03/02/07070707070707070707070707070707.png";

    fn store(folder: &Path) -> Store {
        Store::new(Storage::local(folder).expect("a store")).expect("a store")
    }

    fn record(bytes: &[u8], id: i64, key: &str) -> FileOnRecord {
        FileOnRecord {
            id: FileId::new(id).expect("an id"),
            key: key.into(),
            size: i64::try_from(bytes.len()).expect("a size"),
            sha256: checksum(&mut &*bytes).expect("a sum"),
        }
    }

    fn written(store: &Store, files: &[FileOnRecord], to: &Path, on_record: bool) -> Result<Files> {
        let file = File::create(to).expect("made");
        let at = Instant::parse("2026-03-02T08:00:00Z").expect("an instant");
        write(store, files, file, at, |_| Ok(on_record), &ProgressBar::hidden())
    }

    #[test]
    fn files_go_into_the_archive_and_back_into_another_store() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, other] = ["one", "other"].map(|name| store(&folder.path().join(name)));
        let (image, archive, bar) = (png(300, 200), folder.path().join("files.tar"), ProgressBar::hidden());
        one.put(KEY, &mut image.as_slice()).expect("kept");
        let deleted = "general/2026/03/02/08080808080808080808080808080808.png";
        let files = [record(&image, 1, KEY), record(&image, 2, deleted)];
        let told = written(&one, &files, &archive, true).expect_err("still on record").to_string();
        assert!(told.contains("file 2") && told.contains("files check"), "{told}");
        let files = written(&one, &files, &archive, false).expect("written");
        assert_eq!(files, Files { count: 1, bytes: image.len() as u64, missing: vec![2] });

        let there = present(&other, &archive, &bar).expect("compared");
        assert!(there.is_empty());
        assert_eq!(put_back(&other, &archive, &there, &bar).expect("put back"), 1);
        assert_eq!(other.checksum(KEY).expect("read"), Some(checksum(&mut image.as_slice()).expect("a sum")));
        let there = present(&other, &archive, &bar).expect("compared");
        assert_eq!(put_back(&other, &archive, &there, &bar).expect("nothing to do"), 0);
    }

    #[test]
    fn other_bytes_are_neither_backed_up_nor_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, other] = ["one", "other"].map(|name| store(&folder.path().join(name)));
        let (image, archive) = (png(30, 20), folder.path().join("files.tar"));
        one.put(KEY, &mut image.as_slice()).expect("kept");
        let changed = record(&png(31, 20), 1, KEY);
        let told = written(&one, &[changed], &archive, true).expect_err("changed").to_string();
        assert!(told.contains("file 1 is not as it was uploaded"), "{told}");
        written(&one, &[record(&image, 1, KEY)], &archive, true).expect("written");
        other.put(KEY, &mut png(99, 9).as_slice()).expect("kept");
        let told = present(&other, &archive, &ProgressBar::hidden()).expect_err("other bytes").to_string();
        assert!(told.contains(KEY) && told.contains("nothing was changed"), "{told}");
    }
}
