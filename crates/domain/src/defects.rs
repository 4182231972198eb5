//! Defects: faults found by inspections or reported without one (rule book §6).

pub mod occurrences;

use serde::Serialize;

use crate::{
    checklists::Item,
    ids::{DefectId, EquipmentId, FileId, InspectionId, ItemId, UserId},
    input::{AnyOf, Change, Invalid, Patch, input, text_enum},
    inspections::Inspection,
    message,
    message::Message,
    page::Sort,
    rule::{Code, Forbidden, Rule, article},
    search::{SearchedKind, SearchedTexts},
    text::{Language, Text},
    time::{Date, Instant},
    users::{Category, Role, User},
};

text_enum! {
    /// Severity of a defect.
    pub enum Severity {
        /// Minor; due last.
        Low = "low",
        /// Normal.
        Medium = "medium",
        /// Serious.
        High = "high",
        /// Dangerous.
        Critical = "critical",
    }
}

impl Severity {
    /// Rank in an order, from 1.
    pub const fn rank(self) -> i32 {
        match self {
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
            Self::Critical => 4,
        }
    }

    /// Severity of a failed answer to this question (§6).
    pub const fn of_failed(item: &Item) -> Self {
        if item.critical_failure { Self::Critical } else { Self::Medium }
    }

    /// Days until a defect of this severity is due (§6).
    pub const fn sla_days(self) -> i32 {
        match self {
            Self::Critical => 1,
            Self::High => 3,
            Self::Medium => 7,
            Self::Low => 14,
        }
    }
}

text_enum! {
    /// Urgency of a repair.
    pub enum Priority {
        /// Can wait.
        Low = "low",
        /// Normal.
        Medium = "medium",
        /// Soon.
        High = "high",
        /// Immediately.
        Urgent = "urgent",
    }
}

impl Priority {
    /// Rank in an order, from 1.
    pub const fn rank(self) -> i32 {
        match self {
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
            Self::Urgent => 4,
        }
    }

    /// Urgency of a defect of this severity (§6).
    pub const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Low => Self::Low,
            Severity::Medium => Self::Medium,
            Severity::High => Self::High,
            Severity::Critical => Self::Urgent,
        }
    }
}

text_enum! {
    /// Lifecycle status of a defect.
    pub enum DefectStatus {
        /// Not assigned to a specialist.
        Open = "open",
        /// Assigned to a specialist.
        InProgress = "in_progress",
        /// Repaired.
        Resolved = "resolved",
        /// Closed by an admin.
        Closed = "closed",
        /// Not a defect.
        FalseAlarm = "false_alarm",
    }
}

text_enum! {
    /// Specialist's assessment of a defect before the repair.
    pub enum DefectAssessmentStatus {
        /// Not assessed.
        Pending = "pending",
        /// Confirmed.
        Confirmed = "confirmed",
        /// Confirmed, minor.
        Minor = "minor",
        /// Not a defect.
        Rejected = "rejected",
    }
}

/// A fault of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::defects, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Defect {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: DefectId,
    /// Inspection that found it; none if it was reported without one.
    pub inspection_id: Option<InspectionId>,
    /// Failed question; none if it was reported without an inspection.
    pub checklist_item_id: Option<ItemId>,
    /// The machine.
    pub equipment_id: EquipmentId,
    /// Trade of the repair.
    pub category: Option<Category>,
    /// Severity.
    pub severity: Severity,
    /// Urgency.
    pub priority: Priority,
    /// Description, in the reader's language.
    pub description: String,
    /// Description in Arabic.
    pub description_ar: Option<String>,
    /// Lifecycle status.
    pub status: DefectStatus,
    /// Specialist's assessment.
    pub assessment_status: DefectAssessmentStatus,
    /// Responsible user.
    pub assigned_to_id: Option<UserId>,
    /// Due date, site time.
    pub due_date: Date,
    /// Days between creation and due date.
    pub sla_days: i32,
    /// Time of the resolution.
    pub resolved_at: Option<Instant>,
    /// User that resolved it.
    pub resolved_by_id: Option<UserId>,
    /// Description of the repair.
    pub resolution_notes: Option<String>,
    /// Number of the work order in an external system.
    pub work_order_id: Option<String>,
    /// Creation time.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
    /// User that found it: the inspector, or the user that reported it without an inspection.
    pub reported_by_id: UserId,
    /// Lineage of the failed question; none if it was reported without an inspection.
    pub lineage: Option<ItemId>,
    /// The earlier defect of the same machine and question, which was resolved.
    pub recurrence_of_id: Option<DefectId>,
    /// Number of its occurrences.
    pub occurrence_count: i64,
}

