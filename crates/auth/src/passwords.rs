//! Password hashing with argon2id in the PHC string format.
//!
//! Hashing is slow on purpose. Callers run it on blocking threads.

use std::sync::{Mutex, OnceLock, PoisonError};

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use inspection_domain::users::Password;

/// Memory of finished computations, for the next ones. Freed memory would remain with each thread
/// that ever hashed a password, 19 MB of it.
static MEMORY: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// Hashing failed. Only a programming error causes this.
#[derive(Debug, thiserror::Error)]
#[error("failed to hash the password: {0}")]
pub struct HashFailed(String);

/// Hashes a password with a random salt of 16 bytes.
pub fn hash(password: &Password, salt: [u8; 16]) -> Result<String, HashFailed> {
    let failed = |error: &dyn std::fmt::Display| HashFailed(error.to_string());
    let (version, params) = (Version::default(), Params::default());
    let salt = Salt::new(&salt).map_err(|error| failed(&error))?;
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(version.into()),
        params: ParamsString::try_from(&params).map_err(|error| failed(&error))?,
        salt: Some(salt),
        hash: Some(
            output(Algorithm::Argon2id, version, params, password, &salt, Params::DEFAULT_OUTPUT_LEN)
                .map_err(|error| failed(&error))?,
        ),
    };
    Ok(hash.to_string())
}

/// The output of argon2, of this length.
fn output(
    algorithm: Algorithm,
    version: Version,
    params: Params,
    password: &Password,
    salt: &[u8],
    length: usize,
) -> Result<Output, argon2::Error> {
    let memory = || MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut blocks = memory().pop().unwrap_or_default();
    blocks.resize(params.block_count(), Block::default());
    let mut buffer = [0; Output::MAX_LENGTH];
    let output = buffer.get_mut(..length).ok_or(argon2::Error::OutputTooLong)?;
    let argon2 = Argon2::new(algorithm, version, params);
    let done = argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, output, &mut blocks);
    memory().push(blocks);
    done.and_then(|()| Output::new(output).map_err(|_| argon2::Error::OutputTooLong))
}

/// Hash that [`verify`] uses for a missing account.
fn placeholder() -> &'static str {
    static PLACEHOLDER: OnceLock<String> = OnceLock::new();
    PLACEHOLDER.get_or_init(|| hash(&Password::new("placeholder"), [7; 16]).unwrap_or_default())
}

/// Computes the placeholder hash of [`verify`] in advance.
///
/// The first call for a missing account then takes as long as every other call.
pub fn prepare() {
    placeholder();
}

/// Verifies a password against the hash of an account.
///
/// Without a hash the result is `false`, after the same time: it does not reveal whether an account
/// exists.
pub fn verify(password: &Password, stored: Option<&str>) -> bool {
    let verified = PasswordHash::new(stored.unwrap_or_else(|| placeholder()))
        .is_ok_and(|hash| matches(password, &hash).unwrap_or(false));
    verified && stored.is_some()
}

/// Whether a hash has the algorithm and the parameters of new ones.
pub fn is_current(stored: &str) -> bool {
    let current = |hash: &PasswordHash| {
        hash.algorithm == ARGON2ID_IDENT
            && hash.version == Some(Version::default().into())
            && Params::try_from(hash).is_ok_and(|params| {
                let new = Params::default();
                [params.m_cost(), params.t_cost(), params.p_cost()]
                    == [new.m_cost(), new.t_cost(), new.p_cost()]
            })
    };
    PasswordHash::new(stored).is_ok_and(|hash| current(&hash))
}

/// Whether a password has this hash; `None` if it is no hash of argon2.
fn matches(password: &Password, hash: &PasswordHash) -> Option<bool> {
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or(Some(Version::default()), |version| Version::try_from(version).ok())?;
    let (params, salt, expected) = (Params::try_from(hash).ok()?, hash.salt?, hash.hash?);
    let computed = output(algorithm, version, params, password, &salt, expected.as_bytes().len()).ok()?;
    // Takes the same time wherever they differ.
    Some(computed == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_argon2id_and_matches_its_password_only() {
        let stored = hash(&Password::new("correct horse"), [1; 16]).expect("hashed");
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert!(verify(&Password::new("correct horse"), Some(&stored)));
        assert!(!verify(&Password::new("correct horsf"), Some(&stored)));
        assert!(!verify(&Password::new("correct horse"), Some("no hash")));
    }

    #[test]
    fn the_password_of_the_placeholder_verifies_no_account() {
        assert!(!verify(&Password::new("placeholder"), None));
    }

    #[test]
    fn only_hashes_like_new_ones_are_current() {
        let stored = hash(&Password::new("correct horse"), [1; 16]).expect("hashed");
        assert!(is_current(&stored), "{stored}");
        for (of_new, other) in
            [("argon2id", "argon2i"), ("v=19", "v=16"), ("m=19456", "m=8"), ("t=2", "t=1"), ("p=1", "p=2")]
        {
            let changed = stored.replacen(of_new, other, 1);
            assert_ne!(changed, stored);
            assert!(!is_current(&changed), "{changed}");
        }
        assert!(!is_current("no hash"));
    }

    #[test]
    fn a_stored_hash_keeps_its_parameters() {
        let stored = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21l$";
        let params = Params::new(8, 1, 1, Some(16)).expect("parameters");
        let output = output(
            Algorithm::Argon2id,
            Version::V0x13,
            params,
            &Password::new("correct horse"),
            b"somesaltsome",
            16,
        );
        let stored = format!("{stored}{}", output.expect("an output"));
        assert!(verify(&Password::new("correct horse"), Some(&stored)), "{stored}");
        assert!(!verify(&Password::new("correct horsf"), Some(&stored)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn many_threads_that_hash_in_turn_take_the_memory_of_few() {
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/status").expect("a process");
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
            line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") >> 10
        };
        prepare();
        let (before, turn, barrier) = (resident(), Mutex::new(()), std::sync::Barrier::new(9));
        let (barrier, turn) = (&barrier, &turn);
        let after = std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(move || {
                    for _ in 0..2 {
                        let _turn = turn.lock().expect("a turn");
                        assert!(!verify(&Password::new("a guess"), None));
                    }
                    // All threads, and what they retain, exist at once.
                    barrier.wait();
                    barrier.wait();
                });
            }
            barrier.wait();
            let after = resident();
            barrier.wait();
            after
        });
        // The other tests of this module hash as well.
        assert!(after < before + 4 * 20, "from {before} MB to {after} MB");
    }
}
