//! Assignments: lists, and units of work from the team to the last verdict (§4).

pub(crate) mod notices;
pub(crate) mod rows;

use diesel::{
    prelude::*,
    query_dsl::positional_order_dsl::{OrderColumn, PositionalOrderDsl},
};
use inspection_domain::{
    assignments::{
        AssignTeam, Assignment, AssignmentCommand, AssignmentFilter, AssignmentOrder, AssignmentRule,
        AssignmentStatus, Candidates, CorrectBerth,
        batch::{AssignBatch, BatchTarget},
    },
    audit::{AuditAction, Changes},
    daily_lists::InspectionList,
    entity::Entity,
    ids::{AssignmentId, UserId},
    input::{AnyOf, Invalid},
    inspections::InspectionStatus,
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest, Sort, Total, position_value},
    schema::{inspection_assignments as assignments, inspections},
    time::{Date, Instant},
    users::{Category, Shift, User},
};

pub use rows::{by_ids, get};

use crate::{
    DbConnection, Result, Tx,
    daily_lists::{self, rows as list_rows},
    db::{
        keyset::{Compared, bound},
        totals::{CountRows as _, one},
    },
    equipment::rows as equipment_rows,
    inspections::rows as inspection_rows,
    leaves::rows as leave_rows,
    roster::rows as roster_rows,
    users::rows as user_rows,
};

/// The values by which the assignments of an inspector are ordered.
type Key = (Date, AssignmentId);

/// The condition that the own half of an inspector, in this seat, has any of these statuses. It is
/// that of [`Assignment::own_status`].
macro_rules! own_status_is_any_of {
    ($statuses:expr, $seat:expr, $inspector:expr) => {{
        type Condition =
            Box<dyn BoxableExpression<assignments::table, Backend, SqlType = diesel::sql_types::Bool>>;
        let draft = || {
            diesel::dsl::exists(
                inspections::table
                    .filter(inspections::assignment_id.eq(assignments::id.nullable()))
                    .filter(inspections::technician_id.eq($inspector))
                    .filter(inspections::status.eq(InspectionStatus::Draft)),
            )
        };
        let other = AssignmentStatus::half($seat.other());
        let open = [AssignmentStatus::Assigned, AssignmentStatus::InProgress, other];
        let mut any: Condition = Box::new(assignments::id.eq(AssignmentId::UNSAVED));
        for status in $statuses {
            any = match *status {
                AssignmentStatus::Assigned => {
                    Box::new(any.or(assignments::status.eq_any(open).and(diesel::dsl::not(draft()))))
                }
                AssignmentStatus::InProgress => {
                    Box::new(any.or(assignments::status.eq_any(open).and(draft())))
                }
                status if status == other => any,
                status => Box::new(any.or(assignments::status.eq(status))),
            };
        }
        any
    }};
}

/// The assignments of an inspector on a day, in these shifts or in any, in their order.
pub fn list_by_day(
    conn: &mut DbConnection,
    inspector: UserId,
    day: Date,
    shift: &AnyOf<Shift>,
) -> Result<Vec<Assignment>> {
    Ok(with_conn!(conn, |c| {
        let own = assignments::mechanical_inspector_id
            .eq(inspector)
            .or(assignments::electrical_inspector_id.eq(inspector));
        let mut query =
            assignments::table.filter(assignments::target_date.eq(day)).filter(own).into_boxed::<Backend>();
        filter_any!(query, { assignments::shift => shift });
        query.order(assignments::id).select(Assignment::as_select()).load(c)
    })?)
}

