//! Signing in and out (rule book §1). A session is a row; its tokens name it.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

pub mod attempts;

use crate::{
    ids::UserId,
    input::{Invalid, RawValue, Scalar, input, text_enum},
    rule::{Code, Rule},
    text::Text,
    time::Instant,
    users::{Password, User},
};

/// Longest duration of a session, in seconds: 30 days.
const LONGEST: i64 = 30 * 86_400;

/// How long a replaced refresh token may be sent again, in seconds: the response with its successor
/// may have been lost.
const RETRY_WINDOW: i64 = 60;

/// Maximum length of a stored user agent, in characters.
const LONGEST_USER_AGENT: usize = 200;

input! {
    /// Credentials for signing in.
    pub struct Login {
        /// E-mail address or badge.
        email | "username": Text<254>,
        /// Password.
        password: Password,
    }
}

input! {
    /// A session to end in addition to that of the request.
    pub struct Logout {
        /// Refresh token of the session.
        refresh_token: Option<Text<4096>>,
    }
}

input! {
    /// A change of the user's own password.
    pub struct PasswordChange {
        /// Current password.
        current_password: Password,
        /// New password: 8 to 128 characters, not the e-mail address, not easily guessed, and
        /// another one than the current password.
        new_password: Password,
    }
}

impl PasswordChange {
    /// Checks that the new password is another one (§1).
    pub fn replaces(&self) -> Result<(), Invalid> {
        if self.new_password.expose() == self.current_password.expose() {
            return Err(Invalid::field("new_password", "must differ from the current password"));
        }
        Ok(())
    }
}

input! {
    /// An admin's reset of a user's password.
    pub struct PasswordReset {
        /// New password: 8 to 128 characters, not the e-mail address, not easily guessed.
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
    /// The session has ended.
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

/// Name of a session: unpredictable, and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// The name of these unpredictable bytes.
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A text is not the name of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 32 hexadecimal digits")]
pub struct NotASession;

impl FromStr for SessionId {
    type Err = NotASession;

    fn from_str(text: &str) -> Result<Self, NotASession> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(NotASession);
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| NotASession)
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Scalar for SessionId {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        given
            .text()
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Invalid::value("must be 32 hexadecimal digits"))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <Self as utoipa::PartialSchema>::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for SessionId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::input::object(utoipa::openapi::schema::Type::String).pattern(Some("^[0-9a-f]{32,32}$")).into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for SessionId {}

#[cfg(feature = "postgres")]
impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg> for SessionId {
    fn to_sql<'b>(
        &'b self,
        out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
    ) -> diesel::serialize::Result {
        std::io::Write::write_all(out, self.to_string().as_bytes())?;
        Ok(diesel::serialize::IsNull::No)
    }
}

#[cfg(feature = "sqlite")]
impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::sqlite::Sqlite> for SessionId {
    fn to_sql<'b>(
        &'b self,
        out: &mut diesel::serialize::Output<'b, '_, diesel::sqlite::Sqlite>,
    ) -> diesel::serialize::Result {
        out.set_value(self.to_string());
        Ok(diesel::serialize::IsNull::No)
    }
}

#[cfg(feature = "diesel")]
impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for SessionId
where
    String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        let text = <String as diesel::deserialize::FromSql<diesel::sql_types::Text, DB>>::from_sql(raw)?;
        Ok(text.parse()?)
    }
}

/// A session and its user, as a token names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRef {
    /// User of the session.
    pub user_id: UserId,
    /// The session.
    pub id: SessionId,
}

text_enum! {
    /// Reason for the end of a session.
    pub enum SessionEnd {
        /// Its user signed out.
        Logout = "logout",
        /// Its user ended it from the list of sessions.
        Removed = "removed",
        /// Its user signed out everywhere.
        LogoutAll = "logout_all",
        /// The password was changed or reset.
        NewPassword = "new_password",
        /// The account was deactivated.
        Deactivated = "deactivated",
        /// A refresh token was used twice.
        TokenReused = "token_reused",
    }
}

