//! Jobs: repairs by specialists and work of engineers (rule book §7). Both kinds share one timer
//! and one state machine; their differences are named.

mod cleaning;
mod correction;
mod inputs;
mod intervention;
mod job;
mod kind;
mod status;
mod timer;

pub use cleaning::Cleaning;
pub use correction::{CorrectedPause, CorrectedTimer, PauseChange, TimerCorrection};
pub use inputs::{
    AssignSpecialist, BonusRating, Cancellation, CleaningRating, Completion, EngineerJobFilter,
    EngineerReassignment, Estimate, IncompleteReason, JobFilter, JobOrder, NewCleaning, NewEngineerJob,
    OnBehalfReason, PlannedTime, Reassignment, StartJob,
};
pub use intervention::{Intervention, InterventionAction};
pub use job::{Detail, Job, Numbers, may_own, may_see_all};
pub use kind::{EngineerJobType, JobCategory, JobKind};
pub use status::{JobCommand, JobRule, JobStatus};
pub use timer::{Hours, LONG_RUN, Times};

#[cfg(test)]
mod tests;
