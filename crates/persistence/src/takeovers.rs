//! Takeovers of stalled jobs and of inspections of the backlog: lists and units of work (§7).

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    assignments::Assignment,
    audit::AuditAction,
    equipment::Equipment,
    ids::{AssignmentId, JobId, TakeoverId, UserId},
    inspections::Inspection,
    jobs::{Job, JobKind, may_own},
    notifications::{Notice, NotificationType, Param},
    page::{Page, PageRequest},
    points::{PointKind, another_decides},
    schema::takeovers,
    takeovers::{
        BONUS, NewInspectionTakeover, NewTakeover, QueueOf, Takeover, TakeoverCommand, TakeoverFilter,
        TakeoverKind, TakeoverStatus, next_position,
    },
    users::User,
};

pub(crate) use rows::expire;

use crate::{
    DbConnection, Error, Result, Tx,
    assignments::rows as assignment_rows,
    daily_lists::{self, rows as list_rows},
    db::error::ConcurrentUpdate,
    equipment::rows as equipment_rows,
    inspections::rows as inspection_rows,
    jobs::rows as job_rows,
    pauses,
    points::{self, Award},
    users::rows as user_rows,
};

/// A page of requests, the latest first: the actor's own, or all for admins.
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    filter: &TakeoverFilter,
    page: PageRequest,
) -> Result<Page<Takeover>> {
    let owner = (!actor.is_admin()).then_some(actor.id);
    paged!(
        conn,
        page,
        Takeover,
        || {
            let mut query = takeovers::table.into_boxed::<Backend>();
            filter_by!(query, { takeovers::requested_by_id => owner });
            filter_any!(query, {
                takeovers::status => filter.status,
                takeovers::kind => filter.job_type,
            });
            if let Some(id) = filter.job_id {
                query = match filter.job_type.values() {
                    [TakeoverKind::Inspection] => query.filter(takeovers::assignment_id.eq(id)),
                    kinds if kinds.contains(&TakeoverKind::Inspection) => {
                        query.filter(takeovers::assignment_id.eq(id).or(takeovers::job_id.eq(id)))
                    }
                    _ => query.filter(takeovers::job_id.eq(id)),
                };
            }
            query
        },
        takeovers by desc [id]
    )
}

/// A page of the queue for a job or an assignment, in its order.
pub fn queue(conn: &mut DbConnection, of: &QueueOf, page: PageRequest) -> Result<Page<Takeover>> {
    paged!(
        conn,
        page,
        Takeover,
        || {
            let query = takeovers::table
                .filter(takeovers::kind.eq(of.job_type))
                .filter(takeovers::status.eq(TakeoverStatus::Pending))
                .into_boxed::<Backend>();
            match of.job_type {
                TakeoverKind::Inspection => query.filter(takeovers::assignment_id.eq(of.job_id)),
                _ => query.filter(takeovers::job_id.eq(of.job_id)),
            }
        },
        takeovers by asc [(place = |takeover: &Takeover| takeover.position)]
    )
}

/// A notice about a takeover; `subject` is the job or inspection.
fn notice(kind: NotificationType, takeover: &Takeover, subject: Param) -> Notice {
    Notice::new(kind).with("job", subject).about(takeover)
}

/// An inspection, as notifications call it.
fn inspection_of(machine: &Equipment) -> Param {
    Param::inspection_of((machine.name.as_str(), machine.name_ar.as_deref()))
}

/// Inserts a request; the admins are notified.
fn insert(tx: &mut Tx<'_>, new: &Takeover, subject: Param) -> Result<Takeover> {
    let takeover = rows::insert(tx, new)?;
    let admins = user_rows::active_admins(tx.conn)?;
    let requested =
        notice(NotificationType::TakeoverRequested, &takeover, subject).with("person", tx.actor_name()?);
    tx.notify(admins, &requested);
    Ok(takeover)
}

/// Queues the actor for a stalled job (§7). Locks the job, so that places in the queue are unique.
pub fn request_job(tx: &mut Tx<'_>, kind: JobKind, id: JobId, new: NewTakeover) -> Result<Takeover> {
    let job = job_rows::lock_of_kind(tx.conn, kind, id)?;
    let actor = tx.actor()?.clone();
    job.may_be_taken_over_by(&actor, tx.now)?;
    let position = next_position(&rows::pending(tx.conn, Some(id), None)?, actor.id)?;
    let takeover = Takeover::of_job(&job, new, actor.id, position, tx.now);
    insert(tx, &takeover, job.job_id.as_str().into())
}

/// Queues the actor, with a partner, for an inspection of the backlog (§7). Locks the assignment.
pub fn request_assignment(tx: &mut Tx<'_>, id: AssignmentId, new: NewInspectionTakeover) -> Result<Takeover> {
    let assignment = assignment_rows::lock(tx.conn, id)?;
    let actor = tx.actor()?.clone();
    let partner = user_rows::find(tx.conn, new.partner_id)?;
    assignment.may_be_taken_over_by(&actor, partner.as_ref(), tx.now)?;
    let position = next_position(&rows::pending(tx.conn, None, Some(id))?, actor.id)?;
    let takeover = Takeover::of_assignment(&assignment, new, actor.id, position, tx.now);
    let machine = equipment_rows::get(tx.conn, assignment.equipment_id)?;
    insert(tx, &takeover, inspection_of(&machine))
}

