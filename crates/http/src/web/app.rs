//! The [`App`]: the services that handlers use, and the only entry points to the connection pool
//! and the blocking thread pool.

use std::{sync::Arc, time::Duration};

use actix_web::web;
use inspection_auth::{cursors::Cursors, links::Links, permissions::Permission, tokens::Tokens};
use inspection_domain::{
    idempotency::{KeyedRequest, is_final},
    retention,
    rule::Forbidden,
    text::Language,
    time::{Date, Instant},
    translations::Translated,
    users::User,
    versions::Precondition,
};
use inspection_persistence::{
    self as persistence, Context, Database, DbConnection, Pool, ReplicaReads, Tx, idempotency, notify::Topic,
    sessions, translations, versions, with_query_stats,
};
use inspection_storage::Storage;
use tokio::sync::{Mutex, OwnedSemaphorePermit, watch};

use super::{
    bulkhead::{Bulkhead, Bulkheads},
    input::Validate,
    metrics::Metrics,
    permit::{Permit, Public, RequestOrigin},
    prefix::Prefix,
    problem::Problem,
    rendered::Rendered,
    reply::Render,
    request_context::{self, Keyed},
    settings::Settings,
};

/// How long a storage probe result is cached. `/health/ready` is public, and a probe costs a write.
const STORAGE_PROBE_CACHE: Duration = Duration::from_secs(5);

/// Time limit for probing an external resource.
const EXTERNAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Path of the page to change a password.
pub(crate) const PASSWORD_PAGE: &str = "/password";

/// Why work on the database has no result.
#[derive(Debug)]
pub(crate) enum WorkError {
    /// The work didn't run, or its outcome is lost.
    NotRun(Problem),
    /// The work failed.
    Failed(persistence::Error),
}

impl From<WorkError> for Problem {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::NotRun(problem) => problem,
            WorkError::Failed(error) => error.into(),
        }
    }
}

struct AppState {
    database: Database,
    context: Context,
    tokens: Tokens,
    links: Links,
    cursors: Cursors,
    storage: Storage,
    settings: Settings,
    bulkheads: Bulkheads,
    metrics: Metrics,
    /// Time and outcome of the last storage probe.
    storage_probe: Mutex<Option<(std::time::Instant, bool)>>,
    started_at: Instant,
}

/// The services that handlers use. Clones share them.
#[derive(Clone)]
pub struct App(Arc<AppState>);

/// The authorized user of a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The user.
    pub(crate) user: User,
    /// Negotiated language of the response.
    pub(crate) language: Language,
    /// Prefix of links in the response.
    pub(crate) prefix: Prefix,
    /// Time of the request.
    pub(crate) now: Instant,
    /// Date of the request at the site.
    pub(crate) today: Date,
}

impl Caller {
    /// Checks that the session is active, then that the user needn't change the password first,
    /// then that the user's role grants the permission.
    fn authorize<P: Permission>(
        conn: &mut DbConnection,
        permit: &Permit<P>,
        context: &Context,
        now: Instant,
    ) -> persistence::Result<Self> {
        let user = sessions::authenticate(conn, &permit.token.session, now)?;
        let language = permit.reader.language_of(&user);
        P::validate_password_of(&user, || permit.reader.address(PASSWORD_PAGE))?;
        if !P::is_granted_to(&user) {
            return Err(Forbidden("your role may not do this").into());
        }
        let prefix = permit.reader.prefix.clone();
        Ok(Self { user, language, prefix, now, today: context.calendar.working_day(now) })
    }
}

/// The valid input. The unit of work fails unless it changes the resource that the path names in a
/// version that meets the condition.
fn checked<I: Validate>(
    tx: &mut Tx<'_>,
    if_match: Option<Precondition>,
    input: I,
) -> persistence::Result<I::Out> {
    let target = input.target();
    let input = input.validate()?;
    if let Some(condition) = if_match {
        tx.expect(target, condition)?;
    }
    Ok(input)
}

