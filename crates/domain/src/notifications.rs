//! Notifications, with texts from a catalogue in English and Arabic (rule book §12).
//!
//! The texts are Fluent messages in `notifications/en.ftl` and `notifications/ar.ftl`, named by the
//! notification type.

mod catalogue;
mod param;

use serde::Serialize;

use crate::{
    entity::Entity,
    ids::{NotificationId, UserId},
    input::{AnyOf, input, text_enum},
    rule::{Code, Rule},
    text::Language,
    time::Instant,
};

pub use param::Param;

text_enum! {
    /// Priority of a notification.
    pub enum NotificationPriority {
        /// For information.
        Info = "info",
        /// Requires attention soon.
        Warning = "warning",
        /// Requires attention now.
        Urgent = "urgent",
        /// Reports a danger.
        Critical = "critical",
    }
}

/// A notification of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::notifications, treat_none_as_default_value = false)
)]
pub struct Notification {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: NotificationId,
    /// Recipient.
    pub user_id: UserId,
    /// Type of the event.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "diesel", diesel(column_name = kind))]
    pub kind: NotificationType,
    /// Title, in the reader's language.
    pub title: String,
    /// Title in Arabic.
    pub title_ar: String,
    /// Message, in the reader's language.
    pub message: String,
    /// Message in Arabic.
    pub message_ar: String,
    /// Type of the related object.
    pub related_type: Option<String>,
    /// Primary key of the related object.
    pub related_id: Option<i64>,
    /// Priority.
    pub priority: NotificationPriority,
    /// Whether it must be read before deletion.
    pub is_persistent: bool,
    /// Path of the related object.
    pub action_url: Option<String>,
    /// Whether it has been read.
    pub is_read: bool,
    /// Time of reading.
    pub read_at: Option<Instant>,
    /// Creation time.
    pub created_at: Instant,
}

impl Entity for Notification {
    const NAME: &'static str = "notification";
    const CHANGED_KIND: Option<crate::entity::ChangedKind> = Some(crate::entity::ChangedKind::Notification);

    fn id(&self) -> i64 {
        self.id.get()
    }

    fn followers(&self) -> Vec<UserId> {
        vec![self.user_id]
    }
}

crate::shows!(Notification {});

impl Notification {
    /// Checks that it can be deleted: read, or not persistent (§12).
    pub fn may_be_deleted(&self) -> Result<(), NotificationRule> {
        if self.is_persistent && !self.is_read { Err(NotificationRule::Unread) } else { Ok(()) }
    }
}

/// Reasons for rejecting a command on a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotificationRule {
    /// A persistent notification must be read before deletion (§12).
    #[error("this notification must be read before it can be deleted")]
    Unread,
}

impl Rule for NotificationRule {
    fn code(&self) -> Code {
        Code::RuleViolation
    }
}

input! {
    /// Filter of a list of the user's own notifications, newest first.
    pub struct NotificationFilter {
        /// Whether to list unread notifications only.
        unread_only: Option<bool>,
        /// Filter by priority.
        priority: AnyOf<NotificationPriority>,
        /// Filter by type.
        r#type: AnyOf<NotificationType>,
    }
}

