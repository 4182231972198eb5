//! What can go wrong in storing and finding, and which rule a violated constraint stands for.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as Diesel};
use inspection_domain::{
    assessments::AssessmentRule,
    assignments::AssignmentRule,
    bonus_stars::BonusRule,
    checklists::ChecklistRule,
    daily_lists::ListRule,
    defect_assessments::DefectAssessmentRule,
    defects::DefectRule,
    files::FileRule,
    input::Invalid,
    inspections::InspectionRule,
    jobs::JobRule,
    leaves::LeaveRule,
    notifications::NotificationRule,
    outbox::OutboxRule,
    pauses::PauseRule,
    quality_reviews::ReviewRule,
    ratings::RatingRule,
    rule::{Code, FieldError, Forbidden, NotFound, Rule},
    sessions::SessionRule,
    sync::SyncRule,
    takeovers::{TakeoverRefusal, TakeoverRule},
    tasks::TaskRule,
    users::UserRule,
};

/// The outcome of a read or a unit of work.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a read or a unit of work has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule forbids it; nothing was changed.
    #[error("{0}")]
    Rule(Box<dyn Rule>),
    /// The database can't be reached, or has no connection left; trying later may work.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// Anything else: a defect of this program or of the database.
    #[error(transparent)]
    Database(Diesel),
}

macro_rules! refusals {
    ($($rule:ty),+ $(,)?) => {
        $(impl From<$rule> for Error {
            fn from(rule: $rule) -> Self {
                Self::Rule(Box::new(rule))
            }
        })+
    };
}

refusals!(
    AssessmentRule,
    AssignmentRule,
    BonusRule,
    ChecklistRule,
    DefectAssessmentRule,
    DefectRule,
    FileRule,
    Forbidden,
    InspectionRule,
    Invalid,
    JobRule,
    LeaveRule,
    ListRule,
    NotFound,
    NotificationRule,
    OutboxRule,
    PauseRule,
    RatingRule,
    ReviewRule,
    SessionRule,
    SyncRule,
    TakeoverRefusal,
    TakeoverRule,
    TaskRule,
    UserRule,
    UniqueViolation,
    ConcurrentUpdate,
);

/// A value that must be unique is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UniqueViolation {
    field: &'static str,
    message: &'static str,
}

impl Rule for UniqueViolation {
    fn code(&self) -> Code {
        Code::Duplicate
    }

    fn fields(&self) -> Vec<FieldError> {
        vec![FieldError { field: self.field.into(), message: self.message.into() }]
    }
}

/// Somebody else changed the same thing at the same time; trying again may work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("somebody else changed this at the same time; try again")]
pub struct ConcurrentUpdate;

impl Rule for ConcurrentUpdate {
    fn code(&self) -> Code {
        Code::Conflict
    }
}

/// A unique constraint: its name, which PostgreSQL tells, its columns, which SQLite tells, and what it means.
struct Unique {
    name: &'static str,
    columns: &'static str,
    /// The field and message of a `DUPLICATE`; none for what only a lost race violates.
    taken: Option<UniqueViolation>,
}

const fn taken(
    name: &'static str,
    columns: &'static str,
    field: &'static str,
    message: &'static str,
) -> Unique {
    Unique { name, columns, taken: Some(UniqueViolation { field, message }) }
}

const fn raced(name: &'static str, columns: &'static str) -> Unique {
    Unique { name, columns, taken: None }
}

