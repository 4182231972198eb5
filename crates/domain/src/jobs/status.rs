//! The state machine that all jobs have (rule book §7, §8).

use std::fmt;

use super::JobRule;
use crate::input::text_enum;

text_enum! {
    /// How far a job is.
    pub enum JobStatus {
        /// Somebody's, and not begun.
        Assigned = "assigned",
        /// Under way.
        InProgress = "in_progress",
        /// Under way, but nobody works on it right now.
        Paused = "paused",
        /// Done, and not reviewed.
        Completed = "completed",
        /// Done and reviewed.
        QcApproved = "qc_approved",
        /// Left undone, or not done well enough.
        Incomplete = "incomplete",
        /// There was nothing to do.
        Cancelled = "cancelled",
    }
}

/// What can be done with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobCommand {
    /// Enter the planned time.
    Plan,
    /// Assess the defect before work.
    Assess,
    /// Begin.
    Start,
    /// Ask for a pause.
    AskForPause,
    /// Pause, since somebody allowed or ordered it.
    Pause,
    /// Go on.
    Resume,
    /// Be done.
    Complete,
    /// Leave it undone.
    LeaveIncomplete,
    /// There is nothing to do.
    Cancel,
    /// The work is good.
    ApproveQuality,
    /// The work is not good.
    RejectQuality,
    /// Give it to somebody else, since it has been paused for long.
    TakeOver,
    /// Give it to somebody else, since it was left undone.
    Reassign,
    /// Tell of the cleaning afterwards.
    Clean,
    /// Give points for it.
    Reward,
}

impl JobCommand {
    /// Every command.
    pub const ALL: [Self; 15] = [
        Self::Plan,
        Self::Assess,
        Self::Start,
        Self::AskForPause,
        Self::Pause,
        Self::Resume,
        Self::Complete,
        Self::LeaveIncomplete,
        Self::Cancel,
        Self::ApproveQuality,
        Self::RejectQuality,
        Self::TakeOver,
        Self::Reassign,
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
            Self::ApproveQuality => "approving its quality",
            Self::RejectQuality => "rejecting its quality",
            Self::TakeOver => "taking it over",
            Self::Reassign => "reassigning",
            Self::Clean => "cleaning",
            Self::Reward => "rewarding",
        })
    }
}

impl JobStatus {
    /// Statuses in which somebody has still to work on it.
    pub const LIVE: [Self; 3] = [Self::Assigned, Self::InProgress, Self::Paused];

    /// Statuses in which somebody has begun to work on it.
    pub const RUNNING: [Self; 2] = [Self::InProgress, Self::Paused];

    /// The status after a command (§7, §8).
    pub fn after(self, command: JobCommand) -> Result<Self, JobRule> {
        match (self, command) {
            (Self::Assigned, JobCommand::Plan | JobCommand::Assess)
            | (Self::InProgress, JobCommand::AskForPause)
            | (Self::Completed | Self::QcApproved, JobCommand::Clean | JobCommand::Reward) => Ok(self),
            (Self::Assigned, JobCommand::Start) | (Self::Paused, JobCommand::Resume) => Ok(Self::InProgress),
            (Self::InProgress, JobCommand::Pause) => Ok(Self::Paused),
            (Self::InProgress, JobCommand::Complete) => Ok(Self::Completed),
            (Self::InProgress | Self::Paused, JobCommand::LeaveIncomplete)
            | (Self::Completed, JobCommand::RejectQuality) => Ok(Self::Incomplete),
            (Self::Assigned, JobCommand::Cancel) => Ok(Self::Cancelled),
            (Self::Completed, JobCommand::ApproveQuality) => Ok(Self::QcApproved),
            (Self::Paused, JobCommand::TakeOver) | (Self::Incomplete, JobCommand::Reassign) => {
                Ok(Self::Assigned)
            }
            (status, command) => Err(JobRule::WrongStatus { command, status }),
        }
    }
}
