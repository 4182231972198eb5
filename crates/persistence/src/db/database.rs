//! The connection pool, and its two uses: reads and units of work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{Connection, connection::InstrumentationEvent};
use secrecy::ExposeSecret;
use tokio::sync::watch;

use super::{
    connection::{Settings, require_backend, sqlite_path},
    error::ConcurrentUpdate,
    notify::{ListenerGuard, Notifier, PgListener, Topic},
    probe::Probe,
    stats,
};
use crate::{Context, DbConnection, Error, Origin, Result, Tx};

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

/// A database. Clones share the pool.
#[derive(Clone)]
pub struct Database {
    pool: r2d2::Pool<Manager>,
    statements: Arc<AtomicU64>,
    notifier: Notifier,
    probe: Arc<Probe>,
    settings: Arc<Settings>,
    connections: u32,
    is_postgres: bool,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("is_postgres", &self.is_postgres).finish_non_exhaustive()
    }
}

impl Database {
    /// Creates a pool. Connections are opened on demand, so this fails only if support for the
    /// database isn't compiled in or the folder of a SQLite file can't be created.
    pub fn open(settings: Settings) -> Result<Self> {
        let url = settings.url.expose_secret();
        require_backend(url).map_err(|error| Error::Unavailable(error.to_string()))?;
        let is_postgres = settings.is_postgres();
        if let Some(folder) = sqlite_path(url).and_then(|path| std::path::Path::new(path).parent()) {
            std::fs::create_dir_all(folder).map_err(|error| Error::Unavailable(error.to_string()))?;
        }
        let statements = Arc::new(AtomicU64::new(0));
        let connections = settings.size + settings.overflow;
        let settings = Arc::new(settings);
        let pool = r2d2::Pool::builder()
            .max_size(connections.max(1))
            .min_idle(Some(settings.size.min(connections)))
            .max_lifetime(Some(Duration::from_secs(settings.recycle_seconds.max(1))))
            .idle_timeout(Some(Duration::from_mins(10)))
            .connection_timeout(Duration::from_secs(settings.wait_seconds.max(1)))
            .test_on_check_out(true)
            .error_handler(Box::new(LogConnectionErrors))
            .build_unchecked(Manager {
                settings: Arc::clone(&settings),
                statements: Arc::clone(&statements),
            });
        Ok(Self {
            pool,
            statements,
            notifier: Notifier::default(),
            probe: Arc::default(),
            settings,
            connections,
            is_postgres,
        })
    }

    /// Whether the database is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.is_postgres
    }

    /// Maximum number of connections of the pool.
    pub fn connections(&self) -> u32 {
        self.connections
    }

    /// Current state of the pool.
    pub fn pool(&self) -> Pool {
        let state = self.pool.state();
        Pool { most: self.connections, open: state.connections, idle: state.idle_connections }
    }

    /// Statements sent so far over the connections of the pool.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    fn with<T>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        let mut pooled = self.pool.get().map_err(|error| Error::Unavailable(error.to_string()))?;
        let outcome = work(&mut pooled.connection);
        // After any other error the connection may be broken, so the next checkout validates it.
        pooled.last_success = matches!(outcome, Ok(_) | Err(Error::Rule(_))).then(Instant::now);
        outcome
    }

    /// Runs a read. Blocks until a connection is free and the database has answered.
    pub fn read<T>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        self.with(work)
    }

    /// Runs a unit of work in one transaction, at the end of which its notifications, changes,
    /// outbox jobs and audit entries are inserted. An error or a panic rolls everything back.
    /// Blocks.
    pub fn write<T>(
        &self,
        context: &Context,
        origin: Origin,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        let (value, aftermath) = self.with(|connection| {
            connection.transaction(|connection| {
                let mut tx = Tx::new(connection, context, origin);
                let value = work(&mut tx).map_err(|error| tx.refusal(error))?;
                Ok((value, tx.finish()?))
            })
        })?;
        for topic in &aftermath.topics {
            self.notifier.wake(*topic);
        }
        aftermath.log();
        Ok(value)
    }

    /// Runs a unit of work and rolls it back, to find out whether it would succeed. Blocks.
    pub(crate) fn dry_run<T>(
        &self,
        context: &Context,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut value = None;
        let rolled_back = self.with(|connection| {
            connection.transaction(|connection| {
                value = Some(work(&mut Tx::new(connection, context, Origin::default()))?);
                Err::<(), Error>(diesel::result::Error::RollbackTransaction.into())
            })
        });
        let not_run = || Error::Unavailable("nothing was tried".into());
        value.map_or_else(|| Err(rolled_back.err().unwrap_or_else(not_run)), Ok)
    }

    /// A receiver that changes when a topic may have news: committed by this process, or received
    /// by a [`PgListener`].
    pub fn subscribe(&self, topic: Topic) -> watch::Receiver<()> {
        self.notifier.receiver(topic)
    }

    /// Listens on a thread to the commits of other processes until the guard is dropped.
    /// `when_dead` runs if the thread panics.
    pub fn listen(&self, when_dead: impl FnOnce() + Send + 'static) -> ListenerGuard {
        ListenerGuard::start(self.pg_listener(), when_dead)
    }

    /// A listener to the commits of other processes, for callers that poll it themselves.
    pub fn pg_listener(&self) -> PgListener {
        PgListener::new(Arc::clone(&self.settings), self.notifier.clone())
    }

    /// Probes the database on a connection outside the pool. Fails with [`Error::Unavailable`] if
    /// it doesn't answer within 3 seconds. Blocks for no longer than that, also if all connections
    /// of the pool are in use.
    pub fn ping(&self) -> Result<()> {
        self.probe.run(self.settings.url.expose_secret())
    }
}

/// Fails with a concurrent update if a guarded write found no row in the expected state.
pub(crate) fn one_row(changed: usize) -> Result<()> {
    if changed == 1 { Ok(()) } else { Err(ConcurrentUpdate.into()) }
}
