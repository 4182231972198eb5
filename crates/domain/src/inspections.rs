//! Inspections: the answers of one inspector to a checklist (rule book §5).

mod answers;

use serde::Serialize;

pub use answers::{Answer, AnswerText, NewAnswer, NewAnswers};

use crate::{
    assignments::Assignment,
    checklists::{Item, Template},
    equipment::{Equipment, EquipmentStatus},
    ids::{AnswerId, AssignmentId, EquipmentId, FileId, InspectionId, ItemId, TemplateId, UserId},
    input::{AnyOf, Invalid, ValueList, input, text_enum},
    message,
    message::Message,
    notifications::Param,
    page::Sort,
    rule::{Code, FieldError, Forbidden, Rule},
    text::Text,
    time::{Date, Instant},
    users::{Category, Role, User},
};

text_enum! {
    /// Lifecycle status of an inspection.
    pub enum InspectionStatus {
        /// In progress.
        Draft = "draft",
        /// Submitted by the inspector.
        Submitted = "submitted",
        /// Reviewed by an admin.
        Reviewed = "reviewed",
    }
}

text_enum! {
    /// Result of an inspection.
    pub enum InspectionResult {
        /// No failed answer.
        Pass = "pass",
        /// At least one failed answer.
        Fail = "fail",
    }
}

impl From<InspectionResult> for Param {
    fn from(result: InspectionResult) -> Self {
        result.as_str().into()
    }
}

/// The answers of one inspector to a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::inspections, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Inspection {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: InspectionId,
    /// The machine.
    pub equipment_id: EquipmentId,
    /// The checklist.
    pub template_id: TemplateId,
    /// The inspector.
    pub technician_id: UserId,
    /// Trade of the inspector's half; none for the whole checklist.
    pub category: Option<Category>,
    /// Lifecycle status.
    pub status: InspectionStatus,
    /// Result; none for a draft.
    pub result: Option<InspectionResult>,
    /// Start time.
    pub started_at: Instant,
    /// Submission time.
    pub submitted_at: Option<Instant>,
    /// Time of the admin's review.
    pub reviewed_at: Option<Instant>,
    /// Admin that reviewed it.
    pub reviewed_by_id: Option<UserId>,
    /// Notes of the admin.
    #[serde(rename = "notes")]
    pub review_notes: Option<String>,
    /// Time of the last change.
    pub updated_at: Instant,
    /// Assignment of the half; none for an ad-hoc inspection.
    pub assignment_id: Option<AssignmentId>,
}

crate::translated!(Inspection, "inspection", { review_notes });

impl crate::entity::Entity for Inspection {
    const NAME: &'static str = "inspection";
    const PATH: Option<&'static str> = Some("/inspections");
    const CHANGED_KIND: Option<crate::entity::ChangedKind> = Some(crate::entity::ChangedKind::Inspection);

    fn id(&self) -> i64 {
        self.id.get()
    }

    fn followers(&self) -> Vec<UserId> {
        vec![self.technician_id]
    }
}

input! {
    /// An inspection to start: the user's half of an assignment, or an ad-hoc inspection of a
    /// machine.
    pub struct StartInspection {
        /// The assignment; required unless `equipment_id` is given.
        assignment_id: Option<AssignmentId>,
        /// The machine; beside an assignment, it must be the assignment's.
        equipment_id: Option<EquipmentId>,
    }
}

/// Target of a new inspection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTarget {
    /// The user's half of an assignment.
    Half(AssignmentId),
    /// Ad-hoc inspection of a machine.
    AdHoc(EquipmentId),
}

impl StartInspection {
    /// The target; the assignment takes precedence if both are given (§5).
    pub fn target(&self) -> Result<StartTarget, Invalid> {
        match (self.assignment_id, self.equipment_id) {
            (Some(assignment), _) => Ok(StartTarget::Half(assignment)),
            (None, Some(machine)) => Ok(StartTarget::AdHoc(machine)),
            (None, None) => Err(Invalid::field("assignment_id", "is required, or equipment_id is")),
        }
    }

    /// Checks that the input names no other machine (§5).
    pub fn may_mean(&self, machine: EquipmentId) -> Result<(), Invalid> {
        match self.equipment_id {
            Some(other) if other != machine => {
                Err(Invalid::field("equipment_id", "is not the equipment of the assignment"))
            }
            _ => Ok(()),
        }
    }
}

input! {
    /// An admin's review of an inspection.
    pub struct Review {
        /// Notes.
        notes | "review_notes": Option<Text<2000>>,
        /// Uploaded files to attach; at most ten.
        file_ids: Option<ValueList<FileId, 0, 10>>,
    }
}

