//! From configuration to a service that runs: the only place that knows all the parts.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    thread::available_parallelism,
    time::Duration,
};

use anyhow::{Context as _, Result};
use inspection_auth::{cursors::Cursors, links::Links, tokens::Tokens};
use inspection_domain::{outbox::OutboxKind, time::Instant};
use inspection_http::{App, ExtraMetric, Stopper};
use inspection_persistence::{Context, Database};
use inspection_scheduler::{
    Background, BackgroundSettings, all_tasks,
    outbox::Handler,
    translations::Translations,
    translator::{OpenAi, OpenAiSettings},
};
use inspection_storage::{S3Settings, Storage};
use listenfd::ListenFd;

use crate::{
    backups,
    config::{Config, Origins, Profile, RedisUrl},
    disk::{Space, space},
    system::{SystemClock, SystemIds},
};

/// The database of a configuration, for many at once. Nothing is connected yet.
pub fn database(config: &Config) -> Result<Database> {
    open(config, config.db_pool_size.get(), config.db_max_overflow)
}

/// The database of a configuration, for one thing after the other: commands, and what comes before the service.
/// The first connection sets a new SQLite file up, which a second one would get in the way of; and a database
/// that can't be reached is reported a few times, not for every place of a pool.
pub fn one_connection(config: &Config) -> Result<Database> {
    open(config, 1, 0)
}

fn open(config: &Config, size: u32, overflow: u32) -> Result<Database> {
    let settings = inspection_persistence::Settings::new(config.database_url.expose().clone());
    Ok(Database::open(inspection_persistence::Settings { size, overflow, ..settings })?)
}

/// Time, randomness and place of a configuration.
pub fn context(config: &Config) -> Context {
    Context {
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        calendar: config.app_timezone.site.clone(),
        translates: config.openai_api_key.is_some(),
    }
}

/// How long a translator may take to answer.
const TRANSLATOR_TIMEOUT: Duration = Duration::from_mins(1);

/// How often to look for what should have happened by itself and hasn't.
const POLL_INTERVAL: Duration = Duration::from_secs(20);

/// A name for this process that no other has.
pub fn instance(context: &Context) -> String {
    format!("{}-{}", std::process::id(), context.ids.unique())
}

/// What happens by itself: the scheduled tasks, if they do here, and what requests leave behind. If it ends without having been told
/// to, that is told.
pub fn background(
    config: &Config,
    database: &Database,
    context: &Context,
    when_dead: impl FnOnce() + Send + 'static,
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
    Ok(Background::start(settings, when_dead)?)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// How long one request to a bucket may take.
const BUCKET_TIMEOUT: Duration = Duration::from_secs(20);

/// The store of files of a configuration. A folder is made if it isn't there; a bucket isn't asked for anything yet.
pub fn storage(config: &Config) -> Result<Storage> {
    let Some(bucket) = &config.storage_url else { return Ok(Storage::local(&config.upload_folder)?) };
    let settings = S3Settings {
        bucket: bucket.name.clone(),
        prefix: bucket.prefix.clone(),
        region: config.aws_region.clone(),
        endpoint: config.aws_endpoint_url.as_ref().map(|endpoint| endpoint.0.clone()),
        credentials: config.aws_access_key_id.clone().zip(config.aws_secret_access_key.clone()),
        request_timeout: BUCKET_TIMEOUT,
    };
    Ok(Storage::s3(&settings, &config.upload_folder)?)
}

/// How often an open stream of events gives a sign of life: proxies and phones forget quiet connections after a minute or so.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What the metrics show besides the service's own: how full the disks are, and how old the newest backup is.
fn readings(config: &Config) -> Vec<ExtraMetric> {
    let places = places(config);
    let read = |name, help, number: fn(&Space) -> u64| {
        places.clone().into_iter().map(move |(place, folder)| ExtraMetric {
            name,
            help,
            label: Some(("place", place)),
            read: Arc::new(move || space(&folder).map(|space| fraction(number(&space)))),
        })
    };
    let backup = |name, help, newest: fn(&Path) -> Option<Instant>| {
        let folder = config.backup_folder.clone();
        let seconds = move || newest(&folder).and_then(|at| u64::try_from(at.as_second()).ok());
        ExtraMetric { name, help, label: None, read: Arc::new(move || seconds().map(fraction)) }
    };
    let made = backup(
        "inspection_last_backup_timestamp_seconds",
        "When the newest backup was begun, in seconds since 1970.",
        |folder| Some(backups::newest(folder).ok()??.created_at),
    );
    let verified = backup(
        "inspection_last_verified_backup_timestamp_seconds",
        "When a backup was last put back for a trial and was whole, in seconds since 1970.",
        |folder| backups::newest_verified(folder).ok()??.verified_at,
    );
    read("inspection_disk_free_bytes", "Bytes that can still be written to a disk.", |space| space.free)
        .chain(read("inspection_disk_size_bytes", "Bytes of a disk.", |space| space.size))
        .chain([made, verified])
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "numbers of metrics are fractions, and no disk is that large")]
fn fraction(number: u64) -> f64 {
    number as f64
}

