//! Routines: the equipment types to inspect on certain days and shifts.

use inspection_auth::permissions::{ManageRoutines, ReadRoutines};
use inspection_domain::{
    ids::RoutineId,
    routines::{NewRoutine, Routine, RoutineChanges, RoutineFilter},
    text::Language,
};
use inspection_persistence::{
    routines::{self, RoutineWithTypes},
    versions,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::EquipmentView,
    related::View as _,
    web::{
        app::App,
        entity_tags::Versioned,
        input::{Body, ListQuery, Path},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Created, Done, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of routines.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("routines", "Routines: which types of machines are inspected in which shifts");
    routes.get("/api/inspection-routines", "routines.list", list, "List routines, filtered");
    routes.post("/api/inspection-routines", "routines.create", create, "Create a routine");
    routes.get(
        "/api/inspection-routines/coverage",
        "routines.coverage",
        coverage,
        "Report machines that no active routine reaches, and routines that reach no machine",
    );
    routes.get("/api/inspection-routines/{id}", "routines.get", get, "Get a routine");
    routes.put(
        "/api/inspection-routines/{id}",
        "routines.update",
        update,
        "Update a routine; existing daily lists are unchanged",
    );
    routes.delete(
        "/api/inspection-routines/{id}",
        "routines.delete",
        delete,
        "Delete a routine; existing daily lists are unchanged",
    );
}

inspection_domain::shows!(RoutineView {}, CoverageView { machines, routines });

/// A routine.
#[derive(Debug, Serialize, ToSchema)]
struct RoutineView {
    #[serde(flatten)]
    routine: Routine,
    /// The name, as entered.
    name_en: String,
    /// Equipment types to inspect.
    asset_types: Vec<String>,
}

impl RoutineView {
    /// The routine, with its name in the reader's language.
    fn new((mut routine, asset_types): RoutineWithTypes, language: Language) -> Self {
        let name_en = routine.name;
        routine.name = language.choose(&name_en, routine.name_ar.as_deref()).to_owned();
        Self { routine, name_en, asset_types }
    }
}

async fn list(
    app: App,
    permit: Permit<ReadRoutines>,
    query: ListQuery<RoutineFilter>,
) -> Result<Paged<RoutineView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = routines::list(conn, &filter, page)?;
        Ok(page.map(|planned| RoutineView::new(planned, caller.language)))
    });
    Ok(Paged(page.await?))
}

/// The reach of the routines.
#[derive(Debug, Serialize, ToSchema)]
struct CoverageView {
    /// Machines that no active routine reaches, by name; at most 1,000. Decommissioned ones are
    /// left out.
    machines: Vec<EquipmentView>,
    /// Number of all machines that no active routine reaches.
    machines_total: i64,
    /// Active routines that reach no machine; at most 1,000.
    routines: Vec<RoutineView>,
}

async fn coverage(app: App, permit: Permit<ReadRoutines>) -> Result<Reply<CoverageView>, Problem> {
    let view = app.report(permit, (), |conn, caller, ()| {
        let (machines, machines_total, idle) = routines::coverage(conn)?;
        let routines = idle.into_iter().map(|routine| RoutineView::new(routine, caller.language));
        let routines = routines.collect();
        Ok(CoverageView { machines: EquipmentView::many(conn, machines, caller)?, machines_total, routines })
    });
    Ok(Reply::new(view.await?))
}

async fn get(
    app: App,
    permit: Permit<ReadRoutines>,
    id: Path<RoutineId>,
) -> Result<Reply<RoutineView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let routine = routines::get(conn, id)?;
        let version = versions::of_state(&routine)?;
        Ok(Versioned { version, view: RoutineView::new(routine, caller.language) })
    });
    Ok(Reply::versioned(view.await?))
}

async fn create(
    app: App,
    permit: Permit<ManageRoutines>,
    body: Body<NewRoutine>,
) -> Result<Rendered<Created<RoutineView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        Ok(Created::with(RoutineView::new(routines::create(tx, new)?, caller.language), "routine created"))
    })
    .await
}

async fn update(
    app: App,
    permit: Permit<ManageRoutines>,
    id: Path<RoutineId>,
    body: Body<RoutineChanges>,
) -> Result<Rendered<Reply<RoutineView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, changes)| {
        Ok(Reply::with(
            RoutineView::new(routines::update(tx, id, changes)?, caller.language),
            "routine changed",
        ))
    })
    .await
}

async fn delete(
    app: App,
    permit: Permit<ManageRoutines>,
    id: Path<RoutineId>,
) -> Result<Rendered<Done>, Problem> {
    app.write(permit, id, |tx, _, id| {
        routines::delete(tx, id)?;
        Ok(Done("routine removed"))
    })
    .await
}
