//! Timers of jobs: corrections by admins, and reminders of jobs that run for long (§7).

use std::collections::BTreeSet;

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    ids::JobId,
    jobs::{Intervention, InterventionAction, Job, JobKind, JobStatus, LONG_RUN, TimerCorrection},
    notifications::NotificationType,
    schema::{job_pauses as pauses, job_reminders as reminders, jobs},
    users::Role,
};

use crate::{
    Result, Tx,
    jobs::{rows, work::notice},
    pauses::rows as pause_rows,
    users::rows as user_rows,
};

/// Corrects the start, the completion and the pauses of a job; its hours and its rating follow, the
/// old values stay on record, and the owner is notified (§7). Locks the job.
pub fn correct_timer(tx: &mut Tx<'_>, kind: JobKind, id: JobId, correction: TimerCorrection) -> Result<Job> {
    let before = rows::lock_of_kind(tx.conn, kind, id)?;
    let by = tx.actor()?.id;
    before.may_be_corrected_by(tx.actor()?)?;
    before.has_timer()?;
    let log = pause_rows::list_begun(tx.conn, id)?;
    let timer = correction.timer(&before, &log, by, tx.now)?;
    let after = before.corrected(&timer, tx.now)?;
    let changes = timer.changes(&before, &after);
    let reason = String::from(correction.reason);
    rows::write_with(
        tx,
        AuditAction::Update,
        &before,
        &after,
        changes.clone().with("reason", reason.as_str()),
    )?;
    for change in &timer.pauses {
        match &change.before {
            Some(recorded) if *recorded == change.after => {}
            Some(recorded) => pause_rows::write(tx, AuditAction::Update, recorded, &change.after)?,
            None => drop(pause_rows::insert(tx, &change.after)?),
        }
    }
    let corrected = notice(NotificationType::JobTimerCorrected, &after)
        .with("person", tx.actor_name()?)
        .with("reason", reason.as_str());
    tx.notify([after.owner_id], &corrected);
    let intervention = Intervention::new(&before, InterventionAction::CorrectTimer, by, Some(reason), tx.now);
    rows::insert_intervention(tx, &Intervention { changes, ..intervention })?;
    Ok(after)
}

/// Reminds the owners and the planners of jobs that have been running for more than 12 hours
/// without a pause, once a day (§7, §16). Locks up to `limit` jobs; returns their number.
pub(crate) fn remind_of_long_runs(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let (today, since) = (tx.today(), tx.now.plus_seconds(-LONG_RUN));
    let resumed = pauses::table.filter(pauses::resumed_at.ge(since)).select(pauses::job_id);
    let reminded = reminders::table.filter(reminders::reminded_on.ge(today)).select(reminders::job_id);
    let long = jobs::table
        .filter(jobs::status.eq(JobStatus::InProgress))
        .filter(jobs::started_at.lt(since))
        .filter(jobs::id.ne_all(resumed))
        .filter(jobs::id.ne_all(reminded))
        .order(jobs::id)
        .limit(limit);
    let long: Vec<Job> = lock_rows!(&mut *tx.conn, long.select(Job::as_select()), load)?;
    if long.is_empty() {
        return Ok(0);
    }
    let ids: Vec<JobId> = long.iter().map(|job| job.id).collect();
    rows::write_reminders(tx.conn, &ids, today)?;
    let planners = user_rows::active_with(tx.conn, &[Role::Admin, Role::Engineer])?;
    for job in &long {
        let started = tx.calendar().date(job.started_at.unwrap_or(since));
        let running = notice(NotificationType::JobRunningLong, job).with("date", &started);
        let recipients: BTreeSet<_> = planners.iter().copied().chain([job.owner_id]).collect();
        tx.notify(recipients, &running);
    }
    Ok(long.len())
}
