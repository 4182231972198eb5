//! Backups: created under load, verified, restored on another machine, and refused when damaged.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use inspection_persistence::scratch;
use inspection_testkit::{
    clients::{Client, Response},
    files::jpeg,
    or_skip,
    postgres::Server,
    s3::{KEY_ID, Mood, S3Server, SECRET},
    skips::Skipped,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Running, failure, folder, program};

/// Timeout of waits, for a busy machine.
const WAIT_TIMEOUT: Duration = Duration::from_mins(1);

/// A password that PostgreSQL ignores, and that must not be visible.
const PASSWORD: &str = "s3cret-of-the-role";

/// A machine with the program: its folder and its configured database.
struct Machine {
    folder: TempDir,
    database: Option<String>,
}

impl Machine {
    /// Uses SQLite without a server.
    fn new(server: Option<&Server>) -> Self {
        let database = server.map(|server| {
            let name = server.fresh_name();
            scratch::create_database(&server.url("postgres"), &name, None).expect("a database");
            server.url(&name).replace("inspection@", &format!("inspection:{PASSWORD}@"))
        });
        Self { folder: folder(), database }
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        let database = self.database.as_deref().map(|url| ("DATABASE_URL", url));
        let mut settings = vec![("PATH", "/usr/bin:/bin"), ("LOG_LEVEL", "warn"), ("APP_ENV", "development")];
        settings.extend(database);
        settings
    }

    fn start(&self) -> Running {
        Running::start(&self.folder, &self.settings())
    }

    /// The command `backup …`, with the PostgreSQL tools of the tests.
    fn command(&self, arguments: &[&str]) -> Command {
        let wants_tools = self.database.is_some() && arguments.first() != Some(&"list");
        let tools = (wants_tools && !arguments.contains(&"--pg-bin")).then(tools).and_then(Result::ok);
        let tools = tools.map(|folder| folder.display().to_string());
        let tools: Vec<&str> = tools.iter().flat_map(|folder| ["--pg-bin", folder]).collect();
        program(&self.folder, &self.settings(), &[&["backup"], arguments, &tools].concat())
    }

    fn backup(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("ended")
    }

    /// The JSON output of a successful `backup … --json`.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.backup(&[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let printed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(printed["ok"], true, "{printed}");
        printed
    }

    /// Migrates the database.
    fn migrate(&self) {
        let output = program(&self.folder, &self.settings(), &["migrate", "up"]).output().expect("ended");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }

    fn backups(&self) -> PathBuf {
        self.folder.path().join("data/backups")
    }

    fn create(&self) -> String {
        self.json(&["create"])["name"].as_str().expect("a name").to_owned()
    }
}

/// Folder of the PostgreSQL client programs.
pub(crate) fn tools() -> Result<PathBuf, Skipped> {
    Server::shared()?.tools()
}

/// A machine for each available database.
fn machines() -> Vec<(Machine, Option<&'static Server>)> {
    let server = tools().and_then(|_| Server::shared());
    let with_server = server.ok().map(|server| (Machine::new(Some(server)), Some(server)));
    std::iter::once((Machine::new(None), None)).chain(with_server).collect()
}

fn upload(client: &Client, width: u32) -> Response {
    client.upload(&[], "photo.jpg", "image/jpeg", &jpeg(width, 40))
}

fn machine(client: &Client, number: usize) -> Response {
    client.post(
        "/api/equipment",
        &json!({"name": format!("Pump {number}"), "equipment_type": "Pump", "serial_number": format!("P-{number}"),
                "location": "North quay", "location_ar": "الرصيف الشمالي"}),
    )
}

