//! Marks that follow from leaves and from the clock (§10).

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    ids::UserId,
    leaves::Leave,
    schema::{leaves, users},
};

use super::query::Setting;
use crate::{DbConnection, Result, leaves::in_force};

/// The leaves in force whose first day has come, by person.
fn begun(conn: &mut DbConnection, setting: &Setting) -> Result<HashMap<UserId, Vec<Leave>>> {
    let today = setting.calendar.working_day(setting.now);
    let found: Vec<Leave> = with_conn!(conn, |c| in_force!()
        .filter(leaves::date_from.le(today))
        .select(Leave::as_select())
        .load(c))?;
    let mut by_person: HashMap<UserId, Vec<Leave>> = HashMap::new();
    for leave in found {
        by_person.entry(leave.user_id).or_default().push(leave);
    }
    Ok(by_person)
}

fn marked(conn: &mut DbConnection) -> Result<Vec<UserId>> {
    Ok(with_conn!(conn, |c| users::table.filter(users::is_on_leave).select(users::id).load(c))?)
}

/// People marked as on leave without a leave that has begun.
pub(super) fn absence_marks_have_a_leave(conn: &mut DbConnection, setting: &Setting) -> Result<Vec<i64>> {
    let begun = begun(conn, setting)?;
    let without = marked(conn)?.into_iter().filter(|person| !begun.contains_key(person));
    Ok(without.map(UserId::get).collect())
}

/// People whose leave covers today and who aren't marked, though the leave was approved on one of
/// its days, or the task that marks them has run on one. The mark of a half day turns at 13:00 and
/// is left out.
pub(super) fn leaves_in_force_are_marked(conn: &mut DbConnection, setting: &Setting) -> Result<Vec<i64>> {
    let begun = begun(conn, setting)?;
    let marked = marked(conn)?;
    let is_due = |leave: &Leave| {
        let was_during = |at| leave.is_absence_at(at, &setting.calendar);
        let seen = [leave.decided_at, setting.leaves_updated_at.filter(|at| Some(*at) >= leave.decided_at)];
        leave.half_day.is_none() && was_during(setting.now) && seen.into_iter().flatten().any(was_during)
    };
    let due = begun.iter().filter(|(_, leaves)| leaves.iter().any(is_due));
    Ok(due.map(|(person, _)| *person).filter(|person| !marked.contains(person)).map(UserId::get).collect())
}

/// Leaves in force whose last day was past when the task that ends them ran last.
pub(super) fn expired_leaves_are_ended(conn: &mut DbConnection, setting: &Setting) -> Result<Vec<i64>> {
    let Some(ran_at) = setting.leaves_updated_at else { return Ok(Vec::new()) };
    let day = setting.calendar.working_day(ran_at);
    let expired: Vec<Leave> =
        with_conn!(conn, |c| in_force!().filter(leaves::date_to.lt(day)).select(Leave::as_select()).load(c))?;
    let before = expired.into_iter().filter(|leave| leave.decided_at.is_none_or(|decided| decided < ran_at));
    Ok(before.map(|leave| leave.id.get()).collect())
}
