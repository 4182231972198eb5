//! Inspections.

mod report;

use inspection_auth::permissions::{Inspect, ReviewInspections, SignedIn};
use inspection_domain::{
    checklists::{self, Item},
    ids::{AssignmentId, FileId, InspectionId, ItemId},
    inspections::{
        Answer, Inspection, InspectionFilter, NewAnswer, NewAnswers, Progress, Review, StartInspection,
        photos_on_phone,
    },
    text::Language,
    users::UserSummary,
    warning::Warning,
};
use inspection_persistence::{
    self as persistence, DbConnection,
    inspections::{self, InspectionDetail},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    checklists::{ItemView, TemplateView},
    equipment::EquipmentView,
    related::{References, Related, View, list_views},
    web::{
        app::{App, Caller},
        entity_tags::Versioned,
        input::{Body, ListQuery, Path},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Done, FoundOrCreated, Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of inspections.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("inspections", "Inspections by checklist, with answers and photos");
    routes.get(
        "/api/inspections",
        "inspections.list",
        list,
        "List the inspections visible to the user, filtered",
    );
    routes.post(
        "/api/inspections/start",
        "inspections.start",
        start,
        "Start the user's half of an assignment or an inspection of a machine, or find its draft",
    );
    routes.get(
        "/api/inspections/by-assignment/{assignment_id}",
        "inspections.of_assignment",
        of_assignment,
        "Get the user's own inspection of an assignment",
    );
    routes.get(
        "/api/inspections/{id}",
        "inspections.get",
        get,
        "Get an inspection with its questions and answers",
    );
    routes.get(
        "/api/inspections/{id}/report.pdf",
        "inspections.report",
        report::report,
        "Print the record of an inspection, with both halves of its assignment and the photos",
    );
    routes.delete("/api/inspections/{id}", "inspections.delete", delete, "Discard a draft");
    routes.post("/api/inspections/{id}/answer", "inspections.answer", answer, "Answer a question of a draft");
    routes.post(
        "/api/inspections/{id}/answers",
        "inspections.answer_many",
        answer_many,
        "Answer several questions of a draft, all or none",
    );
    routes.get(
        "/api/inspections/{id}/progress",
        "inspections.progress",
        progress,
        "Get the number of answered questions",
    );
    routes.post(
        "/api/inspections/{id}/submit",
        "inspections.submit",
        submit,
        "Submit an inspection; failed answers become defects",
    );
    routes.post(
        "/api/inspections/{id}/review",
        "inspections.review",
        review,
        "Mark a submitted inspection as reviewed",
    );
}

inspection_domain::shows!(
    InspectionView { inspection, equipment, answers },
    SubmittedView { inspection },
    InspectionDetailView { inspection, template, checklist_items },
    InspectionAnswerView { answer, checklist_item },
    AnswersView { answers },
    AnswerView { answer }
);

/// An inspection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InspectionView {
    #[serde(flatten)]
    inspection: Inspection,
    /// The machine.
    equipment: Option<EquipmentView>,
    /// The inspector.
    technician: Option<UserSummary>,
    /// The reviewing admin.
    reviewed_by: Option<UserSummary>,
    /// The answers so far; only the inspection itself has them, a list does not.
    answers: Option<Vec<InspectionAnswerView>>,
}

impl View<Inspection> for InspectionView {
    fn references(inspection: &Inspection, references: &mut References) {
        references.machine(inspection.equipment_id);
        references.people([Some(inspection.technician_id), inspection.reviewed_by_id]);
    }

    fn new(inspection: Inspection, related: &Related, caller: &Caller) -> Self {
        let inspection = inspection.seen_by(&caller.user);
        Self {
            equipment: EquipmentView::of(inspection.equipment_id, related, caller),
            technician: related.person(inspection.technician_id),
            reviewed_by: related.person(inspection.reviewed_by_id),
            answers: None,
            inspection,
        }
    }
}

/// An answer with its question.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InspectionAnswerView {
    #[serde(flatten)]
    answer: Answer,
    /// The question, as the inspection asks it.
    checklist_item: Option<ItemView>,
    /// Whether it fails.
    is_failed: bool,
    /// Whether it passes outside the warning range of the question.
    is_warning: bool,
}

