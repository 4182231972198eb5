//! Signed cursors into the change feed and into lists. A cursor belongs to one user and cannot be
//! forged.

use inspection_domain::{ids::UserId, page::Position, versions::VersionKey};
use serde::{Deserialize, Serialize};

use crate::keys::Keys;

/// Purpose claim. It separates cursors from other tokens signed with the same key.
const PURPOSE: &str = "changes";

/// Purpose claim of cursors into lists.
const LIST_PURPOSE: &str = "list";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    purpose: String,
    user: i64,
    last: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ListClaims {
    purpose: String,
    user: i64,
    /// Fingerprint of the list.
    list: String,
    position: Position,
}

/// Signs and verifies cursors.
#[derive(Clone)]
pub struct Cursors {
    keys: Keys,
}

impl std::fmt::Debug for Cursors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursors")
    }
}

impl Cursors {
    /// Cursors that these keys sign. They never expire: a device may be offline for months.
    pub fn new(keys: impl Into<Keys>) -> Self {
        Self { keys: keys.into() }
    }

    /// Signs the cursor of `owner` after the change number `last`.
    ///
    /// Returns `None` only if signing fails, which a symmetric key rules out.
    pub fn sign(&self, owner: UserId, last: i64) -> Option<String> {
        let claims = Claims { purpose: PURPOSE.into(), user: owner.get(), last };
        self.keys.issue(&claims)
    }

    /// Returns the change number of a valid cursor that belongs to `owner`.
    pub fn read(&self, cursor: &str, owner: UserId) -> Option<i64> {
        let claims = self.keys.read::<Claims>(cursor)?;
        (claims.purpose == PURPOSE && claims.user == owner.get()).then_some(claims.last)
    }

    /// Signs the cursor of `owner` to a position of a list. `list` names the operation, its filters
    /// and its order.
    ///
    /// Returns `None` only if signing fails, which a symmetric key rules out.
    pub fn sign_position(&self, owner: UserId, list: &str, position: &Position) -> Option<String> {
        let list = self.keys.sign(&of_list(list))?;
        let claims =
            ListClaims { purpose: LIST_PURPOSE.into(), user: owner.get(), list, position: position.clone() };
        self.keys.issue(&claims)
    }

    /// Returns the position of a valid cursor to this list that belongs to `owner`.
    pub fn read_position(&self, cursor: &str, owner: UserId, list: &str) -> Option<Position> {
        let claims = self.keys.read::<ListClaims>(cursor)?;
        let is_valid = claims.purpose == LIST_PURPOSE
            && claims.user == owner.get()
            && self.keys.verifies(&claims.list, &of_list(list));
        is_valid.then_some(claims.position)
    }

    /// The secret of the versions in tags.
    ///
    /// Returns `None` only if signing fails, which a symmetric key rules out.
    pub fn version_key(&self) -> Option<VersionKey> {
        // The message separates the secret from tokens and from fingerprints of lists.
        self.keys.sign(b"versions\n").map(VersionKey::new)
    }
}

/// The message whose signature stands for a list. The prefix separates it from tokens.
fn of_list(list: &str) -> Vec<u8> {
    format!("list\n{list}").into_bytes()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_cursor_is_valid_for_its_owner_only() {
        let cursors = |secret: &str| Cursors::new(&SecretString::from(secret));
        let [owner, other] = [3, 4].map(|number| UserId::new(number).expect("a number"));
        let cursor = cursors("a secret for tests").sign(owner, 77).expect("signed");
        assert_eq!(cursors("a secret for tests").read(&cursor, owner), Some(77));
        assert_eq!(cursors("a secret for tests").read(&cursor, other), None, "another user's cursor");
        assert_eq!(cursors("another secret").read(&cursor, owner), None);
        assert_eq!(cursors("a secret for tests").read(&format!("{cursor}x"), owner), None);
        assert_eq!(cursors("a secret for tests").read("", owner), None);
    }

    #[test]
    fn a_cursor_outlives_its_key_while_that_verifies() {
        let [first, second] = ["a secret for tests", "another secret"].map(SecretString::from);
        let owner = UserId::new(3).expect("a number");
        let position = Position { page: 2, last: vec![7.into()] };
        let before = Cursors::new(&first);
        let changes = before.sign(owner, 77).expect("signed");
        let page = before.sign_position(owner, "/api/defects", &position).expect("signed");
        let rotated = Cursors::new(Keys::new(&second, &[first]));
        assert_eq!(rotated.read(&changes, owner), Some(77));
        assert_eq!(rotated.read_position(&page, owner, "/api/defects"), Some(position));
        assert_eq!(rotated.read_position(&page, owner, "/api/jobs"), None);
    }

    #[test]
    fn a_token_for_another_purpose_is_no_cursor() {
        let cursors = Cursors::new(&SecretString::from("a secret for tests"));
        let owner = UserId::new(3).expect("a number");
        let signed = |purpose: &str| {
            let claims = Claims { purpose: purpose.into(), user: 3, last: 77 };
            cursors.keys.issue(&claims).expect("signed")
        };
        assert_eq!(cursors.read(&signed(PURPOSE), owner), Some(77));
        assert_eq!(cursors.read(&signed("file"), owner), None);
    }

    #[test]
    fn a_position_is_valid_for_its_owner_and_its_list_only() {
        let cursors = |secret: &str| Cursors::new(&SecretString::from(secret));
        let [owner, other] = [3, 4].map(|number| UserId::new(number).expect("a number"));
        let position = Position { page: 2, last: vec!["2026-03-02".into(), 7.into()] };
        let own = cursors("a secret for tests");
        let cursor = own.sign_position(owner, "/api/defects status=open", &position).expect("signed");
        let read = |owner, list| own.read_position(&cursor, owner, list);
        assert_eq!(read(owner, "/api/defects status=open"), Some(position.clone()));
        assert_eq!(read(other, "/api/defects status=open"), None, "another user's cursor");
        assert_eq!(read(owner, "/api/defects status=closed"), None, "the cursor of another list");
        let another = cursors("another secret");
        assert_eq!(another.read_position(&cursor, owner, "/api/defects status=open"), None);
        assert_eq!(own.read(&cursor, owner), None, "no cursor into the change feed");
        let changes = own.sign(owner, 77).expect("signed");
        assert_eq!(own.read_position(&changes, owner, ""), None);
    }
}