/// Waits until a condition holds.
fn wait_until(condition: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < WAIT_TIMEOUT, "{condition}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Credentials of the first admin.
fn credentials(service: &Running) -> Value {
    json!({"email": service.email, "password": service.password})
}

/// Signs in with the credentials of another service.
fn signed_in(service: &Running, credentials: &Value) -> Client {
    let anonymous = Client::new(&service.base);
    let login = anonymous.post("/api/auth/login", credentials);
    anonymous.with_token(login.json["access_token"].as_str().expect("a token"))
}

#[test]
fn a_backup_created_under_load_is_intact_and_is_restored_on_another_machine() {
    for (from, server) in machines() {
        let service = from.start();
        let (admin, credentials) = (service.admin(), credentials(&service));
        let photos: Vec<(i64, Vec<u8>)> =
            (0..3).map(|n| (upload(&admin, 60 + n).id(), jpeg(60 + n, 40))).collect();
        for number in 0..5 {
            assert_eq!(machine(&admin, number).status, 201);
        }
        let over = AtomicBool::new(false);
        let created = thread::scope(|scope| {
            let writers: Vec<_> = (0..2)
                .map(|writer| {
                    let (admin, over) = (admin.clone(), &over);
                    scope.spawn(move || {
                        let mut written = 0;
                        while !over.load(Ordering::Relaxed) {
                            assert_eq!(machine(&admin, 1000 * (writer + 1) + written).status, 201);
                            let id = upload(&admin, 100).id();
                            if written % 2 == 1 {
                                assert_eq!(admin.delete(&format!("/api/files/{id}")).status, 200);
                            }
                            written += 1;
                            // Rate limits are in force.
                            thread::sleep(Duration::from_millis(700));
                        }
                        written
                    })
                })
                .collect();
            let created = from.json(&["create"]);
            over.store(true, Ordering::Relaxed);
            for writer in writers {
                assert!(writer.join().expect("written") > 0);
            }
            created
        });
        let name = created["name"].as_str().expect("a name");
        let manifest = &created["manifest"];
        assert!(manifest["files"]["count"].as_u64() >= Some(3), "{created}");
        assert!(manifest["tables"]["equipment"].as_i64() >= Some(5), "{created}");
        let path = from.backups().join(name);
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o700);
        for part in ["database.dump", "files.tar", "manifest.json", "SHA256SUMS"] {
            let mode = fs::metadata(path.join(part)).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{part}");
        }
        let sums =
            Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&path).status();
        assert!(sums.expect("coreutils").success(), "sha256sum reads the checksums");

        assert_eq!(from.json(&["list"])["backups"][0]["verified_at"], Value::Null);
        let verified = from.json(&["verify"]);
        assert_eq!(
            (&verified["name"], &verified["verified"]["compared"]["files"]),
            (&json!(name), &manifest["files"]["count"])
        );
        let listed = from.json(&["list"]);
        assert_eq!(listed["backups"][0]["verified_at"], verified["verified"]["at"]);
        let table = from.backup(&["list"]);
        assert!(String::from_utf8_lossy(&table.stdout).contains(name), "{table:?}");
        assert_eq!(names(&from.backups()), [name], "a trial leaves nothing");
        if let Some(server) = server {
            let left = || scratch::databases(&server.url("postgres"), "inspection_trial_").expect("listed");
            // Trials of other tests end as well.
            let begun = Instant::now();
            while !left().is_empty() {
                assert!(begun.elapsed() < WAIT_TIMEOUT, "a trial leaves nothing: {:?}", left());
                thread::sleep(Duration::from_millis(50));
            }
        }

        let to = Machine::new(server);
        fs::create_dir_all(to.backups()).expect("a folder");
        let copied = Command::new("cp").arg("-r").arg(&path).arg(to.backups()).status().expect("cp");
        assert!(copied.success());
        let refused = failure(&to.backup(&["restore", name]));
        assert!(refused.contains("--yes"), "no confirmation without a terminal: {refused}");
        let restored = to.json(&["restore", name, "--yes"]);
        assert_eq!(restored["files_put_back"], manifest["files"]["count"], "{restored}");
        let other = to.start();
        assert_eq!(other.password, None, "the admin exists already");
        let admin = signed_in(&other, &credentials);
        let machines = admin.get("/api/equipment").json["pagination"]["total"].clone();
        assert_eq!(machines, manifest["tables"]["equipment"]);
        for (id, photo) in &photos {
            assert_eq!(admin.get(&format!("/api/files/{id}/download")).bytes, *photo);
        }
        assert_eq!(upload(&admin, 80).status, 201, "the service works");
        other.stop();
        let checked = program(&to.folder, &to.settings(), &["files", "check", "--contents"]).output();
        assert_eq!(checked.expect("ended").status.code(), Some(0));
        service.stop();
    }
}

