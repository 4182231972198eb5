//! A connection pool of one server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{Connection, connection::InstrumentationEvent};

use super::{connection::Settings, stats};
use crate::{DbConnection, Error, Result};

/// State of the connection pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Maximum number of connections.
    pub most: u32,
    /// Open connections.
    pub open: u32,
    /// Open connections that are not in use.
    pub idle: u32,
}

/// A pooled connection.
struct Pooled {
    connection: DbConnection,
    /// Time of the last use without an error; none after an error.
    last_success: Option<Instant>,
}

struct Manager {
    settings: Arc<Settings>,
    statements: Arc<AtomicU64>,
}

/// A connection used successfully within this time is not validated at checkout.
const VALIDATION_INTERVAL: Duration = Duration::from_secs(1);

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = diesel::ConnectionError;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let mut connection = self.settings.connect()?;
        let statements = Arc::clone(&self.statements);
        let count = move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { .. } => {
                statements.fetch_add(1, Ordering::Relaxed);
                stats::begin();
            }
            InstrumentationEvent::FinishQuery { .. } => stats::end(),
            _ => {}
        };
        with_conn!(&mut connection, |c| c.set_instrumentation(count));
        Ok(Pooled { connection, last_success: Some(Instant::now()) })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Self::Error> {
        if pooled.last_success.is_none_or(|at| at.elapsed() >= VALIDATION_INTERVAL) {
            pooled.connection.ping().map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
            pooled.last_success = Some(Instant::now());
        }
        Ok(())
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.connection.is_broken()
    }
}

/// Logs failed attempts of the pool to connect. At debug level, since there is one line for every
/// attempt and requests that get no connection report that themselves.
#[derive(Debug)]
struct LogConnectionErrors;

impl r2d2::HandleError<diesel::ConnectionError> for LogConnectionErrors {
    fn handle_error(&self, error: diesel::ConnectionError) {
        tracing::debug!(%error, "no connection to the database");
    }
}

/// A connection pool. Clones share it.
#[derive(Clone)]
pub(super) struct Connections {
    pool: r2d2::Pool<Manager>,
    most: u32,
}

impl Connections {
    /// Creates a pool that adds its statements to this counter. Connections are opened on demand.
    pub(super) fn new(settings: Arc<Settings>, statements: Arc<AtomicU64>) -> Self {
        let most = settings.size + settings.overflow;
        let pool = r2d2::Pool::builder()
            .max_size(most.max(1))
            .min_idle(Some(settings.size.min(most)))
            .max_lifetime(Some(Duration::from_secs(settings.recycle_seconds.max(1))))
            .idle_timeout(Some(Duration::from_mins(10)))
            .connection_timeout(Duration::from_secs(settings.wait_seconds.max(1)))
            .test_on_check_out(true)
            .error_handler(Box::new(LogConnectionErrors))
            .build_unchecked(Manager { settings, statements });
        Self { pool, most }
    }

    /// Maximum number of connections.
    pub(super) const fn most(&self) -> u32 {
        self.most
    }

    /// Current state.
    pub(super) fn state(&self) -> Pool {
        let state = self.pool.state();
        Pool { most: self.most, open: state.connections, idle: state.idle_connections }
    }

    /// Works on a connection. Blocks until one is free.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        let mut pooled = self.pool.get().map_err(|error| Error::Unavailable(error.to_string()))?;
        let outcome = work(&mut pooled.connection);
        // After any other error the connection may be broken, so the next checkout validates it.
        pooled.last_success = matches!(outcome, Ok(_) | Err(Error::Rule(_))).then(Instant::now);
        outcome
    }
}
