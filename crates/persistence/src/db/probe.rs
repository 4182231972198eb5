//! Whether the database answers, within a limited time and beside the pool: a pool whose
//! connections are all in use says nothing about the database, and a connection that hangs would
//! make its probe hang, too.

use std::{
    fmt::Display,
    panic::catch_unwind,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crate::{DbConnection, Error, Result};

/// Timeout of a probe, including the time to connect.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Probes the database on a connection of its own. At most one probe runs at a time; calls
/// meanwhile share its outcome.
#[derive(Debug, Default)]
pub(crate) struct Probe(Mutex<Option<Arc<Run>>>);

/// A probe under way.
#[derive(Debug, Default)]
struct Run {
    outcome: Mutex<Option<Result<(), String>>>,
    finished: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    /// Runs the probe on a thread, since a client library may block for longer than the timeout.
    fn start(url: String) -> std::io::Result<Arc<Self>> {
        let run = Arc::new(Self::default());
        let started = Arc::clone(&run);
        thread::Builder::new().name("database-probe".into()).spawn(move || {
            // Without an outcome the run would count as pending for ever.
            let outcome = catch_unwind(|| probe(&url)).unwrap_or_else(|_| Err("the probe panicked".into()));
            *lock(&started.outcome) = Some(outcome);
            started.finished.notify_all();
        })?;
        Ok(run)
    }

    fn is_finished(&self) -> bool {
        lock(&self.outcome).is_some()
    }

    fn wait(&self) -> Result<()> {
        let pending = |outcome: &mut Option<_>| outcome.is_none();
        let (outcome, _) = self
            .finished
            .wait_timeout_while(lock(&self.outcome), PROBE_TIMEOUT, pending)
            .unwrap_or_else(PoisonError::into_inner);
        match &*outcome {
            Some(outcome) => outcome.clone().map_err(Error::Unavailable),
            None => Err(Error::Unavailable(format!("no answer within {} s", PROBE_TIMEOUT.as_secs()))),
        }
    }
}

impl Probe {
    /// Fails with [`Error::Unavailable`] if the database of this URL doesn't answer in time.
    pub(crate) fn run(&self, url: &str) -> Result<()> {
        let run = {
            let mut current = lock(&self.0);
            match &*current {
                Some(run) if !run.is_finished() => Arc::clone(run),
                _ => {
                    let run = Run::start(url.to_owned()).map_err(unavailable)?;
                    Arc::clone(current.insert(run))
                }
            }
        };
        run.wait()
    }
}

fn unavailable(error: impl Display) -> Error {
    Error::Unavailable(error.to_string())
}

/// Connects and runs one statement that needs the database itself. The server and the client
/// library have the same timeout, so that an abandoned probe ends soon, too.
fn probe(url: &str) -> Result<(), String> {
    let mut connection = DbConnection::establish(&with_timeouts(url)).map_err(|error| error.to_string())?;
    by_backend!(
        &mut connection,
        postgres(c) => {
            let timeout = PROBE_TIMEOUT.as_millis();
            batch(c, &format!("SET statement_timeout = {timeout}; SELECT 1"))
        },
        // A statement that reads no table wouldn't open the file.
        sqlite(c) => {
            let timeout = PROBE_TIMEOUT.as_millis();
            batch(c, &format!("PRAGMA busy_timeout = {timeout}; SELECT COUNT(*) FROM sqlite_master"))
        },
    )
}

fn batch(connection: &mut impl diesel::connection::SimpleConnection, statements: &str) -> Result<(), String> {
    connection.batch_execute(statements).map_err(|error| error.to_string())
}

/// The URL with the timeouts of libpq, as far as it has the form of one; SQLite's URLs stay as they
/// are.
#[cfg(feature = "postgres")]
pub(super) fn with_timeouts(url: &str) -> String {
    let timeouts = [
        ("connect_timeout", PROBE_TIMEOUT.as_secs().to_string()),
        ("tcp_user_timeout", PROBE_TIMEOUT.as_millis().to_string()),
    ];
    match url::Url::parse(url) {
        Ok(parsed) if parsed.scheme().starts_with("postgres") => {
            let mut with_timeouts = parsed;
            with_timeouts.query_pairs_mut().extend_pairs(timeouts);
            with_timeouts.into()
        }
        _ => url.to_owned(),
    }
}

#[cfg(not(feature = "postgres"))]
pub(super) fn with_timeouts(url: &str) -> String {
    url.to_owned()
}
