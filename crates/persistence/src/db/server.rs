//! Facts about a PostgreSQL server and the role of the connection.

use diesel::{QueryableByName, sql_types};
use inspection_domain::time::Instant;

use crate::{DbConnection, Result};

/// A PostgreSQL server, as seen by a connection.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Server {
    /// Version, such as `16.4`.
    #[diesel(sql_type = sql_types::Text)]
    pub version: String,
    /// Version as a number, such as 160004.
    #[diesel(sql_type = sql_types::Integer)]
    pub version_number: i32,
    /// Name of the role.
    #[diesel(sql_type = sql_types::Text)]
    pub role: String,
    /// Whether the role is a superuser.
    #[diesel(sql_type = sql_types::Bool)]
    pub is_superuser: bool,
    /// Whether the connection is encrypted.
    #[diesel(sql_type = sql_types::Bool)]
    pub is_encrypted: bool,
    /// Maximum number of connections of all clients together.
    #[diesel(sql_type = sql_types::Integer)]
    pub max_connections: i32,
    /// Current time of the server's clock.
    #[diesel(sql_type = sql_types::Timestamp)]
    pub now: Instant,
}

#[cfg(feature = "postgres")]
const QUERY: &str = "SELECT current_setting('server_version') AS version, \
     current_setting('server_version_num')::int AS version_number, \
     current_user::text AS role, \
     (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser, \
     COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS is_encrypted, \
     current_setting('max_connections')::int AS max_connections, \
     clock_timestamp() AT TIME ZONE 'UTC' AS now";

/// Describes the server; none for a SQLite file.
pub fn describe(conn: &mut DbConnection) -> Result<Option<Server>> {
    by_backend!(
        conn,
        postgres(c) => Ok(Some(diesel::RunQueryDsl::get_result(diesel::sql_query(QUERY), c)?)),
        sqlite(_) => Ok(None),
    )
}
