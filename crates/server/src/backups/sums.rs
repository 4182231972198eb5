//! Checksums of the parts of a backup.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Write},
    path::Path,
};

use anyhow::{Context as _, Result};
use sha2::{Digest, Sha256};

use super::{MANIFEST, Manifest, SUMS, manifest::write_new};

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// Two digits for each byte.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |text, byte| text + &format!("{byte:02x}"))
}

/// What goes through it is summed up.
pub(crate) struct Hashing<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<T> Hashing<T> {
    /// Sums up what goes through to, or comes from, this.
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// What is below, how many bytes went through, and their SHA-256 in hexadecimal digits.
    pub(crate) fn finish(self) -> (T, u64, String) {
        (self.inner, self.bytes, hexadecimal(&self.hash.finalize()))
    }

    fn take(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(piece)?;
        self.take(piece.get(..written).unwrap_or(piece));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(piece)?;
        self.take(piece.get(..read).unwrap_or(&[]));
        Ok(read)
    }
}

/// Bytes of a file, and their SHA-256.
pub(super) fn of_file(path: &Path, progress: &mut impl FnMut(u64)) -> Result<(u64, String)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = fs::File::open(path).with_context(|| format!("{name} is missing or can't be read"))?;
    let mut file = Hashing::new(file);
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece).with_context(|| format!("{name} can't be read"))?;
        if read == 0 {
            let (_, bytes, sum) = file.finish();
            return Ok((bytes, sum));
        }
        progress(read as u64);
    }
}

/// The checksums of a backup, by the names of its files.
pub(super) struct Sums(BTreeMap<String, String>);

impl Sums {
    /// Reads those of the backup in a folder.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let text =
            fs::read(folder.join(SUMS)).with_context(|| format!("{SUMS} is missing or can't be read"))?;
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter_map(|line| line.split_once("  "));
        Ok(Self(lines.map(|(sum, name)| (name.to_owned(), sum.to_owned())).collect()))
    }

    /// The checksum a file must have.
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

/// Bytes of a part that is there, and their SHA-256, safely on the disk.
pub(crate) fn seal(path: &Path) -> Result<(u64, String)> {
    fs::File::open(path)?.sync_all()?;
    of_file(path, &mut |_| {})
}
