//! Metrics, in the text format of Prometheus: what requests came to, and how this process and what it rests on are.

use std::{fmt, sync::Arc, time::Duration};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, Responder,
    dev::Payload,
    http::{Method, StatusCode, header},
};
use inspection_auth::tokens::TokenRule;
use inspection_domain::{
    rule::Forbidden,
    tasks::TaskName,
    time::{Instant, SiteTimeZone},
};
use inspection_persistence::{Database, files, outbox, tasks};
use prometheus::{
    Encoder, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, TextEncoder, core::Collector,
};
use secrecy::ExposeSecret;

use crate::{
    app::{App, Places},
    docs::{Describe, Operation},
    extract::Public,
    problem::Problem,
    routes::Routes,
};

/// The endpoint of the metrics.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/metrics", show, "Metrics, in the text format of Prometheus");
}

/// A number that the metrics show besides those of the service itself, such as the free space of a disk.
#[derive(Clone)]
pub struct Reading {
    /// Name of the metric.
    pub name: &'static str,
    /// What it is, in which unit.
    pub help: &'static str,
    /// What this one is of: name and value of a label.
    pub label: Option<(&'static str, &'static str)>,
    /// Reads it; nothing if it can't be read.
    pub read: Arc<dyn Fn() -> Option<f64> + Send + Sync>,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("name", &self.name)
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// Upper ends of the classes of times, in seconds.
const TIMES: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// What is counted while the service runs.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    rate_limited: IntCounterVec,
    sign_in_failures: IntCounter,
    pool_refusals: IntCounterVec,
}

/// A metric of this registry.
fn registered<C: Collector + Clone + 'static>(registry: &Registry, metric: prometheus::Result<C>) -> C {
    let registered = metric.and_then(|metric| registry.register(Box::new(metric.clone())).map(|()| metric));
    registered.unwrap_or_else(|error| unreachable!("names of metrics are fixed: {error}"))
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    registered(registry, IntCounter::new(name, help))
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let times = HistogramOpts::new(
            "inspection_http_request_duration_seconds",
            "Time until the answer to a request began.",
        );
        let times = HistogramVec::new(times.buckets(TIMES.to_vec()), &["method", "route"]);
        let in_flight =
            IntGauge::new("inspection_http_requests_in_flight", "Requests that are being answered.");
        Self {
            requests: counters(
                &registry,
                "inspection_http_requests_total",
                "Requests that were answered.",
                &["method", "route", "status"],
            ),
            durations: registered(&registry, times),
            in_flight: registered(&registry, in_flight),
            rate_limited: counters(
                &registry,
                "inspection_rate_limited_total",
                "Requests refused because their client made too many.",
                &["limit"],
            ),
            sign_in_failures: counter(
                &registry,
                "inspection_sign_in_failures_total",
                "Attempts to sign in with a wrong password, an unknown address or a disabled account.",
            ),
            pool_refusals: {
                let help = "Requests refused because they waited too long for a place.";
                let refusals = counters(&registry, "inspection_pool_waits_refused_total", help, &["place"]);
                // Shown before there is one, so that the first is an increase.
                for places in Places::ALL {
                    refusals.with_label_values(&[places.name()]).inc_by(0);
                }
                refusals
            },
            registry,
        }
    }

    /// A request begins; it is over when this is dropped.
    pub(crate) fn begun(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// A request was answered.
    pub(crate) fn answered(&self, method: &Method, route: &str, status: StatusCode, time: Duration) {
        // Clients make methods up.
        let method = match method.as_str() {
            known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH") => known,
            _ => "other",
        };
        self.requests.with_label_values(&[method, route, status.as_str()]).inc();
        self.durations.with_label_values(&[method, route]).observe(time.as_secs_f64());
    }

    /// A limit has refused a request.
    pub(crate) fn rate_limited(&self, limit: &str) {
        self.rate_limited.with_label_values(&[limit]).inc();
    }

    /// Somebody has failed to sign in.
    pub(crate) fn sign_in_failed(&self) {
        self.sign_in_failures.inc();
    }

    /// A request has waited too long for a place.
    pub(crate) fn refused_a_place(&self, places: Places) {
        self.pool_refusals.with_label_values(&[places.name()]).inc();
    }
}

/// A request under way.
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Whoever may read the metrics: who has the token for it, or, if there is none, a program on the machine itself.
struct Reader;

impl Reader {
    fn admit(app: &App, request: &HttpRequest) -> Result<Self, Problem> {
        let Some(token) = &app.settings().metrics_token else {
            let is_local = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
            // A proxy on this machine asks for somebody else.
            let is_forwarded =
                ["x-forwarded-for", "forwarded"].iter().any(|name| request.headers().contains_key(*name));
            return if is_local && !is_forwarded {
                Ok(Self)
            } else {
                Err(Problem::from_rule(&Forbidden("metrics are read on the machine itself, or with a token")))
            };
        };
        let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = header
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match given {
            None => Err(TokenRule::Missing.into()),
            Some((_, given)) if inspection_auth::tokens::is_same(given.trim(), token.expose_secret()) => {
                Ok(Self)
            }
            Some(_) => Err(TokenRule::Invalid.into()),
        }
    }
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app = request.app_data::<App>().ok_or_else(|| Problem::internal("no app"));
        std::future::ready(app.and_then(|app| Self::admit(app, request)))
    }
}

