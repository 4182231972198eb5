//! The address of a PostgreSQL database in two halves: the public part, and the password.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use crate::{Result, error::ensure};

/// Characters that are escaped in a part of an address: all but the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An address, taken apart as libpq does. Addresses of libpq may lack a host, or name a folder as
/// their host, so that a general URL parser refuses some of them.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// `postgres://user@host:port`.
    server: String,
    /// Name of the database, as written in the address.
    database: Option<String>,
    /// Parameters of the query other than the password and the database.
    query: Vec<String>,
    /// Decoded.
    password: Option<SecretString>,
}

impl Address {
    /// Parses a `postgres://` address.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = authority.split_once('@').unwrap_or(("", authority));
        let (user, mut password) = match user.split_once(':') {
            Some((user, password)) => (user, Some(decoded(password))),
            None => (user, None),
        };
        let mut database = (!path.is_empty()).then(|| path.to_owned());
        let mut parameters = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("password", value)) => password = Some(decoded(value)),
                Some(("dbname", value)) => database = Some(value.to_owned()),
                Some((name, _)) => {
                    ensure!(
                        !name.contains("password"),
                        "the address of the database has {name}, which can't be passed to pg_dump secretly"
                    );
                    parameters.push(parameter.to_owned());
                }
                None => parameters.push(parameter.to_owned()),
            }
        }
        let user = if user.is_empty() { String::new() } else { format!("{user}@") };
        Ok(Self {
            server: format!("{scheme}://{user}{host}"),
            database,
            query: parameters,
            password: password.filter(|password| !password.is_empty()).map(SecretString::from),
        })
    }

    /// The address without the password, for command lines and messages.
    pub(super) fn public(&self) -> String {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query.join("&")) };
        format!("{}/{}{query}", self.server, self.database.as_deref().unwrap_or_default())
    }

    /// The whole address.
    pub(super) fn full(&self) -> SecretString {
        let public = self.public();
        let Some(password) = self.password() else { return public.into() };
        let separator = if public.contains('?') { '&' } else { '?' };
        format!("{public}{separator}password={}", encoded(password)).into()
    }

    /// The password, if the address has one.
    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_ref().map(ExposeSecret::expose_secret)
    }

    /// The address of another database on the same server.
    pub(super) fn with_database(&self, name: &str) -> Self {
        Self { database: Some(encoded(name)), ..self.clone() }
    }

    /// A text with the password masked.
    pub(super) fn without_password(&self, text: &str) -> String {
        match self.password() {
            Some(password) => text.replace(password, "********").replace(&encoded(password), "********"),
            None => text.to_owned(),
        }
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_taken_out_of_every_position() {
        for (url, public) in [
            ("postgres://ann:s%40cret@db.example.com:5433/site", "postgres://ann@db.example.com:5433/site"),
            (
                "postgresql://ann@%2Frun%2Fpg/site?password=s%40cret&sslmode=require",
                "postgresql://ann@%2Frun%2Fpg/site?sslmode=require",
            ),
            ("postgres://ann:s%40cret@db?dbname=site", "postgres://ann@db/site"),
            ("postgres:///site?host=/run/pg&password=s@cret", "postgres:///site?host=/run/pg"),
        ] {
            let address = Address::parse(url).expect("an address");
            assert_eq!((address.public().as_str(), address.password()), (public, Some("s@cret")), "{url}");
            let again = Address::parse(address.full().expose_secret()).expect("an address");
            assert_eq!((again.public().as_str(), again.password()), (public, Some("s@cret")), "{url}");
            assert!(!format!("{address:?}").contains("s@cret"), "{address:?}");
            let masked = address.without_password("no way in with s@cret or s%40cret");
            assert_eq!(masked, "no way in with ******** or ********");
        }
        let address = Address::parse("postgres://ann@db/site").expect("an address");
        assert_eq!((address.password(), address.full().expose_secret()), (None, "postgres://ann@db/site"));
        assert_eq!(address.with_database("a b").public(), "postgres://ann@db/a%20b");
        let refused =
            Address::parse("postgres://ann@db/site?sslpassword=x").expect_err("refused").to_string();
        assert!(refused.contains("sslpassword") && !refused.contains("=x"), "{refused}");
    }
}
