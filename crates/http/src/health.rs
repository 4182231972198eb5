//! Health checks and the entry point.

use actix_web::{HttpRequest, HttpResponse, Responder, http::StatusCode};
use inspection_domain::time::Instant;
use inspection_persistence::{Database, migrations};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    extract::State,
    limits::Limits,
    openapi::{Describe, Operation},
    permit::Public,
    problem::Problem,
    reply::Bare,
    request_context::reader,
    routes::Routes,
};

/// Version of the service.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Endpoints of the service's health.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("health", "Health checks and the entry points of the service");
    routes.get("/", "health.root", root, "Get the name and the entry points of the service");
    routes.get("/health", "health.health", health, "Check the health of the service");
    routes.get("/health/live", "health.live", live, "Check whether the process runs");
    routes.get("/health/ready", "health.ready", ready, "Check whether the service is ready for requests");
}

/// Name and entry points of the service.
#[derive(Debug, Serialize, ToSchema)]
struct Root {
    /// Name of the service.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// Always `running`.
    status: &'static str,
    /// Entry points.
    endpoints: EntryPoints,
}

/// Paths of the entry points.
#[derive(Debug, Serialize, ToSchema)]
struct EntryPoints {
    /// The API.
    api: String,
    /// Documentation page.
    docs: String,
    /// OpenAPI document.
    openapi: String,
    /// Health check.
    health: String,
    /// Sign-in.
    login: String,
}

async fn root(_: App, _: Public) -> Result<Bare<Root>, Problem> {
    let prefix = reader().prefix;
    let path = |path| prefix.path(path);
    let endpoints = EntryPoints {
        api: path("/api"),
        docs: path("/docs"),
        openapi: path("/api/openapi.json"),
        health: path("/health"),
        login: path("/api/auth/login"),
    };
    Ok(Bare(Root { name: "inspection-service", version: VERSION, status: "running", endpoints }))
}

/// Health of the service.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `healthy`, or `degraded` if a dependency is unavailable.
    status: &'static str,
    /// Version of the service.
    version: &'static str,
    /// `connected` or `unreachable`.
    database: &'static str,
    /// `applied`, `pending` or `unknown`; readiness check only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    migrations: Option<&'static str>,
    /// `writable` or `unusable`; readiness check only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    storage: Option<&'static str>,
    /// Counter of the rate limits: `redis` (shared by all instances), `memory`, `memory (redis
    /// unreachable)` or
    /// `off`. Does not affect `status`.
    rate_limits: &'static str,
    /// Time of the check.
    timestamp: Instant,
}

impl Responder for Health {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let is_healthy = self.status == "healthy";
        let status = if is_healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        HttpResponse::build(status).json(self)
    }
}

impl Describe for Health {
    fn describe(operation: &mut Operation) {
        let body = operation.schema::<Self>();
        operation.bare(200, body.clone());
        operation.bare(503, body);
    }
}

async fn health(app: App, _: Public, State(limits): State<Limits>) -> Result<Health, Problem> {
    let is_reachable = app.probe(Database::ping).await.is_ok();
    let (status, database) =
        if is_reachable { ("healthy", "connected") } else { ("degraded", "unreachable") };
    Ok(Health {
        status,
        version: VERSION,
        database,
        migrations: None,
        storage: None,
        rate_limits: limits.status(),
        timestamp: app.now(),
    })
}

async fn ready(app: App, _: Public, State(limits): State<Limits>) -> Result<Health, Problem> {
    let pending = app.probe(migrations::is_pending).await;
    let (database, migrations) = match pending {
        Ok(false) => ("connected", "applied"),
        Ok(true) => ("connected", "pending"),
        Err(_) => ("unreachable", "unknown"),
    };
    let storage = if app.can_store_files().await { "writable" } else { "unusable" };
    let status = if (migrations, storage) == ("applied", "writable") { "healthy" } else { "degraded" };
    Ok(Health {
        status,
        version: VERSION,
        database,
        migrations: Some(migrations),
        storage: Some(storage),
        rate_limits: limits.status(),
        timestamp: app.now(),
    })
}

/// Liveness of the process.
#[derive(Debug, Serialize, ToSchema)]
struct Live {
    /// Always `alive`.
    status: &'static str,
}

async fn live(_: App, _: Public) -> Result<Bare<Live>, Problem> {
    Ok(Bare(Live { status: "alive" }))
}
