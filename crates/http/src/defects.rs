//! Defects.

use inspection_auth::permissions::{CloseDefects, PlanRepairs, SignedIn};
use inspection_domain::{
    defect_assessments::DefectAssessment,
    defects::{Defect, DefectChanges, DefectFilter, FalseAlarm, NewDefect, Reopening, Resolution},
    ids::{DefectId, FileId},
    jobs::{AssignSpecialist, JobRule},
    rule::Rule,
    users::UserSummary,
};
use inspection_persistence::{defect_assessments, defects, inspections, jobs, versions};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::EquipmentView,
    inspections::InspectionView,
    jobs::SpecialistJobView,
    occurrences::{Findings, OccurrenceView},
    related::{References, Related, View, list_views},
    web::{
        app::{App, Caller},
        entity_tags::Versioned,
        input::{Body, ListQuery, Path},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Created, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of defects.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("defects", "Defects, from their report to their closing");
    routes.get("/api/defects", "defects.list", list, "List defects, filtered, by due date and severity");
    routes.post("/api/defects", "defects.report", report, "Report a defect without an inspection");
    routes.get(
        "/api/defects/{id}",
        "defects.get",
        get,
        "Get a defect with its inspection, assessment and latest job",
    );
    routes.put("/api/defects/{id}", "defects.update", update, "Update a defect");
    routes.post(
        "/api/defects/{id}/assign-specialist",
        "defects.assign_specialist",
        assign_specialist,
        "Assign a defect to a specialist; creates the repair job",
    );
    routes.post(
        "/api/defects/{id}/resolve",
        "defects.resolve",
        resolve,
        "Resolve a defect; allowed for its assignee, its specialist, engineers and admins",
    );
    routes.post(
        "/api/defects/{id}/false-alarm",
        "defects.dismiss",
        dismiss,
        "Dismiss a defect as a false alarm; cancels its repair job",
    );
    routes.post("/api/defects/{id}/close", "defects.close", close, "Close a resolved defect");
    routes.post("/api/defects/{id}/reopen", "defects.reopen", reopen, "Reopen a resolved defect");
}

inspection_domain::shows!(
    DefectView { defect, equipment },
    DefectAssessmentView { assessment },
    DefectDetail { defect, inspection, assessment, job, findings }
);

/// A defect.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DefectView {
    #[serde(flatten)]
    defect: Defect,
    /// Description, as entered.
    description_en: String,
    /// `PLANNED_TIME_REQUIRED` if the user must enter the planned time of the repair first. Until
    /// then the descriptions are empty, and the notes are null.
    code: Option<&'static str>,
    /// Whether the due date has passed and the defect is not resolved.
    is_overdue: bool,
    /// The assignee.
    assigned_to: Option<UserSummary>,
    /// The resolving user.
    resolved_by: Option<UserSummary>,
    /// The user that found it.
    reported_by: Option<UserSummary>,
    /// The machine.
    equipment: Option<EquipmentView>,
}

impl View<Defect> for DefectView {
    fn references(defect: &Defect, references: &mut References) {
        references.defect(defect.id);
        references.machine(defect.equipment_id);
        references.people([defect.assigned_to_id, defect.resolved_by_id, Some(defect.reported_by_id)]);
    }

    fn new(defect: Defect, related: &Related, caller: &Caller) -> Self {
        let is_hidden = related.is_hidden(defect.id);
        let defect = if is_hidden { defect.outline() } else { defect };
        Self {
            code: is_hidden.then(|| JobRule::PlannedTimeRequired.code().as_str()),
            description_en: defect.description.clone(),
            is_overdue: defect.is_overdue(caller.today),
            assigned_to: related.person(defect.assigned_to_id),
            resolved_by: related.person(defect.resolved_by_id),
            reported_by: related.person(defect.reported_by_id),
            equipment: EquipmentView::of(defect.equipment_id, related, caller),
            defect: defect.in_language(caller.language),
        }
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<DefectFilter>,
) -> Result<Paged<DefectView>, Problem> {
    list_views(app, permit, query, |conn, caller, filter, page| {
        defects::list(conn, &filter, caller.today, page)
    })
    .await
}

/// A specialist's assessment of a defect.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DefectAssessmentView {
    #[serde(flatten)]
    assessment: DefectAssessment,
    /// The specialist.
    specialist: Option<UserSummary>,
}

impl View<DefectAssessment> for DefectAssessmentView {
    fn references(assessment: &DefectAssessment, references: &mut References) {
        references.people([Some(assessment.specialist_id)]);
    }

    fn new(assessment: DefectAssessment, related: &Related, _: &Caller) -> Self {
        Self { specialist: related.person(assessment.specialist_id), assessment }
    }
}

