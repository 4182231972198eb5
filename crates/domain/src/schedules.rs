//! Weekly plans: the days of the week on which a machine is inspected (rule book §5).

use serde::Serialize;

use crate::{
    equipment::{Equipment, EquipmentStatus},
    ids::{EquipmentId, ScheduleId, UserId},
    input::{Invalid, input},
    time::{Date, Instant},
    weekdays::DayOfWeek,
};

/// A day of the week on which a machine is inspected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::equipment_schedules, treat_none_as_default_value = false)
)]
pub struct Schedule {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: ScheduleId,
    /// The machine.
    pub equipment_id: EquipmentId,
    /// Day of the week, 0 (Monday) to 6 (Sunday).
    pub day_of_week: DayOfWeek,
    /// User that planned it.
    pub created_by_id: Option<UserId>,
    /// Creation time.
    pub created_at: Instant,
}

impl crate::entity::Entity for Schedule {
    const NAME: &'static str = "schedule";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

crate::shows!(Schedule {});

input! {
    /// A weekly inspection day to add.
    pub struct NewSchedule {
        /// The machine.
        equipment_id: EquipmentId,
        /// Day of the week: 0 (Monday) to 6 (Sunday), or its name.
        day_of_week: DayOfWeek,
    }
}

/// Completed inspections of a machine in an ISO week. Each half of an assignment counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeeklyCompletion {
    /// Number of inspections.
    pub completions: i32,
    /// Day of the last inspection; none if unknown.
    pub last_completed_on: Option<Date>,
}

/// State of a planned day in the current week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Planned for today, with an inspection today.
    DoneToday,
    /// Planned for today, without an inspection so far.
    DueToday,
    /// In the past, without an inspection on or after that day.
    Overdue,
    /// In the future, or in the past with an inspection.
    Settled,
}

impl NewSchedule {
    /// Builds the planned day.
    pub fn draft(&self, planner: UserId, now: Instant) -> Schedule {
        Schedule {
            id: ScheduleId::UNSAVED,
            equipment_id: self.equipment_id,
            day_of_week: self.day_of_week,
            created_by_id: Some(planner),
            created_at: now,
        }
    }
}

/// Checks that the machine exists and is in service.
pub fn may_be_planned(machine: Option<&Equipment>) -> Result<(), Invalid> {
    match machine {
        Some(machine) if machine.status == EquipmentStatus::OutOfService => {
            Err(Invalid::field("equipment_id", "is out of service"))
        }
        Some(_) => Ok(()),
        None => Err(Invalid::field("equipment_id", "there is no such equipment")),
    }
}

impl Schedule {
    /// State of this planned day today, given the inspections of the current ISO week. An
    /// inspection settles its own day and earlier days, but not later ones.
    pub fn standing(&self, today: Date, done: Option<WeeklyCompletion>) -> Standing {
        let day = today.monday().plus_days(self.day_of_week.get().into());
        let is_done = done.is_some_and(|done| done.last_completed_on.is_none_or(|last| last >= day));
        match (day.cmp(&today), is_done) {
            (std::cmp::Ordering::Equal, true) => Standing::DoneToday,
            (std::cmp::Ordering::Equal, false) => Standing::DueToday,
            (std::cmp::Ordering::Less, false) => Standing::Overdue,
            _ => Standing::Settled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        input::Input,
        rule::Rule,
        testing::{equipment, fields, id, now},
    };

    fn date(text: &str) -> Date {
        Date::parse(text).expect("a date")
    }

    fn schedule(day: usize) -> Schedule {
        Schedule {
            id: id(1),
            equipment_id: id(1),
            day_of_week: DayOfWeek::ALL[day],
            created_by_id: None,
            created_at: now(),
        }
    }

    #[test]
    fn the_state_of_a_planned_day_follows_from_the_last_inspection_of_the_week() {
        // The week of New Year: Monday 2026-12-28 to Sunday 2027-01-03, ISO week 53 of 2026.
        let monday = date("2026-12-28");
        for today in 0..7 {
            for planned in 0..7 {
                for done in [None].into_iter().chain((0..=today).map(Some)) {
                    let completion = done.map(|done| WeeklyCompletion {
                        completions: 1,
                        last_completed_on: Some(monday.plus_days(done)),
                    });
                    let is_done = done.is_some_and(|done| done >= planned);
                    let expected = match planned.cmp(&today) {
                        std::cmp::Ordering::Equal if is_done => Standing::DoneToday,
                        std::cmp::Ordering::Equal => Standing::DueToday,
                        std::cmp::Ordering::Less if !is_done => Standing::Overdue,
                        _ => Standing::Settled,
                    };
                    let schedule = schedule(usize::try_from(planned).expect("a day"));
                    let standing = schedule.standing(monday.plus_days(today), completion);
                    assert_eq!(standing, expected, "today {today}, planned {planned}, done {done:?}");
                }
            }
        }
    }

    #[test]
    fn a_week_without_a_known_last_day_is_settled() {
        let known = WeeklyCompletion { completions: 1, last_completed_on: None };
        assert_eq!(schedule(0).standing(date("2026-03-04"), Some(known)), Standing::Settled);
    }

    #[test]
    fn a_planned_day_names_its_planner() {
        let body = serde_json::json!({"equipment_id": 3, "day_of_week": "friday"});
        let planned = NewSchedule::from_json(body).expect("a day").draft(id(9), now());
        insta::assert_snapshot!(fields(&planned).join("\n"), @r"
        id: ScheduleId(0)
        equipment_id: EquipmentId(3)
        day_of_week: DayOfWeek(4)
        created_by_id: Some(UserId(9))
        created_at: Instant(2026-03-01T07:00:00Z)
        ");
    }

    #[test]
    fn a_machine_out_of_service_is_not_planned() {
        let refused = |machine: Option<&Equipment>| {
            let fields = may_be_planned(machine).err().into_iter().flat_map(|refusal| refusal.fields());
            fields.map(|error| error.field).collect::<Vec<_>>()
        };
        for &status in EquipmentStatus::ALL {
            let is_out = status == EquipmentStatus::OutOfService;
            let expected: &[&str] = if is_out { &["equipment_id"] } else { &[] };
            assert_eq!(refused(Some(&Equipment { status, ..equipment() })), expected, "{status}");
        }
        assert_eq!(refused(None), ["equipment_id"]);
    }
}
