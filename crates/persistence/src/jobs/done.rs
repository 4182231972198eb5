//! The end of a job: complete, left incomplete or cancelled (§7, §8).

use std::collections::BTreeSet;

use inspection_domain::{
    audit::AuditAction,
    defects::Resolution,
    ids::{JobId, UserId},
    jobs::{Cancellation, Completion, IncompleteReason, InterventionAction, Job, JobKind},
    notifications::NotificationType,
    text::Text,
};

use crate::{
    Result, Tx,
    defects::{self, rows as defect_rows},
    jobs::{
        acting, rows,
        work::{JobWork, came_to_owner_at, notice},
    },
    pauses, quality_reviews, takeovers,
    users::rows as user_rows,
};

/// Completes a job, all or nothing: the defect of a repair is resolved, its machine returns to
/// service unless another repair needs it, a quality engineer gets the review, and a takeover ends
/// with its bonus (§7, §8). Locks the machine, the defect, the job, and last the accounts.
pub fn complete(tx: &mut Tx<'_>, kind: JobKind, id: JobId, completion: Completion) -> Result<Job> {
    let work = JobWork::lock_of_kind(tx, kind, id)?;
    let reason = acting::authorize(tx, &work.job, completion.on_behalf_reason.clone())?;
    let notes = String::from(completion.work_notes.clone());
    came_to_owner_at(tx, &work.job)?;
    let last_end = pauses::last_end_if_offline(tx, id)?;
    let at = tx.happened_after([work.job.started_at, last_end]);
    let after = work.job.complete(completion, at)?.received(at, tx.now);
    acting::write(tx, (AuditAction::Complete, InterventionAction::Complete), &work.job, &after, reason)?;
    pauses::close_pauses(tx, id, at)?;
    takeovers::deny_waiting(tx, Some(id), None, &after.job_id.as_str().into())?;
    if let (Some(defect), Some(machine)) = (&work.defect, &work.machine)
        && defect.status.is_unresolved()
    {
        let resolution_notes = <Text<2000>>::new(&notes)?;
        defects::resolve_locked(tx, defect, machine, Resolution { resolution_notes }, at)?;
    }
    work.leave_machine(tx)?;
    let completed = notice(NotificationType::JobCompleted, &after).with("person", tx.actor_name()?);
    let admins = user_rows::active_admins(tx.conn)?;
    tx.notify(admins, &completed);
    // The review and the bonus both lock accounts, so all of them are locked together, in order.
    let takeover = takeovers::find_of_owner(tx, &after)?;
    let takers: Vec<_> = takeover.iter().map(|takeover| takeover.requested_by_id).collect();
    let reviewed = quality_reviews::request(tx, &after, &takers)?;
    if let Some(takeover) = takeover {
        takeovers::finish(tx, &takeover, &after.job_id)?;
    }
    Ok(reviewed)
}

/// Leaves a job incomplete, for a reason; the admins are notified (§7). Locks the job.
pub fn leave_incomplete(tx: &mut Tx<'_>, kind: JobKind, id: JobId, reason: IncompleteReason) -> Result<Job> {
    let before = rows::lock_of_kind(tx.conn, kind, id)?;
    let on_behalf = acting::authorize(tx, &before, reason.on_behalf_reason)?;
    let reason = String::from(reason.reason);
    came_to_owner_at(tx, &before)?;
    let last_end = pauses::last_end_if_offline(tx, id)?;
    let at = tx.happened_after([before.started_at, before.paused_at, last_end]);
    let after = before.leave_incomplete(reason.clone(), at)?.received(at, tx.now);
    let command = (AuditAction::LeaveIncomplete, InterventionAction::LeaveIncomplete);
    acting::write(tx, command, &before, &after, on_behalf)?;
    pauses::close_pauses(tx, id, at)?;
    takeovers::deny_waiting(tx, Some(id), None, &after.job_id.as_str().into())?;
    let admins = user_rows::active_admins(tx.conn)?;
    let incomplete = notice(NotificationType::JobIncomplete, &after)
        .with("person", tx.actor_name()?)
        .with("reason", reason.as_str());
    tx.notify(admins, &incomplete);
    Ok(after)
}

/// Cancels a job that is not completed: its pause ends, takeovers are denied, its defect is open
/// again and its machine released. The owner and the creator are notified (§7). Locks the machine,
/// the defect and the job.
pub fn cancel(tx: &mut Tx<'_>, kind: JobKind, id: JobId, cancellation: Cancellation) -> Result<Job> {
    let work = JobWork::lock_of_kind(tx, kind, id)?;
    let reason = String::from(cancellation.reason);
    let after = work.job.cancel(reason.clone(), tx.now)?;
    rows::write(tx, AuditAction::Cancel, &work.job, &after)?;
    acting::record(tx, InterventionAction::Cancel, &work.job, Some(reason.clone()))?;
    pauses::close_pauses(tx, id, tx.now)?;
    takeovers::deny_waiting(tx, Some(id), None, &after.job_id.as_str().into())?;
    takeovers::expire(tx, Some(id), None)?;
    // A defect that another repair is assigned to, or that is resolved, stays as it is.
    if let Some(defect) = &work.defect
        && rows::find_live_repair(tx.conn, defect.id)?.is_none()
        && let Ok(open) = defect.unassign(tx.now)
    {
        defect_rows::write(tx, AuditAction::Reopen, defect, &open)?;
    }
    work.leave_machine(tx)?;
    let actor = tx.actor_id();
    let concerned: BTreeSet<UserId> = after.created_by_id.into_iter().chain([after.owner_id]).collect();
    let cancelled = notice(NotificationType::JobCancelled, &after).with("reason", reason.as_str());
    tx.notify(concerned.into_iter().filter(|person| Some(*person) != actor), &cancelled);
    Ok(after)
}