/// Approves a request: the taker gets the job, or the inspection with their partner; all other
/// requests are denied, and everyone concerned is notified (§7). Locks the drafts of an inspection,
/// the assignment and its list, or the job; and last the takers.
pub fn approve(tx: &mut Tx<'_>, id: TakeoverId) -> Result<Takeover> {
    let seen = rows::get(tx.conn, id)?;
    another_decides(tx.actor()?.id, &seen.takers())?;
    match (seen.job_id, seen.assignment_id) {
        (Some(job), _) => approve_job(tx, id, job),
        (None, Some(assignment)) => approve_assignment(tx, id, assignment),
        (None, None) => Err(Error::not_found::<Takeover>()),
    }
}

/// Approves one request for an object, which is locked, and denies the others.
fn decide(tx: &mut Tx<'_>, before: &Takeover, subject: &Param) -> Result<Takeover> {
    let by = tx.actor_id();
    expire(tx, before.job_id, before.assignment_id)?;
    let after = before.decide(TakeoverCommand::Approve, by, tx.now)?;
    rows::write(tx, AuditAction::Approve, before, &after)?;
    deny_waiting(tx, before.job_id, before.assignment_id, subject)?;
    Ok(after)
}

/// Denies all pending requests for an object, which is locked, because it is taken or finished;
/// their requesters are notified (§7).
pub(crate) fn deny_waiting(
    tx: &mut Tx<'_>,
    job: Option<JobId>,
    assignment: Option<AssignmentId>,
    subject: &Param,
) -> Result<()> {
    for pending in rows::pending(tx.conn, job, assignment)? {
        let denied = pending.decide(TakeoverCommand::Deny, tx.actor_id(), tx.now)?;
        rows::write(tx, AuditAction::Deny, &pending, &denied)?;
        let denial = notice(NotificationType::TakeoverDenied, &pending, subject.clone());
        tx.notify([pending.requested_by_id], &denial);
    }
    Ok(())
}

fn approve_job(tx: &mut Tx<'_>, id: TakeoverId, job: JobId) -> Result<Takeover> {
    let job = job_rows::lock(tx.conn, job)?;
    let before = rows::get(tx.conn, id)?;
    let subject: Param = job.job_id.as_str().into();
    let after = decide(tx, &before, &subject)?;
    let after_job = job.taken_over_by(before.requested_by_id, tx.now)?;
    // Locked, so that the taker can't be deactivated or sent on leave meanwhile.
    let taker = user_rows::lock_all(tx.conn, &[before.requested_by_id])?.pop();
    may_own(taker.as_ref(), job.kind, "requested_by")?;
    let taker = taker.ok_or_else(Error::not_found::<User>)?;
    job.may_be_taken_over_by(&taker, tx.now)?;
    job_rows::write(tx, AuditAction::Reassign, &job, &after_job)?;
    pauses::close_pauses(tx, job.id, tx.now)?;
    let approved =
        notice(NotificationType::TakeoverApproved, &after, subject).with("person", taker.full_name.as_str());
    tx.notify([after.requested_by_id, job.owner_id], &approved);
    Ok(after)
}

fn approve_assignment(tx: &mut Tx<'_>, id: TakeoverId, assignment: AssignmentId) -> Result<Takeover> {
    // Inspections are locked before their assignment.
    let ids = inspection_rows::drafts_of_assignment(tx.conn, assignment)?;
    let mut drafts = Vec::with_capacity(ids.len());
    for draft in &ids {
        drafts.push(inspection_rows::lock(tx.conn, *draft)?);
    }
    let assignment = assignment_rows::lock(tx.conn, assignment)?;
    if inspection_rows::drafts_of_assignment(tx.conn, assignment.id)? != ids {
        return Err(ConcurrentUpdate.into());
    }
    let list = list_rows::lock(tx.conn, assignment.list_id)?;
    let before = rows::get(tx.conn, id)?;
    let machine = equipment_rows::get(tx.conn, assignment.equipment_id)?;
    let subject = inspection_of(&machine);
    let after = decide(tx, &before, &subject)?;
    let takers: Vec<UserId> =
        [Some(before.requested_by_id), before.partner_id].into_iter().flatten().collect();
    let pair = user_rows::lock_all(tx.conn, &takers)?;
    let (taker, partner) = (
        pair.iter()
            .find(|person| person.id == before.requested_by_id)
            .ok_or_else(Error::not_found::<User>)?,
        pair.iter().find(|person| Some(person.id) == before.partner_id),
    );
    assignment.may_be_taken_over_by(taker, partner, tx.now)?;
    let partner = partner.ok_or_else(Error::not_found::<User>)?;
    let by = tx.actor()?.id;
    let begun: Vec<_> =
        drafts.iter().filter_map(|draft| Some((draft.category?, draft.technician_id))).collect();
    let renewed = assignment.taken_over_by([taker, partner], &begun, by, tx.now)?;
    assignment_rows::write(tx, AuditAction::Reassign, &assignment, &renewed)?;
    detach_drafts(tx, &drafts, &renewed)?;
    inspection_rows::write_partners(tx.conn, &renewed)?;
    daily_lists::recount(tx, &list)?;
    let approved =
        notice(NotificationType::TakeoverApproved, &after, subject).with("person", taker.full_name.as_str());
    let concerned = assignment.team().into_iter().flatten().chain(takers);
    tx.notify(concerned, &approved);
    Ok(after)
}

