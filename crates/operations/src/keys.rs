//! The keys of signatures: an estimate of their strength, and those of a developer's machine.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use inspection_domain::ids::Ids;
use secrecy::SecretString;

use crate::{Result, error::Context as _};

/// Least estimated entropy of a key, in bits.
pub const LEAST_BITS: f64 = 128.0;

/// Shortest repetition or sequence that counts as one, in characters. A random key has few.
const SHORTEST_PATTERN: usize = 4;

/// An estimate of the entropy of a key, in bits: each character counts as one of its alphabet; a
/// repetition of an earlier part, or a sequence such as `abcd` or `aaaa`, counts as one choice.
pub fn estimated_bits(key: &str) -> f64 {
    let letters: Vec<char> = key.chars().collect();
    let per_character = alphabet(key).log2();
    let (mut bits, mut at) = (0.0, 0);
    while let Some(rest) = letters.get(at..).filter(|rest| !rest.is_empty()) {
        let length = repetition(&letters, at).max(sequence(rest));
        if length < SHORTEST_PATTERN {
            bits += per_character;
            at += 1;
        } else {
            bits += count(at + 1).log2() + count(length).log2();
            at += length;
        }
    }
    bits
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

/// Size of the smallest usual alphabet that has all characters of a key.
fn alphabet(key: &str) -> f64 {
    let all = |is_in: fn(char) -> bool| key.chars().all(is_in);
    let is_lower_hex = |c: char| c.is_ascii_digit() || matches!(c, 'a'..='f');
    let is_upper_hex = |c: char| c.is_ascii_digit() || matches!(c, 'A'..='F');
    if all(|c| c.is_ascii_digit()) {
        10.0
    } else if all(is_lower_hex) || all(is_upper_hex) {
        16.0
    } else if all(|c| c.is_ascii_lowercase()) || all(|c| c.is_ascii_uppercase()) {
        26.0
    } else if !key.chars().any(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) {
        32.0
    } else if all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        36.0
    } else {
        64.0
    }
}

/// Length of the longest part from here that occurs earlier.
fn repetition(letters: &[char], at: usize) -> usize {
    let same = |from: usize| {
        let (earlier, later) = (letters.iter().skip(from), letters.iter().skip(at));
        earlier.zip(later).take_while(|(one, other)| one == other).count()
    };
    (0..at).map(same).max().unwrap_or(0)
}

/// Length of the sequence at the start: of equal characters, or of neighbours in the alphabet.
fn sequence(letters: &[char]) -> usize {
    let steps = letters.windows(2).map(|pair| match pair {
        [one, next] => i64::from(u32::from(*next)) - i64::from(u32::from(*one)),
        _ => i64::MAX,
    });
    let mut steps = steps.peekable();
    let Some(first) = steps.peek().copied().filter(|step| step.abs() <= 1) else { return 1 };
    1 + steps.take_while(|step| *step == first).count()
}

/// The keys of a developer's machine, which are generated at the first call and stored in a file
/// that only its owner may read.
pub fn of_developer(file: &Path, ids: &dyn Ids) -> Result<[SecretString; 2]> {
    let stored = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            generate(file, ids)?;
            // Another process may have been faster.
            fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?
        }
        Err(error) => return Err(error).with_context(|| format!("{} can't be read", file.display())),
    };
    let mut keys = stored.lines().map(str::trim).filter(|line| !line.is_empty()).map(SecretString::from);
    let (one, other) = keys.next().zip(keys.next()).with_context(|| {
        format!("{} has no two lines with a key each: remove it, and new ones are generated", file.display())
    })?;
    Ok([one, other])
}

/// Writes two new keys to a file, unless it exists by then.
fn generate(file: &Path, ids: &dyn Ids) -> Result<()> {
    let failed = || format!("{} can't be written", file.display());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    let key =
        || [ids.random(), ids.random()].map(|half| format!("{:032x}", u128::from_be_bytes(half))).concat();
    // Complete under another name first, since other processes read it.
    let partial = file.with_extension(format!("{}.partial", ids.unique()));
    let mut new = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .with_context(failed)?;
    let written = writeln!(new, "{}\n{}", key(), key());
    let linked = written.and_then(|()| match fs::hard_link(&partial, file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    fs::remove_file(&partial).with_context(failed)?;
    linked.with_context(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use inspection_testkit::context::{SequentialIds, context};
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn random_keys_have_128_bits_and_others_fewer() {
        for random in [
            "b1946ac92492d2347c6235b4d2611184591c2d1cbb8b3a9f",
            "5f0e2bd1a6c94b7c8f3d7e1a9b0c6d24",
            "pGt0x5Q9mLr2Vw8ZkYb3NcJhS7dF1aEu",
            "zqkfhwmxyblrtcvnsgdpoejiua",
            "n3J/8vq+KZr5xT0bWmY2cQdLsE7uHgPfAoIi1X4Rk9M=",
        ] {
            let bits = estimated_bits(random);
            let is_long = random.len() >= 32;
            assert_eq!(bits >= LEAST_BITS, is_long, "{random}: {bits}");
        }
        for weak in [
            "",
            &"a".repeat(40),
            &"password".repeat(5),
            &"correct horse battery ".repeat(3),
            "0123456789abcdef0123456789abcdef",
            "fedcba9876543210fedcba9876543210",
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst",
            "12345678901234567890123456789012345678",
            &"ab".repeat(32),
            "31415926535897932384626433832795028",
        ] {
            assert!(estimated_bits(weak) < LEAST_BITS, "{weak}: {}", estimated_bits(weak));
        }
    }

    #[test]
    fn keys_of_a_developer_are_generated_once_for_their_owner_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("data/site.keys");
        let (context, _) = context();
        let read = || {
            of_developer(&file, context.ids.as_ref()).expect("keys").map(|key| key.expose_secret().to_owned())
        };
        let first = read();
        assert_eq!((&first, first[0].len(), first[1].len()), (&read(), 64, 64));
        assert_ne!(first[0], first[1]);
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = fs::read_dir(file.parent().expect("a folder")).expect("read").count();
        assert_eq!(files, 1, "no partial file is left");
        fs::write(&file, "one\n").expect("written");
        let error = of_developer(&file, &SequentialIds::default()).expect_err("damaged").to_string();
        assert!(error.contains("no two lines") && !error.contains("one\n"), "{error}");
    }

    #[test]
    fn processes_that_start_at_once_have_the_same_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("site.keys");
        let (context, _) = context();
        let keys: Vec<String> = std::thread::scope(|scope| {
            let read =
                || of_developer(&file, context.ids.as_ref()).expect("keys")[0].expose_secret().to_owned();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(read)).collect();
            threads.into_iter().map(|thread| thread.join().expect("keys")).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }
}
