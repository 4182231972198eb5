//! Taking over stalled jobs and late inspections: reads, and units of work (rule book §7).

use diesel::prelude::*;
use inspection_domain::{
    assignments::Assignment,
    audit::{AuditAction, Changes},
    ids::{AssignmentId, InspectionId, JobId, TakeoverId, UserId},
    inspections::{Inspection, InspectionStatus},
    jobs::{Job, JobKind, may_own},
    notifications::{Notice, NotificationType, Param},
    page::{Page, PageRequest},
    points::PointKind,
    rule::NotFound,
    schema::{inspections, takeovers},
    takeovers::{
        BONUS, NewInspectionTakeover, NewTakeover, QueueOf, Takeover, TakeoverCommand, TakeoverFilter,
        TakeoverKind, TakeoverStatus, next_position,
    },
    users::User,
};

use crate::{
    DbConnection, Result, Tx, assignments, daily_lists,
    db::database::one_row,
    db::error::ConcurrentUpdate,
    equipment, inspections as sheets, jobs, pauses,
    points::{self, Award},
    users,
};

/// A page of requests, the latest first: one's own, or everybody's for admins.
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    filter: &TakeoverFilter,
    page: PageRequest,
) -> Result<Page<Takeover>> {
    let owner = (!actor.is_admin()).then_some(actor.id);
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = takeovers::table.into_boxed::<Backend>();
            filter_by!(query, {
                takeovers::requested_by_id => owner,
                takeovers::status => filter.status,
                takeovers::kind => filter.job_type,
            });
            if let Some(id) = filter.job_id {
                query = match filter.job_type {
                    Some(TakeoverKind::Inspection) => query.filter(takeovers::assignment_id.eq(id)),
                    _ => query.filter(takeovers::job_id.eq(id)),
                };
            }
            query
        };
        let items = filtered()
            .order(takeovers::id.desc())
            .select(Takeover::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// A page of the queue for a job or an assignment, in its order.
pub fn queue(conn: &mut DbConnection, of: &QueueOf, page: PageRequest) -> Result<Page<Takeover>> {
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let query = takeovers::table
                .filter(takeovers::kind.eq(of.job_type))
                .filter(takeovers::status.eq(TakeoverStatus::Pending))
                .into_boxed::<Backend>();
            match of.job_type {
                TakeoverKind::Inspection => query.filter(takeovers::assignment_id.eq(of.job_id)),
                _ => query.filter(takeovers::job_id.eq(of.job_id)),
            }
        };
        let items = filtered()
            .order(takeovers::place)
            .select(Takeover::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// What waits in the queue for the same thing.
fn waiting(
    conn: &mut DbConnection,
    job: Option<JobId>,
    assignment: Option<AssignmentId>,
) -> Result<Vec<Takeover>> {
    Ok(with_conn!(conn, |c| {
        let mut query =
            takeovers::table.filter(takeovers::status.eq(TakeoverStatus::Pending)).into_boxed::<Backend>();
        filter_by!(query, { takeovers::job_id => job, takeovers::assignment_id => assignment });
        query.order(takeovers::place).select(Takeover::as_select()).load(c)
    })?)
}

fn insert(tx: &mut Tx<'_>, new: &Takeover, what: Param) -> Result<Takeover> {
    let made: Takeover = with_conn!(&mut *tx.conn, |c| diesel::insert_into(takeovers::table)
        .values(new)
        .returning(Takeover::as_returning())
        .get_result(c))?;
    tx.audit(AuditAction::Request, "takeover", made.id.get(), Changes::between(None, Some(&made)));
    let told = jobs::admins(tx)?;
    let requested = notice(NotificationType::TakeoverRequested, &made, what)
        .with("person", jobs::actor_name(tx)?.as_str());
    tx.notify(told, &requested);
    Ok(made)
}

fn notice(kind: NotificationType, about: &Takeover, what: Param) -> Notice {
    Notice::new(kind).with("job", what).about("takeover", about.id.get(), "/takeovers")
}

fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Takeover, after: &Takeover) -> Result<()> {
    let seen = takeovers::table.find(before.id).filter(takeovers::status.eq(before.status));
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(seen).set(after).execute(c))?)?;
    tx.audit(action, "takeover", before.id.get(), Changes::between(Some(before), Some(after)));
    Ok(())
}

