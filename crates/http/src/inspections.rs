//! Inspections.

use inspection_auth::permissions::{Inspect, ReviewInspections, SignedIn};
use inspection_domain::{
    ids::{AssignmentId, FileId, InspectionId},
    inspections::{
        Answer, Inspection, InspectionFilter, NewAnswer, NewAnswers, Progress, Review, StartInspection,
    },
    text::Language,
    users::UserSummary,
};
use inspection_persistence::{
    self as persistence, DbConnection,
    inspections::{self, InspectionDetail},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    checklists::{ItemView, TemplateView},
    equipment::{EquipmentView, Related},
    web::{
        app::App,
        input::{Body, ListQuery, Path},
        permit::Permit,
        problem::Problem,
        reply::{Done, FoundOrCreated, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of inspections.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/inspections", "inspections.list", list, "The inspections one may see, filtered");
    routes.post(
        "/api/inspections/start",
        "inspections.start",
        start,
        "Start one's half of an assignment or an inspection of a machine, or find one's draft of it",
    );
    routes.get(
        "/api/inspections/by-assignment/{assignment_id}",
        "inspections.of_assignment",
        of_assignment,
        "One's own inspection of an assignment",
    );
    routes.get(
        "/api/inspections/{id}",
        "inspections.get",
        get,
        "One inspection with its questions and answers",
    );
    routes.delete("/api/inspections/{id}", "inspections.delete", delete, "Throw a draft away");
    routes.post(
        "/api/inspections/{id}/answer",
        "inspections.answer",
        answer,
        "Answer one question of a draft",
    );
    routes.post(
        "/api/inspections/{id}/answers",
        "inspections.answer_many",
        answer_many,
        "Answer several questions of a draft, all or nothing",
    );
    routes.get(
        "/api/inspections/{id}/progress",
        "inspections.progress",
        progress,
        "How many questions are answered",
    );
    routes.post(
        "/api/inspections/{id}/submit",
        "inspections.submit",
        submit,
        "Hand an inspection in; failed answers become defects",
    );
    routes.post(
        "/api/inspections/{id}/review",
        "inspections.review",
        review,
        "Mark a submitted inspection as seen",
    );
}

inspection_domain::shows!(
    InspectionView { inspection, equipment },
    SubmittedView { inspection },
    SheetView { inspection, template, checklist_items, answers },
    AnswersView { answers },
    AnswerView { answer }
);

/// An inspection for a reader.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InspectionView {
    #[serde(flatten)]
    inspection: Inspection,
    /// The machine.
    equipment: Option<EquipmentView>,
    /// Whose inspection it is.
    technician: Option<UserSummary>,
    /// Which admin has seen it.
    reviewed_by: Option<UserSummary>,
}

/// What inspections refer to.
fn related(conn: &mut DbConnection, inspections: &[Inspection]) -> persistence::Result<Related> {
    let machines = inspections.iter().map(|inspection| inspection.equipment_id);
    let people =
        inspections.iter().flat_map(|inspection| [Some(inspection.technician_id), inspection.reviewed_by_id]);
    Related::of(conn, machines, people)
}

impl InspectionView {
    pub(crate) fn new(inspection: Inspection, related: &Related, language: Language) -> Self {
        Self {
            equipment: related.machine(inspection.equipment_id, language),
            technician: related.person(Some(inspection.technician_id)),
            reviewed_by: related.person(inspection.reviewed_by_id),
            inspection,
        }
    }

    /// One inspection, with what it refers to.
    pub(crate) fn one(
        conn: &mut DbConnection,
        inspection: Inspection,
        language: Language,
    ) -> persistence::Result<Self> {
        let related = related(conn, std::slice::from_ref(&inspection))?;
        Ok(Self::new(inspection, &related, language))
    }
}

/// An inspection with everything it consists of.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SheetView {
    #[serde(flatten)]
    inspection: InspectionView,
    /// The checklist.
    template: TemplateView,
    /// The questions in its scope, in order.
    checklist_items: Vec<ItemView>,
    /// The answers given.
    answers: Vec<Answer>,
    /// The files its review rests on.
    review_file_ids: Vec<FileId>,
    /// How many questions are answered.
    progress: Progress,
}

