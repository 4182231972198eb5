//! Whether the service is up, and where things are.

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
    routes::Routes,
};

/// Version of the service.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Endpoints of the service's own state.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/", "health.root", root, "What this is, and where things are");
    routes.get("/health", "health.health", health, "Whether the service is healthy");
    routes.get("/health/live", "health.live", live, "Whether the process runs");
    routes.get("/health/ready", "health.ready", ready, "Whether the service can serve");
}

/// What this is.
#[derive(Debug, Serialize, ToSchema)]
struct Root {
    /// Name of the service.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// Always `running`.
    status: &'static str,
    /// Where things are.
    endpoints: EntryPoints,
}

/// Where things are.
#[derive(Debug, Serialize, ToSchema)]
struct EntryPoints {
    /// The API.
    api: &'static str,
    /// Its page.
    docs: &'static str,
    /// Its document.
    openapi: &'static str,
    /// Health.
    health: &'static str,
    /// Signing in.
    login: &'static str,
}

async fn root(_: App, _: Public) -> Result<Bare<Root>, Problem> {
    let endpoints = EntryPoints {
        api: "/api",
        docs: "/docs",
        openapi: "/api/openapi.json",
        health: "/health",
        login: "/api/auth/login",
    };
    Ok(Bare(Root { name: "inspection-service", version: VERSION, status: "running", endpoints }))
}

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `healthy`, or `degraded` when something it needs is missing.
    status: &'static str,
    /// Version of the service.
    version: &'static str,
    /// `connected` or `unreachable`.
    database: &'static str,
    /// Whether the schema is that of this version; told where it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    migrations: Option<&'static str>,
    /// `writable`, or `unusable` when files can't be kept; told where it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    storage: Option<&'static str>,
    /// Where requests are counted: `redis`, for all instances together; `memory`; `memory (redis unreachable)`, which does no
    /// harm to health; or `off`.
    rate_limits: &'static str,
    /// When it was looked at.
    timestamp: Instant,
}

impl Responder for Health {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let fine = self.status == "healthy";
        let status = if fine { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
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
    let reached = app.probe(Database::ping).await.is_ok();
    let (status, database) = if reached { ("healthy", "connected") } else { ("degraded", "unreachable") };
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

/// The process runs.
#[derive(Debug, Serialize, ToSchema)]
struct Live {
    /// Always `alive`.
    status: &'static str,
}

async fn live(_: App, _: Public) -> Result<Bare<Live>, Problem> {
    Ok(Bare(Live { status: "alive" }))
}
