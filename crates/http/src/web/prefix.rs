//! The prefix of the service's paths, behind a proxy that serves it under a path of its site.

use std::sync::Arc;

/// The path under which clients reach the service: empty, or such as `/inspection`. Proxies remove
/// it from requests; links in responses need it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Prefix(Option<Arc<str>>);

impl Prefix {
    /// The prefix that a proxy names, else the path of the configured address.
    pub(crate) fn new(forwarded: Option<&str>, app_url: Option<&str>) -> Self {
        let configured = || Self::parse(path_of(app_url?));
        forwarded.and_then(Self::parse).or_else(configured).unwrap_or_default()
    }

    /// A path of plain segments; `None` for other text, which could lead to another site.
    fn parse(text: &str) -> Option<Self> {
        let path = text.trim_end_matches('/');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        let is_segment =
            |part: &str| !part.is_empty() && part.chars().all(is_plain) && !matches!(part, "." | "..");
        let prefix = Self((!path.is_empty()).then(|| path.into()));
        (path.is_empty() || path.strip_prefix('/')?.split('/').all(is_segment)).then_some(prefix)
    }

    /// A path of the service, as clients reach it.
    pub(crate) fn path(&self, path: impl AsRef<str>) -> String {
        format!("{}{}", self.0.as_deref().unwrap_or_default(), path.as_ref())
    }

    /// Whether clients reach the service at the root of its site.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// The path of an address such as `https://example.com/inspection`.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_path_of_plain_segments() {
        let prefixed = |text: &str| Prefix::parse(text).map(|prefix| prefix.path("/api"));
        for (text, expected) in [
            ("", "/api"),
            ("/", "/api"),
            ("/inspection", "/inspection/api"),
            ("/inspection/", "/inspection/api"),
            ("/sites/north-1", "/sites/north-1/api"),
        ] {
            assert_eq!(prefixed(text).as_deref(), Some(expected), "{text}");
        }
        for text in
            ["inspection", "//evil.example", "/a//b", "/../admin", "/a b", "/a?b", "/a%2f", "/ا", "https://a"]
        {
            assert_eq!(prefixed(text), None, "{text}");
        }
    }

    #[test]
    fn the_address_of_the_service_may_have_a_path() {
        for (url, expected) in [
            ("https://example.com", ""),
            ("https://example.com/", "/"),
            ("https://example.com:8443/inspection", "/inspection"),
            ("http://[2001:db8::1]/sites/north", "/sites/north"),
        ] {
            assert_eq!(path_of(url), expected, "{url}");
        }
    }
}
