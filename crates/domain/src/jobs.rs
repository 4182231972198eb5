//! Jobs: repairs by specialists and work of engineers (rule book §7). Both kinds share one timer
//! and one state machine; their differences are named.

mod cleaning;
mod inputs;
mod job;
mod kind;
mod status;
mod timer;

pub use cleaning::Cleaning;
pub use inputs::{
    AssignSpecialist, BonusRating, CleaningRating, Completion, EngineerJobFilter, Estimate, IncompleteReason,
    JobFilter, JobOrder, NewCleaning, NewEngineerJob, PlannedTime, Reassignment,
};
pub use job::{Detail, Job, Numbers, may_own, may_see_all};
pub use kind::{EngineerJobType, JobCategory, JobKind};
pub use status::{JobCommand, JobRule, JobStatus};
pub use timer::{Hours, Times};

#[cfg(test)]
mod tests;
