//! Work in the hands of a user who leaves (§1).

use diesel::prelude::*;
use inspection_domain::{
    assignments::AssignmentStatus,
    defects::DefectStatus,
    ids::UserId,
    inspections::InspectionStatus,
    jobs::{JobKind, JobStatus},
    leaves::LeaveStatus,
    pauses::PauseStatus,
    quality_reviews::ReviewStatus,
    schema::{
        defects, inspection_assignments as assignments, inspections, job_pauses as pauses, jobs, leaves,
        quality_reviews as reviews, takeovers,
    },
    takeovers::TakeoverStatus,
    users::open_work::{MOST, OpenWork},
};

use crate::{DbConnection, Result};

/// Work in the hands of a user, a fixed number of statements.
pub fn open_work(conn: &mut DbConnection, owner: UserId) -> Result<OpenWork> {
    macro_rules! ids {
        ($table:ident, $condition:expr) => {
            with_conn!(&mut *conn, |c| $table::table
                .filter($condition)
                .order($table::id)
                .limit(MOST)
                .select($table::id)
                .load(c))?
        };
    }
    let is_on_team =
        assignments::mechanical_inspector_id.eq(owner).or(assignments::electrical_inspector_id.eq(owner));
    let is_live = |kind: JobKind| {
        jobs::owner_id.eq(owner).and(jobs::kind.eq(kind)).and(jobs::status.eq_any(JobStatus::LIVE))
    };
    let has_not_ended = leaves::status
        .eq(LeaveStatus::Pending)
        .or(leaves::status.eq(LeaveStatus::Approved).and(leaves::ended_at.is_null()));
    let is_covering = leaves::status.eq(LeaveStatus::Approved).and(leaves::ended_at.is_null());
    Ok(OpenWork {
        inspections: ids!(
            inspections,
            inspections::technician_id.eq(owner).and(inspections::status.eq(InspectionStatus::Draft))
        ),
        assignments: ids!(assignments, assignments::status.ne(AssignmentStatus::Completed).and(is_on_team)),
        defects: ids!(
            defects,
            defects::assigned_to_id.eq(owner).and(defects::status.eq_any(DefectStatus::UNRESOLVED))
        ),
        jobs: ids!(jobs, is_live(JobKind::Specialist)),
        engineer_jobs: ids!(jobs, is_live(JobKind::Engineer)),
        pauses: ids!(pauses, pauses::requested_by_id.eq(owner).and(pauses::status.eq(PauseStatus::Pending))),
        takeovers: ids!(
            takeovers,
            takeovers::requested_by_id.eq(owner).and(takeovers::status.eq(TakeoverStatus::Pending))
        ),
        quality_reviews: ids!(
            reviews,
            reviews::qe_id.eq(owner).and(reviews::status.eq(ReviewStatus::Pending))
        ),
        leaves: ids!(leaves, leaves::user_id.eq(owner).and(has_not_ended)),
        coverage: ids!(leaves, leaves::coverage_user_id.eq(owner).and(is_covering)),
    })
}
