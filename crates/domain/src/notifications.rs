//! Notifications: what people are told, from a catalogue in both languages (rule book §12).

mod catalogue;

use serde::Serialize;

use crate::{
    ids::{NotificationId, UserId},
    input::{input, text_enum},
    rule::{Code, Rule},
    text::Language,
    time::{Date, Instant},
};

text_enum! {
    /// How much a notification matters.
    pub enum NotificationPriority {
        /// Good to know.
        Info = "info",
        /// Look at it soon.
        Warning = "warning",
        /// Look at it now.
        Urgent = "urgent",
        /// A danger.
        Critical = "critical",
    }
}

/// A notification of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::notifications, treat_none_as_default_value = false)
)]
pub struct Notification {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: NotificationId,
    /// Whom it is for.
    pub user_id: UserId,
    /// What happened.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "diesel", diesel(column_name = kind))]
    pub kind: NotificationType,
    /// Title, in the reader's language.
    pub title: String,
    /// Title in Arabic.
    pub title_ar: String,
    /// Text, in the reader's language.
    pub message: String,
    /// Text in Arabic.
    pub message_ar: String,
    /// Kind of the object it is about.
    pub related_type: Option<String>,
    /// Number of that object.
    pub related_id: Option<i64>,
    /// How much it matters.
    pub priority: NotificationPriority,
    /// Whether it must be read before it can be deleted.
    pub is_persistent: bool,
    /// Where a client goes to see the object.
    pub action_url: Option<String>,
    /// Whether it was read.
    pub is_read: bool,
    /// When.
    pub read_at: Option<Instant>,
    /// When it was written.
    pub created_at: Instant,
}

impl Notification {
    /// It can be deleted, unless it is persistent and unread (§12).
    pub fn may_be_deleted(&self) -> Result<(), NotificationRule> {
        if self.is_persistent && !self.is_read { Err(NotificationRule::Unread) } else { Ok(()) }
    }
}

/// Why something can't be done with a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotificationRule {
    /// Persistent ones are read before they go (§12).
    #[error("this notification must be read before it can be deleted")]
    Unread,
}

impl Rule for NotificationRule {
    fn code(&self) -> Code {
        Code::RuleViolation
    }
}

input! {
    /// Which of one's notifications, newest first.
    pub struct NotificationFilter {
        /// Those not read yet.
        unread_only: Option<bool>,
        /// Of this priority.
        priority: Option<NotificationPriority>,
        /// Of this type.
        r#type: Option<NotificationType>,
    }
}

