//! Rows of `jobs` and of their cleanings, interventions and reminders: lookups, locks, inserts and
//! guarded writes.

use std::collections::{HashMap, HashSet};

use diesel::{dsl::max, prelude::*};
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::{DefectId, JobId, UserId},
    jobs::{Cleaning, Intervention, InterventionAction, Job, JobKind, JobStatus},
    schema::{
        job_cleanings as cleanings, job_interventions as interventions, job_reminders as reminders, jobs,
    },
    time::{Date, Instant},
    users::User,
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One job of either kind.
pub(crate) fn get(conn: &mut DbConnection, id: JobId) -> Result<Job> {
    find_row!(conn, jobs, Job, id)?.ok_or_else(Error::not_found::<Job>)
}

/// One job of this kind, if the actor may see it (§7).
pub fn get_visible(conn: &mut DbConnection, actor: &User, kind: JobKind, id: JobId) -> Result<Job> {
    let job = Some(get(conn, id)?).filter(|job| job.kind == kind).ok_or_else(Error::not_found::<Job>)?;
    job.may_be_seen_by(actor)?;
    Ok(job)
}

/// The jobs with these ids.
pub fn by_ids(conn: &mut DbConnection, ids: &[JobId]) -> Result<Vec<Job>> {
    Ok(with_conn!(conn, |c| jobs::table.filter(jobs::id.eq_any(ids)).select(Job::as_select()).load(c))?)
}

/// The jobs of an owner that are not ended, of both kinds, in their order.
pub fn live_of(conn: &mut DbConnection, owner: UserId) -> Result<Vec<Job>> {
    Ok(with_conn!(conn, |c| jobs::table
        .filter(jobs::owner_id.eq(owner))
        .filter(jobs::status.eq_any(&JobStatus::LIVE))
        .order(jobs::id)
        .select(Job::as_select())
        .load(c))?)
}

/// Ratings of the rated cleanings of these jobs.
pub fn cleaning_ratings(conn: &mut DbConnection, ids: &[JobId]) -> Result<HashMap<JobId, i64>> {
    let rated: Vec<(JobId, Option<i64>)> = with_conn!(conn, |c| cleanings::table
        .filter(cleanings::job_id.eq_any(ids))
        .filter(cleanings::cleaning_rating.is_not_null())
        .select((cleanings::job_id, cleanings::cleaning_rating))
        .load(c))?;
    Ok(rated.into_iter().filter_map(|(id, rating)| Some((id, rating?))).collect())
}

/// Kind of a job.
pub fn get_kind(conn: &mut DbConnection, id: JobId) -> Result<JobKind> {
    Ok(get(conn, id)?.kind)
}

/// The repair of a defect: the live one, or else the latest.
pub fn find_repair(conn: &mut DbConnection, defect: DefectId) -> Result<Option<Job>> {
    let repairs = jobs::table.filter(jobs::defect_id.eq(defect)).filter(jobs::kind.eq(JobKind::Specialist));
    Ok(with_conn!(conn, |c| repairs
        .order((jobs::status.eq_any(&JobStatus::LIVE).desc(), jobs::id.desc()))
        .select(Job::as_select())
        .first(c))
    .optional()?)
}

/// The live repair of a defect.
pub(crate) fn find_live_repair(conn: &mut DbConnection, defect: DefectId) -> Result<Option<Job>> {
    Ok(find_repair(conn, defect)?.filter(|job| JobStatus::LIVE.contains(&job.status)))
}

/// Those of the defects whose repair waits for its planned time, which this owner has to enter
/// (§7).
pub fn unplanned_defects(
    conn: &mut DbConnection,
    owner: UserId,
    of: &[DefectId],
) -> Result<HashSet<DefectId>> {
    let found: Vec<Option<DefectId>> = with_conn!(conn, |c| jobs::table
        .filter(jobs::kind.eq(JobKind::Specialist))
        .filter(jobs::owner_id.eq(owner))
        .filter(jobs::status.eq(JobStatus::Assigned))
        .filter(jobs::planned_time_hours.is_null())
        .filter(jobs::defect_id.eq_any(of))
        .select(jobs::defect_id)
        .load(c))?;
    Ok(found.into_iter().flatten().collect())
}

