//! The address that identifies a client; behind trusted proxies the forwarded one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_governor::KeyExtractor;
use actix_web::{HttpRequest, dev::ServiceRequest};
use ipnet::IpNet;

use crate::web::problem::Problem;

/// Identifies a client by its IPv4 address or its IPv6 /64 network.
#[derive(Debug, Clone)]
pub(super) struct ClientAddress(pub(super) Vec<IpNet>);

impl KeyExtractor for ClientAddress {
    type Key = IpAddr;
    type KeyExtractionError = Problem;

    fn extract(&self, request: &ServiceRequest) -> Result<IpAddr, Problem> {
        Ok(network(client_address(request.request(), &self.0)))
    }
}

/// One household or machine usually owns a whole /64 network.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        },
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The address of the client: that of the peer or, if the peer is a trusted proxy, the last address
/// in `X-Forwarded-For` that is not a trusted proxy itself.
pub(crate) fn client_address(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let forwarded: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    last_untrusted(peer, &forwarded, trusted)
}

/// What the last trusted proxy says of the request to it in a header such as `X-Forwarded-Proto`:
/// the last value.
pub(crate) fn forwarded<'a>(request: &'a HttpRequest, name: &str, trusted: &[IpNet]) -> Option<&'a str> {
    let peer = request.peer_addr()?.ip().to_canonical();
    if !trusted.iter().any(|network| network.contains(&peer)) {
        return None;
    }
    let values = request.headers().get_all(name).last()?.to_str().ok()?;
    values.rsplit(',').next().map(str::trim)
}

fn last_untrusted(peer: IpAddr, forwarded: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted =
        |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    let mut client = peer;
    for hop in forwarded.iter().rev() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        if !is_trusted(client) {
            break;
        }
        client = address;
    }
    client.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_are_trusted_only_from_trusted_proxies() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("network")];
        let of = |peer: &str, hops: &[&str]| {
            last_untrusted(peer.parse().expect("address"), hops, &trusted).to_string()
        };
        assert_eq!(of("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "the peer is not trusted");
        assert_eq!(of("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            of("10.0.0.1", &["1.2.3.4", " 198.51.100.7 "]),
            "198.51.100.7",
            "the first entry is the client's own claim"
        );
        assert_eq!(of("10.0.0.1", &["198.51.100.7", "10.9.9.9"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["rubbish"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let network = |text: &str| network(text.parse().expect("address")).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