/// A page of the assignments of an inspector, by default the latest day first.
pub fn list_by_inspector(
    conn: &mut DbConnection,
    inspector: UserId,
    filter: &AssignmentFilter,
    page: PageRequest,
) -> Result<Page<Assignment>> {
    let sort = filter.sort.unwrap_or(Sort { by: AssignmentOrder::TargetDate, descending: true });
    let after = page.after.as_ref().map(|after| {
        let (date, id) = (|(date, _): &Key| *date, |(_, id): &Key| *id);
        Ok::<Key, Invalid>((after.value(0, date)?, after.value(1, id)?))
    });
    let after = after.transpose()?;
    let (limit, offset) = (page.limit(), page.offset());
    let (keys, mut found) = with_conn!(conn, |c, estimates| {
        // One query per seat, because each seat has an ordered index; the page merges the two. Each
        // has the order and the end of the page, because no database passes these on to the parts.
        let in_seat = |seat: Category| {
            let query = assignments::table.into_boxed::<Backend>();
            let mut query = match seat {
                Category::Mechanical => query.filter(assignments::mechanical_inspector_id.eq(inspector)),
                Category::Electrical => query.filter(assignments::electrical_inspector_id.eq(inspector)),
            };
            filter_by!(query, { assignments::target_date => filter.date });
            if !filter.status.values().is_empty() {
                query = query.filter(own_status_is_any_of!(filter.status.values(), seat, inspector));
            }
            query
        };
        let keys = |seat| {
            let query =
                in_seat(seat).select((assignments::target_date, assignments::id)).limit(limit + offset);
            let query = if sort.descending {
                query.order((assignments::target_date.desc(), assignments::id.desc()))
            } else {
                query.order((assignments::target_date.asc(), assignments::id.asc()))
            };
            match after {
                None => query,
                Some((date, id)) => query.filter(Compared {
                    columns: (assignments::target_date, assignments::id),
                    values: (bound(&assignments::target_date, date), bound(&assignments::id, id)),
                    operator: if sort.descending { " < " } else { " > " },
                }),
            }
        };
        let both = keys(Category::Mechanical).union_all(keys(Category::Electrical));
        let (date, id) = (OrderColumn(1), OrderColumn(2));
        let keys: Vec<Key> = if sort.descending {
            both.positional_order_by((date.desc(), id.desc())).limit(limit).offset(offset).load(c)?
        } else {
            both.positional_order_by((date.asc(), id.asc())).limit(limit).offset(offset).load(c)?
        };
        let mut total = Total::exact(0);
        for seat in Category::ALL {
            total = total.plus(c.total(estimates, &in_seat(*seat).select(one()), page.count)?);
        }
        let keys = Page::new(page, keys, total, |(date, id)| vec![position_value(date), position_value(id)]);
        let found: Vec<Assignment> = assignments::table
            .filter(assignments::id.eq_any(keys.items.iter().map(|(_, id)| *id)))
            .select(Assignment::as_select())
            .load(c)?;
        (keys, found)
    });
    found.sort_by_key(|assignment| keys.items.iter().position(|(_, id)| *id == assignment.id));
    Ok(keys.with_items(found))
}

/// A page of the backlog: unfinished and past the deadline, the oldest deadline first (§4).
pub fn backlog(conn: &mut DbConnection, now: Instant, page: PageRequest) -> Result<Page<Assignment>> {
    paged!(
        conn,
        page,
        Assignment,
        || assignments::table
            .filter(assignments::status.eq_any(AssignmentStatus::UNFINISHED))
            .filter(assignments::deadline.lt(now))
            .into_boxed::<Backend>(),
        assignments by asc [deadline, id]
    )
}

/// Marks assignments of the backlog, each once, and notifies the admins (§4, §16). Locks up to
/// `limit` assignments; returns their number.
pub(crate) fn mark_backlog(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let now = tx.now;
    let unmarked = assignments::table
        .filter(assignments::status.eq_any(AssignmentStatus::UNFINISHED))
        .filter(assignments::deadline.lt(now))
        .filter(assignments::backlog_marked_at.is_null())
        .order(assignments::id)
        .limit(limit);
    let late: Vec<Assignment> = lock_rows!(&mut *tx.conn, unmarked.select(Assignment::as_select()), load)?;
    let ids: Vec<AssignmentId> = late.iter().map(|assignment| assignment.id).collect();
    with_conn!(&mut *tx.conn, |c| diesel::update(assignments::table.filter(assignments::id.eq_any(&ids)))
        .set(assignments::backlog_marked_at.eq(now))
        .execute(c))?;
    let machines = equipment_rows::by_ids(tx.conn, late.iter().map(|assignment| assignment.equipment_id))?;
    let admins = user_rows::active_admins(tx.conn)?;
    for assignment in &late {
        let Some(machine) = machines.get(&assignment.equipment_id) else { continue };
        let notice = Notice::new(NotificationType::BacklogTriggered)
            .with("equipment", (machine.name.as_str(), machine.name_ar.as_deref()))
            .with("date", &assignment.target_date)
            .about(assignment);
        tx.notify(admins.iter().copied(), &notice);
        // The team doesn't see the mark, so the change feed doesn't have it.
        let marked = Changes::none().with("backlog_marked_at", now.to_string());
        tx.audit(AuditAction::Update, Assignment::NAME, assignment.id.get(), marked);
    }
    Ok(late.len())
}

