//! One connection type for both databases, and the operations that differ between them.

use diesel::{
    Connection, RunQueryDsl,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    r2d2::R2D2Connection,
    result::{ConnectionResult, QueryResult},
};
use secrecy::{ExposeSecret, SecretString};

use super::totals::Estimates;

/// Address of the database and size of its pool.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite://path` or `postgres://…`; may hold a password.
    pub url: SecretString,
    /// `postgres://…` of a physical replica for reports; may hold a password.
    pub replica_url: Option<SecretString>,
    /// Connections that stay open.
    pub size: u32,
    /// Additional connections, opened when all others are in use and closed when idle.
    pub overflow: u32,
    /// Lifetime of a connection, in seconds.
    pub recycle_seconds: u64,
    /// Timeout for a free connection, in seconds.
    pub wait_seconds: u64,
    /// Statement timeout of PostgreSQL, in seconds.
    pub statement_timeout_seconds: u32,
}

impl Settings {
    /// Settings with the default pool: 10 connections and an overflow of 5.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            replica_url: None,
            size: 10,
            overflow: 5,
            recycle_seconds: 3600,
            wait_seconds: 5,
            statement_timeout_seconds: 60,
        }
    }

    /// Whether the URL is one of PostgreSQL.
    pub(crate) fn is_postgres(&self) -> bool {
        sqlite_path(self.url.expose_secret()).is_none()
    }

    /// Settings of the replica. All its connections are opened on demand.
    pub(super) fn for_replica(&self) -> Option<Self> {
        let url = self.replica_url.clone()?;
        let overflow = self.size + self.overflow;
        Some(Self { url, replica_url: None, size: 0, overflow, wait_seconds: 1, ..self.clone() })
    }

    /// Opens a connection outside the pool.
    pub(crate) fn connect(&self) -> ConnectionResult<DbConnection> {
        DbConnection::open(self.url.expose_secret(), self.statement_timeout_seconds)
    }
}

/// A connection to either database, with the totals it has estimated. `with_conn!` runs a query on
/// the type of its variant.
#[allow(missing_debug_implementations, reason = "connections have no state to show")]
pub enum DbConnection {
    /// A connection to PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(diesel::PgConnection, Estimates),
    /// A connection to a SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(diesel::SqliteConnection, Estimates),
}

/// Runs a Diesel query, written once, on either database. `Backend` names the backend's type, for
/// boxed queries.
macro_rules! with_conn {
    ($conn:expr, |$c:ident| $body:expr) => {
        with_conn!($conn, |$c, _| $body)
    };
    ($conn:expr, |$c:ident, $estimates:pat_param| $body:expr) => {
        match $conn {
            #[cfg(feature = "postgres")]
            $crate::DbConnection::Postgres($c, $estimates) => {
                #[allow(dead_code, reason = "only boxed queries name it")]
                type Backend = diesel::pg::Pg;
                $body
            }
            #[cfg(feature = "sqlite")]
            $crate::DbConnection::Sqlite($c, $estimates) => {
                #[allow(dead_code, reason = "only boxed queries name it")]
                type Backend = diesel::sqlite::Sqlite;
                $body
            }
        }
    };
}

/// Runs the branch of the connection's database:
/// `by_backend!(conn, postgres(c) => …, sqlite(c) => …)`.
macro_rules! by_backend {
    ($conn:expr, postgres($postgres:pat) => $on_postgres:expr, sqlite($sqlite:pat) => $on_sqlite:expr $(,)?) => {
        match $conn {
            #[cfg(feature = "postgres")]
            $crate::DbConnection::Postgres($postgres, _) => $on_postgres,
            #[cfg(feature = "sqlite")]
            $crate::DbConnection::Sqlite($sqlite, _) => $on_sqlite,
        }
    };
}

/// Runs a query that locks its rows until the transaction ends. SQLite has no row locks and needs
/// none: its write transactions are exclusive. The default is `FOR NO KEY UPDATE`, which lets other
/// transactions refer to a locked row; with `FOR UPDATE`, two transactions that refer to each
/// other's rows would deadlock.
macro_rules! lock_rows {
    ($conn:expr, $query:expr, $load:ident) => {
        lock_rows!($conn, $query, for_no_key_update, $load)
    };
    ($conn:expr, $query:expr, $lock:ident, $load:ident) => {
        by_backend!($conn, postgres(c) => $query.$lock().$load(c), sqlite(c) => $query.$load(c))
    };
}

/// Prefix of the URL of a SQLite file; every other URL belongs to PostgreSQL.
const SQLITE_SCHEME: &str = "sqlite://";

/// The path in the URL of a SQLite file.
pub(crate) fn sqlite_path(url: &str) -> Option<&str> {
    url.strip_prefix(SQLITE_SCHEME)
}

#[cfg(not(all(feature = "postgres", feature = "sqlite")))]
fn not_compiled_in(database: &str, feature: &str) -> diesel::ConnectionError {
    let message = format!("this build has no support for {database} (Cargo feature `{feature}`)");
    diesel::ConnectionError::BadConnection(message)
}

/// Fails if the database of a URL isn't compiled in.
#[cfg_attr(
    all(feature = "sqlite", feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "builds with one database refuse URLs of the other")
)]
pub(crate) fn require_backend(url: &str) -> ConnectionResult<()> {
    match sqlite_path(url) {
        #[cfg(not(feature = "sqlite"))]
        Some(_) => Err(not_compiled_in("SQLite", "sqlite")),
        #[cfg(not(feature = "postgres"))]
        None => Err(not_compiled_in("PostgreSQL", "postgres")),
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        _ => Ok(()),
    }
}