/// Queues up for a stalled job; the admins are told (§7).
pub fn request_job(tx: &mut Tx<'_>, kind: JobKind, id: JobId, wanted: NewTakeover) -> Result<Takeover> {
    // Held, so that each gets a place of their own.
    let job = Some(jobs::locked(tx, id)?).filter(|job| job.kind == kind).ok_or(NotFound("job"))?;
    let actor = tx.actor()?.clone();
    job.may_be_taken_over_by(&actor, tx.now)?;
    let position = next_position(&waiting(tx.conn, Some(id), None)?, actor.id)?;
    let new = Takeover::of_job(&job, wanted, actor.id, position, tx.now);
    insert(tx, &new, job.job_id.as_str().into())
}

/// Queues up for an inspection of the backlog, with a partner; the admins are told (§7).
pub fn request_assignment(
    tx: &mut Tx<'_>,
    id: AssignmentId,
    wanted: NewInspectionTakeover,
) -> Result<Takeover> {
    let assignment = assignments::locked(tx.conn, id)?;
    let actor = tx.actor()?.clone();
    let partner = users::find(tx.conn, wanted.partner_id)?;
    assignment.may_be_taken_over_by(&actor, partner.as_ref(), tx.now)?;
    let position = next_position(&waiting(tx.conn, None, Some(id))?, actor.id)?;
    let new = Takeover::of_assignment(&assignment, wanted, actor.id, position, tx.now);
    let what = what_of(tx, &assignment)?;
    insert(tx, &new, what)
}

/// An inspection, as notifications call it.
fn what_of(tx: &mut Tx<'_>, assignment: &Assignment) -> Result<Param> {
    let machine = equipment::get(tx.conn, assignment.equipment_id)?;
    Ok(Param::inspection_of((machine.name.as_str(), machine.name_ar.as_deref())))
}

fn get(conn: &mut DbConnection, id: TakeoverId) -> Result<Takeover> {
    with_conn!(conn, |c| takeovers::table.find(id).select(Takeover::as_select()).first(c))
        .optional()?
        .ok_or_else(|| NotFound("takeover").into())
}

/// Lets somebody take over: they get the job, or the inspection with their partner; everybody else in the queue is denied,
/// and everyone concerned is told (§7).
pub fn approve(tx: &mut Tx<'_>, id: TakeoverId) -> Result<Takeover> {
    let seen = get(tx.conn, id)?;
    match (seen.job_id, seen.assignment_id) {
        (Some(job), _) => approve_job(tx, id, job),
        (None, Some(assignment)) => approve_assignment(tx, id, assignment),
        (None, None) => Err(NotFound("takeover").into()),
    }
}

/// Decides for one of the queue, whose object is locked, and against the others.
fn decide(tx: &mut Tx<'_>, before: &Takeover, what: &Param) -> Result<Takeover> {
    let by = tx.actor_id();
    expire(tx, before.job_id, before.assignment_id)?;
    let after = before.decide(TakeoverCommand::Approve, by, tx.now)?;
    write(tx, AuditAction::Approve, before, &after)?;
    deny_waiting(tx, before.job_id, before.assignment_id, what)?;
    Ok(after)
}

/// Denies everybody who waits for something that is locked: somebody else has it, or it is done. They are told (§7).
pub(crate) fn deny_waiting(
    tx: &mut Tx<'_>,
    job: Option<JobId>,
    assignment: Option<AssignmentId>,
    what: &Param,
) -> Result<()> {
    for waiting in waiting(tx.conn, job, assignment)? {
        let denied = waiting.decide(TakeoverCommand::Deny, tx.actor_id(), tx.now)?;
        write(tx, AuditAction::Deny, &waiting, &denied)?;
        let told = notice(NotificationType::TakeoverDenied, &waiting, what.clone());
        tx.notify([waiting.requested_by_id], &told);
    }
    Ok(())
}

