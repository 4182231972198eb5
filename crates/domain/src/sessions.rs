//! Signing in and out (rule book §1; sessions are ended by a generation on the account).

use crate::{
    input::input,
    text::Text,
    users::Password,
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
