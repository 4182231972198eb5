//! Jobs of specialists and engineers: reads, and units of work from assigning to the end (rule book §7).

mod done;
mod rating;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    defects::{Defect, DefectStatus},
    equipment::Equipment,
    ids::{DefectId, FileId, JobId, UserId},
    jobs::{
        AssignSpecialist, Cleaning, EngineerJobFilter, EngineerJobType, Job, JobCategory, JobFilter, JobKind,
        JobOrder, JobStatus, NewEngineerJob, Numbers, PlannedTime, Reassignment, may_own, may_see_all,
    },
    notifications::{Notice, NotificationType, Param},
    page::{Page, PageRequest, Sort},
    rule::NotFound,
    schema::{job_cleanings as cleanings, job_counters as counters, jobs},
    sync::ChangedKind,
    takeovers::STALLED_AFTER,
    time::Instant,
    users::{Role, User},
};

pub use done::{complete, leave_incomplete};
pub use rating::{clean, rate_cleaning, reward};

use crate::{DbConnection, Result, Tx, db::database::one_row, defects, equipment, files, takeovers, users};

/// Which jobs a list has.
#[derive(Default)]
struct JobQuery {
    kind: Option<JobKind>,
    owner: Option<UserId>,
    specialist: Option<UserId>,
    status: Option<JobStatus>,
    any_of: Option<&'static [JobStatus]>,
    category: Option<JobCategory>,
    job_type: Option<EngineerJobType>,
    unplanned: bool,
    paused_before: Option<Instant>,
}

fn pages(
    conn: &mut DbConnection,
    wanted: &JobQuery,
    sort: Option<Sort<JobOrder>>,
    page: PageRequest,
) -> Result<Page<Job>> {
    let sort = sort.unwrap_or(Sort { by: JobOrder::Id, descending: true });
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = jobs::table.into_boxed::<Backend>();
            filter_by!(query, {
                jobs::kind => wanted.kind,
                jobs::owner_id => wanted.owner,
                jobs::owner_id => wanted.specialist,
                jobs::status => wanted.status,
                jobs::category => wanted.category,
                jobs::job_type => wanted.job_type,
            });
            if let Some(statuses) = wanted.any_of {
                query = query.filter(jobs::status.eq_any(statuses));
            }
            if wanted.unplanned {
                query = query.filter(jobs::planned_time_hours.is_null());
            }
            if let Some(before) = wanted.paused_before {
                query = query.filter(jobs::status.eq(JobStatus::Paused)).filter(jobs::paused_at.le(before));
            }
            query
        };
        let ordered = order_by!(filtered(), sort, jobs::id, {
            JobOrder::Id => jobs::id,
            JobOrder::StartedAt => jobs::started_at,
            JobOrder::CompletedAt => jobs::completed_at,
        });
        let items =
            ordered.select(Job::as_select()).limit(page.per_page.into()).offset(page.offset()).load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// A page of repairs: one's own, or everybody's for admins, engineers and quality engineers (§7).
pub fn repairs(
    conn: &mut DbConnection,
    actor: &User,
    filter: &JobFilter,
    page: PageRequest,
) -> Result<Page<Job>> {
    let wanted = JobQuery {
        kind: Some(JobKind::Specialist),
        owner: (!may_see_all(actor)).then_some(actor.id),
        specialist: filter.specialist_id,
        status: filter.status,
        category: filter.category,
        ..JobQuery::default()
    };
    pages(conn, &wanted, filter.sort, page)
}

/// A page of engineers' jobs: one's own, or everybody's for admins (§7).
pub fn engineer_jobs(
    conn: &mut DbConnection,
    actor: &User,
    filter: &EngineerJobFilter,
    page: PageRequest,
) -> Result<Page<Job>> {
    let wanted = JobQuery {
        kind: Some(JobKind::Engineer),
        owner: (!actor.is_admin()).then_some(actor.id),
        status: filter.status,
        job_type: filter.job_type,
        ..JobQuery::default()
    };
    pages(conn, &wanted, filter.sort, page)
}

