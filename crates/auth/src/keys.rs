//! The keys of signatures (HS256): one signs, and earlier ones still verify.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, crypto};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};

/// Length of the name of a key, in characters of Base64.
const NAME_LENGTH: usize = 12;

#[derive(Clone)]
struct Key {
    /// Name in the header of tokens (`kid`), derived from the key.
    name: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Key {
    fn new(secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let encoding = EncodingKey::from_secret(bytes);
        // The message separates names from signatures. Signing fails for no symmetric key.
        let hash = crypto::sign(b"kid\n", &encoding, Algorithm::HS256).unwrap_or_default();
        let name = hash.chars().take(NAME_LENGTH).collect();
        Self { name, encoding, decoding: DecodingKey::from_secret(bytes) }
    }

    fn sign(&self, message: &[u8]) -> Option<String> {
        crypto::sign(message, &self.encoding, Algorithm::HS256).ok()
    }
}

/// The key that signs, and earlier ones that verify.
#[derive(Clone)]
pub struct Keys {
    current: Key,
    earlier: Vec<Key>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl From<&SecretString> for Keys {
    fn from(current: &SecretString) -> Self {
        Self::new(current, &[])
    }
}

impl Keys {
    /// Creates HS256 keys from secrets.
    pub fn new(current: &SecretString, earlier: &[SecretString]) -> Self {
        Self { current: Key::new(current), earlier: earlier.iter().map(Key::new).collect() }
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.earlier)
    }

    /// Signs claims, with the name of the key in the header.
    ///
    /// Returns `None` only if signing fails, which a symmetric key rules out.
    pub(crate) fn issue(&self, claims: &impl Serialize) -> Option<String> {
        let header = Header { kid: Some(self.current.name.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, claims, &self.current.encoding).ok()
    }

    /// The claims that one of the keys has signed. Their validity in time is not checked.
    pub(crate) fn read<T: DeserializeOwned + Clone>(&self, token: &str) -> Option<T> {
        let name = jsonwebtoken::decode_header(token).ok()?.kid;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.required_spec_claims.clear();
        // Cursors of earlier versions name no key.
        let mut keys = self.all().filter(|key| name.as_ref().is_none_or(|name| *name == key.name));
        keys.find_map(|key| jsonwebtoken::decode::<T>(token, &key.decoding, &validation).ok())
            .map(|read| read.claims)
    }

    /// The signature of a message.
    ///
    /// Returns `None` only if signing fails, which a symmetric key rules out.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<String> {
        self.current.sign(message)
    }

    /// Whether one of the keys has signed a message.
    pub(crate) fn verifies(&self, signature: &str, message: &[u8]) -> bool {
        self.all().any(|key| key.sign(message).is_some_and(|own| own == signature))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    struct Claims {
        n: u32,
    }

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    #[test]
    fn an_earlier_key_verifies_and_does_not_sign() {
        let (first, second) = (secret("the first key of this test"), secret("the second key of this test"));
        let before = Keys::from(&first).issue(&Claims { n: 7 }).expect("signed");
        let rotated = Keys::new(&second, std::slice::from_ref(&first));
        assert_eq!(rotated.read::<Claims>(&before), Some(Claims { n: 7 }));
        let after = rotated.issue(&Claims { n: 8 }).expect("signed");
        assert_eq!(Keys::from(&first).read::<Claims>(&after), None);
        assert_eq!(Keys::from(&second).read::<Claims>(&before), None);
        assert_eq!(Keys::from(&second).read::<Claims>(&after), Some(Claims { n: 8 }));
        let signature = Keys::from(&first).sign(b"message").expect("signed");
        assert!(rotated.verifies(&signature, b"message") && !rotated.verifies(&signature, b"another"));
        assert_ne!(rotated.sign(b"message"), Some(signature));
    }

    #[test]
    fn the_header_names_the_key_without_showing_it() {
        let key = secret("the first key of this test");
        let kid = |key: &SecretString| {
            let token = Keys::from(key).issue(&Claims { n: 7 }).expect("signed");
            jsonwebtoken::decode_header(&token).expect("a header").kid.expect("a name")
        };
        assert_eq!(kid(&key), kid(&key));
        assert_eq!(kid(&key).len(), NAME_LENGTH);
        assert_ne!(kid(&key), kid(&secret("the second key of this test")));
        assert_eq!(format!("{:?}", Keys::from(&key)), "Keys");
    }

    #[test]
    fn a_token_that_names_no_key_is_read_with_any_and_one_that_names_another_with_none() {
        let key = secret("the first key of this test");
        let with = |kid: Option<&str>| {
            let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::HS256) };
            let key = EncodingKey::from_secret(key.expose_secret().as_bytes());
            jsonwebtoken::encode(&header, &Claims { n: 7 }, &key).expect("signed")
        };
        let rotated = Keys::new(&secret("the second key of this test"), std::slice::from_ref(&key));
        assert_eq!(rotated.read::<Claims>(&with(None)), Some(Claims { n: 7 }));
        assert_eq!(rotated.read::<Claims>(&with(Some("another"))), None);
    }
}
