//! The databases and programs that a benchmark starts.

use std::{path::Path, process::Command, thread, time::Duration};

use clap::ValueEnum;
use diesel::{Connection as _, PgConnection, QueryDsl, RunQueryDsl};
use inspection_domain::users::Role;
use inspection_persistence::{Database, Settings, migrations, scratch};
use inspection_testkit::{
    builders::PASSWORD, clients::Client, postgres::OwnServer, processes::processor_time, service::Service,
    skips::Skipped,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    fill,
    load::{CONNECTIONS, Measured, number, repeat},
};

/// Database management system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DatabaseSystem {
    Sqlite,
    Postgres,
}

/// Location of the databases of a run.
pub(crate) enum Server {
    Folder(TempDir),
    Postgres(OwnServer),
}

/// A filled database and the program that serves it.
pub(crate) struct FilledSite {
    url: String,
    /// Processes whose time a request takes.
    processes: Vec<u32>,
    pub(crate) inspections: i64,
    pub(crate) service: Service,
    pub(crate) readers: Vec<(Role, String)>,
}

impl Server {
    pub(crate) fn start(system: DatabaseSystem) -> Result<Self, Skipped> {
        match system {
            DatabaseSystem::Sqlite => Ok(Self::Folder(tempfile::tempdir().expect("a folder"))),
            DatabaseSystem::Postgres => {
                let settings = ["shared_buffers=256MB", "autovacuum=on", "maintenance_work_mem=256MB"];
                OwnServer::start_with(&settings).map(Self::Postgres)
            }
        }
    }

    fn url(&self, name: &str) -> String {
        match self {
            Self::Folder(folder) => format!("sqlite://{}", folder.path().join(name).display()),
            Self::Postgres(server) => server.url(name),
        }
    }

    /// A site with this name and so many inspections, served by the program.
    pub(crate) fn site(&self, name: &str, inspections: i64) -> FilledSite {
        let url = self.url(name);
        if let Self::Postgres(server) = self {
            scratch::create_database(&server.url("postgres"), name, None).expect("a database");
        }
        let database = Database::open(Settings {
            size: 1,
            overflow: 0,
            statement_timeout_seconds: 0,
            ..Settings::new(url.as_str())
        });
        let database = database.expect("a database");
        migrations::up(&database).expect("migrated");
        fill::fill(&database, inspections);
        drop(database);
        let service = start(&url, &[]);
        let readers = Role::ALL.iter().map(|role| (*role, sign_in(&service, *role, 0))).collect();
        let mut processes = vec![service.pid()];
        if let Self::Postgres(server) = self {
            processes.extend(server.pid());
        }
        FilledSite { url, processes, inspections, service, readers }
    }

    /// `SELECT`s by key per second, through prepared statements with 16 clients; none on SQLite.
    pub(crate) fn selects(&self, time: Duration) -> Option<f64> {
        let Self::Postgres(server) = self else { return None };
        let url = server.url("selects");
        let is_new = scratch::create_database(&server.url("postgres"), "selects", None).is_ok();
        let Some(pgbench) = server.tool("pgbench") else { return Some(own_selects(server, time)) };
        if is_new {
            let made = Command::new(&pgbench).args(["-i", "-q", "-s", "10", &url]).output().expect("pgbench");
            assert!(made.status.success(), "{made:?}");
        }
        let (clients, seconds) = (CONNECTIONS.to_string(), time.as_secs().max(1).to_string());
        let arguments = ["-n", "-S", "-M", "prepared", "-j", "2", "-c", &clients, "-T", &seconds, &url];
        let done = Command::new(&pgbench).args(arguments).output().expect("pgbench");
        let text = String::from_utf8_lossy(&done.stdout);
        let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        Some(rate.unwrap_or_else(|| panic!("{done:?}")))
    }
}

diesel::table! {
    selected (id) {
        id -> BigInt,
        name -> Text,
    }
}

/// The same without `pgbench`.
fn own_selects(server: &OwnServer, time: Duration) -> f64 {
    let url = server.url("selects");
    let connect = || PgConnection::establish(&url).expect("a connection");
    for statement in [
        "CREATE TABLE IF NOT EXISTS selected (id BIGINT PRIMARY KEY, name TEXT NOT NULL)",
        "INSERT INTO selected SELECT n, 'name ' || n FROM generate_series(1, 100000) AS n ON CONFLICT DO NOTHING",
    ] {
        diesel::sql_query(statement).execute(&mut connect()).expect(statement);
    }
    let counts: Vec<usize> = thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let mut conn = connect();
                    let (started, mut count) = (std::time::Instant::now(), 0);
                    while started.elapsed() < time {
                        let id = key(count);
                        let name: String =
                            selected::table.find(id).select(selected::name).first(&mut conn).expect("a row");
                        assert!(!name.is_empty());
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("counted")).collect()
    });
    number(counts.iter().sum()) / time.as_secs_f64()
}

/// A key that differs from turn to turn.
fn key(turn: usize) -> i64 {
    i64::try_from(turn.wrapping_mul(7919) % 100_000).expect("a small number") + 1
}

/// Starts the program on a database, without rate limits and scheduled tasks.
fn start(url: &str, settings: &[(&str, &str)]) -> Service {
    let all = [("DATABASE_URL", url), ("RATE_LIMITS", "off"), ("SCHEDULER_ENABLED", "false")];
    let program = Path::new(env!("CARGO_BIN_EXE_inspection-server"));
    Service::start(program, &[&all[..], settings].concat())
}

/// Token of a user, by role and number.
pub(crate) fn sign_in(service: &Service, role: Role, number: i64) -> String {
    let credentials = json!({"email": fill::email(role, number), "password": PASSWORD});
    let login = Client::new(service.base()).post("/api/auth/login", &credentials);
    login.json["access_token"].as_str().unwrap_or_else(|| panic!("{}", login.text)).to_owned()
}

impl FilledSite {
    /// Token of the first user of a role.
    pub(crate) fn token(&self, role: Role) -> &str {
        self.readers.iter().find(|(of, _)| *of == role).map(|(_, token)| token.as_str()).expect("a reader")
    }

    /// Sends the same request over and over.
    pub(crate) fn repeat(&self, time: Duration, request: &[u8]) -> Measured {
        let processor = || self.processes.iter().map(|pid| processor_time(*pid)).collect::<Vec<_>>();
        let before = processor();
        let measured = repeat(self.service.address(), time, request);
        // A session that ended meanwhile takes its time with it.
        let spent = processor().into_iter().zip(before).map(|(after, before)| after.saturating_sub(before));
        Measured { processor: spent.sum(), ..measured }
    }

    /// Another process of the program on the same database.
    pub(crate) fn another(&self, settings: &[(&str, &str)]) -> Service {
        start(&self.url, settings)
    }
}