impl InspectionAnswerView {
    /// The answer to one of these questions.
    fn new(answer: Answer, items: &[Item], language: Language) -> Self {
        let item = items.iter().find(|item| item.id == answer.checklist_item_id);
        Self {
            is_failed: item.is_some_and(|item| item.fails(&answer.answer_value)),
            is_warning: item.is_some_and(|item| item.warns(&answer.answer_value)),
            checklist_item: item.map(|item| ItemView::new(item.clone(), language)),
            answer,
        }
    }

    /// All answers to these questions. Those to questions that are not asked neither fail nor warn.
    pub(crate) fn all(answers: Vec<Answer>, items: &[Item], language: Language) -> Vec<Self> {
        let value_of = |id| {
            let answer = answers.iter().find(|answer| answer.checklist_item_id == id);
            answer.map(|answer| answer.answer_value.as_str())
        };
        let asked: Vec<ItemId> = checklists::asked(items, value_of).into_iter().map(|item| item.id).collect();
        let view = |answer: Answer| {
            let is_asked = asked.contains(&answer.checklist_item_id);
            let view = Self::new(answer, items, language);
            Self { is_failed: is_asked && view.is_failed, is_warning: is_asked && view.is_warning, ..view }
        };
        answers.into_iter().map(view).collect()
    }
}

/// An inspection with its checklist and answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SheetView)]
pub(crate) struct InspectionDetailView {
    #[serde(flatten)]
    inspection: InspectionView,
    /// The checklist.
    template: TemplateView,
    /// The questions in scope, in order.
    checklist_items: Vec<ItemView>,
    /// Evidence files of the review.
    review_file_ids: Vec<FileId>,
    /// Number of answered questions.
    progress: Progress,
}

impl InspectionDetailView {
    pub(crate) fn load(
        conn: &mut DbConnection,
        detail: InspectionDetail,
        caller: &Caller,
    ) -> persistence::Result<Self> {
        let language = caller.language;
        let progress = detail.progress().in_language(language);
        let answers = InspectionAnswerView::all(detail.answers, &detail.items, language);
        let inspection = InspectionView::one(conn, detail.inspection, caller)?;
        Ok(Self {
            inspection: InspectionView { answers: Some(answers), ..inspection },
            template: TemplateView::new(detail.template, language),
            checklist_items: detail.items.into_iter().map(|item| ItemView::new(item, language)).collect(),
            review_file_ids: detail.review_files,
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
    list_views(app, permit, query, move |conn, caller, filter, page| {
        inspections::list(conn, &caller.user, &filter, &calendar, page)
    })
    .await
}

async fn get(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
) -> Result<Reply<InspectionDetailView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let detail = inspections::get_visible(conn, &caller.user, id)?;
        let version = detail.version(conn)?;
        Ok(Versioned { version, view: InspectionDetailView::load(conn, detail, caller)? })
    });
    Ok(Reply::versioned(view.await?))
}

async fn of_assignment(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<AssignmentId>,
) -> Result<Reply<InspectionDetailView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let detail = inspections::get_visible_half(conn, &caller.user, id)?;
        let version = detail.version(conn)?;
        Ok(Versioned { version, view: InspectionDetailView::load(conn, detail, caller)? })
    });
    Ok(Reply::versioned(view.await?))
}

async fn start(
    app: App,
    permit: Permit<Inspect>,
    body: Body<StartInspection>,
) -> Result<Rendered<FoundOrCreated<InspectionDetailView>>, Problem> {
    app.write(permit, body, |tx, caller, start| {
        let (detail, is_new) = inspections::start(tx, &start)?;
        Ok(FoundOrCreated { data: InspectionDetailView::load(tx.conn(), detail, caller)?, is_new })
    })
    .await
}

/// The warnings about these answers, in the reader's language; `path` is the place of the n-th
/// answer in the input. They are part of the data, so that offline work has them, too.
pub(crate) fn warnings(given: &[NewAnswer], caller: &Caller, path: impl Fn(usize) -> String) -> Vec<Warning> {
    photos_on_phone(given, path).iter().map(|warning| warning.in_language(caller.language)).collect()
}

