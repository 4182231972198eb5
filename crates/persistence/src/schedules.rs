//! The weekly plan: reads and units of work (§4).

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    equipment::{Equipment, EquipmentStatus},
    ids::ScheduleId,
    schedules::{NewSchedule, Schedule, Standing, WeeklyCompletion, may_be_planned},
    schema::{equipment, equipment_schedules as schedules, equipment_weekly_completions as completions},
    time::Date,
};

use crate::{DbConnection, Error, Result, Tx, equipment::rows as equipment_rows};

/// A planned day of a machine, and its standing this week.
#[derive(Debug, Clone)]
pub struct PlannedDay {
    /// The planned day.
    pub schedule: Schedule,
    /// The machine.
    pub machine: Equipment,
    /// Whether the day is done, due or overdue.
    pub standing: Standing,
}

/// A planned day, its machine, and the number and last day of the machine's inspections this week.
type ScheduleRow = (Schedule, Equipment, Option<(i32, Option<Date>)>);

/// The days planned for machines in service, from the start of this ISO week until today. One
/// statement.
pub fn until(conn: &mut DbConnection, today: Date) -> Result<Vec<PlannedDay>> {
    let week = today.week();
    let this_week = completions::table.on(completions::equipment_id
        .eq(schedules::equipment_id)
        .and(completions::iso_year.eq(week.year))
        .and(completions::iso_week.eq(week.number)));
    let rows: Vec<ScheduleRow> = with_conn!(conn, |c| schedules::table
        .inner_join(equipment::table)
        .left_join(this_week)
        .filter(schedules::day_of_week.le(today.day_of_week()))
        .filter(equipment::status.ne(EquipmentStatus::OutOfService))
        .order((schedules::day_of_week, schedules::equipment_id))
        .select((
            Schedule::as_select(),
            Equipment::as_select(),
            (completions::completions, completions::last_completed_on).nullable(),
        ))
        .load(c))?;
    let planned = rows.into_iter().map(|(schedule, machine, done)| {
        let done =
            done.map(|(completions, last_completed_on)| WeeklyCompletion { completions, last_completed_on });
        PlannedDay { standing: schedule.standing(today, done), schedule, machine }
    });
    Ok(planned.collect())
}

/// The whole plan, by day. One statement.
pub fn all(conn: &mut DbConnection) -> Result<Vec<(Schedule, Equipment)>> {
    Ok(with_conn!(conn, |c| schedules::table
        .inner_join(equipment::table)
        .order((schedules::day_of_week, schedules::equipment_id))
        .select((Schedule::as_select(), Equipment::as_select()))
        .load(c))?)
}

/// Plans a machine for a day of the week. Locks the machine.
pub fn create(tx: &mut Tx<'_>, new: &NewSchedule) -> Result<(Schedule, Equipment)> {
    let machine = equipment_rows::find_and_lock(tx.conn, new.equipment_id)?;
    may_be_planned(machine.as_ref())?;
    let machine = machine.ok_or_else(Error::not_found::<Equipment>)?;
    let schedule = new.draft(tx.actor()?.id, tx.now);
    Ok((rows::insert(tx, &schedule)?, machine))
}

/// Deletes a day from the plan. Locks it.
pub fn delete(tx: &mut Tx<'_>, id: ScheduleId) -> Result<()> {
    let schedule = rows::lock(tx.conn, id)?;
    rows::delete(tx, &schedule)
}