#[test]
fn a_used_database_is_replaced_only_on_request_and_without_connections() {
    for (host, _) in machines() {
        let service = host.start();
        let (admin, credentials) = (service.admin(), credentials(&service));
        let photo = upload(&admin, 60).id();
        assert_eq!(machine(&admin, 1).status, 201);
        let name = host.create();
        assert_eq!(machine(&admin, 2).status, 201);
        assert_eq!(admin.delete(&format!("/api/files/{photo}")).status, 200);
        let refused = failure(&host.backup(&["restore", &name, "--yes"]));
        assert!(refused.contains("--replace"), "{refused}");
        let refused = failure(&host.backup(&["restore", &name, "--yes", "--replace"]));
        assert!(refused.contains("stop the service"), "{refused}");
        assert_eq!(admin.get("/api/equipment").json["pagination"]["total"], 2, "nothing changed");
        service.stop();
        let restored = host.json(&["restore", &name, "--yes", "--replace"]);
        assert_eq!(restored["files_put_back"], 1, "{restored}");

        let again = host.start();
        let admin = signed_in(&again, &credentials);
        assert_eq!(admin.get("/api/equipment").json["pagination"]["total"], 1);
        assert_eq!(admin.get(&format!("/api/files/{photo}/download")).bytes, jpeg(60, 40));
        again.stop();
        let leftovers: Vec<String> = names(&host.folder.path().join("data"));
        assert!(!leftovers.iter().any(|name| name.contains("restoring")), "{leftovers:?}");
    }
}

#[test]
fn a_damaged_backup_is_reported_and_never_restored() {
    for (from, server) in machines() {
        let service = from.start();
        upload(&service.admin(), 60).id();
        service.stop();
        let name = from.create();
        let to = Machine::new(server);
        let copy = to.backups().join(&name);
        for part in ["database.dump", "files.tar", "manifest.json"] {
            let _ = fs::remove_dir_all(to.backups());
            fs::create_dir_all(to.backups()).expect("a folder");
            let copied = Command::new("cp").arg("-r").arg(from.backups().join(&name)).arg(&copy).status();
            assert!(copied.expect("cp").success());
            let mut bytes = fs::read(copy.join(part)).expect("read");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(copy.join(part), bytes).expect("written");
            for command in [&["verify", &name][..], &["restore", &name, "--yes"]] {
                let error = failure(&to.backup(command));
                assert!(error.contains(part) || error.contains("checksum"), "{command:?} {part}: {error}");
            }
            let output = to.backup(&["verify", &name, "--json"]);
            let printed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!((output.status.code(), &printed["ok"]), (Some(1), &json!(false)), "{printed}");
            assert!(!to.folder.path().join("data/inspection.db").exists(), "nothing was changed");
            assert!(!to.folder.path().join("data/uploads").exists(), "nothing was changed");
        }
        let good = to.backup(&["restore", "2026-01-01T000000Z-0000", "--yes"]);
        assert!(failure(&good).contains("there is no backup"));
    }
}

