//! The audit trail.

use inspection_auth::permissions::ReadAudit;
use inspection_domain::{
    audit::{AuditEntry, AuditFilter},
    users::UserSummary,
};
use inspection_persistence::audit;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    related::{References, Related, View, list_views},
    web::{
        app::{App, Caller},
        input::ListQuery,
        permit::Permit,
        problem::Problem,
        reply::Paged,
        routes::Routes,
    },
};

/// Endpoints of the audit trail.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("audit", "The audit trail");
    routes.get("/api/admin/audit", "audit.list", list, "List audit entries, newest first");
}

inspection_domain::shows!(AuditView {});

/// An entry of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
struct AuditView {
    #[serde(flatten)]
    entry: AuditEntry,
    /// The acting user; none if the service or its operator acted.
    actor: Option<UserSummary>,
}

impl View<AuditEntry> for AuditView {
    fn references(entry: &AuditEntry, references: &mut References) {
        references.people([entry.actor_id]);
    }

    fn new(entry: AuditEntry, related: &Related, _: &Caller) -> Self {
        Self { actor: related.person(entry.actor_id), entry }
    }
}

async fn list(
    app: App,
    permit: Permit<ReadAudit>,
    query: ListQuery<AuditFilter>,
) -> Result<Paged<AuditView>, Problem> {
    let calendar = app.context().calendar.clone();
    list_views(app, permit, query, move |conn, _, filter, page| audit::list(conn, &filter, &calendar, page))
        .await
}