impl Describe for Reader {
    fn describe(operation: &mut Operation) {
        operation.error(401, "The token for metrics is missing or wrong.");
        operation.error(403, "There is no such token, and the request comes from another machine.");
    }
}

/// Text that Prometheus reads.
struct Text(Vec<u8>);

impl Responder for Text {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(self.0)
    }
}

impl Describe for Text {
    fn describe(operation: &mut Operation) {
        operation.text("text/plain", "Metrics.");
    }
}

/// What has to be asked of the database.
struct Stored {
    depth: outbox::Depth,
    files: (i64, i64),
    done_until: Vec<(TaskName, Instant)>,
}

fn stored(database: &Database) -> inspection_persistence::Result<Stored> {
    database.read(|conn| {
        Ok(Stored {
            depth: outbox::depth(conn)?,
            files: files::usage(conn)?,
            done_until: tasks::done_until(conn)?,
        })
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of metrics are fractions, and none here is that large"
)]
fn number(value: i64) -> f64 {
    value as f64
}

/// Gauges that are read when somebody asks for them.
struct Snapshot(Registry);

impl Snapshot {
    fn gauge(&self, name: &str, help: &str, value: f64) {
        registered(&self.0, Gauge::new(name, help)).set(value);
    }

    fn gauges<'a>(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, f64)>,
    ) {
        let gauges = registered(&self.0, GaugeVec::new(Opts::new(name, help), &[label]));
        for (of, value) in values {
            gauges.with_label_values(&[of]).set(value);
        }
    }
}

/// Readings of one name, with the value of the label of each.
struct Read {
    name: &'static str,
    help: &'static str,
    label: Option<&'static str>,
    values: Vec<(&'static str, f64)>,
}

/// Reads everything that the server adds; what can't be read is left out. Blocks: it may look at disks.
fn read(readings: &[Reading]) -> Vec<Read> {
    let alike = readings.chunk_by(|one, other| one.name == other.name);
    alike
        .filter_map(|alike| {
            let first = alike.first()?;
            let value = |one: &Reading| Some((one.label.map_or("", |(_, of)| of), (one.read)()?));
            let values = alike.iter().filter_map(value).collect();
            Some(Read {
                name: first.name,
                help: first.help,
                label: first.label.map(|(label, _)| label),
                values,
            })
        })
        .collect()
}

impl Snapshot {
    fn service(&self, app: &App, has_database: bool, has_storage: bool) {
        let redis = app.shared_limits_work().map(|works| ("redis", works));
        let up = [("database", has_database), ("storage", has_storage)].into_iter().chain(redis);
        let up = up.map(|(part, is_up)| (part, f64::from(u8::from(is_up))));
        self.gauges("inspection_up", "Whether what the service rests on works.", "part", up);
        let pool = app.pool();
        let pool = [("most", pool.most), ("open", pool.open), ("idle", pool.idle)];
        let pool = pool.map(|(state, count)| (state, count.into()));
        self.gauges("inspection_pool_connections", "Connections to the database.", "state", pool);
    }

    fn stored(&self, stored: &Stored, now: Instant, calendar: &SiteTimeZone) {
        let depth = &stored.depth;
        let jobs = [("pending", depth.pending), ("running", depth.running), ("dead", depth.dead)];
        let jobs = jobs.map(|(status, count)| (status, number(count)));
        self.gauges("inspection_outbox_jobs", "Jobs of the outbox.", "status", jobs);
        let waiting = depth.oldest.map_or(0, |oldest| (now.as_second() - oldest.as_second()).max(0));
        let help = "Seconds since the oldest job of the outbox was due.";
        self.gauge("inspection_outbox_oldest_due_seconds", help, number(waiting));
        let late = TaskName::ALL.iter().map(|task| {
            let done = stored.done_until.iter().find(|(done, _)| done == task).map(|(_, at)| *at);
            (task.as_str(), number(task.schedule().seconds_late(done, now, calendar)))
        });
        let help = "Seconds since a scheduled task should have been run.";
        self.gauges("inspection_task_late_seconds", help, "task", late);
        let (files, bytes) = stored.files;
        self.gauge("inspection_storage_files", "Files on record.", number(files));
        self.gauge("inspection_storage_bytes", "Bytes of the files on record.", number(bytes));
    }

    fn elsewhere(&self, read: Vec<Read>) {
        for Read { name, help, label, values } in read {
            match (label, values.first()) {
                (Some(label), _) => self.gauges(name, help, label, values),
                (None, Some((_, value))) => self.gauge(name, help, *value),
                (None, None) => {}
            }
        }
    }
}

async fn show(app: App, _: Public, _: Reader) -> Result<Text, Problem> {
    let readings = app.settings().readings.clone();
    let stored = app.inspect(stored).await.ok();
    // A disk that hangs keeps nobody else waiting.
    let read = app.look_elsewhere(move || read(&readings)).await.unwrap_or_default();
    let snapshot = Snapshot(Registry::new());
    snapshot.service(&app, stored.is_some(), app.can_keep_files().await);
    if let Some(stored) = stored {
        snapshot.stored(&stored, app.now(), &app.context().calendar);
    }
    snapshot.elsewhere(read);
    let mut text = Vec::new();
    for registry in [&app.metrics().registry, &snapshot.0] {
        TextEncoder::new().encode(&registry.gather(), &mut text).map_err(Problem::internal)?;
    }
    Ok(Text(text))
}
