//! Daily lists: what is to be inspected on a day and shift.

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
    equipment::Related,
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
        "daily_lists.list",
        list,
        "Daily lists, filtered; the latest day first",
    );
    routes.post(
        "/api/inspection-assignments/lists/generate",
        "daily_lists.generate",
        generate,
        "Generate the list of a day and shift, or add to it what is missing",
    );
    routes.get(
        "/api/inspection-assignments/lists/{id}",
        "daily_lists.get",
        get,
        "One list with everything on it",
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

/// A list that was generated.
#[derive(Debug, Serialize, ToSchema)]
struct GeneratedView {
    #[serde(flatten)]
    list: InspectionList,
    /// Assignments that were added.
    assignments_added: usize,
}

async fn generate(
    app: App,
    permit: Permit<PlanInspections>,
    body: Body<GenerateList>,
) -> Result<FoundOrCreated<GeneratedView>, Problem> {
    let generated = app.write(permit, body, |tx, _, wanted| daily_lists::generate(tx, &wanted)).await?;
    let data = GeneratedView { list: generated.list, assignments_added: generated.added };
    Ok(FoundOrCreated { data, is_new: generated.is_new })
}

/// A list with everything on it.
#[derive(Debug, Serialize, ToSchema)]
struct ListDetail {
    #[serde(flatten)]
    list: InspectionList,
    /// Its assignments, in order.
    assignments: Vec<AssignmentView>,
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<ListId>) -> Result<Reply<ListDetail>, Problem> {
    let now = app.now();
    let view = app.read(permit, id, move |conn, caller, id| {
        let list = daily_lists::get(conn, id)?;
        let on_it = daily_lists::assignments_of(conn, id)?;
        let people: Vec<_> = on_it.iter().flat_map(|(assignment, _)| assignment.team()).collect();
        let mut machines = HashMap::new();
        let mut assignments = Vec::new();
        for (assignment, machine) in on_it {
            machines.insert(machine.id, machine);
            assignments.push(assignment);
        }
        let related = Related::with(conn, machines, people)?;
        let view = |assignment| AssignmentView::new(assignment, &related, now, caller.language);
        Ok(ListDetail { list, assignments: assignments.into_iter().map(view).collect() })
    });
    Ok(Reply::new(view.await?))
}
