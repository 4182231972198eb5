//! Signing in and out (rule book §1). Sessions are revoked by the generation number of the account.

use crate::{
    ids::UserId,
    input::input,
    rule::{Code, Rule},
    text::Text,
    users::{Password, User},
};

input! {
    /// Credentials for signing in.
    pub struct Login {
        /// E-mail address.
        email | "username": Text<254>,
        /// Password.
        password: Password,
    }
}

input! {
    /// Tokens to revoke in addition to the access token of the request.
    pub struct Logout {
        /// Refresh token to revoke.
        refresh_token: Option<Text<4096>>,
    }
}

input! {
    /// A change of the user's own password.
    pub struct PasswordChange {
        /// Current password.
        current_password: Password,
        /// New password: 8 to 128 characters, not the e-mail address, not a common one.
        new_password: Password,
    }
}

input! {
    /// An admin's reset of a user's password.
    pub struct PasswordReset {
        /// New password: 8 to 128 characters, not the e-mail address, not a common one.
        new_password | "password": Password,
    }
}

/// Reasons for rejecting credentials or a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionRule {
    /// The e-mail address or the password is wrong. The error does not reveal which.
    #[error("wrong e-mail address or password")]
    WrongCredentials,
    /// The account is deactivated.
    #[error("this account is disabled")]
    Disabled,
    /// The session is revoked.
    #[error("this session has ended")]
    Revoked,
    /// The account of the token does not exist.
    #[error("the token is not valid")]
    Invalid,
}

impl Rule for SessionRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongCredentials => Code::InvalidCredentials,
            Self::Disabled => Code::AccountDisabled,
            Self::Revoked => Code::TokenRevoked,
            Self::Invalid => Code::TokenInvalid,
        }
    }
}

/// Claims of a token about its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// User of the session.
    pub user_id: UserId,
    /// Identifier of the token.
    pub token_id: String,
    /// Session generation of the account at the time of issue.
    pub generation: i64,
}

impl Session {
    /// Checks that the session is valid for the stored account, generation and revocation.
    pub fn authorize(&self, account: &User, generation: i64, revoked: bool) -> Result<(), SessionRule> {
        if !account.is_active {
            Err(SessionRule::Disabled)
        } else if revoked || generation != self.generation {
            Err(SessionRule::Revoked)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{id, user};
    use crate::users::Role;

    #[test]
    fn a_session_is_valid_while_active_not_revoked_and_of_the_current_generation() {
        let session = Session { user_id: id(1), token_id: "t".into(), generation: 3 };
        let active = user(Role::Inspector);
        let disabled = User { is_active: false, ..active.clone() };
        assert_eq!(session.authorize(&active, 3, false), Ok(()));
        assert_eq!(session.authorize(&active, 3, true), Err(SessionRule::Revoked));
        assert_eq!(session.authorize(&active, 4, false), Err(SessionRule::Revoked));
        assert_eq!(session.authorize(&disabled, 3, false), Err(SessionRule::Disabled));
    }
    #[test]
    fn a_refusal_has_the_code_of_its_reason() {
        let rules = [
            SessionRule::WrongCredentials,
            SessionRule::Disabled,
            SessionRule::Revoked,
            SessionRule::Invalid,
        ];
        let codes = [Code::InvalidCredentials, Code::AccountDisabled, Code::TokenRevoked, Code::TokenInvalid];
        assert_eq!(rules.map(|rule| rule.code()), codes);
    }
}
