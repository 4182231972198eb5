//! `check`: whether a configuration is fit for production on this machine. Every probe is undone:
//! nothing that it writes stays.

mod accounts;
mod configuration;
mod database;
mod machine;
mod scheduler;
mod secrets;
#[cfg(test)]
mod testing;

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use inspection_domain::users::Password;
use inspection_persistence::{Context, Database};
use inspection_storage::{S3Settings, Storage, StoreError};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use crate::{Finding, disk::Folder};

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
    "security.accounts",
    "security.token_lifetimes",
    "security.blocklist",
    "security.clock",
];

/// A deployment, described by its valid configuration.
#[derive(Clone)]
pub struct Deployment {
    /// Name of the profile; `production` is the only fit one.
    pub profile: &'static str,
    /// Whether the profile enforces rate limits.
    pub enforces_limits: bool,
    /// `sqlite://path` or `postgres://…`, with its password.
    pub database_url: SecretString,
    /// Connections that are kept open.
    pub pool_size: u32,
    /// Connections that are opened beyond those when all are in use.
    pub pool_overflow: u32,
    /// Worker threads; one per core if absent.
    pub workers: Option<NonZeroU32>,
    /// Maximum duration of a request.
    pub request_timeout: Duration,
    /// Grace period of a shutdown.
    pub shutdown_timeout: Duration,
    /// Proxies whose forwarded headers are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether plain HTTP behind a trusted proxy is redirected.
    pub https_redirect: bool,
    /// Allowed origins; `*` alone allows any, and so does none.
    pub cors_origins: Option<Vec<String>>,
    /// Redis for rate limits; limits are counted in memory without it.
    pub redis_url: Option<SecretString>,
    /// Folder of files, or of uploads under way.
    pub upload_folder: PathBuf,
    /// Bucket of files; they are in the folder without it.
    pub bucket: Option<S3Settings>,
    /// Maximum size of a file, in bytes.
    pub max_content_length: u64,
    /// Log level, in lower case.
    pub log_level: String,
    /// Format of log lines, for people.
    pub log_format: &'static str,
    /// Log file; only stderr without it.
    pub log_file: Option<PathBuf>,
    /// Size in bytes at which the log file is rotated.
    pub log_file_size: usize,
    /// Rotated log files that are kept.
    pub log_files_kept: usize,
    /// Whether this process runs the scheduled tasks.
    pub runs_scheduler: bool,
    /// Whether reading `/metrics` takes a token.
    pub has_metrics_token: bool,
    /// Lifetime of access tokens.
    pub access_token_lifetime: Duration,
    /// Lifetime of refresh tokens.
    pub refresh_token_lifetime: Duration,
    /// Key that signs tokens.
    pub jwt_secret_key: SecretString,
    /// Folder of backups.
    pub backup_folder: PathBuf,
    /// Folders that can run full.
    pub folders: Vec<Folder>,
    /// Passwords that other people may know.
    pub known_passwords: Vec<KnownPassword>,
    /// E-mail domain of the accounts of the demo site.
    pub demo_domain: &'static str,
    /// Clock, ids and calendar.
    pub context: Context,
}

/// A password that other people may know.
#[derive(Clone)]
pub struct KnownPassword {
    /// Where it is known from, for people.
    pub origin: &'static str,
    /// The password.
    pub password: Password,
}

/// The secrets of a configuration, valid or not.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// `SECRET_KEY`.
    pub secret_key: Option<SecretString>,
    /// `JWT_SECRET_KEY`.
    pub jwt_secret_key: Option<SecretString>,
    /// Keys that are public, since they are in the source code.
    pub public_keys: Vec<&'static str>,
    /// Whether a key for the translation service is set.
    pub has_translation_key: bool,
    /// The file of variables.
    pub env_file: PathBuf,
}

impl Deployment {
    fn url(&self) -> &str {
        self.database_url.expose_secret()
    }

    /// The file of a SQLite database.
    fn sqlite_file(&self) -> Option<PathBuf> {
        self.url().strip_prefix("sqlite://").map(PathBuf::from)
    }

    /// Connects to the database once: a database that can't be reached is reported once.
    fn database(&self) -> inspection_persistence::Result<Database> {
        let settings = inspection_persistence::Settings::new(self.database_url.clone());
        Database::open(inspection_persistence::Settings { size: 1, overflow: 0, ..settings })
    }

    fn storage(&self) -> Result<Storage, StoreError> {
        match &self.bucket {
            None => Storage::local(&self.upload_folder),
            Some(bucket) => Storage::s3(bucket, &self.upload_folder),
        }
    }
}

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