/// The members of a team, who are locked, so that they can't be deactivated or sent on leave
/// meanwhile, their leaves and their entries of the roster on a day.
pub(crate) fn lock_candidates(tx: &mut Tx<'_>, team: &AssignTeam, date: Date) -> Result<Candidates> {
    let members = [team.mechanical_inspector_id, team.electrical_inspector_id];
    let people = user_rows::lock_all(tx.conn, &members)?;
    let leaves = leave_rows::including(tx.conn, &members, date)?;
    let roster = roster_rows::list_of(tx.conn, &members, &[date])?;
    Ok(Candidates { people, leaves, roster })
}

/// Assigns a team, or another one, and notifies those who get or lose a seat (§4); the same team
/// again changes nothing. Locks the assignment, its list and the inspectors.
pub fn assign(tx: &mut Tx<'_>, id: AssignmentId, team: &AssignTeam) -> Result<Assignment> {
    let before = rows::lock(tx.conn, id)?;
    let list = list_rows::lock(tx.conn, before.list_id)?;
    let candidates = lock_candidates(tx, team, before.target_date)?;
    let planner = tx.actor()?.id;
    let after = before.assign(team, &candidates, planner, tx.calendar(), tx.now)?;
    tx.warn(before.warnings_about(team, &candidates));
    if after == before {
        return Ok(before);
    }
    rows::write(tx, AuditAction::Assign, &before, &after)?;
    daily_lists::recount(tx, &list)?;
    notices::seats_changed(tx, &[(&before, Some(&after))])?;
    Ok(after)
}

/// Assigns one team to several assignments of a list, all or none (§4). Each person gets one
/// notification. Returns the assignments by id. A fixed number of statements. Locks the
/// assignments, their list and the inspectors.
pub fn assign_batch(tx: &mut Tx<'_>, batch: &AssignBatch) -> Result<Vec<Assignment>> {
    let target = batch.target()?;
    let ids = match &target {
        BatchTarget::Assignments(ids) => ids.clone(),
        BatchTarget::Berth(list, berth) => rows::ids_at_berth(tx.conn, *list, berth)?,
    };
    let before = rows::lock_all(tx.conn, &ids)?;
    AssignBatch::may_be_all(&target, &before)?;
    let Some(first) = before.first() else { return Ok(Vec::new()) };
    let list = list_rows::lock(tx.conn, first.list_id)?;
    let team = batch.team();
    let candidates = lock_candidates(tx, &team, first.target_date)?;
    let planner = tx.actor()?.id;
    let after = Assignment::assign_all(&before, &team, &candidates, planner, tx.calendar(), tx.now)?;
    tx.warn(first.warnings_about(&team, &candidates));
    let changed: Vec<(&Assignment, &Assignment)> =
        before.iter().zip(&after).filter(|(before, after)| before != after).collect();
    if !changed.is_empty() {
        rows::write_teams(tx, &changed)?;
        daily_lists::recount(tx, &list)?;
        let seats: Vec<_> = changed.iter().map(|(before, after)| (*before, Some(*after))).collect();
        notices::seats_changed(tx, &seats)?;
    }
    Ok(after)
}

/// Corrects the berth of an assignment (§4). Locks the assignment.
pub fn correct_berth(tx: &mut Tx<'_>, id: AssignmentId, correction: CorrectBerth) -> Result<Assignment> {
    let before = rows::lock(tx.conn, id)?;
    let after = before.with_berth(correction, tx.now);
    if after.berth == before.berth {
        return Ok(before);
    }
    rows::write(tx, AuditAction::Update, &before, &after)?;
    Ok(after)
}

/// Marks an assignment, which is locked, as started by one of its team (§4).
pub(crate) fn begin(tx: &mut Tx<'_>, before: &Assignment, half: Category) -> Result<()> {
    let after = before.after(AssignmentCommand::Start(half), tx.now)?;
    if after.status != before.status {
        rows::write(tx, AuditAction::Start, before, &after)?;
    }
    Ok(())
}

/// Finishes an assignment; it and its list are locked (§9).
pub(crate) fn finish(tx: &mut Tx<'_>, before: &Assignment, list: &InspectionList) -> Result<()> {
    let after = before.after(AssignmentCommand::Finish, tx.now)?;
    rows::write(tx, AuditAction::Complete, before, &after)?;
    daily_lists::recount(tx, list)?;
    Ok(())
}

/// The assignment, if the actor has submitted their half of it; submitting has completed the half
/// (§5).
pub fn confirm(conn: &mut DbConnection, actor: &User, id: AssignmentId) -> Result<Assignment> {
    let assignment = rows::get(conn, id)?;
    let half = assignment.half_of(actor)?;
    if inspection_rows::is_half_submitted(conn, id, half, actor.id)? {
        Ok(assignment)
    } else {
        Err(AssignmentRule::NotHandedIn.into())
    }
}
