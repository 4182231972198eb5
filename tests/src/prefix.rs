//! Links behind a proxy that serves the service under a path of its site.

use inspection_domain::users::Role;
use inspection_http::Settings;
use inspection_testkit::{
    DatabaseKind,
    clients::{Client, Response},
    files::png,
};
use serde_json::{Value, json};

use crate::site::{TestSite, settings};

/// A service that trusts a proxy on this machine.
fn behind_a_proxy(app_url: Option<&str>) -> TestSite {
    let settings = Settings {
        trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")],
        app_url: app_url.map(ToOwned::to_owned),
        https_redirect: true,
        ..settings()
    };
    TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in")
}

/// Every link in responses to this client, and the address of the service in the document.
fn links(client: &Client) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("a link").to_owned();
    let header = |response: &Response| response.header("location").expect("a location").to_owned();
    let file = client.upload(&[], "photo.png", "image/png", &png(9, 9)).data().clone();
    let link = client.post(&format!("/api/files/{}/link", file["id"]), &json!({})).data().clone();
    let mut links: Vec<String> = [&file, &link]
        .into_iter()
        .flat_map(|object| [&object["download_url"], &object["thumbnail_url"]])
        .chain([&link["url"]])
        .map(text)
        .collect();
    let list = client.get("/api/files");
    links.push(text(&list.data()[0]["download_url"]));
    links.extend(client.get("/").json["endpoints"].as_object().expect("a map").values().map(text));
    links.push(header(&client.get("/docs")));
    links.push(text(&client.get("/api/openapi.json").json["servers"][0]["url"]));
    let plain = client.with_header("x-forwarded-proto", "http").with_header("host", "site.example.com");
    links.push(header(&plain.get("/api/equipment?page=2")).replace("https://site.example.com", ""));
    links
}

#[test]
fn links_carry_the_prefix_that_the_proxy_removes() {
    let site = behind_a_proxy(None);
    let client = site.as_a(Role::Admin).with_header("x-forwarded-prefix", "/sites/north/");
    for link in links(&client) {
        let path = link.strip_prefix("/sites/north").unwrap_or_else(|| panic!("{link}"));
        if path.contains("token=") {
            assert_eq!(site.anonymous().get(path).status, 200, "{path}");
        }
    }
    let several = site.as_a(Role::Admin).with_header("x-forwarded-prefix", "/elsewhere, /north");
    assert_eq!(several.get("/").json["endpoints"]["api"], "/north/api", "the last hop names the prefix");
}

#[test]
fn links_begin_at_the_root_without_a_prefix() {
    let site = behind_a_proxy(None);
    for link in links(&site.as_a(Role::Admin)) {
        let first = link.split(['/', '?']).nth(1);
        assert!(matches!(first, Some("api" | "docs" | "health" | "")), "{link}");
    }
    for forged in ["//evil.example", "https://evil.example", "/a/../b", "/a b", "evil", "/\"><script>"] {
        let client = site.as_a(Role::Admin).with_header("x-forwarded-prefix", forged);
        assert_eq!(client.get("/").json["endpoints"]["api"], "/api", "{forged}");
    }
    let alone = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
    let client = alone.anonymous().with_header("x-forwarded-prefix", "/sites/north");
    assert_eq!(client.get("/").json["endpoints"]["api"], "/api", "this proxy is not trusted");
}

#[test]
fn links_carry_the_path_of_the_configured_address() {
    let url = "https://example.com/inspection";
    let site = behind_a_proxy(Some(url));
    for link in links(&site.as_a(Role::Admin)) {
        assert!(link == url || link.starts_with("/inspection/"), "{link}");
    }
    let client = site.anonymous().with_header("x-forwarded-prefix", "/sites/north");
    assert_eq!(client.get("/").json["endpoints"]["api"], "/sites/north/api", "the proxy knows better");
    assert_eq!(client.get("/api/openapi.json").json["servers"][0]["url"], url);
}
