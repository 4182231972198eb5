//! Pauses of jobs: lists and units of work (§7). Every change of a pause locks its job.

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    ids::{JobId, PauseId},
    jobs::{Job, JobCommand, JobKind, JobStatus},
    notifications::NotificationType,
    page::{Page, PageRequest},
    pauses::{Denial, ForcedPause, NewPause, Pause, PauseRule, PauseStatus},
    schema::{job_pauses as pauses, jobs},
    takeovers::STALLED_AFTER,
    time::Instant,
    users::{Role, User},
};

use crate::{
    DbConnection, Result, Tx,
    jobs::{rows as job_rows, work::notice},
    users::rows as user_rows,
};

/// A page of the pauses of a job the actor may see, the latest first.
pub fn history(
    conn: &mut DbConnection,
    actor: &User,
    kind: JobKind,
    id: JobId,
    page: PageRequest,
) -> Result<Page<Pause>> {
    job_rows::get_visible(conn, actor, kind, id)?;
    paged!(
        conn,
        page,
        Pause,
        || pauses::table.filter(pauses::job_id.eq(id)).into_boxed::<Backend>(),
        pauses by desc [id]
    )
}

/// A page of the pending pauses of all jobs, the oldest first.
pub fn pending(conn: &mut DbConnection, page: PageRequest) -> Result<Page<Pause>> {
    paged!(
        conn,
        page,
        Pause,
        || pauses::table.filter(pauses::status.eq(PauseStatus::Pending)).into_boxed::<Backend>(),
        pauses by asc [id]
    )
}

/// Notifies possible takers of jobs that have been paused for three days, once per pause (§7, §16).
/// Locks up to `limit` jobs; returns their number.
pub(crate) fn announce_stalled(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let now = tx.now;
    let unannounced = pauses::table
        .filter(pauses::status.eq(PauseStatus::Approved))
        .filter(pauses::stalled_told_at.is_null())
        .select(pauses::job_id);
    let stalled = jobs::table
        .filter(jobs::status.eq(JobStatus::Paused))
        .filter(jobs::paused_at.le(now.plus_seconds(-STALLED_AFTER)))
        .filter(jobs::id.eq_any(unannounced))
        .order(jobs::id)
        .limit(limit);
    let stalled: Vec<Job> = lock_rows!(&mut *tx.conn, stalled.select(Job::as_select()), load)?;
    let ids: Vec<JobId> = stalled.iter().map(|job| job.id).collect();
    let open = pauses::table
        .filter(pauses::job_id.eq_any(ids))
        .filter(pauses::status.eq(PauseStatus::Approved))
        .filter(pauses::stalled_told_at.is_null());
    with_conn!(&mut *tx.conn, |c| diesel::update(open).set(pauses::stalled_told_at.eq(now)).execute(c))?;
    let people = if stalled.is_empty() { Vec::new() } else { user_rows::active(tx.conn)? };
    for job in &stalled {
        let takers = people.iter().filter(|person| job.may_be_taken_over_by(person, now).is_ok());
        let available = notice(NotificationType::StalledJobAvailable, job)
            .with("date", &tx.calendar().date(job.paused_at.unwrap_or(now)));
        tx.notify(takers.map(|person| person.id), &available);
    }
    Ok(stalled.len())
}

/// A pause and its job, which is locked.
fn lock_with_job(tx: &mut Tx<'_>, id: PauseId) -> Result<(Job, Pause)> {
    let job = rows::get(tx.conn, id)?.job_id;
    let job = job_rows::lock(tx.conn, job)?;
    Ok((job, rows::get(tx.conn, id)?))
}

/// Requests a pause; admins and engineers are notified (§7). Locks the job.
pub fn request(tx: &mut Tx<'_>, kind: JobKind, id: JobId, new: NewPause) -> Result<Pause> {
    let job = job_rows::lock_for_actor(tx, kind, id)?;
    new.validate()?;
    job.status.after(JobCommand::AskForPause)?;
    if rows::find_with_status(tx.conn, id, PauseStatus::Pending)?.is_some() {
        return Err(PauseRule::Pending.into());
    }
    let actor = tx.actor()?.clone();
    let last_end = last_end_if_offline(tx, id)?;
    let at = tx.happened_after([job.started_at, last_end]);
    let pause = rows::insert(tx, &new.request(id, actor.id, at))?;
    let mut recipients = user_rows::active_with(tx.conn, &[Role::Admin, Role::Engineer])?;
    recipients.retain(|person| *person != actor.id);
    let requested = notice(NotificationType::PauseRequested, &job)
        .with("person", actor.full_name.as_str())
        .with("reason", pause.reason_category.as_str());
    tx.notify(recipients, &requested);
    Ok(pause)
}

