//! Leaves and their coverage: lists and units of work (§10). Every change of a leave locks it, and
//! then the accounts whose absence or coverage follows from it.

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    assignments::{Assignment, conflicts::SeatConflict},
    audit::AuditAction,
    defects::DefectStatus,
    ids::{AssignmentId, LeaveId, UserId},
    jobs::{JobKind, JobStatus},
    leaves::{
        Candidate, CoverageAssignment, HalfDay, Leave, LeaveApproval, LeaveFilter, LeaveOrder,
        LeaveRejection, LeaveRule, NewLeave, Workload, may_cover, ranked,
    },
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest, Sort},
    reports::HalfDayCount,
    schema::{defects, jobs as work, leaves},
    time::{Date, Instant, SiteTimeZone},
    users::{Draft, Role, Shift, User, active as active_person},
};

use crate::{
    DbConnection, Error, Result, Tx,
    assignments::rows as assignment_rows,
    inspections::withdrawing::HeldTeams,
    users::{self, rows as user_rows},
};

/// A page of leaves: the actor's own, or all for admins (§10).
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    filter: &LeaveFilter,
    page: PageRequest,
) -> Result<Page<Leave>> {
    let owner = (!actor.is_admin()).then_some(actor.id);
    let sort = filter.sort.unwrap_or(Sort { by: LeaveOrder::Id, descending: true });
    paged!(
        conn,
        page,
        Leave,
        || {
            let mut query = leaves::table.into_boxed::<Backend>();
            filter_by!(query, { leaves::user_id => owner, leaves::user_id => filter.user_id });
            filter_any!(query, {
                leaves::status => filter.status,
                leaves::leave_type => filter.leave_type,
            });
            if let Some(from) = filter.date_from {
                query = query.filter(leaves::date_to.ge(from));
            }
            if let Some(to) = filter.date_to {
                query = query.filter(leaves::date_from.le(to));
            }
            query
        },
        leaves by sort {
            LeaveOrder::Id => [id],
            LeaveOrder::DateFrom => [date_from, id],
            LeaveOrder::DateTo => [date_to, id],
        }
    )
}

/// The leaves in force (approved and not ended): all, or those that overlap a period.
macro_rules! in_force {
    () => {{
        use inspection_domain::{leaves::LeaveStatus, schema::leaves};
        leaves::table.filter(leaves::status.eq(LeaveStatus::Approved)).filter(leaves::ended_at.is_null())
    }};
    ($from:expr, $to:expr) => {{
        use inspection_domain::schema::leaves;
        $crate::leaves::in_force!().filter(leaves::date_from.le($to)).filter(leaves::date_to.ge($from))
    }};
}
pub(crate) use in_force;

/// A page of the leaves in force today, the first to end first (§10).
pub fn active(conn: &mut DbConnection, today: Date, page: PageRequest) -> Result<Page<Leave>> {
    paged!(
        conn,
        page,
        Leave,
        || in_force!(today, today).into_boxed::<Backend>(),
        leaves by asc [date_to, id]
    )
}

/// Numbers of active people with a half day of leave on a date, by shift and half.
pub(crate) fn half_days(conn: &mut DbConnection, date: Date) -> Result<Vec<HalfDayCount>> {
    use inspection_domain::schema::users::dsl as people;
    let rows: Vec<(Option<Shift>, Option<HalfDay>, i64)> = with_conn!(conn, |c| in_force!(date, date)
        .inner_join(people::users.on(people::id.eq(leaves::user_id)))
        .filter(people::is_active)
        .filter(leaves::half_day.is_not_null())
        .group_by((people::shift, leaves::half_day))
        .select((people::shift, leaves::half_day, diesel::dsl::count_star()))
        .load(c))?;
    let count =
        |(shift, half, count): (_, Option<HalfDay>, _)| Some(HalfDayCount { shift, half: half?, count });
    Ok(rows.into_iter().filter_map(count).collect())
}

/// One leave, if the actor may see it (§10).
pub fn get_visible(conn: &mut DbConnection, actor: &User, id: LeaveId) -> Result<Leave> {
    let leave = rows::get(conn, id)?;
    leave.may_be_seen_by(actor)?;
    Ok(leave)
}

/// A notice about a leave, with its first and last day and its half day.
fn notice(kind: NotificationType, leave: &Leave) -> Notice {
    Notice::new(kind)
        .with("from", &leave.date_from)
        .with("to", &leave.date_to)
        .with("half", leave.half_day.map_or("none", HalfDay::as_str))
        .about(leave)
}

