//! Wake-ups: whoever waits for something new is told when it has been committed, in this process at once, in others through
//! PostgreSQL. They carry nothing and may be lost with a connection, so whoever waits also looks now and then.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use diesel::{RunQueryDsl, sql_types::Text};
use tokio::sync::watch;

use crate::{Database, DbConnection, Error, Result};

/// What somebody can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Notifications of anybody.
    Notifications,
    /// Jobs in the outbox.
    Outbox,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Notifications, Self::Outbox];

    fn as_str(self) -> &'static str {
        match self {
            Self::Notifications => "notifications",
            Self::Outbox => "outbox",
        }
    }
}

/// The channel of PostgreSQL; it belongs to one database.
const CHANNEL: &str = "inspection";

/// Those who wait in this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notifier(Arc<[watch::Sender<()>; Topic::ALL.len()]>);

impl Notifier {
    fn sender(&self, topic: Topic) -> &watch::Sender<()> {
        let [notifications, outbox] = &*self.0;
        match topic {
            Topic::Notifications => notifications,
            Topic::Outbox => outbox,
        }
    }

    /// Wakes all who wait for this.
    pub(crate) fn wake(&self, topic: Topic) {
        self.sender(topic).send_replace(());
    }

    pub(crate) fn receiver(&self, topic: Topic) -> watch::Receiver<()> {
        self.sender(topic).subscribe()
    }
}

diesel::define_sql_function! {
    /// Tells all who listen on a channel, when the transaction is committed.
    fn pg_notify(channel: Text, payload: Text) -> Text;
}

/// Tells other processes when the transaction is committed. A SQLite file belongs to one.
pub(crate) fn notify_others(conn: &mut DbConnection, topic: Topic) -> Result<()> {
    if let DbConnection::Postgres(conn) = conn {
        diesel::select(pg_notify(CHANNEL, topic.as_str())).execute(conn)?;
    }
    Ok(())
}

/// Hears what other processes tell, over a connection of its own.
pub struct PgListener {
    database: Database,
    connection: Option<DbConnection>,
}

impl std::fmt::Debug for PgListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("connected", &self.connection.is_some()).finish_non_exhaustive()
    }
}

impl PgListener {
    pub(crate) fn new(database: Database) -> Self {
        Self { database, connection: None }
    }

    /// Wakes those in this process whom others have told something since the last call. Doesn't wait; to be called a few
    /// times a second. After an error the next call connects anew, and then wakes everybody, since something may have been missed.
    pub fn poll(&mut self) -> Result<()> {
        // It is only put back if all went well.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None if self.database.is_postgres() => self.connect()?,
            None => return Ok(()),
        };
        if let DbConnection::Postgres(postgres) = &mut connection {
            let told: Vec<_> = postgres.notifications_iter().collect::<Result<_, _>>()?;
            for topic in Topic::ALL {
                if told.iter().any(|told| told.payload == topic.as_str()) {
                    self.database.wake(topic);
                }
            }
        }
        self.connection = Some(connection);
        Ok(())
    }

    fn connect(&self) -> Result<DbConnection> {
        let mut connection =
            self.database.connect().map_err(|error| Error::Unavailable(error.to_string()))?;
        connection.execute(&format!("LISTEN {CHANNEL}"))?;
        for topic in Topic::ALL {
            self.database.wake(topic);
        }
        Ok(connection)
    }
}

/// How often to hear what other processes tell.
const EVERY: Duration = Duration::from_millis(100);

/// Hears what other processes tell, on a thread, until this is dropped.
#[derive(Debug)]
pub struct ListenerGuard {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ListenerGuard {
    pub(crate) fn start(mut listener: PgListener, when_dead: impl FnOnce() + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let poll = move || {
            let mut is_deaf = false;
            while !stopped.load(Ordering::SeqCst) {
                let heard = listener.poll();
                // Told once, not at every attempt.
                if let Err(error) = &heard
                    && !is_deaf
                {
                    tracing::warn!(%error, "what other processes tell can't be heard now");
                }
                is_deaf = heard.is_err();
                thread::sleep(if is_deaf { 10 * EVERY } else { EVERY });
            }
        };
        let thread = thread::spawn(move || {
            if catch_unwind(AssertUnwindSafe(poll)).is_err() {
                when_dead();
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for ListenerGuard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that hears other processes has panicked");
        }
    }
}