/// A page of the actor's repairs that want a planned time (§7).
pub fn unplanned(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<Job>> {
    let wanted = JobQuery {
        kind: Some(JobKind::Specialist),
        owner: Some(actor.id),
        status: Some(JobStatus::Assigned),
        unplanned: true,
        ..JobQuery::default()
    };
    pages(conn, &wanted, None, page)
}

/// A page of the actor's repairs that are under way, or paused (§7).
pub fn active(conn: &mut DbConnection, actor: &User, page: PageRequest) -> Result<Page<Job>> {
    let wanted = JobQuery {
        kind: Some(JobKind::Specialist),
        owner: Some(actor.id),
        any_of: Some(&JobStatus::RUNNING),
        ..JobQuery::default()
    };
    pages(conn, &wanted, None, page)
}

/// A page of the jobs of both kinds that have been paused for three days or more (§7).
pub fn stalled(conn: &mut DbConnection, now: Instant, page: PageRequest) -> Result<Page<Job>> {
    let wanted = JobQuery { paused_before: Some(now.plus_seconds(-STALLED_AFTER)), ..JobQuery::default() };
    pages(conn, &wanted, None, page)
}

/// One job, whoever's it is.
pub(crate) fn get(conn: &mut DbConnection, id: JobId) -> Result<Job> {
    with_conn!(conn, |c| jobs::table.find(id).select(Job::as_select()).first(c))
        .optional()?
        .ok_or_else(|| NotFound("job").into())
}

/// One job of this kind, if the actor may see it (§7).
pub fn get_visible(conn: &mut DbConnection, actor: &User, kind: JobKind, id: JobId) -> Result<Job> {
    let job = Some(get(conn, id)?).filter(|job| job.kind == kind).ok_or(NotFound("job"))?;
    job.may_be_seen_by(actor)?;
    Ok(job)
}

/// Several jobs.
pub fn by_ids(conn: &mut DbConnection, ids: &[JobId]) -> Result<Vec<Job>> {
    Ok(with_conn!(conn, |c| jobs::table.filter(jobs::id.eq_any(ids)).select(Job::as_select()).load(c))?)
}

/// Of which kind a job is, whoever's it is.
pub fn get_kind(conn: &mut DbConnection, id: JobId) -> Result<JobKind> {
    Ok(get(conn, id)?.kind)
}

/// How the place of a repair was left, and photos of that.
pub fn find_cleaning(conn: &mut DbConnection, id: JobId) -> Result<Option<(Cleaning, Vec<FileId>)>> {
    let cleaning: Option<Cleaning> =
        with_conn!(conn, |c| cleanings::table.find(id).select(Cleaning::as_select()).first(c)).optional()?;
    match cleaning {
        Some(cleaning) => Ok(Some((cleaning, files::evidence_of(conn, rating::EVIDENCE, id.get())?))),
        None => Ok(None),
    }
}

/// The repair of a defect that somebody has still to work on, or else the latest.
pub fn find_repair(conn: &mut DbConnection, defect: DefectId) -> Result<Option<Job>> {
    let repairs = jobs::table.filter(jobs::defect_id.eq(defect)).filter(jobs::kind.eq(JobKind::Specialist));
    Ok(with_conn!(conn, |c| repairs
        .order((jobs::status.eq_any(&JobStatus::LIVE).desc(), jobs::id.desc()))
        .select(Job::as_select())
        .first(c))
    .optional()?)
}

/// The repair of a defect that somebody has still to work on.
pub(crate) fn find_live_repair(conn: &mut DbConnection, defect: DefectId) -> Result<Option<Job>> {
    Ok(find_repair(conn, defect)?.filter(|job| JobStatus::LIVE.contains(&job.status)))
}

/// One job, locked until the transaction ends.
pub(crate) fn locked(tx: &mut Tx<'_>, id: JobId) -> Result<Job> {
    let found: Option<Job> =
        lock_rows!(&mut *tx.conn, jobs::table.find(id).select(Job::as_select()), first).optional()?;
    found.ok_or_else(|| NotFound("job").into())
}

/// One job of this kind, locked, which the actor works on (§7).
pub(crate) fn own(tx: &mut Tx<'_>, kind: JobKind, id: JobId) -> Result<Job> {
    let job = Some(locked(tx, id)?).filter(|job| job.kind == kind).ok_or(NotFound("job"))?;
    job.may_be_worked_on_by(tx.actor()?)?;
    Ok(job)
}

/// A job with what its work changes; everything is locked, in the order in which all lock: machine, defect, job.
pub(crate) struct Work {
    pub(crate) machine: Option<Equipment>,
    pub(crate) defect: Option<Defect>,
    pub(crate) job: Job,
}

impl Work {
    pub(crate) fn open(tx: &mut Tx<'_>, id: JobId) -> Result<Self> {
        let seen = get(tx.conn, id)?;
        let is_repair = seen.kind == JobKind::Specialist;
        let machine = match seen.equipment_id.filter(|_| is_repair) {
            Some(id) => Some(equipment::locked(tx.conn, id)?),
            None => None,
        };
        let defect = match seen.defect_id.filter(|_| is_repair) {
            Some(id) => Some(defects::locked(tx, id)?),
            None => None,
        };
        Ok(Self { machine, defect, job: locked(tx, id)? })
    }

    /// The same for a job of this kind which the actor works on (§7).
    fn own(tx: &mut Tx<'_>, kind: JobKind, id: JobId) -> Result<Self> {
        let work = Self::open(tx, id)?;
        if work.job.kind != kind {
            return Err(NotFound("job").into());
        }
        work.job.may_be_worked_on_by(tx.actor()?)?;
        Ok(work)
    }

    /// Nobody works on the machine for this job any more: unless somebody else does, it runs (§7).
    pub(crate) fn leave_machine(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Some(machine) = &self.machine else { return Ok(()) };
        let begun = jobs::status.eq_any(&JobStatus::RUNNING);
        let planned = jobs::status.eq(JobStatus::Assigned).and(jobs::planned_time_hours.is_not_null());
        let others = jobs::table
            .filter(jobs::equipment_id.eq(machine.id))
            .filter(jobs::id.ne(self.job.id))
            .filter(begun.or(planned.assume_not_null()));
        let is_busy: bool =
            with_conn!(&mut *tx.conn, |c| diesel::select(diesel::dsl::exists(others)).get_result(c))?;
        if is_busy { Ok(()) } else { equipment::become_status(tx, machine, machine.status.after_repair()) }
    }
}

/// Writes a job that is locked.
pub(crate) fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Job, after: &Job) -> Result<()> {
    write_changes(tx, action, before, after, Changes::between(Some(before), Some(after)))
}