macro_rules! notification_types {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $priority:ident $($persistent:ident)?;)*) => {
        text_enum! {
            /// Type of the reported event, and name of its texts in the catalogue.
            pub enum NotificationType { $($(#[doc = $doc])+ $name = $text,)* }
        }

        impl NotificationType {
            /// Priority, unless the notice sets another one.
            pub(crate) const fn priority(self) -> NotificationPriority {
                match self { $(Self::$name => NotificationPriority::$priority,)* }
            }

            /// Whether it must be read before deletion (§12).
            pub(crate) fn is_persistent(self) -> bool {
                match self {
                    $(Self::$name => [$(stringify!($persistent))?].contains(&"persistent"),)*
                }
            }
        }
    };
}

notification_types! {
    /// An inspection was submitted.
    InspectionSubmitted = "inspection_submitted", Info;
    /// An inspection was assigned to the recipient.
    InspectionAssigned = "inspection_assigned", Info;
    /// Several inspections of a day were assigned to the recipient.
    InspectionsAssigned = "inspections_assigned", Info;
    /// An assigned inspection was withdrawn from the recipient.
    InspectionUnassigned = "inspection_unassigned", Info;
    /// Several assigned inspections of a day were withdrawn from the recipient.
    InspectionsUnassigned = "inspections_unassigned", Info;
    /// Teams were withdrawn because an inspector is on leave.
    AssignmentsFreed = "assignments_freed", Warning;
    /// An inspection of the recipient was rated.
    InspectionRated = "inspection_rated", Info;
    /// The recipient's verdict on a machine is required.
    AssessmentRequired = "assessment_required", Urgent;
    /// A machine was stopped for safety.
    EquipmentStopped = "equipment_stopped", Critical persistent;
    /// An assignment is past its deadline.
    BacklogTriggered = "backlog_triggered", Warning;
    /// A defect was found by an inspection or reported without one.
    DefectCreated = "defect_created", Warning;
    /// An unresolved defect was found again.
    DefectFoundAgain = "defect_found_again", Warning;
    /// A defect was resolved.
    DefectResolved = "defect_resolved", Info;
    /// A defect was rejected by its specialist.
    DefectRejected = "defect_rejected", Warning;
    /// A defect was dismissed as a false alarm.
    DefectDismissed = "defect_dismissed", Warning;
    /// A job was assigned to the recipient.
    JobAssigned = "job_assigned", Info;
    /// A job was completed.
    JobCompleted = "job_completed", Info;
    /// A job was left incomplete.
    JobIncomplete = "job_incomplete", Warning;
    /// A job was cancelled.
    JobCancelled = "job_cancelled", Warning;
    /// A job of the recipient was given to another user.
    JobReassigned = "job_reassigned", Info;
    /// An admin or engineer acted on a job of the recipient in their place.
    JobOnBehalf = "job_on_behalf", Info;
    /// An admin corrected the timer of a job of the recipient.
    JobTimerCorrected = "job_timer_corrected", Info;
    /// A job has been running for long without a pause.
    JobRunningLong = "job_running_long", Warning;
    /// An engineer job was created for the recipient.
    EngineerJobCreated = "engineer_job_created", Info;
    /// A pause was requested.
    PauseRequested = "pause_requested", Warning;
    /// A pause was approved.
    PauseApproved = "pause_approved", Info;
    /// A pause was denied.
    PauseDenied = "pause_denied", Warning;
    /// A stalled job is available for takeover.
    StalledJobAvailable = "stalled_job_available", Info;
    /// A takeover was requested.
    TakeoverRequested = "takeover_requested", Info;
    /// A takeover was approved.
    TakeoverApproved = "takeover_approved", Info;
    /// A takeover was denied.
    TakeoverDenied = "takeover_denied", Info;
    /// Points were awarded for a completed takeover.
    TakeoverBonus = "takeover_bonus", Info;
    /// A quality review was assigned to the recipient.
    QualityReviewAssigned = "quality_review_assigned", Info;
    /// A quality review of the recipient was given to another quality engineer.
    QualityReviewReassigned = "quality_review_reassigned", Info;
    /// Work was approved by a quality review.
    QualityApproved = "quality_approved", Info;
    /// A rejection by a quality review requires validation.
    QualityRejectionPending = "quality_rejection_pending", Warning;
    /// A rejection was validated or found invalid.
    RejectionValidated = "rejection_validated", Info;
    /// A quality review is overdue.
    SlaWarning = "sla_warning", Warning;
    /// No quality engineer is available for a completed job.
    NoQualityEngineer = "no_quality_engineer", Warning;
    /// A leave was requested.
    LeaveRequested = "leave_requested", Info;
    /// A person is on leave.
    LeaveNotification = "leave_notification", Info;
    /// A leave was rejected.
    LeaveRejected = "leave_rejected", Warning;
    /// Coverage of a leave was assigned to the recipient.
    CoverageAssigned = "coverage_assigned", Info;
    /// Bonus stars were awarded to the recipient.
    BonusAwarded = "bonus_awarded", Info;
    /// Bonus stars were requested for another person.
    BonusRequest = "bonus_request", Info;
    /// Requested bonus stars were denied.
    BonusDenied = "bonus_denied", Info;
    /// The password of the recipient was changed.
    PasswordChanged = "password_changed", Urgent;
    /// A refresh token of the recipient was used twice, so its session has ended.
    SessionReused = "session_reused", Urgent;
    /// Several wrong passwords in a row were entered for the account of the recipient.
    SignInsDelayed = "sign_ins_delayed", Urgent;
}

/// A notification without a recipient.
#[derive(Debug, Clone)]
pub struct Notice {
    kind: NotificationType,
    params: Vec<(&'static str, Param)>,
    priority: NotificationPriority,
    related: Option<(&'static str, i64)>,
    action_url: Option<String>,
}

impl Notice {
    /// A notice of this type, without parameters.
    pub fn new(kind: NotificationType) -> Self {
        Self { kind, params: Vec::new(), priority: kind.priority(), related: None, action_url: None }
    }

    /// Sets a parameter of the text.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Param>) -> Self {
        self.params.push((name, value.into()));
        self
    }

    /// Overrides the priority of the type.
    #[must_use]
    pub fn priority(self, priority: NotificationPriority) -> Self {
        Self { priority, ..self }
    }

    /// Sets the related entity, with a link to its resource.
    #[must_use]
    pub fn about(self, entity: &impl Entity) -> Self {
        let action_url = entity.path().map(|path| format!("{path}/{}", entity.id()));
        Self { related: Some((entity.name(), entity.id())), action_url, ..self }
    }

    fn text(&self, language: Language, part: &str) -> String {
        catalogue::format(language, self.kind.as_str(), Some(part), &self.params)
    }

    /// The notification for a recipient.
    pub fn address_to(&self, user: UserId, now: Instant) -> Notification {
        Notification {
            id: NotificationId::UNSAVED,
            user_id: user,
            kind: self.kind,
            title: self.text(Language::En, "title"),
            title_ar: self.text(Language::Ar, "title"),
            message: self.text(Language::En, "message"),
            message_ar: self.text(Language::Ar, "message"),
            related_type: self.related.map(|(kind, _)| kind.to_owned()),
            related_id: self.related.map(|(_, id)| id),
            priority: self.priority,
            is_persistent: self.kind.is_persistent(),
            action_url: self.action_url.clone(),
            is_read: false,
            read_at: None,
            created_at: now,
        }
    }
}

#[cfg(test)]
mod tests;
