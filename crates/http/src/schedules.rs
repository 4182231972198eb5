//! The weekly plan: which machines are inspected on which day.

use std::collections::{BTreeMap, HashMap};

use inspection_auth::permissions::{ManageSchedules, SignedIn};
use inspection_domain::{
    equipment::Equipment,
    ids::{ScheduleId, UserId},
    schedules::{NewSchedule, Schedule, Standing},
    text::Language,
    time::Date,
    translations::{Slot, Translated},
    users::UserSummary,
    weekdays::DayOfWeek,
};
use inspection_persistence::{self as persistence, DbConnection, schedules, users};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::EquipmentView,
    web::{
        app::App,
        input::{Body, Path},
        permit::Permit,
        problem::Problem,
        reply::{Created, Done, Reply},
        routes::Routes,
    },
};

/// Endpoints of the weekly plan.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/schedules/today",
        "schedules.today",
        today,
        "What is planned for today, and what of this week is overdue",
    );
    routes.get("/api/schedules/weekly", "schedules.weekly", weekly, "The whole weekly plan, by day");
    routes.post("/api/schedules", "schedules.create", create, "Plan a machine for a day of the week");
    routes.delete("/api/schedules/{id}", "schedules.delete", delete, "Take a day out of the plan");
}

inspection_domain::shows!(
    ScheduleView { equipment },
    DueView { schedule },
    TodayView { scheduled_today, overdue },
    PlannedMachine { equipment },
    DayView { equipment }
);

/// A planned day for a reader.
#[derive(Debug, Serialize, ToSchema)]
struct ScheduleView {
    #[serde(flatten)]
    schedule: Schedule,
    /// The machine.
    equipment: EquipmentView,
}

/// A planned day of this week.
#[derive(Debug, Serialize, ToSchema)]
struct DueView {
    #[serde(flatten)]
    schedule: ScheduleView,
    /// Whether the machine has been inspected since.
    is_completed: bool,
}

/// What is to be done today.
#[derive(Debug, Serialize, ToSchema)]
struct TodayView {
    /// Planned for today.
    scheduled_today: Vec<DueView>,
    /// Planned for an earlier day of this week, and not inspected since.
    overdue: Vec<DueView>,
    /// Today's date at the site.
    today: Date,
    /// Today's day of the week, 0 (Monday) to 6 (Sunday).
    day_of_week: DayOfWeek,
    /// ISO week.
    week_number: i32,
    /// The year that the ISO week belongs to.
    week_year: i32,
}

/// Who looks after these machines.
fn technicians<'a>(
    conn: &mut DbConnection,
    machines: impl Iterator<Item = &'a Equipment>,
) -> persistence::Result<HashMap<UserId, UserSummary>> {
    users::summaries(conn, machines.filter_map(|machine| machine.assigned_technician_id))
}

async fn today(app: App, permit: Permit<SignedIn>) -> Result<Reply<TodayView>, Problem> {
    let today = app.context().today();
    let view = app.read(permit, (), move |conn, caller, ()| {
        let planned = schedules::until(conn, today)?;
        let people = technicians(conn, planned.iter().map(|planned| &planned.machine))?;
        let (mut scheduled_today, mut overdue) = (Vec::new(), Vec::new());
        for planned in planned {
            let due = |is_completed| DueView {
                schedule: ScheduleView {
                    schedule: planned.schedule,
                    equipment: EquipmentView::new(planned.machine, caller.language, &people),
                },
                is_completed,
            };
            match planned.standing {
                Standing::DoneToday => scheduled_today.push(due(true)),
                Standing::DueToday => scheduled_today.push(due(false)),
                Standing::Overdue => overdue.push(due(false)),
                Standing::Settled => {}
            }
        }
        let week = today.week();
        Ok(TodayView {
            scheduled_today,
            overdue,
            today,
            day_of_week: today.day_of_week(),
            week_number: week.number,
            week_year: week.year,
        })
    });
    Ok(Reply::new(view.await?))
}

/// A machine that is planned for a day.
#[derive(Debug, Serialize, ToSchema)]
struct PlannedMachine {
    #[serde(flatten)]
    equipment: EquipmentView,
    /// The number of the planned day.
    schedule_id: ScheduleId,
}

/// A day of the week and what is planned for it.
#[derive(Debug, Serialize, ToSchema)]
struct DayView {
    /// Name of the day, in the reader's language.
    day: &'static str,
    /// Name of the day in English.
    day_en: &'static str,
    /// The machines.
    equipment: Vec<PlannedMachine>,
}

/// The days of the week by their numbers, `0` (Monday) to `6` (Sunday).
#[derive(Debug, Serialize, ToSchema)]
struct WeekView(BTreeMap<String, DayView>);

impl Translated for WeekView {
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>)) {
        self.0.values_mut().for_each(|day| day.texts(see));
    }
}

async fn weekly(app: App, permit: Permit<ManageSchedules>) -> Result<Reply<WeekView>, Problem> {
    let view = app.read(permit, (), |conn, caller, ()| {
        let planned = schedules::all(conn)?;
        let people = technicians(conn, planned.iter().map(|(_, machine)| machine))?;
        let name = |day: DayOfWeek| match caller.language {
            Language::En => day.name(),
            Language::Ar => day.name_ar(),
        };
        let mut days: BTreeMap<DayOfWeek, DayView> = DayOfWeek::ALL
            .into_iter()
            .map(|day| (day, DayView { day: name(day), day_en: day.name(), equipment: Vec::new() }))
            .collect();
        for (schedule, machine) in planned {
            if let Some(day) = days.get_mut(&schedule.day_of_week) {
                let equipment = EquipmentView::new(machine, caller.language, &people);
                day.equipment.push(PlannedMachine { equipment, schedule_id: schedule.id });
            }
        }
        Ok(WeekView(days.into_iter().map(|(day, view)| (day.get().to_string(), view)).collect()))
    });
    Ok(Reply::new(view.await?))
}

async fn create(
    app: App,
    permit: Permit<ManageSchedules>,
    body: Body<NewSchedule>,
) -> Result<Created<ScheduleView>, Problem> {
    let view = app.write(permit, body, |tx, caller, new| {
        let (schedule, machine) = schedules::create(tx, &new)?;
        let people = technicians(tx.conn(), std::iter::once(&machine))?;
        Ok(ScheduleView { schedule, equipment: EquipmentView::new(machine, caller.language, &people) })
    });
    Ok(Created::with(view.await?, "day planned"))
}

async fn delete(app: App, permit: Permit<ManageSchedules>, id: Path<ScheduleId>) -> Result<Done, Problem> {
    app.write(permit, id, |tx, _, id| schedules::delete(tx, id)).await?;
    Ok(Done("day taken out of the plan"))
}