text_enum! {
    /// Sort key of inspections.
    pub enum InspectionOrder {
        /// Primary key.
        Id = "id",
        /// Start time.
        StartedAt = "started_at",
    }
}

input! {
    /// Filter and order of a list of inspections.
    pub struct InspectionFilter {
        /// Filter by status.
        status: AnyOf<InspectionStatus>,
        /// Filter by result.
        result: AnyOf<InspectionResult>,
        /// Filter by machine.
        equipment_id: Option<EquipmentId>,
        /// Filter by inspector.
        technician_id: Option<UserId>,
        /// Filter by assignment.
        assignment_id: Option<AssignmentId>,
        /// Earliest start day, site time.
        date_from: Option<Date>,
        /// Latest start day, site time.
        date_to: Option<Date>,
        /// Sort order; newest first if absent.
        sort: Option<Sort<InspectionOrder>>,
    }
}

/// Reasons for rejecting a command on an inspection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectionRule {
    /// The command is not allowed in the current status (§5).
    #[error("{}", self.message())]
    WrongStatus {
        /// Rejected command.
        command: InspectionCommand,
        /// Required status.
        needed: InspectionStatus,
        /// Current status.
        status: InspectionStatus,
    },
    /// People on leave cannot start an inspection (§5).
    #[error("you can't start an inspection while on leave")]
    OnLeave,
    /// A person has one draft per machine, and this draft has another target (§5).
    #[error("{}", self.message())]
    OtherDraft(
        /// The existing draft.
        InspectionId,
    ),
    /// Decommissioned machines are not inspected (§5).
    #[error("the equipment is out of service")]
    OutOfService,
    /// No active checklist with questions exists for the type of equipment (§5).
    #[error("there is no active checklist with questions for this type of equipment")]
    NoChecklist,
    /// Required questions without an answer (§5).
    #[error("required questions have no answer")]
    Incomplete(
        /// The questions.
        Vec<ItemId>,
    ),
    /// Failed critical questions without a photo (§5).
    #[error("failed critical questions require a photo")]
    PhotosMissing(
        /// The questions.
        Vec<ItemId>,
    ),
}

impl Rule for InspectionRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } | Self::OtherDraft(_) => Code::InvalidState,
            _ => Code::RuleViolation,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::WrongStatus { command, needed, status } => message!(
                "{command} requires a {needed} inspection; this one is {status}",
                command,
                needed,
                status,
            ),
            Self::OtherDraft(draft) => message!(
                "inspection {draft} of this machine is still a draft: submit or discard it first",
                draft,
            ),
            rule => rule.to_string().into(),
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let error = |message| FieldError { field: "checklist_item_id".into(), message };
        match self {
            Self::Incomplete(items) => {
                items.iter().map(|id| error(message!("{id} has no answer", id))).collect()
            }
            Self::PhotosMissing(items) => items
                .iter()
                .map(|id| error(message!("{id} is critical and failed, and needs a photo", id)))
                .collect(),
            _ => Vec::new(),
        }
    }
}

text_enum! {
    /// Commands on an inspection.
    pub enum InspectionCommand {
        /// Answer a question.
        Answer = "answer",
        /// Submit it.
        Submit = "submit",
        /// Record an admin's review.
        Review = "review",
        /// Discard it.
        Delete = "delete",
    }
}

impl InspectionStatus {
    /// Status after a command; `None` if the command deletes the inspection (§5).
    pub fn after(self, command: InspectionCommand) -> Result<Option<Self>, InspectionRule> {
        let (needed, then) = match command {
            InspectionCommand::Answer => (Self::Draft, Some(Self::Draft)),
            InspectionCommand::Submit => (Self::Draft, Some(Self::Submitted)),
            InspectionCommand::Review => (Self::Submitted, Some(Self::Reviewed)),
            InspectionCommand::Delete => (Self::Draft, None),
        };
        if self == needed {
            Ok(then)
        } else {
            Err(InspectionRule::WrongStatus { command, needed, status: self })
        }
    }
}

/// Visibility of inspections for a user (§5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visible {
    /// All inspections.
    All,
    /// Inspections of this user.
    Of(UserId),
}

/// Visibility for the actor: admins, engineers and quality engineers see all, others their own.
pub fn visible_to(actor: &User) -> Visible {
    let all = [Role::Admin, Role::Engineer, Role::QualityEngineer].into_iter().any(|role| actor.has(role));
    if all { Visible::All } else { Visible::Of(actor.id) }
}

