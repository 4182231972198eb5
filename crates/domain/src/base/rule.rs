//! What a broken rule tells its caller.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing wrong with one field of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Path of the field, such as `answers[2].answer_value`.
    pub field: String,
    /// What is wrong with it, for people.
    pub message: String,
}

/// How a refusal is to be taken; the outermost layer translates it once, for its own protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request can't be carried out as it is.
    Invalid,
    /// Nobody is signed in, or not any more.
    Unauthenticated,
    /// The actor may not do this.
    Forbidden,
    /// There is no such thing (for this actor).
    NotFound,
    /// Somebody else was faster; trying again may work.
    Conflict,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal / $kind:ident,)*) => {
        /// The stable name of a refusal, which clients compare.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[doc = $doc])+ $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// How it is to be taken.
            pub const fn kind(self) -> ErrorKind {
                match self { $(Self::$name => ErrorKind::$kind,)* }
            }
        }
    };
}

codes! {
    /// The body, the query or the path is wrong; the fields say where.
    ValidationError = "VALIDATION_ERROR" / Invalid,
    /// The body is no JSON document.
    MalformedJson = "MALFORMED_JSON" / Invalid,
    /// The object is not in a state that allows this.
    InvalidState = "INVALID_STATE" / Invalid,
    /// There is one already.
    Duplicate = "DUPLICATE" / Invalid,
    /// A rule of the trade forbids it.
    RuleViolation = "RULE_VIOLATION" / Invalid,
    /// E-mail and password don't belong together.
    InvalidCredentials = "INVALID_CREDENTIALS" / Unauthenticated,
    /// The account has been deactivated.
    AccountDisabled = "ACCOUNT_DISABLED" / Unauthenticated,
    /// No token was sent.
    TokenMissing = "TOKEN_MISSING" / Unauthenticated,
    /// The token is not one of ours, or not of the right type.
    TokenInvalid = "TOKEN_INVALID" / Unauthenticated,
    /// The token's time is over.
    TokenExpired = "TOKEN_EXPIRED" / Unauthenticated,
    /// The token's session has been ended.
    TokenRevoked = "TOKEN_REVOKED" / Unauthenticated,
    /// A known user who may not do this.
    Forbidden = "FORBIDDEN" / Forbidden,
    /// The owner of a job sees its details after entering the planned time.
    PlannedTimeRequired = "PLANNED_TIME_REQUIRED" / Forbidden,
    /// There is no such object.
    NotFound = "NOT_FOUND" / NotFound,
    /// A race was lost.
    Conflict = "CONFLICT" / Conflict,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Indefinite article of an English word.
pub(crate) fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// A refusal by a rule. Its `Display` is the message that the user reads.
pub trait Rule: std::error::Error + Send + Sync + 'static {
    /// The stable name of the refusal.
    fn code(&self) -> Code;

    /// The fields concerned, when there are such.
    fn fields(&self) -> Vec<FieldError> {
        Vec::new()
    }
}

/// There is no such object, or the actor may not know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} not found")]
pub struct NotFound(
    /// What was looked for, such as `equipment`.
    pub &'static str,
);

impl Rule for NotFound {
    fn code(&self) -> Code {
        Code::NotFound
    }
}

/// A known user who may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Forbidden(
    /// Who may, as a sentence.
    pub &'static str,
);

impl Rule for Forbidden {
    fn code(&self) -> Code {
        Code::Forbidden
    }
}
