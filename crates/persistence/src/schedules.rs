//! The weekly plan: reads, and units of work.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    equipment::{Equipment, EquipmentStatus},
    ids::ScheduleId,
    rule::NotFound,
    schedules::{NewSchedule, Schedule, Standing, WeeklyCompletion, may_be_planned},
    schema::{equipment, equipment_schedules as schedules, equipment_weekly_completions as completions},
    time::Date,
};

use crate::{DbConnection, Result, Tx, db::database::one_row, equipment as machines};

/// A planned day, its machine, and what of it was done in the week.
#[derive(Debug, Clone)]
pub struct PlannedDay {
    /// The planned day.
    pub schedule: Schedule,
    /// The machine.
    pub machine: Equipment,
    /// How the day stands.
    pub standing: Standing,
}

/// A planned day, its machine, and how often and when last that was inspected in the week.
type Row = (Schedule, Equipment, Option<(i32, Option<Date>)>);

/// What is planned for today or was planned for an earlier day of this ISO week, of machines in service: one query.
pub fn until(conn: &mut DbConnection, today: Date) -> Result<Vec<PlannedDay>> {
    let week = today.week();
    let this_week = completions::table.on(completions::equipment_id
        .eq(schedules::equipment_id)
        .and(completions::iso_year.eq(week.year))
        .and(completions::iso_week.eq(week.number)));
    let rows: Vec<Row> = with_conn!(conn, |c| schedules::table
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

/// The whole plan, by day: one query.
pub fn all(conn: &mut DbConnection) -> Result<Vec<(Schedule, Equipment)>> {
    Ok(with_conn!(conn, |c| schedules::table
        .inner_join(equipment::table)
        .order((schedules::day_of_week, schedules::equipment_id))
        .select((Schedule::as_select(), Equipment::as_select()))
        .load(c))?)
}

/// Plans a machine for a day of the week.
pub fn create(tx: &mut Tx<'_>, new: &NewSchedule) -> Result<(Schedule, Equipment)> {
    let machine = machines::find_locked(tx.conn, new.equipment_id)?;
    may_be_planned(machine.as_ref())?;
    let machine = machine.ok_or(NotFound("equipment"))?;
    let schedule = new.draft(tx.actor()?.id, tx.now);
    let schedule: Schedule = with_conn!(&mut *tx.conn, |c| diesel::insert_into(schedules::table)
        .values(&schedule)
        .returning(Schedule::as_returning())
        .get_result(c))?;
    tx.audit(AuditAction::Create, "schedule", schedule.id.get(), Changes::between(None, Some(&schedule)));
    Ok((schedule, machine))
}

/// Takes a day out of the plan.
pub fn delete(tx: &mut Tx<'_>, id: ScheduleId) -> Result<()> {
    let found: Option<Schedule> =
        lock_rows!(&mut *tx.conn, schedules::table.find(id).select(Schedule::as_select()), first)
            .optional()?;
    let schedule = found.ok_or(NotFound("schedule"))?;
    one_row(with_conn!(&mut *tx.conn, |c| diesel::delete(schedules::table.find(id)).execute(c))?)?;
    tx.audit(AuditAction::Delete, "schedule", id.get(), Changes::between(Some(&schedule), None));
    Ok(())
}
