//! What specialists think of defects before work: reads, and a unit of work (rule book §6).

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    defect_assessments::{AssessmentVerdict, DefectAssessment, NewDefectAssessment, may_assess},
    defects::{AssessmentStatus, Defect},
    ids::{DefectId, JobId},
    jobs::{JobKind, JobStatus},
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest},
    points::PointKind,
    rule::NotFound,
    schema::{defect_assessments as assessments, defects as found, jobs},
    users::{Role, User},
};

use crate::{
    DbConnection, Result, Tx, defects, inspections,
    jobs::{self as work, Work},
    points::{self, Award},
};

/// A page of assessments, the latest first: one's own, or everybody's for admins (§6).
pub fn list(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<DefectAssessment>> {
    let owner = (!actor.is_admin()).then_some(actor.id);
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = assessments::table.into_boxed::<Backend>();
            filter_by!(query, { assessments::specialist_id => owner });
            query
        };
        let items = filtered()
            .order(assessments::id.desc())
            .select(DefectAssessment::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// The assessment of a defect, if there is one.
pub fn find_by_defect(conn: &mut DbConnection, id: DefectId) -> Result<Option<DefectAssessment>> {
    let of_defect = assessments::table.filter(assessments::defect_id.eq(id));
    Ok(with_conn!(conn, |c| of_defect.select(DefectAssessment::as_select()).first(c)).optional()?)
}

/// A page of the defects that wait for the actor's assessment, each with its job. Those whose planned time is still to be
/// entered aren't shown (§6, §7).
pub fn pending(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<(JobId, Defect)>> {
    paged!(
        conn,
        page,
        (JobId, Defect) = (jobs::id, Defect::as_select()),
        || {
            jobs::table
                .inner_join(found::table)
                .filter(jobs::kind.eq(JobKind::Specialist))
                .filter(jobs::owner_id.eq(actor.id))
                .filter(jobs::status.eq(JobStatus::Assigned))
                .filter(jobs::planned_time_hours.is_not_null())
                .filter(found::assessment_status.eq(AssessmentStatus::Pending))
        },
        |waiting| waiting.order(jobs::id)
    )
}

/// Assesses a defect before work. One that is none is a false alarm: its job is cancelled, and its inspector loses a point and
/// is told (§6).
pub fn assess(tx: &mut Tx<'_>, wanted: NewDefectAssessment) -> Result<DefectAssessment> {
    let id = wanted.defect_id;
    defects::get(tx.conn, id)?;
    let actor = tx.actor()?.id;
    let seen = work::find_repair(tx.conn, id)?;
    let case = Work::open(tx, may_assess(seen.as_ref(), actor)?.id)?;
    may_assess(Some(&case.job), actor)?;
    let before = case.defect.clone().ok_or(NotFound("defect"))?;
    let verdict = wanted.verdict;
    let new = wanted.assess(&before, &case.job, actor, tx.now)?;
    let made: DefectAssessment = with_conn!(&mut *tx.conn, |c| diesel::insert_into(assessments::table)
        .values(&new)
        .returning(DefectAssessment::as_returning())
        .get_result(c))?;
    tx.translate(None, &made);
    tx.audit(AuditAction::Create, "defect_assessment", made.id.get(), Changes::between(None, Some(&made)));
    let after = before.assessed(verdict, tx.now)?;
    defects::write(tx, AuditAction::Update, &before, &after, Changes::between(Some(&before), Some(&after)))?;
    if verdict == AssessmentVerdict::Reject {
        work::cancel(tx, &case, &made.technical_notes)?;
        let inspector = inspections::get(tx.conn, after.inspection_id)?.technician_id;
        if let Some(machine) = &case.machine {
            let rejected = Notice::new(NotificationType::DefectRejected)
                .with("equipment", machine.name.as_str())
                .with("defect", (after.description.as_str(), after.description_ar.as_deref()))
                .about("defect", id.get(), "/defects");
            tx.notify([inspector], &rejected);
        }
        let (role, kind) = (Role::Inspector, PointKind::DefectRejected);
        let related = Some(("defect", id.get()));
        points::award(tx, &Award { user_id: inspector, role, amount: -1, kind, related })?;
    }
    Ok(made)
}
