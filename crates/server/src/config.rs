//! Configuration: one table says which variables there are; parsing, `config show`, `.env.example` and the
//! README's table follow from it.

mod sources;
mod table;
#[cfg(test)]
mod tests;
mod values;

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use inspection_domain::users::{Email, Password};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

pub(crate) use sources::DOTENV;
pub use sources::{Resolved, Shown, Sources};
pub use table::{env_example, readme_table};
pub use values::{Bind, Bucket, DatabaseUrl, LogFormat, LogLevel, Origins, Profile, RedisUrl, Zone};

use values::{BaseUrl, Endpoint};

/// Everything that keeps the program from starting, each with the variable it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is not valid:\n{}", self.lines())]
pub struct Problems(Vec<(String, String)>);

impl Problems {
    fn add(&mut self, variable: impl Into<String>, message: impl Into<String>) {
        self.0.push((variable.into(), message.into()));
    }

    fn lines(&self) -> String {
        self.each().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    }

    /// Each of them, as a sentence.
    pub(crate) fn each(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|(variable, message)| format!("{variable} {message}"))
    }

    fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

/// How much of a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// All of it.
    Open,
    /// All but the password in it.
    Address,
    /// Nothing.
    Secret,
}

/// A variable: its names, its defaults, what it means.
#[derive(Debug)]
pub struct Variable {
    /// Name in `inspection.toml`; in capitals, the name in the environment.
    pub key: &'static str,
    /// Other names that are understood in the environment and in `.env`.
    pub old_names: &'static [&'static str],
    /// Defaults in development, production and testing; empty if there is none.
    defaults: [&'static str; 3],
    /// What it means, for people.
    pub description: &'static str,
    /// How much of it may be shown.
    pub secrecy: Secrecy,
}

impl Variable {
    /// Name in the environment.
    pub fn name(&self) -> String {
        self.key.to_ascii_uppercase()
    }

    /// The default in a profile.
    pub fn default(&self, profile: Profile) -> Option<&'static str> {
        let [development, production, testing] = self.defaults;
        let default = match profile {
            Profile::Development => development,
            Profile::Production => production,
            Profile::Testing => testing,
        };
        (!default.is_empty()).then_some(default)
    }
}

