//! Whose requests a bucket counts.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use actix_governor::KeyExtractor;
use actix_web::dev::ServiceRequest;
use inspection_domain::ids::UserId;

use crate::web::{forwarded::Forwarded, problem::Problem};

/// One user behind an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    /// A signed-in user.
    User(UserId),
    /// The account whose password is entered, as a digest.
    Account(String),
}

/// Whose requests a bucket counts: those of an address, or of one user there. An IPv6 address
/// stands for its /64 network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Client {
    network: IpAddr,
    subject: Option<Subject>,
}

impl Client {
    /// The client of a request: the user whose token it carries, or the address.
    pub(super) fn of(network: IpAddr, user: Option<UserId>) -> Self {
        Self { network, subject: user.map(Subject::User) }
    }

    /// A client that enters the password of an account.
    pub(super) fn at_account(network: IpAddr, account: &str) -> Self {
        Self { network, subject: Some(Subject::Account(account.to_owned())) }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            None => write!(f, "{}", self.network),
            Some(Subject::User(id)) => write!(f, "{}/user/{id}", self.network),
            Some(Subject::Account(digest)) => write!(f, "{}/account/{digest}", self.network),
        }
    }
}

/// Type of the keys of governor's limiters. Their middleware isn't used, which would need more.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientKey;

impl KeyExtractor for ClientKey {
    type Key = Client;
    type KeyExtractionError = Problem;

    fn extract(&self, request: &ServiceRequest) -> Result<Client, Problem> {
        Ok(Client::of(network(Forwarded::of(request.request())?.client), None))
    }
}

/// The network of an address. One household or machine usually owns a whole IPv6 /64 network.
pub(crate) fn network(address: IpAddr) -> IpAddr {
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