crate::translated!(Defect, "defect", { description / description_ar, resolution_notes });

impl crate::entity::Entity for Defect {
    const NAME: &'static str = "defect";
    const PATH: Option<&'static str> = Some("/defects");
    const CHANGED_KIND: Option<crate::entity::ChangedKind> = Some(crate::entity::ChangedKind::Defect);

    fn id(&self) -> i64 {
        self.id.get()
    }

    fn searched(&self) -> Option<SearchedTexts<'_>> {
        let texts = [Some(self.description.as_str()), self.description_ar.as_deref()];
        Some(SearchedTexts::new(SearchedKind::Defect, texts))
    }

    fn followers(&self) -> Vec<UserId> {
        self.assigned_to_id.into_iter().collect()
    }
}

input! {
    /// A defect to report, without an inspection.
    pub struct NewDefect {
        /// The machine.
        equipment_id: EquipmentId,
        /// Description.
        description: Text<1000>,
        /// Severity; sets urgency and due date.
        severity: Severity,
        /// Trade of the repair.
        category: Option<Category>,
        /// Photo: an image that the user sees and that belongs to nothing or to the machine.
        photo_file_id: Option<FileId>,
    }
}

input! {
    /// Changes of a defect.
    pub struct DefectChanges {
        /// Severity; recomputes the due date unless one is given.
        severity: Change<Severity>,
        /// Urgency.
        priority: Change<Priority>,
        /// Due date.
        due_date: Change<Date>,
        /// Description.
        description | "description_en": Change<Text<1000>>,
        /// Description in Arabic.
        description_ar: Patch<Text<1000>>,
        /// Trade of the repair.
        category: Patch<Category>,
        /// Responsible user.
        assigned_to_id: Patch<UserId>,
        /// Number of the work order in an external system.
        work_order_id: Patch<Text<50>>,
    }
}

input! {
    /// Resolution of a defect.
    pub struct Resolution {
        /// Description of the repair.
        resolution_notes: Text<2000>,
    }
}

input! {
    /// Reopening of a resolved defect.
    pub struct Reopening {
        /// Reason.
        reason: Text<2000>,
    }
}

input! {
    /// Closing of a defect as a false alarm.
    pub struct FalseAlarm {
        /// Reason.
        reason: Text<2000>,
    }
}

text_enum! {
    /// Sort key of defects.
    pub enum DefectOrder {
        /// Primary key.
        Id = "id",
        /// Due date, then severity.
        DueDate = "due_date",
        /// Severity, by rank.
        Severity = "severity",
        /// Creation time.
        CreatedAt = "created_at",
    }
}

input! {
    /// Filter and order of a list of defects.
    pub struct DefectFilter {
        /// Filter by status.
        status: AnyOf<DefectStatus>,
        /// Filter by severity.
        severity: AnyOf<Severity>,
        /// Filter by priority.
        priority: AnyOf<Priority>,
        /// Filter by trade.
        category: AnyOf<Category>,
        /// Filter by the specialist's assessment.
        assessment_status: AnyOf<DefectAssessmentStatus>,
        /// Filter by responsible user.
        assigned_to_id: Option<UserId>,
        /// Filter by machine.
        equipment_id: Option<EquipmentId>,
        /// Filter by whether it is overdue: due before today and open or in progress.
        overdue: Option<bool>,
        /// Beginnings of words in the description, all of which must match.
        q | "search": Option<Text<100>>,
        /// Sort order; by due date, then most severe first, if absent.
        sort: Option<Sort<DefectOrder>>,
    }
}

text_enum! {
    /// Commands on a defect.
    pub enum DefectCommand {
        /// Change its fields.
        Update = "update",
        /// Assign it to a specialist.
        Assign = "assign",
        /// Mark it as repaired.
        Resolve = "resolve",
        /// Close it, by an admin.
        Close = "close",
        /// Reopen it.
        Reopen = "reopen",
        /// Reject it as not a defect, by its specialist.
        Reject = "reject",
        /// Dismiss it as a false alarm, by an admin or engineer.
        Dismiss = "dismiss",
        /// Reopen it after a validated rejection of the repair.
        Rework = "rework",
        /// Open it again because its repair was cancelled.
        Unassign = "unassign",
    }
}

/// Reasons for rejecting a command on a defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DefectRule {
    /// The command is not allowed in the current status (§6).
    #[error("{}", self.message())]
    WrongStatus {
        /// Rejected command.
        command: DefectCommand,
        /// Current status.
        status: DefectStatus,
    },
    /// A later defect of the same machine and question is unresolved (§6).
    #[error("the same question has failed again: its later defect is not resolved")]
    FailedAgain,
}

