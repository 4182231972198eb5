//! `check`: a fit deployment passes, and each fault is reported.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
    process::Stdio,
};

use diesel::connection::SimpleConnection;
use inspection_operations::disk;
use inspection_persistence::{Database, DbConnection, Settings};
use inspection_testkit::{or_skip, postgres::Server, redis::Redis, skips::Skipped};
use serde_json::Value;
use tempfile::TempDir;

use super::{files::unprivileged, program};

/// A migrated deployment with an admin, whose scheduled tasks have run.
struct Deployment {
    folder: TempDir,
    settings: BTreeMap<&'static str, String>,
    redis: Redis,
}

const PASSWORD: &str = "7-lanterns-on-the-quay";

/// Creates a database owned by a new role without other privileges.
fn create_owned_database(server: &Server, name: &str, role: &str) {
    let settings = Settings { size: 1, overflow: 0, ..Settings::new(server.url("postgres")) };
    let database = Database::open(settings).expect("a database to open");
    for statement in
        [format!("CREATE ROLE \"{role}\" LOGIN"), format!("CREATE DATABASE \"{name}\" OWNER \"{role}\"")]
    {
        let executed = database.read(|conn| match conn {
            DbConnection::Postgres(c, _) => Ok(c.batch_execute(&statement)?),
            DbConnection::Sqlite(..) => unreachable!("the URL is of PostgreSQL"),
        });
        executed.expect("a role and its database");
    }
}

impl Deployment {
    fn new() -> Result<Self, Skipped> {
        let (server, redis) = (Server::shared()?, Redis::start()?);
        let name = server.fresh_name();
        let role = format!("owner_of_{name}");
        create_owned_database(server, &name, &role);
        // In the target folder, since temporary files may be in memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let settings = BTreeMap::from([
            ("APP_ENV", "production".to_owned()),
            ("SECRET_KEY", "8b0c5d1f7e2a94c6b3d8e1f05a7c29d46e8f1b3a5c7d9e0f".to_owned()),
            ("JWT_SECRET_KEY", "pGt0x5Q9mLr2Vw8ZkYb3NcJhS7dF1aEuTi4oXq6R".to_owned()),
            ("DATABASE_URL", server.url(&name).replace("//inspection@", &format!("//{role}@"))),
            ("REDIS_URL", redis.url()),
            ("CORS_ORIGINS", "https://app.example.com".to_owned()),
            ("TRUSTED_PROXIES", "10.0.0.1".to_owned()),
            ("METRICS_TOKEN", "a token for the monitoring".to_owned()),
        ]);
        let this = Self { folder, settings, redis };
        this.succeeds(&["migrate", "up"]);
        this.create_admin("chief@example.com");
        // As the service creates it.
        let mut uploads = fs::DirBuilder::new();
        uploads
            .recursive(true)
            .mode(0o700)
            .create(this.folder.path().join("data/uploads"))
            .expect("a folder");
        for task in inspection_domain::tasks::TaskName::ALL {
            this.succeeds(&["task", "run", task.as_str()]);
        }
        Ok(this)
    }

    fn command(&self, changes: &[(&str, &str)], arguments: &[&str]) -> std::process::Command {
        let mut settings: BTreeMap<&str, &str> =
            self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        settings.extend(changes.iter().copied());
        program(&self.folder, &settings.into_iter().collect::<Vec<_>>(), arguments)
    }

    fn succeeds(&self, arguments: &[&str]) {
        let output = self.command(&[], arguments).output().expect("ended");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    fn create_admin(&self, email: &str) {
        let arguments = ["admin", "create", "--email", email, "--name", "Chief", "--password-stdin"];
        let mut create = self.command(&[], &arguments);
        let mut create = create.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("started");
        writeln!(create.stdin.take().expect("input"), "{PASSWORD}").expect("written");
        assert!(create.wait().expect("ended").success());
    }

    /// Verdict, text and fix of each finding, with some variables changed.
    fn findings(&self, changes: &[(&str, &str)]) -> BTreeMap<String, [String; 3]> {
        let output = self.command(changes, &["check", "--json"]).output().expect("ended");
        let printed = String::from_utf8_lossy(&output.stdout);
        let report: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{output:?}"));
        assert_eq!(report["ok"], output.status.success(), "{output:?}");
        for secret in [PASSWORD, "pGt0x5Q9mLr2", "8b0c5d1f7e2a", "a token for the"] {
            assert!(!printed.contains(secret), "{printed}");
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let findings = report["findings"].as_array().expect("findings").iter();
        findings
            .map(|finding| {
                (text(&finding["id"]), ["verdict", "found", "fix"].map(|name| text(&finding[name])))
            })
            .collect()
    }

    /// Asserts the verdict and the text of a finding, with some variables changed.
    fn expect(&self, changes: &[(&str, &str)], id: &str, verdict: &str, words: &str) {
        let found = self.findings(changes);
        let [seen, text, fix] = &found[id];
        assert_eq!(seen, verdict, "{id}: {text}");
        assert!(text.contains(words), "{id}: {text}");
        assert_eq!(fix.is_empty(), matches!(verdict, "pass" | "not_applicable"), "{id}: {fix}");
    }
}

/// The verdict that the documented limits demand: at least 1 GiB and at least 5 % free.
fn verdict_of_space(disk: disk::Space) -> &'static str {
    match disk.free {
        free if free < 1 << 30 => "fail",
        free if free * 100 / disk.size < 5 => "warning",
        _ => "pass",
    }
}

