//! The `X-Forwarded-*` headers of trusted proxies.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::{HttpMessage, HttpRequest, http::header::HeaderValue};
use inspection_domain::input::Invalid;
use ipnet::IpNet;

use super::problem::Problem;

/// The client of a request, and the request as it reached the last trusted proxy.
#[derive(Debug, Clone)]
pub(crate) struct Forwarded {
    /// Address of the client.
    pub(crate) client: IpAddr,
    /// Scheme of its request, if a trusted proxy names it.
    pub(crate) scheme: Option<String>,
    /// Prefix of its path, if a trusted proxy names one.
    pub(crate) prefix: Option<String>,
}

impl Forwarded {
    /// Reads the headers of a request. Those that a trusted proxy has sent decide on limits, on the
    /// audit trail and on redirects, so that they are refused if they are not readable.
    pub(crate) fn read(request: &HttpRequest, trusted: &[IpNet]) -> Result<Self, Invalid> {
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let hops = request.headers().get_all("x-forwarded-for").map(HeaderValue::as_bytes);
        let client = client(peer, hops.rev(), trusted)
            .ok_or_else(|| Invalid::field("X-Forwarded-For", "must be a list of addresses"))?;
        if !is_trusted(peer, trusted) {
            return Ok(Self { client, scheme: None, prefix: None });
        }
        let last = |name| request.headers().get_all(name).next_back().map(HeaderValue::as_bytes);
        let text = |value: &[u8]| {
            let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
            std::str::from_utf8(last.trim_ascii()).ok().map(ToOwned::to_owned)
        };
        let scheme = match last("x-forwarded-proto").map(text) {
            Some(None) => return Err(Invalid::field("X-Forwarded-Proto", "must be http or https")),
            Some(scheme) => scheme,
            None => None,
        };
        Ok(Self { client, scheme, prefix: last("x-forwarded-prefix").and_then(text) })
    }

    /// The headers of a request, which the middleware has read.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let read = request.extensions().get::<Result<Self, Invalid>>().cloned();
        Ok(read.ok_or_else(|| Problem::internal("the forwarded headers are not read"))??)
    }
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address.to_canonical()))
}

/// The address of the client: that of the peer or, if the peer is a trusted proxy, the last address
/// in `X-Forwarded-For` that is not a trusted proxy itself. `None` if it is not readable. Headers
/// come from the last one.
fn client<'a>(peer: IpAddr, headers: impl Iterator<Item = &'a [u8]>, trusted: &[IpNet]) -> Option<IpAddr> {
    let mut client = peer;
    for hop in headers.flat_map(|header| header.rsplit(|byte| *byte == b',')) {
        if !is_trusted(client, trusted) {
            break;
        }
        let hop = hop.trim_ascii();
        if !hop.is_empty() {
            client = address(std::str::from_utf8(hop).ok()?)?;
        }
    }
    Some(client.to_canonical())
}

/// An address, which some proxies write with a port or in brackets.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse().ok().map(|socket: SocketAddr| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_are_trusted_only_from_trusted_proxies() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("network")];
        let of = |peer: &str, headers: &[&[u8]]| {
            let peer = peer.parse().expect("address");
            client(peer, headers.iter().rev().copied(), &trusted).map(|client| client.to_string())
        };
        for (peer, headers, expected) in [
            ("192.0.2.1", &[&b"198.51.100.7"[..]][..], Some("192.0.2.1")),
            ("192.0.2.1", &[b"\xFF"], Some("192.0.2.1")),
            ("10.0.0.1", &[b"198.51.100.7"], Some("198.51.100.7")),
            // The first entries are the client's own claim.
            ("10.0.0.1", &[b"1.2.3.4, 198.51.100.7 "], Some("198.51.100.7")),
            ("10.0.0.1", &[b"\xFF, 198.51.100.7"], Some("198.51.100.7")),
            ("10.0.0.1", &[b"1.2.3.4", b"198.51.100.7"], Some("198.51.100.7")),
            ("10.0.0.1", &[b"198.51.100.7, 10.9.9.9"], Some("198.51.100.7")),
            ("10.0.0.1", &[b"198.51.100.7:4711"], Some("198.51.100.7")),
            ("10.0.0.1", &[b"[2001:db8::7]:4711, 10.0.0.2"], Some("2001:db8::7")),
            ("10.0.0.1", &[b"[2001:db8::7]"], Some("2001:db8::7")),
            ("10.0.0.1", &[], Some("10.0.0.1")),
            ("10.0.0.1", &[b""], Some("10.0.0.1")),
            ("::ffff:10.0.0.1", &[b"198.51.100.7"], Some("198.51.100.7")),
            ("10.0.0.1", &[b"rubbish"], None),
            ("10.0.0.1", &[b"198.51.100.7, rubbish, 10.0.0.2"], None),
            ("10.0.0.1", &[b"198.51.100.7, \xFF"], None),
            ("10.0.0.1", &[b"198.51.100.7", b"\xFF"], None),
        ] {
            assert_eq!(of(peer, headers).as_deref(), expected, "{peer} {headers:?}");
        }
    }
}
