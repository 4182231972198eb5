//! A job together with the objects that its work changes: the defect and the machine of a repair
//! (§7).

use std::collections::BTreeSet;

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    defects::Defect,
    equipment::Equipment,
    ids::{JobId, UserId},
    jobs::{Job, JobKind, JobStatus},
    notifications::{Notice, NotificationType},
    schema::jobs,
    sync::clock::belongs_to_present_work,
    time::Instant,
};

use crate::{
    Error, Result, Tx,
    defects::rows as defect_rows,
    equipment::{self, rows as equipment_rows},
    jobs::rows,
    takeovers::rows as takeover_rows,
};

/// A job with the defect and the machine its work changes, all locked, in lock order: machine,
/// defect, job. Only repairs have a defect and a machine.
pub(crate) struct JobWork {
    pub(crate) machine: Option<Equipment>,
    pub(crate) defect: Option<Defect>,
    pub(crate) job: Job,
}

impl JobWork {
    /// Locks a job of either kind.
    pub(crate) fn lock(tx: &mut Tx<'_>, id: JobId) -> Result<Self> {
        let seen = rows::get(tx.conn, id)?;
        let is_repair = seen.kind == JobKind::Specialist;
        let machine = match seen.equipment_id.filter(|_| is_repair) {
            Some(id) => Some(equipment_rows::lock(tx.conn, id)?),
            None => None,
        };
        let defect = match seen.defect_id.filter(|_| is_repair) {
            Some(id) => Some(defect_rows::lock(tx.conn, id)?),
            None => None,
        };
        Ok(Self { machine, defect, job: rows::lock(tx.conn, id)? })
    }

    /// Locks a job of this kind.
    pub(crate) fn lock_of_kind(tx: &mut Tx<'_>, kind: JobKind, id: JobId) -> Result<Self> {
        let work = Self::lock(tx, id)?;
        if work.job.kind == kind { Ok(work) } else { Err(Error::not_found::<Job>()) }
    }

    /// Returns the machine to service, unless another repair of it is planned or under way (§7).
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
        if is_busy { Ok(()) } else { equipment::change_status(tx, machine, machine.status.after_repair()) }
    }

    /// Cancels a live repair because the defect is a false alarm; its owner and its creator are
    /// notified, except the actor (§6).
    pub(crate) fn cancel(&self, tx: &mut Tx<'_>, reason: &str) -> Result<Job> {
        let after = self.job.cancel(reason.to_owned(), tx.now)?;
        rows::write(tx, AuditAction::Cancel, &self.job, &after)?;
        self.leave_machine(tx)?;
        let cancelled = notice(NotificationType::JobCancelled, &after).with("reason", reason);
        let concerned: BTreeSet<UserId> =
            [Some(after.owner_id), after.created_by_id].into_iter().flatten().collect();
        let actor = tx.actor_id();
        tx.notify(concerned.into_iter().filter(|person| Some(*person) != actor), &cancelled);
        Ok(after)
    }
}

/// A notice about a job, with its number.
pub(crate) fn notice(kind: NotificationType, job: &Job) -> Notice {
    Notice::new(kind).with("job", job.job_id.as_str()).about(job)
}

/// Time at which a job came to its owner from another one, which what happened offline follows. A
/// command that was refused before then belongs to earlier work, and is refused again (§15).
pub(super) fn came_to_owner_at(tx: &mut Tx<'_>, job: &Job) -> Result<Option<Instant>> {
    if tx.happened_at().is_none() && tx.received_before().is_none() {
        return Ok(None);
    }
    let reassigned_at = rows::reassigned_at(tx.conn, job.id)?;
    let taken_over = takeover_rows::find_approved_of(tx.conn, job.id, job.owner_id)?;
    let since = reassigned_at.max(taken_over.and_then(|takeover| takeover.decided_at));
    if let Some(received_at) = tx.received_before() {
        belongs_to_present_work(received_at, since)?;
    }
    Ok(since)
}
