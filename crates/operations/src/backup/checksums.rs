//! SHA-256 checksums of the files of a backup.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Write},
    path::Path,
};

use sha2::{Digest, Sha256};

use super::{
    layout::{MANIFEST, SUMS},
    manifest::{Manifest, write_new},
};
use crate::{Result, error::Context as _};

/// Size of the read buffer, in bytes.
const BUFFER: usize = 256 << 10;

/// A reader or writer that counts and hashes the bytes that pass through it.
pub(super) struct Hashing<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<T> Hashing<T> {
    /// Wraps a reader or writer.
    pub(super) fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// The wrapped object, the number of bytes and their SHA-256 in hexadecimal digits.
    pub(super) fn finish(self) -> (T, u64, String) {
        (self.inner, self.bytes, base16ct::lower::encode_string(&self.hash.finalize()))
    }

    fn update(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(piece)?;
        self.update(piece.get(..written).unwrap_or(piece));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(piece)?;
        self.update(piece.get(..read).unwrap_or(&[]));
        Ok(read)
    }
}

/// Size of a file in bytes, and its SHA-256. `advance` is called with the size of each piece.
pub(super) fn of_file(path: &Path, advance: &mut impl FnMut(u64)) -> Result<(u64, String)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = fs::File::open(path).with_context(|| format!("{name} is missing or can't be read"))?;
    let mut file = Hashing::new(file);
    let mut piece = vec![0; BUFFER];
    loop {
        let read = file.read(&mut piece).with_context(|| format!("{name} can't be read"))?;
        if read == 0 {
            let (_, bytes, sum) = file.finish();
            return Ok((bytes, sum));
        }
        advance(read as u64);
    }
}

/// The recorded checksums of a backup, by file name.
pub(super) struct Sums(BTreeMap<String, String>);

impl Sums {
    /// Reads the checksums of the backup in a folder.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let text =
            fs::read(folder.join(SUMS)).with_context(|| format!("{SUMS} is missing or can't be read"))?;
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter_map(|line| line.split_once("  "));
        Ok(Self(lines.map(|(sum, name)| (name.to_owned(), sum.to_owned())).collect()))
    }

    /// The recorded checksum of a file.
    pub(super) fn expected(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Writes the checksums of the backup in a folder.
pub(super) fn write(folder: &Path, manifest: &Manifest) -> Result<()> {
    let (_, sum) = of_file(&folder.join(MANIFEST), &mut |_| {})?;
    let parts = manifest.parts.iter().map(|part| (part.sha256.as_str(), part.name.as_str()));
    let lines = parts.chain([(sum.as_str(), MANIFEST)]).map(|(sum, name)| format!("{sum}  {name}\n"));
    write_new(folder, SUMS, lines.collect::<String>().as_bytes())
}

/// Syncs a file, and gives its size in bytes and its SHA-256.
pub(super) fn seal(path: &Path) -> Result<(u64, String)> {
    fs::File::open(path)?.sync_all()?;
    of_file(path, &mut |_| {})
}
