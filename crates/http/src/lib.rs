#![doc = include_str!("../README.md")]

mod app;
mod assessments;
mod assignments;
mod audit;
mod bonus_stars;
mod checklists;
mod daily_lists;
mod defect_assessments;
mod defects;
mod docs;
mod engineer_jobs;
mod equipment;
mod extract;
mod files;
mod health;
mod inspections;
mod jobs;
mod leaderboards;
mod leaves;
mod limits;
mod live;
mod metrics;
mod notifications;
mod outbox;
mod pauses;
mod problem;
mod quality_reviews;
mod ratings;
mod reach;
mod reply;
mod reports;
mod request;
mod routes;
mod routines;
mod schedules;
mod sessions;
mod sync;
mod system;
mod takeovers;
mod tasks;
mod users;

use std::{net::TcpListener, sync::LazyLock, time::Duration};

use actix_web::{
    HttpServer,
    dev::{Server, ServerHandle},
    middleware::from_fn,
    web,
};
use tokio::signal::unix::{SignalKind, signal};

pub use app::{App, Settings};
pub use limits::is_redis_url;
pub use metrics::Reading;
pub use problem::Problem;
pub use reach::reach_redis;
pub use routes::Routes;

/// Every endpoint of the API.
pub fn routes() -> Routes {
    let mut routes = Routes::default();
    health::routes(&mut routes);
    sessions::routes(&mut routes);
    users::routes(&mut routes);
    equipment::routes(&mut routes);
    checklists::routes(&mut routes);
    routines::routes(&mut routes);
    daily_lists::routes(&mut routes);
    assignments::routes(&mut routes);
    inspections::routes(&mut routes);
    assessments::routes(&mut routes);
    ratings::routes(&mut routes);
    schedules::routes(&mut routes);
    defects::routes(&mut routes);
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
    system::routes(&mut routes);
    metrics::routes(&mut routes);
    docs::routes(&mut routes);
    routes
}

/// The limits on requests: name, and how many a minute each client address has.
pub fn limits() -> Vec<(&'static str, u32)> {
    limits::table()
}

/// The OpenAPI document of exactly these endpoints, as JSON. It is put together when somebody first asks for it.
pub fn openapi() -> &'static str {
    static DOCUMENT: LazyLock<String> =
        LazyLock::new(|| docs::document(routes()).to_pretty_json().unwrap_or_default());
    &DOCUMENT
}

/// Stops a server that [`run`] runs.
#[derive(Clone)]
pub struct Stopper {
    server: ServerHandle,
    app: App,
}

impl std::fmt::Debug for Stopper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stopper")
    }
}

impl Stopper {
    /// Tells the server to take nothing new, to end streams of events, to finish what else is under way, and to end.
    pub fn stop(&self) {
        self.app.live().close();
        // The order is sent by the call; the future only tells when it has been carried out.
        drop(self.server.stop(true));
    }
}

/// How long it takes at the most to bring a connection that was taken to a worker.
const BRINGING: Duration = Duration::from_millis(200);

/// Serves the API on this listener until SIGTERM, SIGINT or the [`Stopper`] that `started` gets. Then it takes nothing new,
/// gives what is under way `shutdown_timeout` to finish, and returns.
pub fn run(
    app: App,
    listener: TcpListener,
    workers: usize,
    shutdown_timeout: Duration,
    started: impl FnOnce(Stopper),
) -> std::io::Result<()> {
    actix_web::rt::System::new().block_on(async move {
        let server = server(app.clone(), listener, workers, shutdown_timeout)?;
        let stopper = Stopper { server: server.handle(), app: app.clone() };
        started(stopper.clone());
        let (mut ending, mut interrupted) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let told = async move {
            tokio::select! {
                _ = ending.recv() => {}
                _ = interrupted.recv() => {}
            }
            if stopper.app.settings().socket_outlives {
                // Who comes now waits for the next process; who was taken already is brought to a worker.
                stopper.server.pause().await;
                tokio::time::sleep(BRINGING).await;
            }
            stopper.stop();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = server => ended,
            () = live::follow(app) => Err(std::io::Error::other("nobody follows live events any more")),
            () = told => Ok(()),
        }
    })
}

fn server(
    app: App,
    listener: TcpListener,
    workers: usize,
    shutdown_timeout: Duration,
) -> std::io::Result<Server> {
    let request_timeout = app.settings().request_timeout;
    let server = HttpServer::new(move || {
        let app = app.clone();
        actix_web::App::new()
            .app_data(app.clone())
            .configure(|config| routes().register(config))
            .configure(docs::page)
            .default_service(web::to(problem::no_such_endpoint))
            .wrap(from_fn(limits::enforce))
            .wrap(request::cross_origin(app.settings()))
            .wrap(from_fn(request::to_https))
            .wrap(from_fn(request::handle))
    });
    Ok(server
        .workers(workers.max(1))
        .shutdown_timeout(shutdown_timeout.as_secs())
        .client_request_timeout(Duration::from_secs(10).min(request_timeout))
        .disable_signals()
        .listen(listener)?
        .run())
}