impl SheetView {
    pub(crate) fn new(
        conn: &mut DbConnection,
        sheet: InspectionDetail,
        language: Language,
    ) -> persistence::Result<Self> {
        let progress = sheet.progress();
        Ok(Self {
            inspection: InspectionView::one(conn, sheet.inspection, language)?,
            template: TemplateView::new(sheet.template, language),
            checklist_items: sheet.items.into_iter().map(|item| ItemView::new(item, language)).collect(),
            answers: sheet.answers,
            review_file_ids: sheet.review_files,
            progress,
        })
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<InspectionFilter>,
) -> Result<Paged<InspectionView>, Problem> {
    let calendar = app.context().calendar.clone();
    let page = app.read(permit, query, move |conn, caller, (filter, page)| {
        let page = inspections::list(conn, &caller.user, &filter, &calendar, page)?;
        let related = related(conn, &page.items)?;
        Ok(page.map(|inspection| InspectionView::new(inspection, &related, caller.language)))
    });
    Ok(Paged(page.await?))
}

async fn get(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
) -> Result<Reply<SheetView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let sheet = inspections::get_visible(conn, &caller.user, id)?;
        SheetView::new(conn, sheet, caller.language)
    });
    Ok(Reply::new(view.await?))
}

async fn of_assignment(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<AssignmentId>,
) -> Result<Reply<SheetView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let sheet = inspections::get_visible_half(conn, &caller.user, id)?;
        SheetView::new(conn, sheet, caller.language)
    });
    Ok(Reply::new(view.await?))
}

async fn start(
    app: App,
    permit: Permit<Inspect>,
    body: Body<StartInspection>,
) -> Result<FoundOrCreated<SheetView>, Problem> {
    let started = app.write(permit, body, |tx, caller, start| {
        let (sheet, is_new) = inspections::start(tx, &start)?;
        Ok(FoundOrCreated { data: SheetView::new(tx.conn(), sheet, caller.language)?, is_new })
    });
    started.await
}

/// An answer that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswerView {
    #[serde(flatten)]
    answer: Answer,
    /// How many questions are answered now.
    progress: Progress,
}

impl AnswerView {
    pub(crate) fn new(answer: Answer, progress: Progress) -> Self {
        Self { answer, progress }
    }
}

async fn answer(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
    body: Body<NewAnswer>,
) -> Result<Reply<AnswerView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, given)| {
        let (answer, progress) = inspections::answer_one(tx, id, given)?;
        Ok(AnswerView::new(answer, progress))
    });
    Ok(Reply::with(view.await?, "answer taken"))
}

/// Answers that were taken.
#[derive(Debug, Serialize, ToSchema)]
struct AnswersView {
    /// The answers.
    answers: Vec<Answer>,
    /// How many questions are answered now.
    progress: Progress,
}

async fn answer_many(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
    body: Body<NewAnswers>,
) -> Result<Reply<AnswersView>, Problem> {
    let view = app.write(permit, (id, body), |tx, _, (id, given)| {
        let (answers, progress) =
            inspections::answer(tx, id, given.answers.0, |n| Some(format!("answers[{n}]")))?;
        Ok(AnswersView { answers, progress })
    });
    Ok(Reply::with(view.await?, "answers taken"))
}

async fn progress(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
) -> Result<Reply<Progress>, Problem> {
    let progress = app.read(permit, id, |conn, caller, id| {
        Ok(inspections::get_visible(conn, &caller.user, id)?.progress())
    });
    Ok(Reply::new(progress.await?))
}

/// An inspection that was handed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmittedView {
    #[serde(flatten)]
    inspection: InspectionView,
    /// Defects that were raised.
    defects_created: usize,
}

impl SubmittedView {
    pub(crate) fn new(
        conn: &mut DbConnection,
        inspection: Inspection,
        defects_created: usize,
        language: Language,
    ) -> persistence::Result<Self> {
        Ok(Self { inspection: InspectionView::one(conn, inspection, language)?, defects_created })
    }
}

async fn submit(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
) -> Result<Reply<SubmittedView>, Problem> {
    let view = app.write(permit, id, |tx, caller, id| {
        let (inspection, defects_created) = inspections::submit(tx, id)?;
        SubmittedView::new(tx.conn(), inspection, defects_created, caller.language)
    });
    Ok(Reply::with(view.await?, "inspection submitted"))
}

async fn review(
    app: App,
    permit: Permit<ReviewInspections>,
    id: Path<InspectionId>,
    body: Body<Review>,
) -> Result<Reply<InspectionView>, Problem> {
    let view = app.write(permit, (id, body), |tx, caller, (id, review)| {
        let inspection = inspections::review(tx, id, review)?;
        InspectionView::one(tx.conn(), inspection, caller.language)
    });
    Ok(Reply::with(view.await?, "inspection reviewed"))
}

async fn delete(app: App, permit: Permit<SignedIn>, id: Path<InspectionId>) -> Result<Done, Problem> {
    app.write(permit, id, |tx, _, id| inspections::delete(tx, id)).await?;
    Ok(Done("draft thrown away"))
}
