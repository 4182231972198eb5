//! State machine of leaves (rule book §10).

use crate::{
    input::text_enum,
    message,
    message::Message,
    rule::{Code, Rule, article},
};

text_enum! {
    /// Type of a leave.
    pub enum LeaveType {
        /// Illness.
        Sick = "sick",
        /// Annual leave.
        Annual = "annual",
        /// Emergency.
        Emergency = "emergency",
        /// Training.
        Training = "training",
        /// Other; requires a reason.
        Other = "other",
    }
}

text_enum! {
    /// Roles that a leave suspends.
    pub enum LeaveScope {
        /// The major role only.
        MajorOnly = "major_only",
        /// All roles.
        Full = "full",
    }
}

text_enum! {
    /// Lifecycle status of a leave.
    pub enum LeaveStatus {
        /// Requested.
        Pending = "pending",
        /// Granted.
        Approved = "approved",
        /// Refused.
        Rejected = "rejected",
        /// Withdrawn by its person.
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// Commands on a leave.
    pub enum LeaveCommand {
        /// Approve the request.
        Approve = "approve",
        /// Reject the request.
        Reject = "reject",
        /// Withdraw it.
        Cancel = "cancel",
        /// Assign coverage.
        Cover = "cover",
        /// End it.
        End = "end",
    }
}

/// Reasons for rejecting a command on a leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaveRule {
    /// The command is not allowed in the current status (§10).
    #[error("{}", self.message())]
    WrongStatus {
        /// Rejected command.
        command: LeaveCommand,
        /// Current status.
        status: LeaveStatus,
    },
    /// The leave has ended (§10).
    #[error("the leave has ended")]
    Ended,
    /// Another open leave includes one of the days (§10).
    #[error("the leave overlaps with a pending or approved leave")]
    Overlap,
}

impl Rule for LeaveRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } | Self::Ended => Code::InvalidState,
            Self::Overlap => Code::RuleViolation,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::WrongStatus { command, status } => message!(
                "cannot {command} {article} {status} leave",
                command,
                article = article(status.as_str()),
                status,
            ),
            rule => rule.to_string().into(),
        }
    }
}

impl LeaveStatus {
    /// Status after a command on a leave that has not ended (§10).
    pub fn after(self, command: LeaveCommand) -> Result<Self, LeaveRule> {
        match (self, command) {
            (Self::Pending, LeaveCommand::Approve)
            | (Self::Approved, LeaveCommand::Cover | LeaveCommand::End) => Ok(Self::Approved),
            (Self::Pending, LeaveCommand::Reject) => Ok(Self::Rejected),
            (Self::Pending, LeaveCommand::Cancel) => Ok(Self::Cancelled),
            (status, command) => Err(LeaveRule::WrongStatus { command, status }),
        }
    }
}
