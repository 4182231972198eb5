//! A replica of the database, for reads that may take long.
//!
//! Physical replication is asynchronous, so a replica shows the past. Before each read, it must
//! have replayed everything that the primary had written; otherwise the read runs on the primary.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{QueryableByName, sql_types};
use inspection_domain::rule::Code;

use super::pool::Connections;
use crate::{DbConnection, Error, Result};

/// Maximum wait until the replica has caught up with the primary.
const CATCH_UP_TIMEOUT: Duration = Duration::from_millis(300);

/// Interval at which the position of the replica is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Time for which a replica that lags or is down is not tried again.
const REST: Duration = Duration::from_secs(5);

/// Reads of a process, by the server they ran on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaReads {
    /// On the replica.
    pub on_replica: u64,
    /// On the primary, since the replica lagged or was down.
    pub on_primary: u64,
}

/// A replica.
pub(super) struct Replica {
    connections: Connections,
    /// Time until which it is not used.
    rests_until: Mutex<Option<Instant>>,
    served: AtomicU64,
    passed_over: AtomicU64,
}

/// A position in the write-ahead log of a cluster.
#[derive(QueryableByName)]
struct Position {
    #[diesel(sql_type = sql_types::Text)]
    lsn: String,
    /// Identifies the cluster: positions of another one mean nothing.
    #[diesel(sql_type = sql_types::BigInt)]
    cluster: i64,
}

/// Answer of the replica.
#[derive(QueryableByName)]
struct Progress {
    #[diesel(sql_type = sql_types::Bool)]
    is_current: bool,
}

#[cfg(feature = "postgres")]
const POSITION: &str = "SELECT pg_current_wal_insert_lsn()::text AS lsn, system_identifier AS cluster \
     FROM pg_control_system()";

/// A promoted replica has left the history of the primary, and its position says nothing.
#[cfg(feature = "postgres")]
const PROGRESS: &str = "SELECT pg_is_in_recovery() AND system_identifier = $1 \
     AND COALESCE(pg_last_wal_replay_lsn() >= $2::pg_lsn, false) AS is_current \
     FROM pg_control_system()";

impl Position {
    /// The present position of the primary, which includes what is not yet on disk; none on SQLite.
    fn current(conn: &mut DbConnection) -> Result<Option<Self>> {
        by_backend!(
            conn,
            postgres(c) => Ok(Some(diesel::RunQueryDsl::get_result(diesel::sql_query(POSITION), c)?)),
            sqlite(_) => Ok(None),
        )
    }

    /// Whether the replica has replayed it.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "SQLite has no replica"))]
    fn is_replayed_by(&self, replica: &mut DbConnection) -> Result<bool> {
        by_backend!(
            replica,
            postgres(c) => {
                let query = diesel::sql_query(PROGRESS)
                    .bind::<sql_types::BigInt, _>(self.cluster)
                    .bind::<sql_types::Text, _>(&self.lsn);
                let progress: Progress = diesel::RunQueryDsl::get_result(query, c)?;
                Ok(progress.is_current)
            },
            sqlite(_) => Ok(false),
        )
    }

    /// Waits until the replica has replayed it. False after [`CATCH_UP_TIMEOUT`].
    fn wait(&self, replica: &mut DbConnection) -> Result<bool> {
        let started = Instant::now();
        while !self.is_replayed_by(replica)? {
            if started.elapsed() >= CATCH_UP_TIMEOUT {
                return Ok(false);
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(true)
    }
}

impl Replica {
    pub(super) fn new(connections: Connections) -> Self {
        let (served, passed_over) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { connections, rests_until: Mutex::default(), served, passed_over }
    }

    pub(super) fn reads(&self) -> ReplicaReads {
        ReplicaReads {
            on_replica: self.served.load(Ordering::Relaxed),
            on_primary: self.passed_over.load(Ordering::Relaxed),
        }
    }

    fn rests(&self) -> bool {
        let until = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn rest(&self, reason: &str) {
        tracing::warn!(reason, "reports are read from the primary for some seconds");
        let mut until = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = Some(Instant::now() + REST);
    }

    /// Reads on the replica, or on the primary if the replica can't be used.
    pub(super) fn read<T>(
        &self,
        primary: &Connections,
        work: impl FnOnce(&mut DbConnection) -> Result<T>,
    ) -> Result<T> {
        // Without a position, as on a server without replicas, the primary is read.
        let position = if self.rests() { None } else { primary.with(Position::current).ok().flatten() };
        // Taken when it runs on the replica, which happens at most once.
        let mut work = Some(work);
        if let Some(position) = position {
            let outcome = self.connections.with(|conn| {
                let is_current = position.wait(conn)?;
                work.take_if(|_| is_current).map(|work| work(conn)).transpose()
            });
            match outcome {
                Ok(Some(value)) => {
                    self.served.fetch_add(1, Ordering::Relaxed);
                    return Ok(value);
                }
                Ok(None) => self.rest("the replica lags behind"),
                Err(error) if work.is_some() => self.rest(&error.to_string()),
                Err(Error::Rule(rule)) if rule.code() != Code::Conflict => return Err(Error::Rule(rule)),
                // The replica went down, or cancelled the read for a change that it had to replay.
                Err(error) => {
                    self.rest(&error.to_string());
                    return Err(Error::Unavailable(error.to_string()));
                }
            }
        }
        self.passed_over.fetch_add(1, Ordering::Relaxed);
        let work = work.ok_or_else(|| Error::Unavailable("the read has no result".into()))?;
        primary.with(work)
    }
}
