//! State of the process and its dependencies, for admins.

use inspection_auth::permissions::OperateService;
use inspection_domain::time::Instant;
use inspection_persistence::{files, outbox};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    health::VERSION,
    web::{
        app::App, extract::State, limits::Limits, permit::Permit, problem::Problem, reply::Reply,
        routes::Routes,
    },
};

/// Endpoint of the system state.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("system", "The state of the service");
    routes.get(
        "/api/admin/system",
        "system.system",
        system,
        "Get version, uptime, database, rate limits, pool, outbox and storage",
    );
}

inspection_domain::shows!(SystemView {});

/// State of the process and its dependencies.
#[derive(Debug, Serialize, ToSchema)]
struct SystemView {
    /// Version of the service.
    version: &'static str,
    /// Start time of the process.
    started_at: Instant,
    /// Seconds since the start.
    uptime_seconds: i64,
    /// `postgresql` or `sqlite`.
    database: &'static str,
    /// Counter of the rate limits: `redis`, `memory`, `memory (redis unreachable)` or `off`.
    rate_limits: &'static str,
    /// Connection pool of the process.
    pool: PoolView,
    /// The outbox of background jobs.
    outbox: OutboxView,
    /// The stored files.
    storage: StorageView,
}

/// The connection pool.
#[derive(Debug, Serialize, ToSchema)]
struct PoolView {
    /// Maximum number of connections.
    most: u32,
    /// Open connections.
    open: u32,
    /// Idle connections.
    idle: u32,
}

/// The outbox of background jobs.
#[derive(Debug, Serialize, ToSchema)]
struct OutboxView {
    /// Pending jobs.
    pending: i64,
    /// Running jobs.
    running: i64,
    /// Dead jobs, which are not retried.
    dead: i64,
    /// Due time of the oldest job that is not dead.
    oldest_due: Option<Instant>,
}

/// The stored files.
#[derive(Debug, Serialize, ToSchema)]
struct StorageView {
    /// Number of files.
    files: i64,
    /// Total size, in bytes.
    bytes: i64,
}

async fn system(
    app: App,
    permit: Permit<OperateService>,
    State(limits): State<Limits>,
) -> Result<Reply<SystemView>, Problem> {
    let (started_at, now) = (app.started_at(), app.now());
    let (pool, rate_limits) = (app.pool(), limits.status());
    let database = if app.is_postgres() { "postgresql" } else { "sqlite" };
    let view = app.read(permit, (), move |conn, _, ()| {
        let depth = outbox::depth(conn)?;
        let (files, bytes) = files::usage(conn)?;
        Ok(SystemView {
            version: VERSION,
            started_at,
            uptime_seconds: now.as_second() - started_at.as_second(),
            database,
            rate_limits,
            pool: PoolView { most: pool.most, open: pool.open, idle: pool.idle },
            outbox: OutboxView {
                pending: depth.pending,
                running: depth.running,
                dead: depth.dead,
                oldest_due: depth.oldest,
            },
            storage: StorageView { files, bytes },
        })
    });
    Ok(Reply::new(view.await?))
}
