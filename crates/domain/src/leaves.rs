//! Leaves of absence and their coverage (rule book §10).

mod absence;
mod coverage;
mod half_day;
mod inputs;
mod leave;
mod status;

pub use absence::Absence;
pub use coverage::{Candidate, Workload, may_cover, ranked};
pub use half_day::{HalfDay, RequestedHalf};
pub use inputs::{
    CapacityFilter, CoverageAssignment, LeaveApproval, LeaveFilter, LeaveOrder, LeaveRejection, NewLeave,
};
pub use leave::Leave;
pub use status::{LeaveCommand, LeaveRule, LeaveScope, LeaveStatus, LeaveType};
