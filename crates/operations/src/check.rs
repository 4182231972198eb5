//! `check`: whether a configuration is fit for production on this machine. Every probe is undone:
//! nothing that it writes stays.

mod accounts;
mod configuration;
mod data;
mod database;
mod deployment;
mod folders;
mod machine;
mod privacy;
mod scheduler;
mod secrets;
#[cfg(test)]
mod testing;

use inspection_persistence::{Context, Database};
use inspection_storage::Storage;

pub use deployment::{Deployment, KnownPassword, Secrets};

use crate::{Finding, Result as Outcome};

/// Ids of all findings, in the order in which they are reported.
pub const IDS: &[&str] = &[
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
    "security.files",
    "security.accounts",
    "security.token_lifetimes",
    "security.blocklist",
    "security.clock",
];

/// Checks the values of a configuration alone, without touching the machine or the database.
pub fn configuration(deployment: &Deployment) -> Vec<Finding> {
    configuration::findings(deployment)
}

/// Checks a deployment. Of an invalid configuration, `problems` has one sentence for each fault.
pub fn run(deployment: Result<&Deployment, Vec<String>>, secrets: &Secrets) -> Vec<Finding> {
    let mut found = match deployment {
        Ok(deployment) => {
            let mut found = vec![Finding::pass("configuration.valid", "every variable is valid")];
            found.extend(configuration::findings(deployment));
            found.extend(machine::findings(deployment));
            found.push(privacy::finding(deployment));
            found.extend(with_database(deployment));
            found
        }
        Err(problems) => vec![Finding::fail(
            "configuration.valid",
            problems.join("; "),
            "set these variables; `config show` names the source of each",
        )],
    };
    found.extend(secrets::findings(secrets));
    IDS.iter()
        .map(|id| match found.iter().position(|finding| finding.id == *id) {
            Some(position) => found.swap_remove(position),
            None => Finding::not_applicable(id, "can't be checked before the other failures are fixed"),
        })
        .collect()
}

/// Checks the invariants of the stored data and files, one finding each. Nothing is changed.
pub fn data(database: &Database, storage: &Storage, context: &Context) -> Outcome<Vec<Finding>> {
    data::findings(database, storage, context)
}

fn with_database(deployment: &Deployment) -> Vec<Finding> {
    let fix = "start the server, and correct DATABASE_URL";
    // Opening a missing SQLite file would create it.
    if deployment.sqlite_file().is_some_and(|file| !file.exists()) {
        return vec![Finding::fail(
            "database.reachable",
            "the file of the database doesn't exist",
            "run `inspection-server migrate up`",
        )];
    }
    let database = match deployment.database() {
        Ok(database) => database,
        Err(error) => return vec![Finding::fail("database.reachable", error.to_string(), fix)],
    };
    if let Err(error) = database.read(|_| Ok(())) {
        tracing::debug!(%error, "no database");
        return vec![Finding::fail("database.reachable", "the database can't be reached", fix)];
    }
    let mut found = vec![Finding::pass("database.reachable", "the database answers")];
    found.extend(database::findings(deployment, &database));
    found.extend(database::backups(&deployment.backup_folder, deployment.context.clock.now()));
    if is_up_to_date(&database) {
        found.extend(scheduler::findings(deployment, &database));
        found.extend(accounts::findings(deployment, &database));
    }
    found
}

fn is_up_to_date(database: &Database) -> bool {
    inspection_persistence::migrations::is_pending(database).is_ok_and(|is_pending| !is_pending)
}
