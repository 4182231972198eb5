//! Wake-ups after commits: at once in this process, and in others by PostgreSQL's `NOTIFY`. A
//! wake-up carries no data and may be lost with a connection, so subscribers also poll.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::watch;

use super::connection::{DbConnection, Settings};
use crate::{Error, Result};

/// A topic of wake-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// New notifications of any user.
    Notifications,
    /// New jobs in the outbox.
    Outbox,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 2] = [Self::Notifications, Self::Outbox];

    #[cfg(feature = "postgres")]
    fn as_str(self) -> &'static str {
        match self {
            Self::Notifications => "notifications",
            Self::Outbox => "outbox",
        }
    }
}

/// Name of the `NOTIFY` channel, which is local to one database.
#[cfg(feature = "postgres")]
const CHANNEL: &str = "inspection";

/// Subscribers in this process.
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

    /// Wakes all subscribers of a topic.
    pub(crate) fn wake(&self, topic: Topic) {
        self.sender(topic).send_replace(());
    }

    pub(crate) fn receiver(&self, topic: Topic) -> watch::Receiver<()> {
        self.sender(topic).subscribe()
    }
}

#[cfg(feature = "postgres")]
diesel::define_sql_function! {
    /// Notifies all listeners of a channel when the transaction commits.
    fn pg_notify(channel: diesel::sql_types::Text, payload: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Notifies other processes when the transaction commits. A SQLite file is used by one process
/// only.
pub(crate) fn notify_others(conn: &mut DbConnection, topic: Topic) -> Result<()> {
    by_backend!(
        conn,
        postgres(c) => {
            diesel::RunQueryDsl::execute(diesel::select(pg_notify(CHANNEL, topic.as_str())), c)?;
            Ok(())
        },
        sqlite(_) => {
            let _ = topic;
            Ok(())
        },
    )
}

/// Receives the notifications of other processes on a connection outside the pool.
pub struct PgListener {
    settings: Arc<Settings>,
    notifier: Notifier,
    connection: Option<DbConnection>,
}

impl std::fmt::Debug for PgListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgListener").field("connected", &self.connection.is_some()).finish_non_exhaustive()
    }
}

impl PgListener {
    pub(crate) fn new(settings: Arc<Settings>, notifier: Notifier) -> Self {
        Self { settings, notifier, connection: None }
    }

    /// Wakes the subscribers of all topics notified since the last call, without waiting; call it a
    /// few times a second. After an error the next call reconnects and wakes all subscribers, since
    /// notifications may have been lost.
    pub fn poll(&mut self) -> Result<()> {
        if !self.settings.is_postgres() {
            return Ok(());
        }
        // The connection is stored again only if no step fails.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        by_backend!(
            &mut connection,
            postgres(c) => {
                let received: Vec<_> = c.notifications_iter().collect::<Result<_, _>>()?;
                for topic in Topic::ALL {
                    if received.iter().any(|notification| notification.payload == topic.as_str()) {
                        self.notifier.wake(topic);
                    }
                }
            },
            sqlite(_) => {},
        );
        self.connection = Some(connection);
        Ok(())
    }

    fn connect(&self) -> Result<DbConnection> {
        let mut connection =
            self.settings.connect().map_err(|error| Error::Unavailable(error.to_string()))?;
        by_backend!(
            &mut connection,
            postgres(c) => {
                diesel::RunQueryDsl::execute(diesel::sql_query(format!("LISTEN {CHANNEL}")), c)?;
            },
            sqlite(_) => {},
        );
        for topic in Topic::ALL {
            self.notifier.wake(topic);
        }
        Ok(connection)
    }
}

/// Interval between polls of the listener thread.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A thread that polls a [`PgListener`] until this is dropped.
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
            let mut is_failing = false;
            while !stopped.load(Ordering::SeqCst) {
                let polled = listener.poll();
                // Logged once for each outage, not for each attempt.
                if let Err(error) = &polled
                    && !is_failing
                {
                    tracing::warn!(%error, "cannot listen to other processes");
                }
                is_failing = polled.is_err();
                thread::sleep(if is_failing { 10 * POLL_INTERVAL } else { POLL_INTERVAL });
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
            tracing::error!("the listener thread panicked");
        }
    }
}