/// End of the last pause of a job, which what happened offline follows (§15).
pub(crate) fn last_end_if_offline(tx: &mut Tx<'_>, id: JobId) -> Result<Option<Instant>> {
    match tx.happened_at() {
        Some(_) => rows::last_end(tx.conn, id),
        None => Ok(None),
    }
}

/// Begin of the pause that a request for a job, which is locked, leads to (§7).
fn begin_of(tx: &mut Tx<'_>, job: &Job, request: &Pause) -> Result<Instant> {
    let last_end = rows::last_end(tx.conn, job.id)?;
    let working_since = job.started_at.max(last_end).unwrap_or(request.requested_at);
    Ok(request.begins_at(working_since, tx.now))
}

/// Approves a pause: the job is paused from the instant of the request on, and the requester is
/// notified (§7). Locks the job.
pub fn approve(tx: &mut Tx<'_>, id: PauseId) -> Result<Pause> {
    let (job, before) = lock_with_job(tx, id)?;
    before.may_be_decided_by(tx.actor()?)?;
    let since = begin_of(tx, &job, &before)?;
    let after = before.approve(tx.actor()?.id, since, tx.now)?;
    let paused = job.pause(since, tx.now)?;
    job_rows::write(tx, AuditAction::Pause, &job, &paused)?;
    rows::write(tx, AuditAction::Approve, &before, &after)?;
    tx.notify([after.requested_by_id], &notice(NotificationType::PauseApproved, &job));
    Ok(after)
}

/// Denies a pause; the requester is notified of the reason (§7). Locks the job.
pub fn deny(tx: &mut Tx<'_>, id: PauseId, denial: Denial) -> Result<Pause> {
    let (job, before) = lock_with_job(tx, id)?;
    before.may_be_decided_by(tx.actor()?)?;
    let after = before.deny(denial, tx.actor()?.id, tx.now)?;
    rows::write(tx, AuditAction::Deny, &before, &after)?;
    let denied = notice(NotificationType::PauseDenied, &job)
        .with("reason", after.deny_reason.as_deref().unwrap_or_default());
    tx.notify([after.requested_by_id], &denied);
    Ok(after)
}

/// Resumes a paused job; the length of the pause is added to its paused time (§7). Locks the job.
pub fn resume(tx: &mut Tx<'_>, id: PauseId) -> Result<Pause> {
    let (job, before) = lock_with_job(tx, id)?;
    job.may_be_resumed_by(tx.actor()?)?;
    let at = tx.happened_after([before.paused_at]);
    let after = before.end(tx.actor_id(), at)?;
    let resumed = job.resume(at)?.received(at, tx.now);
    job_rows::write(tx, AuditAction::Resume, &job, &resumed)?;
    rows::write(tx, AuditAction::Resume, &before, &after)?;
    Ok(after)
}

/// Pauses a job by order of an admin. It is paused from the instant of a pending request on, which
/// the order replaces, else from now on; the owner is notified (§7). Locks the job.
pub fn force(tx: &mut Tx<'_>, kind: JobKind, id: JobId, order: ForcedPause) -> Result<Pause> {
    let job = job_rows::lock_of_kind(tx.conn, kind, id)?;
    let since = match rows::find_with_status(tx.conn, id, PauseStatus::Pending)? {
        Some(request) => begin_of(tx, &job, &request)?,
        None => tx.now,
    };
    let paused = job.pause(since, tx.now)?;
    job_rows::write(tx, AuditAction::Pause, &job, &paused)?;
    close_pauses(tx, id, tx.now)?;
    let pause = rows::insert(tx, &order.order(id, tx.actor()?.id, since, tx.now))?;
    tx.notify([job.owner_id], &notice(NotificationType::PauseApproved, &job));
    Ok(pause)
}

/// Ends the current pause of a job, which is locked, at this time, and cancels a pending request,
/// because the job ends or changes its owner (§7).
pub(crate) fn close_pauses(tx: &mut Tx<'_>, job: JobId, at: Instant) -> Result<()> {
    if let Some(current) = rows::find_with_status(tx.conn, job, PauseStatus::Approved)? {
        let ended = current.end(tx.actor_id(), at)?;
        rows::write(tx, AuditAction::Resume, &current, &ended)?;
    }
    if let Some(pending) = rows::find_with_status(tx.conn, job, PauseStatus::Pending)? {
        rows::write(tx, AuditAction::Cancel, &pending, &pending.cancel()?)?;
    }
    Ok(())
}
