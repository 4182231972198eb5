//! Assigning: repairs to specialists, jobs to engineers (§6, §7).

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    defects::DefectStatus,
    equipment::Equipment,
    ids::{DefectId, JobId, UserId},
    jobs::{
        AssignSpecialist, EngineerReassignment, InterventionAction, Job, JobKind, JobRule, NewEngineerJob,
        Numbers, Reassignment, may_own,
    },
    notifications::NotificationType,
    schema::job_counters as counters,
    text::Text,
    users::User,
};

use crate::{
    Error, Result, Tx,
    defects::rows as defect_rows,
    equipment::rows as equipment_rows,
    inspections::rows as inspection_rows,
    jobs::{
        acting, rows,
        work::{JobWork, notice},
    },
    pauses, takeovers,
    users::rows as user_rows,
};

/// Assigns a defect to a specialist, who is notified; the defect is in progress from then on (§6).
/// Locks the machine, the defect, the specialist and the counters of job numbers.
pub fn assign_specialist(tx: &mut Tx<'_>, id: DefectId, assignment: AssignSpecialist) -> Result<Job> {
    assignment.validate()?;
    let seen = defect_rows::get(tx.conn, id)?;
    let machine = equipment_rows::lock(tx.conn, seen.equipment_id)?;
    let before = defect_rows::lock(tx.conn, id)?;
    let after = before.assign(tx.now)?;
    let specialist = lock_owner(tx, assignment.specialist_id, JobKind::Specialist, "specialist_id")?;
    defect_rows::write(tx, AuditAction::Assign, &before, &after)?;
    let numbers = next_numbers(tx, JobKind::Specialist, &specialist)?;
    let job =
        rows::insert(tx, &Job::repair(&after, assignment, &specialist, numbers, tx.actor_id(), tx.now))?;
    notify_assigned(tx, &job, &machine);
    Ok(job)
}

/// Creates an engineer job: an admin for any engineer, an engineer for their own account (§7).
/// Locks the engineer and the counters of job numbers.
pub fn create_for_engineer(tx: &mut Tx<'_>, new: NewEngineerJob) -> Result<Job> {
    new.validate()?;
    let actor = tx.actor()?.clone();
    let owner = new.owner(&actor)?;
    if let Some(id) = new.equipment_id {
        equipment_rows::get(tx.conn, id)?;
    }
    if let Some(id) = new.related_inspection_id {
        inspection_rows::get(tx.conn, id)?;
    }
    if let Some(id) = new.related_defect_id {
        defect_rows::get(tx.conn, id)?;
    }
    let engineer = lock_owner(tx, owner, JobKind::Engineer, "engineer_id")?;
    let numbers = next_numbers(tx, JobKind::Engineer, &engineer)?;
    let job = rows::insert(tx, &Job::of_engineer(new, &engineer, numbers, Some(actor.id), tx.now))?;
    notify_created(tx, &job);
    Ok(job)
}

/// Reassigns an unfinished repair to another specialist, or to the same again (§7). Locks the
/// machine, the defect, the job and the specialist.
pub fn reassign(tx: &mut Tx<'_>, id: JobId, reassignment: Reassignment) -> Result<Job> {
    let work = JobWork::lock_of_kind(tx, JobKind::Specialist, id)?;
    let (Some(machine), Some(defect)) = (&work.machine, &work.defect) else {
        return Err(Error::not_found::<Job>());
    };
    let after = work.job.reassigned_to(reassignment.specialist_id, tx.now)?;
    if rows::find_live_repair(tx.conn, defect.id)?.is_some_and(|live| live.id != id) {
        return Err(JobRule::AlreadyAssigned.into());
    }
    if defect.status != DefectStatus::InProgress {
        let assigned = defect.assign(tx.now)?;
        defect_rows::write(tx, AuditAction::Assign, defect, &assigned)?;
    }
    transfer(tx, &work.job, &after, "specialist_id", reassignment.reason)?;
    notify_assigned(tx, &after, machine);
    Ok(after)
}

/// Reassigns an unfinished engineer job to another engineer, or to the same again (§7). Locks the
/// job and the engineer.
pub fn reassign_engineer_job(tx: &mut Tx<'_>, id: JobId, reassignment: EngineerReassignment) -> Result<Job> {
    let before = rows::lock_of_kind(tx.conn, JobKind::Engineer, id)?;
    let after = before.reassigned_to(reassignment.engineer_id, tx.now)?;
    transfer(tx, &before, &after, "engineer_id", reassignment.reason)?;
    notify_created(tx, &after);
    Ok(after)
}

/// Transfers a job, which is locked, to its new owner, whom `field` names in errors. Its pause
/// ends, takeovers are denied, and the previous owner is notified (§7).
fn transfer(
    tx: &mut Tx<'_>,
    before: &Job,
    after: &Job,
    field: &str,
    reason: Option<Text<2000>>,
) -> Result<()> {
    let id = before.id;
    pauses::close_pauses(tx, id, tx.now)?;
    takeovers::deny_waiting(tx, Some(id), None, &after.job_id.as_str().into())?;
    takeovers::expire(tx, Some(id), None)?;
    let owner = lock_owner(tx, after.owner_id, after.kind, field)?;
    let reason = reason.map(String::from);
    let changes = Changes::between(Some(before), Some(after));
    let changes = match &reason {
        Some(reason) => changes.with("reason", reason.as_str()),
        None => changes,
    };
    rows::write_with(tx, AuditAction::Reassign, before, after, changes)?;
    acting::record(tx, InterventionAction::Reassign, before, reason)?;
    if before.owner_id != after.owner_id {
        let reassigned =
            notice(NotificationType::JobReassigned, after).with("person", owner.full_name.as_str());
        tx.notify([before.owner_id], &reassigned);
    }
    Ok(())
}

fn notify_created(tx: &mut Tx<'_>, job: &Job) {
    let created = notice(NotificationType::EngineerJobCreated, job)
        .with("title", job.title.as_deref().unwrap_or_default());
    tx.notify([job.owner_id], &created);
}

fn notify_assigned(tx: &mut Tx<'_>, job: &Job, machine: &Equipment) {
    let assigned = notice(NotificationType::JobAssigned, job)
        .with("equipment", (machine.name.as_str(), machine.name_ar.as_deref()));
    tx.notify([job.owner_id], &assigned);
}

/// The future owner of a job of this kind, locked so that they can't be deactivated or sent on
/// leave meanwhile. `field` names them in errors.
fn lock_owner(tx: &mut Tx<'_>, id: UserId, kind: JobKind, field: &str) -> Result<User> {
    let found = user_rows::lock_all(tx.conn, &[id])?.pop();
    may_own(found.as_ref(), kind, field)?;
    found.ok_or_else(Error::not_found::<User>)
}

/// The next number of a counter. Concurrent users of one counter wait for each other.
fn next_number(tx: &mut Tx<'_>, counter: &str) -> Result<i64> {
    Ok(with_conn!(&mut *tx.conn, |c| diesel::insert_into(counters::table)
        .values((counters::name.eq(counter), counters::last_number.eq(1)))
        .on_conflict(counters::name)
        .do_update()
        .set(counters::last_number.eq(counters::last_number + 1))
        .returning(counters::last_number)
        .get_result(c))?)
}

/// Numbers for a new job. The counters are contended, so they are locked last.
fn next_numbers(tx: &mut Tx<'_>, kind: JobKind, owner: &User) -> Result<Numbers> {
    let of_owner = next_number(tx, owner.badge_of(kind.role()))?;
    Ok(Numbers { of_owner, universal: next_number(tx, kind.names().0)? })
}
