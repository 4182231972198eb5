//! Signed links that open one file without signing in, for a limited time, and while the session
//! of their maker lasts.

use inspection_domain::{
    ids::{FileId, UserId},
    sessions::SessionRef,
    time::Instant,
};
use serde::{Deserialize, Serialize};

use crate::{keys::Keys, tokens::TokenRule};

/// Purpose claim. It separates file links from other tokens signed with the same key.
const PURPOSE: &str = "file";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    purpose: String,
    file: i64,
    /// User of the session.
    sub: String,
    /// Name of the session.
    sid: String,
    exp: i64,
}

/// A verified link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// File that it opens.
    pub file: FileId,
    /// Session in which it was made.
    pub session: SessionRef,
}

/// Signs and verifies links to files.
#[derive(Clone)]
pub struct Links {
    keys: Keys,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links")
    }
}

impl Links {
    /// Links that these keys sign.
    pub fn new(keys: impl Into<Keys>) -> Self {
        Self { keys: keys.into() }
    }

    /// Signs a link that is valid for `seconds`.
    ///
    /// Returns `None` only if signing fails, which a symmetric key rules out.
    pub fn sign(&self, link: &Link, seconds: i64, now: Instant) -> Option<String> {
        let claims = Claims {
            purpose: PURPOSE.into(),
            file: link.file.get(),
            sub: link.session.user_id.to_string(),
            sid: link.session.id.to_string(),
            exp: now.as_second() + seconds,
        };
        self.keys.issue(&claims)
    }

    /// Returns the link of a signature. The caller looks the session up.
    ///
    /// Fails with [`TokenRule::Expired`] after its end and with [`TokenRule::Invalid`] for anything
    /// else.
    pub fn read(&self, signature: &str, now: Instant) -> Result<Link, TokenRule> {
        let claims = self.keys.read::<Claims>(signature).ok_or(TokenRule::Invalid)?;
        if claims.purpose != PURPOSE {
            return Err(TokenRule::Invalid);
        }
        if claims.exp <= now.as_second() {
            return Err(TokenRule::Expired);
        }
        let file = FileId::new(claims.file).ok_or(TokenRule::Invalid)?;
        let user_id = claims.sub.parse().ok().and_then(UserId::new).ok_or(TokenRule::Invalid)?;
        let id = claims.sid.parse().map_err(|_| TokenRule::Invalid)?;
        Ok(Link { file, session: SessionRef { user_id, id } })
    }
}

#[cfg(test)]
mod tests {
    use inspection_domain::sessions::{Device, Session, SessionId};
    use secrecy::SecretString;

    use super::*;
    use crate::tokens::{TokenType, Tokens};

    const SECRET: &str = "a secret for tests, of some length";

    fn links(secret: &str) -> Links {
        Links::new(&SecretString::from(secret))
    }

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("an instant")
    }

    fn session() -> Session {
        let owner = UserId::new(7).expect("an id");
        Session::start(SessionId::new([7; 16]), owner, Device::default(), at("2026-03-02T08:00:00Z"), 3600)
    }

    fn to_file(number: i64) -> Link {
        Link { file: FileId::new(number).expect("an id"), session: session().reference() }
    }

    #[test]
    fn a_link_opens_its_file_until_it_expires() {
        let signature = links(SECRET).sign(&to_file(7), 60, at("2026-03-02T08:00:00Z")).expect("signed");
        assert_eq!(links(SECRET).read(&signature, at("2026-03-02T08:00:00Z")), Ok(to_file(7)));
        assert_eq!(links(SECRET).read(&signature, at("2026-03-02T08:00:59Z")), Ok(to_file(7)));
        assert_eq!(links(SECRET).read(&signature, at("2026-03-02T08:01:00Z")), Err(TokenRule::Expired));
    }

    #[test]
    fn nothing_else_opens_a_file() {
        let now = at("2026-03-02T08:00:00Z");
        let signature = links(SECRET).sign(&to_file(7), 60, now).expect("signed");
        assert_eq!(links("another secret, of some length").read(&signature, now), Err(TokenRule::Invalid));
        for changed in [
            String::new(),
            "x".into(),
            signature.replace('.', ""),
            format!("{signature}x"),
            signature.chars().skip(1).collect(),
        ] {
            assert_eq!(links(SECRET).read(&changed, now), Err(TokenRule::Invalid), "{changed}");
        }
        let tokens = Tokens::new(&SecretString::from(SECRET), 60, 60);
        let token = tokens.issue(TokenType::Access, &session(), now).expect("a token");
        assert_eq!(links(SECRET).read(&token, now), Err(TokenRule::Invalid), "even with the same secret");
        assert_eq!(
            tokens.read(&signature, TokenType::Access, now),
            Err(TokenRule::Invalid),
            "a link is no access token"
        );
    }

    #[test]
    fn a_token_for_another_purpose_opens_no_file() {
        let now = at("2026-03-02T08:00:00Z");
        let signed = |purpose: &str| {
            let claims = Claims {
                purpose: purpose.into(),
                file: 7,
                sub: "7".into(),
                sid: session().id.to_string(),
                exp: now.as_second() + 60,
            };
            links(SECRET).keys.issue(&claims).expect("signed")
        };
        assert_eq!(links(SECRET).read(&signed(PURPOSE), now), Ok(to_file(7)));
        assert_eq!(links(SECRET).read(&signed("changes"), now), Err(TokenRule::Invalid));
    }

    #[test]
    fn the_secret_is_not_printed() {
        assert_eq!(format!("{:?}", links(SECRET)), "Links");
    }
}
