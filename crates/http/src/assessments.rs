//! Final assessments of machines.

use inspection_auth::permissions::{DecideAssessments, SignedIn};
use inspection_domain::{
    assessments::{AdminDecision, Assessment, AssessmentFilter, NewVerdict},
    ids::{AssessmentId, AssignmentId},
    translations::{Slot, Translated},
    users::UserSummary,
};
use inspection_persistence::{assessments, versions};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::EquipmentView,
    related::{References, Related, View, list_views},
    web::{
        app::{App, Caller},
        entity_tags::Versioned,
        input::{Body, ListQuery, Path, Unfiltered},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of assessments.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("assessments", "Assessments: the verdicts of both inspectors on a machine");
    routes.get(
        "/api/assessments",
        "assessments.list",
        list,
        "List assessments, filtered, newest first; admins see all, others their own",
    );
    routes.get(
        "/api/assessments/pending",
        "assessments.pending",
        pending,
        "List the assessments that await the user's verdict",
    );
    routes.post(
        "/api/assessments/create/{assignment_id}",
        "assessments.of_assignment",
        of_assignment,
        "Get the assessment of an assignment, created when its second half is submitted",
    );
    routes.get("/api/assessments/{id}", "assessments.get", get, "Get an assessment");
    routes.post(
        "/api/assessments/{id}/verdict",
        "assessments.give_verdict",
        give_verdict,
        "Give a verdict; `urgent` stops the machine immediately",
    );
    routes.post(
        "/api/assessments/{id}/admin-resolve",
        "assessments.decide",
        decide,
        "Decide an assessment, or revise the decision; `operational` releases a machine it stopped",
    );
}

/// An assessment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssessmentView {
    #[serde(flatten)]
    assessment: Assessment,
    /// The reason that counts: of the urgent verdict given first, or of an admin that decided
    /// `urgent`.
    urgent_reason: Option<String>,
    /// The machine.
    equipment: Option<EquipmentView>,
    /// Inspector of the mechanical half.
    mechanical_inspector: Option<UserSummary>,
    /// Inspector of the electrical half.
    electrical_inspector: Option<UserSummary>,
    /// The deciding admin.
    admin: Option<UserSummary>,
}

impl Translated for AssessmentView {
    fn texts(&mut self, visit: &mut dyn FnMut(Slot<'_>)) {
        self.assessment.texts(visit);
        self.equipment.texts(visit);
        self.urgent_reason = self.assessment.counting_reason().map(Into::into);
    }
}

impl View<Assessment> for AssessmentView {
    fn references(assessment: &Assessment, references: &mut References) {
        references.machine(assessment.equipment_id);
        references.people(assessment.inspectors().map(Some));
        references.people([assessment.decided_by_id]);
    }

    fn new(assessment: Assessment, related: &Related, caller: &Caller) -> Self {
        Self {
            urgent_reason: assessment.counting_reason().map(Into::into),
            equipment: EquipmentView::of(assessment.equipment_id, related, caller),
            mechanical_inspector: related.person(assessment.mechanical_inspector_id),
            electrical_inspector: related.person(assessment.electrical_inspector_id),
            admin: related.person(assessment.decided_by_id),
            assessment,
        }
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<AssessmentFilter>,
) -> Result<Paged<AssessmentView>, Problem> {
    list_views(app, permit, query, |conn, caller, filter, page| {
        assessments::list(conn, &caller.user, &filter, page)
    })
    .await
}

async fn pending(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<AssessmentView>, Problem> {
    list_views(app, permit, query, |conn, caller, _, page| assessments::waiting_for(conn, &caller.user, page))
        .await
}

async fn get(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<AssessmentId>,
) -> Result<Reply<AssessmentView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let assessment = assessments::get_visible(conn, &caller.user, id)?;
        let version = versions::of(&assessment)?;
        Ok(Versioned { version, view: AssessmentView::one(conn, assessment, caller)? })
    });
    Ok(Reply::versioned(view.await?))
}

async fn of_assignment(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<AssignmentId>,
) -> Result<Reply<AssessmentView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let assessment = assessments::get_visible_by_assignment(conn, &caller.user, id)?;
        let version = versions::of(&assessment)?;
        Ok(Versioned { version, view: AssessmentView::one(conn, assessment, caller)? })
    });
    Ok(Reply::versioned(view.await?))
}

async fn give_verdict(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<AssessmentId>,
    body: Body<NewVerdict>,
) -> Result<Rendered<Reply<AssessmentView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, verdict)| {
        let assessment = assessments::give_verdict(tx, id, verdict)?;
        Ok(Reply::with(AssessmentView::one(tx.conn(), assessment, caller)?, "verdict recorded"))
    })
    .await
}

async fn decide(
    app: App,
    permit: Permit<DecideAssessments>,
    id: Path<AssessmentId>,
    body: Body<AdminDecision>,
) -> Result<Rendered<Reply<AssessmentView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, decision)| {
        let assessment = assessments::decide(tx, id, decision)?;
        Ok(Reply::with(AssessmentView::one(tx.conn(), assessment, caller)?, "assessment decided"))
    })
    .await
}
