//! Directory: active people, and what is known of their work on a date (§1).

use diesel::prelude::*;
use inspection_domain::{
    assignments::{Assignment, AssignmentStatus},
    directory::{DirectoryEntry, DirectoryFilter, Schedules},
    ids::UserId,
    jobs::JobStatus,
    schema::{inspection_assignments as assignments, jobs},
    time::Date,
    users::{Shift, User},
};

use crate::{
    DbConnection, Result, leaves::rows as leave_rows, roster::rows as roster_rows, users::rows as user_rows,
};

/// The active people whom a filter admits, by name. One statement.
pub fn people(conn: &mut DbConnection, filter: &DirectoryFilter) -> Result<Vec<User>> {
    Ok(filter.select(user_rows::active(conn)?))
}

/// Facts about people on a date. Four statements for any number of people.
fn schedules(conn: &mut DbConnection, people: &[UserId], date: Date) -> Result<Schedules> {
    let roster = roster_rows::list_of(conn, people, &[date])?;
    let leaves = leave_rows::including(conn, people, date)?;
    let (assignments, jobs) = with_conn!(conn, |c| {
        let is_on_team = assignments::mechanical_inspector_id
            .eq_any(people)
            .or(assignments::electrical_inspector_id.eq_any(people));
        let assignments: Vec<Assignment> = assignments::table
            .filter(assignments::target_date.eq(date))
            .filter(assignments::status.eq_any(AssignmentStatus::UNFINISHED))
            .filter(is_on_team)
            .select(Assignment::as_select())
            .load(c)?;
        let jobs: Vec<(UserId, i64)> = jobs::table
            .filter(jobs::owner_id.eq_any(people))
            .filter(jobs::status.eq_any(JobStatus::LIVE))
            .group_by(jobs::owner_id)
            .select((jobs::owner_id, diesel::dsl::count_star()))
            .load(c)?;
        (assignments, jobs)
    });
    Ok(Schedules { roster, leaves, assignments, jobs })
}

/// The entries of people for a date and perhaps a shift, in their order. Four statements for any
/// number of people.
pub fn entries(
    conn: &mut DbConnection,
    people: Vec<User>,
    date: Date,
    shift: Option<Shift>,
) -> Result<Vec<DirectoryEntry>> {
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
    let known = schedules(conn, &ids, date)?;
    Ok(people.into_iter().map(|person| DirectoryEntry::new(person, date, shift, &known)).collect())
}
