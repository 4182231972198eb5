//! What all tests of this program log is looked at: there are no secrets in it, and nothing of who people are.

use std::{
    io,
    sync::{Mutex, OnceLock, PoisonError},
};

use inspection_domain::users::Role;
use inspection_testkit::DatabaseKind;
use serde_json::{Value, json};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::site::TestSite;

/// Beginnings and pieces of what must never be in a log: tokens, hashes, the keys and passwords of these tests, addresses of people.
const SECRETS: &[&str] = &[
    "eyJ",
    "$argon2",
    "a secret for tests",
    "another secret, for links",
    inspection_testkit::builders::PASSWORD,
    "@example.com",
    "bearer ",
    "Bearer ",
];

fn is_leak(line: &str) -> bool {
    SECRETS.iter().any(|secret| line.contains(secret))
}

struct Log {
    /// Lines with something in them that must not be there.
    leaks: Vec<String>,
    /// The lines of requests that some test waits for.
    requests: Vec<Value>,
}

static LOG: Mutex<Log> = Mutex::new(Log { leaks: Vec::new(), requests: Vec::new() });

struct Watcher;

impl io::Write for Watcher {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
        if is_leak(&text) {
            log.leaks.push(text.trim().to_owned());
        }
        if text.contains("watched-") {
            log.requests.extend(serde_json::from_str::<Value>(&text));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Looks at everything that this process logs from now on.
pub(crate) fn watch() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(|| Watcher);
        let filter = tracing_subscriber::filter::Targets::new()
            .with_default(LevelFilter::INFO)
            .with_target("inspection_", LevelFilter::TRACE);
        tracing_subscriber::registry().with(filter).with(layer).init();
    });
}

/// Nothing that must not be there has been logged so far, by any test.
pub(crate) fn are_clean() {
    let leaks = LOG.lock().unwrap_or_else(PoisonError::into_inner).leaks.clone();
    assert!(leaks.is_empty(), "secrets in the log: {leaks:?}");
}

fn line_of(id: &str) -> Value {
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let line = log.requests.iter().find(|line| line["request_id"] == id && line["message"] == "request");
    line.unwrap_or_else(|| panic!("no line of {id}")).clone()
}

#[test]
fn each_request_leaves_one_line_that_says_who_what_and_how_long() {
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is always there");
    let chief = site.user(Role::Admin);
    let admin = site.client(&chief).with_header("x-request-id", "watched-1");
    assert_eq!(admin.get("/api/users/1?lang=ar").status, 200);
    let line = line_of("watched-1");
    assert_eq!(line["user"], chief.id.get());
    assert_eq!(
        (&line["method"], &line["route"], &line["status"]),
        (&json!("GET"), &json!("/api/users/{id}"), &json!(200))
    );
    assert!(line["queries"].as_i64().expect("a number") >= 2, "{line}");
    let [whole, database] =
        ["milliseconds", "database_milliseconds"].map(|name| line[name].as_f64().expect("a number"));
    assert!(database > 0.0 && database <= whole, "{line}");

    let nobody = site.nobody().with_header("x-request-id", "watched-2");
    assert_eq!(nobody.get("/api/users?q=somebody@example.com").status, 401);
    let line = line_of("watched-2");
    assert_eq!((&line["user"], &line["status"], &line["queries"]), (&Value::Null, &json!(401), &json!(0)));
}

#[test]
fn a_leak_would_be_found() {
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is always there");
    let person = site.user(Role::Engineer);
    let token = site.token(&person, inspection_auth::tokens::TokenType::Access);
    let hash = inspection_testkit::builders::password_hash();
    for secret in
        [&token, hash, inspection_testkit::builders::PASSWORD, &person.email, "Authorization: Bearer x"]
    {
        assert!(is_leak(&json!({"message": "request", "what": secret}).to_string()), "{secret}");
    }
    assert!(!is_leak(r#"{"message":"request","route":"/api/users/{id}","user":7}"#));
}
