//! The deployment files in `docker`: the image, the services, units, proxies and alerts meet the
//! requirements of production, and the programs that read them accept them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use inspection_domain::users::Role;
use inspection_testkit::{DatabaseKind, builders, skips::Skipped};
use serde_json::{Value, json};

use crate::site::{TestSite, settings};

mod alerts;
mod backup_loop;
mod caddy;
mod compose;
mod compose_schema;
mod database_role;
mod health_checks;
mod image;
mod nginx;
mod readme;
mod shell;
mod units;

/// The systemd units in `docker`.
const UNITS: &[&str] = &[
    "inspection-server.service",
    "inspection-server.socket",
    "inspection-backup.service",
    "inspection-backup.timer",
    "inspection-backup-verify.service",
    "inspection-backup-verify.timer",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

/// A YAML file with its anchors and merge keys resolved.
fn read_yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Asserts that each of these is a line of the text, at any indentation.
fn assert_lines(name: &str, text: &str, expected: &[&str]) {
    for line in expected {
        assert!(text.lines().any(|found| found.trim() == *line), "{name}: no line `{line}`");
    }
}

/// Asserts that the program reads an environment variable.
fn assert_known_variable(name: &str) {
    assert!(read(".env.example").contains(&format!("\n#{name}=")), "{name} is no variable of the program");
}

/// Both output streams of a program, for the message of a failed assertion.
fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Asserts that a version that a proxy has compressed is recognized: `request` sends a request
/// through the proxy with curl, and returns the status and the text of the response. Returns the
/// tag as the proxy sends it.
fn assert_tags_survive(site: &TestSite, request: impl Fn(&str, &[&str]) -> (String, String)) -> String {
    let machine = builders::equipment(&site.db, &site.context);
    let path = format!("/api/equipment/{}", machine.id);
    let admin = site.as_a(Role::Admin);
    // Responses below 1 KiB are not compressed.
    let long = json!({"location": "Quay ".repeat(39), "name": "Crane ".repeat(33), "manufacturer": "Maker ".repeat(16)});
    assert_eq!(admin.put(&path, &long).status, 200);
    let token = format!("Authorization: Bearer {}", admin.token().expect("a token"));
    let send = |arguments: &[&str]| {
        let common = ["-H", token.as_str(), "-H", "Accept-Encoding: gzip", "-o", "/dev/null", "-D", "-"];
        request(&path, &[&common, arguments].concat())
    };
    let (status, answer) = send(&[]);
    assert_eq!(status, "200", "{answer}");
    let headers = answer.to_ascii_lowercase();
    assert!(headers.contains("content-encoding: gzip"), "{answer}");
    let tag = headers.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").trim().to_owned();
    let (known, expected) = (format!("If-None-Match: {tag}"), format!("If-Match: {tag}"));
    assert_eq!(send(&["-H", &known]).0, "304");
    let change =
        ["-X", "PUT", "-H", "Content-Type: application/json", "-d", "{\"berth\": \"7\"}", "-H", &expected];
    let (status, answer) = send(&change);
    assert_eq!(status, "200", "{answer}");
    let again =
        ["-X", "PUT", "-H", "Content-Type: application/json", "-d", "{\"berth\": \"9\"}", "-H", &expected];
    assert_eq!(send(&again).0, "412");
    assert_eq!(send(&["-H", &known]).0, "200");
    tag
}

/// Checks that a proxy in front of a service that trusts it doesn't pass on a prefix of links.
/// `request` sends a request through it.
fn assert_no_client_chooses_the_prefix(request: impl Fn(&str, &[&str]) -> (String, String)) {
    let (status, answer) = request("/api/openapi.json", &["-H", "X-Forwarded-Prefix: /evil"]);
    assert!(status == "200" && answer.contains("\"url\": \"/\""), "{status}");
}

/// A service that trusts a proxy on this machine.
fn behind_a_proxy() -> Result<TestSite, Skipped> {
    let settings = inspection_http::Settings {
        trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")],
        ..settings()
    };
    TestSite::start_with(DatabaseKind::Sqlite, settings)
}
