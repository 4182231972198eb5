//! Passwords and their minimum requirements.

use zxcvbn::{Score, zxcvbn};

use crate::{
    input::{Invalid, RawValue, Scalar},
    key::Key,
};

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

    /// Validates a new password: 8 to 128 characters, not the e-mail address, and not easily
    /// guessed by an attacker who knows these words of its owner: e-mail address, name and badges
    /// (§1).
    pub fn validate(&self, email: &str, words: &[&str]) -> Result<(), Invalid> {
        let length = self.0.chars().count();
        if !(8..=128).contains(&length) {
            return Err(Invalid::value("must have 8 to 128 characters"));
        }
        if Key::is_same(&self.0, email) {
            return Err(Invalid::value("may not be the e-mail address"));
        }
        let all = || std::iter::once(email).chain(words.iter().copied());
        let parts = all().flat_map(|word| word.split(|letter: char| !letter.is_alphanumeric()));
        let known: Vec<&str> = all().chain(parts).filter(|word| !word.is_empty()).collect();
        let is_strong = |text: &str| zxcvbn(text, &known).score() >= Score::Three;
        // The time for an estimate grows with the square of the length, and a longer password is no
        // weaker than its beginning.
        let beginning: String = self.0.chars().take(ESTIMATED).collect();
        if is_strong(&beginning) || length > ESTIMATED && is_strong(&self.0) {
            Ok(())
        } else {
            Err(Invalid::value("is easily guessed: several unrelated words are better"))
        }
    }
}

/// Length of the beginning that is estimated first, in characters.
const ESTIMATED: usize = 30;

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