/// Requests leave, for the actor or for another user; the admins are notified (§10). Locks the
/// account, so that concurrent requests for the same days are seen.
pub fn request(tx: &mut Tx<'_>, new: NewLeave) -> Result<Leave> {
    let actor = tx.actor()?.clone();
    let person = new.person(&actor)?;
    new.validate()?;
    let person = active_person(user_rows::lock_all(tx.conn, &[person])?.pop(), "user_id")?;
    let requested = new.request(person.id, actor.id, tx.now);
    let overlapping = rows::overlapping(tx.conn, &[person.id], requested.date_from, requested.date_to)?;
    if overlapping.iter().any(Leave::is_open) {
        return Err(LeaveRule::Overlap.into());
    }
    let leave = rows::insert(tx, &requested)?;
    let mut admins = user_rows::active_admins(tx.conn)?;
    admins.retain(|admin| *admin != actor.id);
    tx.notify(
        admins,
        &notice(NotificationType::LeaveRequested, &leave).with("person", person.full_name.as_str()),
    );
    Ok(leave)
}

/// The accounts a leave concerns, locked: the absent person, their cover, and perhaps another one.
struct Concerned {
    people: Vec<User>,
}

impl Concerned {
    fn lock(tx: &mut Tx<'_>, leave: &Leave, other: Option<UserId>) -> Result<Self> {
        let ids = [Some(leave.user_id), leave.coverage_user_id, other];
        let ids: Vec<UserId> = ids.into_iter().flatten().collect();
        Ok(Self { people: user_rows::lock_all_for_badges(tx.conn, &ids)? })
    }

    fn get(&self, id: UserId) -> Result<&User> {
        self.people.iter().find(|person| person.id == id).ok_or_else(Error::not_found::<User>)
    }
}

/// Updates whether a person is on leave: exactly while one of their leaves is an absence now (§10).
/// The account stays in its version (§15).
fn update_absence(tx: &mut Tx<'_>, person: &User) -> Result<()> {
    let (now, calendar) = (tx.now, tx.calendar().clone());
    let own = rows::including(tx.conn, &[person.id], calendar.working_day(now))?;
    let is_on_leave = own.iter().any(|leave| leave.is_absence_at(now, &calendar));
    let user = User { is_on_leave, ..person.clone() };
    users::write(tx, AuditAction::Update, person, Draft { user, badge: None, minor_badge: None })?;
    Ok(())
}

/// Whether a person was on leave at an instant (§10, §15).
pub fn is_away(
    conn: &mut DbConnection,
    person: UserId,
    at: Instant,
    calendar: &SiteTimeZone,
) -> Result<bool> {
    let own = rows::including(conn, &[person], calendar.working_day(at))?;
    Ok(own.iter().any(|leave| leave.was_absence_at(at, calendar)))
}

/// Updates the coverage of a person from the leaves in force that name them; `ended` no longer does
/// (§10).
fn update_coverage(tx: &mut Tx<'_>, person: &User, ended: Option<&Leave>) -> Result<()> {
    let covered: Vec<Leave> = with_conn!(&mut *tx.conn, |c| in_force!()
        .filter(leaves::coverage_user_id.eq(person.id))
        .select(Leave::as_select())
        .load(c))?;
    let draft = person.covering(&covered, ended, tx.now);
    users::write(tx, AuditAction::Update, person, draft)?;
    Ok(())
}

/// An approved leave, and the seats of its person on its days.
#[derive(Debug)]
pub struct Granted {
    /// The leave.
    pub leave: Leave,
    /// The seats, by date, of which the approval has freed some.
    pub conflicts: Vec<SeatConflict>,
}

/// The seats of the person of a leave on its days whose halves are not submitted, by date.
fn conflicts_with(tx: &mut Tx<'_>, leave: &Leave) -> Result<Vec<SeatConflict>> {
    let teams = assignment_rows::unfinished_of(tx.conn, leave.user_id, leave.date_from, leave.date_to)?;
    let conflict = |assignment: Assignment| {
        let seat = assignment.conflict_with(leave)?;
        Some(SeatConflict { assignment, seat, is_freed: false })
    };
    Ok(teams.into_iter().filter_map(conflict).collect())
}

/// Ids of the assignments whose teams can be withdrawn.
fn withdrawable(conflicts: &[SeatConflict]) -> Vec<AssignmentId> {
    let without_submission = conflicts.iter().filter(|seat| seat.assignment.is_without_submission());
    without_submission.map(|seat| seat.assignment.id).collect()
}