fn approve_job(tx: &mut Tx<'_>, id: TakeoverId, job: JobId) -> Result<Takeover> {
    let job = jobs::locked(tx, job)?;
    let before = get(tx.conn, id)?;
    let what: Param = job.job_id.as_str().into();
    let after = decide(tx, &before, &what)?;
    let after_job = job.taken_over_by(before.requested_by_id, tx.now)?;
    // Held, so that they aren't deactivated or sent on leave meanwhile.
    let taker = users::held(tx.conn, &[before.requested_by_id])?.pop();
    may_own(taker.as_ref(), job.kind, "requested_by_id")?;
    let taker = taker.ok_or(NotFound("user"))?;
    job.may_be_taken_over_by(&taker, tx.now)?;
    jobs::write(tx, AuditAction::Reassign, &job, &after_job)?;
    pauses::close_pauses(tx, job.id)?;
    let approved =
        notice(NotificationType::TakeoverApproved, &after, what).with("person", taker.full_name.as_str());
    tx.notify([after.requested_by_id, job.owner_id], &approved);
    Ok(after)
}

/// The drafts of an assignment's halves.
fn drafts_of(conn: &mut DbConnection, id: AssignmentId) -> Result<Vec<InspectionId>> {
    Ok(with_conn!(conn, |c| inspections::table
        .filter(inspections::assignment_id.eq(id))
        .filter(inspections::status.eq(InspectionStatus::Draft))
        .order(inspections::id)
        .select(inspections::id)
        .load(c))?)
}

fn approve_assignment(tx: &mut Tx<'_>, id: TakeoverId, assignment: AssignmentId) -> Result<Takeover> {
    // Inspections are locked before their assignment.
    let drafts = drafts_of(tx.conn, assignment)?;
    for draft in &drafts {
        sheets::held(tx, *draft)?;
    }
    let assignment = assignments::locked(tx.conn, assignment)?;
    if drafts_of(tx.conn, assignment.id)? != drafts {
        return Err(ConcurrentUpdate.into());
    }
    let list = daily_lists::locked(tx.conn, assignment.list_id)?;
    let before = get(tx.conn, id)?;
    let what = what_of(tx, &assignment)?;
    let after = decide(tx, &before, &what)?;
    let ids: Vec<UserId> = [Some(before.requested_by_id), before.partner_id].into_iter().flatten().collect();
    let pair = users::held(tx.conn, &ids)?;
    let (taker, partner) = (
        pair.iter().find(|person| person.id == before.requested_by_id).ok_or(NotFound("user"))?,
        pair.iter().find(|person| Some(person.id) == before.partner_id),
    );
    assignment.may_be_taken_over_by(taker, partner, tx.now)?;
    let partner = partner.ok_or(NotFound("user"))?;
    let by = tx.actor()?.id;
    let renewed = assignment.taken_over_by([taker, partner], by, tx.now)?;
    assignments::write(tx, AuditAction::Reassign, &assignment, &renewed)?;
    release_drafts(tx, &drafts, &renewed)?;
    daily_lists::recount(tx, &list)?;
    let approved =
        notice(NotificationType::TakeoverApproved, &after, what).with("person", taker.full_name.as_str());
    let concerned = assignment.team().into_iter().flatten().chain(ids);
    tx.notify(concerned, &approved);
    Ok(after)
}

/// Drafts of those who aren't on the team any more are theirs still, but of the machine alone: nothing that was answered is
/// lost, and the places are free.
fn release_drafts(tx: &mut Tx<'_>, drafts: &[InspectionId], taken: &Assignment) -> Result<()> {
    for id in drafts {
        let before = sheets::held(tx, *id)?;
        if taken.team().contains(&Some(before.technician_id)) {
            continue;
        }
        let after = Inspection { assignment_id: None, category: None, updated_at: tx.now, ..before.clone() };
        sheets::write(tx, AuditAction::Update, &before, &after)?;
    }
    Ok(())
}

