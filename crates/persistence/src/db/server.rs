//! What a server of PostgreSQL says of itself and of the role that the service has there.

use diesel::{QueryableByName, RunQueryDsl, sql_types};
use inspection_domain::time::Instant;

use crate::{DbConnection, Result};

/// A server of PostgreSQL, as this connection sees it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Server {
    /// Its version, such as `16.4`.
    #[diesel(sql_type = sql_types::Text)]
    pub version: String,
    /// The same as a number: 160004.
    #[diesel(sql_type = sql_types::Integer)]
    pub version_number: i32,
    /// Name of the role.
    #[diesel(sql_type = sql_types::Text)]
    pub role: String,
    /// Whether the role may do everything on the server.
    #[diesel(sql_type = sql_types::Bool)]
    pub is_superuser: bool,
    /// Whether the connection is encrypted.
    #[diesel(sql_type = sql_types::Bool)]
    pub is_encrypted: bool,
    /// Connections that the server takes from everybody together.
    #[diesel(sql_type = sql_types::Integer)]
    pub max_connections: i32,
    /// The time by its clock.
    #[diesel(sql_type = sql_types::Timestamp)]
    pub now: Instant,
}

const QUERY: &str = "SELECT current_setting('server_version') AS version, \
     current_setting('server_version_num')::int AS version_number, \
     current_user::text AS role, \
     (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser, \
     COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS is_encrypted, \
     current_setting('max_connections')::int AS max_connections, \
     clock_timestamp() AT TIME ZONE 'UTC' AS now";

/// Asks the server; nothing if the database is a file of SQLite.
pub fn describe(conn: &mut DbConnection) -> Result<Option<Server>> {
    match conn {
        DbConnection::Postgres(conn) => Ok(Some(diesel::sql_query(QUERY).get_result(conn)?)),
        DbConnection::Sqlite(_) => Ok(None),
    }
}