#[test]
fn the_oldest_are_removed_except_the_verified_one() {
    let host = Machine::new(None);
    host.migrate();
    let first = host.create();
    host.json(&["verify", &first]);
    let second = host.create();
    let third = host.json(&["create", "--keep", "1"]);
    assert_eq!(third["removed"], json!([second]), "{third}");
    let mut left = names(&host.backups());
    left.sort();
    let mut expected = [first, third["name"].as_str().expect("a name").to_owned()];
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn a_killed_run_leaves_no_backup() {
    let (host, server) = (Machine::new(None), S3Server::start());
    let mut settings = host.settings();
    settings.extend([
        ("STORAGE_URL", "s3://evidence/site"),
        ("AWS_ENDPOINT_URL", &server.endpoint),
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
    ]);
    let service = Running::start(&host.folder, &settings);
    let (photo, credentials) = (upload(&service.admin(), 60).id(), credentials(&service));
    service.stop();
    let run = |arguments: &[&str]| program(&host.folder, &settings, arguments);
    server.be(Mood::Silent);
    let mut creating = run(&["backup", "create"]).spawn().expect("started");
    server.wait_for_silence();
    creating.kill().expect("killed");
    creating.wait().expect("ended");
    assert_eq!(names(&host.backups()).len(), 1, "the incomplete folder exists");
    let listed = run(&["backup", "list", "--json"]).output().expect("ended");
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!((&listed["backups"], &listed["unreadable"]), (&json!([]), &json!([])), "{listed}");
    server.be(Mood::Fine);
    let created = run(&["backup", "create", "--json"]).output().expect("ended");
    let created: Value = serde_json::from_slice(&created.stdout).expect("JSON");
    assert_eq!(created["manifest"]["files"]["count"], 1, "from a bucket: {created}");
    assert_eq!(run(&["backup", "verify"]).output().expect("ended").status.code(), Some(0));

    // Into a folder instead of the bucket.
    let to = Machine::new(None);
    fs::create_dir_all(to.backups()).expect("a folder");
    let name = created["name"].as_str().expect("a name");
    let copied = Command::new("cp").arg("-r").arg(host.backups().join(name)).arg(to.backups()).status();
    assert!(copied.expect("cp").success());
    to.json(&["restore", name, "--yes"]);
    let other = to.start();
    let admin = signed_in(&other, &credentials);
    assert_eq!(admin.get(&format!("/api/files/{photo}/download")).bytes, jpeg(60, 40));
    other.stop();
}

/// A folder with a `pg_dump` that records its arguments, and waits for a signal before it runs.
fn delayed_tools(folder: &Path, real: &Path) -> PathBuf {
    let place = folder.join("tools");
    fs::create_dir(&place).expect("a folder");
    let script = format!(
        "cat > pg_dump <<'END'\n#!/bin/sh\nif [ \"$1\" != --version ]; then\n\
         tr '\\0' '\\n' < /proc/$$/cmdline > {place}/arguments\n\
         tr '\\0' '\\n' < /proc/$PPID/cmdline >> {place}/arguments\n\
         printf %s \"$PGPASSWORD\" > {place}/password\n\
         echo > {place}/begun\nwhile [ ! -e {place}/go ]; do sleep 0.05; done\nfi\nexec {real}/pg_dump \"$@\"\nEND\n\
         printf '#!/bin/sh\\nexec {real}/pg_restore \"$@\"\\n' > pg_restore; chmod +x pg_dump pg_restore",
        place = place.display(),
        real = real.display(),
    );
    assert!(
        Command::new("sh").current_dir(&place).args(["-c", &script]).status().expect("a shell").success()
    );
    place
}

#[test]
fn the_password_is_hidden_and_the_dump_matches_the_counts() {
    let server = or_skip!(Server::shared());
    let host = Machine::new(Some(server));
    let tools = delayed_tools(host.folder.path(), &or_skip!(tools()));
    let service = host.start();
    let admin = service.admin();
    assert_eq!(machine(&admin, 1).status, 201);
    let place = tools.display().to_string();
    let start = || {
        let mut command = host.command(&["create", "--json", "--pg-bin", &place]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
    };
    let mut killed = start();
    wait_until("the dump begins", || tools.join("begun").exists());
    killed.kill().expect("killed");
    killed.wait().expect("ended");
    assert_eq!(host.json(&["list"])["backups"], json!([]));
    fs::remove_file(tools.join("begun")).expect("removed");

    let creating = start();
    wait_until("the dump begins", || tools.join("begun").exists());
    // After the snapshot: neither in the dump nor in the counts.
    assert_eq!(machine(&admin, 2).status, 201);
    fs::write(tools.join("go"), "").expect("written");
    let output = creating.wait_with_output().expect("ended");
    let created: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(created["manifest"]["tables"]["equipment"], 1, "{created}");
    let arguments = fs::read_to_string(tools.join("arguments")).expect("noted");
    assert!(arguments.contains("--dbname=postgres://inspection@"), "{arguments}");
    assert!(!arguments.contains(PASSWORD), "{arguments}");
    assert_eq!(fs::read_to_string(tools.join("password")).expect("noted"), PASSWORD);
    host.json(&["verify"]);
    service.stop();
}

#[test]
fn missing_tools_are_reported_with_the_package_to_install() {
    let server = or_skip!(Server::shared());
    let host = Machine::new(Some(server));
    let empty = host.folder.path().display().to_string();
    let error = failure(&host.backup(&["create", "--pg-bin", &empty]));
    assert!(error.contains("no pg_dump") && error.contains("postgresql-client-"), "{error}");
    assert_eq!(names(&host.backups()), Vec::<String>::new());
    let shown = ["verify", "--scratch-url", "postgres://ann:hush@db/x"];
    host.migrate();
    host.create();
    let error = failure(&host.backup(&shown));
    assert!(error.contains("PGPASSWORD") && !error.contains("hush"), "{error}");
}
