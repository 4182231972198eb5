//! The day of the site, which begins at 07:00: night shifts around midnight, in several time zones
//! and across clock changes (rule book §§4, 10, 11).

use inspection_domain::{
    tasks::TaskName,
    time::{Date, Instant},
    users::Role,
};
use inspection_persistence::tasks;
use inspection_testkit::{DatabaseKind, builders, or_skip};
use serde_json::{Value, json};

use crate::{actors::ok, site::TestSite};

/// Nights, and the day on which each begins: ordinary ones, and those in which clocks change.
const NIGHTS: &[(&str, &str)] = &[
    ("Asia/Riyadh", "2026-03-03"),
    ("America/New_York", "2026-03-07"),
    ("America/New_York", "2026-10-31"),
    ("Africa/Cairo", "2026-04-23"),
    ("Africa/Cairo", "2026-10-29"),
];

/// An inspector of the night shift has the same day and the same work until 07:00, and a leave from
/// the next day does not end the shift.
fn a_night(site: &TestSite, date: &str) {
    let (db, context, calendar) = (&site.db, &site.context, &site.context.calendar);
    let evening = Date::parse(date).expect("a date");
    let morning = evening.plus_days(1);
    let set = |at: Instant| site.clock.set(&at.to_string());
    set(calendar.at(evening, 13));
    let admin = site.user(Role::Admin);
    let (template, _) = builders::checklist(db, context, &admin);
    builders::routine_with(db, context, &admin, template.id, |body| body["shift"] = json!("night"));
    let machine = builders::equipment(db, context);
    let team = builders::team(db, context);
    let planner = || site.client(&admin);
    let generate = |date: Date| {
        let body = json!({"target_date": date.to_string(), "shift": "night"});
        let list = ok(&planner(), "/api/inspection-assignments/lists/generate", body);
        let list = planner().get(&format!("/api/inspection-assignments/lists/{}", list["id"])).data().clone();
        let assignment = list["assignments"][0]["id"].clone();
        let body = json!({
            "mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id,
        });
        ok(&planner(), &format!("/api/inspection-assignments/{assignment}/assign"), body);
        assignment
    };
    let (tonight, _) = (generate(evening), generate(morning));
    let plan = |date: Date| {
        let day = date.day_of_week().get();
        ok(&planner(), "/api/schedules", json!({"equipment_id": machine.id, "day_of_week": day}));
    };
    plan(evening);
    let leave = builders::approved_leave(
        db,
        context,
        &admin,
        &team.electrical,
        &morning.to_string(),
        &morning.to_string(),
    );
    let seen = |at: Instant| -> (Value, Value, Value, Value) {
        set(at);
        for task in [TaskName::CheckBacklog, TaskName::CheckExpiredLeaves, TaskName::ActivateStartingLeaves] {
            tasks::run_now(db, context, "test", task).expect("run");
        }
        let inspector = site.client(&team.mechanical);
        let dashboard = inspector.get("/api/reports/dashboard").data()["stats"]["today_assignments"].clone();
        let today = inspector.get("/api/schedules/today").data()["today"].clone();
        let away = inspector.get("/api/leaves/active").json["pagination"]["total"].clone();
        let partner = site.client(&team.electrical).get("/api/auth/me").json["user"]["is_on_leave"].clone();
        (dashboard, today, away, partner)
    };
    let night = (json!(1), json!(date), json!(0), json!(false));
    let end = calendar.start_of_working_day(morning);
    assert_eq!(end, calendar.at(morning, 7));
    assert_eq!(seen(calendar.at(evening, 23).plus_seconds(59 * 60)), night, "23:59");
    assert_eq!(seen(calendar.start_of(morning).plus_seconds(60)), night, "00:01");
    // Both halves are inspected at night; they count for the day whose shift runs.
    for inspector in team.both() {
        let id = inspection_domain::ids::AssignmentId::new(tonight.as_i64().expect("an id")).expect("an id");
        builders::half_submitted(db, context, inspector, id, &[]);
    }
    let due = site.client(&team.mechanical).get("/api/schedules/today").data()["scheduled_today"].clone();
    assert_eq!(due[0]["is_completed"], true, "{due}");
    assert_eq!(planner().get("/api/reports/admin-dashboard").data()["inspections_today"], 2);
    assert_eq!(seen(end.plus_seconds(-60)), night, "06:59");
    let begun = (json!(1), json!(morning.to_string()), json!(1), json!(true));
    assert_eq!(seen(end.plus_seconds(60)), begun, "07:01");
    assert_eq!(planner().get("/api/reports/admin-dashboard").data()["inspections_today"], 0);
    let over = seen(calendar.start_of_working_day(morning.plus_days(1)));
    assert_eq!((over.2, over.3), (json!(0), json!(false)), "leave {}", leave.id);
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_begins_sqlite() {
    for (zone, date) in NIGHTS {
        a_night(&or_skip!(TestSite::start_in_zone(DatabaseKind::Sqlite, zone)), date);
    }
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_begins_postgres() {
    for (zone, date) in NIGHTS {
        a_night(&or_skip!(TestSite::start_in_zone(DatabaseKind::Postgres, zone)), date);
    }
}
