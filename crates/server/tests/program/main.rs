//! The program itself, on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a panic is the failure of a test"
)]

mod arguments;
mod backup;
mod bombs;
mod check;
mod configuration;
mod contract;
mod documents;
mod files;
mod findings;
mod instances;
mod leaves;
mod metrics;
mod outages;
mod proxy;
mod redis;
mod restart;
mod slow_readers;
mod start;
mod verify;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use inspection_persistence::scratch;
use inspection_testkit::{
    clients::Client,
    or_skip,
    postgres::Server,
    processes::{Signal, signal},
    skips,
};
use serde_json::json;
use tempfile::TempDir;

/// The program in a folder of its own, with these settings only.
fn program(folder: &TempDir, settings: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inspection-server"));
    command.current_dir(folder.path()).args(arguments).env_clear().envs(settings.iter().copied());
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A running service and its output.
struct Running {
    child: Child,
    base: String,
    email: Option<String>,
    password: Option<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process has exited, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(folder: &TempDir, settings: &[(&str, &str)]) -> Self {
        let settings = [&[("PORT", "0"), ("LOG_LEVEL", "warn")], settings].concat();
        Self::spawn(program(folder, &settings, &[]))
    }

    /// Starts a command, and reads its output until it listens.
    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("started");
        let lines = BufReader::new(child.stdout.take().expect("output")).lines().map_while(Result::ok);
        let (mut base, mut email, mut password) = (None, None, None);
        for line in lines {
            let line = line.trim();
            base = line.strip_prefix("Listening on ").map(ToOwned::to_owned).or(base);
            email = line.strip_prefix("EMAIL=").map(ToOwned::to_owned).or(email);
            password = line.strip_prefix("PASSWORD=").map(ToOwned::to_owned).or(password);
            if line.ends_with("Ctrl-C") {
                break;
            }
        }
        Self { child, base: base.expect("the address is printed"), email, password }
    }

    fn terminate(&mut self) {
        signal(self.child.id(), Signal::TERM);
    }

    /// Kills the process.
    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// The first admin, signed in.
    fn admin(&self) -> Client {
        let anonymous = Client::new(&self.base);
        let credentials = json!({"email": self.email, "password": self.password});
        let login = anonymous.post("/api/auth/login", &credentials);
        anonymous.with_token(login.json["access_token"].as_str().expect("a token"))
    }

    fn stop(mut self) {
        self.terminate();
        let status = self.child.wait().expect("ended");
        assert_eq!(status.code(), Some(0));
    }
}

/// The block of shell commands in the README that signs in.
fn printed_walk() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = fs::read_to_string(readme).expect("the README");
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let walk: Vec<_> = blocks.filter(|block| block.contains("/api/auth/login")).collect();
    assert_eq!(walk.len(), 1, "the README has one walk");
    walk.concat()
}

fn walk(folder: &TempDir, settings: &[(&str, &str)]) {
    or_skip!(skips::program("curl"));
    let service = Running::start(folder, settings);
    let (email, password) =
        (service.email.clone().expect("an admin"), service.password.clone().expect("a password"));
    let output = Command::new("sh")
        .args(["-e", "-c", &printed_walk()])
        .env("BASE", &service.base)
        .env("EMAIL", &email)
        .env("PASSWORD", &password)
        .output()
        .expect("a shell");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("Failed: "), "the defect is shown: {out}\n{err}");
    service.stop();

    // The data persists, and no new password is generated.
    let service = Running::start(folder, settings);
    assert_eq!(service.password, None);
    let anonymous = Client::new(&service.base);
    let login = anonymous.post("/api/auth/login", &json!({"email": email, "password": password}));
    let admin = anonymous.with_token(login.json["access_token"].as_str().expect("a token"));
    let defects = admin.get("/api/defects");
    assert_eq!(defects.json["pagination"]["total"], 1, "{out}");
    assert_eq!(defects.data()[0]["severity"], "critical");
    assert_eq!(admin.get("/api/notifications?type=defect_created").json["pagination"]["total"], 1);
    service.stop();
}

#[test]
fn without_configuration_the_walk_in_the_readme_works_as_printed() {
    walk(&folder(), &[]);
}

#[test]
fn with_a_postgresql_url_the_walk_works_as_well() {
    let server = or_skip!(Server::shared());
    let name = server.fresh_name();
    scratch::create_database(&server.url("postgres"), &name, None).expect("a database");
    walk(&folder(), &[("DATABASE_URL", &server.url(&name))]);
}

