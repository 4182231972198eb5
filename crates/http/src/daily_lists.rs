//! Daily lists: the machines to inspect on a day and shift.

use std::collections::HashMap;

use inspection_auth::permissions::{PlanInspections, SignedIn};
use inspection_domain::{
    daily_lists::{GenerateList, InspectionList, ListFilter},
    ids::ListId,
};
use inspection_persistence::daily_lists;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    assignments::AssignmentView,
    related::{References, View},
    web::{
        app::App,
        input::{Body, ListQuery, Path},
        permit::Permit,
        problem::Problem,
        reply::{FoundOrCreated, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of daily lists.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/inspection-assignments/lists",
        "lists.list",
        list,
        "List daily lists, filtered, latest day first",
    );
    routes.post(
        "/api/inspection-assignments/lists/generate",
        "lists.generate",
        generate,
        "Generate the list of a day and shift, or add missing assignments to it",
    );
    routes.get(
        "/api/inspection-assignments/lists/{id}",
        "lists.get",
        get,
        "Get a daily list with its assignments",
    );
}

inspection_domain::shows!(ListDetail { assignments });

async fn list(
    app: App,
    permit: Permit<PlanInspections>,
    query: ListQuery<ListFilter>,
) -> Result<Paged<InspectionList>, Problem> {
    let page = app.read(permit, query, |conn, _, (filter, page)| daily_lists::list(conn, &filter, page));
    Ok(Paged(page.await?))
}

/// A generated list.
#[derive(Debug, Serialize, ToSchema)]
struct GeneratedView {
    #[serde(flatten)]
    list: InspectionList,
    /// Number of added assignments.
    assignments_added: usize,
}

async fn generate(
    app: App,
    permit: Permit<PlanInspections>,
    body: Body<GenerateList>,
) -> Result<FoundOrCreated<GeneratedView>, Problem> {
    let generated = app.write(permit, body, |tx, _, list| daily_lists::generate(tx, &list)).await?;
    let data = GeneratedView { list: generated.list, assignments_added: generated.added };
    Ok(FoundOrCreated { data, is_new: generated.is_new })
}

/// A daily list with its assignments.
#[derive(Debug, Serialize, ToSchema)]
struct ListDetail {
    #[serde(flatten)]
    list: InspectionList,
    /// Its assignments, in order.
    assignments: Vec<AssignmentView>,
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<ListId>) -> Result<Reply<ListDetail>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let list = daily_lists::get(conn, id)?;
        let (mut assignments, mut machines) = (Vec::new(), HashMap::new());
        for (assignment, machine) in daily_lists::assignments_of(conn, id)? {
            machines.insert(machine.id, machine);
            assignments.push(assignment);
        }
        let references = References::of::<_, AssignmentView>(&assignments);
        let related = references.load_with(conn, caller, machines)?;
        let view = |assignment| AssignmentView::new(assignment, &related, caller);
        Ok(ListDetail { list, assignments: assignments.into_iter().map(view).collect() })
    });
    Ok(Reply::new(view.await?))
}
