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

/// The databases of a PostgreSQL server whose names begin like this.
pub fn databases(url: &str, beginning: &str) -> Result<Vec<String>> {
    use diesel::{RunQueryDsl, sql_types::Text};

    #[derive(diesel::QueryableByName)]
    struct Named {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let mut conn = DbConnection::open(url, 60).map_err(|error| Error::Unavailable(error.to_string()))?;
    let statement = "SELECT datname::text AS name FROM pg_database";
    let all: Vec<Named> = with_conn!(&mut conn, |c| diesel::sql_query(statement).load(c))?;
    Ok(all.into_iter().map(|database| database.name).filter(|name| name.starts_with(beginning)).collect())
}