/// Detaches drafts, which are locked, of people who left the team from the assignment: the drafts
/// become ad-hoc inspections of the machine, so that no answer is lost and the halves are free.
fn detach_drafts(tx: &mut Tx<'_>, drafts: &[Inspection], renewed: &Assignment) -> Result<()> {
    for before in drafts {
        if renewed.team().contains(&Some(before.technician_id)) {
            continue;
        }
        let after = Inspection {
            assignment_id: None,
            category: None,
            partner_id: None,
            is_detached: true,
            updated_at: tx.now,
            ..before.clone()
        };
        inspection_rows::write(tx, AuditAction::Update, before, &after)?;
    }
    Ok(())
}

/// Denies a request; the requester is notified (§7). Locks the job or the assignment.
pub fn deny(tx: &mut Tx<'_>, id: TakeoverId) -> Result<Takeover> {
    let seen = rows::get(tx.conn, id)?;
    let subject = match (seen.job_id, seen.assignment_id) {
        (Some(job), _) => Param::from(job_rows::lock(tx.conn, job)?.job_id.as_str()),
        (None, Some(assignment)) => {
            let assignment = assignment_rows::lock(tx.conn, assignment)?;
            inspection_of(&equipment_rows::get(tx.conn, assignment.equipment_id)?)
        }
        (None, None) => return Err(Error::not_found::<Takeover>()),
    };
    let before = rows::get(tx.conn, id)?;
    let after = before.decide(TakeoverCommand::Deny, tx.actor_id(), tx.now)?;
    rows::write(tx, AuditAction::Deny, &before, &after)?;
    tx.notify([after.requested_by_id], &notice(NotificationType::TakeoverDenied, &after, subject));
    Ok(after)
}

/// The takeover that gave a job, which is locked, to its owner.
pub(crate) fn find_of_owner(tx: &mut Tx<'_>, job: &Job) -> Result<Option<Takeover>> {
    rows::find_approved_of(tx.conn, job.id, job.owner_id)
}

/// Completes a takeover, and books the bonus of its taker (§7).
pub(crate) fn finish(tx: &mut Tx<'_>, before: &Takeover, subject: impl Into<Param>) -> Result<()> {
    let after = before.complete(tx.now)?;
    rows::write(tx, AuditAction::Complete, before, &after)?;
    let user_id = after.requested_by_id;
    let award = Award::new(user_id, after.kind.role(), PointKind::Takeover).about(&after);
    points::award(tx, &Award { amount: BONUS, ..award })?;
    let bonus = notice(NotificationType::TakeoverBonus, &after, subject.into()).with("points", &BONUS);
    tx.notify([user_id], &bonus);
    Ok(())
}

/// Ends the takeovers of an assignment, which is locked, because both halves are complete: pending
/// requests are denied, and the taker gets the bonus (§7).
pub(crate) fn finish_assignment(tx: &mut Tx<'_>, assignment: &Assignment, machine: &Equipment) -> Result<()> {
    let approved = rows::find_approved(tx.conn, None, Some(assignment.id))?;
    let subject = inspection_of(machine);
    deny_waiting(tx, None, Some(assignment.id), &subject)?;
    match approved {
        Some(takeover) => finish(tx, &takeover, subject),
        None => Ok(()),
    }
}

/// The user whose takeover of an assignment is approved.
pub(crate) fn taker_of(conn: &mut DbConnection, assignment: AssignmentId) -> Result<Option<UserId>> {
    Ok(rows::find_approved(conn, None, Some(assignment))?.map(|takeover| takeover.requested_by_id))
}

/// Ends the takeovers of an assignment, which is locked, because its team is withdrawn: pending
/// requests are denied, and an approved one expires (§4).
pub(crate) fn close(tx: &mut Tx<'_>, assignment: &Assignment, machine: &Equipment) -> Result<()> {
    expire(tx, None, Some(assignment.id))?;
    deny_waiting(tx, None, Some(assignment.id), &inspection_of(machine))
}

/// Deletes the ended takeovers of an assignment, which is locked and will be removed.
pub(crate) fn delete_all(tx: &mut Tx<'_>, assignment: AssignmentId) -> Result<()> {
    for ended in rows::delete_of_assignment(tx, assignment)? {
        tx.record(AuditAction::Delete, Some(&ended), None);
    }
    Ok(())
}
