//! Repair and engineer jobs: lists, and units of work from assigning to the end (§7).

pub(crate) mod acting;
mod assigning;
mod done;
mod rating;
pub(crate) mod rows;
mod settling;
mod timer;
pub(crate) mod work;

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    ids::{JobId, UserId},
    input::AnyOf,
    jobs::{
        Cleaning, EngineerJobFilter, EngineerJobType, Intervention, InterventionAction, Job, JobCategory,
        JobFilter, JobKind, JobOrder, JobStatus, PlannedTime, StartJob, may_see_all,
    },
    page::{Page, PageRequest, Sort},
    schema::{job_interventions as interventions, jobs},
    takeovers::STALLED_AFTER,
    time::Instant,
    users::User,
    versions::Version,
};

pub use assigning::{assign_specialist, create_for_engineer, reassign, reassign_engineer_job};
pub use done::{cancel, complete, leave_incomplete};
pub use rating::{clean, find_cleaning, rate_cleaning, reward};
pub use rows::{by_ids, cleaning_ratings, find_repair, get_kind, get_visible, live_of, unplanned_defects};
pub use settling::{dismiss_defect, resolve_defect};
pub use timer::correct_timer;
pub(crate) use timer::remind_of_long_runs;

use crate::{
    DbConnection, Result, Tx,
    db::tx::expected::version_of_entity,
    equipment,
    jobs::work::{JobWork, came_to_owner_at},
};

/// A job with its cleaning. Only a repair has one.
pub(crate) fn get_state(conn: &mut DbConnection, id: JobId) -> Result<(Job, Option<Cleaning>)> {
    let job = rows::get(conn, id)?;
    let cleaning = match job.kind {
        JobKind::Specialist => rows::find_cleaning(conn, id)?,
        JobKind::Engineer => None,
    };
    Ok((job, cleaning))
}

/// The versions of the rows of a job: its own and that of its cleaning.
pub(crate) fn versions_of_rows(job: &Job, cleaning: Option<&Cleaning>) -> Result<Vec<Option<Version>>> {
    Ok(vec![Some(version_of_entity(job)?), cleaning.map(version_of_entity).transpose()?])
}

/// The version of a job and its cleaning (§15).
pub fn version(job: &Job, cleaning: Option<&Cleaning>) -> Result<Version> {
    Ok(Version::of_rows(&versions_of_rows(job, cleaning)?))
}

/// The filters of a list of jobs.
#[derive(Default)]
struct JobQuery {
    kind: Option<JobKind>,
    owner: Option<UserId>,
    specialist: Option<UserId>,
    status: AnyOf<JobStatus>,
    any_of: Option<&'static [JobStatus]>,
    category: AnyOf<JobCategory>,
    job_type: AnyOf<EngineerJobType>,
    unplanned: bool,
    paused_before: Option<Instant>,
}

fn list(
    conn: &mut DbConnection,
    job_query: &JobQuery,
    sort: Option<Sort<JobOrder>>,
    page: PageRequest,
) -> Result<Page<Job>> {
    let sort = sort.unwrap_or(Sort { by: JobOrder::Id, descending: true });
    paged!(
        conn,
        page,
        Job,
        || {
            let mut query = jobs::table.into_boxed::<Backend>();
            filter_by!(query, {
                jobs::kind => job_query.kind,
                jobs::owner_id => job_query.owner,
                jobs::owner_id => job_query.specialist,
            });
            filter_any!(query, {
                jobs::status => job_query.status,
                jobs::category => job_query.category,
                jobs::job_type => job_query.job_type,
            });
            if let Some(statuses) = job_query.any_of {
                query = query.filter(jobs::status.eq_any(statuses));
            }
            if job_query.unplanned {
                query = query.filter(jobs::planned_time_hours.is_null());
            }
            if let Some(before) = job_query.paused_before {
                query = query.filter(jobs::status.eq(JobStatus::Paused)).filter(jobs::paused_at.le(before));
            }
            query
        },
        jobs by sort {
            JobOrder::Id => [id],
            JobOrder::StartedAt => [(absent_first started_at), id],
            JobOrder::CompletedAt => [(absent_first completed_at), id],
        }
    )
}