/// Approves a leave; all other users are notified (§10). If asked to, withdraws the teams with the
/// person on its days of which nothing is submitted, and notifies the planners. Locks the drafts,
/// the assignments and their lists, then the leave, and then the accounts it concerns: no team gets
/// the person from then on.
pub fn approve(tx: &mut Tx<'_>, id: LeaveId, approval: &LeaveApproval) -> Result<Granted> {
    let held = if approval.free_assignments == Some(true) {
        let seen = rows::get(tx.conn, id)?;
        let found = withdrawable(&conflicts_with(tx, &seen)?);
        Some(HeldTeams::lock(tx, &found)?)
    } else {
        None
    };
    let before = rows::lock(tx.conn, id)?;
    before.may_be_approved_by(tx.actor()?.id, &user_rows::active_admins(tx.conn)?)?;
    let after = before.approve(tx.actor()?.id, tx.now)?;
    let concerned = Concerned::lock(tx, &before, approval.coverage_user_id)?;
    let absent = concerned.get(before.user_id)?;
    let mut conflicts = conflicts_with(tx, &after)?;
    rows::write(tx, AuditAction::Approve, &before, &after)?;
    update_absence(tx, absent)?;
    if let Some(held) = held {
        let mut freed = withdrawable(&conflicts);
        // The partner's answers would be lost.
        freed.retain(|id| !held.is_begun_beside(*id, absent.id));
        held.withdraw(tx, &freed)?;
        for seat in &mut conflicts {
            seat.is_freed = freed.contains(&seat.assignment.id);
        }
        notify_planners(tx, &after, absent, (freed.len(), conflicts.len() - freed.len()))?;
    }
    let announcement =
        notice(NotificationType::LeaveNotification, &after).with("person", absent.full_name.as_str());
    tx.announce(after.user_id, announcement);
    let leave = match approval.coverage_user_id {
        Some(coverer) => cover(tx, &after, &concerned, coverer)?,
        None => after,
    };
    Ok(Granted { leave, conflicts })
}

/// Notifies the planners once of the machines that need another team, and of the teams that have
/// begun and stay with an absent member (§10).
fn notify_planners(
    tx: &mut Tx<'_>,
    leave: &Leave,
    absent: &User,
    (freed, kept): (usize, usize),
) -> Result<()> {
    if (freed, kept) == (0, 0) {
        return Ok(());
    }
    let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
    let mut planners = user_rows::active_with(tx.conn, &[Role::Admin, Role::Engineer])?;
    planners.retain(|planner| *planner != absent.id);
    let absence = notice(NotificationType::AssignmentsFreed, leave)
        .with("person", absent.full_name.as_str())
        .with("count", &number(freed))
        .with("kept", &number(kept));
    tx.notify(planners, &absence);
    Ok(())
}

/// Rejects a leave; the person is notified of the reason (§10). Locks the leave.
pub fn reject(tx: &mut Tx<'_>, id: LeaveId, rejection: LeaveRejection) -> Result<Leave> {
    let before = rows::lock(tx.conn, id)?;
    let after = before.reject(rejection, tx.actor()?.id, tx.now)?;
    rows::write(tx, AuditAction::Reject, &before, &after)?;
    let rejected = notice(NotificationType::LeaveRejected, &after)
        .with("reason", after.rejection_reason.as_deref().unwrap_or_default());
    tx.notify([after.user_id], &rejected);
    Ok(after)
}

/// Cancels the actor's own request (§10). Locks the leave.
pub fn cancel(tx: &mut Tx<'_>, id: LeaveId) -> Result<Leave> {
    let before = rows::lock(tx.conn, id)?;
    before.may_be_cancelled_by(tx.actor()?)?;
    let after = before.cancel(tx.now)?;
    rows::write(tx, AuditAction::Cancel, &before, &after)?;
    Ok(after)
}

/// Ends a leave: the person is present again unless another leave covers today, and the coverage
/// ends (§10). Locks the leave, then the accounts it concerns.
pub fn end(tx: &mut Tx<'_>, id: LeaveId) -> Result<Leave> {
    let before = rows::lock(tx.conn, id)?;
    let after = before.end(tx.actor_id(), tx.now)?;
    let concerned = Concerned::lock(tx, &before, None)?;
    rows::write(tx, AuditAction::End, &before, &after)?;
    update_absence(tx, concerned.get(after.user_id)?)?;
    if let Some(coverer) = after.coverage_user_id {
        update_coverage(tx, concerned.get(coverer)?, Some(&after))?;
    }
    Ok(after)
}

/// Assigns the cover of a leave, in place of a previous one; the cover is notified (§10). Locks the
/// leave, then the accounts it concerns.
pub fn assign_coverage(tx: &mut Tx<'_>, id: LeaveId, assignment: &CoverageAssignment) -> Result<Leave> {
    let before = rows::lock(tx.conn, id)?;
    let concerned = Concerned::lock(tx, &before, Some(assignment.coverage_user_id))?;
    cover(tx, &before, &concerned, assignment.coverage_user_id)
}