#[test]
fn a_fit_deployment_passes_and_each_fault_is_reported() {
    let (mut site, server) = (or_skip!(Deployment::new()), or_skip!(Server::shared()));

    // Backups: none, one, and a verified one.
    site.expect(&[], "database.backup", "fail", "there is no backup");
    site.expect(&[], "database.restore", "fail", "no backup has ever been verified");
    let tools = or_skip!(server.tools()).display().to_string();
    let tools = ["--pg-bin", &tools];
    site.succeeds(&[&["backup", "create"], &tools[..]].concat());
    site.expect(&[], "database.backup", "pass", "is 0 h old");
    site.expect(&[], "database.restore", "fail", "no backup has ever been verified");
    let scratch_url = server.url("postgres");
    site.succeeds(&[&["backup", "verify", "--scratch-url", &scratch_url], &tools[..]].concat());

    // Everything passes except what depends on the machine of the test: its disk, the supervisor,
    // the user, and the version of PostgreSQL.
    let disk = disk::space(site.folder.path()).expect("the disk of a folder");
    let in_memory_or_layer = disk.lifetime != disk::Lifetime::Persistent;
    for (id, [verdict, text, _]) in site.findings(&[]) {
        match id.as_str() {
            "web.supervised" | "security.user" => {}
            "database.tls" | "secrets.env_file" | "secrets.env_not_in_git" | "secrets.translation" => {
                assert_eq!(verdict, "not_applicable", "{id}: {text}");
            }
            "storage.space" => assert_eq!(verdict, verdict_of_space(disk), "{id}: {text}"),
            "storage.persistent" if in_memory_or_layer => assert_eq!(verdict, "fail", "{id}: {text}"),
            "logging.file" if in_memory_or_layer => assert_eq!(verdict, "warning", "{id}: {text}"),
            "database.version" if server.major_version() < 16 => {
                assert_eq!(verdict, "fail", "{id}: {text}");
            }
            _ => assert_eq!(verdict, "pass", "{id}: {text}"),
        }
    }
    let table = site.command(&[], &["check"]).output().expect("ended");
    let table = String::from_utf8_lossy(&table.stdout);
    assert!(table.contains("✔  database.reachable") && table.contains(" passed, "), "{table}");

    // Machine.
    let in_the_way = site.folder.path().join("a file");
    fs::write(&in_the_way, "in the way").expect("written");
    let below = in_the_way.join("folder").display().to_string();
    site.expect(&[("UPLOAD_FOLDER", &below)], "storage.writable", "fail", "UPLOAD_FOLDER doesn't exist");
    site.expect(&[("LOG_FILE", &below)], "logging.file", "fail", "can't be written to");
    site.expect(&[("UPLOAD_FOLDER", "/dev/shm/inspection-check")], "storage.persistent", "fail", "in memory");
    site.expect(
        &[("REDIS_URL", "redis://127.0.0.1:1")],
        "limits.redis_reachable",
        "fail",
        "Redis can't be reached",
    );
    site.expect(&[("REDIS_URL", "memory://")], "limits.redis_reachable", "not_applicable", "in memory");
    let uploads = site.folder.path().join("data/uploads");
    let allow = |mode| fs::set_permissions(&uploads, fs::Permissions::from_mode(mode)).expect("set");
    allow(0o755);
    site.expect(&[], "security.files", "warning", "permissions for other users: ");
    allow(0o700);
    let env = site.folder.path().join(".env");
    fs::write(&env, "WORKERS=2\n").expect("written");
    site.expect(&[], "secrets.env_file", "fail", "every user of this machine");
    fs::remove_file(&env).expect("removed");

    // Database.
    let own = &site.settings["DATABASE_URL"];
    let name = own.rsplit('/').next().expect("a name");
    let superuser = server.url(name);
    site.expect(&[("DATABASE_URL", &superuser)], "database.role", "fail", "is a superuser");
    site.expect(
        &[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/x")],
        "database.reachable",
        "fail",
        "can't be reached",
    );
    site.expect(&[("DB_POOL_SIZE", "5000")], "database.pool", "fail", "5000 connections");

    // Accounts.
    let known = [("ADMIN_EMAIL", "chief@example.com"), ("ADMIN_PASSWORD", PASSWORD)];
    site.expect(&known, "security.accounts", "fail", "ADMIN_PASSWORD");
    site.create_admin("admin1@demo.example");
    site.expect(&[], "security.accounts", "fail", "1 accounts of the demo site");

    // A pending migration, and the checks that depend on it.
    site.succeeds(&["migrate", "down"]);
    site.expect(&[], "database.migrations", "fail", "1 of ");
    site.expect(&[], "security.blocklist", "not_applicable", "before the other failures are fixed");
    site.redis.kill();
    site.expect(&[], "limits.redis_reachable", "fail", "Redis can't be reached");
}

#[test]
fn folders_that_belong_to_another_user_are_reported() {
    let folder = super::folder();
    let settings = [("LOG_FILE", "logs/app.log")];
    let check = || {
        let output = unprivileged(&folder, &settings).args(["check", "--json"]).output().expect("ended");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let findings = report["findings"].as_array().expect("findings").clone();
        move |id: &str| {
            let finding = findings.iter().find(|finding| finding["id"] == id).expect(id);
            (finding["verdict"].clone(), finding["found"].as_str().expect("a text").to_owned())
        }
    };
    // A service that ran before has folders for uploads under way and for probes.
    drop(unprivileged(&folder, &settings));
    let owner = fs::metadata(folder.path()).expect("a folder").uid();
    let paths = ["data", "data/uploads", "data/uploads/.staging", "data/uploads/.probes"];
    for path in paths.iter().chain(&["data/uploads/general", "data/uploads/general/2026", "logs"]) {
        fs::create_dir(folder.path().join(path)).expect("a folder");
        chown(folder.path().join(path), Some(owner), None).expect("given");
    }
    fs::write(folder.path().join("logs/app.log"), "").expect("a file");
    chown(folder.path().join("logs/app.log"), Some(owner), None).expect("given");
    let fit = check();
    assert_eq!(fit("storage.writable").0, "pass", "{:?}", fit("storage.writable"));
    assert_ne!(fit("logging.file").0, "fail", "{:?}", fit("logging.file"));
    for (path, id, words) in [
        ("data/uploads", "storage.writable", "no file can be created in data/uploads"),
        (
            "data/uploads/general/2026",
            "storage.writable",
            "no file can be created in data/uploads/general/2026",
        ),
        ("logs", "logging.file", "can't be rotated"),
    ] {
        let allow = |mode: u32| {
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(folder.path().join(path), permissions).expect("set");
        };
        allow(0o555);
        let (verdict, found) = check()(id);
        assert!(verdict == "fail" && found.contains(words), "{path}: {verdict} {found}");
        allow(0o755);
    }
}

#[test]
fn a_new_folder_is_reported_as_unfit() {
    let folder = super::folder();
    let output = program(&folder, &[], &["check"]).output().expect("ended");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout);
    for line in [
        "✘  web.profile",
        "✘  secrets.secret_key",
        "✘  database.postgresql",
        "✘  database.reachable",
        "✘  cors.origins",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
}
