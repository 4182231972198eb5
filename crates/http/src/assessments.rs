//! Final assessments: the verdicts on a machine, and what they come to.

use inspection_auth::permissions::{DecideAssessments, SignedIn};
use inspection_domain::{
    assessments::{AdminDecision, Assessment, AssessmentFilter, NewVerdict},
    ids::{AssessmentId, AssignmentId},
    text::Language,
    users::UserSummary,
};
use inspection_persistence::{self as persistence, DbConnection, assessments};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::{EquipmentView, Related},
    web::{
        app::App,
        input::{Body, ListQuery, Path, Unfiltered},
        permit::Permit,
        problem::Problem,
        reply::{Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of assessments.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/assessments",
        "assessments.list",
        list,
        "Assessments, filtered, newest first; all for an admin, else one's own",
    );
    routes.get(
        "/api/assessments/pending",
        "assessments.pending",
        pending,
        "The assessments that wait for one's verdict",
    );
    routes.post(
        "/api/assessments/create/{assignment_id}",
        "assessments.of_assignment",
        of_assignment,
        "The assessment of an assignment, which handing in its second half has made",
    );
    routes.get("/api/assessments/{id}", "assessments.get", get, "One assessment");
    routes.post(
        "/api/assessments/{id}/verdict",
        "assessments.give_verdict",
        give_verdict,
        "Give one's verdict; urgent stops the machine at once",
    );
    routes.post(
        "/api/assessments/{id}/admin-resolve",
        "assessments.decide",
        decide,
        "Decide an assessment, or decide it again; operational releases what this assessment stopped",
    );
}

inspection_domain::shows!(AssessmentView { assessment, equipment });

/// An assessment for a reader.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssessmentView {
    #[serde(flatten)]
    assessment: Assessment,
    /// The machine.
    equipment: Option<EquipmentView>,
    /// Who inspected the mechanical half.
    mechanical_inspector: Option<UserSummary>,
    /// Who inspected the electrical half.
    electrical_inspector: Option<UserSummary>,
    /// The admin who decided it.
    decided_by: Option<UserSummary>,
}

/// What assessments refer to.
fn related(conn: &mut DbConnection, assessments: &[Assessment]) -> persistence::Result<Related> {
    let machines = assessments.iter().map(|assessment| assessment.equipment_id);
    let people = assessments.iter().flat_map(|assessment| {
        let [mechanical, electrical] = assessment.inspectors();
        [Some(mechanical), Some(electrical), assessment.decided_by_id]
    });
    Related::of(conn, machines, people)
}

impl AssessmentView {
    fn new(assessment: Assessment, related: &Related, language: Language) -> Self {
        Self {
            equipment: related.machine(assessment.equipment_id, language),
            mechanical_inspector: related.person(Some(assessment.mechanical_inspector_id)),
            electrical_inspector: related.person(Some(assessment.electrical_inspector_id)),
            decided_by: related.person(assessment.decided_by_id),
            assessment,
        }
    }

    pub(crate) fn one(
        conn: &mut DbConnection,
        assessment: Assessment,
        language: Language,
    ) -> persistence::Result<Self> {
        let related = related(conn, std::slice::from_ref(&assessment))?;
        Ok(Self::new(assessment, &related, language))
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<AssessmentFilter>,
) -> Result<Paged<AssessmentView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = assessments::list(conn, &caller.user, &filter, page)?;
        let related = related(conn, &page.items)?;
        Ok(page.map(|assessment| AssessmentView::new(assessment, &related, caller.language)))
    });
    Ok(Paged(page.await?))
}

async fn pending(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<AssessmentView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (_, page)| {
        let page = assessments::waiting_for(conn, &caller.user, page)?;
        let related = related(conn, &page.items)?;
        Ok(page.map(|assessment| AssessmentView::new(assessment, &related, caller.language)))
    });
    Ok(Paged(page.await?))
}

async fn get(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<AssessmentId>,
) -> Result<Reply<AssessmentView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let assessment = assessments::get_visible(conn, &caller.user, id)?;
        AssessmentView::one(conn, assessment, caller.language)
    });
    Ok(Reply::new(view.await?))
}

async fn of_assignment(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<AssignmentId>,
) -> Result<Reply<AssessmentView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let assessment = assessments::get_visible_by_assignment(conn, &caller.user, id)?;
        AssessmentView::one(conn, assessment, caller.language)
    });
    Ok(Reply::new(view.await?))
}

async fn give_verdict(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<AssessmentId>,
    body: Body<NewVerdict>,
) -> Result<Reply<AssessmentView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, verdict)| {
        let assessment = assessments::give_verdict(tx, id, verdict)?;
        AssessmentView::one(tx.conn(), assessment, caller.language)
    });
    Ok(Reply::with(view.await?, "verdict taken"))
}

async fn decide(
    app: App,
    permit: Permit<DecideAssessments>,
    id: Path<AssessmentId>,
    body: Body<AdminDecision>,
) -> Result<Reply<AssessmentView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, decision)| {
        let assessment = assessments::decide(tx, id, decision)?;
        AssessmentView::one(tx.conn(), assessment, caller.language)
    });
    Ok(Reply::with(view.await?, "assessment decided"))
}
