//! The weekly plan: the machines to inspect on each day of the week.

use std::collections::BTreeMap;

use inspection_auth::permissions::{ManageSchedules, SignedIn};
use inspection_domain::{
    ids::ScheduleId,
    schedules::{NewSchedule, Schedule, Standing},
    text::Language,
    time::Date,
    translations::{Slot, Translated},
    weekdays::DayOfWeek,
};
use inspection_persistence::schedules;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    equipment::EquipmentView,
    related::{References, View},
    web::{
        app::App,
        input::{Body, Path},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Bare, Created, Done, Reply},
        routes::Routes,
    },
};

/// Endpoints of the weekly plan.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("schedules", "Weekly plans of single machines");
    routes.get(
        "/api/schedules/today",
        "schedules.today",
        today,
        "Get the machines planned for today and the overdue ones of this week",
    );
    routes.get("/api/schedules/weekly", "schedules.weekly", weekly, "Get the weekly plan, by day");
    routes.post("/api/schedules", "schedules.create", create, "Add a machine to a day of the weekly plan");
    routes.delete("/api/schedules/{id}", "schedules.delete", delete, "Remove an entry from the weekly plan");
}

inspection_domain::shows!(
    ScheduleView { equipment },
    DueView { schedule },
    TodayView { scheduled_today, overdue },
    PlannedMachine { equipment },
    DayView { equipment }
);

/// An entry of the weekly plan.
#[derive(Debug, Serialize, ToSchema)]
struct ScheduleView {
    #[serde(flatten)]
    schedule: Schedule,
    /// The machine.
    equipment: EquipmentView,
    /// Name of the day in the user's language.
    day_name: &'static str,
    /// Always true: an entry that is removed no longer exists.
    is_active: bool,
}

impl ScheduleView {
    fn new(schedule: Schedule, equipment: EquipmentView, language: Language) -> Self {
        let day_name = name_of(schedule.day_of_week, language);
        Self { schedule, equipment, day_name, is_active: true }
    }
}

/// Name of a day in a language.
fn name_of(day: DayOfWeek, language: Language) -> &'static str {
    match language {
        Language::En => day.name(),
        Language::Ar => day.name_ar(),
    }
}

/// An entry of this week's plan.
#[derive(Debug, Serialize, ToSchema)]
struct DueView {
    #[serde(flatten)]
    schedule: ScheduleView,
    /// Whether the machine has been inspected since the planned day.
    is_completed: bool,
}

/// The plan of today.
#[derive(Debug, Serialize, ToSchema)]
struct TodayView {
    /// Planned for today.
    scheduled_today: Vec<DueView>,
    /// Planned for an earlier day of this week and not inspected since.
    overdue: Vec<DueView>,
    /// Today's date at the site.
    today: Date,
    /// Today's day of the week, 0 (Monday) to 6 (Sunday).
    day_of_week: DayOfWeek,
    /// Number of the ISO week.
    week_number: i32,
    /// Year of the ISO week.
    week_year: i32,
}

async fn today(app: App, permit: Permit<SignedIn>) -> Result<Reply<TodayView>, Problem> {
    let view = app.read(permit, (), |conn, caller, ()| {
        let today = caller.today;
        let planned = schedules::until(conn, today)?;
        let mut references = References::default();
        for planned in &planned {
            EquipmentView::references(&planned.machine, &mut references);
        }
        let related = references.load(conn, caller)?;
        let (mut scheduled_today, mut overdue) = (Vec::new(), Vec::new());
        for planned in planned {
            let due = |is_completed| DueView {
                schedule: ScheduleView::new(
                    planned.schedule,
                    EquipmentView::new(planned.machine, &related, caller),
                    caller.language,
                ),
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

/// A machine in the weekly plan.
#[derive(Debug, Serialize, ToSchema)]
struct PlannedMachine {
    /// Primary key of the plan entry.
    id: ScheduleId,
    /// The machine.
    equipment: EquipmentView,
}

/// A day of the week with its planned machines.
#[derive(Debug, Serialize, ToSchema)]
struct DayView {
    /// Name of the day in the user's language.
    day: &'static str,
    /// Name of the day in English.
    day_en: &'static str,
    /// The machines.
    equipment: Vec<PlannedMachine>,
}

/// The weekly plan.
#[derive(Debug, Serialize, ToSchema)]
struct WeekBody {
    /// Always `success`.
    status: &'static str,
    /// The entries of the plan, by day.
    data: Vec<ScheduleView>,
    /// The days of the week by number, `0` (Monday) to `6` (Sunday).
    schedule: BTreeMap<String, DayView>,
}

impl Translated for WeekBody {
    fn texts(&mut self, visit: &mut dyn FnMut(Slot<'_>)) {
        self.data.texts(visit);
        self.schedule.values_mut().for_each(|day| day.texts(visit));
    }
}

async fn weekly(app: App, permit: Permit<ManageSchedules>) -> Result<Bare<WeekBody>, Problem> {
    let body = app.read(permit, (), |conn, caller, ()| {
        let planned = schedules::all(conn)?;
        let mut references = References::default();
        for (_, machine) in &planned {
            EquipmentView::references(machine, &mut references);
        }
        let related = references.load(conn, caller)?;
        let empty = |day: DayOfWeek| DayView {
            day: name_of(day, caller.language),
            day_en: day.name(),
            equipment: Vec::new(),
        };
        let mut days: BTreeMap<DayOfWeek, DayView> =
            DayOfWeek::ALL.into_iter().map(|day| (day, empty(day))).collect();
        let mut data = Vec::with_capacity(planned.len());
        for (schedule, machine) in planned {
            let view = |machine| EquipmentView::new(machine, &related, caller);
            if let Some(day) = days.get_mut(&schedule.day_of_week) {
                day.equipment.push(PlannedMachine { id: schedule.id, equipment: view(machine.clone()) });
            }
            data.push(ScheduleView::new(schedule, view(machine), caller.language));
        }
        let schedule = days.into_iter().map(|(day, view)| (day.get().to_string(), view)).collect();
        Ok(WeekBody { status: "success", data, schedule })
    });
    Ok(Bare(body.await?))
}

async fn create(
    app: App,
    permit: Permit<ManageSchedules>,
    body: Body<NewSchedule>,
) -> Result<Rendered<Created<ScheduleView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        let (schedule, machine) = schedules::create(tx, &new)?;
        let equipment = EquipmentView::one(tx.conn(), machine, caller)?;
        Ok(Created::with(ScheduleView::new(schedule, equipment, caller.language), "day planned"))
    })
    .await
}

async fn delete(
    app: App,
    permit: Permit<ManageSchedules>,
    id: Path<ScheduleId>,
) -> Result<Rendered<Done>, Problem> {
    app.write(permit, id, |tx, _, id| {
        schedules::delete(tx, id)?;
        Ok(Done("day removed from the plan"))
    })
    .await
}