/// Every unique constraint of the schema.
const UNIQUE: &[Unique] = &[
    taken("users_email_key", "users.email", "email", "this e-mail address is in use"),
    taken("badges_pkey", "badges.badge", "role_id", "this badge is in use"),
    taken("users_role_id_key", "users.role_id", "role_id", "this badge is in use"),
    taken("users_minor_role_id_key", "users.minor_role_id", "minor_role_id", "this badge is in use"),
    raced("revoked_tokens_pkey", "revoked_tokens.jti"),
    taken(
        "equipment_serial_number_key",
        "equipment.serial_number",
        "serial_number",
        "there is equipment with this serial number",
    ),
    taken(
        "checklist_templates_equipment_type_version_key",
        "checklist_templates.equipment_type, checklist_templates.version",
        "version",
        "this type of equipment has a checklist of this version",
    ),
    taken(
        "checklist_items_order_index_key",
        "checklist_items.template_id, checklist_items.order_index",
        "order_index",
        "another item of the checklist has this place",
    ),
    raced("changes_entity_key", "changes.user_id, changes.entity_type, changes.entity_id"),
    raced("sync_items_client_id_key", "sync_items.user_id, sync_items.client_id"),
    raced("task_runs_task_scheduled_for_key", "task_runs.task, task_runs.scheduled_for"),
    raced(
        "translations_field_key",
        "translations.model_type, translations.model_id, translations.field_name",
    ),
    raced("inspections_one_draft_key", "inspections.technician_id, inspections.equipment_id"),
    raced(
        "inspection_answers_item_key",
        "inspection_answers.inspection_id, inspection_answers.checklist_item_id",
    ),
    raced(
        "equipment_weekly_completions_pkey",
        "equipment_weekly_completions.equipment_id, equipment_weekly_completions.iso_year, \
         equipment_weekly_completions.iso_week",
    ),
    raced("defects_answer_key", "defects.inspection_id, defects.checklist_item_id"),
    raced(
        "routine_asset_types_type_key",
        "routine_asset_types.routine_id, routine_asset_types.equipment_type",
    ),
    taken(
        "inspection_lists_date_shift_key",
        "inspection_lists.target_date, inspection_lists.shift",
        "target_date",
        "there is a list for this day and shift",
    ),
    raced(
        "inspection_assignments_equipment_key",
        "inspection_assignments.list_id, inspection_assignments.equipment_id",
    ),
    raced("inspections_half_key", "inspections.assignment_id, inspections.category"),
    raced("equipment_id_status_key", "equipment.id, equipment.status"),
    raced("final_assessments_assignment_id_key", "final_assessments.assignment_id"),
    raced("point_entries_assessment_key", "point_entries.user_id, point_entries.related_id"),
    taken(
        "inspection_ratings_inspection_id_key",
        "inspection_ratings.inspection_id",
        "inspection_id",
        "the inspection is rated already",
    ),
    raced("jobs_job_id_key", "jobs.job_id"),
    raced("jobs_universal_key", "jobs.kind, jobs.universal_id"),
    taken("jobs_one_repair_key", "jobs.defect_id", "defect_id", "somebody works on this defect already"),
    raced("job_counters_pkey", "job_counters.name"),
    raced("job_cleanings_pkey", "job_cleanings.job_id"),
    raced("job_pauses_one_pending_key", "job_pauses.job_id"),
    raced("job_pauses_one_open_key", "job_pauses.job_id"),
    raced("takeovers_one_request_of_job_key", "takeovers.job_id, takeovers.requested_by_id"),
    raced("takeovers_one_request_of_assignment_key", "takeovers.assignment_id, takeovers.requested_by_id"),
    raced("takeovers_one_place_of_job_key", "takeovers.job_id, takeovers.place"),
    raced("takeovers_one_place_of_assignment_key", "takeovers.assignment_id, takeovers.place"),
    raced("takeovers_one_taker_of_job_key", "takeovers.job_id"),
    raced("takeovers_one_taker_of_assignment_key", "takeovers.assignment_id"),
    raced("quality_reviews_one_pending_key", "quality_reviews.job_id"),
    taken(
        "defect_assessments_defect_id_key",
        "defect_assessments.defect_id",
        "defect_id",
        "the defect has been assessed already",
    ),
    raced("files_key_key", "files.key"),
    raced("evidence_pkey", "evidence.file_id, evidence.record_type, evidence.record_id"),
    taken(
        "equipment_schedules_day_key",
        "equipment_schedules.equipment_id, equipment_schedules.day_of_week",
        "day_of_week",
        "the equipment is planned for this day already",
    ),
];

/// What keeps leaves apart: a constraint in PostgreSQL, triggers in SQLite.
const NO_OVERLAP: &str = "leaves_no_overlap";

/// What libpq and PostgreSQL say when a connection is gone, or going; Diesel has no kind for it. SQLite says the first.
const UNAVAILABLE: &[&str] = &[
    "database is locked",
    "canceling statement due to statement timeout",
    "terminating connection",
    "server closed the connection",
    "no connection to the server",
    "connection not open",
    "could not receive data from server",
    "could not send data to server",
    "SSL connection has been closed",
    "SSL SYSCALL error",
    "the database system is",
    "in a read-only transaction",
];

/// A badge somebody else has, wanted in this field.
pub(crate) const fn badge_taken(field: &'static str) -> UniqueViolation {
    UniqueViolation { field, message: "this badge is in use" }
}

fn violated(info: &dyn DatabaseErrorInformation) -> Option<&'static Unique> {
    let columns = info.message().strip_prefix("UNIQUE constraint failed: ");
    UNIQUE
        .iter()
        .find(|unique| info.constraint_name() == Some(unique.name) || columns == Some(unique.columns))
}

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Self {
        let Diesel::DatabaseError(kind, info) = &error else {
            return match error {
                // The transaction can't be ended: the connection is gone, and nobody knows what has become of the commit.
                Diesel::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
                Diesel::BrokenTransactionManager => Self::Unavailable(error.to_string()),
                other => Self::Database(other),
            };
        };
        match kind {
            DatabaseErrorKind::UniqueViolation => match violated(info.as_ref()).map(|unique| unique.taken) {
                Some(Some(taken)) => taken.into(),
                Some(None) => ConcurrentUpdate.into(),
                None => Self::Database(error),
            },
            DatabaseErrorKind::ExclusionViolation if info.constraint_name() == Some(NO_OVERLAP) => {
                LeaveRule::Overlap.into()
            }
            DatabaseErrorKind::SerializationFailure => ConcurrentUpdate.into(),
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                Self::Unavailable(info.message().to_owned())
            }
            // Diesel has no kinds for these.
            DatabaseErrorKind::Unknown => match info.message() {
                "deadlock detected" => ConcurrentUpdate.into(),
                // SQLite has no such constraints, so a trigger says it.
                NO_OVERLAP => LeaveRule::Overlap.into(),
                message if UNAVAILABLE.iter().any(|known| message.contains(known)) => {
                    Self::Unavailable(message.to_owned())
                }
                _ => Self::Database(error),
            },
            _ => Self::Database(error),
        }
    }
}

impl Error {
    /// The stable code, if a rule said no.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Rule(rule) => Some(rule.code()),
            _ => None,
        }
    }
}

/// The names of all unique constraints that have a meaning here.
#[doc(hidden)]
pub fn unique_constraints() -> Vec<&'static str> {
    UNIQUE.iter().map(|unique| unique.name).collect()
}
