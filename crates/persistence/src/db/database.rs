//! The database, and its uses: reads, reports and units of work.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use secrecy::ExposeSecret;
use tokio::sync::watch;

use super::{
    connection::{Settings, require_backend, sqlite_path},
    error::ConcurrentUpdate,
    notify::{ListenerGuard, Notifier, PgListener, Topic},
    pool::{Connections, Pool},
    probe::{Probe, with_timeouts},
    replica::{Replica, ReplicaReads},
};
use crate::{Context, DbConnection, Error, Origin, Result, Tx};

/// A database. Clones share the pool.
#[derive(Clone)]
pub struct Database {
    connections: Connections,
    replica: Option<Arc<Replica>>,
    statements: Arc<AtomicU64>,
    notifier: Notifier,
    probe: Arc<Probe>,
    settings: Arc<Settings>,
    is_postgres: bool,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("is_postgres", &self.is_postgres).finish_non_exhaustive()
    }
}

impl Database {
    /// Creates a pool. Connections are opened on demand, so this fails only if support for the
    /// database isn't compiled in, the folder of a SQLite file can't be created, or SQLite has a
    /// replica.
    pub fn open(settings: Settings) -> Result<Self> {
        let url = settings.url.expose_secret();
        require_backend(url).map_err(|error| Error::Unavailable(error.to_string()))?;
        let is_postgres = settings.is_postgres();
        if let Some(folder) = sqlite_path(url).and_then(|path| std::path::Path::new(path).parent()) {
            std::fs::create_dir_all(folder).map_err(|error| Error::Unavailable(error.to_string()))?;
        }
        if settings.replica_url.is_some() && !is_postgres {
            return Err(Error::Unavailable("a replica requires PostgreSQL".into()));
        }
        let statements = Arc::new(AtomicU64::new(0));
        let settings = Arc::new(settings);
        let replica = settings.for_replica().map(|settings| {
            // A replica that is down must not delay a read for long.
            let url = with_timeouts(settings.url.expose_secret()).into();
            let settings = Arc::new(Settings { url, ..settings });
            Arc::new(Replica::new(Connections::new(settings, Arc::clone(&statements))))
        });
        Ok(Self {
            connections: Connections::new(Arc::clone(&settings), Arc::clone(&statements)),
            replica,
            statements,
            notifier: Notifier::default(),
            probe: Arc::default(),
            settings,
            is_postgres,
        })
    }

    /// Whether the database is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.is_postgres
    }

    /// Maximum number of connections of the pool.
    pub fn connections(&self) -> u32 {
        self.connections.most()
    }

    /// Current state of the pool.
    pub fn pool(&self) -> Pool {
        self.connections.state()
    }

    /// Where reports were read so far; none without a replica.
    pub fn replica_reads(&self) -> Option<ReplicaReads> {
        self.replica.as_ref().map(|replica| replica.reads())
    }

    /// Statements sent so far over the connections of the pool.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Runs a read. Blocks until a connection is free and the database has answered.
    pub fn read<T>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        self.connections.with(work)
    }

    /// Runs a read that may take long, on the replica if there is one. It sees all that was
    /// committed before, by any instance: a replica that lags or is down is passed over. Blocks.
    pub fn read_report<T>(&self, work: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        match &self.replica {
            Some(replica) => replica.read(&self.connections, work),
            None => self.read(work),
        }
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
        let (value, aftermath) = self.connections.with(|connection| {
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
        let rolled_back = self.connections.with(|connection| {
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
