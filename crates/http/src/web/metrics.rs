//! Counters that are updated while requests are handled.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector,
};

use super::bulkhead::Bulkhead;

/// Upper bounds of the histogram buckets, in seconds.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Counters of this process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    rate_limited: IntCounterVec,
    sign_in_failures: IntCounter,
    pool_refusals: IntCounterVec,
}

/// Registers a metric.
pub(crate) fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: prometheus::Result<C>,
) -> C {
    let registered = metric.and_then(|metric| registry.register(Box::new(metric.clone())).map(|()| metric));
    registered.unwrap_or_else(|error| unreachable!("metric names are constant: {error}"))
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
        let durations = HistogramOpts::new(
            "inspection_http_request_duration_seconds",
            "Time until the response to a request began.",
        );
        let durations = HistogramVec::new(durations.buckets(BUCKETS.to_vec()), &["method", "route"]);
        let in_flight = IntGauge::new("inspection_http_requests_in_flight", "Requests being handled.");
        Self {
            requests: counters(
                &registry,
                "inspection_http_requests_total",
                "Handled requests.",
                &["method", "route", "status"],
            ),
            durations: registered(&registry, durations),
            in_flight: registered(&registry, in_flight),
            rate_limited: counters(
                &registry,
                "inspection_rate_limited_total",
                "Requests refused by a rate limit.",
                &["limit"],
            ),
            sign_in_failures: counter(
                &registry,
                "inspection_sign_in_failures_total",
                "Sign-in attempts with a wrong password, an unknown address or a disabled account.",
            ),
            pool_refusals: {
                let help = "Requests refused because a bulkhead stayed full for too long.";
                let refusals = counters(&registry, "inspection_pool_waits_refused_total", help, &["place"]);
                // Exported as 0 from the start, so that the first refusal is visible as an
                // increase.
                for bulkhead in Bulkhead::ALL {
                    refusals.with_label_values(&[bulkhead.name()]).inc_by(0);
                }
                refusals
            },
            registry,
        }
    }

    /// Registry of the counters, for the export.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn request_started(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts a handled request.
    pub(crate) fn request_handled(&self, method: &Method, route: &str, status: StatusCode, time: Duration) {
        // Bounds the number of label values: clients may send any method.
        let method = match method.as_str() {
            known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH") => known,
            _ => "other",
        };
        self.requests.with_label_values(&[method, route, status.as_str()]).inc();
        self.durations.with_label_values(&[method, route]).observe(time.as_secs_f64());
    }

    /// Counts a request refused by this rate limit.
    pub(crate) fn rate_limited(&self, limit: &str) {
        self.rate_limited.with_label_values(&[limit]).inc();
    }

    /// Counts a failed sign-in.
    pub(crate) fn sign_in_failed(&self) {
        self.sign_in_failures.inc();
    }

    /// Counts a request refused by a full bulkhead.
    pub(crate) fn bulkhead_full(&self, bulkhead: Bulkhead) {
        self.pool_refusals.with_label_values(&[bulkhead.name()]).inc();
    }
}

/// Guard of a request in flight.
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