/// The folders of a configuration that can get full.
pub(crate) fn places(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let logs = config.log_file.as_ref().and_then(|file| file.parent()).map(Path::to_owned);
    let mut places = vec![("uploads", config.upload_folder.clone())];
    places.extend(logs.map(|folder| ("logs", folder)));
    places.push(("backups", config.backup_folder.clone()));
    places
}

/// How long Redis may take to count a request; much longer than it does, much shorter than anybody minds.
const REDIS_PATIENCE: Duration = Duration::from_millis(250);

/// The application over a database and a store of files.
pub fn app(config: &Config, database: Database, context: Context, storage: Storage, socket: &Socket) -> App {
    let tokens = Tokens::new(
        &config.jwt_secret_key,
        seconds(config.jwt_access_token_expires),
        seconds(config.jwt_refresh_token_expires),
    );
    let settings = inspection_http::Settings {
        cors_origins: config.cors_origins.clone().unwrap_or_else(Origins::any).0,
        trusted_proxies: config.trusted_proxies.clone(),
        // Tests sign in more often than people do.
        rate_limits: config.app_env != Profile::Testing,
        redis_url: match &config.redis_url {
            RedisUrl::Memory => None,
            RedisUrl::Server(url) => Some(url.clone()),
        },
        extra_metrics: readings(config),
        socket_outlives: socket.outlives,
        https_redirect: config.https_redirect,
        redis_timeout: REDIS_PATIENCE,
        metrics_token: config.metrics_token.clone(),
        max_content_length: usize::try_from(config.max_content_length.get()).unwrap_or(usize::MAX),
        dashboard_age: Duration::from_secs(config.dashboard_age.into()),
        request_timeout: config.request_timeout,
        heartbeat: HEARTBEAT,
    };
    let signatures = (Links::new(&config.secret_key), Cursors::new(&config.secret_key));
    App::new(database, context, tokens, signatures, storage, settings)
}

/// The address the service listens on from now on: a socket that systemd holds for it, so that nobody is refused while the service
/// restarts, or its own.
pub fn listen(config: &Config) -> Result<Socket> {
    let given = ListenFd::from_env().take_tcp_listener(0).context("the socket from systemd can't be used")?;
    let outlives = given.is_some();
    let listener = if let Some(given) = given {
        given
    } else {
        let (host, port) = config.address();
        TcpListener::bind((host, port)).with_context(|| format!("can't listen on {host}:{port}"))?
    };
    let address = listener.local_addr()?;
    Ok(Socket { listener, address, outlives })
}

/// A socket that the service listens on.
#[derive(Debug)]
pub struct Socket {
    /// The socket.
    pub listener: TcpListener,
    /// Its address.
    pub address: SocketAddr,
    /// Whether somebody else holds it, too, so that it is there when this process has ended.
    pub outlives: bool,
}

/// Answers requests until the process is told to stop, and what is in flight is done or out of time.
pub fn run(config: &Config, app: App, listener: TcpListener, started: impl FnOnce(Stopper)) -> Result<()> {
    let cores = available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = config.workers.map_or(cores, |workers| usize::try_from(workers.get()).unwrap_or(cores));
    let timeout = config.shutdown_timeout;
    inspection_http::run(app, listener, workers, timeout, started).context("the server stopped")
}
