//! The name of a bucket in the configuration.

/// A bucket and the prefix of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Name of the bucket.
    pub name: String,
    /// Prefix of all keys; may be empty.
    pub prefix: String,
}

impl Bucket {
    /// Reads `s3://bucket` or `s3://bucket/prefix`.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("s3://")?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let prefix = prefix.trim_matches('/');
        let parts_are_plain =
            prefix.split('/').all(|part| part.chars().all(is_plain) && !part.starts_with('.'));
        let is_name = (3..=63).contains(&name.len()) && name.chars().all(is_plain);
        (is_name && parts_are_plain).then(|| Self { name: name.into(), prefix: prefix.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;

    #[test]
    fn a_bucket_has_a_plain_name_and_prefix() {
        let parsed = |text: &str| Bucket::parse(text).map(|bucket| (bucket.name, bucket.prefix));
        assert_eq!(parsed("s3://evidence"), Some(("evidence".into(), String::new())));
        assert_eq!(parsed("s3://evidence/site/a/"), Some(("evidence".into(), "site/a".into())));
        for text in ["evidence", "s3://", "s3://ab", "s3://a b c", "s3://evidence/../x", "s3://evidence/a b"]
        {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
