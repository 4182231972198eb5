//! The end of a job: complete or left incomplete (§7, §8).

use inspection_domain::{
    audit::AuditAction,
    defects::Resolution,
    ids::JobId,
    jobs::{Completion, IncompleteReason, Job, JobKind},
    notifications::NotificationType,
    text::Text,
};

use crate::{
    Result, Tx, defects,
    jobs::{
        rows,
        work::{JobWork, notice},
    },
    pauses, quality_reviews, takeovers,
    users::rows as user_rows,
};

/// Completes a job, all or nothing: the defect of a repair is resolved, its machine returns to
/// service unless another repair needs it, a quality engineer gets the review, and a takeover ends
/// with its bonus (§7, §8). Locks the machine, the defect, the job, and last the accounts.
pub fn complete(tx: &mut Tx<'_>, kind: JobKind, id: JobId, completion: Completion) -> Result<Job> {
    let work = JobWork::lock_for_actor(tx, kind, id)?;
    let notes = String::from(completion.work_notes.clone());
    let after = work.job.complete(completion, tx.now)?;
    rows::write(tx, AuditAction::Complete, &work.job, &after)?;
    pauses::close_pauses(tx, id)?;
    takeovers::deny_waiting(tx, Some(id), None, &after.job_id.as_str().into())?;
    if let (Some(defect), Some(machine)) = (&work.defect, &work.machine)
        && defect.status.is_unresolved()
    {
        let resolution_notes = <Text<2000>>::new(&notes)?;
        defects::resolve_locked(tx, defect, machine, Resolution { resolution_notes })?;
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
    let before = rows::lock_for_actor(tx, kind, id)?;
    let reason = String::from(reason.reason);
    let after = before.leave_incomplete(reason.clone(), tx.now)?;
    rows::write(tx, AuditAction::LeaveIncomplete, &before, &after)?;
    pauses::close_pauses(tx, id)?;
    takeovers::deny_waiting(tx, Some(id), None, &after.job_id.as_str().into())?;
    let admins = user_rows::active_admins(tx.conn)?;
    let incomplete = notice(NotificationType::JobIncomplete, &after)
        .with("person", tx.actor_name()?)
        .with("reason", reason.as_str());
    tx.notify(admins, &incomplete);
    Ok(after)
}
