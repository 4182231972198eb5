//! Snapshots of PostgreSQL, shared with its own tools.

use super::state::{State, connect, state_of, words};
use crate::{DbConnection, Result};

/// A snapshot of a PostgreSQL database, which `pg_dump` can share until this is dropped.
#[allow(missing_debug_implementations, reason = "connections have no state to show")]
pub struct Snapshot {
    conn: DbConnection,
    name: String,
}

impl Snapshot {
    /// Exports a snapshot of the present state.
    pub fn begin(url: &str) -> Result<Self> {
        let mut conn = connect(url)?;
        // The tool may run for longer than a transaction may be idle.
        conn.execute("SET idle_in_transaction_session_timeout = 0")?;
        conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let name = words(&mut conn, "SELECT pg_export_snapshot() AS word")?.concat();
        Ok(Self { conn, name })
    }

    /// Identifier of the snapshot, as in `pg_dump --snapshot`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// State of the database in this snapshot.
    pub fn state(&mut self) -> Result<State> {
        state_of(&mut self.conn)
    }
}