/// Doesn't let somebody take over; they are told (§7).
pub fn deny(tx: &mut Tx<'_>, id: TakeoverId) -> Result<Takeover> {
    let seen = get(tx.conn, id)?;
    let what = match (seen.job_id, seen.assignment_id) {
        (Some(job), _) => Param::from(jobs::locked(tx, job)?.job_id.as_str()),
        (None, Some(assignment)) => {
            let assignment = assignments::locked(tx.conn, assignment)?;
            what_of(tx, &assignment)?
        }
        (None, None) => return Err(NotFound("takeover").into()),
    };
    let before = get(tx.conn, id)?;
    let after = before.decide(TakeoverCommand::Deny, tx.actor_id(), tx.now)?;
    write(tx, AuditAction::Deny, &before, &after)?;
    tx.notify([after.requested_by_id], &notice(NotificationType::TakeoverDenied, &after, what));
    Ok(after)
}

/// The takeover by which a job, which is locked, came to its owner.
pub(crate) fn of_owner(tx: &mut Tx<'_>, job: &Job) -> Result<Option<Takeover>> {
    let taken = takeovers::table
        .filter(takeovers::job_id.eq(job.id))
        .filter(takeovers::status.eq(TakeoverStatus::Approved))
        .filter(takeovers::requested_by_id.eq(job.owner_id));
    Ok(with_conn!(&mut *tx.conn, |c| taken.select(Takeover::as_select()).first(c)).optional()?)
}

/// The taker is done, and gets the bonus (§7).
pub(crate) fn finish(tx: &mut Tx<'_>, before: &Takeover, what: impl Into<Param>) -> Result<()> {
    let after = before.complete(tx.now)?;
    write(tx, AuditAction::Complete, before, &after)?;
    let (user_id, role) = (after.requested_by_id, after.kind.role());
    let related = Some(("takeover", after.id.get()));
    points::award(tx, &Award { user_id, role, amount: BONUS, kind: PointKind::Takeover, related })?;
    let bonus = notice(NotificationType::TakeoverBonus, &after, what.into()).with("points", &BONUS);
    tx.notify([user_id], &bonus);
    Ok(())
}

/// Both halves of an assignment, which is locked, are done: whoever had taken it over gets the bonus (§7).
pub(crate) fn finish_assignment(tx: &mut Tx<'_>, assignment: &Assignment) -> Result<()> {
    let taken = takeovers::table
        .filter(takeovers::assignment_id.eq(assignment.id))
        .filter(takeovers::status.eq(TakeoverStatus::Approved));
    let taken: Option<Takeover> =
        with_conn!(&mut *tx.conn, |c| taken.select(Takeover::as_select()).first(c)).optional()?;
    let what = what_of(tx, assignment)?;
    deny_waiting(tx, None, Some(assignment.id), &what)?;
    match taken {
        Some(takeover) => finish(tx, &takeover, what),
        None => Ok(()),
    }
}

/// What had been taken over, and is locked, goes to somebody else before its taker was done.
pub(crate) fn expire(tx: &mut Tx<'_>, job: Option<JobId>, assignment: Option<AssignmentId>) -> Result<()> {
    let taken: Option<Takeover> = with_conn!(&mut *tx.conn, |c| {
        let mut query =
            takeovers::table.filter(takeovers::status.eq(TakeoverStatus::Approved)).into_boxed::<Backend>();
        filter_by!(query, { takeovers::job_id => job, takeovers::assignment_id => assignment });
        query.select(Takeover::as_select()).first(c)
    })
    .optional()?;
    if let Some(before) = taken {
        let after = before.decide(TakeoverCommand::Expire, tx.actor_id(), tx.now)?;
        write(tx, AuditAction::Cancel, &before, &after)?;
    }
    Ok(())
}