impl Rule for DefectRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } => Code::InvalidState,
            Self::FailedAgain => Code::RuleViolation,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::WrongStatus { command, status } => message!(
                "cannot {command} {article} {status} defect",
                command,
                article = article(status.as_str()),
                status,
            ),
            rule @ Self::FailedAgain => rule.to_string().into(),
        }
    }
}

impl DefectStatus {
    /// Status after a command (§6).
    pub fn after(self, command: DefectCommand) -> Result<Self, DefectRule> {
        match (self, command) {
            (Self::Open | Self::InProgress, DefectCommand::Update) => Ok(self),
            (Self::Open, DefectCommand::Assign) => Ok(Self::InProgress),
            (Self::Open | Self::InProgress, DefectCommand::Resolve) => Ok(Self::Resolved),
            (Self::Open | Self::InProgress, DefectCommand::Reject | DefectCommand::Dismiss) => {
                Ok(Self::FalseAlarm)
            }
            (Self::Resolved, DefectCommand::Close) => Ok(Self::Closed),
            (Self::Resolved, DefectCommand::Reopen)
            | (Self::Resolved | Self::Closed, DefectCommand::Rework)
            | (Self::InProgress, DefectCommand::Unassign) => Ok(Self::Open),
            (status, command) => Err(DefectRule::WrongStatus { command, status }),
        }
    }

    /// Statuses of unresolved defects.
    pub const UNRESOLVED: [Self; 2] = [Self::Open, Self::InProgress];

    /// Whether the status is one of [`UNRESOLVED`](Self::UNRESOLVED).
    pub fn is_unresolved(self) -> bool {
        Self::UNRESOLVED.contains(&self)
    }
}

/// Checks that the responsible user is active.
pub fn may_be_assigned_to(assignee: Option<&User>) -> Result<(), Invalid> {
    if assignee.is_some_and(|user| user.is_active) {
        return Ok(());
    }
    Err(Invalid::field("assigned_to_id", "must be an active user"))
}

impl Defect {
    /// Builds the defect of a failed answer (§6). Its trade is the question's, else the
    /// inspection's, else the inspector's.
    pub fn from_failed(
        item: &Item,
        inspection: &Inspection,
        technician: Option<Category>,
        recurrence_of: Option<DefectId>,
        today: Date,
        now: Instant,
    ) -> Self {
        let severity = Severity::of_failed(item);
        Self {
            id: DefectId::UNSAVED,
            inspection_id: Some(inspection.id),
            checklist_item_id: Some(item.id),
            equipment_id: inspection.equipment_id,
            category: item.category.or(inspection.category).or(technician),
            severity,
            priority: Priority::of(severity),
            description: format!("Failed: {}", item.question_text),
            description_ar: item.question_text_ar.as_ref().map(|question| format!("فشل: {question}")),
            status: DefectStatus::Open,
            assessment_status: DefectAssessmentStatus::Pending,
            assigned_to_id: Some(inspection.technician_id),
            due_date: today.plus_days(severity.sla_days()),
            sla_days: severity.sla_days(),
            resolved_at: None,
            resolved_by_id: None,
            resolution_notes: None,
            work_order_id: None,
            created_at: now,
            updated_at: now,
            reported_by_id: inspection.technician_id,
            lineage: Some(item.lineage()),
            recurrence_of_id: recurrence_of,
            occurrence_count: 1,
        }
    }

    /// Builds the defect that a user reports without an inspection; no user is responsible for it
    /// yet (§6).
    pub fn reported(new: NewDefect, reporter: UserId, today: Date, now: Instant) -> Self {
        Self {
            id: DefectId::UNSAVED,
            inspection_id: None,
            checklist_item_id: None,
            equipment_id: new.equipment_id,
            category: new.category,
            severity: new.severity,
            priority: Priority::of(new.severity),
            description: new.description.into(),
            description_ar: None,
            status: DefectStatus::Open,
            assessment_status: DefectAssessmentStatus::Pending,
            assigned_to_id: None,
            due_date: today.plus_days(new.severity.sla_days()),
            sla_days: new.severity.sla_days(),
            resolved_at: None,
            resolved_by_id: None,
            resolution_notes: None,
            work_order_id: None,
            created_at: now,
            updated_at: now,
            reported_by_id: reporter,
            lineage: None,
            recurrence_of_id: None,
            occurrence_count: 1,
        }
    }

