//! The first start: migrations, the first admin, and the text that development prints.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use inspection_domain::{ids::Ids, time::Clock};
use inspection_persistence::{Context, Database, Settings, sessions, users};
use inspection_server::{
    commands::serve::{FIRST_ADMIN, first_admin, welcome},
    config::{Config, Sources},
    system::{SystemClock, SystemIds},
};
use inspection_testkit::clients::Client;
use serde_json::json;
use tempfile::TempDir;

use super::{Running, folder, program};

/// Time that a start with migrations may take.
const WAIT_TIMEOUT: Duration = Duration::from_mins(1);

const PRODUCTION: [(&str, &str); 4] = [
    ("APP_ENV", "production"),
    ("SECRET_KEY", "5f0e2bd1a6c94b7c8f3d7e1a9b0c6d24"),
    ("JWT_SECRET_KEY", "e91c7a3f2d8b4605b7f1c0d9a8e35b62"),
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
    // The password of the first admin is generated.
    let context = Context { ids: Arc::new(SystemIds), ..inspection_testkit::context::context().0 };
    (folder, database, context)
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
    assert_eq!(admins.iter().map(|admin| admin.email.as_str()).collect::<Vec<_>>(), ["Chief@example.com"]);
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

#[test]
fn other_machines_reach_no_service_with_public_keys_or_for_tests() {
    let own = [("SECRET_KEY", "one of our own"), ("JWT_SECRET_KEY", "another of our own")];
    for (settings, words) in [
        (&[][..], "set SECRET_KEY and JWT_SECRET_KEY"),
        (&own[..1], "set SECRET_KEY and JWT_SECRET_KEY"),
        (&[("APP_ENV", "testing"), own[0], own[1]], "for tests"),
    ] {
        let everywhere = [&[("BIND", "0.0.0.0"), ("PORT", "0")], settings].concat();
        let output = program(&folder(), &everywhere, &["serve", "--migrate"]).output().expect("ended");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && text.contains(words), "{settings:?}: {text}");
    }
    let folder = folder();
    let service = Running::start(&folder, &[("BIND", "0.0.0.0"), own[0], own[1]]);
    assert_eq!(service.admin().get("/api/auth/me").status, 200);
    service.stop();
}

#[test]
fn the_keys_of_a_developer_outlive_the_process() {
    let folder = folder();
    let service = Running::start(&folder, &[]);
    let credentials = json!({"email": service.email, "password": service.password});
    let login = Client::new(&service.base).post("/api/auth/login", &credentials);
    let token = login.json["access_token"].as_str().expect("a token");
    service.stop();
    let service = Running::start(&folder, &[]);
    assert_eq!(Client::new(&service.base).with_token(token).get("/api/auth/me").status, 200);
    service.stop();
    let stored = fs::read_to_string(folder.path().join("data/inspection.keys")).expect("the keys");
    assert_eq!(stored.lines().map(str::len).collect::<Vec<_>>(), [64, 64]);
}

#[test]
fn tokens_outlive_the_replacement_of_a_key() {
    let folder = folder();
    let old = [("SECRET_KEY", PRODUCTION[1].1), ("JWT_SECRET_KEY", PRODUCTION[2].1)];
    let service = Running::start(&folder, &old);
    let credentials = json!({"email": service.email, "password": service.password});
    let login = Client::new(&service.base).post("/api/auth/login", &credentials);
    let token = |name: &str| login.json[name].as_str().expect("a token").to_owned();
    service.stop();

    let new = [("SECRET_KEY", "a new key"), ("JWT_SECRET_KEY", "another new key")];
    let rotated = [("SECRET_KEYS_OLD", old[0].1), ("JWT_SECRET_KEYS_OLD", old[1].1), new[0], new[1]];
    let service = Running::start(&folder, &rotated);
    let anonymous = Client::new(&service.base);
    assert_eq!(anonymous.with_token(&token("access_token")).get("/api/auth/me").status, 200);
    let refreshed = anonymous.with_token(&token("refresh_token")).post("/api/auth/refresh", &json!({}));
    let next = refreshed.json["access_token"].as_str().expect("a token").to_owned();
    service.stop();

    let service = Running::start(&folder, &new);
    let anonymous = Client::new(&service.base);
    assert_eq!(anonymous.with_token(&token("access_token")).get("/api/auth/me").code(), "TOKEN_INVALID");
    assert_eq!(anonymous.with_token(&next).get("/api/auth/me").status, 200, "signed with the new key");
    service.stop();
}

/// The database, evidence and logs are personal data: other accounts of the machine can't read
/// them, whatever the mask of the account that starts the program.
#[test]
fn every_file_is_readable_to_its_owner_only() {
    let folder = folder();
    let shell = format!("umask 000; exec {} serve", env!("CARGO_BIN_EXE_inspection-server"));
    let mut command = Command::new("sh");
    command.args(["-c", &shell]).current_dir(folder.path()).env_clear();
    let service = Running::spawn({
        command.envs([("PORT", "0"), ("LOG_FILE", "logs/app.log")]);
        command
    });
    let photo = service.admin().upload(&[], "photo.png", "image/png", &inspection_testkit::files::png(9, 9));
    assert_eq!(photo.status, 201, "{}", photo.text);
    service.stop();
    let files = private_files(folder.path());
    assert!(files >= 4, "a database, keys, a photo and a log: {files}");
}

/// The number of files in a folder, which only their owner may open.
fn private_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let count = |entry: fs::DirEntry| {
        let mode = entry.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", entry.path().display());
        if entry.path().is_dir() { private_files(&entry.path()) } else { 1 }
    };
    entries.map(count).sum()
}
