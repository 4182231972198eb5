//! The questions and answers of both halves of an assignment.

use inspection_auth::permissions::SignedIn;
use inspection_domain::{
    ids::{AssignmentId, EquipmentId, InspectionId},
    inspections::{InspectionResult, InspectionStatus, Progress},
    time::Instant,
    users::{Category, UserSummary},
};
use inspection_persistence::inspections;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    checklists::{ItemView, TemplateView},
    inspections::InspectionAnswerView,
    related::References,
    web::{app::App, input::Path, permit::Permit, problem::Problem, reply::Reply},
};

inspection_domain::shows!(HalvesView { template, checklist_items, answers });

/// The questions and answers of both halves of an assignment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HalvesView {
    /// The assignment.
    assignment_id: AssignmentId,
    /// The machine.
    equipment_id: EquipmentId,
    /// The checklist.
    template: TemplateView,
    /// The halves, the mechanical one first.
    halves: Vec<HalfView>,
    /// The questions of both halves, in order.
    checklist_items: Vec<ItemView>,
    /// The answers of both halves, each with its inspection.
    answers: Vec<InspectionAnswerView>,
}

/// One half of an assignment.
#[derive(Debug, Serialize, ToSchema)]
struct HalfView {
    /// Trade of the half.
    category: Category,
    /// Its inspector.
    technician: Option<UserSummary>,
    /// Whether the reader is its inspector, who has to answer its questions.
    is_own: bool,
    /// Its inspection; none if it has not been started.
    inspection_id: Option<InspectionId>,
    /// Status of the inspection.
    status: Option<InspectionStatus>,
    /// Result of the inspection.
    result: Option<InspectionResult>,
    /// Start time of the inspection.
    started_at: Option<Instant>,
    /// Submission time of the inspection.
    submitted_at: Option<Instant>,
    /// Number of answered questions; none if it has not been started.
    progress: Option<Progress>,
}

pub(super) async fn answers(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<AssignmentId>,
) -> Result<Reply<HalvesView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let (assignment, template, halves) = inspections::get_halves(conn, &caller.user, id)?;
        let mut references = References::default();
        references.people(assignment.team());
        let people = references.load(conn, caller)?;
        let language = caller.language;
        let mut view = HalvesView {
            assignment_id: assignment.id,
            equipment_id: assignment.equipment_id,
            template: TemplateView::new(template, language),
            halves: Vec::new(),
            checklist_items: Vec::new(),
            answers: Vec::new(),
        };
        let mut questions = Vec::new();
        for half in halves {
            let inspector = assignment.inspector(half.category);
            let inspection = half.inspection.as_ref();
            view.halves.push(HalfView {
                category: half.category,
                technician: people.person(inspector),
                is_own: inspector == Some(caller.user.id),
                inspection_id: inspection.map(|inspection| inspection.id),
                status: inspection.map(|inspection| inspection.status),
                result: inspection.and_then(|inspection| inspection.result),
                started_at: inspection.map(|inspection| inspection.started_at),
                submitted_at: inspection.and_then(|inspection| inspection.submitted_at),
                progress: half.progress.map(|progress| progress.in_language(language)),
            });
            view.answers.extend(InspectionAnswerView::all(half.answers, &half.items, language));
            questions.extend(half.items);
        }
        questions.sort_by_key(|item| (item.order_index, item.id));
        questions.dedup_by_key(|item| item.id);
        view.checklist_items = questions.into_iter().map(|item| ItemView::new(item, language)).collect();
        Ok(view)
    });
    Ok(Reply::new(view.await?))
}