macro_rules! notification_types {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $priority:ident $($persistent:ident)?;)*) => {
        text_enum! {
            /// Event that a notification reports; its texts are in the catalogue under the same name.
            pub enum NotificationType { $($(#[doc = $doc])+ $name = $text,)* }
        }

        impl NotificationType {
            /// Priority, unless the notice sets another one.
            pub(crate) const fn priority(self) -> NotificationPriority {
                match self { $(Self::$name => NotificationPriority::$priority,)* }
            }

            /// Whether it must be read before it can be deleted (§12).
            pub(crate) fn is_persistent(self) -> bool {
                match self {
                    $(Self::$name => [$(stringify!($persistent))?].contains(&"persistent"),)*
                }
            }
        }
    };
}

notification_types! {
    /// An inspection was handed in.
    InspectionSubmitted = "inspection_submitted", Info;
    /// One is to inspect a machine.
    InspectionAssigned = "inspection_assigned", Info;
    /// One's inspection was rated.
    InspectionRated = "inspection_rated", Info;
    /// One's verdict on a machine is asked for.
    AssessmentRequired = "assessment_required", Urgent;
    /// A machine was stopped for safety.
    EquipmentStopped = "equipment_stopped", Critical persistent;
    /// An assignment is past its deadline.
    BacklogTriggered = "backlog_triggered", Warning;
    /// An inspection found a defect.
    DefectCreated = "defect_created", Warning;
    /// A defect was repaired.
    DefectResolved = "defect_resolved", Info;
    /// A defect was found to be none.
    DefectRejected = "defect_rejected", Warning;
    /// One has a job.
    JobAssigned = "job_assigned", Info;
    /// A job was finished.
    JobCompleted = "job_completed", Info;
    /// A job could not be finished.
    JobIncomplete = "job_incomplete", Warning;
    /// A job is no more.
    JobCancelled = "job_cancelled", Warning;
    /// An engineer has a job.
    EngineerJobCreated = "engineer_job_created", Info;
    /// Somebody wants to pause a job.
    PauseRequested = "pause_requested", Warning;
    /// A pause was allowed.
    PauseApproved = "pause_approved", Info;
    /// A pause was refused.
    PauseDenied = "pause_denied", Warning;
    /// A job waits for somebody to take it over.
    StalledJobAvailable = "stalled_job_available", Info;
    /// Somebody wants to take a job over.
    TakeoverRequested = "takeover_requested", Info;
    /// A takeover was allowed.
    TakeoverApproved = "takeover_approved", Info;
    /// A takeover was refused.
    TakeoverDenied = "takeover_denied", Info;
    /// Points for a job taken over.
    TakeoverBonus = "takeover_bonus", Info;
    /// A quality engineer has a review.
    QualityReviewAssigned = "quality_review_assigned", Info;
    /// Work was approved.
    QualityApproved = "quality_approved", Info;
    /// A rejection awaits an admin.
    QualityRejectionPending = "quality_rejection_pending", Warning;
    /// An admin decided on a rejection.
    RejectionValidated = "rejection_validated", Info;
    /// A review is overdue.
    SlaWarning = "sla_warning", Warning;
    /// Nobody can review a job.
    NoQualityEngineer = "no_quality_engineer", Warning;
    /// Somebody asks for leave.
    LeaveRequested = "leave_requested", Info;
    /// Somebody is away.
    LeaveNotification = "leave_notification", Info;
    /// A leave was refused.
    LeaveRejected = "leave_rejected", Warning;
    /// One covers for somebody.
    CoverageAssigned = "coverage_assigned", Info;
    /// Bonus stars.
    BonusAwarded = "bonus_awarded", Info;
    /// Somebody asks for bonus stars for somebody.
    BonusRequest = "bonus_request", Info;
    /// Bonus stars were refused.
    BonusDenied = "bonus_denied", Info;
}

/// A parameter of a notification's text.
#[derive(Debug, Clone)]
pub enum Param {
    /// The same text in both languages.
    Plain(String),
    /// A text in English and in Arabic.
    Both(String, String),
    /// A number; the text takes the plural form that the language has for it.
    Count(i64),
}

impl Param {
    /// The inspection of a machine as the subject of a text; `machine` is the machine's name.
    pub fn inspection_of(machine: impl Into<Self>) -> Self {
        let params = [("equipment", machine.into())];
        let phrase = |language| catalogue::format(language, "inspection_of", None, &params);
        Self::Both(phrase(Language::En), phrase(Language::Ar))
    }
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl From<&String> for Param {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&Date> for Param {
    fn from(date: &Date) -> Self {
        Self::Plain(date.to_string())
    }
}

impl From<&i64> for Param {
    fn from(count: &i64) -> Self {
        Self::Count(*count)
    }
}

impl From<bool> for Param {
    fn from(value: bool) -> Self {
        Self::Plain(value.to_string())
    }
}

impl From<(&str, Option<&str>)> for Param {
    fn from((english, arabic): (&str, Option<&str>)) -> Self {
        Self::Both(english.to_owned(), arabic.unwrap_or(english).to_owned())
    }
}

/// A notification before it is addressed to anybody.
#[derive(Debug, Clone)]
pub struct Notice {
    kind: NotificationType,
    params: Vec<(&'static str, Param)>,
    priority: NotificationPriority,
    related: Option<(&'static str, i64)>,
    action_url: Option<String>,
}

impl Notice {
    /// An entry of the catalogue, without its parameters.
    pub fn new(kind: NotificationType) -> Self {
        Self { kind, params: Vec::new(), priority: kind.priority(), related: None, action_url: None }
    }

    /// Gives a named parameter of the text its value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Param>) -> Self {
        self.params.push((name, value.into()));
        self
    }

    /// Gives it another priority than the catalogue does.
    #[must_use]
    pub fn priority(self, priority: NotificationPriority) -> Self {
        Self { priority, ..self }
    }

    /// Says which object it is about; `path` is where a client goes to see it.
    #[must_use]
    pub fn about(self, kind: &'static str, id: i64, path: &str) -> Self {
        Self { related: Some((kind, id)), action_url: Some(format!("{path}/{id}")), ..self }
    }

    fn text(&self, language: Language, part: &str) -> String {
        catalogue::format(language, self.kind.as_str(), Some(part), &self.params)
    }

    /// The notification for one recipient.
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
