//! Versions of resources: a client changes a resource only in the state that it has seen, and
//! receives a response again only if it differs (rule book §15).

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::rule::{Code, Rule};

/// Endings that proxies append to a tag when they compress the response.
const COMPRESSIONS: [&str; 4] = ["-gzip", "-br", "-zstd", "-deflate"];

/// A hash of some content.
fn hash(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    base16ct::lower::encode_string(digest.get(..12).unwrap_or(&digest))
}

/// The version of a stored resource: a hash of its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// The version of a resource in this state.
    ///
    /// # Errors
    ///
    /// If the state has no representation in JSON.
    pub fn of(state: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::to_vec(state).map(|content| Self(hash(&content)))
    }

    /// The version of a resource whose state consists of rows with these versions, in a fixed
    /// order; none for a row that does not exist.
    pub fn of_rows(rows: &[Option<Self>]) -> Self {
        match rows {
            [Some(only)] => only.clone(),
            rows => {
                let rows = rows.iter().map(|row| row.as_ref().map_or("", |Self(row)| row));
                Self(hash(rows.collect::<Vec<_>>().join(".").as_bytes()))
            }
        }
    }
}

/// Secret of the versions in tags. A version covers fields that some readers do not see. Without
/// the secret, no user can confirm a guess of them.
#[derive(Clone)]
pub struct VersionKey(String);

impl fmt::Debug for VersionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VersionKey")
    }
}

impl VersionKey {
    /// A key from a secret.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The version as tags show it. The hash is shortened, so it can't be continued.
    fn show(&self, Version(version): &Version) -> String {
        hash(format!("{}\n{version}", self.0).as_bytes())
    }
}

/// The tag of a response: a hash of its body, after the version of the resource if it shows one. As
/// text, it is the value of an `ETag` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    /// The tag of a response with this body.
    pub fn new(body: &[u8]) -> Self {
        Self(hash(body))
    }

    /// The tag of a response that shows this version of a resource.
    pub fn versioned(version: &Version, key: &VersionKey, body: &[u8]) -> Self {
        Self(format!("{}.{}", key.show(version), hash(body)))
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// The tags that a request names in `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedTags {
    /// `*`: any.
    Any,
    /// These, without quotes and without the marks that proxies add.
    These(Vec<String>),
}

impl NamedTags {
    /// Reads the value of a header: tags separated by commas, or `*`. Proxies that compress a
    /// response mark its tag as weak (`W/`) or append the compression, so these marks don't count.
    /// A value that is no tag equals none.
    pub fn read(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        let opaque = |tag: &str| {
            let tag = tag.trim();
            let tag = tag.strip_prefix(['W', 'w']).and_then(|rest| rest.strip_prefix('/')).unwrap_or(tag);
            let tag = tag.trim_matches('"');
            let plain = COMPRESSIONS.iter().find_map(|compression| tag.strip_suffix(compression));
            plain.unwrap_or(tag).trim_end_matches('-').to_owned()
        };
        Self::These(header.split(',').map(opaque).filter(|tag| !tag.is_empty()).collect())
    }

    /// Whether the tag of a response is among them.
    pub fn include(&self, tag: &EntityTag) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.contains(&tag.0),
        }
    }
}

/// The condition of a change: the resource is in a version that one of these tags shows (§15).
#[derive(Debug, Clone)]
pub struct Precondition {
    tags: NamedTags,
    key: VersionKey,
}

impl Precondition {
    /// The condition of a request that names these tags in `If-Match`.
    pub fn new(tags: NamedTags, key: VersionKey) -> Self {
        Self { tags, key }
    }

    /// Whether each version is a match, even none.
    pub fn is_any(&self) -> bool {
        self.tags == NamedTags::Any
    }

    /// Checks the present version; none of a resource without one.
    ///
    /// # Errors
    ///
    /// If no tag shows it.
    pub fn validate(&self, present: Option<&Version>) -> Result<(), PreconditionRule> {
        let shown = present.map(|version| self.key.show(version));
        let is_shown = |tag: &String| {
            let version = tag.split_once('.').map(|(version, _)| version);
            version.is_some() && version == shown.as_deref()
        };
        match &self.tags {
            NamedTags::Any => Ok(()),
            NamedTags::These(tags) if tags.iter().any(is_shown) => Ok(()),
            NamedTags::These(_) => Err(PreconditionRule::Changed),
        }
    }
}

/// Violated rule on versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreconditionRule {
    /// The resource is in another state than the client has seen (§15).
    #[error("the object has changed since it was read")]
    Changed,
}

