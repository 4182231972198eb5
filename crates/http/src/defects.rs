//! Defects.

use inspection_auth::permissions::{CloseDefects, PlanRepairs, SignedIn};
use inspection_domain::{
    defect_assessments::DefectAssessment,
    defects::{Defect, DefectChanges, DefectFilter, Reopening, Resolution},
    ids::DefectId,
    jobs::AssignSpecialist,
    text::Language,
    time::Date,
    users::UserSummary,
};
use inspection_persistence::{
    self as persistence, DbConnection, Tx, defect_assessments, defects, inspections, jobs,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::{EquipmentView, Related},
    inspections::InspectionView,
    jobs::JobView,
    web::{
        app::{App, Caller},
        input::{Body, ListQuery, Path},
        permit::Permit,
        problem::Problem,
        reply::{Created, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of defects.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/defects", "defects.list", list, "Defects, filtered; by due date, the worst first");
    routes.get("/api/defects/{id}", "defects.get", get, "One defect with the inspection that found it");
    routes.put("/api/defects/{id}", "defects.update", update, "Change a defect's particulars");
    routes.post(
        "/api/defects/{id}/assign-specialist",
        "defects.assign_specialist",
        assign_specialist,
        "Give a defect to a specialist: the job to repair it",
    );
    routes.post(
        "/api/defects/{id}/resolve",
        "defects.resolve",
        resolve,
        "Call a defect resolved: its assignee, its specialist, an engineer or an admin",
    );
    routes.post("/api/defects/{id}/close", "defects.close", close, "Close a resolved defect");
    routes.post("/api/defects/{id}/reopen", "defects.reopen", reopen, "Open a resolved defect again");
}

inspection_domain::shows!(
    DefectView { defect, equipment },
    DefectDetail { defect, inspection, assessment, job }
);

/// The defect with its description in the reader's language.
pub(crate) fn localised(mut defect: Defect, language: Language) -> Defect {
    defect.description = language.choose(&defect.description, defect.description_ar.as_deref()).to_owned();
    defect
}

/// A defect for a reader.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DefectView {
    #[serde(flatten)]
    defect: Defect,
    /// The description, as it was written.
    description_en: String,
    /// Whether it was due before today and isn't resolved.
    is_overdue: bool,
    /// Who is to see to it.
    assigned_to: Option<UserSummary>,
    /// Who resolved it.
    resolved_by: Option<UserSummary>,
    /// The machine.
    equipment: Option<EquipmentView>,
}

/// What defects refer to.
fn related(conn: &mut DbConnection, defects: &[Defect]) -> persistence::Result<Related> {
    let machines = defects.iter().map(|defect| defect.equipment_id);
    let people = defects.iter().flat_map(|defect| [defect.assigned_to_id, defect.resolved_by_id]);
    Related::of(conn, machines, people)
}

impl DefectView {
    pub(crate) fn new(defect: Defect, related: &Related, today: Date, language: Language) -> Self {
        Self {
            description_en: defect.description.clone(),
            is_overdue: defect.is_overdue(today),
            assigned_to: related.person(defect.assigned_to_id),
            resolved_by: related.person(defect.resolved_by_id),
            equipment: related.machine(defect.equipment_id, language),
            defect: localised(defect, language),
        }
    }

    fn one(
        conn: &mut DbConnection,
        defect: Defect,
        today: Date,
        language: Language,
    ) -> persistence::Result<Self> {
        let related = related(conn, std::slice::from_ref(&defect))?;
        Ok(Self::new(defect, &related, today, language))
    }

    fn changed(tx: &mut Tx<'_>, caller: &Caller, defect: Defect) -> persistence::Result<Self> {
        let today = tx.today();
        Self::one(tx.conn(), defect, today, caller.language)
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<DefectFilter>,
) -> Result<Paged<DefectView>, Problem> {
    let today = app.context().today();
    let page = app.read(permit, query, move |conn, caller, (filter, page)| {
        let page = defects::list(conn, &filter, today, page)?;
        let related = related(conn, &page.items)?;
        Ok(page.map(|defect| DefectView::new(defect, &related, today, caller.language)))
    });
    Ok(Paged(page.await?))
}

/// A defect with what led to it.
#[derive(Debug, Serialize, ToSchema)]
struct DefectDetail {
    #[serde(flatten)]
    defect: DefectView,
    /// The inspection that found it.
    inspection: InspectionView,
    /// What its specialist thought of it.
    assessment: Option<DefectAssessment>,
    /// The latest job to repair it.
    job: Option<JobView>,
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<DefectId>) -> Result<Reply<DefectDetail>, Problem> {
    let today = app.context().today();
    let now = app.now();
    let view = app.read(permit, id, move |conn, caller, id| {
        let defect = defects::get(conn, id)?;
        let inspection = inspections::get(conn, defect.inspection_id)?;
        let job = match jobs::find_repair(conn, id)? {
            Some(job) => Some(JobView::one(conn, job, caller, now)?),
            None => None,
        };
        Ok(DefectDetail {
            assessment: defect_assessments::find_by_defect(conn, id)?,
            job,
            defect: DefectView::one(conn, defect, today, caller.language)?,
            inspection: InspectionView::one(conn, inspection, caller.language)?,
        })
    });
    Ok(Reply::new(view.await?))
}

async fn update(
    app: App,
    permit: Permit<PlanRepairs>,
    id: Path<DefectId>,
    body: Body<DefectChanges>,
) -> Result<Reply<DefectView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, changes)| {
        let defect = defects::update(tx, id, changes)?;
        DefectView::changed(tx, caller, defect)
    });
    Ok(Reply::with(view.await?, "defect changed"))
}

async fn assign_specialist(
    app: App,
    permit: Permit<PlanRepairs>,
    id: Path<DefectId>,
    body: Body<AssignSpecialist>,
) -> Result<Created<JobView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, wanted)| {
        let job = jobs::assign_specialist(tx, id, wanted)?;
        JobView::changed(tx, caller, job)
    });
    Ok(Created::with(view.await?, "specialist assigned"))
}

async fn resolve(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<DefectId>,
    body: Body<Resolution>,
) -> Result<Reply<DefectView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, resolution)| {
        let defect = defects::resolve(tx, id, resolution)?;
        DefectView::changed(tx, caller, defect)
    });
    Ok(Reply::with(view.await?, "defect resolved"))
}

async fn close(
    app: App,
    permit: Permit<CloseDefects>,
    id: Path<DefectId>,
) -> Result<Reply<DefectView>, Problem> {
    let view = app.write(permit, id, |tx, caller, id| {
        let defect = defects::close(tx, id)?;
        DefectView::changed(tx, caller, defect)
    });
    Ok(Reply::with(view.await?, "defect closed"))
}

async fn reopen(
    app: App,
    permit: Permit<CloseDefects>,
    id: Path<DefectId>,
    body: Body<Reopening>,
) -> Result<Reply<DefectView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, reopening)| {
        let defect = defects::reopen(tx, id, reopening)?;
        DefectView::changed(tx, caller, defect)
    });
    Ok(Reply::with(view.await?, "defect reopened"))
}
