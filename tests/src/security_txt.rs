//! The contact for reports of vulnerabilities.

use inspection_domain::time::Instant;
use inspection_http::Settings;
use inspection_testkit::{DatabaseKind, clients::Response};

use crate::site::{TestSite, settings};

const PATH: &str = "/.well-known/security.txt";

fn site(contacts: &[&str], app_url: Option<&str>) -> TestSite {
    let settings = Settings {
        security_contacts: contacts.iter().map(|contact| (*contact).to_owned()).collect(),
        app_url: app_url.map(ToOwned::to_owned),
        ..settings()
    };
    TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in")
}

/// Names and values of the fields, in their order.
fn fields(response: &Response) -> Vec<(String, String)> {
    let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    response.text.lines().map(|line| field(line).expect("a field")).collect()
}

#[test]
fn it_names_the_contacts_in_their_order_without_a_session() {
    let contacts = ["mailto:security@example.com", "https://example.com/report"];
    let site = site(&contacts, Some("https://site.example.com"));
    let answer = site.anonymous().get(PATH);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    let fields = fields(&answer);
    let expected = [
        ("Contact", contacts[0]),
        ("Contact", contacts[1]),
        ("Expires", "2026-05-31T00:00:00.000Z"),
        ("Preferred-Languages", "en, ar"),
        ("Canonical", "https://site.example.com/.well-known/security.txt"),
    ];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(site.anonymous().send("HEAD", PATH, None).status, 200);
}

#[test]
fn it_never_expires_while_the_service_runs() {
    let site = site(&["tel:+966-11-000-0000"], None);
    for _ in 0..3 {
        let fields = fields(&site.anonymous().get(PATH));
        let expires = fields.iter().find(|(name, _)| name == "Expires").expect("a date");
        let expires = Instant::parse(&expires.1).expect("an instant");
        let now = site.context.clock.now();
        // RFC 9116 recommends less than a year.
        assert!(now.plus_seconds(86400) < expires && expires < now.plus_seconds(365 * 86400), "{expires}");
        site.clock.advance_seconds(200 * 86400);
    }
}

#[test]
fn it_has_its_own_address_at_the_root_of_a_host_with_tls_only() {
    for app_url in [None, Some("https://example.com/inspection"), Some("http://site.example.com")] {
        let site = site(&["mailto:security@example.com"], app_url);
        let fields = fields(&site.anonymous().get(PATH));
        assert!(!fields.iter().any(|(name, _)| name == "Canonical"), "{app_url:?}: {fields:?}");
    }
}

#[test]
fn there_is_none_without_a_contact() {
    let answer = site(&[], None).anonymous().get(PATH);
    assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"));
}