    /// The defect with its description in the reader's language (§13).
    #[must_use]
    pub fn in_language(mut self, language: Language) -> Self {
        self.description = language.choose(&self.description, self.description_ar.as_deref()).to_owned();
        self
    }

    /// Whether it is overdue: due before today and open or in progress (§6).
    pub fn is_overdue(&self, today: Date) -> bool {
        self.status.is_unresolved() && self.due_date < today
    }

    /// Applies the changes. A new severity recomputes the due date from today, unless one is given
    /// (§6).
    pub fn changed(&self, changes: DefectChanges, today: Date, now: Instant) -> Result<Self, DefectRule> {
        let status = self.status.after(DefectCommand::Update)?;
        let mut after = Self { status, updated_at: now, ..self.clone() };
        changes.severity.apply(&mut after.severity);
        changes.priority.apply(&mut after.priority);
        changes.description.apply_original(&mut after.description, self.description_ar.as_deref());
        changes.description_ar.apply(&mut after.description_ar);
        changes.category.apply(&mut after.category);
        changes.assigned_to_id.apply(&mut after.assigned_to_id);
        changes.work_order_id.apply(&mut after.work_order_id);
        if after.severity != self.severity {
            after.sla_days = after.severity.sla_days();
            after.due_date = today.plus_days(after.sla_days);
        }
        changes.due_date.apply(&mut after.due_date);
        Ok(after)
    }

    /// The part that the owner of its repair sees before the planned time is entered: no
    /// description and no notes (§7).
    #[must_use]
    pub fn outline(self) -> Self {
        Self { description: String::new(), description_ar: None, resolution_notes: None, ..self }
    }

    /// Checks that the actor may resolve it: the responsible user, the specialist of its job, an
    /// engineer or an admin (§6).
    pub fn may_be_resolved_by(&self, actor: &User, specialist: Option<UserId>) -> Result<(), Forbidden> {
        let is_theirs = [self.assigned_to_id, specialist].contains(&Some(actor.id));
        if is_theirs || actor.is_admin() || actor.has(Role::Engineer) {
            Ok(())
        } else {
            Err(Forbidden("only its assignee, its specialist, an engineer or an admin may resolve a defect"))
        }
    }

    /// Resolves it (§6).
    pub fn resolve(&self, resolution: Resolution, actor: UserId, now: Instant) -> Result<Self, DefectRule> {
        Ok(Self {
            status: self.status.after(DefectCommand::Resolve)?,
            resolved_at: Some(now),
            resolved_by_id: Some(actor),
            resolution_notes: Some(resolution.resolution_notes.into()),
            updated_at: now,
            ..self.clone()
        })
    }

    /// Dismisses it as a false alarm (§6).
    pub fn dismiss(&self, now: Instant) -> Result<Self, DefectRule> {
        Ok(Self { status: self.status.after(DefectCommand::Dismiss)?, updated_at: now, ..self.clone() })
    }

    /// Closes it (§6).
    pub fn close(&self, now: Instant) -> Result<Self, DefectRule> {
        Ok(Self { status: self.status.after(DefectCommand::Close)?, updated_at: now, ..self.clone() })
    }

    /// Assigns it to a specialist (§6).
    pub fn assign(&self, now: Instant) -> Result<Self, DefectRule> {
        Ok(Self { status: self.status.after(DefectCommand::Assign)?, updated_at: now, ..self.clone() })
    }

    /// Opens it again because its repair was cancelled, so that it can be assigned (§7).
    pub fn unassign(&self, now: Instant) -> Result<Self, DefectRule> {
        Ok(Self { status: self.status.after(DefectCommand::Unassign)?, updated_at: now, ..self.clone() })
    }

    /// Reopens it and clears its resolution, unless a `later` defect of its question is unresolved,
    /// which stands for it (§6).
    pub fn reopen(&self, later: Option<&Self>, now: Instant) -> Result<Self, DefectRule> {
        self.open_again(DefectCommand::Reopen, later, now)
    }

    /// Reopens it because a rejection of its repair was validated, unless a `later` defect of its
    /// question is unresolved (§8).
    pub fn rework(&self, later: Option<&Self>, now: Instant) -> Result<Self, DefectRule> {
        self.open_again(DefectCommand::Rework, later, now)
    }

    fn open_again(
        &self,
        command: DefectCommand,
        later: Option<&Self>,
        now: Instant,
    ) -> Result<Self, DefectRule> {
        let status = self.status.after(command)?;
        if later.is_some() {
            return Err(DefectRule::FailedAgain);
        }
        Ok(Self {
            status,
            resolved_at: None,
            resolved_by_id: None,
            resolution_notes: None,
            updated_at: now,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests;
