//! `GET /metrics`: the counters of the process and a snapshot of its dependencies, as Prometheus
//! text.

use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, dev::Payload, http::header};
use inspection_auth::tokens::TokenRule;
use inspection_domain::{
    invariants::Invariant,
    rule::Forbidden,
    tasks::TaskName,
    time::{Instant, SiteTimeZone},
};
use inspection_persistence::{self as persistence, Database, files, invariants, outbox, tasks};
use prometheus::{Encoder, Gauge, GaugeVec, IntCounterVec, Opts, Registry, TextEncoder};
use secrecy::ExposeSecret;

use crate::web::{
    app::App,
    extract::State,
    limits::Limits,
    metrics::registered,
    openapi::{Describe, Operation},
    permit::Public,
    problem::Problem,
    routes::Routes,
    settings::ExtraMetric,
};

/// Endpoint of the metrics.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("metrics", "Metrics for monitoring");
    routes.get("/metrics", "metrics.show", show, "Metrics, in the text format of Prometheus");
}

/// Proof that the client may read the metrics: it sent the token or, if none is configured, is a
/// program on the same machine.
struct MetricsAccess;

impl MetricsAccess {
    fn authorize(app: &App, request: &HttpRequest) -> Result<Self, Problem> {
        let Some(token) = &app.settings().metrics_token else {
            let is_local = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
            // A local proxy forwards requests of remote clients.
            let is_forwarded =
                ["x-forwarded-for", "forwarded"].iter().any(|name| request.headers().contains_key(*name));
            return if is_local && !is_forwarded {
                Ok(Self)
            } else {
                Err(Problem::from_rule(&Forbidden(
                    "metrics require a token, or a connection from the same machine",
                )))
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

impl FromRequest for MetricsAccess {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app =
            request.app_data::<App>().ok_or_else(|| Problem::internal("the application data has no app"));
        std::future::ready(app.and_then(|app| Self::authorize(app, request)))
    }
}

impl Describe for MetricsAccess {
    fn describe(operation: &mut Operation) {
        operation.errors(&[401, 403]);
    }
}

/// A body in the Prometheus text format.
struct MetricsText(Vec<u8>);

impl Responder for MetricsText {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(self.0)
    }
}

impl Describe for MetricsText {
    fn describe(operation: &mut Operation) {
        operation.text("text/plain", "Metrics.");
    }
}

/// Numbers read from the database.
struct DatabaseNumbers {
    depth: outbox::Depth,
    files: (i64, i64),
    done_until: Vec<(TaskName, Instant)>,
    violations: Vec<(Invariant, i64)>,
}

fn database_numbers(database: &Database) -> persistence::Result<DatabaseNumbers> {
    database.read(|conn| {
        Ok(DatabaseNumbers {
            depth: outbox::depth(conn)?,
            files: files::usage(conn)?,
            done_until: tasks::done_until(conn)?,
            violations: invariants::violations(conn)?,
        })
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus values are floats, and all numbers here are below 2^52"
)]
fn number(value: i64) -> f64 {
    value as f64
}

/// Gauges that are read on request.
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

    fn counters(&self, name: &str, help: &str, label: &str, values: [(&str, u64); 2]) {
        let counters = registered(&self.0, IntCounterVec::new(Opts::new(name, help), &[label]));
        for (of, value) in values {
            counters.with_label_values(&[of]).inc_by(value);
        }
    }
}

/// Values of one extra metric, by label value.
struct ExtraValues {
    name: &'static str,
    help: &'static str,
    label: Option<&'static str>,
    values: Vec<(&'static str, f64)>,
}

/// Reads the extra metrics; omits those that are not available. Blocks.
fn read_extra(metrics: &[ExtraMetric]) -> Vec<ExtraValues> {
    let alike = metrics.chunk_by(|one, other| one.name == other.name);
    alike
        .filter_map(|alike| {
            let first = alike.first()?;
            let value = |one: &ExtraMetric| Some((one.label.map_or("", |(_, of)| of), (one.read)()?));
            let values = alike.iter().filter_map(value).collect();
            Some(ExtraValues {
                name: first.name,
                help: first.help,
                label: first.label.map(|(label, _)| label),
                values,
            })
        })
        .collect()
}

impl Snapshot {
    fn service(&self, app: &App, limits: &Limits, has_database: bool, has_storage: bool) {
        let redis = limits.is_redis_up().map(|works| ("redis", works));
        let up = [("database", has_database), ("storage", has_storage)].into_iter().chain(redis);
        let up = up.map(|(part, is_up)| (part, f64::from(u8::from(is_up))));
        self.gauges("inspection_up", "Whether a dependency of the service works.", "part", up);
        let pool = app.pool();
        let pool = [("most", pool.most), ("open", pool.open), ("idle", pool.idle)];
        let pool = pool.map(|(state, count)| (state, count.into()));
        self.gauges("inspection_pool_connections", "Connections to the database.", "state", pool);
        if let Some(reads) = app.replica_reads() {
            let reads = [("replica", reads.on_replica), ("primary", reads.on_primary)];
            let help = "Reports by the server that read them: the primary, if the replica can't.";
            self.counters("inspection_report_reads_total", help, "server", reads);
        }
    }

    fn database(&self, numbers: &DatabaseNumbers, now: Instant, calendar: &SiteTimeZone) {
        let depth = &numbers.depth;
        let jobs = [("pending", depth.pending), ("running", depth.running), ("dead", depth.dead)];
        let jobs = jobs.map(|(status, count)| (status, number(count)));
        self.gauges("inspection_outbox_jobs", "Outbox jobs.", "status", jobs);
        let waiting = depth.oldest.map_or(0, |oldest| (now.as_second() - oldest.as_second()).max(0));
        let help = "Seconds since the oldest outbox job was due.";
        self.gauge("inspection_outbox_oldest_due_seconds", help, number(waiting));
        let late = TaskName::ALL.iter().map(|task| {
            let done = numbers.done_until.iter().find(|(done, _)| done == task).map(|(_, at)| *at);
            (task.as_str(), number(task.schedule().seconds_late(done, now, calendar)))
        });
        let help = "Seconds since the last missed run of a scheduled task was due.";
        self.gauges("inspection_task_late_seconds", help, "task", late);
        let violations = numbers.violations.iter().map(|(name, count)| (name.as_str(), number(*count)));
        let help = "Violations of an invariant of the stored data, as of the latest check.";
        self.gauges("inspection_invariant_violations", help, "name", violations);
        let (files, bytes) = numbers.files;
        self.gauge("inspection_storage_files", "Files in the database.", number(files));
        self.gauge(
            "inspection_storage_bytes",
            "Total size of the files in the database, in bytes.",
            number(bytes),
        );
    }

    fn extra(&self, metrics: Vec<ExtraValues>) {
        for ExtraValues { name, help, label, values } in metrics {
            match (label, values.first()) {
                (Some(label), _) => self.gauges(name, help, label, values),
                (None, Some((_, value))) => self.gauge(name, help, *value),
                (None, None) => {}
            }
        }
    }
}

async fn show(
    app: App,
    _: Public,
    State(limits): State<Limits>,
    _: MetricsAccess,
) -> Result<MetricsText, Problem> {
    let extra = app.settings().extra_metrics.clone();
    let numbers = app.probe(database_numbers).await.ok();
    // A hanging disk delays this request only.
    let extra = app.probe_external(move || read_extra(&extra)).await.unwrap_or_default();
    let snapshot = Snapshot(Registry::new());
    snapshot.service(&app, &limits, numbers.is_some(), app.can_store_files().await);
    if let Some(numbers) = numbers {
        snapshot.database(&numbers, app.now(), &app.context().calendar);
    }
    snapshot.extra(extra);
    let mut text = Vec::new();
    for registry in [app.metrics().registry(), &snapshot.0] {
        TextEncoder::new().encode(&registry.gather(), &mut text).map_err(Problem::internal)?;
    }
    Ok(MetricsText(text))
}
