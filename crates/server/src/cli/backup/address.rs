//! The address of a PostgreSQL database in two halves: what may be seen on a command line, and the password.

use anyhow::{Result, ensure};
use secrecy::{ExposeSecret, SecretString};

/// An address, taken apart as libpq does.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// `postgres://user@host:port`.
    server: String,
    /// Name of the database as it is in the address, if it is.
    database: Option<String>,
    /// What follows the question mark, but for the password and the database.
    query: Vec<String>,
    /// In plain letters.
    password: Option<SecretString>,
}

impl Address {
    /// Takes a `postgres://` address apart.
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
        let mut kept = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("password", value)) => password = Some(decoded(value)),
                Some(("dbname", value)) => database = Some(value.to_owned()),
                Some((name, _)) => {
                    ensure!(
                        !name.contains("password"),
                        "the address of the database has {name}, which can't be handed to PostgreSQL's tools unseen"
                    );
                    kept.push(part.to_owned());
                }
                None => kept.push(part.to_owned()),
            }
        }
        let user = if user.is_empty() { String::new() } else { format!("{user}@") };
        Ok(Self {
            server: format!("{scheme}://{user}{host}"),
            database,
            query: kept,
            password: password.filter(|password| !password.is_empty()).map(SecretString::from),
        })
    }

    /// Without the password: for command lines and people.
    pub(super) fn public(&self) -> String {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query.join("&")) };
        format!("{}/{}{query}", self.server, self.database.as_deref().unwrap_or_default())
    }

    /// All of it.
    pub(super) fn full(&self) -> SecretString {
        let public = self.public();
        let Some(password) = self.password() else { return public.into() };
        let separator = if public.contains('?') { '&' } else { '?' };
        format!("{public}{separator}password={}", encoded(password)).into()
    }

    /// The password, if it is in the address.
    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_ref().map(ExposeSecret::expose_secret)
    }

    /// Another database of the same server.
    pub(super) fn with_database(&self, name: &str) -> Self {
        Self { database: Some(encoded(name)), ..self.clone() }
    }

    /// A text in which the password may be, without it.
    pub(super) fn without_password(&self, text: &str) -> String {
        match self.password() {
            Some(password) => text.replace(password, "********").replace(&encoded(password), "********"),
            None => text.to_owned(),
        }
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.extend(u8::try_from(high * 16 + low));
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_taken_out_wherever_it_is() {
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
            let told = address.without_password("no way in with s@cret or s%40cret");
            assert_eq!(told, "no way in with ******** or ********");
        }
        let address = Address::parse("postgres://ann@db/site").expect("an address");
        assert_eq!((address.password(), address.full().expose_secret()), (None, "postgres://ann@db/site"));
        assert_eq!(address.with_database("a b").public(), "postgres://ann@db/a%20b");
        let refused =
            Address::parse("postgres://ann@db/site?sslpassword=x").expect_err("refused").to_string();
        assert!(refused.contains("sslpassword") && !refused.contains("=x"), "{refused}");
    }
}
