//! Specialists' assessments of defects before work.

use inspection_auth::permissions::{RepairDefects, SignedIn};
use inspection_domain::{defect_assessments::NewDefectAssessment, defects::Defect, ids::JobId};
use inspection_persistence::defect_assessments;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    defects::{DefectAssessmentView, DefectView},
    related::{References, Related, View, list_views},
    web::{
        app::{App, Caller},
        input::{Body, ListQuery, Unfiltered},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Created, Paged},
        routes::Routes,
    },
};

/// Endpoints of assessments of defects.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("defect_assessments", "Assessments of defects by specialists");
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
) -> Result<Paged<DefectAssessmentView>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| defect_assessments::list(conn, &caller.user, page))
        .await
}

/// A defect that awaits an assessment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Waiting)]
struct DefectToAssess {
    /// The repair job.
    job_id: JobId,
    /// The defect.
    defect: DefectView,
}

impl View<(JobId, Defect)> for DefectToAssess {
    fn references((_, defect): &(JobId, Defect), references: &mut References) {
        DefectView::references(defect, references);
    }

    fn new((job_id, defect): (JobId, Defect), related: &Related, caller: &Caller) -> Self {
        Self { job_id, defect: DefectView::new(defect, related, caller) }
    }
}

async fn pending(
    app: App,
    permit: Permit<RepairDefects>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<DefectToAssess>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| {
        defect_assessments::pending(conn, &caller.user, page)
    })
    .await
}

async fn assess(
    app: App,
    permit: Permit<RepairDefects>,
    body: Body<NewDefectAssessment>,
) -> Result<Rendered<Created<DefectAssessmentView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        let assessment = defect_assessments::assess(tx, new)?;
        Ok(Created::with(DefectAssessmentView::one(tx.conn(), assessment, caller)?, "defect assessed"))
    })
    .await
}
