//! Leaves and who covers them: reads, and units of work (rule book §10). Whoever changes a leave holds it, and then the
//! people whose accounts follow from it.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    defects::DefectStatus,
    ids::{LeaveId, UserId},
    jobs::{JobKind, JobStatus},
    leaves::{
        Candidate, CoverageAssignment, Leave, LeaveApproval, LeaveFilter, LeaveOrder, LeaveRejection,
        LeaveRule, NewLeave, Workload, may_cover, ranked,
    },
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest, Sort},
    rule::NotFound,
    schema::{defects, jobs as work, leaves},
    time::Date,
    users::{Draft, User, active as active_person},
};

use crate::{DbConnection, Result, Tx, db::database::one_row, jobs, users};

/// A page of leaves: one's own, or everybody's for admins (§10).
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
            filter_by!(query, {
                leaves::user_id => owner,
                leaves::user_id => filter.user_id,
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
        |query| order_by!(query, sort, leaves::id, {
            LeaveOrder::Id => leaves::id,
            LeaveOrder::DateFrom => leaves::date_from,
            LeaveOrder::DateTo => leaves::date_to,
        })
    )
}

/// The leaves in force: all, or those that have a day in common with a time.
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

/// A page of the leaves that keep people away today, the first to end first (§10).
pub fn active(conn: &mut DbConnection, today: Date, page: PageRequest) -> Result<Page<Leave>> {
    let (items, total) = with_conn!(conn, |c| {
        let items = in_force!(today, today)
            .order((leaves::date_to, leaves::id))
            .select(Leave::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, in_force!(today, today).count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

fn get(conn: &mut DbConnection, id: LeaveId) -> Result<Leave> {
    with_conn!(conn, |c| leaves::table.find(id).select(Leave::as_select()).first(c))
        .optional()?
        .ok_or_else(|| NotFound("leave").into())
}

/// One leave, if the actor may see it (§10).
pub fn get_visible(conn: &mut DbConnection, actor: &User, id: LeaveId) -> Result<Leave> {
    let leave = get(conn, id)?;
    leave.may_be_seen_by(actor)?;
    Ok(leave)
}

/// The leaves of these people, whatever their status, that have a day in common with a time.
fn between(conn: &mut DbConnection, people: &[UserId], from: Date, to: Date) -> Result<Vec<Leave>> {
    Ok(with_conn!(conn, |c| leaves::table
        .filter(leaves::user_id.eq_any(people))
        .filter(leaves::date_from.le(to))
        .filter(leaves::date_to.ge(from))
        .select(Leave::as_select())
        .load(c))?)
}

/// The leaves of these people, whatever their status, that include a day.
pub(crate) fn around(conn: &mut DbConnection, people: &[UserId], date: Date) -> Result<Vec<Leave>> {
    between(conn, people, date, date)
}

fn locked(tx: &mut Tx<'_>, id: LeaveId) -> Result<Leave> {
    lock_rows!(&mut *tx.conn, leaves::table.find(id).select(Leave::as_select()), first)
        .optional()?
        .ok_or_else(|| NotFound("leave").into())
}

fn write(tx: &mut Tx<'_>, action: AuditAction, before: &Leave, after: &Leave) -> Result<()> {
    // Nothing is done with a leave that has ended.
    let seen = leaves::table
        .find(before.id)
        .filter(leaves::status.eq(before.status))
        .filter(leaves::ended_at.is_null());
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(seen).set(after).execute(c))?)?;
    tx.translate(Some(before), after);
    tx.audit(action, "leave", before.id.get(), Changes::between(Some(before), Some(after)));
    Ok(())
}

fn notice(kind: NotificationType, leave: &Leave) -> Notice {
    Notice::new(kind).with("from", &leave.date_from).with("to", &leave.date_to).about(
        "leave",
        leave.id.get(),
        "/leaves",
    )
}

/// Asks for leave, or files one for somebody; admins are told (§10).
pub fn request(tx: &mut Tx<'_>, wanted: NewLeave) -> Result<Leave> {
    let actor = tx.actor()?.clone();
    let person = wanted.person(&actor)?;
    wanted.check()?;
    // Held, so that whoever asks for the same days at the same time sees this.
    let person = active_person(users::held(tx.conn, &[person])?.pop(), "user_id")?;
    let new = wanted.request(person.id, actor.id, tx.now);
    if between(tx.conn, &[person.id], new.date_from, new.date_to)?.iter().any(Leave::is_open) {
        return Err(LeaveRule::Overlap.into());
    }
    let leave: Leave = with_conn!(&mut *tx.conn, |c| diesel::insert_into(leaves::table)
        .values(&new)
        .returning(Leave::as_returning())
        .get_result(c))?;
    tx.translate(None, &leave);
    tx.audit(AuditAction::Request, "leave", leave.id.get(), Changes::between(None, Some(&leave)));
    let mut admins = jobs::admins(tx)?;
    admins.retain(|admin| *admin != actor.id);
    tx.notify(
        admins,
        &notice(NotificationType::LeaveRequested, &leave).with("person", person.full_name.as_str()),
    );
    Ok(leave)
}

/// The people a leave concerns, held: who is away, and these others.
struct People {
    all: Vec<User>,
}

impl People {
    fn hold(tx: &mut Tx<'_>, leave: &Leave, other: Option<UserId>) -> Result<Self> {
        let ids = [Some(leave.user_id), leave.coverage_user_id, other];
        let ids: Vec<UserId> = ids.into_iter().flatten().collect();
        Ok(Self { all: users::held_for_badges(tx.conn, &ids)? })
    }

    fn get(&self, id: UserId) -> Result<&User> {
        self.all.iter().find(|person| person.id == id).ok_or_else(|| NotFound("user").into())
    }
}

/// Somebody is on leave exactly while one of their leaves covers today (§10).
fn settle_absence(tx: &mut Tx<'_>, person: &User) -> Result<()> {
    let today = tx.today();
    let is_on_leave = around(tx.conn, &[person.id], today)?.iter().any(|leave| leave.covers(today));
    let user = User { is_on_leave, updated_at: tx.now, ..person.clone() };
    users::write(tx, AuditAction::Update, person, Draft { user, badge: None, minor_badge: None })?;
    Ok(())
}

/// Somebody covers whom they cover by the leaves that name them; `ended` is one that doesn't any more (§10).
fn settle_coverage(tx: &mut Tx<'_>, person: &User, ended: Option<&Leave>) -> Result<()> {
    let covered: Vec<Leave> = with_conn!(&mut *tx.conn, |c| in_force!()
        .filter(leaves::coverage_user_id.eq(person.id))
        .select(Leave::as_select())
        .load(c))?;
    let draft = person.covering(&covered, ended, tx.now);
    users::write(tx, AuditAction::Update, person, draft)?;
    Ok(())
}

/// Grants a leave; everybody else is told (§10).
pub fn approve(tx: &mut Tx<'_>, id: LeaveId, approval: &LeaveApproval) -> Result<Leave> {
    let before = locked(tx, id)?;
    let after = before.approve(tx.actor()?.id, tx.now)?;
    let people = People::hold(tx, &before, approval.coverage_user_id)?;
    let absent = people.get(before.user_id)?;
    write(tx, AuditAction::Approve, &before, &after)?;
    settle_absence(tx, absent)?;
    let told = notice(NotificationType::LeaveNotification, &after).with("person", absent.full_name.as_str());
    tx.announce(after.user_id, told);
    match approval.coverage_user_id {
        Some(coverer) => cover(tx, &after, &people, coverer),
        None => Ok(after),
    }
}

/// Refuses a leave, for a reason that its person is told (§10).
pub fn reject(tx: &mut Tx<'_>, id: LeaveId, rejection: LeaveRejection) -> Result<Leave> {
    let before = locked(tx, id)?;
    let after = before.reject(rejection, tx.actor()?.id, tx.now)?;
    write(tx, AuditAction::Reject, &before, &after)?;
    let told = notice(NotificationType::LeaveRejected, &after)
        .with("reason", after.rejection_reason.as_deref().unwrap_or_default());
    tx.notify([after.user_id], &told);
    Ok(after)
}

/// Withdraws one's own request (§10).
pub fn cancel(tx: &mut Tx<'_>, id: LeaveId) -> Result<Leave> {
    let before = locked(tx, id)?;
    before.may_be_cancelled_by(tx.actor()?)?;
    let after = before.cancel(tx.now)?;
    write(tx, AuditAction::Cancel, &before, &after)?;
    Ok(after)
}

/// Ends a leave: its person is back unless another one covers today, and whoever covered doesn't any more (§10).
pub fn end(tx: &mut Tx<'_>, id: LeaveId) -> Result<Leave> {
    let before = locked(tx, id)?;
    let after = before.end(tx.actor_id(), tx.now)?;
    let people = People::hold(tx, &before, None)?;
    write(tx, AuditAction::End, &before, &after)?;
    settle_absence(tx, people.get(after.user_id)?)?;
    if let Some(coverer) = after.coverage_user_id {
        settle_coverage(tx, people.get(coverer)?, Some(&after))?;
    }
    Ok(after)
}

/// Lets somebody cover a leave, in place of whoever did before; they are told (§10).
pub fn assign_coverage(tx: &mut Tx<'_>, id: LeaveId, wanted: &CoverageAssignment) -> Result<Leave> {
    let before = locked(tx, id)?;
    let people = People::hold(tx, &before, Some(wanted.coverage_user_id))?;
    cover(tx, &before, &people, wanted.coverage_user_id)
}

fn cover(tx: &mut Tx<'_>, before: &Leave, people: &People, coverer: UserId) -> Result<Leave> {
    let own = between(tx.conn, &[coverer], before.date_from, before.date_to)?;
    may_cover(before, people.get(coverer).ok(), &own)?;
    let (absent, coverer) = (people.get(before.user_id)?, people.get(coverer)?);
    let after = before.cover(coverer, coverer.coverage_badge(absent), tx.now)?;
    write(tx, AuditAction::Assign, before, &after)?;
    if let Some(replaced) = before.coverage_user_id.filter(|replaced| *replaced != coverer.id) {
        settle_coverage(tx, people.get(replaced)?, Some(before))?;
    }
    settle_coverage(tx, coverer, None)?;
    let told = notice(NotificationType::CoverageAssigned, &after).with("person", absent.full_name.as_str());
    tx.notify([coverer.id], &told);
    Ok(after)
}

/// Who could cover a leave, the best first (§10): six queries, however many people there are.
pub fn candidates(conn: &mut DbConnection, id: LeaveId) -> Result<Vec<Candidate>> {
    let leave = get(conn, id)?;
    let absent = users::get(conn, leave.user_id)?;
    let people = users::active(conn)?;
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
        // Those they are to repair, and those given to them without a job.
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

/// The leaves whose last day is past and that haven't ended (§16).
pub fn expired(conn: &mut DbConnection, today: Date) -> Result<Vec<LeaveId>> {
    Ok(with_conn!(conn, |c| in_force!()
        .filter(leaves::date_to.lt(today))
        .order(leaves::id)
        .select(leaves::id)
        .load(c))?)
}

/// The leaves that have begun, of people who aren't marked yet (§16).
pub fn starting(conn: &mut DbConnection, today: Date) -> Result<Vec<LeaveId>> {
    use inspection_domain::schema::users::dsl as people;
    Ok(with_conn!(conn, |c| {
        let here = people::users.filter(diesel::dsl::not(people::is_on_leave)).select(people::id);
        in_force!(today, today)
            .filter(leaves::user_id.eq_any(here))
            .order(leaves::id)
            .select(leaves::id)
            .load(c)
    })?)
}

/// Marks the person of a leave that has begun (§16); one that doesn't cover today changes nothing.
pub fn begin(tx: &mut Tx<'_>, id: LeaveId) -> Result<()> {
    let leave = locked(tx, id)?;
    let people = People::hold(tx, &leave, None)?;
    settle_absence(tx, people.get(leave.user_id)?)
}
