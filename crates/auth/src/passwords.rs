//! Password hashing with argon2id in the PHC string format.
//!
//! Hashing is slow on purpose. Callers run it on blocking threads.

use std::sync::OnceLock;

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use inspection_domain::users::Password;

/// Hashing failed. Only a programming error causes this.
#[derive(Debug, thiserror::Error)]
#[error("failed to hash the password: {0}")]
pub struct HashFailed(String);

/// Hashes a password with a random salt of 16 bytes.
pub fn hash(password: &Password, salt: [u8; 16]) -> Result<String, HashFailed> {
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.expose().as_bytes(), &salt)
        .map_err(|error| HashFailed(error.to_string()))?;
    Ok(hash.to_string())
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
        .is_ok_and(|hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok());
    verified && stored.is_some()
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
}
