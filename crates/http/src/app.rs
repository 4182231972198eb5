//! What every handler can use, and the doors to the database: the only places that use the pool and leave the
//! threads that answer requests.

use std::{sync::Arc, time::Duration};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use inspection_auth::{cursors::Cursors, links::Links, permissions::Permission, tokens::Tokens};
use inspection_domain::{
    input::Invalid, rule::Forbidden, text::Language, time::Instant, translations::Translated, users::User,
};
use inspection_persistence::{
    Context, Database, DbConnection, Origin, Pool, Result as Stored, Tx, notify::Topic, sessions,
    translations, with_query_stats,
};
use inspection_storage::Storage;
use secrecy::SecretString;
use tokio::sync::{Mutex, Semaphore, watch};

use crate::{
    extract::{Checked, Permit, Public},
    limits::Limits,
    live::Live,
    metrics::{Metrics, Reading},
    problem::Problem,
    reports::SiteNumbers,
    request,
};

/// How the API behaves, from the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Origins whose pages may use the API; `*` stands for any.
    pub cors_origins: Vec<String>,
    /// Networks of proxies whose forwarded addresses are believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Whether requests are limited per client.
    pub rate_limits: bool,
    /// Address of the Redis on which requests are counted for all instances together; without it, each counts its own.
    pub redis_url: Option<SecretString>,
    /// How long Redis may take to count a request; after that it is counted here, and so are others until Redis answers again.
    pub redis_timeout: Duration,
    /// Token that whoever reads the metrics must send; without it, they are read on the machine itself only.
    pub metrics_token: Option<SecretString>,
    /// What the metrics show besides the service's own; those of one name follow each other.
    pub readings: Vec<Reading>,
    /// Whether the socket outlives this process, so that who connects while it ends waits for the next one.
    pub socket_outlives: bool,
    /// Whether requests that came to a trusted proxy without TLS are sent to the same address with it.
    pub https_redirect: bool,
    /// Bytes a body may have.
    pub max_content_length: usize,
    /// How old the numbers of the whole site may be that admins see; nothing counts them for each request.
    pub dashboard_age: Duration,
    /// Time a request may take.
    pub request_timeout: Duration,
    /// How often an open stream of events gives a sign of life, and is looked at whether its session still stands.
    pub heartbeat: Duration,
}

struct Parts {
    database: Database,
    context: Context,
    tokens: Tokens,
    links: Links,
    cursors: Cursors,
    storage: Storage,
    settings: Settings,
    limits: Option<Limits>,
    /// No more than there are connections: requests wait here, in the order in which they came, and not on a blocked thread.
    doors: Arc<Semaphore>,
    /// One for each core: hashing passwords takes memory and all of a core.
    hashing: Arc<Semaphore>,
    /// A way past the doors for whoever asks how the service is, which must not depend on how busy it is.
    probes: Arc<Semaphore>,
    /// For looking at disks and the like, which may hang.
    looks: Arc<Semaphore>,
    /// The open streams of events.
    live: Arc<Live>,
    metrics: Metrics,
    /// What admins' dashboards show.
    site_numbers: SiteNumbers,
    /// Whether files could be kept when that was last tried.
    storage_state: Mutex<Option<(std::time::Instant, bool)>>,
    started_at: Instant,
}

/// What every handler can use. Clones are the same.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl FromRequest for App {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(request.app_data::<Self>().cloned().ok_or_else(|| Problem::internal("no app")))
    }
}

/// Who is asking, and in which language they read.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The person.
    pub(crate) user: User,
    /// Their language for this request.
    pub(crate) language: Language,
}

/// Requests a core works on at the database at once. With more of them nothing gets faster, and each waits for all others
/// at every turn it takes, so that a few take a hundred times as long as most.
const PER_CORE: usize = 4;

/// How long it is believed that files can be kept, or can't. Anybody may ask, and trying costs a write.
const STORAGE_BELIEF: Duration = Duration::from_secs(5);

/// Seconds to wait for a free connection or a place for hashing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where requests wait for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Places {
    /// At the database.
    Database,
    /// For hashing passwords.
    Hashing,
    /// Of those who ask how the service is.
    Probes,
    /// For looking at disks and the like.
    Looks,
}

impl Places {
    pub(crate) const ALL: [Self; 4] = [Self::Database, Self::Hashing, Self::Probes, Self::Looks];

    /// Its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Hashing => "hashing",
            Self::Probes => "probes",
            Self::Looks => "looks",
        }
    }
}