#[cfg(feature = "postgres")]
diesel::define_sql_function! {
    /// Takes an advisory lock that the transaction holds until it ends.
    fn pg_advisory_xact_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Text;
}

/// Key of the advisory lock that orders commits.
#[cfg(feature = "postgres")]
const COMMIT_ORDER: i64 = 0x1a5b_ec70;

impl DbConnection {
    /// Opens a connection. `sqlite://path` is a file, which is created if absent; libpq reads every
    /// other URL.
    pub(crate) fn open(url: &str, statement_timeout_seconds: u32) -> ConnectionResult<Self> {
        require_backend(url)?;
        let mut connection = Self::establish(url)?;
        let settings = by_backend!(
            &connection,
            postgres(_) => format!("SET statement_timeout = '{statement_timeout_seconds}s'"),
            sqlite(_) => {
                // SQLite has no statement timeout.
                let _ = statement_timeout_seconds;
                // In this order: the later ones may wait for locks.
                "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                 PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                    .to_owned()
            },
        );
        with_conn!(&mut connection, |c| c.batch_execute(&settings))
            .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    }

    /// Opens a connection with the settings of the client library.
    pub(crate) fn establish(url: &str) -> ConnectionResult<Self> {
        match sqlite_path(url) {
            #[cfg(feature = "sqlite")]
            Some(path) => {
                diesel::SqliteConnection::establish(path).map(|c| Self::Sqlite(c, Estimates::default()))
            }
            #[cfg(feature = "postgres")]
            None => diesel::PgConnection::establish(url).map(|c| Self::Postgres(c, Estimates::default())),
            #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
            _ => require_backend(url).and(Err(not_compiled_in("this database", "?"))),
        }
    }

    /// Whether the connection is to PostgreSQL.
    pub(crate) fn is_postgres(&self) -> bool {
        by_backend!(self, postgres(_) => true, sqlite(_) => false)
    }

    /// The estimates that the connection has made.
    pub(crate) fn estimates(&mut self) -> &mut Estimates {
        with_conn!(self, |_c, estimates| estimates)
    }

    /// Runs `work` as one transaction, which commits if the outcome is `Ok` and rolls back
    /// otherwise.
    pub(crate) fn transaction<T, E: From<diesel::result::Error>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        by_backend!(
            self,
            postgres(c) => AnsiTransactionManager::begin_transaction(c)?,
            // Immediate: a deferred transaction that reads before it writes fails if another one
            // wrote meanwhile.
            sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")?,
        );
        self.end_transaction(work)
    }

    /// Runs `work` on one snapshot of the database, which it can't change. Other transactions are
    /// not held up.
    pub(crate) fn snapshot<T, E: From<diesel::result::Error>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        by_backend!(
            self,
            postgres(c) => AnsiTransactionManager::begin_transaction_sql(
                c,
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            )?,
            sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN DEFERRED")?,
        );
        self.end_transaction(work)
    }

    /// Limits how long each further statement of this transaction may take. SQLite has no limit.
    pub(crate) fn limit_statements(&mut self, limit: std::time::Duration) -> QueryResult<()> {
        by_backend!(
            self,
            postgres(c) => {
                // 0 would mean no limit.
                let milliseconds = limit.as_millis().max(1);
                c.batch_execute(&format!("SET LOCAL statement_timeout TO '{milliseconds}ms'"))
            },
            sqlite(_) => {
                let _ = limit;
                Ok(())
            },
        )
    }

    /// Runs `work` in the transaction that has begun, and ends it.
    fn end_transaction<T, E: From<diesel::result::Error>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        match work(self) {
            Ok(value) => {
                with_conn!(self, |c| AnsiTransactionManager::commit_transaction(c))?;
                Ok(value)
            }
            Err(error) => {
                // The pool drops a connection that can't roll back; the first error is the one to
                // return.
                if let Err(second) = with_conn!(self, |c| AnsiTransactionManager::rollback_transaction(c)) {
                    tracing::warn!(error = %second, "rollback failed");
                }
                Err(error)
            }
        }
    }

    /// Serializes the rest of this transaction with all others that call this, so that the numbers
    /// of the rows inserted from here on follow the order of the commits: a reader that has seen a
    /// number has missed no smaller one. Call it last in a transaction, since all others wait.
    /// SQLite's write transactions are exclusive anyway.
    pub(crate) fn lock_commit_order(&mut self) -> QueryResult<()> {
        by_backend!(
            self,
            postgres(c) => diesel::select(pg_advisory_xact_lock(COMMIT_ORDER)).execute(c).map(|_| ()),
            sqlite(_) => Ok(()),
        )
    }

    /// Limits how long statements of this transaction wait for a row lock, or lifts the limit.
    /// SQLite waits only at the beginning of a transaction.
    pub(crate) fn limit_lock_waits(&mut self, seconds: Option<u32>) -> QueryResult<()> {
        by_backend!(
            self,
            postgres(c) => {
                let timeout = seconds.map_or_else(|| "DEFAULT".to_owned(), |seconds| format!("'{seconds}s'"));
                c.batch_execute(&format!("SET LOCAL lock_timeout TO {timeout}"))
            },
            sqlite(_) => {
                let _ = seconds;
                Ok(())
            },
        )
    }

    /// Checks that the connection works.
    pub(crate) fn ping(&mut self) -> QueryResult<()> {
        with_conn!(self, |c| c.ping())
    }

    /// Whether the client library knows the connection to be unusable.
    pub(crate) fn is_broken(&mut self) -> bool {
        with_conn!(self, |c| c.is_broken())
    }

    /// Runs one statement without parameters, such as maintenance.
    pub(crate) fn execute(&mut self, statement: &str) -> QueryResult<usize> {
        with_conn!(self, |c| diesel::sql_query(statement).execute(c))
    }
}
