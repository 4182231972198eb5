//! Work in the hands of a user who leaves (rule book §1).

use serde::Serialize;

use crate::ids::{AssignmentId, DefectId, InspectionId, JobId, LeaveId, PauseId, ReviewId, TakeoverId};

/// Maximum number of objects of each kind.
pub const MOST: i64 = 200;

/// Work in the hands of a user, which others must be given, or which must be cancelled: at most 200
/// objects of each kind, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenWork {
    /// Drafts of inspections.
    pub inspections: Vec<InspectionId>,
    /// Assignments that wait for an inspection or a verdict.
    pub assignments: Vec<AssignmentId>,
    /// Unresolved defects.
    pub defects: Vec<DefectId>,
    /// Repair jobs that have not ended.
    pub jobs: Vec<JobId>,
    /// Engineer jobs that have not ended.
    pub engineer_jobs: Vec<JobId>,
    /// Requests for a pause that wait for a decision.
    pub pauses: Vec<PauseId>,
    /// Requests for a takeover that wait for a decision.
    pub takeovers: Vec<TakeoverId>,
    /// Pending quality reviews.
    pub quality_reviews: Vec<ReviewId>,
    /// Leaves that wait for a decision, and approved ones that have not ended.
    pub leaves: Vec<LeaveId>,
    /// Approved leaves of other users that this one covers.
    pub coverage: Vec<LeaveId>,
}
