//! Cursors: how far somebody has read. Signed, so that nobody makes one up, and good for one person only.

use inspection_domain::ids::UserId;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// What a signature of this kind is for, so that nothing else that is signed with the same key is one.
const PURPOSE: &str = "changes";

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    purpose: String,
    user: i64,
    last: i64,
}

/// Signs cursors, and reads them.
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
    /// Cursors signed with this secret.
    pub fn new(secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        Self { encoding: EncodingKey::from_secret(bytes), decoding: DecodingKey::from_secret(bytes) }
    }

    /// The cursor of somebody who has read up to a number; `None` only if signing fails, which it can't with a symmetric key.
    pub fn sign(&self, owner: UserId, last: i64) -> Option<String> {
        let claims = Claims { purpose: PURPOSE.into(), user: owner.get(), last };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).ok()
    }

    /// Up to which number somebody has read, if the cursor is theirs.
    pub fn read(&self, cursor: &str, owner: UserId) -> Option<i64> {
        let mut validation = Validation::new(Algorithm::HS256);
        // They are good for ever: a phone may have been in a drawer.
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
    fn a_cursor_is_good_for_whom_it_was_made() {
        let cursors = |secret: &str| Cursors::new(&secret.to_owned().into());
        let [owner, other] = [3, 4].map(|number| UserId::new(number).expect("a number"));
        let cursor = cursors("a secret for tests").sign(owner, 77).expect("signed");
        assert_eq!(cursors("a secret for tests").read(&cursor, owner), Some(77));
        assert_eq!(cursors("a secret for tests").read(&cursor, other), None, "somebody else's");
        assert_eq!(cursors("another secret").read(&cursor, owner), None);
        assert_eq!(cursors("a secret for tests").read(&format!("{cursor}x"), owner), None);
        assert_eq!(cursors("a secret for tests").read("", owner), None);
    }
}
