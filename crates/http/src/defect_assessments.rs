//! Specialists' assessments of defects before work.

use inspection_auth::permissions::{RepairDefects, SignedIn};
use inspection_domain::{
    defect_assessments::{DefectAssessment, NewDefectAssessment},
    defects::Defect,
    ids::JobId,
};
use inspection_persistence::defect_assessments;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    input::{Body, ListQuery, Unfiltered},
    permit::Permit,
    problem::Problem,
    reply::{Created, Paged},
    routes::Routes,
};

/// Endpoints of assessments of defects.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/defect-assessments",
        "defect_assessments.list",
        list,
        "List defect assessments, newest first; admins see all, others their own",
    );
    routes.post(
        "/api/defect-assessments",
        "defect_assessments.assess",
        assess,
        "Assess a defect before work; once, by the specialist of its job",
    );
    routes.get(
        "/api/defect-assessments/pending",
        "defect_assessments.pending",
        pending,
        "List the defects that await the user's assessment",
    );
}

inspection_domain::shows!(DefectToAssess { defect });

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<DefectAssessment>, Problem> {
    let page =
        app.read(permit, query, |conn, caller, (_, page)| defect_assessments::list(conn, &caller.user, page));
    Ok(Paged(page.await?))
}

/// A defect that awaits an assessment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Waiting)]
struct DefectToAssess {
    /// The repair job.
    job_id: JobId,
    /// The defect.
    defect: Defect,
}

async fn pending(
    app: App,
    permit: Permit<RepairDefects>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<DefectToAssess>, Problem> {
    let page = app.read(permit, query, |conn, caller, (_, page)| {
        let page = defect_assessments::pending(conn, &caller.user, page)?;
        let language = caller.language;
        Ok(page.map(|(job_id, defect)| DefectToAssess { job_id, defect: defect.in_language(language) }))
    });
    Ok(Paged(page.await?))
}

async fn assess(
    app: App,
    permit: Permit<RepairDefects>,
    body: Body<NewDefectAssessment>,
) -> Result<Created<DefectAssessment>, Problem> {
    let assessment = app.write(permit, body, |tx, _, new| defect_assessments::assess(tx, new));
    Ok(Created::with(assessment.await?, "defect assessed"))
}
