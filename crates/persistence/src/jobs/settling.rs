//! The end of a defect, with its live repair and its machine: resolved, or a false alarm (§6).

use inspection_domain::{
    audit::{AuditAction, Changes},
    defects::{Defect, FalseAlarm, Resolution},
    equipment::Equipment,
    ids::DefectId,
    jobs::{InterventionAction, JobStatus},
    notifications::NotificationType,
};

use crate::{
    Result, Tx,
    defects::{self, rows as defect_rows},
    equipment::rows as equipment_rows,
    jobs::{
        acting, rows,
        work::{JobWork, notice},
    },
    pauses, quality_reviews, takeovers,
};

/// A defect with its machine and its latest repair, all locked.
struct Settling {
    machine: Equipment,
    defect: Defect,
    /// The live repair, or else the latest one.
    repair: Option<JobWork>,
}

impl Settling {
    fn lock(tx: &mut Tx<'_>, id: DefectId) -> Result<Self> {
        let seen = defect_rows::get(tx.conn, id)?;
        let machine = equipment_rows::lock(tx.conn, seen.equipment_id)?;
        let defect = defect_rows::lock(tx.conn, id)?;
        // A repair begins and changes its owner under the locks of its machine and its defect.
        let repair = match rows::find_repair(tx.conn, id)? {
            Some(job) => Some(JobWork {
                machine: Some(machine.clone()),
                defect: Some(defect.clone()),
                job: rows::lock(tx.conn, job.id)?,
            }),
            None => None,
        };
        Ok(Self { machine, defect, repair })
    }

    fn live_repair(&self) -> Option<&JobWork> {
        self.repair.as_ref().filter(|work| JobStatus::LIVE.contains(&work.job.status))
    }

    /// Returns the machine to service, unless another repair needs it, if a repair of the defect
    /// may have taken it out (§7).
    fn leave_machine(&self, tx: &mut Tx<'_>) -> Result<()> {
        match &self.repair {
            Some(work) => work.leave_machine(tx),
            None => Ok(()),
        }
    }
}

/// Marks a defect as repaired, all or nothing: its live repair is completed with the notes of the
/// resolution, its machine returns to service unless another repair needs it, and the admins are
/// notified (§6). Locks the machine, the defect, its repair, and last the accounts.
pub fn resolve_defect(tx: &mut Tx<'_>, id: DefectId, resolution: Resolution) -> Result<Defect> {
    let settling = Settling::lock(tx, id)?;
    let live = settling.live_repair();
    settling.defect.may_be_resolved_by(tx.actor()?, live.map(|work| work.job.owner_id))?;
    let notes = String::from(resolution.resolution_notes.clone());
    let after = defects::resolve_locked(tx, &settling.defect, &settling.machine, resolution, tx.now)?;
    settling.leave_machine(tx)?;
    if let Some(work) = live {
        complete(tx, work, &notes)?;
    }
    Ok(after)
}

/// Completes a live repair, whose defect is resolved. Its owner is notified unless the owner acts.
/// Work that was started, or that its owner reports as done, is reviewed (§6, §8).
fn complete(tx: &mut Tx<'_>, work: &JobWork, notes: &str) -> Result<()> {
    let actor = tx.actor()?.clone();
    let after = work.job.complete_with_defect(notes, tx.now)?;
    rows::write(tx, AuditAction::Complete, &work.job, &after)?;
    pauses::close_pauses(tx, after.id, tx.now)?;
    takeovers::deny_waiting(tx, Some(after.id), None, &after.job_id.as_str().into())?;
    if after.owner_id != actor.id {
        acting::record(tx, InterventionAction::Complete, &work.job, Some(notes.to_owned()))?;
        let completed =
            notice(NotificationType::JobCompleted, &after).with("person", actor.full_name.as_str());
        tx.notify([after.owner_id], &completed);
    }
    if after.started_at.is_none() {
        // A taker that hasn't begun gets no bonus.
        takeovers::expire(tx, Some(after.id), None)?;
    }
    let takeover = takeovers::find_of_owner(tx, &after)?;
    if after.is_reviewed_if_settled_by(actor.id) {
        let takers: Vec<_> = takeover.iter().map(|takeover| takeover.requested_by_id).collect();
        quality_reviews::request(tx, &after, &takers)?;
    }
    if let Some(takeover) = takeover {
        takeovers::finish(tx, &takeover, &after.job_id)?;
    }
    Ok(())
}

/// Dismisses a defect as a false alarm: its live repair is cancelled, its machine returns to
/// service unless another repair needs it, and the user that found it is notified unless that user
/// acts (§6). Locks the machine, the defect and its repair.
pub fn dismiss_defect(tx: &mut Tx<'_>, id: DefectId, alarm: FalseAlarm) -> Result<Defect> {
    let settling = Settling::lock(tx, id)?;
    let before = &settling.defect;
    let after = before.dismiss(tx.now)?;
    let reason = String::from(alarm.reason);
    let changes = Changes::between(Some(before), Some(&after)).with("reason", reason.as_str());
    defect_rows::write_with(tx, AuditAction::Dismiss, before, &after, changes)?;
    match settling.live_repair() {
        Some(work) => {
            let job = work.cancel(tx, &reason)?;
            acting::record(tx, InterventionAction::Cancel, &work.job, Some(reason.clone()))?;
            pauses::close_pauses(tx, job.id, tx.now)?;
            takeovers::deny_waiting(tx, Some(job.id), None, &job.job_id.as_str().into())?;
            takeovers::expire(tx, Some(job.id), None)?;
        }
        None => settling.leave_machine(tx)?,
    }
    let actor = tx.actor()?;
    if after.reported_by_id != actor.id {
        let dismissed = defects::notice(NotificationType::DefectDismissed, &after, &settling.machine)
            .with("person", actor.full_name.as_str())
            .with("reason", reason.as_str());
        tx.notify([after.reported_by_id], &dismissed);
    }
    Ok(after)
}
