//! Status of an inspection, commands on it, and reasons for rejecting them (rule book §5).

use crate::{
    ids::ItemId,
    input::text_enum,
    message,
    message::Message,
    notifications::Param,
    rule::{Code, FieldError, Rule},
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
    /// Failed questions without the remark that they require (§5).
    #[error("failed questions require a comment")]
    CommentsMissing(
        /// The questions.
        Vec<ItemId>,
    ),
    /// A submission that was refused is older than the latest answer (§15).
    #[error("the inspection has newer answers: submit it again")]
    AnsweredSince,
    /// The time for photos after the submission is over (§5).
    #[error("{}", self.message())]
    PhotoTooLate,
}

/// Days after the submission in which the author of an answer may add photos (§5).
pub const DAYS_FOR_PHOTOS: i64 = 7;

impl Rule for InspectionRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } | Self::AnsweredSince => Code::InvalidState,
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
            Self::PhotoTooLate => {
                message!("photos can be added up to {days} days after the submission", days = DAYS_FOR_PHOTOS)
            }
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
            Self::CommentsMissing(items) => {
                items.iter().map(|id| error(message!("{id} failed, and needs a comment", id))).collect()
            }
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
