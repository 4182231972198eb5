//! Notifications: what people are told, from a catalogue in both languages (rule book §12).

use serde::Serialize;

use crate::{
    ids::{NotificationId, UserId},
    input::{input, text_enum},
    rule::{Code, Rule},
    text::Language,
    time::Instant,
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

struct Entry {
    title: [&'static str; 2],
    message: [&'static str; 2],
    priority: NotificationPriority,
    persistent: bool,
}

macro_rules! catalogue {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $priority:ident $($persistent:ident)?:
        $title:literal / $title_ar:literal, $message:literal / $message_ar:literal;)*) => {
        text_enum! {
            /// What a notification is about.
            pub enum NotificationType { $($(#[doc = $doc])+ $name = $text,)* }
        }

        impl NotificationType {
            fn entry(self) -> Entry {
                match self {
                    $(Self::$name => Entry {
                        title: [$title, $title_ar],
                        message: [$message, $message_ar],
                        priority: NotificationPriority::$priority,
                        persistent: [$(stringify!($persistent))?].contains(&"persistent"),
                    },)*
                }
            }
        }
    };
}

catalogue! {
    /// An inspection was handed in.
    InspectionSubmitted = "inspection_submitted", Info:
        "Inspection submitted" / "تم تقديم فحص",
        "{inspector} submitted the inspection of {equipment}: {result}."
        / "قدّم {inspector} فحص {equipment}: {result}.";
    /// One is to inspect a machine.
    InspectionAssigned = "inspection_assigned", Info:
        "Inspection assigned" / "تم تكليفك بفحص",
        "You are to inspect {equipment} on {date}, with {partner}."
        / "أنت مكلّف بفحص {equipment} بتاريخ {date} مع {partner}.";
    /// One's inspection was rated.
    InspectionRated = "inspection_rated", Info:
        "Inspection rated" / "تم تقييم الفحص",
        "Your inspection of {equipment} was rated {rating} of 5."
        / "تم تقييم فحصك لـ {equipment} بدرجة {rating} من 5.";
    /// One's verdict on a machine is asked for.
    AssessmentRequired = "assessment_required", Urgent:
        "Your verdict is needed" / "مطلوب حكمك",
        "Both inspections of {equipment} are complete: is it operational, or urgent?"
        / "اكتمل فحصا {equipment}: هل المعدة صالحة للتشغيل أم الحالة عاجلة؟";
    /// A machine was stopped for safety.
    EquipmentStopped = "equipment_stopped", Critical persistent:
        "Equipment stopped" / "تم إيقاف معدة",
        "{equipment} was stopped for safety: {reason}"
        / "تم إيقاف {equipment} لدواعي السلامة: {reason}";
    /// An assignment is past its deadline.
    BacklogTriggered = "backlog_triggered", Warning:
        "Inspection overdue" / "فحص متأخر",
        "The inspection of {equipment} for {date} is past its deadline."
        / "تجاوز فحص {equipment} المقرر بتاريخ {date} موعده النهائي.";
    /// An inspection found a defect.
    DefectCreated = "defect_created", Warning:
        "Defect found" / "تم رصد عيب",
        "{equipment}: {defect} (due {date})"
        / "{equipment}: {defect} (موعد الإصلاح {date})";
    /// A defect was repaired.
    DefectResolved = "defect_resolved", Info:
        "Defect resolved" / "تمت معالجة عيب",
        "{person} resolved a defect of {equipment}: {defect}"
        / "عالج {person} عيبًا في {equipment}: {defect}";
    /// A defect was found to be none.
    DefectRejected = "defect_rejected", Warning:
        "Defect rejected" / "تم رفض عيب",
        "The specialist found nothing wrong with {equipment}: {defect}"
        / "لم يجد الأخصائي خللًا في {equipment}: {defect}";
    /// One has a job.
    JobAssigned = "job_assigned", Info:
        "Job assigned" / "تم تكليفك بمهمة",
        "Job {job} on {equipment} is yours. Enter your planned time first."
        / "المهمة {job} على {equipment} من نصيبك. أدخل الوقت المخطط أولًا.";
    /// A job was finished.
    JobCompleted = "job_completed", Info:
        "Job completed" / "اكتملت مهمة",
        "{person} completed job {job}."
        / "أكمل {person} المهمة {job}.";
    /// A job could not be finished.
    JobIncomplete = "job_incomplete", Warning:
        "Job incomplete" / "مهمة غير مكتملة",
        "{person} left job {job} incomplete: {reason}"
        / "ترك {person} المهمة {job} غير مكتملة: {reason}";
    /// A job is no more.
    JobCancelled = "job_cancelled", Warning:
        "Job cancelled" / "أُلغيت مهمة",
        "Job {job} was cancelled: {reason}"
        / "أُلغيت المهمة {job}: {reason}";
    /// An engineer has a job.
    EngineerJobCreated = "engineer_job_created", Info:
        "Engineer job created" / "تم إنشاء مهمة هندسية",
        "Job {job}: {title}."
        / "المهمة {job}: {title}.";
    /// Somebody wants to pause a job.
    PauseRequested = "pause_requested", Warning:
        "Pause requested" / "طلب إيقاف مؤقت",
        "{person} asks to pause job {job}: {reason}."
        / "يطلب {person} إيقاف المهمة {job} مؤقتًا: {reason}.";
    /// A pause was allowed.
    PauseApproved = "pause_approved", Info:
        "Pause approved" / "تمت الموافقة على الإيقاف المؤقت",
        "Job {job} is paused."
        / "المهمة {job} متوقفة مؤقتًا.";
    /// A pause was refused.
    PauseDenied = "pause_denied", Warning:
        "Pause denied" / "رُفض الإيقاف المؤقت",
        "The pause of job {job} was denied: {reason}"
        / "رُفض إيقاف المهمة {job} مؤقتًا: {reason}";
    /// A job waits for somebody to take it over.
    StalledJobAvailable = "stalled_job_available", Info:
        "Stalled job available" / "مهمة متعثرة متاحة",
        "Job {job} has been paused since {date}. You may take it over."
        / "المهمة {job} متوقفة منذ {date}. يمكنك توليها.";
    /// Somebody wants to take a job over.
    TakeoverRequested = "takeover_requested", Info:
        "Takeover requested" / "طلب تولي مهمة",
        "{person} asks to take over {job}."
        / "يطلب {person} تولي {job}.";
    /// A takeover was allowed.
    TakeoverApproved = "takeover_approved", Info:
        "Takeover approved" / "تمت الموافقة على التولي",
        "{person} takes over {job}."
        / "يتولى {person} {job}.";
    /// A takeover was refused.
    TakeoverDenied = "takeover_denied", Info:
        "Takeover denied" / "رُفض طلب التولي",
        "Your request to take over {job} was denied."
        / "رُفض طلبك لتولي {job}.";
    /// Points for a job taken over.
    TakeoverBonus = "takeover_bonus", Info:
        "Takeover bonus" / "مكافأة التولي",
        "You get {points} points for finishing {job}."
        / "حصلت على {points} نقاط لإنهاء {job}.";
    /// A quality engineer has a review.
    QualityReviewAssigned = "quality_review_assigned", Info:
        "Quality review assigned" / "تم تكليفك بمراجعة جودة",
        "Job {job} awaits your review until {date}."
        / "تنتظر المهمة {job} مراجعتك حتى {date}.";
    /// Work was approved.
    QualityApproved = "quality_approved", Info:
        "Work approved" / "تم اعتماد العمل",
        "Job {job} was approved with rating {rating} of 5."
        / "تم اعتماد المهمة {job} بتقييم {rating} من 5.";
    /// A rejection awaits an admin.
    QualityRejectionPending = "quality_rejection_pending", Warning:
        "Rejection to validate" / "رفض ينتظر التحقق",
        "{person} rejected job {job}: {reason}"
        / "رفض {person} المهمة {job}: {reason}";
    /// An admin decided on a rejection.
    RejectionValidated = "rejection_validated", Info:
        "Rejection decided" / "تم البت في الرفض",
        "The rejection of job {job} was found {outcome}."
        / "تبيّن أن رفض المهمة {job} {outcome}.";
    /// A review is overdue.
    SlaWarning = "sla_warning", Warning:
        "Review overdue" / "مراجعة متأخرة",
        "The review of job {job} was due {date}."
        / "كان موعد مراجعة المهمة {job} {date}.";
    /// Nobody can review a job.
    NoQualityEngineer = "no_quality_engineer", Warning:
        "No quality engineer at hand" / "لا يوجد مهندس جودة متاح",
        "Job {job} is complete and nobody can review it."
        / "اكتملت المهمة {job} ولا يوجد من يراجعها.";
    /// Somebody asks for leave.
    LeaveRequested = "leave_requested", Info:
        "Leave requested" / "طلب إجازة",
        "{person} asks for leave from {from} to {to}."
        / "يطلب {person} إجازة من {from} إلى {to}.";
    /// Somebody is away.
    LeaveNotification = "leave_notification", Info:
        "On leave" / "في إجازة",
        "{person} is on leave from {from} to {to}."
        / "{person} في إجازة من {from} إلى {to}.";
    /// A leave was refused.
    LeaveRejected = "leave_rejected", Warning:
        "Leave rejected" / "رُفضت الإجازة",
        "Your leave from {from} to {to} was rejected: {reason}"
        / "رُفضت إجازتك من {from} إلى {to}: {reason}";
    /// One covers for somebody.
    CoverageAssigned = "coverage_assigned", Info:
        "Coverage assigned" / "تم تكليفك بالتغطية",
        "You cover for {person} from {from} to {to}."
        / "تغطي عن {person} من {from} إلى {to}.";
    /// Bonus stars.
    BonusAwarded = "bonus_awarded", Info:
        "Bonus stars" / "نجوم مكافأة",
        "You get {points} bonus stars: {reason}"
        / "حصلت على {points} نجوم مكافأة: {reason}";
    /// Somebody asks for bonus stars for somebody.
    BonusRequest = "bonus_request", Info:
        "Bonus requested" / "طلب مكافأة",
        "{person} asks for {points} bonus stars for {recipient}: {reason}"
        / "يطلب {person} {points} نجوم مكافأة لـ {recipient}: {reason}";
    /// Bonus stars were refused.
    BonusDenied = "bonus_denied", Info:
        "Bonus denied" / "رُفضت المكافأة",
        "The bonus for {recipient} was denied."
        / "رُفضت مكافأة {recipient}.";
}

/// What comes before the next `{name}` of a text, the name, and what comes after.
fn next_parameter(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// A parameter of a notification's text.
#[derive(Debug, Clone)]
pub enum Param {
    /// The same in both languages.
    Plain(String),
    /// In English and in Arabic.
    Both(String, String),
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl<T: std::fmt::Display> From<&T> for Param {
    fn from(value: &T) -> Self {
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
        Self { kind, params: Vec::new(), priority: kind.entry().priority, related: None, action_url: None }
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

    fn render(&self, texts: [&str; 2], language: Language) -> String {
        let [english, arabic] = texts;
        let mut rest = if language == Language::Ar { arabic } else { english };
        let mut text = String::new();
        // From left to right: a value that looks like a parameter is a value all the same.
        while let Some((before, name, after)) = next_parameter(rest) {
            text.push_str(before);
            if let Some((_, value)) = self.params.iter().find(|(known, _)| *known == name) {
                text.push_str(match (value, language) {
                    (Param::Plain(value) | Param::Both(value, _), Language::En)
                    | (Param::Plain(value) | Param::Both(_, value), Language::Ar) => value,
                });
            }
            rest = after;
        }
        text + rest
    }

    /// The notification for one person.
    pub fn address_to(&self, user: UserId, now: Instant) -> Notification {
        let entry = self.kind.entry();
        Notification {
            id: NotificationId::UNSAVED,
            user_id: user,
            kind: self.kind,
            title: self.render(entry.title, Language::En),
            title_ar: self.render(entry.title, Language::Ar),
            message: self.render(entry.message, Language::En),
            message_ar: self.render(entry.message, Language::Ar),
            related_type: self.related.map(|(kind, _)| kind.to_owned()),
            related_id: self.related.map(|(_, id)| id),
            priority: self.priority,
            is_persistent: entry.persistent,
            action_url: self.action_url.clone(),
            is_read: false,
            read_at: None,
            created_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{id, now};

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<_> =
            text.split('{').skip(1).map(|rest| rest.split_once('}').expect("closed").0).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_type_says_the_same_in_both_languages() {
        for &kind in NotificationType::ALL {
            let entry = kind.entry();
            for [english, arabic] in [entry.title, entry.message] {
                assert_eq!(placeholders(english), placeholders(arabic), "{kind}");
                assert_eq!(Language::of(english), Language::En, "{kind}");
                let bare = placeholders(arabic).iter().fold(arabic.to_owned(), |t, name| t.replace(name, ""));
                assert_eq!(Language::of(&bare), Language::Ar, "{kind}");
            }
        }
        assert_eq!(NotificationType::ALL.len(), 35);
    }

    #[test]
    fn parameters_are_filled_in_in_the_language_of_the_text() {
        let notice = Notice::new(NotificationType::DefectCreated)
            .with("equipment", "Crane 1")
            .with("defect", ("Failed: oil?", Some("فشل: الزيت؟")))
            .with("date", "2026-03-02")
            .about("defect", 7, "/defects");
        let told = notice.address_to(id(3), now());
        assert_eq!(told.message, "Crane 1: Failed: oil? (due 2026-03-02)");
        assert_eq!(told.message_ar, "Crane 1: فشل: الزيت؟ (موعد الإصلاح 2026-03-02)");
        let odd = Notice::new(NotificationType::DefectCreated)
            .with("equipment", "Crane {date}")
            .with("defect", "{equipment} {oil")
            .with("date", "2026-03-02");
        assert_eq!(odd.address_to(id(3), now()).message, "Crane {date}: {equipment} {oil (due 2026-03-02)");
        assert_eq!((told.action_url.as_deref(), told.related_id), (Some("/defects/7"), Some(7)));
    }

    #[test]
    fn a_persistent_one_is_read_before_it_goes() {
        let notice = Notice::new(NotificationType::EquipmentStopped).address_to(id(1), now());
        assert_eq!(notice.may_be_deleted(), Err(NotificationRule::Unread));
        assert_eq!(Notification { is_read: true, ..notice.clone() }.may_be_deleted(), Ok(()));
        let plain = Notice::new(NotificationType::DefectCreated).address_to(id(1), now());
        assert!(plain.may_be_deleted().is_ok());
    }
}
