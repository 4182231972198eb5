//! The input of the checks.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use inspection_domain::users::Password;
use inspection_persistence::{Context, Database};
use inspection_storage::{S3Settings, Storage, StoreError};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use crate::disk::Folder;

/// A deployment, described by its valid configuration.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent settings of a deployment")]
pub struct Deployment {
    /// Name of the profile; `production` is the only fit one.
    pub profile: &'static str,
    /// Whether requests are limited.
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
    /// Source that the value is known from, as text for people.
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
    /// `SECRET_KEYS_OLD`.
    pub secret_keys_old: Vec<SecretString>,
    /// `JWT_SECRET_KEYS_OLD`.
    pub jwt_secret_keys_old: Vec<SecretString>,
    /// Keys that are public, since they were in the source code.
    pub public_keys: Vec<&'static str>,
    /// Whether a key for the translation service is set.
    pub has_translation_key: bool,
    /// The file of variables.
    pub env_file: PathBuf,
}

impl Deployment {
    pub(super) fn url(&self) -> &str {
        self.database_url.expose_secret()
    }

    /// The file of a SQLite database.
    pub(super) fn sqlite_file(&self) -> Option<PathBuf> {
        self.url().strip_prefix("sqlite://").map(PathBuf::from)
    }

    /// Connects to the database once: a database that can't be reached is reported once.
    pub(super) fn database(&self) -> inspection_persistence::Result<Database> {
        let settings = inspection_persistence::Settings::new(self.database_url.clone());
        Database::open(inspection_persistence::Settings { size: 1, overflow: 0, ..settings })
    }

    pub(super) fn storage(&self) -> Result<Storage, StoreError> {
        match &self.bucket {
            None => Storage::local(&self.upload_folder),
            Some(bucket) => Storage::s3(bucket, &self.upload_folder),
        }
    }
}
