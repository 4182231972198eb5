//! State machine of jobs (rule book §7, §8).

use std::fmt;

use crate::{
    input::text_enum,
    message,
    message::Message,
    rule::{Code, Rule},
};

text_enum! {
    /// Lifecycle status of a job.
    pub enum JobStatus {
        /// Assigned; not started.
        Assigned = "assigned",
        /// In progress.
        InProgress = "in_progress",
        /// Started, and paused at present.
        Paused = "paused",
        /// Completed; not reviewed.
        Completed = "completed",
        /// Completed and approved by a review.
        QcApproved = "qc_approved",
        /// Abandoned by the owner, or rejected by a review.
        Incomplete = "incomplete",
        /// Cancelled before its completion.
        Cancelled = "cancelled",
    }
}

/// Commands on a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobCommand {
    /// Enter the planned time.
    Plan,
    /// Assess the defect before work.
    Assess,
    /// Start.
    Start,
    /// Request a pause.
    AskForPause,
    /// Pause, by an approval or an order.
    Pause,
    /// Resume.
    Resume,
    /// Complete.
    Complete,
    /// Leave it incomplete.
    LeaveIncomplete,
    /// Cancel it before its completion.
    Cancel,
    /// Complete it because its defect was resolved.
    Settle,
    /// Approve the work in a review.
    ApproveQuality,
    /// Reject the work in a review.
    RejectQuality,
    /// Transfer a stalled job to another owner.
    TakeOver,
    /// Transfer an unfinished job to another owner, by an admin.
    Reassign,
    /// Correct the timer, by an admin.
    CorrectTimer,
    /// Report the cleaning.
    Clean,
    /// Award a bonus.
    Reward,
}

impl JobCommand {
    /// Every command.
    pub const ALL: [Self; 17] = [
        Self::Plan,
        Self::Assess,
        Self::Start,
        Self::AskForPause,
        Self::Pause,
        Self::Resume,
        Self::Complete,
        Self::LeaveIncomplete,
        Self::Cancel,
        Self::Settle,
        Self::ApproveQuality,
        Self::RejectQuality,
        Self::TakeOver,
        Self::Reassign,
        Self::CorrectTimer,
        Self::Clean,
        Self::Reward,
    ];
}

impl fmt::Display for JobCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plan => "planning",
            Self::Assess => "assessing its defect",
            Self::Start => "starting",
            Self::AskForPause => "asking for a pause",
            Self::Pause => "pausing",
            Self::Resume => "resuming",
            Self::Complete => "completing",
            Self::LeaveIncomplete => "leaving it incomplete",
            Self::Cancel => "cancelling",
            Self::Settle => "settling it with its defect",
            Self::ApproveQuality => "approving its quality",
            Self::RejectQuality => "rejecting its quality",
            Self::TakeOver => "taking it over",
            Self::Reassign => "reassigning",
            Self::CorrectTimer => "correcting the timer",
            Self::Clean => "cleaning",
            Self::Reward => "rewarding",
        })
    }
}

/// Reasons for rejecting a command on a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobRule {
    /// The command is not allowed in the current status (§7).
    #[error("{}", self.message())]
    WrongStatus {
        /// Rejected command.
        command: JobCommand,
        /// Current status.
        status: JobStatus,
    },
    /// The owner has not entered the planned time (§7).
    #[error("enter your planned time first")]
    PlannedTimeRequired,
    /// The planned time is entered once (§7).
    #[error("the planned time has already been entered")]
    PlannedAlready,
    /// The defect has a job (§6).
    #[error("the defect is already assigned to a specialist")]
    AlreadyAssigned,
    /// No cleaning has been reported (§7).
    #[error("the cleaning has not been reported yet")]
    NotCleaned,
    /// The command was refused before the job came to its owner again (§15).
    #[error("the command belongs to earlier work on the job")]
    EarlierWork,
}

impl Rule for JobRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } | Self::PlannedAlready | Self::NotCleaned | Self::EarlierWork => {
                Code::InvalidState
            }
            Self::PlannedTimeRequired => Code::PlannedTimeRequired,
            Self::AlreadyAssigned => Code::Duplicate,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::WrongStatus { command, status } => {
                message!("{command} is not possible: the job is {status}", command, status)
            }
            rule => rule.to_string().into(),
        }
    }
}

impl JobStatus {
    /// Statuses of unfinished jobs.
    pub const LIVE: [Self; 3] = [Self::Assigned, Self::InProgress, Self::Paused];

    /// Statuses of started, unfinished jobs.
    pub const RUNNING: [Self; 2] = [Self::InProgress, Self::Paused];

    /// Status after a command (§7, §8).
    pub fn after(self, command: JobCommand) -> Result<Self, JobRule> {
        match (self, command) {
            (Self::Assigned, JobCommand::Plan | JobCommand::Assess)
            | (Self::InProgress, JobCommand::AskForPause)
            | (Self::Completed | Self::QcApproved, JobCommand::Clean | JobCommand::Reward)
            | (
                Self::InProgress | Self::Paused | Self::Completed | Self::QcApproved | Self::Incomplete,
                JobCommand::CorrectTimer,
            ) => Ok(self),
            (Self::Assigned | Self::InProgress, JobCommand::Start) | (Self::Paused, JobCommand::Resume) => {
                Ok(Self::InProgress)
            }
            (Self::InProgress, JobCommand::Pause) => Ok(Self::Paused),
            (Self::InProgress, JobCommand::Complete)
            | (Self::Assigned | Self::InProgress | Self::Paused, JobCommand::Settle) => Ok(Self::Completed),
            (Self::InProgress | Self::Paused, JobCommand::LeaveIncomplete)
            | (Self::Completed, JobCommand::RejectQuality) => Ok(Self::Incomplete),
            (Self::Assigned | Self::InProgress | Self::Paused | Self::Incomplete, JobCommand::Cancel) => {
                Ok(Self::Cancelled)
            }
            (Self::Completed, JobCommand::ApproveQuality) => Ok(Self::QcApproved),
            (Self::Paused, JobCommand::TakeOver)
            | (Self::Assigned | Self::InProgress | Self::Paused | Self::Incomplete, JobCommand::Reassign) => {
                Ok(Self::Assigned)
            }
            (status, command) => Err(JobRule::WrongStatus { command, status }),
        }
    }
}