/// The client of a session, as its requests show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// Network address.
    pub address: Option<String>,
    /// Value of the header `User-Agent`.
    pub user_agent: Option<String>,
}

impl Device {
    /// Without control characters, and of limited length.
    fn bounded(self) -> Self {
        let bounded = |text: String| -> String {
            text.chars().filter(|letter| !letter.is_control()).take(LONGEST_USER_AGENT).collect()
        };
        Self { user_agent: self.user_agent.map(bounded), ..self }
    }
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::sessions, treat_none_as_default_value = false, treat_none_as_null = true)
)]
pub struct Session {
    /// Name.
    pub id: SessionId,
    /// User.
    pub user_id: UserId,
    /// Time of the sign-in.
    pub created_at: Instant,
    /// Time of the sign-in or of the latest refresh.
    pub last_used_at: Instant,
    /// Its end, unless it is refreshed before.
    pub expires_at: Instant,
    /// Number of refreshes, which is that of the valid refresh token.
    pub refreshes: i64,
    /// Network address at the sign-in or the latest refresh.
    pub address: Option<String>,
    /// User agent at the sign-in or the latest refresh.
    pub user_agent: Option<String>,
    /// Time at which it was ended.
    pub ended_at: Option<Instant>,
    /// Reason for its end.
    pub end_reason: Option<SessionEnd>,
}

/// The outcome of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refresh {
    /// The session continues with the next refresh token.
    Rotated(Session),
    /// The request was sent again: the session is as the first one has left it.
    Repeated,
    /// The session has ended.
    Reused(Session),
}

impl Session {
    /// A new session, which ends after this time without a refresh, in seconds.
    pub fn start(id: SessionId, owner: UserId, device: Device, now: Instant, idle: i64) -> Self {
        let Device { address, user_agent } = device.bounded();
        Self {
            id,
            user_id: owner,
            created_at: now,
            last_used_at: now,
            expires_at: now.plus_seconds(idle.min(LONGEST)),
            refreshes: 0,
            address,
            user_agent,
            ended_at: None,
            end_reason: None,
        }
    }

    /// Its name and its user.
    pub fn reference(&self) -> SessionRef {
        SessionRef { user_id: self.user_id, id: self.id }
    }

    /// Whether it has neither been ended nor expired.
    pub fn is_open(&self, now: Instant) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }

    /// It, ended.
    #[must_use]
    pub fn end(&self, reason: SessionEnd, now: Instant) -> Self {
        Self { ended_at: Some(now), end_reason: Some(reason), ..self.clone() }
    }

    /// Uses the refresh token of this number (§1). The session then ends after the time `idle`
    /// without another refresh, in seconds.
    ///
    /// # Errors
    ///
    /// If the session has ended, or the database was restored to a state before the token.
    pub fn refresh(
        &self,
        number: i64,
        device: Device,
        now: Instant,
        idle: i64,
    ) -> Result<Refresh, SessionRule> {
        if !self.is_open(now) || number > self.refreshes {
            return Err(SessionRule::Revoked);
        }
        if number == self.refreshes {
            let Device { address, user_agent } = device.bounded();
            let last = self.created_at.plus_seconds(LONGEST);
            return Ok(Refresh::Rotated(Self {
                last_used_at: now,
                expires_at: now.plus_seconds(idle).min(last),
                refreshes: self.refreshes + 1,
                address,
                user_agent,
                ..self.clone()
            }));
        }
        let is_repeated = number == self.refreshes - 1 && now <= self.last_used_at.plus_seconds(RETRY_WINDOW);
        Ok(if is_repeated {
            Refresh::Repeated
        } else {
            Refresh::Reused(self.end(SessionEnd::TokenReused, now))
        })
    }
}

/// Checks that a session of an account is valid.
pub fn authorize(account: &User, session: Option<&Session>, now: Instant) -> Result<(), SessionRule> {
    if !account.is_active {
        return Err(SessionRule::Disabled);
    }
    session.filter(|session| session.is_open(now)).map(|_| ()).ok_or(SessionRule::Revoked)
}

#[cfg(test)]
mod tests;
