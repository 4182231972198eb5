#![doc = include_str!("../README.md")]

mod assessments;
mod assignments;
mod audit;
mod bonus_stars;
mod checklists;
mod daily_lists;
mod defect_assessments;
mod defects;
mod directory;
mod docs;
mod engineer_jobs;
mod equipment;
mod files;
mod health;
mod holidays;
mod inspections;
mod invariants;
mod jobs;
mod leaderboards;
mod leaves;
mod metrics;
mod notifications;
mod occurrences;
mod outbox;
mod password_page;
mod pauses;
mod printing;
mod quality_reviews;
mod ratings;
mod related;
mod reports;
mod roster;
mod routines;
mod schedules;
mod security_txt;
mod sessions;
mod sync;
mod system;
mod takeovers;
mod tasks;
mod users;
mod web;

use std::{
    net::TcpListener,
    sync::{Arc, LazyLock},
    time::Duration,
};

use actix_web::{
    HttpServer,
    dev::{Server, ServerHandle},
    middleware::from_fn,
    web as actix,
};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    docs::Document,
    notifications::LiveStreams,
    reports::SiteNumbers,
    web::{
        input::JsonLimit,
        limits::{EndpointLimits, Limits},
        middleware,
    },
};

pub use security_txt::is_security_contact;
pub use web::{
    app::App,
    limits::{is_redis_url, ping_redis},
    problem::Problem,
    routes::Routes,
    settings::{ExtraMetric, Settings},
};

/// Every endpoint of the API. The only list of features.
pub fn routes() -> Routes {
    let mut routes = Routes::default();
    health::routes(&mut routes);
    sessions::routes(&mut routes);
    users::routes(&mut routes);
    directory::routes(&mut routes);
    roster::routes(&mut routes);
    equipment::routes(&mut routes);
    checklists::routes(&mut routes);
    routines::routes(&mut routes);
    daily_lists::routes(&mut routes);
    assignments::routes(&mut routes);
    inspections::routes(&mut routes);
    assessments::routes(&mut routes);
    ratings::routes(&mut routes);
    schedules::routes(&mut routes);
    holidays::routes(&mut routes);
    defects::routes(&mut routes);
    occurrences::routes(&mut routes);
    defect_assessments::routes(&mut routes);
    jobs::routes(&mut routes);
    engineer_jobs::routes(&mut routes);
    pauses::routes(&mut routes);
    takeovers::routes(&mut routes);
    quality_reviews::routes(&mut routes);
    leaves::routes(&mut routes);
    bonus_stars::routes(&mut routes);
    leaderboards::routes(&mut routes);
    reports::routes(&mut routes);
    files::routes(&mut routes);
    notifications::routes(&mut routes);
    sync::routes(&mut routes);
    audit::routes(&mut routes);
    tasks::routes(&mut routes);
    outbox::routes(&mut routes);
    invariants::routes(&mut routes);
    system::routes(&mut routes);
    metrics::routes(&mut routes);
    security_txt::routes(&mut routes);
    password_page::routes(&mut routes);
    docs::routes(&mut routes);
    routes
}

/// Name and requests for each minute of every rate limit.
pub fn limits() -> Vec<(&'static str, u32)> {
    web::limits::table()
}

/// The OpenAPI document of [`routes`], as JSON. Built on first use.
pub fn openapi() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| docs::document(routes()).unwrap_or_default());
    &DOCUMENT
}

/// Stops a server that [`run`] runs.
#[derive(Clone)]
pub struct Stopper {
    server: ServerHandle,
    live: Arc<LiveStreams>,
}

impl std::fmt::Debug for Stopper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stopper")
    }
}

impl Stopper {
    /// Starts a graceful shutdown: closes the listener and the event streams, then waits for
    /// requests in flight.
    pub fn stop(&self) {
        self.live.close();
        // The call sends the command; the future only reports its completion.
        drop(self.server.stop(true));
    }
}

/// Grace period for handing accepted connections to workers before shutdown.
const HANDOVER_TIME: Duration = Duration::from_millis(200);

/// Serves the API on this listener until SIGTERM, SIGINT or [`Stopper::stop`]; `started` receives
/// the [`Stopper`]. Requests in flight have `shutdown_timeout` to finish.
pub fn run(
    app: App,
    listener: TcpListener,
    workers: usize,
    shutdown_timeout: Duration,
    started: impl FnOnce(Stopper),
) -> std::io::Result<()> {
    actix_web::rt::System::new().block_on(async move {
        let live = Arc::<LiveStreams>::default();
        let server = server(app.clone(), Arc::clone(&live), listener, workers, shutdown_timeout)?;
        let stopper = Stopper { server: server.handle(), live: Arc::clone(&live) };
        started(stopper.clone());
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let socket_outlives = app.settings().socket_outlives;
        let signalled = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if socket_outlives {
                // New connections wait for the next process; accepted ones are handed to a worker.
                stopper.server.pause().await;
                tokio::time::sleep(HANDOVER_TIME).await;
            }
            stopper.stop();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = server => ended,
            () = notifications::follow(app, live) => {
                Err(std::io::Error::other("the notification reader ended"))
            }
            () = signalled => Ok(()),
        }
    })
}

fn server(
    app: App,
    live: Arc<LiveStreams>,
    listener: TcpListener,
    workers: usize,
    shutdown_timeout: Duration,
) -> std::io::Result<Server> {
    let settings = app.settings();
    let (request_timeout, write_timeout) = (settings.request_timeout, settings.write_timeout);
    let limits = Limits::new(settings);
    let site_numbers = SiteNumbers::new(settings.dashboard_age);
    let json_limit = JsonLimit::new(settings.max_content_length);
    let server = HttpServer::new(move || {
        let routes = routes();
        actix_web::App::new()
            .app_data(app.clone())
            .app_data(app.cursors().clone())
            .app_data(limits.clone())
            .app_data(routes.limits().collect::<EndpointLimits>())
            .app_data(Arc::clone(&live))
            .app_data(site_numbers.clone())
            .app_data(json_limit)
            .app_data(Document(openapi))
            .configure(|config| routes.register(config))
            .configure(docs::page)
            .default_service(actix::to(web::problem::no_such_endpoint))
            // The last one wrapped is the outermost.
            .wrap(from_fn(middleware::enforce_limits))
            .wrap(middleware::cross_origin(app.settings()))
            .wrap(from_fn(middleware::to_https))
            .wrap(from_fn(middleware::handle))
    });
    // Accepted connections inherit it. It also ends connections whose clients leave their windows
    // closed.
    #[cfg(target_os = "linux")]
    SockRef::from(&listener).set_tcp_user_timeout(Some(write_timeout))?;
    Ok(server
        .workers(workers.max(1))
        .shutdown_timeout(shutdown_timeout.as_secs())
        .client_request_timeout(Duration::from_secs(10).min(request_timeout))
        .disable_signals()
        .listen(listener)?
        .run())
}

#[cfg(test)]
mod tests {
    #[test]
    fn endpoints_with_a_limit_of_their_own_have_one_path_each() {
        let routes = crate::routes();
        let limited: Vec<_> = routes.limits().map(|(operation, _)| operation).collect();
        assert_eq!(limited.len(), 8);
        assert!(limited.iter().all(|(_, path)| !path.contains('{')), "{limited:?}");
    }
}