impl Rule for PreconditionRule {
    fn code(&self) -> Code {
        Code::PreconditionFailed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(state: &str) -> Version {
        Version::of(&state).expect("a version")
    }

    #[test]
    fn a_version_follows_from_the_state() {
        assert_eq!(version("a"), version("a"));
        assert_ne!(version("a"), version("b"));
        assert_eq!(version("a").0.len(), 24);
    }

    fn key() -> VersionKey {
        VersionKey::new("a secret".to_owned())
    }

    /// The tag of a response with this version and body.
    fn tag(state: &str, body: &str) -> EntityTag {
        EntityTag::versioned(&version(state), &key(), body.as_bytes())
    }

    /// The outcome of a change of a resource in this state.
    fn expected(header: &str, state: &str) -> Result<(), PreconditionRule> {
        Precondition::new(NamedTags::read(header), key()).validate(Some(&version(state)))
    }

    #[test]
    fn a_version_of_rows_covers_each_of_them() {
        let of = |rows: &[Option<&str>]| {
            let rows: Vec<_> = rows.iter().map(|row| row.map(version)).collect();
            Version::of_rows(&rows)
        };
        assert_eq!(of(&[Some("a")]), version("a"));
        let [both, other, one, swapped] =
            [[Some("a"), Some("b")], [Some("a"), Some("c")], [Some("a"), None], [None, Some("a")]];
        assert_eq!(of(&both), of(&both));
        for (one, other) in [(both, other), (both, one), (one, swapped)] {
            assert_ne!(of(&one), of(&other));
        }
        assert_ne!(of(&one), version("a"));
    }

    #[test]
    fn a_tag_tells_bodies_and_versions_apart() {
        assert_eq!(tag("a", "x"), tag("a", "x"));
        assert_ne!(tag("a", "x"), tag("b", "x"));
        assert_ne!(tag("a", "x"), tag("a", "y"));
        assert_ne!(tag("a", "x"), EntityTag::new(b"x"));
        let text = EntityTag::new(b"x").to_string();
        assert!(text.len() == 26 && text.starts_with('"') && text.ends_with('"'), "{text}");
    }

    #[test]
    fn a_tag_does_not_confirm_a_guess_of_the_state() {
        let shown = tag("a", "x");
        assert!(!shown.0.contains(&version("a").0), "{shown}");
        let other = VersionKey::new("another secret".to_owned());
        assert_ne!(shown, EntityTag::versioned(&version("a"), &other, b"x"));
        let seen = Precondition::new(NamedTags::read(&shown.to_string()), other);
        assert_eq!(seen.validate(Some(&version("a"))), Err(PreconditionRule::Changed));
        assert_eq!(format!("{:?}", key()), "VersionKey");
    }

    #[test]
    fn the_marks_of_proxies_do_not_count() {
        let shown = tag("a", "x");
        let text = shown.0.as_str();
        for header in [
            format!("\"{text}\""),
            format!("W/\"{text}\""),
            format!("\"{text}-gzip\""),
            format!("w/\"{text}-br\""),
            format!("\"{text}-zstd\""),
            format!("\"{text}--gzip\""),
            format!("\"other\" , W/\"{text}\""),
            text.to_owned(),
            "*".to_owned(),
        ] {
            let named = NamedTags::read(&header);
            assert!(named.include(&shown), "{header}");
            assert_eq!(expected(&header, "a"), Ok(()), "{header}");
            let is_any = named == NamedTags::Any;
            assert_eq!(expected(&header, "b").is_ok(), is_any, "{header}");
            assert_eq!(named.include(&tag("a", "y")), is_any, "{header}");
        }
    }

    #[test]
    fn the_body_does_not_count_for_a_change() {
        let seen = tag("a", "Arabic").to_string();
        assert!(!NamedTags::read(&seen).include(&tag("a", "English")));
        assert_eq!(expected(&seen, "a"), Ok(()));
    }

    #[test]
    fn a_value_that_is_no_tag_equals_none() {
        let list = EntityTag::new(b"x").to_string();
        for header in ["", " ", ",", "\"\"", "W/", "**", "\u{fffd}", ".", &list] {
            let named = NamedTags::read(header);
            assert_eq!(expected(header, "a"), Err(PreconditionRule::Changed), "{header:?}");
            assert!(!named.include(&tag("a", "x")), "{header:?}");
            assert!(Precondition::new(named, key()).validate(None).is_err(), "a resource without a version");
        }
        assert!(Precondition::new(NamedTags::Any, key()).validate(None).is_ok());
    }
}