/// A read for an authorized user: authorizes, validates the input, reads, and translates the result
/// into the user's language.
fn read_for<P, I, T>(
    context: Context,
    permit: Permit<P>,
    input: I,
    work: impl FnOnce(&mut DbConnection, &Caller, I::Out) -> persistence::Result<T>,
) -> impl FnOnce(&mut DbConnection) -> persistence::Result<T>
where
    P: Permission,
    I: Validate,
    T: Translated,
{
    move |conn| {
        let caller = Caller::authorize(conn, &permit, &context, context.clock.now())?;
        let mut shown = work(conn, &caller, input.validate()?)?;
        translations::show(conn, caller.language, &mut shown)?;
        Ok(shown)
    }
}

impl App {
    /// An app over these services. The route table and the rate limits are added by
    /// [`run`](crate::run).
    pub fn new(
        database: Database,
        context: Context,
        tokens: Tokens,
        (links, cursors): (Links, Cursors),
        storage: Storage,
        settings: Settings,
    ) -> Self {
        inspection_auth::passwords::prepare();
        let connections = usize::try_from(database.connections()).unwrap_or(1);
        let started_at = context.clock.now();
        Self(Arc::new(AppState {
            bulkheads: Bulkheads::new(connections),
            metrics: Metrics::new(),
            database,
            context,
            tokens,
            links,
            cursors,
            storage,
            settings,
            storage_probe: Mutex::new(None),
            started_at,
        }))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
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

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Subscribes to post-commit notifications of a topic.
    pub(crate) fn subscribe(&self, topic: Topic) -> watch::Receiver<()> {
        self.0.database.subscribe(topic)
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

    pub(crate) fn replica_reads(&self) -> Option<ReplicaReads> {
        self.0.database.replica_reads()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.0.database.is_postgres()
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.context.clock.now()
    }

    /// Runs `work` on the blocking thread pool, behind a bulkhead.
    async fn blocking<T: Send + 'static>(
        &self,
        bulkhead: Bulkhead,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let admission = self.admission(bulkhead).await?;
        self.admitted(admission, work).await
    }

    /// Waits for admission to a bulkhead.
    async fn admission(&self, bulkhead: Bulkhead) -> Result<OwnedSemaphorePermit, Problem> {
        let admission = self.0.bulkheads.admission(bulkhead).await;
        admission.ok_or_else(|| {
            self.0.metrics.bulkhead_full(bulkhead);
            Problem::unavailable("too many concurrent requests")
        })
    }

    /// Runs admitted `work` on the blocking thread pool.
    async fn admitted<T: Send + 'static>(
        &self,
        admission: OwnedSemaphorePermit,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let work = move || {
            let done = with_query_stats(work);
            drop(admission);
            done
        };
        #[expect(clippy::disallowed_methods, reason = "the bulkheads that the ban refers to")]
        let (value, stats) = web::block(work).await.map_err(Problem::internal)?;
        request_context::add_query_stats(stats);
        Ok(value)
    }

