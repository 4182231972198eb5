//! Errors of the domain: rules, their stable codes and their kinds.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{message, message::Message};

/// An error in a field of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Path of the field, such as `answers[2].answer_value`.
    pub field: String,
    /// Human-readable message.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub message: Message,
}

/// Category of an error, which the outermost layer maps to its protocol once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is invalid.
    Invalid,
    /// The caller is not signed in, or no longer so.
    Unauthenticated,
    /// The caller lacks the permission.
    Forbidden,
    /// The object does not exist, or is not visible to the caller.
    NotFound,
    /// A concurrent change prevented the request; a retry may succeed.
    Conflict,
    /// The object is in another state than the caller expects.
    Changed,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal / $kind:ident,)*) => {
        /// Stable code of an error, for comparison by clients.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[doc = $doc])+ $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Text of the code in responses.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Category of the error.
            pub const fn kind(self) -> ErrorKind {
                match self { $(Self::$name => ErrorKind::$kind,)* }
            }
        }
    };
}

codes! {
    /// The body, query or path is invalid; the error names the fields.
    ValidationError = "VALIDATION_ERROR" / Invalid,
    /// The body is not valid JSON.
    MalformedJson = "MALFORMED_JSON" / Invalid,
    /// The status of the object does not allow the command.
    InvalidState = "INVALID_STATE" / Invalid,
    /// The object already exists.
    Duplicate = "DUPLICATE" / Invalid,
    /// A rule of the rule book forbids the command.
    RuleViolation = "RULE_VIOLATION" / Invalid,
    /// The e-mail address or password is wrong.
    InvalidCredentials = "INVALID_CREDENTIALS" / Unauthenticated,
    /// The account is deactivated.
    AccountDisabled = "ACCOUNT_DISABLED" / Unauthenticated,
    /// The request has no token.
    TokenMissing = "TOKEN_MISSING" / Unauthenticated,
    /// The token is malformed, forged or of the wrong type.
    TokenInvalid = "TOKEN_INVALID" / Unauthenticated,
    /// The token has expired.
    TokenExpired = "TOKEN_EXPIRED" / Unauthenticated,
    /// The session of the token is revoked.
    TokenRevoked = "TOKEN_REVOKED" / Unauthenticated,
    /// The user lacks the permission.
    Forbidden = "FORBIDDEN" / Forbidden,
    /// The owner of a job must enter the planned time before its details are visible.
    PlannedTimeRequired = "PLANNED_TIME_REQUIRED" / Forbidden,
    /// The password was set by another person and must be changed first.
    PasswordChangeRequired = "PASSWORD_CHANGE_REQUIRED" / Forbidden,
    /// The object does not exist.
    NotFound = "NOT_FOUND" / NotFound,
    /// A concurrent change prevented the request.
    Conflict = "CONFLICT" / Conflict,
    /// The object is in another state than the client has seen.
    PreconditionFailed = "PRECONDITION_FAILED" / Changed,
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

/// An error of the domain. Its `Display` text is the message for users in English.
pub trait Rule: std::error::Error + Send + Sync + 'static {
    /// Stable code.
    fn code(&self) -> Code;

    /// Message for users. A rule whose message has places implements this, and its `Display` text
    /// is the message.
    fn message(&self) -> Message {
        self.to_string().into()
    }

    /// Invalid fields, if any.
    fn fields(&self) -> Vec<FieldError> {
        Vec::new()
    }

    /// Facts for programs beside the message, as an object, if any.
    fn details(&self) -> Option<serde_json::Value> {
        None
    }

    /// Seconds after which the same request may succeed, if it may.
    fn retry_after(&self) -> Option<u32> {
        None
    }
}

/// The object does not exist, or is not visible to the actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct NotFound(
    /// Type of the object, such as `equipment`.
    pub &'static str,
);

impl Rule for NotFound {
    fn code(&self) -> Code {
        Code::NotFound
    }

    fn message(&self) -> Message {
        message!("{object} not found", object = self.0)
    }
}

/// The user lacks the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Forbidden(
    /// The permitted users, as a sentence.
    pub &'static str,
);

impl Rule for Forbidden {
    fn code(&self) -> Code {
        Code::Forbidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_article_follows_the_first_letter() {
        assert_eq!(["open", "assigned", "closed", ""].map(article), ["an", "an", "a", "a"]);
    }

    #[test]
    fn an_error_without_fields_has_a_code_and_a_message() {
        let errors: [(&dyn Rule, _, _); 2] = [
            (&NotFound("defect"), Code::NotFound, "defect not found"),
            (&Forbidden("only admins may do this"), Code::Forbidden, "only admins may do this"),
        ];
        for (error, code, message) in errors {
            assert_eq!((error.code(), error.to_string().as_str()), (code, message));
            assert_eq!(error.fields(), Vec::new());
        }
    }
}
