//! Passwords: argon2id, in the text form that carries its own parameters. Slow on purpose: callers keep it off
//! the threads that answer requests.

use std::sync::OnceLock;

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use inspection_domain::users::Password;

/// A password couldn't be hashed, which only a defect of this program can cause.
#[derive(Debug, thiserror::Error)]
#[error("hashing a password failed: {0}")]
pub struct HashFailed(String);

/// The hash of a password, with sixteen random bytes of salt.
pub fn hash(password: &Password, salt: [u8; 16]) -> Result<String, HashFailed> {
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.expose().as_bytes(), &salt)
        .map_err(|error| HashFailed(error.to_string()))?;
    Ok(hash.to_string())
}

fn nobody() -> &'static str {
    static NOBODY: OnceLock<String> = OnceLock::new();
    NOBODY.get_or_init(|| hash(&Password::new("nobody's"), [7; 16]).unwrap_or_default())
}

/// Makes ready what [`verify`] needs when there is no account, so that the first such call takes no longer than others.
pub fn prepare() {
    nobody();
}

/// Whether the hash is that of the password. Without a hash, because there is no such account, the answer is no
/// and takes just as long.
pub fn verify(password: &Password, stored: Option<&str>) -> bool {
    let verified = PasswordHash::new(stored.unwrap_or_else(|| nobody()))
        .is_ok_and(|hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok());
    verified && stored.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_argon2id_and_that_of_its_password_only() {
        let kept = hash(&Password::new("correct horse"), [1; 16]).expect("hashed");
        assert!(kept.starts_with("$argon2id$"), "{kept}");
        assert!(verify(&Password::new("correct horse"), Some(&kept)));
        assert!(!verify(&Password::new("correct horsf"), Some(&kept)));
        assert!(!verify(&Password::new("correct horse"), Some("rubbish")));
    }

    #[test]
    fn nobody_can_sign_in_as_nobody() {
        assert!(!verify(&Password::new("nobody's"), None));
    }
}
