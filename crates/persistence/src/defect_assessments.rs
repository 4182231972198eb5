//! Assessments of defects by specialists before the repair: lists and a unit of work (§6).

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    defect_assessments::{AssessmentVerdict, DefectAssessment, NewDefectAssessment, may_assess, may_see_all},
    defects::{Defect, DefectAssessmentStatus},
    ids::JobId,
    jobs::{JobKind, JobStatus},
    notifications::NotificationType,
    page::{Page, PageRequest},
    points::PointKind,
    schema::{defect_assessments as assessments, defects as defect_table, jobs},
    users::{Role, User},
};

pub use rows::find_by_defect;

use crate::{
    DbConnection, Error, Result, Tx,
    defects::{self, rows as defect_rows},
    jobs::{rows as job_rows, work::JobWork},
    points::{self, Award},
    takeovers::rows as takeover_rows,
};

/// A page of assessments, the latest first: the actor's own, or all for admins, engineers
/// and quality engineers (§6).
pub fn list(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<DefectAssessment>> {
    let owner = (!may_see_all(actor)).then_some(actor.id);
    paged!(
        conn,
        page,
        DefectAssessment,
        || {
            let mut query = assessments::table.into_boxed::<Backend>();
            filter_by!(query, { assessments::specialist_id => owner });
            query
        },
        assessments by desc [id]
    )
}

/// A page of the defects that wait for the actor's assessment, each with its job. A job without a
/// planned time hides its defect (§6, §7).
pub fn pending(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<(JobId, Defect)>> {
    paged!(
        conn,
        page,
        (JobId, Defect) = (jobs::id, Defect::as_select()),
        || jobs::table
            .inner_join(defect_table::table)
            .filter(jobs::kind.eq(JobKind::Specialist))
            .filter(jobs::owner_id.eq(actor.id))
            .filter(jobs::status.eq(JobStatus::Assigned))
            .filter(jobs::planned_time_hours.is_not_null())
            .filter(defect_table::assessment_status.eq(DefectAssessmentStatus::Pending))
            .into_boxed::<Backend>(),
        jobs by asc [(id = |row: &(JobId, Defect)| row.0)]
    )
}

/// Assesses a defect before its repair (§6). A rejected defect is a false alarm: its job is
/// cancelled, and the user that found it is notified; an inspector loses a point, and a report
/// without an inspection costs none. Locks the machine, the defect, the job, and last the
/// inspector.
pub fn assess(tx: &mut Tx<'_>, new: NewDefectAssessment) -> Result<DefectAssessment> {
    let id = new.defect_id;
    defect_rows::get(tx.conn, id)?;
    let actor = tx.actor()?.id;
    let seen = job_rows::find_repair(tx.conn, id)?;
    let work = JobWork::lock(tx, may_assess(seen.as_ref(), actor)?.id)?;
    may_assess(Some(&work.job), actor)?;
    let before = work.defect.clone().ok_or_else(Error::not_found::<Defect>)?;
    let verdict = new.verdict;
    let assessment = new.assess(&before, &work.job, actor, tx.now)?;
    let assessment = rows::insert(tx, &assessment)?;
    let after = before.assessed(verdict, tx.now)?;
    defect_rows::write(tx, AuditAction::Update, &before, &after)?;
    if verdict == AssessmentVerdict::Reject {
        work.cancel(tx, &assessment.technical_notes)?;
        takeover_rows::expire(tx, Some(work.job.id), None)?;
        let finder = after.reported_by_id;
        if let Some(machine) = &work.machine {
            tx.notify([finder], &defects::notice(NotificationType::DefectRejected, &after, machine));
        }
        if after.inspection_id.is_some() {
            let award = Award::new(finder, Role::Inspector, PointKind::DefectRejected).about(&after);
            points::award(tx, &Award { amount: -1, ..award })?;
        }
    }
    Ok(assessment)
}
