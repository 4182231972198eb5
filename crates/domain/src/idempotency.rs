//! Idempotency keys: a request that is sent again with its key gets the first response, and
//! changes nothing (rule book §15).

use crate::{
    ids::UserId,
    input::Invalid,
    rule::{Code, Rule},
    time::Instant,
};

/// Maximum length of a key, in characters.
const MAX_LENGTH: usize = 128;

/// Name of the header, for errors.
const FIELD: &str = "Idempotency-Key";

/// A key that a client has chosen for a request: visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the value of the header, bare or in double quotes.
    ///
    /// # Errors
    ///
    /// If it is empty, longer than 128 characters, or has spaces or other invisible characters.
    pub fn parse(header: &[u8]) -> Result<Self, Invalid> {
        let text = header.trim_ascii();
        let text = text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(text);
        if !(1..=MAX_LENGTH).contains(&text.len()) || !text.iter().all(u8::is_ascii_graphic) {
            return Err(Invalid::field(FIELD, "must have 1 to 128 visible characters of ASCII"));
        }
        Ok(Self(text.iter().copied().map(char::from).collect()))
    }

    /// The key without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The key.
    pub key: IdempotencyKey,
    /// Method and path, such as `POST /api/leaves`.
    pub operation: String,
    /// Fingerprint of the body; empty without one.
    pub fingerprint: String,
}

/// The response to the first request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::idempotency_keys, treat_none_as_default_value = false)
)]
pub struct FirstResponse {
    /// The sender.
    pub user_id: UserId,
    /// The key.
    pub key: String,
    /// Method and path of the request.
    pub operation: String,
    /// Fingerprint of its body.
    pub fingerprint: String,
    /// HTTP status.
    pub status: i32,
    /// Body.
    pub body: String,
    /// Time of the request.
    pub created_at: Instant,
}

impl FirstResponse {
    /// The response of this user's request, which is about to be known.
    pub fn of(request: KeyedRequest, user: UserId, now: Instant) -> Self {
        Self {
            user_id: user,
            key: request.key.0,
            operation: request.operation,
            fingerprint: request.fingerprint,
            status: 0,
            body: String::new(),
            created_at: now,
        }
    }

    /// The response for the same request that is sent again (§15).
    ///
    /// # Errors
    ///
    /// If the key stands for another request.
    pub fn replay(self, again: &KeyedRequest) -> Result<Self, IdempotencyRule> {
        let is_same = self.operation == again.operation && self.fingerprint == again.fingerprint;
        if is_same { Ok(self) } else { Err(IdempotencyRule::OtherRequest) }
    }
}

/// Whether a response is stored for repetitions: the request has changed something, or is refused
/// for a reason that sending it again does not remove (§15).
pub const fn is_final(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 404)
}

/// Violated rule on keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdempotencyRule {
    /// The key stands for another request (§15).
    #[error("this Idempotency-Key was used for another request")]
    OtherRequest,
}

impl Rule for IdempotencyRule {
    fn code(&self) -> Code {
        Code::Conflict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{id, now};

    fn key(text: &str) -> Result<String, String> {
        IdempotencyKey::parse(text.as_bytes()).map(|key| key.0).map_err(|errors| errors.to_string())
    }

    #[test]
    fn a_key_is_bare_or_quoted() {
        let longest = "k".repeat(128);
        for text in ["k", "8e03978e-40d5-43dd-bc93-6894a57f9324", "a,b;c", &longest] {
            assert_eq!(key(text), Ok(text.to_owned()));
            assert_eq!(key(&format!("  \"{text}\" ")), Ok(text.to_owned()));
        }
        // A single quote at one end is part of the key.
        assert_eq!(key("\"k"), Ok("\"k".to_owned()));
        for text in ["", " ", "\"\"", "a b", "a\tb", "ä", "\u{7f}", &format!("{longest}k")] {
            let error =
                "the input is not valid: Idempotency-Key must have 1 to 128 visible characters of ASCII";
            assert_eq!(key(text), Err(error.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_key_stands_for_one_operation_and_body() {
        let request = |operation: &str, fingerprint: &str| KeyedRequest {
            key: IdempotencyKey("k".into()),
            operation: operation.into(),
            fingerprint: fingerprint.into(),
        };
        let first = FirstResponse {
            status: 201,
            body: "{}".into(),
            ..FirstResponse::of(request("POST /a", "1"), id(7), now())
        };
        assert_eq!((first.user_id, first.key.as_str()), (id(7), "k"));
        assert_eq!(first.clone().replay(&request("POST /a", "1")), Ok(first.clone()));
        for other in [request("POST /b", "1"), request("POST /a", "2"), request("POST /a", "")] {
            assert_eq!(first.clone().replay(&other), Err(IdempotencyRule::OtherRequest));
        }
    }

    #[test]
    fn only_final_responses_are_stored() {
        for status in [200, 201, 204, 299, 400, 404] {
            assert!(is_final(status), "{status}");
        }
        for status in [199, 300, 401, 403, 405, 409, 412, 413, 415, 429, 500, 503] {
            assert!(!is_final(status), "{status}");
        }
    }
}
