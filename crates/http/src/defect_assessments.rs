//! What specialists think of defects before work.

use inspection_auth::permissions::{RepairDefects, SignedIn};
use inspection_domain::{
    defect_assessments::{DefectAssessment, NewDefectAssessment},
    defects::Defect,
    ids::JobId,
};
use inspection_persistence::defect_assessments;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    defects::localised,
    web::{
        app::App,
        input::{Body, ListQuery, Unfiltered},
        permit::Permit,
        problem::Problem,
        reply::{Created, Paged},
        routes::Routes,
    },
};

/// Endpoints of assessments of defects.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/defect-assessments",
        "defect_assessments.list",
        list,
        "Assessments of defects, newest first; all for an admin, else one's own",
    );
    routes.post(
        "/api/defect-assessments",
        "defect_assessments.assess",
        assess,
        "Assess a defect before work: the specialist of its job, once",
    );
    routes.get(
        "/api/defect-assessments/pending",
        "defect_assessments.pending",
        pending,
        "The defects that wait for one's assessment",
    );
}

inspection_domain::shows!(Waiting { defect });

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<DefectAssessment>, Problem> {
    let page =
        app.read(permit, query, |conn, caller, (_, page)| defect_assessments::list(conn, &caller.user, page));
    Ok(Paged(page.await?))
}

/// A defect that waits for an assessment.
#[derive(Debug, Serialize, ToSchema)]
struct Waiting {
    /// The job to repair it.
    job_id: JobId,
    /// The defect.
    defect: Defect,
}

async fn pending(
    app: App,
    permit: Permit<RepairDefects>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<Waiting>, Problem> {
    let page = app.read(permit, query, |conn, caller, (_, page)| {
        let page = defect_assessments::pending(conn, &caller.user, page)?;
        let language = caller.language;
        Ok(page.map(|(job_id, defect)| Waiting { job_id, defect: localised(defect, language) }))
    });
    Ok(Paged(page.await?))
}

async fn assess(
    app: App,
    permit: Permit<RepairDefects>,
    body: Body<NewDefectAssessment>,
) -> Result<Created<DefectAssessment>, Problem> {
    let assessment = app.write(permit, body, |tx, _, wanted| defect_assessments::assess(tx, wanted));
    Ok(Created::with(assessment.await?, "defect assessed"))
}
