//! Identifiers of people: e-mail addresses and badges.

use super::role::Role;
use crate::{
    input::{Invalid, RawValue, Scalar},
    key::Key,
    text::Text,
};

/// An e-mail address, as it was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Validates an address. Its key is an address, too.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::value("must be an e-mail address");
        let text = String::from(Text::<254>::new(text).map_err(|_| wrong())?);
        // One form per address: no display names, IP literals or bare host names.
        let options = email_address::Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        let is_address = |text: &str| {
            text.len() <= 254 && email_address::EmailAddress::parse_with_options(text, options).is_ok()
        };
        let is_valid = is_address(&text) && is_address(Key::of(&text).as_str());
        is_valid.then_some(Self(text)).ok_or_else(wrong)
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl Scalar for Email {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        Self::new(&given.text()?)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{KnownFormat, SchemaFormat, schema::Type};
        crate::input::object(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
            .max_length(Some(254))
            .into()
    }
}

/// Unique identifier of a person in a role, such as `INS007`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge(String);

impl Badge {
    /// Validates a badge: 2 to 20 letters, digits or hyphens. It is stored as its key, in upper
    /// case.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let text = Key::of(text).as_str().to_ascii_uppercase();
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !(2..=20).contains(&text.len()) || !text.chars().all(fine) {
            return Err(Invalid::value("must have 2 to 20 letters, digits or hyphens"));
        }
        Ok(Self(text))
    }

    /// Badge of the role that the holder of `badge` has while covering for an absent person (§10).
    pub fn covering(badge: &str) -> Self {
        Self(format!("COV-{badge}"))
    }

    /// Badge of a role with this number, padded to three digits.
    pub fn numbered(role: Role, number: i64) -> Self {
        Self(format!("{}{number:03}", role.badge_prefix()))
    }

    /// Prefix and number of a badge in the generated form, with three to six digits. Any other
    /// badge has none, so that it cannot influence the numbering.
    pub fn parts(&self) -> Option<(&str, i64)> {
        let start = self.0.find(|c: char| c.is_ascii_digit())?;
        let (prefix, digits) = self.0.split_at_checked(start)?;
        let fine = !prefix.is_empty() && (3..=6).contains(&digits.len());
        fine.then(|| digits.parse().ok().map(|number| (prefix, number))).flatten()
    }

    /// The badge as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Badge> for String {
    fn from(badge: Badge) -> Self {
        badge.0
    }
}

impl Scalar for Badge {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        Self::new(&given.text()?)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::Type;
        crate::input::object(Type::String).min_length(Some(2)).into()
    }
}