#[test]
fn requests_in_flight_at_sigterm_are_finished() {
    let folder = folder();
    let mut service = Running::start(&folder, &[]);
    let credentials = json!({"email": service.email, "password": service.password});
    let base = service.base.clone();
    // Hashing is slow, so that these are in flight at the signal.
    let (sender, receiver) = std::sync::mpsc::channel();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (client, credentials, sender) = (Client::new(&base), credentials.clone(), sender.clone());
            std::thread::spawn(move || {
                assert_eq!(client.get("/health/live").status, 200);
                sender.send(()).expect("a receiver");
                client.post("/api/auth/login", &credentials).status
            })
        })
        .collect();
    for _ in &clients {
        receiver.recv().expect("connected");
    }
    // Connections are open, and their requests are sent or about to be.
    std::thread::sleep(std::time::Duration::from_millis(20));
    service.terminate();
    for client in clients {
        assert_eq!(client.join().expect("an answer"), 200);
    }
    assert_eq!(service.child.wait().expect("ended").code(), Some(0));
}

fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn production_reports_all_missing_variables_at_once() {
    let output = program(&folder(), &[("APP_ENV", "production"), ("WORKERS", "many")], &["serve"]).output();
    let error = failure(&output.expect("ended"));
    for name in ["SECRET_KEY", "JWT_SECRET_KEY", "DATABASE_URL", "WORKERS"] {
        assert!(error.contains(name), "{name}: {error}");
    }
    let sqlite = [("FLASK_ENV", "production"), ("DATABASE_URL", "sqlite://x.db")];
    let error = failure(&program(&folder(), &sqlite, &["serve"]).output().expect("ended"));
    assert!(error.contains("DATABASE_URL"), "{error}");
}

#[test]
fn the_command_line_prepares_a_database() {
    let folder = folder();
    let run = |arguments: &[&str]| program(&folder, &[], arguments).output().expect("ended");
    let said = |output: &Output| {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(said(&run(&["migrate", "status"])).contains("people"));
    let refusing = [("AUTO_MIGRATE", "false")];
    let refused = program(&folder, &refusing, &["admin", "list"]).output().expect("ended");
    assert!(failure(&refused).contains("migrate up"));
    said(&run(&["migrate", "up"]));
    said(&run(&["migrate", "redo"]));
    let created = said(&run(&["admin", "create", "--email", "chief@example.com", "--name", "Chief"]));
    assert!(created.to_lowercase().contains("password"), "{created}");
    assert!(
        failure(&run(&["admin", "create", "--email", "chief@example.com", "--name", "Again"]))
            .contains("in use")
    );
    assert!(said(&run(&["admin", "list"])).contains("chief@example.com"));
    said(&run(&["admin", "reset-password", "--email", "chief@example.com"]));
    assert!(said(&run(&["config", "show"])).contains("DATABASE_URL"));
    assert_eq!(said(&run(&["openapi"])).trim(), inspection_http::openapi().trim());
    assert_eq!(run(&["dance"]).status.code(), Some(2));
}

#[test]
fn commands_migrate_a_new_database_where_the_profile_allows_it() {
    for (arguments, words) in [
        (&["admin", "create", "--email", "chief@example.com", "--name", "Chief"][..], "created admin"),
        (&["task", "list"], "check_backlog"),
        (&["files", "check"], "recorded files"),
    ] {
        let folder = folder();
        let output = program(&folder, &[], arguments).output().expect("ended");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(words), "{arguments:?}: {output:?}");
    }
}

#[test]
fn commands_of_production_refuse_a_database_that_is_not_up_to_date() {
    let server = or_skip!(Server::shared());
    let name = server.fresh_name();
    scratch::create_database(&server.url("postgres"), &name, None).expect("a database");
    let settings = [
        ("APP_ENV", "production"),
        ("SECRET_KEY", "5f0e2bd1a6c94b7c8f3d7e1a9b0c6d24"),
        ("JWT_SECRET_KEY", "e91c7a3f2d8b4605b7f1c0d9a8e35b62"),
        ("DATABASE_URL", &server.url(&name)),
    ];
    let refused = program(&folder(), &settings, &["admin", "list"]).output().expect("ended");
    assert!(failure(&refused).contains("inspection-server migrate up"));
}
