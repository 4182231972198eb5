//! The program with a Redis that accepts TLS only.

use std::{fs, thread, time::Duration};

use inspection_testkit::{clients::Client, or_skip, redis::Redis};
use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    x509::{X509, X509NameBuilder, extension::SubjectAlternativeName},
};

use crate::{Running, folder};

/// A self-signed certificate for 127.0.0.1, and its key.
fn certificate() -> (Vec<u8>, Vec<u8>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "Redis of the tests").expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("a version");
    builder.set_subject_name(&name).expect("a name");
    builder.set_issuer_name(&name).expect("a name");
    builder.set_pubkey(&key).expect("a key");
    builder.set_not_before(&Asn1Time::days_from_now(0).expect("a time")).expect("a time");
    builder.set_not_after(&Asn1Time::days_from_now(1).expect("a time")).expect("a time");
    let names = SubjectAlternativeName::new().ip("127.0.0.1").build(&builder.x509v3_context(None, None));
    builder.append_extension(names.expect("a name")).expect("a name");
    builder.sign(&key, MessageDigest::sha256()).expect("signed");
    let key = key.private_key_to_pem_pkcs8().expect("a key");
    (builder.build().to_pem().expect("a certificate"), key)
}

#[test]
fn a_redis_with_tls_is_used_if_its_certificate_is_trusted() {
    let (certificate, key) = certificate();
    let redis = or_skip!(Redis::start_with_tls(&certificate, &key));
    let (folder, url) = (folder(), redis.url());
    let file = folder.path().join("trusted.pem");
    fs::write(&file, &certificate).expect("a file");
    let trusted = ("SSL_CERT_FILE", file.to_str().expect("a path"));
    for (settings, counted) in [
        (vec![("REDIS_URL", url.as_str()), trusted], "redis"),
        (vec![("REDIS_URL", url.as_str())], "memory (redis unreachable)"),
    ] {
        let service = Running::start(&folder, &settings);
        let health = || Client::new(&service.base).get("/health");
        // On a busy machine the first connection may exceed the timeout of the service.
        let found = (0..60).find(|_| {
            let is_so = health().json["rate_limits"] == counted;
            is_so || {
                thread::sleep(Duration::from_millis(500));
                false
            }
        });
        assert!(found.is_some(), "{}", health().text);
        service.stop();
    }
}