/// A page of repairs: the actor's own, or all for admins, engineers and quality engineers (§7).
pub fn repairs(
    conn: &mut DbConnection,
    actor: &User,
    filter: &JobFilter,
    page: PageRequest,
) -> Result<Page<Job>> {
    let job_query = JobQuery {
        kind: Some(JobKind::Specialist),
        owner: (!may_see_all(actor)).then_some(actor.id),
        specialist: filter.specialist_id,
        status: filter.status.clone(),
        category: filter.category.clone(),
        ..JobQuery::default()
    };
    list(conn, &job_query, filter.sort, page)
}

/// A page of engineer jobs: the actor's own, or all for admins (§7).
pub fn engineer_jobs(
    conn: &mut DbConnection,
    actor: &User,
    filter: &EngineerJobFilter,
    page: PageRequest,
) -> Result<Page<Job>> {
    let job_query = JobQuery {
        kind: Some(JobKind::Engineer),
        owner: (!actor.is_admin()).then_some(actor.id),
        status: filter.status.clone(),
        job_type: filter.job_type.clone(),
        ..JobQuery::default()
    };
    list(conn, &job_query, filter.sort, page)
}

/// A page of the actor's assigned repairs without a planned time (§7).
pub fn unplanned(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<Job>> {
    let job_query = JobQuery {
        kind: Some(JobKind::Specialist),
        owner: Some(actor.id),
        status: AnyOf::from_iter([JobStatus::Assigned]),
        unplanned: true,
        ..JobQuery::default()
    };
    list(conn, &job_query, None, page)
}

/// A page of the actor's repairs that are in progress or paused (§7).
pub fn active(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<Job>> {
    let job_query = JobQuery {
        kind: Some(JobKind::Specialist),
        owner: Some(actor.id),
        any_of: Some(&JobStatus::RUNNING),
        ..JobQuery::default()
    };
    list(conn, &job_query, None, page)
}

/// A page of the jobs of both kinds that have been paused for three days or more (§7).
pub fn stalled(conn: &mut DbConnection, now: Instant, page: PageRequest) -> Result<Page<Job>> {
    let job_query = JobQuery { paused_before: Some(now.plus_seconds(-STALLED_AFTER)), ..JobQuery::default() };
    list(conn, &job_query, None, page)
}

/// A page of the interventions in a job that the actor may open, the latest first (§7).
pub fn interventions(
    conn: &mut DbConnection,
    actor: &User,
    kind: JobKind,
    id: JobId,
    page: PageRequest,
) -> Result<Page<Intervention>> {
    rows::get_visible(conn, actor, kind, id)?.may_be_opened_by(actor)?;
    paged!(
        conn,
        page,
        Intervention,
        || interventions::table.filter(interventions::job_id.eq(id)).into_boxed::<Backend>(),
        interventions by desc [id]
    )
}

/// Enters the planned time; the machine of a repair is under maintenance from then on (§7). Locks
/// the machine, the defect and the job.
pub fn plan(tx: &mut Tx<'_>, kind: JobKind, id: JobId, planned: &PlannedTime) -> Result<Job> {
    let work = JobWork::lock_of_kind(tx, kind, id)?;
    let reason = acting::authorize(tx, &work.job, planned.on_behalf_reason.clone())?;
    let after = work.job.plan(planned.estimate(kind)?, tx.now)?;
    acting::write(tx, (AuditAction::Plan, InterventionAction::Plan), &work.job, &after, reason)?;
    if let Some(machine) = &work.machine {
        equipment::change_status(tx, machine, machine.status.under_repair())?;
    }
    Ok(after)
}

/// Starts the work; a job in progress stays as it is (§7). Locks the job.
pub fn start(tx: &mut Tx<'_>, kind: JobKind, id: JobId, start: StartJob) -> Result<Job> {
    let before = rows::lock_of_kind(tx.conn, kind, id)?;
    let reason = acting::authorize(tx, &before, start.on_behalf_reason)?;
    let assigned_at = came_to_owner_at(tx, &before)?;
    let at = tx.happened_after([Some(before.created_at), assigned_at]);
    let after = before.start(at)?;
    if after != before {
        let after = after.received(at, tx.now);
        acting::write(tx, (AuditAction::Start, InterventionAction::Start), &before, &after, reason)?;
        return Ok(after);
    }
    Ok(before)
}
