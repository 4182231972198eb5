//! Access and refresh tokens (HS256) of sessions.

use inspection_domain::{
    ids::UserId,
    rule::{Code, Rule},
    sessions::{Session, SessionRef},
    time::Instant,
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::keys::Keys;

/// Purpose of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenType {
    /// Authenticates requests.
    Access,
    /// Obtains new access tokens.
    Refresh,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
    /// Name of the session.
    sid: String,
    r#type: TokenType,
    /// Number of refreshes of the session at the time of issue.
    refreshes: i64,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Reason for the rejection of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRule {
    /// The request has no token.
    #[error("sign in first: the Authorization header has no bearer token")]
    Missing,
    /// The token is forged, damaged, not valid yet, or has another purpose.
    #[error("the token is not valid")]
    Invalid,
    /// The lifetime of the token has passed.
    #[error("the token has expired")]
    Expired,
}

impl Rule for TokenRule {
    fn code(&self) -> Code {
        match self {
            Self::Missing => Code::TokenMissing,
            Self::Invalid => Code::TokenInvalid,
            Self::Expired => Code::TokenExpired,
        }
    }
}

/// A verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Session that the token stands for.
    pub session: SessionRef,
    /// Number of refreshes of the session at the time of issue.
    pub refreshes: i64,
    /// End of its lifetime.
    pub expires_at: Instant,
}

/// Tolerated difference between the clocks of instances.
const CLOCK_SKEW_SECONDS: i64 = 60;

/// Issues and verifies tokens.
#[derive(Clone)]
pub struct Tokens {
    keys: Keys,
    access_seconds: i64,
    refresh_seconds: i64,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("access_seconds", &self.access_seconds).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Lifetimes are in seconds.
    pub fn new(keys: impl Into<Keys>, access_seconds: i64, refresh_seconds: i64) -> Self {
        Self { keys: keys.into(), access_seconds, refresh_seconds }
    }

    /// Lifetime in seconds of a token of this type.
    pub fn seconds(&self, kind: TokenType) -> i64 {
        match kind {
            TokenType::Access => self.access_seconds,
            TokenType::Refresh => self.refresh_seconds,
        }
    }

    /// Lifetime in seconds of a token of this type that is issued now: no longer than the session.
    pub fn seconds_in(&self, kind: TokenType, session: &Session, now: Instant) -> i64 {
        self.seconds(kind).min(session.expires_at.as_second() - now.as_second())
    }

    /// Issues a token for a session.
    ///
    /// Returns `None` only if signing fails, which a symmetric key rules out.
    pub fn issue(&self, kind: TokenType, session: &Session, now: Instant) -> Option<String> {
        let claims = Claims {
            sub: session.user_id.to_string(),
            sid: session.id.to_string(),
            r#type: kind,
            refreshes: session.refreshes,
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: now.as_second() + self.seconds_in(kind, session, now),
        };
        self.keys.issue(&claims)
    }

    /// A fingerprint of a request body: equal for equal bodies, and of no use for guessing the body
    /// without the secret.
    ///
    /// Returns `None` only if signing fails, which a symmetric key rules out.
    pub fn fingerprint(&self, body: &[u8]) -> Option<String> {
        // The prefix separates fingerprints from tokens.
        let message = [b"body\n", body].concat();
        self.keys.sign(&message)
    }

    /// Verifies a token of this type.
    ///
    /// The caller looks the session up.
    pub fn read(&self, token: &str, kind: TokenType, now: Instant) -> Result<Token, TokenRule> {
        let claims = self.keys.read::<Claims>(token).ok_or(TokenRule::Invalid)?;
        if claims.r#type != kind || claims.nbf > now.as_second() + CLOCK_SKEW_SECONDS {
            return Err(TokenRule::Invalid);
        }
        if claims.exp <= now.as_second() {
            return Err(TokenRule::Expired);
        }
        let user_id = claims.sub.parse().ok().and_then(UserId::new).ok_or(TokenRule::Invalid)?;
        let id = claims.sid.parse().map_err(|_| TokenRule::Invalid)?;
        let expires_at = claims.exp.checked_mul(1000).and_then(Instant::from_millisecond);
        Ok(Token {
            session: SessionRef { user_id, id },
            refreshes: claims.refreshes,
            expires_at: expires_at.ok_or(TokenRule::Invalid)?,
        })
    }
}

