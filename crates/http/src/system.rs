//! How this process and what it rests on are, for admins.

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

/// Endpoint of the system.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/admin/system",
        "system.system",
        system,
        "Version, uptime, database, limits, pool, outbox and storage",
    );
}

inspection_domain::shows!(SystemView {});

/// How this process and what it rests on are.
#[derive(Debug, Serialize, ToSchema)]
struct SystemView {
    /// Version of the service.
    version: &'static str,
    /// When this process was started.
    started_at: Instant,
    /// Seconds since then.
    uptime_seconds: i64,
    /// `postgresql` or `sqlite`.
    database: &'static str,
    /// Where requests are counted: `redis`, `memory`, `memory (redis unreachable)` or `off`.
    rate_limits: &'static str,
    /// Connections of this process.
    pool: PoolView,
    /// What waits to be done in the background.
    outbox: OutboxView,
    /// The files that are kept.
    storage: StorageView,
}

/// Connections to the database.
#[derive(Debug, Serialize, ToSchema)]
struct PoolView {
    /// The most there can be.
    most: u32,
    /// Those that are open.
    open: u32,
    /// Those of them that nobody uses at the moment.
    idle: u32,
}

/// How much waits to be done in the background.
#[derive(Debug, Serialize, ToSchema)]
struct OutboxView {
    /// Jobs to be done.
    pending: i64,
    /// Jobs under way.
    running: i64,
    /// Jobs that were given up.
    dead: i64,
    /// Since when the oldest has been due that isn't given up.
    oldest_due: Option<Instant>,
}

/// How much the files take.
#[derive(Debug, Serialize, ToSchema)]
struct StorageView {
    /// Number of files.
    files: i64,
    /// Their bytes.
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
