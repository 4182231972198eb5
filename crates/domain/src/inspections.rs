//! Inspections: the answers of one inspector to a checklist (rule book §5).

mod answers;
mod evaluation;
mod rules;

use serde::Serialize;

pub use answers::{Answer, NewAnswer, NewAnswers, NewPhotos, PhotoPath, Photos, photos_on_phone};
pub use evaluation::{MissingItem, Progress};
pub use rules::{DAYS_FOR_PHOTOS, InspectionCommand, InspectionResult, InspectionRule, InspectionStatus};

use self::evaluation::{Evaluation, ids};
use crate::{
    assignments::Assignment,
    checklists::{Item, Template},
    equipment::{Equipment, EquipmentStatus},
    ids::{AnswerId, AssignmentId, EquipmentId, FileId, InspectionId, RevisionId, TemplateId, UserId},
    input::{AnyOf, Invalid, ValueList, input, text_enum},
    page::Sort,
    rule::Forbidden,
    text::Text,
    time::{Date, Instant},
    users::{Category, Role, User},
};

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
    /// The questions of a draft whose checklist has changed since its start; those of the checklist
    /// if none.
    #[serde(skip)]
    pub revision_id: Option<RevisionId>,
    /// Inspector of the other half of the assignment, who may read this half.
    #[serde(skip)]
    pub partner_id: Option<UserId>,
    /// Whether a takeover has detached the draft from its assignment.
    #[serde(skip)]
    pub is_detached: bool,
    /// Number of answers that passed outside their warning range; counted at submission.
    pub warnings: i64,
    /// Time at which the last change made offline was received; none if there was none.
    pub received_at: Option<Instant>,
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

/// Visibility of inspections for a user (§5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visible {
    /// All inspections.
    All,
    /// Inspections of this user, and the other halves of this user's assignments.
    Of(UserId),
}

/// Visibility for the actor: admins, engineers and quality engineers see all, others their own and
/// the other halves of their assignments.
pub fn visible_to(actor: &User) -> Visible {
    let all = [Role::Admin, Role::Engineer, Role::QualityEngineer].into_iter().any(|role| actor.has(role));
    if all { Visible::All } else { Visible::Of(actor.id) }
}

/// Checks that the actor may continue an existing draft: not while on leave (§5).
pub fn may_continue(actor: &User) -> Result<(), InspectionRule> {
    may_begin(actor)
}

/// Checks that the actor may read the questions and answers of both halves of an assignment: its
/// team, admins, engineers and quality engineers (§5).
pub fn may_read_halves(actor: &User, assignment: &Assignment) -> Result<(), Forbidden> {
    match visible_to(actor) {
        Visible::All => Ok(()),
        Visible::Of(_) => assignment.half_of(actor).map(|_| ()),
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
            revision_id: None,
            partner_id: None,
            is_detached: false,
            warnings: 0,
            received_at: None,
        }
    }

    /// Builds a draft of a half: the questions of that trade and those without a trade (§5).
    pub fn half(assignment: &Assignment, category: Category, technician: UserId, now: Instant) -> Self {
        Self {
            category: Some(category),
            assignment_id: Some(assignment.id),
            partner_id: assignment.inspector(category.other()),
            ..Self::ad_hoc(assignment.equipment_id, assignment.template_id, technician, now)
        }
    }

    /// Checks that the actor may see it (§5).
    pub fn may_be_seen_by(&self, actor: &User) -> Result<(), Forbidden> {
        match visible_to(actor) {
            Visible::Of(id) if id != self.technician_id && Some(id) != self.partner_id => {
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

    /// Progress over the questions in scope that are asked (§5).
    pub fn progress(&self, items: &[Item], answers: &[Answer]) -> Progress {
        Evaluation::of(self.scope(items), answers).progress()
    }

    /// Applies an answer to a question of this draft: in scope, and of the type of the question.
    /// Fields that are absent keep what `before` has (§5).
    pub fn answer(
        &self,
        new: NewAnswer,
        item: Option<&Item>,
        before: Option<&Answer>,
        actor: UserId,
        now: Instant,
    ) -> Result<Answer, Invalid> {
        let Some(item) = item.filter(|item| self.covers(item)) else {
            return Err(Invalid::field("checklist_item_id", "is not a question of this inspection"));
        };
        let blank = || Answer {
            id: AnswerId::UNSAVED,
            inspection_id: self.id,
            checklist_item_id: item.id,
            answer_value: String::new(),
            comment: None,
            photo_path: None,
            photo_file_id: None,
            photo_file_ids: Photos::default(),
            answered_by_id: actor,
            answered_at: now,
        };
        let before = before.cloned().unwrap_or_else(blank);
        // A later remark or photo leaves the time of the verdict, and so hides no newer verdict.
        if !before.answer_value.is_empty() && !new.gives_verdict() {
            return new.apply(before, item);
        }
        new.apply(Answer { answered_by_id: actor, answered_at: now, ..before }, item)
    }

    /// Submits it; every required answer, photo and remark must be present (§5).
    pub fn submit<'a>(
        &self,
        items: &'a [Item],
        answers: &[Answer],
        now: Instant,
    ) -> Result<Submission<'a>, InspectionRule> {
        let status = self.status.after(InspectionCommand::Submit)?.unwrap_or(self.status);
        let found = Evaluation::of(self.scope(items), answers);
        if !found.unanswered.is_empty() {
            return Err(InspectionRule::Incomplete(ids(&found.unanswered)));
        }
        if !found.without_photo.is_empty() {
            return Err(InspectionRule::PhotosMissing(ids(&found.without_photo)));
        }
        if !found.without_comment.is_empty() {
            return Err(InspectionRule::CommentsMissing(ids(&found.without_comment)));
        }
        let failed = found.failed;
        let result = if failed.is_empty() { InspectionResult::Pass } else { InspectionResult::Fail };
        let inspection = Self {
            status,
            result: Some(result),
            submitted_at: Some(now),
            updated_at: now,
            warnings: found.warnings,
            ..self.clone()
        };
        Ok(Submission { inspection, failed })
    }

    /// The inspection after a change at this time, which was received now (§15).
    #[must_use]
    pub fn received(self, at: Instant, now: Instant) -> Self {
        let received_at = if at < now { Some(now) } else { self.received_at };
        Self { received_at, updated_at: now, ..self }
    }

    /// The answer as far as it counts, though the one on record is newer: what is on record stays,
    /// and takes what it lacks. None if nothing counts (§15).
    pub fn beneath(&self, new: NewAnswer, record: &Answer) -> Option<NewAnswer> {
        let is_late_photo = self.status != InspectionStatus::Draft && new.photos_only().is_some();
        if is_late_photo { Some(new) } else { new.beneath(record) }
    }

    /// Checks that the actor may add photos to an answer of it: the author or the inspector (§5).
    pub fn may_get_photos_from(&self, actor: &User, answer: &Answer) -> Result<(), Forbidden> {
        if actor.id == answer.answered_by_id || actor.id == self.technician_id {
            return Ok(());
        }
        Err(Forbidden("only the author of an answer may add photos"))
    }

    /// Checks that photos may still be added: within [`DAYS_FOR_PHOTOS`] of the submission or its
    /// receipt (§5).
    pub fn may_get_photos_at(&self, now: Instant) -> Result<(), InspectionRule> {
        let last = self
            .submitted_at
            .max(self.received_at.filter(|_| self.submitted_at.is_some()))
            .map(|at| at.plus_seconds(DAYS_FOR_PHOTOS * 24 * 60 * 60));
        if last.is_some_and(|last| now > last) { Err(InspectionRule::PhotoTooLate) } else { Ok(()) }
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