impl App {
    /// The API over these parts.
    pub fn new(
        database: Database,
        context: Context,
        tokens: Tokens,
        (links, cursors): (Links, Cursors),
        storage: Storage,
        settings: Settings,
    ) -> Self {
        inspection_auth::passwords::prepare();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let connections = usize::try_from(database.connections()).unwrap_or(1);
        let doors = Semaphore::new(connections.min(cores * PER_CORE));
        let started_at = context.clock.now();
        Self(Arc::new(Parts {
            site_numbers: SiteNumbers::new(settings.dashboard_age),
            limits: settings.rate_limits.then(|| Limits::new(&settings, crate::routes().limited())),
            live: Arc::default(),
            metrics: Metrics::new(),
            database,
            context,
            tokens,
            links,
            cursors,
            storage,
            settings,
            doors: Arc::new(doors),
            hashing: Arc::new(Semaphore::new(cores)),
            probes: Arc::new(Semaphore::new(2)),
            looks: Arc::new(Semaphore::new(1)),
            storage_state: Mutex::new(None),
            started_at,
        }))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn limits(&self) -> Option<&Limits> {
        self.0.limits.as_ref()
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(crate) fn links(&self) -> &Links {
        &self.0.links
    }

    pub(crate) fn cursors(&self) -> &Cursors {
        &self.0.cursors
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.0.storage
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.0.live
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Whether the limits that instances share can be counted; nothing if each counts its own.
    pub(crate) fn shared_limits_work(&self) -> Option<bool> {
        self.limits()?.shared_ones_work()
    }

    /// Where requests are counted, in words.
    pub(crate) fn rate_limits(&self) -> &'static str {
        match (self.limits(), self.shared_limits_work()) {
            (None, _) => "off",
            (Some(_), None) => "memory",
            (Some(_), Some(true)) => "redis",
            (Some(_), Some(false)) => "memory (redis unreachable)",
        }
    }

    pub(crate) fn subscribe(&self, topic: Topic) -> watch::Receiver<()> {
        self.0.database.subscribe(topic)
    }

    pub(crate) fn site_numbers(&self) -> &SiteNumbers {
        &self.0.site_numbers
    }

    pub(crate) fn context(&self) -> &Context {
        &self.0.context
    }

    pub(crate) fn started_at(&self) -> Instant {
        self.0.started_at
    }

    pub(crate) fn pool(&self) -> Pool {
        self.0.database.pool()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.0.database.is_postgres()
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.context.clock.now()
    }

    /// Leaves the threads that answer requests, for work that blocks. At most as many at once as the semaphore
    /// has places; who waits too long is told to come back.
    async fn blocking<T: Send + 'static>(
        &self,
        places: Places,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let semaphore = match places {
            Places::Database => &self.0.doors,
            Places::Hashing => &self.0.hashing,
            Places::Probes => &self.0.probes,
            Places::Looks => &self.0.looks,
        };
        let place = tokio::time::timeout(PATIENCE, Arc::clone(semaphore).acquire_owned()).await;
        let place = place.map_err(|_| {
            self.0.metrics.refused_a_place(places);
            Problem::unavailable("every place is taken")
        })?;
        let work = move || {
            let done = with_query_stats(work);
            drop(place);
            done
        };
        #[expect(clippy::disallowed_methods, reason = "this is the door that the ban points to")]
        let (value, meter) = web::block(work).await.map_err(Problem::internal)?;
        request::asked_database(meter);
        Ok(value)
    }

    /// Reads for somebody: one trip, in which the session is checked first, then the permission, then the input. What is read is
    /// shown in the reader's language.
    pub(crate) async fn read<P, I, T>(
        &self,
        permit: Permit<P>,
        input: I,
        work: impl FnOnce(&mut DbConnection, &Caller, I::Out) -> Stored<T> + Send + 'static,
    ) -> Result<T, Problem>
    where
        P: Permission,
        I: Checked + Send + 'static,
        T: Translated + Send + 'static,
    {
        let database = self.0.database.clone();
        let outcome = self.blocking(Places::Database, move || {
            database.read(|conn| {
                let caller = admit(conn, &permit)?;
                let mut shown = work(conn, &caller, input.check()?)?;
                translations::show(conn, caller.language, &mut shown)?;
                Ok(shown)
            })
        });
        Ok(outcome.await??)
    }

    /// Carries a unit of work out for somebody: one trip and one transaction, in which the session is checked
    /// first, then the permission, then the input.
    pub(crate) async fn write<P, I, T>(
        &self,
        permit: Permit<P>,
        input: I,
        work: impl FnOnce(&mut Tx<'_>, &Caller, I::Out) -> Stored<T> + Send + 'static,
    ) -> Result<T, Problem>
    where
        P: Permission,
        I: Checked + Send + 'static,
        T: Translated + Send + 'static,
    {
        Ok(self.write_or_else(permit, input, work).await??)
    }

    /// As [`write`](Self::write), for those who have something to do if the work failed.
    pub(crate) async fn write_or_else<P, I, T>(
        &self,
        permit: Permit<P>,
        input: I,
        work: impl FnOnce(&mut Tx<'_>, &Caller, I::Out) -> Stored<T> + Send + 'static,
    ) -> Result<Stored<T>, Problem>
    where
        P: Permission,
        I: Checked + Send + 'static,
        T: Translated + Send + 'static,
    {
        let (database, context) = (self.0.database.clone(), self.0.context.clone());
        let outcome = self.blocking(Places::Database, move || {
            database.write(&context, permit.origin.clone(), |tx| {
                let caller = admit(tx.conn(), &permit)?;
                tx.act_as(caller.user.clone());
                let mut shown = work(tx, &caller, input.check()?)?;
                translations::show(tx.conn(), caller.language, &mut shown)?;
                Ok(shown)
            })
        });
        outcome.await
    }

    /// Carries out what takes several units of work, each of which stands for itself: session, permission and input are
    /// checked first.
    pub(crate) async fn carry_out<P, I, T>(
        &self,
        permit: Permit<P>,
        input: I,
        work: impl FnOnce(&Database, &Context, &Caller, I::Out) -> Stored<T> + Send + 'static,
    ) -> Result<T, Problem>
    where
        P: Permission,
        I: Checked + Send + 'static,
        T: Send + 'static,
    {
        let (database, context) = (self.0.database.clone(), self.0.context.clone());
        let outcome = self.blocking(Places::Database, move || {
            let caller = database.read(|conn| admit(conn, &permit))?;
            work(&database, &context, &caller, input.check()?)
        });
        Ok(outcome.await??)
    }

    /// Checks session, permission and input without doing anything yet, for what comes before a unit of work.
    pub(crate) async fn admit<P, I>(&self, permit: Permit<P>, input: I) -> Result<(Caller, I::Out), Problem>
    where
        P: Permission,
        I: Checked + Send + 'static,
        I::Out: Send + 'static,
    {
        self.carry_out(permit, input, |_, _, caller, input| Ok((caller.clone(), input))).await
    }

    /// Reads for whoever it is.
    pub(crate) async fn read_openly<T: Send + 'static>(
        &self,
        _: Public,
        work: impl FnOnce(&mut DbConnection) -> Stored<T> + Send + 'static,
    ) -> Result<T, Problem> {
        self.look(work).await
    }

    /// Reads for the service itself.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Stored<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let database = self.0.database.clone();
        Ok(self.blocking(Places::Database, move || database.read(work)).await??)
    }

    /// Asks how the database is.
    pub(crate) async fn inspect<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Stored<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let database = self.0.database.clone();
        Ok(self.blocking(Places::Probes, move || work(&database)).await??)
    }

