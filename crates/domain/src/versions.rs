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
}

/// The tag of a response: a hash of its body, after the version of the resource if it shows one. As
/// text, it is the value of an `ETag` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    /// The tag of a response with this body.
    pub fn new(version: Option<&Version>, body: &[u8]) -> Self {
        let body = hash(body);
        Self(version.map_or_else(|| body.clone(), |Version(version)| format!("{version}.{body}")))
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

    /// Whether one of the tags is that of a response that showed this version of the resource
    /// (§15).
    ///
    /// # Errors
    ///
    /// If none is.
    pub fn expect(&self, version: &Version) -> Result<(), PreconditionRule> {
        let shows = |tag: &String| tag.split_once('.').is_some_and(|(shown, _)| shown == version.0);
        match self {
            Self::Any => Ok(()),
            Self::These(tags) if tags.iter().any(shows) => Ok(()),
            Self::These(_) => Err(PreconditionRule::Changed),
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

    #[test]
    fn a_tag_tells_bodies_and_versions_apart() {
        let tag = |state: Option<&str>, body: &str| {
            EntityTag::new(state.map(version).as_ref(), body.as_bytes()).to_string()
        };
        assert_eq!(tag(Some("a"), "x"), tag(Some("a"), "x"));
        assert_ne!(tag(Some("a"), "x"), tag(Some("b"), "x"));
        assert_ne!(tag(Some("a"), "x"), tag(Some("a"), "y"));
        assert_ne!(tag(Some("a"), "x"), tag(None, "x"));
        let text = tag(None, "x");
        assert!(text.len() == 26 && text.starts_with('"') && text.ends_with('"'), "{text}");
    }

    #[test]
    fn the_marks_of_proxies_do_not_count() {
        let shown = EntityTag::new(Some(&version("a")), b"x");
        let tag = shown.0.as_str();
        for header in [
            format!("\"{tag}\""),
            format!("W/\"{tag}\""),
            format!("\"{tag}-gzip\""),
            format!("w/\"{tag}-br\""),
            format!("\"{tag}-zstd\""),
            format!("\"{tag}--gzip\""),
            format!("\"other\" , W/\"{tag}\""),
            tag.to_owned(),
            "*".to_owned(),
        ] {
            let named = NamedTags::read(&header);
            assert!(named.include(&shown), "{header}");
            assert_eq!(named.expect(&version("a")), Ok(()), "{header}");
            let is_any = named == NamedTags::Any;
            assert_eq!(named.expect(&version("b")).is_ok(), is_any, "{header}");
            assert_eq!(named.include(&EntityTag::new(Some(&version("a")), b"y")), is_any, "{header}");
        }
    }

    #[test]
    fn the_body_does_not_count_for_a_change() {
        let seen = NamedTags::read(&EntityTag::new(Some(&version("a")), b"Arabic").to_string());
        assert!(!seen.include(&EntityTag::new(Some(&version("a")), b"English")));
        assert_eq!(seen.expect(&version("a")), Ok(()));
    }

    #[test]
    fn a_value_that_is_no_tag_equals_none() {
        let list = EntityTag::new(None, b"x").to_string();
        for header in ["", " ", ",", "\"\"", "W/", "**", "\u{fffd}", ".", &list] {
            let named = NamedTags::read(header);
            assert_eq!(named.expect(&version("a")), Err(PreconditionRule::Changed), "{header:?}");
            assert!(!named.include(&EntityTag::new(Some(&version("a")), b"x")), "{header:?}");
        }
    }
}
