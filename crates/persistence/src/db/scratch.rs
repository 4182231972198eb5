//! Short-lived PostgreSQL databases, for tests and for trial restores of backups.

use crate::{DbConnection, Error, Result};

/// Statement timeout of these connections, in seconds.
const STATEMENT_TIMEOUT: u32 = 60;

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn connect(url: &str) -> Result<DbConnection> {
    DbConnection::open(url, STATEMENT_TIMEOUT).map_err(|error| Error::Unavailable(error.to_string()))
}

/// Creates a database on the server of another database's `url`, as a copy of `template` if one is
/// named.
pub fn create_database(url: &str, name: &str, template: Option<&str>) -> Result<()> {
    let copied = template.map_or_else(String::new, |template| format!(" TEMPLATE {}", quoted(template)));
    connect(url)?.execute(&format!("CREATE DATABASE {}{copied}", quoted(name)))?;
    Ok(())
}

/// Drops a database and closes all connections to it.
pub fn drop_database(url: &str, name: &str) -> Result<()> {
    connect(url)?.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name)))?;
    Ok(())
}

/// Names of the server's databases that begin with a prefix.
pub fn databases(url: &str, prefix: &str) -> Result<Vec<String>> {
    use diesel::{RunQueryDsl, sql_types::Text};

    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let statement = "SELECT datname::text AS name FROM pg_database";
    let all: Vec<Row> = with_conn!(&mut connect(url)?, |c| diesel::sql_query(statement).load(c))?;
    Ok(all.into_iter().map(|row| row.name).filter(|name| name.starts_with(prefix)).collect())
}
