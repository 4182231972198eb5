//! The end of a job: done, or left undone (rule book §7, §8).

use inspection_domain::{
    audit::AuditAction,
    defects::Resolution,
    ids::JobId,
    jobs::{Completion, IncompleteReason, Job, JobKind},
    notifications::NotificationType,
    text::Text,
};

use super::{Work, actor_name, admins, notice, write};
use crate::{Result, Tx, defects, pauses, quality_reviews, takeovers};

/// Done: the defect of a repair is resolved, its machine runs again if nobody else works on it, a quality engineer gets the
/// review, and whoever had taken the job over gets the bonus: all in one (§7, §8).
pub fn complete(tx: &mut Tx<'_>, kind: JobKind, id: JobId, done: Completion) -> Result<Job> {
    let work = Work::own(tx, kind, id)?;
    let notes = String::from(done.work_notes.clone());
    let after = work.job.complete(done, tx.now)?;
    write(tx, AuditAction::Complete, &work.job, &after)?;
    pauses::close_pauses(tx, id)?;
    takeovers::deny_waiting(tx, Some(id), None, &after.job_id.as_str().into())?;
    if let (Some(defect), Some(machine)) = (&work.defect, &work.machine)
        && defect.status.is_unresolved()
    {
        let resolution_notes = <Text<2000>>::new(&notes)?;
        defects::resolve_locked(tx, defect, machine, Resolution { resolution_notes })?;
    }
    work.leave_machine(tx)?;
    let completed = notice(NotificationType::JobCompleted, &after).with("person", actor_name(tx)?.as_str());
    let told = admins(tx)?;
    tx.notify(told, &completed);
    // Both lock people, so they choose whom together.
    let taken_over = takeovers::of_owner(tx, &after)?;
    let others: Vec<_> = taken_over.iter().map(|takeover| takeover.requested_by_id).collect();
    let reviewed = quality_reviews::request(tx, &after, &others)?;
    if let Some(takeover) = taken_over {
        takeovers::finish(tx, &takeover, &after.job_id)?;
    }
    Ok(reviewed)
}

/// Left undone, for a reason; the admins are told (§7).
pub fn leave_incomplete(tx: &mut Tx<'_>, kind: JobKind, id: JobId, left: IncompleteReason) -> Result<Job> {
    let before = super::own(tx, kind, id)?;
    let reason = String::from(left.reason);
    let after = before.leave_incomplete(reason.clone(), tx.now)?;
    write(tx, AuditAction::LeaveIncomplete, &before, &after)?;
    pauses::close_pauses(tx, id)?;
    takeovers::deny_waiting(tx, Some(id), None, &after.job_id.as_str().into())?;
    let told = admins(tx)?;
    let incomplete = notice(NotificationType::JobIncomplete, &after)
        .with("person", actor_name(tx)?.as_str())
        .with("reason", reason.as_str());
    tx.notify(told, &incomplete);
    Ok(after)
}
