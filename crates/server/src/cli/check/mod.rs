//! `check`: whether this configuration, on this machine, is fit for production. It looks and tries, and changes nothing that stays.

mod accounts;
mod configuration;
mod database;
mod machine;
mod scheduler;
mod secrets;

use anyhow::Result;
use inspection_persistence::Database;

use super::findings::{self, Finding};
use crate::{
    config::{Config, Resolved, Sources},
    wire,
};

#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Tell it as JSON.
    #[arg(long)]
    json: bool,
}

/// What is looked at, in the order in which it is told.
pub(crate) const IDS: &[&str] = &[
    "configuration.valid",
    "secrets.secret_key",
    "secrets.jwt_secret_key",
    "secrets.differ",
    "secrets.env_file",
    "secrets.env_not_in_git",
    "secrets.translation",
    "database.postgresql",
    "database.reachable",
    "database.version",
    "database.role",
    "database.tls",
    "database.migrations",
    "database.pool",
    "database.backup",
    "database.restore",
    "web.profile",
    "web.workers",
    "web.timeouts",
    "web.supervised",
    "web.proxy",
    "cors.origins",
    "limits.redis",
    "limits.redis_reachable",
    "limits.in_force",
    "storage.writable",
    "storage.persistent",
    "storage.space",
    "storage.size_limit",
    "storage.types",
    "logging.level",
    "logging.file",
    "logging.rotation",
    "scheduler.enabled",
    "scheduler.on_time",
    "scheduler.one_runs",
    "monitoring.metrics",
    "security.user",
    "security.accounts",
    "security.token_lifetimes",
    "security.blocklist",
    "security.clock",
];

pub(super) fn run(args: &Args) -> Result<()> {
    let resolved = Sources::from_system()?.resolve();
    findings::tell(&all(&resolved), args.json)
}

fn all(resolved: &Resolved) -> Vec<Finding> {
    let mut found = match Config::check(resolved) {
        Ok(config) => {
            let mut found = vec![Finding::pass("configuration.valid", "every variable can be read")];
            found.extend(configuration::look(&config));
            found.extend(machine::look(&config));
            found.extend(with_database(&config));
            found
        }
        Err(problems) => {
            let told = problems.each().collect::<Vec<_>>().join("; ");
            vec![Finding::fail(
                "configuration.valid",
                told,
                "set these variables; `config show` says where each comes from",
            )]
        }
    };
    found.extend(secrets::look(resolved));
    // What rests on something that isn't there can't be looked at.
    IDS.iter()
        .map(|id| match found.iter().position(|finding| finding.id == *id) {
            Some(place) => found.swap_remove(place),
            None => Finding::not_applicable(id, "can't be looked at before the rest is mended"),
        })
        .collect()
}

fn with_database(config: &Config) -> Vec<Finding> {
    let fix = "see that the server runs and that DATABASE_URL is right";
    // Opening a file of SQLite would make it.
    if config.database_url.file().is_some_and(|file| !file.exists()) {
        return vec![Finding::fail(
            "database.reachable",
            "the file of the database is not there",
            "run `inspection-server migrate up`",
        )];
    }
    let database = match wire::one_connection(config) {
        Ok(database) => database,
        Err(error) => return vec![Finding::fail("database.reachable", error.to_string(), fix)],
    };
    if let Err(error) = database.read(|_| Ok(())) {
        tracing::debug!(%error, "no database");
        return vec![Finding::fail("database.reachable", "the database can't be reached", fix)];
    }
    let mut found = vec![Finding::pass("database.reachable", "the database answers")];
    found.extend(database::look(config, &database));
    if is_up_to_date(&database) {
        found.extend(scheduler::look(config, &database));
        found.extend(accounts::look(config, &database));
    }
    found
}

fn is_up_to_date(database: &Database) -> bool {
    inspection_persistence::migrations::is_pending(database).is_ok_and(|is_pending| !is_pending)
}

#[cfg(test)]
mod tests;