/// Checks that the actor may continue an existing draft of the machine: not while on leave, and
/// only for the same target (§5).
pub fn may_continue(actor: &User, draft: &Inspection, target: StartTarget) -> Result<(), InspectionRule> {
    may_begin(actor)?;
    match target {
        StartTarget::Half(assignment) if draft.assignment_id != Some(assignment) => {
            Err(InspectionRule::OtherDraft(draft.id))
        }
        _ => Ok(()),
    }
}

fn may_begin(actor: &User) -> Result<(), InspectionRule> {
    if actor.is_on_leave { Err(InspectionRule::OnLeave) } else { Ok(()) }
}

/// Checks that the actor may start a half of an assignment with these questions (§5).
pub fn may_start_half(actor: &User, items: &[Item]) -> Result<(), InspectionRule> {
    may_begin(actor)?;
    if items.is_empty() { Err(InspectionRule::NoChecklist) } else { Ok(()) }
}

/// Checks that the actor may start an ad-hoc inspection of the machine, by the active checklist of
/// its type (§5).
pub fn may_start(
    actor: &User,
    equipment: &Equipment,
    checklist: Option<&Template>,
    items: &[Item],
) -> Result<(), InspectionRule> {
    may_begin(actor)?;
    if equipment.status == EquipmentStatus::OutOfService {
        return Err(InspectionRule::OutOfService);
    }
    if checklist.is_none() || items.is_empty() {
        return Err(InspectionRule::NoChecklist);
    }
    Ok(())
}

/// Progress of an inspection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    /// Number of questions in scope.
    pub total_items: usize,
    /// Number of answered questions.
    pub answered_items: usize,
    /// Number of required questions.
    pub required_items: usize,
    /// Number of answered required questions.
    pub answered_required: usize,
    /// Whether every required question has an answer.
    pub is_complete: bool,
    /// Answered questions in percent, 0 to 100, rounded.
    pub progress_percentage: u8,
    /// Answered questions in percent, 0 to 100, rounded.
    pub percentage: u8,
}

crate::shows!(Progress {});

/// Outcome of submitting an inspection.
#[derive(Debug, Clone)]
pub struct Submission<'a> {
    /// The submitted inspection.
    pub inspection: Inspection,
    /// The failed questions; each one raises a defect.
    pub failed: Vec<&'a Item>,
}

impl Inspection {
    /// Builds an ad-hoc draft of the whole checklist (§5).
    pub fn ad_hoc(equipment: EquipmentId, template: TemplateId, technician: UserId, now: Instant) -> Self {
        Self {
            id: InspectionId::UNSAVED,
            equipment_id: equipment,
            template_id: template,
            technician_id: technician,
            category: None,
            status: InspectionStatus::Draft,
            result: None,
            started_at: now,
            submitted_at: None,
            reviewed_at: None,
            reviewed_by_id: None,
            review_notes: None,
            updated_at: now,
            assignment_id: None,
        }
    }

    /// Builds a draft of a half: the questions of that trade and those without a trade (§5).
    pub fn half(assignment: &Assignment, category: Category, technician: UserId, now: Instant) -> Self {
        Self {
            category: Some(category),
            assignment_id: Some(assignment.id),
            ..Self::ad_hoc(assignment.equipment_id, assignment.template_id, technician, now)
        }
    }

    /// Checks that the actor may see it (§5).
    pub fn may_be_seen_by(&self, actor: &User) -> Result<(), Forbidden> {
        match visible_to(actor) {
            Visible::Of(id) if id != self.technician_id => {
                Err(Forbidden("this inspection belongs to another user"))
            }
            _ => Ok(()),
        }
    }

    /// The part that the reader sees: everything of an inspection that the reader may open, else
    /// its machine, inspector, times, status and result (§5).
    #[must_use]
    pub fn seen_by(self, reader: &User) -> Self {
        if self.may_be_seen_by(reader).is_ok() {
            return self;
        }
        Self { review_notes: None, reviewed_by_id: None, ..self }
    }

    /// Checks that the actor may answer, submit or delete it: its inspector or an admin (§5).
    pub fn may_be_worked_on_by(&self, actor: &User) -> Result<(), Forbidden> {
        if actor.is_admin() || actor.id == self.technician_id {
            return Ok(());
        }
        Err(Forbidden("only its inspector or an admin may do this"))
    }