/// Declares the variables: the table, the configuration, and how one becomes the other.
macro_rules! variables {
    ($(
        #[doc = $doc:literal]
        $key:ident $(| $old:literal)* : $type:ty = $defaults:expr, $secrecy:ident;
    )+) => {
        /// The effective configuration.
        #[derive(Debug, Clone)]
        pub struct Config { $( #[doc = $doc] pub $key: $type, )+ }

        /// Every variable, in the order in which it is explained.
        pub const VARIABLES: &[Variable] = &[$(
            Variable {
                key: stringify!($key),
                old_names: &[$($old),*],
                defaults: $defaults,
                description: $doc.trim_ascii(),
                secrecy: Secrecy::$secrecy,
            },
        )+];

        /// What could be read, for rules about several variables at once.
        struct Parts { $( $key: Option<$type>, )+ }

        impl Parts {
            fn read(resolved: &Resolved, problems: &mut Problems) -> Self {
                Self { $( $key: resolved.read(stringify!($key), problems), )+ }
            }

            fn complete(self) -> Option<Config> {
                Some(Config { $( $key: self.$key?, )+ })
            }
        }
    };
}

/// Not secret: printed in the source of this program, and refused in production.
const DEV_SECRET: &str = "dev-secret-key-change-in-production";
const DEV_JWT_SECRET: &str = "dev-jwt-secret-change-in-production";

/// Keys that are public, since they are in the source code.
pub(crate) const PUBLIC_SECRETS: [&str; 2] = [DEV_SECRET, DEV_JWT_SECRET];

const fn all(default: &'static str) -> [&'static str; 3] {
    [default; 3]
}

variables! {
    /// Profile: `development`, `production` or `testing`; decides the defaults
    app_env | "FLASK_ENV": Profile = all("development"), Open;
    /// Address to listen on, with or without port
    bind | "GUNICORN_BIND": Bind = ["127.0.0.1:5000", "0.0.0.0:5000", "127.0.0.1:5000"], Open;
    /// Port to listen on, instead of the one in `BIND`
    port: Option<u16> = all(""), Open;
    /// Threads that answer requests; as many as there are cores if not set
    workers | "GUNICORN_WORKERS": Option<NonZeroU32> = all(""), Open;
    /// Signs everything but tokens; production needs 32 bytes or more
    secret_key: SecretString = [DEV_SECRET, "", DEV_SECRET], Secret;
    /// Signs tokens; production needs 32 bytes or more, other than `SECRET_KEY`
    jwt_secret_key: SecretString = [DEV_JWT_SECRET, "", DEV_JWT_SECRET], Secret;
    /// How long an access token is good: seconds, or with a unit such as `8h`
    jwt_access_token_expires: Duration = ["24h", "8h", "24h"], Open;
    /// How long a refresh token is good: seconds, or with a unit such as `7d`
    jwt_refresh_token_expires: Duration = all("7d"), Open;
    /// Database: `sqlite://path` or `postgres://user:password@host/name`; production needs PostgreSQL
    database_url: DatabaseUrl = ["sqlite://data/inspection.db", "", "sqlite://data/testing.db"], Address;
    /// Connections to the database that are kept open
    db_pool_size: NonZeroU32 = all("10"), Open;
    /// Connections that are opened in addition when those are all in use
    db_max_overflow: u32 = all("5"), Open;
    /// Where the limits on requests are counted: `redis://host:6379` for all instances together, `memory://` for each by itself
    redis_url | "RATELIMIT_STORAGE_URI": RedisUrl = all("memory://"), Address;
    /// Web apps that may call this service, separated by commas, such as `https://app.example.com`; `*` is any
    cors_origins: Option<Origins> = ["*", "", "*"], Open;
    /// Folder for files; with `STORAGE_URL`, only for uploads under way. Must outlive the program and be backed up
    upload_folder: PathBuf = ["data/uploads", "data/uploads", "data/testing-uploads"], Open;
    /// Bucket for files, instead of a folder: `s3://bucket/prefix`
    storage_url: Option<Bucket> = all(""), Open;
    /// Key id for the bucket; those of the machine are used if not set
    aws_access_key_id: Option<String> = all(""), Open;
    /// Secret of that key id
    aws_secret_access_key: Option<SecretString> = all(""), Secret;
    /// Region of the bucket
    aws_region: String = all("us-east-1"), Open;
    /// Server of the bucket if it isn't Amazon's, such as `https://minio.example.com`
    aws_endpoint_url: Option<Endpoint> = all(""), Open;
    /// Greatest file, and greatest request body but for forms with several files, in bytes
    max_content_length: NonZeroU32 = all("16777216"), Open;
    /// What is logged: `trace`, `debug`, `info`, `warning`, `error`, `critical` or `off`
    log_level: LogLevel = ["debug", "info", "warning"], Open;
    /// Form of the log: `text` or `json`
    log_format: LogFormat = ["text", "json", "text"], Open;
    /// File that the log is also written to; it begins anew at 10 MB, and the last five are kept
    log_file: Option<PathBuf> = ["", "logs/app.log", ""], Open;
    /// Time zone of the site, such as `Asia/Riyadh`
    app_timezone: Zone = all("UTC"), Open;
    /// Whether this process runs the scheduled tasks; each is run once however many processes do
    scheduler_enabled: bool = ["true", "true", "false"], Open;
    /// Key of the service that translates texts; without one, none are translated
    openai_api_key: Option<SecretString> = all(""), Secret;
    /// That service, if it is another one that speaks the protocol of OpenAI
    openai_base_url: BaseUrl = all("https://api.openai.com/v1"), Open;
    /// Model that translates
    openai_translate_model: String = all("gpt-4o-mini"), Open;
    /// Proxies whose forwarded addresses are believed: addresses or ranges, separated by commas
    trusted_proxies: Vec<IpNet> = all(""), Open;
    /// Whether requests that came to a trusted proxy without TLS are sent to the same address with it
    https_redirect: bool = ["false", "true", "false"], Open;
    /// Seconds that the numbers of an admin's dashboard may be old; `0` counts them for each request
    dashboard_age: u32 = ["2", "2", "0"], Open;
    /// Token that whoever reads `/metrics` must send; without one, they are read on the machine itself only
    metrics_token: Option<SecretString> = all(""), Secret;
    /// Folder for backups; must be on another disk than the database, or be copied elsewhere
    backup_folder: PathBuf = ["data/backups", "backups", "data/testing-backups"], Open;
    /// How long a request may take
    request_timeout: Duration = all("120s"), Open;
    /// How long requests in flight may take to finish when the program is told to stop
    shutdown_timeout: Duration = all("30s"), Open;
    /// Whether `serve` applies pending migrations by itself
    auto_migrate: bool = ["true", "false", "true"], Open;
    /// First admin, made when there is nobody yet; needs `ADMIN_PASSWORD`
    admin_email: Option<Email> = all(""), Open;
    /// Password of the first admin
    admin_password: Option<SecretString> = all(""), Secret;
}

impl Config {
    /// Reads the configuration, or says everything that is wrong with it.
    pub fn load(sources: &Sources) -> Result<Self, Problems> {
        Self::check(&sources.resolve())
    }

    /// Reads the configuration from resolved values, or says everything that is wrong with it.
    pub fn check(resolved: &Resolved) -> Result<Self, Problems> {
        let mut problems = resolved.problems().clone();
        let parts = Parts::read(resolved, &mut problems);
        parts.production_rules(&mut problems);
        parts.first_admin_rules(&mut problems);
        parts.bucket_rules(&mut problems);
        problems.clone().into_result()?;
        // Whatever couldn't be read has left a problem.
        parts.complete().ok_or(problems)
    }

    /// What works but shouldn't stay as it is.
    pub fn warnings(&self) -> Vec<String> {
        let any = self.cors_origins.as_ref().is_none_or(Origins::is_any);
        if self.app_env != Profile::Production || !any {
            return Vec::new();
        }
        let why = "every web site may call this service; list the origins of the web apps";
        vec![match self.cors_origins {
            None => format!("CORS_ORIGINS not set — defaulting to '*': {why}"),
            Some(_) => format!("CORS_ORIGINS is '*': {why}"),
        }]
    }

    /// Host and port to listen on.
    pub fn address(&self) -> (&str, u16) {
        (&self.bind.host, self.port.unwrap_or(self.bind.port))
    }
}

/// A duration as variables have it: seconds, or an amount with units.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    values::Value::parse(text)
}

impl Parts {
    fn production_rules(&self, problems: &mut Problems) {
        if self.app_env != Some(Profile::Production) {
            return;
        }
        let keys = [("SECRET_KEY", &self.secret_key), ("JWT_SECRET_KEY", &self.jwt_secret_key)];
        for (name, key) in keys {
            let Some(key) = key.as_ref().map(ExposeSecret::expose_secret) else { continue };
            if PUBLIC_SECRETS.contains(&key) {
                problems.add(name, "is the value for development, which everybody knows");
            } else if key.len() < 32 {
                problems.add(name, format!("must have at least 32 bytes in production, not {}", key.len()));
            }
        }
        if let (Some(one), Some(other)) = (&self.secret_key, &self.jwt_secret_key)
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

    fn first_admin_rules(&self, problems: &mut Problems) {
        match (&self.admin_email, &self.admin_password) {
            (Some(Some(email)), Some(Some(password))) => {
                if let Err(wrong) = Password::new(password.expose_secret()).check(email.as_str()) {
                    problems.add("ADMIN_PASSWORD", values::message(&wrong));
                }
            }
            (Some(Some(_)), Some(None)) => problems.add("ADMIN_PASSWORD", "is required with ADMIN_EMAIL"),
            (Some(None), Some(Some(_))) => problems.add("ADMIN_EMAIL", "is required with ADMIN_PASSWORD"),
            _ => {}
        }
    }
}
