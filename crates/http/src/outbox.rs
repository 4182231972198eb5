//! Background jobs in the outbox, for admins.

use inspection_auth::permissions::OperateService;
use inspection_domain::{
    ids::OutboxId,
    outbox::{OutboxFilter, OutboxJob},
};
use inspection_persistence::outbox;

use crate::web::{
    app::App,
    input::{ListQuery, Path},
    permit::Permit,
    problem::Problem,
    rendered::Rendered,
    reply::{Paged, Reply},
    routes::Routes,
};

/// Endpoints of the outbox.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("outbox", "Background jobs");
    routes.get(
        "/api/admin/outbox",
        "outbox.list",
        list,
        "List pending, running and dead background jobs, oldest first",
    );
    routes.post("/api/admin/outbox/{id}/retry", "outbox.retry", retry, "Retry a dead background job");
}

async fn list(
    app: App,
    permit: Permit<OperateService>,
    query: ListQuery<OutboxFilter>,
) -> Result<Paged<OutboxJob>, Problem> {
    Ok(Paged(app.read(permit, query, |conn, _, (filter, page)| outbox::list(conn, &filter, page)).await?))
}

async fn retry(
    app: App,
    permit: Permit<OperateService>,
    id: Path<OutboxId>,
) -> Result<Rendered<Reply<OutboxJob>>, Problem> {
    app.write(permit, id, |tx, _, id| Ok(Reply::new(outbox::retry(tx, id)?))).await
}
