//! Assignments: reads, and units of work from the team to the last verdict.

use diesel::{
    prelude::*,
    query_dsl::positional_order_dsl::{OrderColumn, PositionalOrderDsl},
};
use inspection_domain::{
    assignments::{
        AssignTeam, Assignment, AssignmentCommand, AssignmentFilter, AssignmentOrder, AssignmentRule,
        AssignmentStatus, Candidates, CorrectBerth,
    },
    audit::{AuditAction, Changes},
    daily_lists::InspectionList,
    ids::{AssignmentId, UserId},
    inspections::InspectionStatus,
    notifications::{Notice, NotificationType},
    page::{Page, PageRequest, Sort},
    rule::NotFound,
    schema::{inspection_assignments as assignments, inspections},
    sync::ChangedKind,
    time::{Date, Instant},
    users::{Category, User},
};

use crate::{
    DbConnection, Result, Tx, assessments, daily_lists, db::database::one_row, equipment, jobs, leaves,
    takeovers, users,
};

/// A page of the assignments somebody is on the team of; the latest day first, if no order is asked for.
pub fn list_by_inspector(
    conn: &mut DbConnection,
    inspector: UserId,
    filter: &AssignmentFilter,
    page: PageRequest,
) -> Result<Page<Assignment>> {
    let sort = filter.sort.unwrap_or(Sort { by: AssignmentOrder::TargetDate, descending: true });
    let (limit, offset) = (i64::from(page.per_page), page.offset());
    let (keys, mut found, total) = with_conn!(conn, |c| {
        // Each seat by itself, since each has an index that is in order: the page is where the two meet.
        let in_seat = |seat: Category| {
            let query = assignments::table.into_boxed::<Backend>();
            let mut query = match seat {
                Category::Mechanical => query.filter(assignments::mechanical_inspector_id.eq(inspector)),
                Category::Electrical => query.filter(assignments::electrical_inspector_id.eq(inspector)),
            };
            filter_by!(query, {
                assignments::target_date => filter.date,
                assignments::status => filter.status,
            });
            query
        };
        let keys = |seat| in_seat(seat).select((assignments::target_date, assignments::id));
        let both = keys(Category::Mechanical).union_all(keys(Category::Electrical));
        let (date, id) = (OrderColumn(1), OrderColumn(2));
        let keys: Vec<(Date, AssignmentId)> = if sort.descending {
            both.positional_order_by((date.desc(), id.desc())).limit(limit).offset(offset).load(c)?
        } else {
            both.positional_order_by((date.asc(), id.asc())).limit(limit).offset(offset).load(c)?
        };
        let found: Vec<Assignment> = assignments::table
            .filter(assignments::id.eq_any(keys.iter().map(|(_, id)| *id)))
            .select(Assignment::as_select())
            .load(c)?;
        let mut total: i64 = 0;
        for seat in Category::ALL {
            total += in_seat(*seat).count().get_result::<i64>(c)?;
        }
        (keys, found, total)
    });
    found.sort_by_key(|assignment| keys.iter().position(|(_, id)| *id == assignment.id));
    Ok(Page { items: found, total, request: page })
}

