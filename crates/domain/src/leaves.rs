//! Leaves of absence and their coverage (rule book §10).

mod coverage;
mod inputs;
mod leave;
mod status;

pub use coverage::{Candidate, Workload, may_cover, ranked};
pub use inputs::{
    CapacityFilter, CoverageAssignment, LeaveApproval, LeaveFilter, LeaveOrder, LeaveRejection, NewLeave,
};
pub use leave::Leave;
pub use status::{LeaveCommand, LeaveRule, LeaveScope, LeaveStatus, LeaveType};
