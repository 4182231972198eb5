//! Signing in and out (rule book §1; sessions are ended by a generation on the account).

use crate::{
    ids::UserId,
    input::input,
    rule::{Code, Rule},
    text::Text,
    users::{Password, User},
};

input! {
    /// Who wants to sign in.
    pub struct Login {
        /// E-mail address.
        email | "username": Text<254>,
        /// Password.
        password: Password,
    }
}

input! {
    /// What to end beside the access token that is used.
    pub struct Logout {
        /// The refresh token, to end it too.
        refresh_token: Option<Text<4096>>,
    }
}

input! {
    /// A new password of one's own.
    pub struct PasswordChange {
        /// The password so far.
        current_password: Password,
        /// The new password: 8 to 128 characters, not the e-mail address, not a common one.
        new_password: Password,
    }
}

input! {
    /// A new password for somebody.
    pub struct PasswordReset {
        /// The new password: 8 to 128 characters, not the e-mail address, not a common one.
        new_password | "password": Password,
    }
}

/// Why a session isn't, or isn't any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionRule {
    /// E-mail and password don't belong together; which of them is wrong is not told.
    #[error("wrong e-mail address or password")]
    WrongCredentials,
    /// The account was deactivated.
    #[error("this account is disabled")]
    Disabled,
    /// The session was ended.
    #[error("this session has been ended")]
    Revoked,
    /// The token's account doesn't exist.
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

/// What a token says of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose it is.
    pub user_id: UserId,
    /// The token's own id.
    pub token_id: String,
    /// The generation of the account's sessions it was issued in.
    pub generation: i64,
}

impl Session {
    /// Whether the session still stands, given what is stored now.
    pub fn admit(&self, account: &User, generation: i64, revoked: bool) -> Result<(), SessionRule> {
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
    fn a_session_stands_while_active_not_revoked_and_of_the_current_generation() {
        let session = Session { user_id: id(1), token_id: "t".into(), generation: 3 };
        let active = user(Role::Inspector);
        let disabled = User { is_active: false, ..active.clone() };
        assert_eq!(session.admit(&active, 3, false), Ok(()));
        assert_eq!(session.admit(&active, 3, true), Err(SessionRule::Revoked));
        assert_eq!(session.admit(&active, 4, false), Err(SessionRule::Revoked));
        assert_eq!(session.admit(&disabled, 3, false), Err(SessionRule::Disabled));
    }
}
