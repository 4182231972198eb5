//! Addresses of other services in the configuration.

/// An HTTP address with a host and plain characters, without trailing slashes.
pub fn http_address(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./-_:[]".contains(c);
    let has_host = !rest.is_empty() && !rest.starts_with('/');
    (has_host && rest.chars().all(is_plain)).then(|| text.trim_end_matches('/').to_owned())
}

/// An address that receives secrets or files, which other machines must not read on the way.
pub fn encrypted_or_local(address: String) -> Result<String, String> {
    if address.starts_with("https://") || is_on_this_machine(&address) {
        Ok(address)
    } else {
        Err("must begin with https://, except on this machine".into())
    }
}

/// Whether the host of an address is this machine.
fn is_on_this_machine(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_a_host_and_plain_characters() {
        let read = |text: &str| http_address(text);
        assert_eq!(read("https://example.com/a/"), Some("https://example.com/a".into()));
        assert_eq!(read("http://[::1]:9000"), Some("http://[::1]:9000".into()));
        for text in
            ["example.com", "ftp://example.com", "https://", "https:///x", "https://a b", "https://u@h"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_reached_without_encryption() {
        for address in
            ["https://example.com", "http://localhost:9000", "http://127.0.0.2/x", "http://[::1]:1"]
        {
            assert_eq!(encrypted_or_local(address.into()), Ok(address.to_owned()));
        }
        for address in
            ["http://example.com", "http://localhost.example.com", "http://10.0.0.1", "http://[::2]"]
        {
            assert!(encrypted_or_local(address.into()).is_err(), "{address}");
        }
    }
}
