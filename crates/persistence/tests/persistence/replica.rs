//! Reports are read from a streaming replica, and show all that was committed before.

use std::{
    thread,
    time::{Duration, Instant},
};

use diesel::{Connection, PgConnection, connection::SimpleConnection};
use inspection_domain::{
    ids::UserId,
    users::{Role, User},
};
use inspection_persistence::{Context, Database, Error, Settings, migrations, scratch, users};
use inspection_testkit::{
    builders::user,
    context::context,
    or_skip,
    postgres::{OwnServer, Server, Stop},
    skips::Skipped,
};

/// Time for a replica to catch up on a busy machine.
const CATCH_UP_TIMEOUT: Duration = Duration::from_mins(1);

/// A server with a migrated database.
fn primary() -> Result<(OwnServer, String), Skipped> {
    let server = OwnServer::start()?;
    scratch::create_database(&server.url("postgres"), "site", None).unwrap();
    let url = server.url("site");
    migrations::up(&Database::open(Settings { size: 1, ..Settings::new(url.clone()) }).unwrap()).unwrap();
    Ok((server, url))
}

fn open(url: &str, replica_url: &str) -> Database {
    let replica_url = Some(replica_url.into());
    Database::open(Settings { replica_url, size: 4, wait_seconds: 30, ..Settings::new(url) }).unwrap()
}

/// Creates a user and finds it in a report. Whether the replica read it.
fn is_reported(database: &Database, context: &Context) -> bool {
    let before = database.replica_reads().unwrap();
    let User { id, .. } = user(database, context, Role::Engineer);
    assert_eq!(database.read_report(|conn| users::get(conn, id)).unwrap().id, id);
    database.replica_reads().unwrap().on_replica > before.on_replica
}

/// Repeats it until the replica reads.
fn await_replica(database: &Database, context: &Context) {
    let started = Instant::now();
    while !is_reported(database, context) {
        assert!(started.elapsed() < CATCH_UP_TIMEOUT, "the replica is never used");
        thread::sleep(Duration::from_millis(200));
    }
}

fn execute(server: &OwnServer, statement: &str) {
    PgConnection::establish(&server.url("postgres")).unwrap().batch_execute(statement).unwrap();
}

#[test]
fn reports_show_what_was_committed_before_whatever_the_replica_does() {
    let (primary, url) = or_skip!(primary());
    let mut replica = primary.replica();
    let (database, (context, _)) = (open(&url, &replica.url("site")), context());
    await_replica(&database, &context);
    // Several threads at once.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    is_reported(&database, &context);
                }
            });
        }
    });
    await_replica(&database, &context);
    // A replica that lags.
    execute(&replica, "SELECT pg_wal_replay_pause()");
    let started = Instant::now();
    // The pause begins some time after its request.
    while is_reported(&database, &context) {
        assert!(started.elapsed() < CATCH_UP_TIMEOUT, "the replay never pauses");
    }
    (0..3).for_each(|_| assert!(!is_reported(&database, &context), "the replica is behind"));
    execute(&replica, "SELECT pg_wal_replay_resume()");
    await_replica(&database, &context);
    // A replica that is down.
    replica.stop(Stop::Immediate);
    (0..3).for_each(|_| assert!(!is_reported(&database, &context), "the replica is down"));
    replica.resume();
    await_replica(&database, &context);
    // A replica that has become a primary of its own.
    execute(&replica, "SELECT pg_promote()");
    (0..3).for_each(|_| assert!(!is_reported(&database, &context), "the replica was promoted"));
}

#[test]
fn a_server_that_is_no_replica_of_this_one_is_not_read() {
    let (_primary, url) = or_skip!(primary());
    let (database, (context, _)) = (open(&url, &Server::shared().unwrap().url("postgres")), context());
    assert!(!is_reported(&database, &context), "another cluster");
    let itself = open(&url, &url);
    assert!(!is_reported(&itself, &context), "the primary itself");
}

#[test]
fn an_error_of_a_report_is_its_own() {
    let (primary, url) = or_skip!(primary());
    let replica = primary.replica();
    let (database, (context, _)) = (open(&url, &replica.url("site")), context());
    await_replica(&database, &context);
    let error = database.read_report(|conn| users::get(conn, UserId::new(999).unwrap())).unwrap_err();
    assert!(matches!(error, Error::Rule(_)), "{error:?}");
}

#[test]
fn sqlite_has_no_replica() {
    let replica_url = Some("postgres://site@replica/site".into());
    let settings = Settings { replica_url, ..Settings::new("sqlite://nowhere.db") };
    assert!(matches!(Database::open(settings), Err(Error::Unavailable(_))));
}
