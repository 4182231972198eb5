//! Signed cursors into the change feed. A cursor belongs to one user and cannot be forged.

use inspection_domain::ids::UserId;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Purpose claim. It separates cursors from other tokens signed with the same key.
const PURPOSE: &str = "changes";

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    purpose: String,
    user: i64,
    last: i64,
}

/// Signs and verifies cursors.
#[derive(Clone)]
pub struct Cursors {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl std::fmt::Debug for Cursors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursors")
    }
}

impl Cursors {
    /// Creates the HS256 key from a secret.
    pub fn new(secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        Self { encoding: EncodingKey::from_secret(bytes), decoding: DecodingKey::from_secret(bytes) }
    }

    /// Signs the cursor of `owner` after the change number `last`.
    ///
    /// Returns `None` only if signing fails, which a symmetric key rules out.
    pub fn sign(&self, owner: UserId, last: i64) -> Option<String> {
        let claims = Claims { purpose: PURPOSE.into(), user: owner.get(), last };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).ok()
    }

    /// Returns the change number of a valid cursor that belongs to `owner`.
    pub fn read(&self, cursor: &str, owner: UserId) -> Option<i64> {
        let mut validation = Validation::new(Algorithm::HS256);
        // Cursors never expire: a device may be offline for months.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(cursor, &self.decoding, &validation).ok()?.claims;
        (claims.purpose == PURPOSE && claims.user == owner.get()).then_some(claims.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_valid_for_its_owner_only() {
        let cursors = |secret: &str| Cursors::new(&secret.to_owned().into());
        let [owner, other] = [3, 4].map(|number| UserId::new(number).expect("a number"));
        let cursor = cursors("a secret for tests").sign(owner, 77).expect("signed");
        assert_eq!(cursors("a secret for tests").read(&cursor, owner), Some(77));
        assert_eq!(cursors("a secret for tests").read(&cursor, other), None, "another user's cursor");
        assert_eq!(cursors("another secret").read(&cursor, owner), None);
        assert_eq!(cursors("a secret for tests").read(&format!("{cursor}x"), owner), None);
        assert_eq!(cursors("a secret for tests").read("", owner), None);
    }

    #[test]
    fn a_token_for_another_purpose_is_no_cursor() {
        let cursors = Cursors::new(&"a secret for tests".to_owned().into());
        let owner = UserId::new(3).expect("a number");
        let signed = |purpose: &str| {
            let claims = Claims { purpose: purpose.into(), user: 3, last: 77 };
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &cursors.encoding).expect("signed")
        };
        assert_eq!(cursors.read(&signed(PURPOSE), owner), Some(77));
        assert_eq!(cursors.read(&signed("file"), owner), None);
    }
}