    /// Whether a question is in scope: the questions of the trade and those without one, or all for
    /// a whole checklist. After submission the scope is limited to the questions that existed then
    /// (§5).
    pub fn covers(&self, item: &Item) -> bool {
        let own = match (self.category, item.category) {
            (Some(own), Some(of_item)) => own == of_item,
            _ => true,
        };
        own && item.template_id == self.template_id
            && self.submitted_at.is_none_or(|at| item.created_at <= at)
    }

    /// The questions in scope, in order.
    pub fn scope<'a>(&self, items: &'a [Item]) -> Vec<&'a Item> {
        items.iter().filter(|item| self.covers(item)).collect()
    }

    /// Progress over the questions in scope (§5).
    pub fn progress(&self, items: &[Item], answers: &[Answer]) -> Progress {
        let answered = |item: &Item| answers.iter().any(|answer| answer.checklist_item_id == item.id);
        let scope = self.scope(items);
        let required: Vec<_> = scope.iter().filter(|item| item.is_required).collect();
        let (total_items, required_items) = (scope.len(), required.len());
        let answered_items = scope.iter().filter(|item| answered(item)).count();
        let answered_required = required.iter().filter(|item| answered(item)).count();
        let percent = (answered_items * 100 + total_items / 2).checked_div(total_items).unwrap_or(100);
        let percentage = u8::try_from(percent).unwrap_or(100);
        Progress {
            total_items,
            answered_items,
            required_items,
            answered_required,
            is_complete: answered_required == required_items,
            progress_percentage: percentage,
            percentage,
        }
    }

    /// Validates an answer to a question of this draft: in scope, of the type of the question, with
    /// a photo where one is required (§5).
    pub fn answer(
        &self,
        new: NewAnswer,
        item: Option<&Item>,
        actor: UserId,
        now: Instant,
    ) -> Result<Answer, Invalid> {
        let Some(item) = item.filter(|item| self.covers(item)) else {
            return Err(Invalid::field("checklist_item_id", "is not a question of this inspection"));
        };
        let answer_value = item
            .answer_type
            .accept(&new.answer_value.0)
            .map_err(|message| Invalid::field("answer_value", message))?;
        let answer = Answer {
            id: AnswerId::UNSAVED,
            inspection_id: self.id,
            checklist_item_id: item.id,
            answer_value,
            comment: new.comment.map(Into::into),
            photo_path: new.photo_path.map(Into::into),
            photo_file_id: new.photo_file_id,
            answered_by_id: actor,
            answered_at: now,
        };
        if item.critical_failure && item.fails(&answer.answer_value) && !answer.has_photo() {
            return Err(Invalid::field(
                "photo_path",
                "is required, or photo_file_id is, since the question is critical and failed",
            ));
        }
        Ok(answer)
    }

    /// Submits it; every required answer and photo must be present (§5).
    pub fn submit<'a>(
        &self,
        items: &'a [Item],
        answers: &[Answer],
        now: Instant,
    ) -> Result<Submission<'a>, InspectionRule> {
        let status = self.status.after(InspectionCommand::Submit)?.unwrap_or(self.status);
        let answer_to = |item: &Item| answers.iter().find(|answer| answer.checklist_item_id == item.id);
        let scope = self.scope(items);
        let missing: Vec<_> = scope
            .iter()
            .filter(|item| item.is_required && answer_to(item).is_none())
            .map(|item| item.id)
            .collect();
        if !missing.is_empty() {
            return Err(InspectionRule::Incomplete(missing));
        }
        let failed: Vec<_> = scope
            .into_iter()
            .filter(|item| answer_to(item).is_some_and(|answer| item.fails(&answer.answer_value)))
            .collect();
        let bare: Vec<_> = failed
            .iter()
            .filter(|item| item.critical_failure)
            .filter(|item| !answer_to(item).is_some_and(Answer::has_photo))
            .map(|item| item.id)
            .collect();
        if !bare.is_empty() {
            return Err(InspectionRule::PhotosMissing(bare));
        }
        let result = if failed.is_empty() { InspectionResult::Pass } else { InspectionResult::Fail };
        let inspection =
            Self { status, result: Some(result), submitted_at: Some(now), updated_at: now, ..self.clone() };
        Ok(Submission { inspection, failed })
    }

    /// Records an admin's review (§5).
    pub fn review(&self, review: Review, actor: UserId, now: Instant) -> Result<Self, InspectionRule> {
        let status = self.status.after(InspectionCommand::Review)?.unwrap_or(self.status);
        Ok(Self {
            status,
            reviewed_at: Some(now),
            reviewed_by_id: Some(actor),
            review_notes: review.notes.map(Into::into),
            updated_at: now,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests;