/// A defect with its inspection, assessment and job.
#[derive(Debug, Serialize, ToSchema)]
struct DefectDetail {
    #[serde(flatten)]
    defect: DefectView,
    /// The inspection that found it; none if it was reported without one.
    inspection: Option<InspectionView>,
    /// The specialist's assessment; null for users that may not see it.
    assessment: Option<DefectAssessmentView>,
    /// The latest repair job.
    job: Option<SpecialistJobView>,
    /// The latest findings; `occurrence_count` is the number of all.
    findings: Vec<OccurrenceView>,
    /// Photos of the report; none until the user has entered the planned time of the repair.
    photo_file_ids: Vec<FileId>,
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<DefectId>) -> Result<Reply<DefectDetail>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let defect = defects::get(conn, id)?;
        let inspection = match defect.inspection_id {
            Some(id) => Some(inspections::get(conn, id)?),
            None => None,
        };
        let job = jobs::find_repair(conn, id)?;
        let assessment = defect_assessments::find_by_defect(conn, id)?;
        let assessment = assessment.filter(|it| it.may_be_seen_by(&caller.user).is_ok());
        let found = Findings::latest(conn, id)?;
        let version = versions::of(&defect)?;
        let mut references = References::of::<_, DefectView>(std::slice::from_ref(&defect));
        references.add::<_, InspectionView>(inspection.as_slice());
        references.add::<_, SpecialistJobView>(job.as_slice());
        references.add::<_, DefectAssessmentView>(assessment.as_slice());
        found.references(&mut references);
        let related = references.load(conn, caller)?;
        let findings = found.views(&related);
        let photo_file_ids = if related.is_hidden(id) { Vec::new() } else { defects::list_photos(conn, id)? };
        let defect = DefectView::new(defect, &related, caller);
        let inspection = inspection.map(|it| InspectionView::new(it, &related, caller));
        let job = job.map(|it| SpecialistJobView::new(it, &related, caller));
        let assessment = assessment.map(|it| DefectAssessmentView::new(it, &related, caller));
        let view = DefectDetail { defect, inspection, assessment, job, findings, photo_file_ids };
        Ok(Versioned { version, view })
    });
    Ok(Reply::versioned(view.await?))
}

async fn report(
    app: App,
    permit: Permit<SignedIn>,
    body: Body<NewDefect>,
) -> Result<Rendered<Created<DefectView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        let defect = defects::report(tx, new)?;
        Ok(Created::with(DefectView::one(tx.conn(), defect, caller)?, "defect reported"))
    })
    .await
}

async fn update(
    app: App,
    permit: Permit<PlanRepairs>,
    id: Path<DefectId>,
    body: Body<DefectChanges>,
) -> Result<Rendered<Reply<DefectView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, changes)| {
        let defect = defects::update(tx, id, changes)?;
        Ok(Reply::with(DefectView::one(tx.conn(), defect, caller)?, "defect changed"))
    })
    .await
}

async fn assign_specialist(
    app: App,
    permit: Permit<PlanRepairs>,
    id: Path<DefectId>,
    body: Body<AssignSpecialist>,
) -> Result<Rendered<Created<SpecialistJobView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, assignment)| {
        let job = jobs::assign_specialist(tx, id, assignment)?;
        Ok(Created::with(SpecialistJobView::one(tx.conn(), job, caller)?, "specialist assigned"))
    })
    .await
}

async fn resolve(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<DefectId>,
    body: Body<Resolution>,
) -> Result<Rendered<Reply<DefectView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, resolution)| {
        let defect = jobs::resolve_defect(tx, id, resolution)?;
        Ok(Reply::with(DefectView::one(tx.conn(), defect, caller)?, "defect resolved"))
    })
    .await
}

async fn dismiss(
    app: App,
    permit: Permit<PlanRepairs>,
    id: Path<DefectId>,
    body: Body<FalseAlarm>,
) -> Result<Rendered<Reply<DefectView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, alarm)| {
        let defect = jobs::dismiss_defect(tx, id, alarm)?;
        Ok(Reply::with(DefectView::one(tx.conn(), defect, caller)?, "defect dismissed as a false alarm"))
    })
    .await
}

async fn close(
    app: App,
    permit: Permit<CloseDefects>,
    id: Path<DefectId>,
) -> Result<Rendered<Reply<DefectView>>, Problem> {
    app.write(permit, id, |tx, caller, id| {
        let defect = defects::close(tx, id)?;
        Ok(Reply::with(DefectView::one(tx.conn(), defect, caller)?, "defect closed"))
    })
    .await
}

async fn reopen(
    app: App,
    permit: Permit<CloseDefects>,
    id: Path<DefectId>,
    body: Body<Reopening>,
) -> Result<Rendered<Reply<DefectView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, reopening)| {
        let defect = defects::reopen(tx, id, reopening)?;
        Ok(Reply::with(DefectView::one(tx.conn(), defect, caller)?, "defect reopened"))
    })
    .await
}
