//! The first start: migrations, the first admin, and the text that development prints.

use std::time::{Duration, Instant};

use inspection_domain::{ids::Ids, time::Clock};
use inspection_persistence::{Context, Database, Settings, sessions, users};
use inspection_server::{
    commands::serve::{FIRST_ADMIN, first_admin, welcome},
    config::{Config, Sources},
    system::{SystemClock, SystemIds},
};
use tempfile::TempDir;

use super::{folder, program};

/// Time that a start with migrations may take.
const WAIT_TIMEOUT: Duration = Duration::from_mins(1);

const PRODUCTION: [(&str, &str); 4] = [
    ("APP_ENV", "production"),
    ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ("JWT_SECRET_KEY", "fedcba9876543210fedcba9876543210"),
    ("DATABASE_URL", "postgres://somewhere/db"),
];

fn config(pairs: &[(&str, &str)]) -> Config {
    let environment = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Config::load(&Sources { environment, ..Sources::default() }).expect("valid")
}

/// An empty, migrated database.
fn migrated() -> (TempDir, Database, Context) {
    let folder = folder();
    let url = format!("sqlite://{}/test.db", folder.path().display());
    let database = Database::open(Settings::new(url)).expect("a database");
    inspection_persistence::migrations::up(&database).expect("migrated");
    (folder, database, inspection_testkit::context::context().0)
}

#[test]
fn development_creates_an_admin_once() {
    let (_folder, database, context) = migrated();
    let password = first_admin(&config(&[]), &database, &context).expect("created").expect("generated");
    let account = database.read(|conn| sessions::find_account(conn, FIRST_ADMIN)).expect("read");
    let hash = account.expect("the account").password_hash;
    assert!(inspection_auth::passwords::verify(&password, Some(&hash)));
    assert!(first_admin(&config(&[]), &database, &context).expect("unchanged").is_none());
    let text = welcome("0.0.0.0:5000".parse().expect("address"), Some(&password));
    assert!(text.contains("http://127.0.0.1:5000/docs") && text.contains(password.expose()));
}

#[test]
fn production_creates_only_the_configured_admin() {
    let (_folder, database, context) = migrated();
    assert!(first_admin(&config(&PRODUCTION), &database, &context).expect("none").is_none());
    assert!(database.read(users::is_empty).expect("read"));
    let given = [("ADMIN_EMAIL", "Chief@example.com"), ("ADMIN_PASSWORD", "of some length")];
    let configured = config(&[&PRODUCTION[..], &given].concat());
    assert!(first_admin(&configured, &database, &context).expect("created").is_none(), "not generated");
    let admins = database.read(users::admins).expect("read");
    assert_eq!(admins.iter().map(|admin| admin.email.as_str()).collect::<Vec<_>>(), ["chief@example.com"]);
    first_admin(&configured, &database, &context).expect("again changes nothing");
}

#[test]
fn migrations_go_up_and_down_and_up() {
    let folder = folder();
    let migrate = |action: &str| {
        let output = program(&folder, &[], &["migrate", action]).output().expect("ended");
        assert_eq!(output.status.code(), Some(0), "{action}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let is_pending = || migrate("status").contains("pending; run `inspection-server migrate up`");
    assert!(is_pending());
    migrate("up");
    assert!(!is_pending());
    migrate("down");
    assert!(is_pending(), "again");
    migrate("up");
    migrate("redo");
    assert!(migrate("up").contains("nothing to do"));
    assert!(!is_pending());
}

#[test]
fn serve_refuses_pending_migrations_unless_it_may_apply_them() {
    let settings = [("AUTO_MIGRATE", "false"), ("PORT", "0")];
    let refused = program(&folder(), &settings, &["serve"]).output().expect("ended");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("migrate up") && refused.contains("AUTO_MIGRATE"), "{refused}");

    let folder = folder();
    let mut serving = program(&folder, &settings, &["serve", "--migrate"]).spawn().expect("started");
    let is_pending = || {
        let status = program(&folder, &settings, &["migrate", "status"]).output().expect("ended");
        status.status.code() != Some(0) || String::from_utf8_lossy(&status.stdout).contains("pending")
    };
    let begun = Instant::now();
    while is_pending() && begun.elapsed() < WAIT_TIMEOUT {
        std::thread::sleep(Duration::from_millis(100));
    }
    let (was_pending, ended) = (is_pending(), serving.try_wait().expect("asked"));
    serving.kill().expect("killed");
    serving.wait().expect("ended");
    assert!(!was_pending, "--migrate applies the migrations");
    assert_eq!(ended, None, "and the service continues");
    let allowed = program(&folder, &settings, &["migrate", "up"]).output().expect("ended");
    assert!(String::from_utf8_lossy(&allowed.stdout).contains("nothing to do"), "{allowed:?}");
}

#[test]
fn the_configuration_is_shown_with_its_sources_and_without_secrets() {
    let settings = [("SECRET_KEY", "hush-hush"), ("GUNICORN_WORKERS", "3")];
    let output = program(&folder(), &settings, &["config", "show"]).output().expect("ended");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).expect("shown");
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("SECRET_KEY"), "SECRET_KEY ******** environment");
    assert_eq!(line("WORKERS"), "WORKERS 3 environment (GUNICORN_WORKERS)");
    assert_eq!(line("LOG_FORMAT"), "LOG_FORMAT text default");
    assert_eq!(line("PORT"), "PORT – –");
    assert!(!text.contains("hush"));
}

#[test]
fn unique_ids_are_ordered_and_random_bytes_differ() {
    assert!(SystemIds.unique() < SystemIds.unique());
    assert_ne!(SystemIds.random(), SystemIds.random());
}

#[test]
fn time_does_not_go_backwards() {
    let before = SystemClock.now();
    assert!(SystemClock.now() >= before);
}
