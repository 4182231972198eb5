//! The probe of the database: its outcome doesn't depend on the pool, and it ends in time.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use inspection_persistence::{Database, Error, Result, Settings, scratch};
use inspection_testkit::{
    DatabaseKind, TestDatabase, on_both_databases, or_skip,
    postgres::{OwnServer, Server, Stop},
};

/// Connections of the pools of these tests.
const SIZE: u32 = 2;

/// Longer than a probe may take, and shorter than these pools wait for a connection.
const IN_TIME: Duration = Duration::from_secs(15);

fn open(url: &str) -> Database {
    Database::open(Settings { size: SIZE, overflow: 0, wait_seconds: 60, ..Settings::new(url) }).unwrap()
}

/// Runs `work` while every connection of the pool is in use.
fn while_all_are_busy<T>(database: &Database, work: impl FnOnce() -> T) -> T {
    let all = usize::try_from(SIZE).unwrap() + 1;
    let (begun, done) = (Barrier::new(all), Barrier::new(all));
    thread::scope(|scope| {
        for _ in 0..SIZE {
            scope.spawn(|| {
                database.read(|_| {
                    begun.wait();
                    done.wait();
                    Ok(())
                })
            });
        }
        begun.wait();
        let outcome = work();
        done.wait();
        outcome
    })
}

fn ping_in_time(database: &Database) -> Result<()> {
    let began = Instant::now();
    let outcome = database.ping();
    assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
    outcome
}

fn assert_unavailable(outcome: &Result<()>) {
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
}

on_both_databases! {
    fn a_database_whose_connections_are_all_in_use_answers(db: TestDatabase) {
        let database = open(&db.url);
        while_all_are_busy(&database, || ping_in_time(&database)).unwrap();
        ping_in_time(&database).unwrap();
    }
}

#[test]
fn a_stopped_server_is_unavailable_while_every_connection_is_in_use() {
    let mut server = or_skip!(OwnServer::start());
    let database = open(&server.url("postgres"));
    let outcome = while_all_are_busy(&database, || {
        server.stop(Stop::Immediate);
        ping_in_time(&database)
    });
    assert_unavailable(&outcome);
    server.resume();
    ping_in_time(&database).unwrap();
    // The connection of the last probe is gone, too.
    server.stop(Stop::Immediate);
    assert_unavailable(&ping_in_time(&database));
    server.resume();
    ping_in_time(&database).unwrap();
}

#[test]
fn a_server_that_accepts_connections_and_never_responds_is_unavailable() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let database = open(&format!("postgres://nobody@{}/nothing", silent.local_addr().unwrap()));
    assert_unavailable(&ping_in_time(&database));
    assert_unavailable(&ping_in_time(&database));
}

#[test]
fn the_timeouts_of_the_probe_fit_every_form_of_url() {
    let server = or_skip!(Server::shared());
    let name = server.fresh_name();
    scratch::create_database(&server.url("postgres"), &name, None).unwrap();
    let plain = server.url(&name);
    let (user, place) = plain.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    for url in [
        plain.clone(),
        format!("postgresql://{user}:p%40x%2F@{place}?options=-c%20TimeZone%3DAsia%2FRiyadh"),
        // Only libpq reads a URL with several hosts.
        format!("postgres://{user}@%2Fnowhere:5432,{place}"),
    ] {
        ping_in_time(&open(&url)).unwrap_or_else(|error| panic!("{url}: {error}"));
    }
}

/// A SQLite file in a folder of its own inside the folder of the test database.
fn file_beside(db: &TestDatabase) -> (Database, std::path::PathBuf) {
    let file = Path::new(db.url.strip_prefix("sqlite://").unwrap());
    let folder = file.with_file_name("own");
    (open(&format!("sqlite://{}", folder.join("own.db").display())), folder)
}

#[test]
fn a_sqlite_file_out_of_reach_is_unavailable_while_every_connection_is_in_use() {
    let db = or_skip!(TestDatabase::new(DatabaseKind::Sqlite));
    let (database, folder) = file_beside(&db);
    let outcome = while_all_are_busy(&database, || {
        ping_in_time(&database).unwrap();
        fs::rename(&folder, folder.with_extension("away")).unwrap();
        let outcome = ping_in_time(&database);
        fs::rename(folder.with_extension("away"), &folder).unwrap();
        outcome
    });
    assert_unavailable(&outcome);
    ping_in_time(&database).unwrap();
}

#[test]
fn a_locked_sqlite_file_is_unavailable() {
    let db = or_skip!(TestDatabase::new(DatabaseKind::Sqlite));
    let file = Path::new(db.url.strip_prefix("sqlite://").unwrap()).with_file_name("locked.db");
    let mut owner = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    owner.batch_execute("CREATE TABLE one (id INTEGER); BEGIN EXCLUSIVE").unwrap();
    let database = open(&format!("sqlite://{}", file.display()));
    assert_unavailable(&ping_in_time(&database));
    owner.batch_execute("ROLLBACK").unwrap();
    ping_in_time(&database).unwrap();
}
