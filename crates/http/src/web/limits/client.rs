//! The address that identifies a client.

use std::net::{IpAddr, Ipv6Addr};

use actix_governor::KeyExtractor;
use actix_web::dev::ServiceRequest;

use crate::web::{forwarded::Forwarded, problem::Problem};

/// Identifies a client by its IPv4 address or its IPv6 /64 network.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientAddress;

impl KeyExtractor for ClientAddress {
    type Key = IpAddr;
    type KeyExtractionError = Problem;

    fn extract(&self, request: &ServiceRequest) -> Result<IpAddr, Problem> {
        Ok(network(Forwarded::of(request.request())?.client))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_client() {
        let network = |text: &str| network(text.parse().expect("address")).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
