//! The audit trail.

use std::collections::HashMap;

use inspection_auth::permissions::ReadAudit;
use inspection_domain::{
    audit::{AuditEntry, AuditFilter},
    ids::UserId,
    users::UserSummary,
};
use inspection_persistence::{audit, users};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App, input::ListQuery, permit::Permit, problem::Problem, reply::Paged, routes::Routes,
};

/// Endpoints of the audit trail.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/admin/audit", "audit.list", list, "Who changed what, newest first");
}

inspection_domain::shows!(AuditView {});

/// A line of the trail for a reader.
#[derive(Debug, Serialize, ToSchema)]
struct AuditView {
    #[serde(flatten)]
    entry: AuditEntry,
    /// Who it was; nobody when the service or its operator did it.
    actor: Option<UserSummary>,
}

impl AuditView {
    fn new(entry: AuditEntry, people: &HashMap<UserId, UserSummary>) -> Self {
        let actor = entry.actor_id.and_then(|id| people.get(&id).cloned());
        Self { entry, actor }
    }
}

async fn list(
    app: App,
    permit: Permit<ReadAudit>,
    query: ListQuery<AuditFilter>,
) -> Result<Paged<AuditView>, Problem> {
    let calendar = app.context().calendar.clone();
    let page = app.read(permit, query, move |conn, _, (filter, page)| {
        let page = audit::list(conn, &filter, &calendar, page)?;
        let people = users::summaries(conn, page.items.iter().filter_map(|entry| entry.actor_id))?;
        Ok(page.map(|entry| AuditView::new(entry, &people)))
    });
    Ok(Paged(page.await?))
}