    /// Runs work on the database, behind a bulkhead.
    async fn blocking_database<T: Send + 'static>(
        &self,
        bulkhead: Bulkhead,
        work: impl FnOnce() -> persistence::Result<T> + Send + 'static,
    ) -> Result<T, WorkError> {
        self.blocking(bulkhead, work).await.map_err(WorkError::NotRun)?.map_err(WorkError::Failed)
    }

    /// Reads for an authorized user, on one connection: authorizes, validates the input, reads, and
    /// translates the result into the user's language.
    pub(crate) async fn read<P, I, T>(
        &self,
        permit: Permit<P>,
        input: I,
        work: impl FnOnce(&mut DbConnection, &Caller, I::Out) -> persistence::Result<T> + Send + 'static,
    ) -> Result<T, Problem>
    where
        P: Permission,
        I: Validate + Send + 'static,
        T: Translated + Send + 'static,
    {
        let (database, context) = (self.0.database.clone(), self.0.context.clone());
        let read = read_for(context, permit, input, work);
        Ok(self.blocking_database(Bulkhead::Database, move || database.read(read)).await?)
    }

    /// [`read`](Self::read), for reads that may take long: on the replica of the database, if there
    /// is one.
    pub(crate) async fn report<P, I, T>(
        &self,
        permit: Permit<P>,
        input: I,
        work: impl FnOnce(&mut DbConnection, &Caller, I::Out) -> persistence::Result<T> + Send + 'static,
    ) -> Result<T, Problem>
    where
        P: Permission,
        I: Validate + Send + 'static,
        T: Translated + Send + 'static,
    {
        let (database, context) = (self.0.database.clone(), self.0.context.clone());
        // A replica that hangs must not hold up other requests.
        let bulkhead = if self.replica_reads().is_some() { Bulkhead::Reports } else { Bulkhead::Database };
        let read = read_for(context, permit, input, work);
        Ok(self.blocking_database(bulkhead, move || database.read_report(read)).await?)
    }

    /// Runs a unit of work for an authorized user, in one transaction: authorizes, validates the
    /// input, runs the work, translates the reply into the user's language, and renders it. A
    /// request that is sent again with its idempotency key gets the first response instead, and a
    /// request with `If-Match` fails if the resource is in another version (§15).
    pub(crate) async fn write<P, I, R>(
        &self,
        permit: Permit<P>,
        input: I,
        work: impl FnOnce(&mut Tx<'_>, &Caller, I::Out) -> persistence::Result<R> + Send + 'static,
    ) -> Result<Rendered<R>, Problem>
    where
        P: Permission,
        I: Validate + Send + 'static,
        R: Render + Translated + 'static,
    {
        Ok(self.try_write(permit, input, work).await?)
    }

    /// [`write`](Self::write), for callers that compensate when the unit of work fails.
    pub(crate) async fn try_write<P, I, R>(
        &self,
        permit: Permit<P>,
        input: I,
        work: impl FnOnce(&mut Tx<'_>, &Caller, I::Out) -> persistence::Result<R> + Send + 'static,
    ) -> Result<Rendered<R>, WorkError>
    where
        P: Permission,
        I: Validate + Send + 'static,
        R: Render + Translated + 'static,
    {
        let request = self.keyed_request().map_err(WorkError::NotRun)?;
        let (keyed, if_match) = (request.clone(), permit.if_match.clone());
        let outcome = self
            .in_transaction(permit.clone(), move |tx, caller| {
                if let Some(request) = &keyed
                    && let Some(first) = idempotency::claim(tx, request)?
                {
                    return Ok(Rendered::replayed(first));
                }
                let input = checked(tx, if_match, input)?;
                let mut reply = work(tx, caller, input)?;
                translations::show(tx.conn(), caller.language, &mut reply)?;
                reply.warn(tx.take_warnings());
                let response =
                    Rendered::new(&reply, caller.language).map_err(persistence::Error::unserializable)?;
                if let Some(request) = &keyed {
                    idempotency::store(tx, request, response.status(), response.body())?;
                }
                Ok(response)
            })
            .await;
        if let (Err(WorkError::Failed(persistence::Error::Rule(rule))), Some(request)) = (&outcome, request) {
            self.keep_refusal(permit, request, &Problem::from_rule(rule.as_ref())).await;
        }
        outcome
    }

    /// The current request, if it has an idempotency key.
    fn keyed_request(&self) -> Result<Option<KeyedRequest>, Problem> {
        let Some(Keyed { key, operation, body }) = request_context::keyed() else { return Ok(None) };
        let fingerprint = if body.is_empty() {
            String::new()
        } else {
            let fingerprint = self.tokens().fingerprint(&body);
            fingerprint.ok_or_else(|| Problem::internal("signing a fingerprint failed"))?
        };
        Ok(Some(KeyedRequest { key, operation, fingerprint }))
    }

    /// Stores a refusal as the response to a request, if it is final. The refused request has
    /// changed nothing, so a failure here is harmless: the request is handled again.
    async fn keep_refusal<P: Permission>(&self, permit: Permit<P>, request: KeyedRequest, refusal: &Problem) {
        let Ok((status, body)) = refusal.rendered() else { return };
        if is_final(status) {
            let kept = self.in_transaction(permit, move |tx, _| {
                idempotency::store_afterwards(tx, request, status, body)
            });
            if let Err(error) = kept.await {
                tracing::warn!(?error, "a refusal is not stored for its idempotency key");
            }
        }
    }

    /// Runs a unit of work for an authorized user whose response is never replayed: it contains
    /// tokens, or the request is idempotent.
    pub(crate) async fn transact<P, I, T>(
        &self,
        permit: Permit<P>,
        input: I,
        work: impl FnOnce(&mut Tx<'_>, &Caller, I::Out) -> persistence::Result<T> + Send + 'static,
    ) -> Result<T, Problem>
    where
        P: Permission,
        I: Validate + Send + 'static,
        T: Send + 'static,
    {
        let if_match = permit.if_match.clone();
        let work = |tx: &mut Tx<'_>, caller: &Caller| {
            let input = checked(tx, if_match, input)?;
            work(tx, caller, input)
        };
        let work = self.in_transaction(permit, work);
        Ok(work.await?)
    }

    /// Authorizes and works in one transaction.
    async fn in_transaction<P: Permission, T: Send + 'static>(
        &self,
        permit: Permit<P>,
        work: impl FnOnce(&mut Tx<'_>, &Caller) -> persistence::Result<T> + Send + 'static,
    ) -> Result<T, WorkError> {
        let (database, context) = (self.0.database.clone(), self.0.context.clone());
        let outcome = self.blocking_database(Bulkhead::Database, move || {
            database.write(&context, permit.origin.clone(), |tx| {
                let now = tx.now;
                let caller = Caller::authorize(tx.conn(), &permit, &context, now)?;
                tx.act_as(caller.user.clone());
                work(tx, &caller)
            })
        });
        outcome.await
    }

    /// Runs several units of work for an authorized user, each in its own transaction. Authorizes
    /// and validates the input first. The work returns a response and whether it is final: a part
    /// of the request that must be sent again makes it provisional. A final response is stored for
    /// the idempotency key of the request afterwards, so each unit of work must be idempotent
    /// itself.
    pub(crate) async fn write_in_steps<P, I, R>(
        &self,
        permit: Permit<P>,
        input: I,
        work: impl FnOnce(&Database, &Context, &Caller, I::Out) -> persistence::Result<(R, bool)> + Send + 'static,
    ) -> Result<Rendered<R>, Problem>
    where
        P: Permission,
        I: Validate + Send + 'static,
        R: Render + 'static,
    {
        let (database, context) = (self.0.database.clone(), self.0.context.clone());
        let request = self.keyed_request()?;
        let outcome = self.blocking_database(Bulkhead::Database, move || {
            let now = context.clock.now();
            let since = retention::since(now, context.retention.idempotency_keys);
            let caller = database.read(|conn| Caller::authorize(conn, &permit, &context, now))?;
            let first = match &request {
                Some(request) => {
                    database.read(|conn| idempotency::find_response(conn, caller.user.id, request, since))?
                }
                None => None,
            };
            if let Some(first) = first {
                return Ok(Rendered::replayed(first));
            }
            let target = input.target();
            let input = input.validate()?;
            if let Some(condition) = &permit.if_match {
                database.read(|conn| versions::validate(conn, target, condition))?;
            }
            let (reply, is_final) = work(&database, &context, &caller, input)?;
            let response =
                Rendered::new(&reply, caller.language).map_err(persistence::Error::unserializable)?;
            if let Some(request) = request.filter(|_| is_final) {
                let (status, body) = (response.status(), response.body().to_owned());
                database.write(&context, permit.origin.clone(), |tx| {
                    tx.act_as(caller.user.clone());
                    idempotency::store_afterwards(tx, request, status, body)
                })?;
            }
            Ok(response)
        });
        Ok(outcome.await?)
    }

    /// Authorizes and validates the input ahead of the unit of work.
    pub(crate) async fn authorize<P, I>(
        &self,
        permit: Permit<P>,
        input: I,
    ) -> Result<(Caller, I::Out), Problem>
    where
        P: Permission,
        I: Validate + Send + 'static,
        I::Out: Send + 'static,
    {
        let (database, context) = (self.0.database.clone(), self.0.context.clone());
        let outcome = self.blocking_database(Bulkhead::Database, move || {
            let now = context.clock.now();
            let caller = database.read(|conn| Caller::authorize(conn, &permit, &context, now))?;
            Ok((caller, input.validate()?))
        });
        Ok(outcome.await?)
    }

    /// Runs a unit of work without authorization.
    pub(crate) async fn write_public<T: Send + 'static>(
        &self,
        _: Public,
        RequestOrigin(origin): RequestOrigin,
        work: impl FnOnce(&mut Tx<'_>) -> persistence::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let (database, context) = (self.0.database.clone(), self.0.context.clone());
        let write = move || database.write(&context, origin, work);
        Ok(self.blocking_database(Bulkhead::Database, write).await?)
    }

    /// Reads without authorization.
    pub(crate) async fn read_public<T: Send + 'static>(
        &self,
        _: Public,
        work: impl FnOnce(&mut DbConnection) -> persistence::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        self.read_internal(work).await
    }

    /// Reads on behalf of the service itself.
    pub(crate) async fn read_internal<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> persistence::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let database = self.0.database.clone();
        Ok(self.blocking_database(Bulkhead::Database, move || database.read(work)).await?)
    }

    /// Probes the database, independently of the load.
    pub(crate) async fn probe<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> persistence::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let database = self.0.database.clone();
        Ok(self.blocking_database(Bulkhead::Probes, move || work(&database)).await?)
    }

    /// Probes an external resource that may hang. Fails after [`EXTERNAL_TIMEOUT`]; other requests
    /// are not affected.
    pub(crate) async fn probe_external<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let probed = self.blocking(Bulkhead::External, work);
        let probed = tokio::time::timeout(EXTERNAL_TIMEOUT, probed).await;
        probed.unwrap_or_else(|_| Err(Problem::unavailable("probing an external resource timed out")))
    }

    /// Whether the file store is writable. Concurrent callers share one probe.
    pub(crate) async fn can_store_files(&self) -> bool {
        let mut state = self.0.storage_probe.lock().await;
        if let Some((at, outcome)) = *state
            && at.elapsed() < STORAGE_PROBE_CACHE
        {
            return outcome;
        }
        let outcome = self.0.storage.probe().await;
        if let Err(error) = &outcome {
            tracing::error!(%error, "the file store is not writable");
        }
        *state = Some((std::time::Instant::now(), outcome.is_ok()));
        outcome.is_ok()
    }

    /// Generates a document: collects its input and renders it, behind one bulkhead, which bounds
    /// the memory of both.
    pub(crate) async fn make_document<I: Send + 'static, T: Send + 'static>(
        &self,
        input: impl Future<Output = I>,
        render: impl FnOnce(I) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let admission = self.admission(Bulkhead::Documents).await?;
        let input = input.await;
        self.admitted(admission, move || render(input)).await
    }

    /// Hashes or verifies a password.
    pub(crate) async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.blocking(Bulkhead::Hashing, work).await
    }
}
