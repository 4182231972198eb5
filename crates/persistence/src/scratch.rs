//! Databases that come and go: made from a template in a moment, for tests and trials.

use crate::{DbConnection, Error, Result};

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn on_server(url: &str, statement: &str) -> Result<()> {
    let mut conn = DbConnection::open(url, 60).map_err(|error| Error::Unavailable(error.to_string()))?;
    conn.execute(statement)?;
    Ok(())
}

/// Makes a PostgreSQL database on the server that `url` (of another database there) leads to; a copy of
/// `template`, if one is named.
pub fn create_database(url: &str, name: &str, template: Option<&str>) -> Result<()> {
    let copied = template.map_or_else(String::new, |template| format!(" TEMPLATE {}", quoted(template)));
    on_server(url, &format!("CREATE DATABASE {}{copied}", quoted(name)))
}

/// Makes a PostgreSQL database that belongs to a role of its own, which signs in with this password and may do nothing else.
pub fn create_owned_database(url: &str, name: &str, role: &str, password: &str) -> Result<()> {
    let password = password.replace('\'', "''");
    on_server(url, &format!("CREATE ROLE {} LOGIN PASSWORD '{password}'", quoted(role)))?;
    on_server(url, &format!("CREATE DATABASE {} OWNER {}", quoted(name), quoted(role)))
}

/// Removes a PostgreSQL database, whoever is connected to it.
pub fn drop_database(url: &str, name: &str) -> Result<()> {
    on_server(url, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name)))
}
