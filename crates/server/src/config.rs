//! Configuration. The parser, `config show`, `.env.example` and the table in the README are derived
//! from one declaration of the variables.

mod problems;
mod sources;
mod values;
mod variable;

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use inspection_domain::users::{Email, Password};
use inspection_operations::keys::{LEAST_BITS, estimated_bits};
use inspection_storage::Bucket;
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

pub use problems::Problems;
pub(crate) use sources::DOTENV;
pub use sources::{Resolved, Shown, Sources};
pub use values::{Bind, DatabaseUrl, LogFormat, LogLevel, Origins, Profile, RedisUrl, Zone};

pub use variable::{Secrecy, Variable};

use values::{AppUrl, BaseUrl, Endpoint, SecurityContacts};

/// Declares the variables: their table, the configuration, and the conversion.
macro_rules! variables {
    ($(
        #[doc = $doc:literal]
        $key:ident $(| $old:literal)* : $type:ty = $defaults:expr, $secrecy:ident;
    )+) => {
        /// The effective configuration.
        #[derive(Debug, Clone)]
        pub struct Config { $( #[doc = $doc] pub $key: $type, )+ }

        /// All variables, in the order of the documentation.
        pub const VARIABLES: &[Variable] = &[$(
            Variable {
                key: stringify!($key),
                old_names: &[$($old),*],
                defaults: $defaults,
                description: $doc.trim_ascii(),
                secrecy: Secrecy::$secrecy,
            },
        )+];

        /// The valid values, for rules about several variables.
        struct PartialConfig { $( $key: Option<$type>, )+ }

        impl PartialConfig {
            fn read(resolved: &Resolved, problems: &mut Problems) -> Self {
                Self { $( $key: resolved.read(stringify!($key), problems), )+ }
            }

            fn complete(self) -> Option<Config> {
                Some(Config { $( $key: self.$key?, )+ })
            }
        }
    };
}

/// Keys that are public: they were the defaults of earlier versions.
pub(crate) const PUBLIC_SECRETS: [&str; 2] =
    ["dev-secret-key-change-in-production", "dev-jwt-secret-change-in-production"];

const fn all(default: &'static str) -> [&'static str; 3] {
    [default; 3]
}

variables! {
    /// Profile: `development`, `production` or `testing`; selects the defaults
    app_env | "FLASK_ENV": Profile = all("development"), Open;
    /// Address to listen on, with or without a port
    bind | "GUNICORN_BIND": Bind = ["127.0.0.1:5000", "0.0.0.0:5000", "127.0.0.1:5000"], Open;
    /// Port to listen on; overrides the one in `BIND`
    port: Option<u16> = all(""), Open;
    /// Worker threads for requests; one per core if not set
    workers | "GUNICORN_WORKERS": Option<NonZeroU32> = all(""), Open;
    /// Key that signs links and cursors; production requires 32 random bytes or more
    secret_key: Option<SecretString> = all(""), Secret;
    /// Key that signs tokens; production requires another one of 32 random bytes or more
    jwt_secret_key: Option<SecretString> = all(""), Secret;
    /// Earlier values of `SECRET_KEY`, separated by commas: their links and cursors remain valid
    secret_keys_old: Vec<SecretString> = all(""), Secret;
    /// Earlier values of `JWT_SECRET_KEY`, separated by commas: their tokens remain valid
    jwt_secret_keys_old: Vec<SecretString> = all(""), Secret;
    /// Lifetime of access tokens: seconds, or with a unit such as `8h`
    jwt_access_token_expires: Duration = ["24h", "8h", "24h"], Open;
    /// Lifetime of refresh tokens: seconds, or with a unit such as `7d`
    jwt_refresh_token_expires: Duration = all("7d"), Open;
    /// Database: `postgres://user:password@host/name`, or `sqlite://path`, the development default
    database_url: DatabaseUrl = ["sqlite://data/inspection.db", "", "sqlite://data/testing.db"], Address;
    /// Streaming replica of a PostgreSQL database, for reports; they see all earlier changes
    database_read_url: Option<DatabaseUrl> = all(""), Address;
    /// Database connections in the pool
    db_pool_size: NonZeroU32 = all("10"), Open;
    /// Additional database connections when all of the pool are in use
    db_max_overflow: u32 = all("5"), Open;
    /// Counter of rate limits: `redis://host:6379` for all instances, `memory://` for each one
    redis_url | "RATELIMIT_STORAGE_URI": RedisUrl = all("memory://"), Address;
    /// Whether requests are limited: `on` or `off`, for development and tests
    rate_limits: bool = ["on", "on", "off"], Open;
    /// Allowed origins, separated by commas, such as `https://app.example.com`; `*` allows any
    cors_origins: Option<Origins> = ["*", "", "*"], Open;
    /// Folder of evidence files, on a persistent disk; with `STORAGE_URL`, of uploads under way
    upload_folder: PathBuf = ["data/uploads", "data/uploads", "data/testing-uploads"], Open;
    /// Bucket of evidence files instead of a folder: `s3://bucket/prefix`
    storage_url: Option<Bucket> = all(""), Open;
    /// Key id for the bucket; the credentials of the machine if not set
    aws_access_key_id: Option<String> = all(""), Open;
    /// Secret key of that key id
    aws_secret_access_key: Option<SecretString> = all(""), Secret;
    /// Region of the bucket
    aws_region: String = all("us-east-1"), Open;
    /// S3 server other than Amazon's, such as `https://minio.example.com`
    aws_endpoint_url: Option<Endpoint> = all(""), Open;
    /// Size limit of files, and of request bodies except forms with several files, in bytes
    max_content_length: NonZeroU32 = all("16777216"), Open;
    /// Log level: `trace`, `debug`, `info`, `warning`, `error`, `critical` or `off`
    log_level: LogLevel = ["debug", "info", "warning"], Open;
    /// Log format: `text` or `json`
    log_format: LogFormat = ["text", "json", "text"], Open;
    /// Log file beside stderr; rotated at 10 MB, five are kept
    log_file: Option<PathBuf> = ["", "logs/app.log", ""], Open;
    /// Time zone of the site, such as `Asia/Riyadh`
    app_timezone: Zone = all("UTC"), Open;
    /// Whether this process runs the scheduled tasks; one process executes each run
    scheduler_enabled: bool = ["true", "true", "false"], Open;
    /// API key of the translation service; texts are not translated without it
    openai_api_key: Option<SecretString> = all(""), Secret;
    /// Translation service with the protocol of OpenAI
    openai_base_url: BaseUrl = all("https://api.openai.com/v1"), Open;
    /// Model for translations
    openai_translate_model: String = all("gpt-4o-mini"), Open;
    /// Proxies whose forwarded addresses are trusted: addresses or ranges, separated by commas
    trusted_proxies: Vec<IpNet> = all(""), Open;
    /// Address of the service for its clients, such as `https://example.com/inspection`
    app_url: Option<AppUrl> = all(""), Open;
    /// Contacts for reports of vulnerabilities, separated by commas: `mailto:`, `https://`, `tel:`
    security_contact: SecurityContacts = all(""), Open;
    /// Whether requests that reached a trusted proxy without TLS are redirected to HTTPS
    https_redirect: bool = ["false", "true", "false"], Open;
    /// Maximum age of the numbers on the admin dashboard, in seconds; `0` disables the cache
    dashboard_age: u32 = ["2", "2", "0"], Open;
    /// Token required to read `/metrics`; readable on this machine only if not set
    metrics_token: Option<SecretString> = all(""), Secret;
    /// Folder of backups, on another disk than the database, or copied elsewhere
    backup_folder: PathBuf = ["data/backups", "backups", "data/testing-backups"], Open;
    /// Timeout of requests
    request_timeout: Duration = all("120s"), Open;
    /// Time after which a connection ends whose client reads nothing, on Linux
    write_timeout: Duration = all("30s"), Open;
    /// Retention of finished runs of scheduled tasks
    retention_task_runs: Duration = all("90d"), Open;
    /// Retention of notifications after they were read
    retention_read_notifications: Duration = all("180d"), Open;
    /// Retention of rejected items of offline work
    retention_rejected_items: Duration = all("30d"), Open;
    /// Retention of responses to requests with an `Idempotency-Key`
    retention_idempotency_keys: Duration = all("24h"), Open;
    /// Retention of background jobs that were given up
    retention_dead_jobs: Duration = all("90d"), Open;
    /// Grace period for requests in flight during a shutdown
    shutdown_timeout: Duration = all("30s"), Open;
    /// Whether commands apply pending migrations
    auto_migrate: bool = ["true", "false", "true"], Open;
    /// E-mail address of the first admin, created in an empty database; requires `ADMIN_PASSWORD`
    admin_email: Option<Email> = all(""), Open;
    /// Password of the first admin
    admin_password: Option<SecretString> = all(""), Secret;
}

impl Sources {
    /// Resolves the value of every variable, and its source.
    pub fn resolve(&self) -> Resolved {
        self.resolve_variables(VARIABLES)
    }
}

impl Config {
    /// Resolves and validates the configuration. The error has all problems.
    pub fn load(sources: &Sources) -> Result<Self, Problems> {
        Self::validate(&sources.resolve())
    }

    /// Validates resolved values. The error has all problems.
    pub fn validate(resolved: &Resolved) -> Result<Self, Problems> {
        let mut problems = resolved.problems().clone();
        let partial = PartialConfig::read(resolved, &mut problems);
        partial.production_rules(&mut problems);
        partial.first_admin_rules(&mut problems);
        partial.bucket_rules(&mut problems);
        partial.replica_rules(&mut problems);
        partial.retention_rules(&mut problems);
        problems.clone().into_result()?;
        // Every invalid value left a problem.
        partial.complete().ok_or(problems)
    }

    /// Warnings about values that work but should be changed.
    pub fn warnings(&self) -> Vec<String> {
        let any = self.cors_origins.as_ref().is_none_or(Origins::is_any);
        if self.app_env != Profile::Production || !any {
            return Vec::new();
        }
        let why = "every web site may call the API; list the origins of the web apps";
        vec![match self.cors_origins {
            None => format!("CORS_ORIGINS not set — defaulting to '*': {why}"),
            Some(_) => format!("CORS_ORIGINS is '*': {why}"),
        }]
    }

    /// Checks that other machines may reach the service: with keys of its own, and not as a test.
    pub fn check_exposure(&self) -> anyhow::Result<()> {
        let is_own = |key: &SecretString| !PUBLIC_SECRETS.contains(&key.expose_secret());
        anyhow::ensure!(
            [&self.secret_key, &self.jwt_secret_key].iter().all(|key| key.as_ref().is_some_and(is_own)),
            "other machines would reach a service with the keys of a developer: set SECRET_KEY and \
             JWT_SECRET_KEY, or BIND=127.0.0.1"
        );
        anyhow::ensure!(
            self.app_env != Profile::Testing,
            "other machines would reach a service for tests: set APP_ENV, or BIND=127.0.0.1"
        );
        Ok(())
    }

    /// Host and port to listen on.
    pub fn address(&self) -> (&str, u16) {
        (&self.bind.host, self.port.unwrap_or(self.bind.port))
    }
}

/// Parses a duration: seconds, or an amount with a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    values::Value::parse(text)
}

fn key_rules(name: &str, key: &SecretString, problems: &mut Problems) {
    let key = key.expose_secret();
    if PUBLIC_SECRETS.contains(&key) {
        problems.add(name, "is the public value for development");
    } else if key.len() < 32 {
        problems.add(name, format!("must have at least 32 bytes in production, not {}", key.len()));
    } else if estimated_bits(key) < LEAST_BITS {
        problems.add(name, "is not random: generate one with `openssl rand -hex 32`");
    }
}

impl PartialConfig {
    fn production_rules(&self, problems: &mut Problems) {
        if self.app_env != Some(Profile::Production) {
            return;
        }
        let keys = [("SECRET_KEY", &self.secret_key), ("JWT_SECRET_KEY", &self.jwt_secret_key)];
        for (name, key) in keys {
            match key {
                Some(None) => problems.add(name, "is required"),
                Some(Some(key)) => key_rules(name, key, problems),
                None => {}
            }
        }
        for (name, keys) in
            [("SECRET_KEYS_OLD", &self.secret_keys_old), ("JWT_SECRET_KEYS_OLD", &self.jwt_secret_keys_old)]
        {
            keys.iter().flatten().for_each(|key| key_rules(name, key, problems));
        }
        if let (Some(Some(one)), Some(Some(other))) = (&self.secret_key, &self.jwt_secret_key)
            && one.expose_secret() == other.expose_secret()
        {
            problems.add("JWT_SECRET_KEY", "must differ from SECRET_KEY");
        }
        if self.database_url.as_ref().is_some_and(|url| !url.is_postgres()) {
            problems.add(
                "DATABASE_URL",
                "must be PostgreSQL in production, such as postgres://user:password@host/name",
            );
        }
    }

    fn bucket_rules(&self, problems: &mut Problems) {
        match (&self.aws_access_key_id, &self.aws_secret_access_key) {
            (Some(Some(_)), Some(None)) => {
                problems.add("AWS_SECRET_ACCESS_KEY", "is required with AWS_ACCESS_KEY_ID");
            }
            (Some(None), Some(Some(_))) => {
                problems.add("AWS_ACCESS_KEY_ID", "is required with AWS_SECRET_ACCESS_KEY");
            }
            _ => {}
        }
    }

    fn replica_rules(&self, problems: &mut Problems) {
        let is_postgres = |url: &DatabaseUrl| url.is_postgres();
        if let Some(Some(replica)) = &self.database_read_url
            && !(is_postgres(replica) && self.database_url.as_ref().is_none_or(is_postgres))
        {
            problems.add("DATABASE_READ_URL", "requires PostgreSQL, here and in DATABASE_URL");
        }
    }

    /// A retention in seconds instead of days would delete what users and operators still need.
    fn retention_rules(&self, problems: &mut Problems) {
        for (name, retention) in [
            ("RETENTION_TASK_RUNS", self.retention_task_runs),
            ("RETENTION_READ_NOTIFICATIONS", self.retention_read_notifications),
            ("RETENTION_REJECTED_ITEMS", self.retention_rejected_items),
            ("RETENTION_IDEMPOTENCY_KEYS", self.retention_idempotency_keys),
            ("RETENTION_DEAD_JOBS", self.retention_dead_jobs),
        ] {
            if retention.is_some_and(|retention| retention < Duration::from_hours(1)) {
                problems.add(name, "must be at least 1h");
            }
        }
    }

    fn first_admin_rules(&self, problems: &mut Problems) {
        match (&self.admin_email, &self.admin_password) {
            (Some(Some(email)), Some(Some(password))) => {
                if let Err(wrong) = Password::new(password.expose_secret()).validate(email.as_str(), &[]) {
                    problems.add("ADMIN_PASSWORD", values::message(&wrong));
                }
            }
            (Some(Some(_)), Some(None)) => problems.add("ADMIN_PASSWORD", "is required with ADMIN_EMAIL"),
            (Some(None), Some(Some(_))) => problems.add("ADMIN_EMAIL", "is required with ADMIN_PASSWORD"),
            _ => {}
        }
    }
}
