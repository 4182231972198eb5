//! Reading of containers.

use std::io::{BufRead, Read};

use crate::content::error::{ContentError, Refusal};

pub(super) type ContainerResult<T = ()> = Result<T, ContentError>;

pub(super) fn bytes<const N: usize>(file: &mut impl Read) -> Result<[u8; N], ContentError> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn byte(file: &mut impl Read) -> Result<u8, ContentError> {
    let [byte] = bytes::<1>(file)?;
    Ok(byte)
}

/// Skips bytes; fails if the file is shorter.
pub(super) fn skip(file: &mut impl BufRead, count: u64) -> ContainerResult {
    let skipped = std::io::copy(&mut file.take(count), &mut std::io::sink())?;
    if skipped == count { Ok(()) } else { Err(Refusal::CutOff.into()) }
}