fn cover(tx: &mut Tx<'_>, before: &Leave, concerned: &Concerned, coverer: UserId) -> Result<Leave> {
    let own = rows::overlapping(tx.conn, &[coverer], before.date_from, before.date_to)?;
    may_cover(before, concerned.get(coverer).ok(), &own)?;
    let (absent, coverer) = (concerned.get(before.user_id)?, concerned.get(coverer)?);
    let after = before.cover(coverer, coverer.coverage_badge(absent), tx.now)?;
    rows::write(tx, AuditAction::Assign, before, &after)?;
    if let Some(replaced) = before.coverage_user_id.filter(|replaced| *replaced != coverer.id) {
        update_coverage(tx, concerned.get(replaced)?, Some(before))?;
    }
    update_coverage(tx, coverer, None)?;
    let assigned =
        notice(NotificationType::CoverageAssigned, &after).with("person", absent.full_name.as_str());
    tx.notify([coverer.id], &assigned);
    Ok(after)
}

/// The candidates for covering a leave, the best first (§10). Six statements for any number of
/// people.
pub fn candidates(conn: &mut DbConnection, id: LeaveId) -> Result<Vec<Candidate>> {
    let leave = rows::get(conn, id)?;
    let absent = user_rows::get(conn, leave.user_id)?;
    let people = user_rows::active(conn)?;
    let (away, live_jobs, open_defects) = with_conn!(conn, |c| {
        let away: Vec<Leave> =
            in_force!(leave.date_from, leave.date_to).select(Leave::as_select()).load(c)?;
        let live_jobs: Vec<(UserId, JobKind, JobStatus, i64)> = work::table
            .filter(work::status.eq_any(JobStatus::LIVE))
            .group_by((work::owner_id, work::kind, work::status))
            .select((work::owner_id, work::kind, work::status, diesel::dsl::count_star()))
            .load(c)?;
        let open_defects: Vec<(Option<UserId>, i64)> = defects::table
            .filter(defects::status.eq_any(DefectStatus::UNRESOLVED))
            .filter(defects::assigned_to_id.is_not_null())
            .group_by(defects::assigned_to_id)
            .select((defects::assigned_to_id, diesel::dsl::count_star()))
            .load(c)?;
        (away, live_jobs, open_defects)
    });
    let fit = people.into_iter().filter(|person| may_cover(&leave, Some(person), &away).is_ok());
    let scored = fit.map(|person| {
        let own = || live_jobs.iter().filter(|(owner, ..)| *owner == person.id);
        let active = own().filter(|(_, _, status, _)| *status == JobStatus::InProgress);
        // Defects with a live repair of theirs, and defects assigned to them without a job.
        let repairs = own().filter(|(_, kind, ..)| *kind == JobKind::Specialist);
        let given = open_defects.iter().filter(|(id, _)| *id == Some(person.id));
        let load = Workload {
            active_jobs: active.map(|(.., count)| count).sum(),
            open_defects: repairs.map(|(.., count)| count).chain(given.map(|(_, count)| count)).sum(),
        };
        Candidate::of(person, &absent, load)
    });
    Ok(ranked(scored.collect()))
}

/// Ids of the leaves in force whose last day is past (§16).
pub fn expired(conn: &mut DbConnection, today: Date) -> Result<Vec<LeaveId>> {
    Ok(with_conn!(conn, |c| in_force!()
        .filter(leaves::date_to.lt(today))
        .order(leaves::id)
        .select(leaves::id)
        .load(c))?)
}

/// Ids of the leaves in force today whose people are marked as on leave and aren't, or are on leave
/// and not marked: leaves that have begun, and half days that have begun or ended (§16).
pub fn turning(conn: &mut DbConnection, now: Instant, calendar: &SiteTimeZone) -> Result<Vec<LeaveId>> {
    use inspection_domain::schema::users::dsl as people;
    let today = calendar.working_day(now);
    let marked: Vec<(Leave, bool)> = with_conn!(conn, |c| in_force!(today, today)
        .inner_join(people::users.on(people::id.eq(leaves::user_id)))
        .order(leaves::id)
        .select((Leave::as_select(), people::is_on_leave))
        .load(c))?;
    let turned = marked.into_iter().filter(|(leave, mark)| leave.is_absence_at(now, calendar) != *mark);
    Ok(turned.map(|(leave, _)| leave.id).collect())
}

/// Marks the person of a leave as present or absent, as they are now (§16). Locks the leave, then
/// the accounts it concerns.
pub fn begin(tx: &mut Tx<'_>, id: LeaveId) -> Result<()> {
    let leave = rows::lock(tx.conn, id)?;
    let concerned = Concerned::lock(tx, &leave, None)?;
    update_absence(tx, concerned.get(leave.user_id)?)
}
