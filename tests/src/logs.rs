//! The log of all tests contains no secrets and no personal data.

use std::{
    io,
    sync::{Mutex, OnceLock, PoisonError},
};

use inspection_domain::users::Role;
use inspection_testkit::DatabaseKind;
use serde_json::{Value, json};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::site::TestSite;

/// Parts of texts that must not be logged: tokens, password hashes, the keys and passwords of these
/// tests, e-mail addresses.
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
    /// Lines with a secret.
    leaks: Vec<String>,
    /// Lines of requests that a test reads.
    requests: Vec<Value>,
}

static LOG: Mutex<Log> = Mutex::new(Log { leaks: Vec::new(), requests: Vec::new() });

struct LogCapture;

impl io::Write for LogCapture {
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

/// Captures the log of this process from now on.
pub(crate) fn capture() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(|| LogCapture);
        let filter = tracing_subscriber::filter::Targets::new()
            .with_default(LevelFilter::INFO)
            .with_target("inspection_", LevelFilter::TRACE);
        tracing_subscriber::registry().with(filter).with(layer).init();
    });
}

/// Asserts that no test has logged a secret so far.
pub(crate) fn assert_no_leaks() {
    let leaks = LOG.lock().unwrap_or_else(PoisonError::into_inner).leaks.clone();
    assert!(leaks.is_empty(), "secrets in the log: {leaks:?}");
}

/// The lines of requests with this id.
pub(crate) fn lines(id: &str) -> Vec<Value> {
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    log.requests.iter().filter(|line| line["request_id"] == id).cloned().collect()
}

fn request_line(id: &str) -> Value {
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let line = log.requests.iter().find(|line| line["request_id"] == id && line["message"] == "request");
    line.unwrap_or_else(|| panic!("no line of request {id}")).clone()
}

#[test]
fn each_request_logs_one_line_with_user_route_and_duration() {
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
    let chief = site.user(Role::Admin);
    let admin = site.client(&chief).with_header("x-request-id", "watched-1");
    assert_eq!(admin.get("/api/users/1?lang=ar").status, 200);
    let line = request_line("watched-1");
    assert_eq!(line["user"], chief.id.get());
    assert_eq!(
        (&line["method"], &line["route"], &line["status"]),
        (&json!("GET"), &json!("/api/users/{id}"), &json!(200))
    );
    assert!(line["queries"].as_i64().expect("a number") >= 2, "{line}");
    let [whole, database] =
        ["milliseconds", "database_milliseconds"].map(|name| line[name].as_f64().expect("a number"));
    assert!(database > 0.0 && database <= whole, "{line}");

    let anonymous = site.anonymous().with_header("x-request-id", "watched-2");
    assert_eq!(anonymous.get("/api/users?q=somebody@example.com").status, 401);
    let line = request_line("watched-2");
    assert_eq!((&line["user"], &line["status"], &line["queries"]), (&Value::Null, &json!(401), &json!(0)));
}

#[test]
fn a_leak_is_detected() {
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
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