/// Compares a presented secret in constant time. Only its length affects the duration.
pub fn is_same(presented: &str, secret: &str) -> bool {
    presented.as_bytes().ct_eq(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use inspection_domain::sessions::{Device, SessionId};
    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::*;

    fn with_secret(secret: &str) -> Tokens {
        Tokens::new(&SecretString::from(secret), 3600, 7200)
    }

    fn session() -> Session {
        let owner = UserId::new(7).expect("id");
        Session::start(SessionId::new([7; 16]), owner, Device::default(), now(), 7200)
    }

    fn now() -> Instant {
        Instant::parse("2026-03-01T07:00:00Z").expect("instant")
    }

    #[test]
    fn a_known_secret_is_recognized() {
        assert!(is_same("open sesame", "open sesame"));
        for other in ["", "open", "open sesamE", "open sesame "] {
            assert!(!is_same(other, "open sesame"), "{other:?}");
        }
    }

    #[test]
    fn a_token_is_valid_until_it_expires() {
        let tokens = with_secret("a secret of thirty-two characters");
        let token = tokens.issue(TokenType::Access, &session(), now()).expect("issued");
        let read = |at| tokens.read(&token, TokenType::Access, at);
        assert_eq!(read(now()).expect("valid").session, session().reference());
        assert_eq!(read(now().plus_seconds(3599)).expect("valid").expires_at, now().plus_seconds(3600));
        assert_eq!(read(now().plus_seconds(3600)), Err(TokenRule::Expired));
        assert!(read(now().plus_seconds(-60)).is_ok(), "clocks of instances may differ by 60 seconds");
        assert_eq!(read(now().plus_seconds(-61)), Err(TokenRule::Invalid), "not valid yet");
        assert_eq!(tokens.read(&token, TokenType::Refresh, now()), Err(TokenRule::Invalid));
        assert_eq!(
            with_secret("another one").read(&token, TokenType::Access, now()),
            Err(TokenRule::Invalid)
        );
    }

    #[test]
    fn a_token_lives_no_longer_than_its_session() {
        let tokens = with_secret("a secret of thirty-two characters");
        let late = session().expires_at.plus_seconds(-60);
        for kind in [TokenType::Access, TokenType::Refresh] {
            assert_eq!(tokens.seconds_in(kind, &session(), late), 60);
            let token = tokens.issue(kind, &session(), late).expect("issued");
            assert_eq!(tokens.read(&token, kind, late).expect("valid").expires_at, session().expires_at);
        }
    }

    #[test]
    fn a_token_of_an_earlier_version_is_refused() {
        #[derive(Serialize)]
        struct Earlier {
            sub: &'static str,
            jti: &'static str,
            r#type: TokenType,
            iat: i64,
            nbf: i64,
            exp: i64,
            generation: i64,
        }
        let exp = now().as_second() + 60;
        let claims =
            Earlier { sub: "7", jti: "t-1", r#type: TokenType::Access, iat: 0, nbf: 0, exp, generation: 2 };
        let tokens = with_secret("a secret of thirty-two characters");
        let token = tokens.keys.issue(&claims).expect("signed");
        assert_eq!(tokens.read(&token, TokenType::Access, now()), Err(TokenRule::Invalid));
    }

    #[test]
    fn a_token_without_signature_is_no_token() {
        // {"alg":"none","typ":"JWT"} and the claims of an admin.
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIiwianRpIjoieCIsInR5cGUiOiJhY2Nlc3MiLCJpYXQiOjAs\
                    Im5iZiI6MCwiZXhwIjo5OTk5OTk5OTk5LCJnZW5lcmF0aW9uIjowfQ.";
        assert_eq!(with_secret("s").read(none, TokenType::Access, now()), Err(TokenRule::Invalid));
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_refused(text in "\\PC{0,200}") {
            prop_assert_eq!(with_secret("s").read(&text, TokenType::Access, now()), Err(TokenRule::Invalid));
        }

        #[test]
        fn one_changed_character_makes_a_token_invalid(at in 0..200_usize) {
            let tokens = with_secret("a secret of thirty-two characters");
            let token = tokens.issue(TokenType::Access, &session(), now()).expect("issued");
            let mut bytes = token.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ascii");
            // The last character of the signature has padding bits that decoders may ignore.
            prop_assume!(at + 1 < token.len() && changed != token);
            prop_assert!(tokens.read(&changed, TokenType::Access, now()).is_err());
        }
    }
}
