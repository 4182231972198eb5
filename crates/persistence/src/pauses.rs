//! Pauses of jobs: reads, and units of work (rule book §7).

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    ids::{JobId, PauseId},
    jobs::{Job, JobCommand, JobKind, JobStatus},
    notifications::NotificationType,
    page::{Page, PageRequest},
    pauses::{Denial, ForcedPause, NewPause, Pause, PauseRule, PauseStatus},
    rule::NotFound,
    schema::{job_pauses as pauses, jobs as work},
    takeovers::STALLED_AFTER,
    users::{Role, User},
};

use crate::{DbConnection, Result, Tx, db::database::one_row, jobs, users};

/// A page of the pauses of a job that the actor may see, the latest first.
pub fn history(
    conn: &mut DbConnection,
    actor: &User,
    kind: JobKind,
    id: JobId,
    page: PageRequest,
) -> Result<Page<Pause>> {
    jobs::get_visible(conn, actor, kind, id)?;
    let (items, total) = with_conn!(conn, |c| {
        let of_job = pauses::table.filter(pauses::job_id.eq(id));
        let items = of_job
            .order(pauses::id.desc())
            .select(Pause::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, of_job.count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// A page of the pauses of all jobs that wait for a decision, the oldest first.
pub fn pending(conn: &mut DbConnection, page: PageRequest) -> Result<Page<Pause>> {
    let (items, total) = with_conn!(conn, |c| {
        let waiting = pauses::table.filter(pauses::status.eq(PauseStatus::Pending));
        let items = waiting
            .order(pauses::id)
            .select(Pause::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, waiting.count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// Tells those who could take over a job that has been paused for three days, once in a pause (§7, §16). At most so many jobs;
/// says how many.
pub(crate) fn announce_stalled(tx: &mut Tx<'_>, at_most: i64) -> Result<usize> {
    let now = tx.now;
    let untold = pauses::table
        .filter(pauses::status.eq(PauseStatus::Approved))
        .filter(pauses::stalled_told_at.is_null())
        .select(pauses::job_id);
    let stalled = work::table
        .filter(work::status.eq(JobStatus::Paused))
        .filter(work::paused_at.le(now.plus_seconds(-STALLED_AFTER)))
        .filter(work::id.eq_any(untold))
        .order(work::id)
        .limit(at_most);
    let stalled: Vec<Job> = lock_rows!(&mut *tx.conn, stalled.select(Job::as_select()), load)?;
    let ids: Vec<JobId> = stalled.iter().map(|job| job.id).collect();
    let open = pauses::table
        .filter(pauses::job_id.eq_any(ids))
        .filter(pauses::status.eq(PauseStatus::Approved))
        .filter(pauses::stalled_told_at.is_null());
    with_conn!(&mut *tx.conn, |c| diesel::update(open).set(pauses::stalled_told_at.eq(now)).execute(c))?;
    let people = if stalled.is_empty() { Vec::new() } else { users::active(tx.conn)? };
    for job in &stalled {
        let takers = people.iter().filter(|person| matches!(job.may_be_taken_over_by(person, now), Ok(())));
        let notice = jobs::notice(NotificationType::StalledJobAvailable, job)
            .with("date", &tx.calendar().date(job.paused_at.unwrap_or(now)));
        tx.notify(takers.map(|person| person.id), &notice);
    }
    Ok(stalled.len())
}

/// The pause of a job in this status, if there is one.
fn with_status(conn: &mut DbConnection, job: JobId, status: PauseStatus) -> Result<Option<Pause>> {
    let of_job = pauses::table.filter(pauses::job_id.eq(job)).filter(pauses::status.eq(status));
    Ok(with_conn!(conn, |c| of_job.select(Pause::as_select()).first(c)).optional()?)
}

fn insert(tx: &mut Tx<'_>, new: &Pause) -> Result<Pause> {
    let pause: Pause = with_conn!(&mut *tx.conn, |c| diesel::insert_into(pauses::table)
        .values(new)
        .returning(Pause::as_returning())
        .get_result(c))?;
    let action = if pause.is_forced { AuditAction::Pause } else { AuditAction::Request };
    tx.audit(action, "pause", pause.id.get(), Changes::between(None, Some(&pause)));
    Ok(pause)
}

/// Writes a pause of a job that is locked.
fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Pause, after: &Pause) -> Result<()> {
    let seen = pauses::table.find(before.id).filter(pauses::status.eq(before.status));
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(seen).set(after).execute(c))?)?;
    tx.audit(action, "pause", before.id.get(), Changes::between(Some(before), Some(after)));
    Ok(())
}

fn get(conn: &mut DbConnection, id: PauseId) -> Result<Pause> {
    with_conn!(conn, |c| pauses::table.find(id).select(Pause::as_select()).first(c))
        .optional()?
        .ok_or_else(|| NotFound("pause").into())
}

/// A pause with its job, which is locked; whoever changes a pause holds its job.
fn held(tx: &mut Tx<'_>, id: PauseId) -> Result<(Job, Pause)> {
    let job = get(tx.conn, id)?.job_id;
    let job = jobs::locked(tx, job)?;
    Ok((job, get(tx.conn, id)?))
}

/// Asks for a pause; admins and engineers are told (§7).
pub fn request(tx: &mut Tx<'_>, kind: JobKind, id: JobId, wanted: NewPause) -> Result<Pause> {
    let job = jobs::own(tx, kind, id)?;
    wanted.check()?;
    job.status.after(JobCommand::AskForPause)?;
    if with_status(tx.conn, id, PauseStatus::Pending)?.is_some() {
        return Err(PauseRule::Pending.into());
    }
    let actor = tx.actor()?.clone();
    let pause = insert(tx, &wanted.request(id, actor.id, tx.now))?;
    let mut told = users::active_with(tx.conn, &[Role::Admin, Role::Engineer])?;
    told.retain(|person| *person != actor.id);
    let requested = jobs::notice(NotificationType::PauseRequested, &job)
        .with("person", actor.full_name.as_str())
        .with("reason", pause.reason_category.as_str());
    tx.notify(told, &requested);
    Ok(pause)
}

/// Allows a pause: the job is paused from this instant on, and its requester is told (§7).
pub fn approve(tx: &mut Tx<'_>, id: PauseId) -> Result<Pause> {
    let (job, before) = held(tx, id)?;
    before.may_be_decided_by(tx.actor()?)?;
    let after = before.approve(tx.actor()?.id, tx.now)?;
    let paused = job.pause(tx.now)?;
    jobs::write(tx, AuditAction::Pause, &job, &paused)?;
    write(tx, AuditAction::Approve, &before, &after)?;
    tx.notify([after.requested_by_id], &jobs::notice(NotificationType::PauseApproved, &job));
    Ok(after)
}

/// Doesn't allow a pause, for a reason that its requester is told (§7).
pub fn deny(tx: &mut Tx<'_>, id: PauseId, denial: Denial) -> Result<Pause> {
    let (job, before) = held(tx, id)?;
    before.may_be_decided_by(tx.actor()?)?;
    let after = before.deny(denial, tx.actor()?.id, tx.now)?;
    write(tx, AuditAction::Deny, &before, &after)?;
    let denied = jobs::notice(NotificationType::PauseDenied, &job)
        .with("reason", after.deny_reason.as_deref().unwrap_or_default());
    tx.notify([after.requested_by_id], &denied);
    Ok(after)
}

/// Lets a paused job go on; the length of the pause is added to its paused time (§7).
pub fn resume(tx: &mut Tx<'_>, id: PauseId) -> Result<Pause> {
    let (job, before) = held(tx, id)?;
    job.may_be_resumed_by(tx.actor()?)?;
    let after = before.end(tx.actor_id(), tx.now)?;
    let resumed = job.resume(tx.now)?;
    jobs::write(tx, AuditAction::Resume, &job, &resumed)?;
    write(tx, AuditAction::Resume, &before, &after)?;
    Ok(after)
}

/// Pauses a job by order of an admin, whatever was asked for; its owner is told (§7).
pub fn force(tx: &mut Tx<'_>, kind: JobKind, id: JobId, order: ForcedPause) -> Result<Pause> {
    let job = Some(jobs::locked(tx, id)?).filter(|job| job.kind == kind).ok_or(NotFound("job"))?;
    let paused = job.pause(tx.now)?;
    jobs::write(tx, AuditAction::Pause, &job, &paused)?;
    close_pauses(tx, id)?;
    let pause = insert(tx, &order.order(id, tx.actor()?.id, tx.now))?;
    tx.notify([job.owner_id], &jobs::notice(NotificationType::PauseApproved, &job));
    Ok(pause)
}

/// Ends the pause of a job, which is locked, and cancels the request for one: the job ends or goes to somebody else.
pub(crate) fn close_pauses(tx: &mut Tx<'_>, job: JobId) -> Result<()> {
    if let Some(open) = with_status(tx.conn, job, PauseStatus::Approved)? {
        let ended = open.end(tx.actor_id(), tx.now)?;
        write(tx, AuditAction::Resume, &open, &ended)?;
    }
    if let Some(waiting) = with_status(tx.conn, job, PauseStatus::Pending)? {
        write(tx, AuditAction::Cancel, &waiting, &waiting.cancel()?)?;
    }
    Ok(())
}
