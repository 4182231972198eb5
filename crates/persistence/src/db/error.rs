//! Errors of reads and units of work.

use diesel::result::{DatabaseErrorKind, Error as Diesel};
use inspection_domain::{
    assessments::AssessmentRule,
    assignments::{AssignmentRule, batch::BatchRule},
    bonus_stars::BonusRule,
    checklists::ChecklistRule,
    daily_lists::ListRule,
    defect_assessments::DefectAssessmentRule,
    defects::DefectRule,
    entity::Entity,
    files::FileRule,
    idempotency::IdempotencyRule,
    input::Invalid,
    inspections::InspectionRule,
    jobs::JobRule,
    leaves::LeaveRule,
    notifications::NotificationRule,
    outbox::OutboxRule,
    pauses::PauseRule,
    quality_reviews::ReviewRule,
    ratings::RatingRule,
    rule::{Code, Forbidden, NotFound, Rule},
    sessions::SessionRule,
    sync::SyncRule,
    takeovers::{TakeoverRefusal, TakeoverRule},
    tasks::TaskRule,
    users::{PasswordChangeRequired, UserRule},
    versions::PreconditionRule,
};

pub(crate) use super::constraints::ConcurrentUpdate;
use super::constraints::{self, UniqueViolation};

/// Outcome of a read or a unit of work.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Error of a read or a unit of work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Refused by a rule; nothing was changed.
    #[error("{0}")]
    Rule(Box<dyn Rule>),
    /// The database is unreachable, or no connection became free in time. A later attempt may
    /// succeed.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// Any other error: a defect of the program or of the database.
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
    BatchRule,
    BonusRule,
    ChecklistRule,
    ConcurrentUpdate,
    DefectAssessmentRule,
    DefectRule,
    FileRule,
    Forbidden,
    IdempotencyRule,
    InspectionRule,
    Invalid,
    JobRule,
    LeaveRule,
    ListRule,
    NotFound,
    NotificationRule,
    OutboxRule,
    PauseRule,
    PreconditionRule,
    RatingRule,
    ReviewRule,
    SessionRule,
    SyncRule,
    TakeoverRefusal,
    TakeoverRule,
    TaskRule,
    UniqueViolation,
    UserRule,
    PasswordChangeRequired,
);

/// Messages of libpq, PostgreSQL and, the first of them, SQLite for an unusable connection; Diesel
/// has no kind for them.
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

/// Messages of PostgreSQL for a statement that another transaction prevents.
const LOST_RACES: &[&str] = &["deadlock detected", "canceling statement due to lock timeout"];

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Self {
        let Diesel::DatabaseError(kind, info) = &error else {
            return match error {
                // The connection is lost, and with it the outcome of the commit.
                Diesel::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
                Diesel::BrokenTransactionManager => Self::Unavailable(error.to_string()),
                other => Self::Database(other),
            };
        };
        if let Some(rule) = constraints::refusal(*kind, info.as_ref()) {
            return Self::Rule(rule);
        }
        let unavailable = || Self::Unavailable(info.message().to_owned());
        match kind {
            DatabaseErrorKind::SerializationFailure => ConcurrentUpdate.into(),
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => unavailable(),
            // Diesel has no kinds for these.
            DatabaseErrorKind::Unknown if LOST_RACES.contains(&info.message()) => ConcurrentUpdate.into(),
            DatabaseErrorKind::Unknown if UNAVAILABLE.iter().any(|known| info.message().contains(known)) => {
                unavailable()
            }
            _ => Self::Database(error),
        }
    }
}

impl Error {
    /// No such entity, or none that the actor may see.
    pub(crate) fn not_found<E: Entity>() -> Self {
        NotFound(E::LABEL).into()
    }

    /// A value that can't be stored as JSON: a defect of the program.
    pub fn unserializable(error: serde_json::Error) -> Self {
        Self::Database(Diesel::SerializationError(Box::new(error)))
    }

    /// Stable code of the rule that refused; none for other errors.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Rule(rule) => Some(rule.code()),
            _ => None,
        }
    }
}
