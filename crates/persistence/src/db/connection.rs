//! One connection type for both databases, and what only one of them has.

use diesel::{
    Connection, PgConnection, RunQueryDsl, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    r2d2::R2D2Connection,
    result::{ConnectionResult, QueryResult},
};

/// A connection to either database. `with_conn!` gives a query the variant's own type.
#[allow(missing_debug_implementations, reason = "connections have nothing to show")]
pub enum DbConnection {
    /// To PostgreSQL.
    Postgres(PgConnection),
    /// To SQLite.
    Sqlite(SqliteConnection),
}

/// Runs a Diesel query, written once, on whichever database the connection is to. `Backend` names that
/// database's type, for boxed queries.
macro_rules! with_conn {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::DbConnection::Postgres($c) => {
                #[allow(dead_code)]
                type Backend = diesel::pg::Pg;
                $body
            }
            $crate::DbConnection::Sqlite($c) => {
                #[allow(dead_code)]
                type Backend = diesel::sqlite::Sqlite;
                $body
            }
        }
    };
}

/// Runs a query that locks its rows until the transaction ends. SQLite has no such locks and needs none: its
/// write transactions are exclusive. Others may refer to a locked row meanwhile: with `for_update` they would wait,
/// and two that refer to each other's rows would deadlock.
macro_rules! lock_rows {
    ($conn:expr, $query:expr, $load:ident) => {
        lock_rows!($conn, $query, for_no_key_update, $load)
    };
    ($conn:expr, $query:expr, $lock:ident, $load:ident) => {
        match $conn {
            $crate::DbConnection::Postgres(c) => $query.$lock().$load(c),
            $crate::DbConnection::Sqlite(c) => $query.$load(c),
        }
    };
}

diesel::define_sql_function! {
    /// A lock on a number, until the transaction ends.
    fn pg_advisory_xact_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Text;
}

/// The number that stands for the order of commits.
const COMMIT_ORDER: i64 = 0x1a5b_ec70;

impl DbConnection {
    /// Opens a connection. `sqlite://path` is a file, made if it isn't there; everything else is for libpq.
    pub(crate) fn open(url: &str, statement_timeout_seconds: u32) -> ConnectionResult<Self> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            let mut connection = SqliteConnection::establish(path)?;
            // In this order: the later ones may wait for locks.
            let pragmas = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                           PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;";
            connection.batch_execute(pragmas).map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
            Ok(Self::Sqlite(connection))
        } else {
            let mut connection = PgConnection::establish(url)?;
            let settings = format!("SET statement_timeout = '{statement_timeout_seconds}s'");
            connection
                .batch_execute(&settings)
                .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
            Ok(Self::Postgres(connection))
        }
    }

    /// Runs `work` as one transaction: its changes are kept if it is `Ok`, and undone if not.
    pub(crate) fn transaction<T, E: From<diesel::result::Error>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Postgres(c) => AnsiTransactionManager::begin_transaction(c)?,
            // Immediate: a transaction that reads first and writes later would fail when another wrote between.
            Self::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")?,
        }
        match work(self) {
            Ok(value) => {
                with_conn!(self, |c| AnsiTransactionManager::commit_transaction(c))?;
                Ok(value)
            }
            Err(error) => {
                // A connection that can't roll back is dropped by the pool; the first error is the one to tell.
                if let Err(second) = with_conn!(self, |c| AnsiTransactionManager::rollback_transaction(c)) {
                    tracing::warn!(error = %second, "rollback failed");
                }
                Err(error)
            }
        }
    }

    /// From here to the end of the transaction no other one that asks for this writes, so that the numbers of what is inserted
    /// now come in the order of the commits: whoever has read up to a number has missed nothing below it. To be asked for last
    /// in a transaction, since all others wait meanwhile. SQLite's write transactions are exclusive anyway.
    pub(crate) fn lock_commit_order(&mut self) -> QueryResult<()> {
        if let Self::Postgres(conn) = self {
            diesel::select(pg_advisory_xact_lock(COMMIT_ORDER)).execute(conn)?;
        }
        Ok(())
    }

    pub(crate) fn ping(&mut self) -> QueryResult<()> {
        with_conn!(self, |c| c.ping())
    }

    pub(crate) fn is_broken(&mut self) -> bool {
        with_conn!(self, |c| c.is_broken())
    }

    /// Runs one plain statement that takes no values, such as maintenance.
    pub(crate) fn execute(&mut self, statement: &str) -> QueryResult<usize> {
        with_conn!(self, |c| diesel::sql_query(statement).execute(c))
    }
}
