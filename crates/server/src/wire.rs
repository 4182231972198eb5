//! Wires the layers together: from a configuration to a running service.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    thread::available_parallelism,
    time::Duration,
};

use anyhow::{Context as _, Result};
use inspection_auth::{cursors::Cursors, keys::Keys, links::Links, tokens::Tokens};
use inspection_domain::{ids::Ids, outbox::OutboxKind, retention::Retention, users::Password};
use inspection_http::{App, Stopper};
use inspection_operations::{
    backup,
    check::{Deployment, KnownPassword, Secrets},
    disk::Folder,
    gauges,
    keys::of_developer,
    log_file,
};
use inspection_persistence::{Context, Database};
use inspection_scheduler::{
    Background, BackgroundSettings, all_tasks,
    outbox::Handler,
    translations::Translations,
    translator::{OpenAi, OpenAiSettings},
};
use inspection_storage::{S3Settings, Storage};
use listenfd::ListenFd;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    config::{self, Config, LogFormat, Origins, RedisUrl, Resolved},
    system::{SystemClock, SystemIds},
};

/// The database with its pool. Connects on first use.
pub fn database(config: &Config) -> Result<Database> {
    open(config, config.db_pool_size.get(), config.db_max_overflow)
}

/// The database with a single connection, for commands and for the preparation of the service. The
/// first connection initializes a new SQLite file, which a second one would disturb. An unreachable
/// database is reported a few times instead of once per pooled connection.
pub fn one_connection(config: &Config) -> Result<Database> {
    open(config, 1, 0)
}

fn open(config: &Config, size: u32, overflow: u32) -> Result<Database> {
    let settings = inspection_persistence::Settings::new(config.database_url.expose().clone());
    let replica_url = config.database_read_url.as_ref().map(|url| url.expose().clone());
    Ok(Database::open(inspection_persistence::Settings { replica_url, size, overflow, ..settings })?)
}

/// Clock, ids and calendar.
pub fn context(config: &Config) -> Context {
    Context {
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        calendar: config.app_timezone.site.clone(),
        translates: config.openai_api_key.is_some(),
        retention: Retention {
            task_runs: config.retention_task_runs,
            read_notifications: config.retention_read_notifications,
            rejected_items: config.retention_rejected_items,
            idempotency_keys: config.retention_idempotency_keys,
            dead_jobs: config.retention_dead_jobs,
        },
    }
}

/// Timeout of a translation request.
const TRANSLATOR_TIMEOUT: Duration = Duration::from_mins(1);

/// Interval at which due tasks and outbox jobs are polled.
const POLL_INTERVAL: Duration = Duration::from_secs(20);

/// A unique name of this process.
pub fn instance(context: &Context) -> String {
    format!("{}-{}", std::process::id(), context.ids.unique())
}

