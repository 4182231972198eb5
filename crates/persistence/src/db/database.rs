//! The pool, and the two ways to use it: reads and units of work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{Connection, connection::InstrumentationEvent};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;

use crate::{
    Context, DbConnection, Error, Origin, Result, Tx,
    db::error::ConcurrentUpdate,
    db::notify::{ListenerGuard, Notifier, PgListener, Topic},
    db::stats,
};

/// Where the database is and how many connections it gets.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite://path` or `postgres://…`; may hold a password.
    pub url: SecretString,
    /// Connections that are kept open.
    pub size: u32,
    /// Connections that are opened in addition when all are in use, and closed when idle.
    pub overflow: u32,
    /// Seconds after which a connection is replaced.
    pub recycle_seconds: u64,
    /// Seconds to wait for a free connection.
    pub wait_seconds: u64,
    /// Seconds after which PostgreSQL gives a statement up.
    pub statement_timeout_seconds: u32,
}

/// Connections of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// The most there can be.
    pub most: u32,
    /// Those that are open.
    pub open: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
}

impl Settings {
    /// The defaults for a database.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            size: 10,
            overflow: 5,
            recycle_seconds: 3600,
            wait_seconds: 5,
            statement_timeout_seconds: 60,
        }
    }
}

impl Settings {
    fn connect(&self) -> diesel::ConnectionResult<DbConnection> {
        DbConnection::open(self.url.expose_secret(), self.statement_timeout_seconds)
    }
}

/// A connection in the pool, and when it was last known to work.
struct Pooled {
    connection: DbConnection,
    /// Nothing if there is doubt.
    worked: Option<Instant>,
}

struct Manager {
    settings: Arc<Settings>,
    statements: Arc<AtomicU64>,
}

/// A connection that worked this short a while ago is not asked again at checkout.
const TRUSTED: Duration = Duration::from_secs(1);

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
        Ok(Pooled { connection, worked: Some(Instant::now()) })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Self::Error> {
        if pooled.worked.is_none_or(|at| at.elapsed() >= TRUSTED) {
            pooled.connection.ping().map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
            pooled.worked = Some(Instant::now());
        }
        Ok(())
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.connection.is_broken()
    }
}

/// Tells of connections that can't be made. There is a line for every attempt of the pool, so this is for whoever looks
/// closely; requests that go without a connection say so themselves.
#[derive(Debug)]
struct Report;

impl r2d2::HandleError<diesel::ConnectionError> for Report {
    fn handle_error(&self, error: diesel::ConnectionError) {
        tracing::debug!(%error, "no connection to the database");
    }
}

/// The database. Clones share the pool.
#[derive(Clone)]
pub struct Database {
    pool: r2d2::Pool<Manager>,
    statements: Arc<AtomicU64>,
    notifier: Notifier,
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
    /// A pool for this database. Connections are made when they are needed, so this fails only if a SQLite
    /// file's folder can't be made.
    pub fn open(settings: Settings) -> Result<Self> {
        let url = settings.url.expose_secret();
        let is_postgres = !url.starts_with("sqlite://");
        if let Some(folder) =
            url.strip_prefix("sqlite://").and_then(|path| std::path::Path::new(path).parent())
        {
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
            .error_handler(Box::new(Report))
            .build_unchecked(Manager {
                settings: Arc::clone(&settings),
                statements: Arc::clone(&statements),
            });
        Ok(Self { pool, statements, notifier: Notifier::default(), settings, connections, is_postgres })
    }

    /// Whether it is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.is_postgres
    }

    /// The most connections there can be.
    pub fn connections(&self) -> u32 {
        self.connections
    }

    /// How many connections there are at the moment.
    pub fn pool(&self) -> Pool {
        let state = self.pool.state();
        Pool { most: self.connections, open: state.connections, idle: state.idle_connections }
    }

    /// Statements sent so far, over all connections.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    fn with<T>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        let mut pooled = self.pool.get().map_err(|error| Error::Unavailable(error.to_string()))?;
        let outcome = work(&mut pooled.connection);
        // If it broke, whoever gets it next must find that out before using it.
        pooled.worked = matches!(outcome, Ok(_) | Err(Error::Rule(_))).then(Instant::now);
        outcome
    }

    /// Reads. Blocks: waits for a connection and for the database.
    pub fn read<T>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        self.with(work)
    }

    /// Carries a unit of work out: one transaction, at the end of which its notifications and audit lines are
    /// written. If it fails, nothing has happened. Blocks.
    pub fn write<T>(
        &self,
        context: &Context,
        origin: Origin,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        let (value, news) = self.with(|connection| {
            connection.transaction(|connection| {
                let mut tx = Tx::new(connection, context, origin);
                let value = work(&mut tx)?;
                Ok((value, tx.finish()?))
            })
        })?;
        for topic in news {
            self.wake(topic);
        }
        Ok(value)
    }

    /// Does what [`write`](Self::write) does up to its end, and takes it all back: to see whether it would work. Blocks.
    pub(crate) fn dry_run<T>(
        &self,
        context: &Context,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut seen = None;
        let undone = self.with(|connection| {
            connection.transaction(|connection| {
                seen = Some(work(&mut Tx::new(connection, context, Origin::default()))?);
                Err::<(), Error>(diesel::result::Error::RollbackTransaction.into())
            })
        });
        seen.map_or_else(|| Err(undone.err().unwrap_or(Error::Unavailable("nothing was tried".into()))), Ok)
    }

    /// A connection beside the pool.
    pub(crate) fn connect(&self) -> diesel::ConnectionResult<DbConnection> {
        self.settings.connect()
    }

    pub(crate) fn wake(&self, topic: Topic) {
        self.notifier.wake(topic);
    }

    /// Changes when there may be something new: committed in this process, or heard of by a [`PgListener`].
    pub fn subscribe(&self, topic: Topic) -> watch::Receiver<()> {
        self.notifier.receiver(topic)
    }

    /// Hears what other processes have committed, until what this gives is dropped. That it has died is told.
    pub fn listen(&self, when_dead: impl FnOnce() + Send + 'static) -> ListenerGuard {
        ListenerGuard::start(self.pg_listener(), when_dead)
    }

    /// Hears what other processes have committed, whenever it is asked.
    pub fn pg_listener(&self) -> PgListener {
        PgListener::new(self.clone())
    }

    /// Whether the database answers. If every connection is in use, it does.
    pub fn ping(&self) -> Result<()> {
        if self.pool.state().idle_connections == 0 && self.pool.state().connections >= self.connections {
            return Ok(());
        }
        self.with(|connection| Ok(connection.ping()?))
    }
}

/// A guarded write found no row in the state that was seen: somebody else was faster.
pub(crate) fn one_row(changed: usize) -> Result<()> {
    if changed == 1 { Ok(()) } else { Err(ConcurrentUpdate.into()) }
}
