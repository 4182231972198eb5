//! Passwords and their minimum requirements.

use crate::input::{Invalid, RawValue, Scalar};

/// A password in plain text. `Debug` does not show it.
#[derive(Clone)]
pub struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(hidden)")
    }
}

impl Password {
    /// Wraps a password in plain text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The plain text, for hashing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Validates a new password: 8 to 128 characters, not the e-mail address, not a common password
    /// (§1).
    pub fn validate(&self, email: &str) -> Result<(), Invalid> {
        let length = self.0.chars().count();
        let lower = self.0.to_lowercase();
        if !(8..=128).contains(&length) {
            Err(Invalid::value("must have 8 to 128 characters"))
        } else if lower == email.to_lowercase() {
            Err(Invalid::value("may not be the e-mail address"))
        } else if COMMON_PASSWORDS.contains(&lower.as_str()) {
            Err(Invalid::value("is one of the most common passwords"))
        } else {
            Ok(())
        }
    }
}

/// Common passwords of eight or more characters, in lower case. Shorter ones fail the length check.
const COMMON_PASSWORDS: &[&str] = &[
    "password",
    "password1",
    "password12",
    "password123",
    "password1234",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "12345678",
    "123456789",
    "1234567890",
    "0123456789",
    "87654321",
    "987654321",
    "0987654321",
    "11111111",
    "00000000",
    "88888888",
    "12341234",
    "11223344",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "qwertyui",
    "qwertyuiop",
    "qwerty12",
    "qwerty123",
    "qwerty1234",
    "asdfghjk",
    "asdfghjkl",
    "asdf1234",
    "zxcvbnm1",
    "zaq12wsx",
    "abcd1234",
    "abc12345",
    "abcdefgh",
    "a1b2c3d4",
    "aa123456",
    "iloveyou",
    "iloveyou1",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "starwars",
    "trustno1",
    "whatever",
    "welcome1",
    "welcome123",
    "letmein1",
    "letmein123",
    "admin123",
    "admin1234",
    "administrator",
    "changeme",
    "changeme1",
    "changeme123",
    "default1",
    "master123",
    "dragon123",
    "monkey123",
    "computer",
    "internet",
    "michelle",
    "jennifer",
    "inspector",
    "inspection",
    "specialist",
    "engineer",
    "qazwsxedc",
    "google123",
    "test1234",
    "testtest",
    "secret123",
    "samsung1",
    "password!",
    "password1!",
];

impl Scalar for Password {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let text = given.text()?;
        if text.is_empty() || text.chars().count() > 1024 {
            return Err(Invalid::value("must have 1 to 1024 characters"));
        }
        Ok(Self(text))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{KnownFormat, SchemaFormat, schema::Type};
        crate::input::object(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .min_length(Some(1))
            .max_length(Some(1024))
            .into()
    }
}