/// Starts the background workers: the outbox, and the scheduled tasks if this process runs them.
/// `on_exit` is called if they end without being stopped.
pub fn background(
    config: &Config,
    database: &Database,
    context: &Context,
    on_exit: impl FnOnce() + Send + 'static,
) -> Result<Background> {
    let mut handlers: BTreeMap<OutboxKind, Arc<dyn Handler>> = BTreeMap::new();
    if let Some(api_key) = &config.openai_api_key {
        let translator = OpenAi::new(OpenAiSettings {
            base_url: config.openai_base_url.0.clone(),
            api_key: api_key.clone(),
            model: config.openai_translate_model.clone(),
            timeout: TRANSLATOR_TIMEOUT,
        })?;
        let translations = Translations::new(database.clone(), context.clone(), Arc::new(translator));
        handlers.insert(OutboxKind::Translate, Arc::new(translations));
    }
    let settings = BackgroundSettings {
        database: database.clone(),
        context: context.clone(),
        instance: instance(context),
        tasks: if config.scheduler_enabled { all_tasks() } else { Vec::new() },
        handlers,
        poll_interval: POLL_INTERVAL,
        shutdown_timeout: config.shutdown_timeout,
    };
    Ok(Background::start(settings, on_exit)?)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// Timeout of a request to the bucket.
const BUCKET_TIMEOUT: Duration = Duration::from_secs(20);

/// The file store. Creates a missing folder; connects to a bucket on first use.
pub fn storage(config: &Config) -> Result<Storage> {
    Ok(match bucket(config) {
        None => Storage::local(&config.upload_folder)?,
        Some(settings) => Storage::s3(&settings, &config.upload_folder)?,
    })
}

fn bucket(config: &Config) -> Option<S3Settings> {
    let bucket = config.storage_url.as_ref()?;
    Some(S3Settings {
        bucket: bucket.name.clone(),
        prefix: bucket.prefix.clone(),
        region: config.aws_region.clone(),
        endpoint: config.aws_endpoint_url.as_ref().map(|endpoint| endpoint.0.clone()),
        credentials: config.aws_access_key_id.clone().zip(config.aws_secret_access_key.clone()),
        request_timeout: BUCKET_TIMEOUT,
    })
}

/// Database and folder of the backups.
pub fn backups(config: &Config, pg_bin: Option<PathBuf>) -> backup::Settings {
    let (database_url, folder) = (config.database_url.expose().clone(), config.backup_folder.clone());
    backup::Settings { database_url, folder, pg_bin }
}

/// The deployment that `check` examines.
pub fn deployment(config: &Config) -> Deployment {
    let first_admin = config.admin_password.as_ref().map(|password| KnownPassword {
        origin: "ADMIN_PASSWORD",
        password: Password::new(password.expose_secret()),
    });
    let demo =
        KnownPassword { origin: "that of the demo site", password: Password::new(inspection_demo::PASSWORD) };
    Deployment {
        profile: config.app_env.as_str(),
        enforces_limits: config.rate_limits,
        database_url: config.database_url.expose().clone(),
        pool_size: config.db_pool_size.get(),
        pool_overflow: config.db_max_overflow,
        workers: config.workers,
        request_timeout: config.request_timeout,
        shutdown_timeout: config.shutdown_timeout,
        trusted_proxies: config.trusted_proxies.clone(),
        https_redirect: config.https_redirect,
        cors_origins: config.cors_origins.as_ref().map(|origins| origins.0.clone()),
        redis_url: redis_url(config),
        upload_folder: config.upload_folder.clone(),
        bucket: bucket(config),
        max_content_length: config.max_content_length.get().into(),
        log_level: config.log_level.0.to_string().to_ascii_lowercase(),
        log_format: if config.log_format == LogFormat::Json { "JSON" } else { "text" },
        log_file: config.log_file.clone(),
        log_file_size: log_file::FILE_SIZE,
        log_files_kept: log_file::FILES_KEPT,
        runs_scheduler: config.scheduler_enabled,
        has_metrics_token: config.metrics_token.is_some(),
        access_token_lifetime: config.jwt_access_token_expires,
        refresh_token_lifetime: config.jwt_refresh_token_expires,
        backup_folder: config.backup_folder.clone(),
        folders: folders(config),
        known_passwords: std::iter::once(demo).chain(first_admin).collect(),
        demo_domain: inspection_demo::DOMAIN,
        context: context(config),
    }
}

/// The secrets that `check` examines, whether or not the configuration is valid.
pub fn secrets(resolved: &Resolved) -> Secrets {
    let secret = |key| resolved.secret(key).map(SecretString::from);
    Secrets {
        secret_key: secret("secret_key"),
        jwt_secret_key: secret("jwt_secret_key"),
        secret_keys_old: resolved.secrets("secret_keys_old"),
        jwt_secret_keys_old: resolved.secrets("jwt_secret_keys_old"),
        public_keys: config::PUBLIC_SECRETS.to_vec(),
        has_translation_key: resolved.secret("openai_api_key").is_some(),
        env_file: config::DOTENV.into(),
    }
}

fn redis_url(config: &Config) -> Option<SecretString> {
    match &config.redis_url {
        RedisUrl::Memory => None,
        RedisUrl::Server(url) => Some(url.clone()),
    }
}

/// Interval of keep-alive comments on event streams. Proxies and phones drop idle connections after
/// about a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The folders that can run full.
fn folders(config: &Config) -> Vec<Folder> {
    let logs = config.log_file.as_ref().and_then(|file| file.parent()).map(Path::to_owned);
    let mut folders = vec![Folder { name: "uploads", path: config.upload_folder.clone() }];
    folders.extend(logs.map(|path| Folder { name: "logs", path }));
    folders.push(Folder { name: "backups", path: config.backup_folder.clone() });
    folders
}

/// Timeout of Redis for counting a request: far above its latency, far below a noticeable delay.
const REDIS_TIMEOUT: Duration = Duration::from_millis(250);

/// The keys of links and cursors, and those of tokens. A developer's machine generates its own
/// beside the database.
fn keys(config: &Config, ids: &dyn Ids) -> Result<(Keys, Keys)> {
    let (one, other) = match (config.secret_key.clone(), config.jwt_secret_key.clone()) {
        (Some(one), Some(other)) => (one, other),
        (one, other) => {
            let sqlite = config.database_url.expose().expose_secret().strip_prefix("sqlite://");
            let file = Path::new(sqlite.unwrap_or("data/development")).with_extension("keys");
            let [first, second] = of_developer(&file, ids)?;
            (one.unwrap_or(first), other.unwrap_or(second))
        }
    };
    Ok((Keys::new(&one, &config.secret_keys_old), Keys::new(&other, &config.jwt_secret_keys_old)))
}

/// The HTTP application over a database and a file store.
pub fn app(
    config: &Config,
    database: Database,
    context: Context,
    storage: Storage,
    socket: &Socket,
) -> Result<App> {
    let (keys, token_keys) = keys(config, context.ids.as_ref())?;
    let tokens = Tokens::new(
        token_keys,
        seconds(config.jwt_access_token_expires),
        seconds(config.jwt_refresh_token_expires),
    );
    let settings = inspection_http::Settings {
        cors_origins: config.cors_origins.clone().unwrap_or_else(Origins::any).0,
        trusted_proxies: config.trusted_proxies.clone(),
        app_url: config.app_url.as_ref().map(|url| url.0.clone()),
        security_contacts: config.security_contact.0.clone(),
        rate_limits: config.rate_limits,
        redis_url: redis_url(config),
        extra_metrics: gauges::of_machine(&folders(config), &config.backup_folder),
        socket_outlives: socket.outlives,
        https_redirect: config.https_redirect,
        redis_timeout: REDIS_TIMEOUT,
        metrics_token: config.metrics_token.clone(),
        max_content_length: usize::try_from(config.max_content_length.get()).unwrap_or(usize::MAX),
        dashboard_age: Duration::from_secs(config.dashboard_age.into()),
        request_timeout: config.request_timeout,
        write_timeout: config.write_timeout,
        heartbeat: HEARTBEAT,
    };
    let signatures = (Links::new(keys.clone()), Cursors::new(keys));
    Ok(App::new(database, context, tokens, signatures, storage, settings))
}

/// The listening socket: one that systemd holds, so that no connection is refused during a restart,
/// or a new one.
pub fn listen(config: &Config) -> Result<Socket> {
    let inherited =
        ListenFd::from_env().take_tcp_listener(0).context("the socket from systemd can't be used")?;
    let outlives = inherited.is_some();
    let listener = if let Some(inherited) = inherited {
        inherited
    } else {
        let (host, port) = config.address();
        TcpListener::bind((host, port)).with_context(|| format!("can't listen on {host}:{port}"))?
    };
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        config.check_exposure()?;
    }
    Ok(Socket { listener, address, outlives })
}

/// A listening socket.
#[derive(Debug)]
pub struct Socket {
    /// The socket.
    pub listener: TcpListener,
    /// Its address.
    pub address: SocketAddr,
    /// Whether systemd holds it as well, so that it outlives this process.
    pub outlives: bool,
}

/// Serves requests until SIGTERM, and then until requests in flight are finished or time out.
pub fn run(config: &Config, app: App, listener: TcpListener, started: impl FnOnce(Stopper)) -> Result<()> {
    let cores = available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = config.workers.map_or(cores, |workers| usize::try_from(workers.get()).unwrap_or(cores));
    let timeout = config.shutdown_timeout;
    inspection_http::run(app, listener, workers, timeout, started).context("the server stopped")
}