fn write_changes(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Job,
    after: &Job,
    changes: Changes,
) -> Result<()> {
    let seen = jobs::table.find(before.id).filter(jobs::status.eq(before.status));
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(seen).set(after).execute(c))?)?;
    tx.translate(Some(before), after);
    tx.record_change(ChangedKind::Job, before.id.get(), [before.owner_id, after.owner_id]);
    tx.audit(action, before.kind.names().0, before.id.get(), changes);
    Ok(())
}

/// A notice about a job, with its number.
pub(crate) fn notice(kind: NotificationType, job: &Job) -> Notice {
    let (name, path) = job.kind.names();
    Notice::new(kind).with("job", job.job_id.as_str()).about(name, job.id.get(), path)
}

/// Name of the machine, in both languages, for a notice.
fn name_of(machine: &Equipment) -> Param {
    (machine.name.as_str(), machine.name_ar.as_deref()).into()
}

/// The next number under a name. Whoever comes second waits for the first, and nobody else does.
fn next_number(tx: &mut Tx<'_>, name: &str) -> Result<i64> {
    Ok(with_conn!(&mut *tx.conn, |c| diesel::insert_into(counters::table)
        .values((counters::name.eq(name), counters::last_number.eq(1)))
        .on_conflict(counters::name)
        .do_update()
        .set(counters::last_number.eq(counters::last_number + 1))
        .returning(counters::last_number)
        .get_result(c))?)
}

/// Numbers for a new job. Taken last of all locks: many take them.
fn numbers(tx: &mut Tx<'_>, kind: JobKind, owner: &User) -> Result<Numbers> {
    let of_owner = next_number(tx, owner.badge_of(kind.role()))?;
    Ok(Numbers { of_owner, universal: next_number(tx, kind.names().0)? })
}

fn insert(tx: &mut Tx<'_>, new: &Job) -> Result<Job> {
    let job: Job = with_conn!(&mut *tx.conn, |c| diesel::insert_into(jobs::table)
        .values(new)
        .returning(Job::as_returning())
        .get_result(c))?;
    tx.translate(None, &job);
    tx.record_change(ChangedKind::Job, job.id.get(), [job.owner_id]);
    tx.audit(AuditAction::Create, job.kind.names().0, job.id.get(), Changes::between(None, Some(&job)));
    Ok(job)
}

/// Somebody who is to have a job of this kind, locked, so that they aren't deactivated or sent on leave meanwhile.
fn future_owner(tx: &mut Tx<'_>, id: UserId, kind: JobKind, field: &str) -> Result<User> {
    let found = users::held(tx.conn, &[id])?.pop();
    may_own(found.as_ref(), kind, field)?;
    found.ok_or_else(|| NotFound("user").into())
}

/// Gives a defect to a specialist, who is told; it is in progress from then on (§6).
pub fn assign_specialist(tx: &mut Tx<'_>, id: DefectId, wanted: AssignSpecialist) -> Result<Job> {
    wanted.check()?;
    let seen = defects::get(tx.conn, id)?;
    let machine = equipment::locked(tx.conn, seen.equipment_id)?;
    let before = defects::locked(tx, id)?;
    let after = before.assign(tx.now)?;
    let specialist = future_owner(tx, wanted.specialist_id, JobKind::Specialist, "specialist_id")?;
    defects::write(tx, AuditAction::Assign, &before, &after, Changes::between(Some(&before), Some(&after)))?;
    let numbers = numbers(tx, JobKind::Specialist, &specialist)?;
    let job = insert(tx, &Job::repair(&after, wanted, &specialist, numbers, tx.actor_id(), tx.now))?;
    tell_of_assignment(tx, &job, &machine);
    Ok(job)
}