    /// Looks at something beside the database, which may hang: then whoever asks gets no answer, and nobody else waits.
    pub(crate) async fn look_elsewhere<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let looked = tokio::time::timeout(PATIENCE, self.blocking(Places::Looks, work)).await;
        looked.unwrap_or_else(|_| Err(Problem::unavailable("a look takes too long")))
    }

    /// Whether files can be kept. Who asks while it is being tried waits for the outcome.
    pub(crate) async fn can_keep_files(&self) -> bool {
        let mut state = self.0.storage_state.lock().await;
        if let Some((at, outcome)) = *state
            && at.elapsed() < STORAGE_BELIEF
        {
            return outcome;
        }
        let outcome = self.0.storage.probe().await;
        if let Err(error) = &outcome {
            tracing::error!(%error, "files can't be kept");
        }
        *state = Some((std::time::Instant::now(), outcome.is_ok()));
        outcome.is_ok()
    }

    /// Hashes or verifies a password.
    pub(crate) async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.blocking(Places::Hashing, work).await
    }
}

fn admit<P: Permission>(conn: &mut DbConnection, permit: &Permit<P>) -> Stored<Caller> {
    let user = sessions::authenticate(conn, &permit.token.session)?;
    if !P::is_granted_to(&user) {
        return Err(Forbidden("your role may not do this").into());
    }
    let language = Language::negotiate(permit.asked, permit.accepted.as_deref(), Some(user.language));
    Ok(Caller { user, language })
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::from_rule(&invalid)
    }
}

/// Where the request comes from, for the audit trail.
pub(crate) fn origin(request: &HttpRequest) -> Origin {
    let address = request
        .app_data::<App>()
        .map(|app| crate::limits::client_address(request, &app.settings().trusted_proxies).to_string());
    Origin { address, request_id: crate::request::current_id() }
}