/// One job of either kind, locked until the transaction ends.
pub(crate) fn lock(conn: &mut DbConnection, id: JobId) -> Result<Job> {
    lock_row!(conn, jobs, Job, id)?.ok_or_else(Error::not_found::<Job>)
}

/// One job of this kind, locked until the transaction ends.
pub(crate) fn lock_of_kind(conn: &mut DbConnection, kind: JobKind, id: JobId) -> Result<Job> {
    Some(lock(conn, id)?).filter(|job| job.kind == kind).ok_or_else(Error::not_found::<Job>)
}

/// One job of this kind that the actor works on, locked until the transaction ends (§7).
pub(crate) fn lock_for_actor(tx: &mut Tx<'_>, kind: JobKind, id: JobId) -> Result<Job> {
    let job = lock_of_kind(tx.conn, kind, id)?;
    job.may_be_worked_on_by(tx.actor()?)?;
    Ok(job)
}

/// Inserts and records a job.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &Job) -> Result<Job> {
    let job = insert_row!(tx, jobs, Job, new)?;
    tx.record(AuditAction::Create, None, Some(&job));
    Ok(job)
}

/// Writes and records a job, which is locked.
pub(crate) fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Job, after: &Job) -> Result<()> {
    write_with(tx, action, before, after, Changes::between(Some(before), Some(after)))
}

/// Writes a job, which is locked, and records these changes.
pub(crate) fn write_with(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Job,
    after: &Job,
    changes: Changes,
) -> Result<()> {
    update_row!(tx, jobs, before, after, jobs::status.eq(before.status))?;
    tx.record_with(action, Some(before), Some(after), changes);
    Ok(())
}

/// Inserts the record of an intervention in a job, which is locked.
pub(crate) fn insert_intervention(tx: &mut Tx<'_>, new: &Intervention) -> Result<()> {
    insert_row!(tx, interventions, Intervention, new)?;
    Ok(())
}

/// Users who have completed a job for this owner.
pub(crate) fn completed_for(conn: &mut DbConnection, job: JobId, owner: UserId) -> Result<Vec<UserId>> {
    let completions = interventions::table
        .filter(interventions::job_id.eq(job))
        .filter(interventions::action.eq(InterventionAction::Complete))
        .filter(interventions::owner_id.eq(owner));
    Ok(with_conn!(conn, |c| completions.select(interventions::actor_id).load(c))?)
}

/// Time of the last reassignment of a job.
pub(crate) fn reassigned_at(conn: &mut DbConnection, job: JobId) -> Result<Option<Instant>> {
    let reassigned = interventions::table
        .filter(interventions::job_id.eq(job))
        .filter(interventions::action.eq(InterventionAction::Reassign));
    Ok(with_conn!(conn, |c| reassigned.select(max(interventions::created_at)).first(c))?)
}

/// Records that these jobs, which are locked, were reported on this day.
pub(crate) fn write_reminders(conn: &mut DbConnection, ids: &[JobId], on: Date) -> Result<()> {
    let earlier = reminders::table.filter(reminders::job_id.eq_any(ids));
    with_conn!(&mut *conn, |c| diesel::delete(earlier).execute(c))?;
    let rows: Vec<_> =
        ids.iter().map(|id| (reminders::job_id.eq(*id), reminders::reminded_on.eq(on))).collect();
    with_conn!(conn, |c| diesel::insert_into(reminders::table).values(&rows).execute(c))?;
    Ok(())
}

/// The cleaning after a repair, if it has been reported.
pub(crate) fn find_cleaning(conn: &mut DbConnection, id: JobId) -> Result<Option<Cleaning>> {
    find_row!(conn, cleanings, Cleaning, id)
}

/// Inserts and records the report of a cleaning, whose job is locked.
pub(crate) fn insert_cleaning(tx: &mut Tx<'_>, new: &Cleaning) -> Result<()> {
    insert_row!(tx, cleanings, Cleaning, new)?;
    tx.record(AuditAction::Update, None, Some(new));
    Ok(())
}

/// Writes and records a cleaning, whose job is locked.
pub(crate) fn write_cleaning(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Cleaning,
    after: &Cleaning,
) -> Result<()> {
    update_row!(tx, cleanings[before.job_id], after)?;
    tx.record(action, Some(before), Some(after));
    Ok(())
}