/// A saved answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswerView {
    #[serde(flatten)]
    answer: InspectionAnswerView,
    /// Number of answered questions after the update.
    progress: Progress,
    /// Hints, such as that a photo was not stored.
    warnings: Vec<Warning>,
}

impl AnswerView {
    pub(crate) fn load(
        conn: &mut DbConnection,
        (answer, progress): (Answer, Progress),
        warnings: Vec<Warning>,
        caller: &Caller,
    ) -> persistence::Result<Self> {
        let language = caller.language;
        let items = inspections::questions(conn, answer.inspection_id)?;
        let answer = InspectionAnswerView::new(answer, &items, language);
        Ok(Self { answer, progress: progress.in_language(language), warnings })
    }
}

async fn answer(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
    body: Body<NewAnswer>,
) -> Result<Rendered<Reply<AnswerView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, new)| {
        let hints = warnings(std::slice::from_ref(&new), caller, |_| String::new());
        let saved = inspections::answer_one(tx, id, new)?;
        Ok(Reply::with(AnswerView::load(tx.conn(), saved, hints, caller)?, "answer recorded"))
    })
    .await
}

/// Saved answers.
#[derive(Debug, Serialize, ToSchema)]
struct AnswersView {
    /// The answers.
    answers: Vec<InspectionAnswerView>,
    /// Number of answered questions after the update.
    progress: Progress,
    /// Hints, such as that a photo was not stored.
    warnings: Vec<Warning>,
}

async fn answer_many(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
    body: Body<NewAnswers>,
) -> Result<Rendered<Reply<AnswersView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, new)| {
        let given = new.answers.0;
        let hints = warnings(&given, caller, |n| format!("answers[{n}]."));
        let (answers, progress) = inspections::answer(tx, id, given, |n| Some(format!("answers[{n}]")))?;
        let items = inspections::questions(tx.conn(), id)?;
        let (progress, language) = (progress.in_language(caller.language), caller.language);
        let view = |answer| InspectionAnswerView::new(answer, &items, language);
        let answers = answers.into_iter().map(view).collect();
        Ok(Reply::with(AnswersView { answers, progress, warnings: hints }, "answers recorded"))
    })
    .await
}

async fn progress(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
) -> Result<Reply<Progress>, Problem> {
    let progress = app.read(permit, id, |conn, caller, id| {
        let detail = inspections::get_visible(conn, &caller.user, id)?;
        Ok(detail.progress().in_language(caller.language))
    });
    Ok(Reply::new(progress.await?))
}

/// A submitted inspection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmittedView {
    #[serde(flatten)]
    inspection: InspectionView,
    /// Number of defects created.
    defects_created: usize,
}

impl SubmittedView {
    pub(crate) fn load(
        conn: &mut DbConnection,
        inspection: Inspection,
        defects_created: usize,
        caller: &Caller,
    ) -> persistence::Result<Self> {
        Ok(Self { inspection: InspectionView::one(conn, inspection, caller)?, defects_created })
    }
}

async fn submit(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
) -> Result<Rendered<Reply<SubmittedView>>, Problem> {
    app.write(permit, id, |tx, caller, id| {
        let (inspection, defects_created) = inspections::submit(tx, id)?;
        Ok(Reply::with(
            SubmittedView::load(tx.conn(), inspection, defects_created, caller)?,
            "inspection submitted",
        ))
    })
    .await
}

async fn review(
    app: App,
    permit: Permit<ReviewInspections>,
    id: Path<InspectionId>,
    body: Body<Review>,
) -> Result<Rendered<Reply<InspectionView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, review)| {
        let inspection = inspections::review(tx, id, review)?;
        Ok(Reply::with(InspectionView::one(tx.conn(), inspection, caller)?, "inspection reviewed"))
    })
    .await
}

async fn delete(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
) -> Result<Rendered<Done>, Problem> {
    app.write(permit, id, |tx, _, id| {
        inspections::delete(tx, id)?;
        Ok(Done("draft discarded"))
    })
    .await
}