fn tell_of_assignment(tx: &mut Tx<'_>, job: &Job, machine: &Equipment) {
    let assigned = notice(NotificationType::JobAssigned, job).with("equipment", name_of(machine));
    tx.notify([job.owner_id], &assigned);
}

/// Makes a job of an engineer: an admin for anybody, an engineer for themself (§7).
pub fn create_for_engineer(tx: &mut Tx<'_>, wanted: NewEngineerJob) -> Result<Job> {
    wanted.check()?;
    let actor = tx.actor()?.clone();
    let owner = wanted.owner(&actor)?;
    if let Some(id) = wanted.equipment_id {
        equipment::get(tx.conn, id)?;
    }
    if let Some(id) = wanted.related_inspection_id {
        crate::inspections::get(tx.conn, id)?;
    }
    if let Some(id) = wanted.related_defect_id {
        defects::get(tx.conn, id)?;
    }
    let engineer = future_owner(tx, owner, JobKind::Engineer, "engineer_id")?;
    let numbers = numbers(tx, JobKind::Engineer, &engineer)?;
    let job = insert(tx, &Job::of_engineer(wanted, &engineer, numbers, Some(actor.id), tx.now))?;
    let created = notice(NotificationType::EngineerJobCreated, &job)
        .with("title", job.title.as_deref().unwrap_or_default());
    tx.notify([job.owner_id], &created);
    Ok(job)
}

/// Enters the planned time; the machine of a repair is under maintenance from then on (§7).
pub fn plan(tx: &mut Tx<'_>, kind: JobKind, id: JobId, planned: &PlannedTime) -> Result<Job> {
    let work = Work::own(tx, kind, id)?;
    let after = work.job.plan(planned, tx.now)?;
    write(tx, AuditAction::Plan, &work.job, &after)?;
    if let Some(machine) = &work.machine {
        equipment::become_status(tx, machine, machine.status.under_repair())?;
    }
    Ok(after)
}

/// Begins (§7).
pub fn start(tx: &mut Tx<'_>, kind: JobKind, id: JobId) -> Result<Job> {
    let before = own(tx, kind, id)?;
    let after = before.start(tx.now)?;
    write(tx, AuditAction::Start, &before, &after)?;
    Ok(after)
}

/// Gives a repair that was left undone to another specialist, or to the same again (§7).
pub fn reassign(tx: &mut Tx<'_>, id: JobId, wanted: Reassignment) -> Result<Job> {
    let work = Work::open(tx, id)?;
    let (Some(machine), Some(defect)) = (&work.machine, &work.defect) else {
        return Err(NotFound("job").into());
    };
    let after = work.job.reassigned_to(wanted.specialist_id, tx.now)?;
    if find_live_repair(tx.conn, defect.id)?.is_some() {
        return Err(inspection_domain::jobs::JobRule::AlreadyAssigned.into());
    }
    if defect.status != DefectStatus::InProgress {
        let assigned = defect.assign(tx.now)?;
        let changes = Changes::between(Some(defect), Some(&assigned));
        defects::write(tx, AuditAction::Assign, defect, &assigned, changes)?;
    }
    takeovers::expire(tx, Some(id), None)?;
    future_owner(tx, wanted.specialist_id, JobKind::Specialist, "specialist_id")?;
    let changes = Changes::between(Some(&work.job), Some(&after));
    let changes = match wanted.reason {
        Some(reason) => changes.with("reason", String::from(reason)),
        None => changes,
    };
    write_changes(tx, AuditAction::Reassign, &work.job, &after, changes)?;
    tell_of_assignment(tx, &after, machine);
    Ok(after)
}

/// Cancels a repair that hasn't been begun, since there is nothing wrong; who made it is told (§6).
pub(crate) fn cancel(tx: &mut Tx<'_>, work: &Work, reason: &str) -> Result<Job> {
    let after = work.job.cancel(tx.now)?;
    write(tx, AuditAction::Cancel, &work.job, &after)?;
    work.leave_machine(tx)?;
    let cancelled = notice(NotificationType::JobCancelled, &after).with("reason", reason);
    tx.notify(after.created_by_id, &cancelled);
    Ok(after)
}

/// Admins, who are told of what goes on.
pub(crate) fn admins(tx: &mut Tx<'_>) -> Result<Vec<UserId>> {
    users::active_with(tx.conn, &[Role::Admin])
}

/// The name of whoever acts.
pub(crate) fn actor_name(tx: &Tx<'_>) -> Result<String> {
    Ok(tx.actor()?.full_name.clone())
}
