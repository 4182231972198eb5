//! Daily lists: the machines to inspect on a day and shift.

mod sheet;

use std::collections::HashMap;

use inspection_auth::permissions::{PlanInspections, SignedIn};
use inspection_domain::{
    daily_lists::{GenerateList, InspectionList, ListFilter},
    ids::ListId,
    time::Instant,
};
use inspection_persistence::{self as persistence, DbConnection, daily_lists, versions};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    assignments::AssignmentView,
    related::{References, View},
    web::{
        app::{App, Caller},
        entity_tags::Versioned,
        input::{Body, ListQuery, Path},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{FoundOrCreated, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of daily lists.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("lists", "Daily lists: the machines to inspect in a shift");
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
    routes.get(
        "/api/inspection-assignments/lists/{id}/sheet.pdf",
        "lists.sheet",
        sheet::sheet,
        "Print a daily list with its teams",
    );
}

inspection_domain::shows!(ListDetail { assignments }, GeneratedView { list });

/// A daily list with its assignments.
#[derive(Debug, Serialize, ToSchema)]
struct ListDetail {
    #[serde(flatten)]
    list: InspectionList,
    /// Time at which it was generated first.
    generated_at: Instant,
    /// Its assignments, in order. On a page of lists, the first lists have theirs, up to 10,000
    /// assignments together, and the two lists of a day always.
    assignments: Vec<AssignmentView>,
    /// Whether `assignments` has all assignments; otherwise it has none, and the list itself shows
    /// them.
    assignments_complete: bool,
}

impl ListDetail {
    fn new(list: InspectionList, assignments: Option<Vec<AssignmentView>>) -> Self {
        Self {
            generated_at: list.created_at,
            assignments_complete: assignments.is_some(),
            assignments: assignments.unwrap_or_default(),
            list,
        }
    }

    /// The assignments of lists, with a fixed number of queries.
    fn assignments(
        conn: &mut DbConnection,
        ids: &[ListId],
        caller: &Caller,
    ) -> persistence::Result<HashMap<ListId, Vec<AssignmentView>>> {
        let (mut assignments, mut machines) = (Vec::new(), HashMap::new());
        for (assignment, machine) in daily_lists::assignments_of(conn, ids)? {
            machines.insert(machine.id, machine);
            assignments.push(assignment);
        }
        let references = References::of::<_, AssignmentView>(&assignments);
        let related = references.load_with(conn, caller, machines)?;
        let mut by_list: HashMap<ListId, Vec<AssignmentView>> =
            ids.iter().map(|id| (*id, Vec::new())).collect();
        for assignment in assignments {
            let list = by_list.entry(assignment.list_id).or_default();
            list.push(AssignmentView::new(assignment, &related, caller));
        }
        Ok(by_list)
    }

    fn one(conn: &mut DbConnection, list: InspectionList, caller: &Caller) -> persistence::Result<Self> {
        let mut assignments = Self::assignments(conn, &[list.id], caller)?;
        let assignments = assignments.remove(&list.id);
        Ok(Self::new(list, assignments))
    }
}

async fn list(
    app: App,
    permit: Permit<PlanInspections>,
    query: ListQuery<ListFilter>,
) -> Result<Paged<ListDetail>, Problem> {
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = daily_lists::list(conn, &filter, page)?;
        let shown = InspectionList::with_assignments(&page.items);
        let ids: Vec<ListId> = shown.iter().map(|list| list.id).collect();
        let mut assignments = ListDetail::assignments(conn, &ids, caller)?;
        Ok(page.map(|list| {
            let assignments = assignments.remove(&list.id);
            ListDetail::new(list, assignments)
        }))
    });
    Ok(Paged(page.await?))
}

/// A generated list.
#[derive(Debug, Serialize, ToSchema)]
struct GeneratedView {
    #[serde(flatten)]
    list: ListDetail,
    /// Number of added assignments.
    assignments_added: usize,
}

async fn generate(
    app: App,
    permit: Permit<PlanInspections>,
    body: Body<GenerateList>,
) -> Result<Rendered<FoundOrCreated<GeneratedView>>, Problem> {
    app.write(permit, body, |tx, caller, list| {
        let generated = daily_lists::generate(tx, &list)?;
        let list = ListDetail::one(tx.conn(), generated.list, caller)?;
        let data = GeneratedView { list, assignments_added: generated.added };
        Ok(FoundOrCreated { data, is_new: generated.is_new })
    })
    .await
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<ListId>) -> Result<Reply<ListDetail>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let list = daily_lists::get(conn, id)?;
        let version = versions::of(&list)?;
        Ok(Versioned { version, view: ListDetail::one(conn, list, caller)? })
    });
    Ok(Reply::versioned(view.await?))
}