/// A page of the backlog: unfinished and past the deadline, the oldest deadline first (§4).
pub fn backlog(conn: &mut DbConnection, now: Instant, page: PageRequest) -> Result<Page<Assignment>> {
    let (items, total) = with_conn!(conn, |c| {
        let overdue = assignments::table
            .filter(assignments::status.eq_any(AssignmentStatus::UNFINISHED))
            .filter(assignments::deadline.lt(now));
        let items = overdue
            .clone()
            .order((assignments::deadline, assignments::id))
            .select(Assignment::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, overdue.count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// One assignment.
pub fn get(conn: &mut DbConnection, id: AssignmentId) -> Result<Assignment> {
    with_conn!(conn, |c| assignments::table.find(id).select(Assignment::as_select()).first(c))
        .optional()?
        .ok_or_else(|| NotFound("assignment").into())
}

/// One assignment, locked until the transaction ends.
pub(crate) fn locked(conn: &mut DbConnection, id: AssignmentId) -> Result<Assignment> {
    lock_rows!(conn, assignments::table.find(id).select(Assignment::as_select()), first)
        .optional()?
        .ok_or_else(|| NotFound("assignment").into())
}

/// Writes an assignment that is locked.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    action: AuditAction,
    before: &Assignment,
    after: &Assignment,
) -> Result<()> {
    let seen = assignments::table.find(before.id).filter(assignments::status.eq(before.status));
    one_row(with_conn!(&mut *tx.conn, |c| diesel::update(seen).set(after).execute(c))?)?;
    tx.record_change(ChangedKind::Assignment, before.id.get(), before.team().into_iter().chain(after.team()));
    tx.audit(action, "assignment", before.id.get(), Changes::between(Some(before), Some(after)));
    Ok(())
}

/// Marks assignments of the backlog, each once, and tells the admins (§4). At most so many; says how many.
pub(crate) fn mark_backlog(tx: &mut Tx<'_>, at_most: i64) -> Result<usize> {
    let now = tx.now;
    let unmarked = assignments::table
        .filter(assignments::status.eq_any(AssignmentStatus::UNFINISHED))
        .filter(assignments::deadline.lt(now))
        .filter(assignments::backlog_marked_at.is_null())
        .order(assignments::id)
        .limit(at_most);
    let late: Vec<Assignment> = lock_rows!(&mut *tx.conn, unmarked.select(Assignment::as_select()), load)?;
    let ids: Vec<AssignmentId> = late.iter().map(|assignment| assignment.id).collect();
    with_conn!(&mut *tx.conn, |c| diesel::update(assignments::table.filter(assignments::id.eq_any(&ids)))
        .set(assignments::backlog_marked_at.eq(now))
        .execute(c))?;
    let machines = equipment::by_ids(tx.conn, late.iter().map(|assignment| assignment.equipment_id))?;
    let admins = jobs::admins(tx)?;
    for assignment in &late {
        let Some(machine) = machines.get(&assignment.equipment_id) else { continue };
        let notice = Notice::new(NotificationType::BacklogTriggered)
            .with("equipment", (machine.name.as_str(), machine.name_ar.as_deref()))
            .with("date", &assignment.target_date)
            .about("assignment", assignment.id.get(), "/assignments");
        tx.notify(admins.iter().copied(), &notice);
        let marked = Changes::none().with("backlog_marked_at", now.to_string());
        tx.audit(AuditAction::Update, "assignment", assignment.id.get(), marked);
    }
    Ok(late.len())
}

/// Gives an assignment its team, or another one, and tells both (§4); the same again changes nothing.
pub fn assign(tx: &mut Tx<'_>, id: AssignmentId, team: &AssignTeam) -> Result<Assignment> {
    let before = locked(tx.conn, id)?;
    let list = daily_lists::locked(tx.conn, before.list_id)?;
    let members = [team.mechanical_inspector_id, team.electrical_inspector_id];
    // Held, so that nobody is deactivated or sent on leave meanwhile.
    let found = users::held(tx.conn, &members)?;
    let leaves = leaves::around(tx.conn, &members, before.target_date)?;
    let candidates = Candidates { people: found, leaves };
    let planner = tx.actor()?.id;
    let after = before.assign(team, &candidates, planner, tx.calendar(), tx.now)?;
    if after.team() == before.team() {
        return Ok(before);
    }
    write(tx, AuditAction::Assign, &before, &after)?;
    daily_lists::recount(tx, &list)?;
    let machine = equipment::get(tx.conn, after.equipment_id)?;
    let name_of = |id: UserId| {
        let person = candidates.people.iter().find(|person| person.id == id);
        person.map(|person| person.full_name.as_str()).unwrap_or_default()
    };
    let [mechanical, electrical] = members;
    for (member, partner) in [(mechanical, electrical), (electrical, mechanical)] {
        let notice = Notice::new(NotificationType::InspectionAssigned)
            .with("equipment", machine.name.as_str())
            .with("date", &after.target_date)
            .with("partner", name_of(partner))
            .about("assignment", id.get(), "/assignments");
        tx.notify([member], &notice);
    }
    Ok(after)
}

/// Puts right where the machine of an assignment is (§4).
pub fn correct_berth(tx: &mut Tx<'_>, id: AssignmentId, correction: CorrectBerth) -> Result<Assignment> {
    let before = locked(tx.conn, id)?;
    let after = before.with_berth(correction, tx.now);
    if after.berth == before.berth {
        return Ok(before);
    }
    write(tx, AuditAction::Update, &before, &after)?;
    Ok(after)
}

/// Marks an assignment as begun by one of its team (§4).
pub(crate) fn begin(tx: &mut Tx<'_>, before: &Assignment, half: Category) -> Result<()> {
    let after = before.after(AssignmentCommand::Start(half), tx.now)?;
    if after.status != before.status {
        write(tx, AuditAction::Start, before, &after)?;
    }
    Ok(())
}

/// Completes one half of an assignment, which is locked. With the other half complete too, the machine's assessment is made
/// and both inspectors are asked for their verdict (§5).
pub(crate) fn complete_half(tx: &mut Tx<'_>, before: &Assignment, half: Category) -> Result<()> {
    let after = before.after(AssignmentCommand::Complete(half), tx.now)?;
    write(tx, AuditAction::Complete, before, &after)?;
    if after.status == AssignmentStatus::BothComplete {
        assess(tx, &after)?;
        takeovers::finish_assignment(tx, &after)?;
    }
    Ok(())
}

/// Makes the assessment of an assignment of which both halves are complete (§9).
fn assess(tx: &mut Tx<'_>, before: &Assignment) -> Result<()> {
    let after = before.after(AssignmentCommand::Assess, tx.now)?;
    write(tx, AuditAction::Update, before, &after)?;
    assessments::make(tx, &after)
}

/// Is done with an assignment, which is locked, as is its list (§9).
pub(crate) fn finish(tx: &mut Tx<'_>, before: &Assignment, list: &InspectionList) -> Result<()> {
    let after = before.after(AssignmentCommand::Finish, tx.now)?;
    write(tx, AuditAction::Complete, before, &after)?;
    daily_lists::recount(tx, list)?;
    Ok(())
}

/// The assignment, of which the actor's half is complete: handing in their inspection has made it so (§5).
pub fn confirm(conn: &mut DbConnection, actor: &User, id: AssignmentId) -> Result<Assignment> {
    let assignment = get(conn, id)?;
    let half = assignment.half_of(actor)?;
    let own = inspections::table
        .filter(inspections::assignment_id.eq(id))
        .filter(inspections::category.eq(half))
        .filter(inspections::technician_id.eq(actor.id))
        .filter(inspections::status.ne(InspectionStatus::Draft));
    let is_handed_in: bool = with_conn!(conn, |c| diesel::select(diesel::dsl::exists(own)).get_result(c))?;
    if is_handed_in { Ok(assignment) } else { Err(AssignmentRule::NotHandedIn.into()) }
}

/// Some assignments, whoever's they are.
pub fn by_ids(conn: &mut DbConnection, ids: &[i64]) -> Result<Vec<Assignment>> {
    let wanted = assignments::table.filter(assignments::id.eq_any(ids));
    Ok(with_conn!(conn, |c| wanted.select(Assignment::as_select()).load(c))?)
}
