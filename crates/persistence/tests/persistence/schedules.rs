//! The weekly plan and its due days (§5).

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    equipment::{Equipment, EquipmentStatus},
    ids::{EquipmentId, ScheduleId},
    rule::Code,
    schedules::{
        Schedule,
        Standing::{self, DoneToday, DueToday, Overdue, Settled},
    },
    schema::equipment_weekly_completions as completions,
    users::{Role, User},
    weekdays::DayOfWeek,
};
use inspection_persistence::{Context, Database, Origin, Result, equipment as machines, schedules};
use inspection_testkit::{
    builders::{
        act, answered, assigned, checklist, draft, equipment, equipment_with, generated, half_submitted,
        input, routine, submitted, team, user,
    },
    context::{context, context_in},
    ledger, on_both_databases,
};
use serde_json::json;

use crate::{code, refusal, trail, transactions::rows};

fn plan(
    db: &Database,
    context: &Context,
    planner: &User,
    machine: EquipmentId,
    day: usize,
) -> Result<(Schedule, Equipment)> {
    let new = input(json!({"equipment_id": machine, "day_of_week": day}));
    act(db, context, planner, |tx| schedules::create(tx, &new))
}

/// The days planned until today, as machine, day and standing.
fn until(db: &Database, context: &Context) -> Vec<(EquipmentId, i8, Standing)> {
    let planned = db.read(|conn| schedules::until(conn, context.today())).expect("a plan");
    planned
        .into_iter()
        .map(|planned| {
            assert_eq!(planned.machine.id, planned.schedule.equipment_id);
            (planned.machine.id, planned.schedule.day_of_week.get(), planned.standing)
        })
        .collect()
}

/// Standings of the only machine's planned days.
fn standings(db: &Database, context: &Context) -> Vec<(i8, Standing)> {
    until(db, context).into_iter().map(|(_, day, standing)| (day, standing)).collect()
}

on_both_databases! {
    fn a_machine_is_planned_for_days_of_the_week(db: TestDatabase) {
        let (context, _) = context();
        let planner = user(&db, &context, Role::Engineer);
        let [crane, other] = [(); 2].map(|()| equipment(&db, &context));
        let (schedule, machine) = plan(&db, &context, &planner, crane.id, 2).unwrap();
        assert_eq!(
            schedule,
            Schedule {
                id: schedule.id,
                equipment_id: crane.id,
                day_of_week: DayOfWeek::ALL[2],
                created_by_id: Some(planner.id),
                created_at: context.clock.now(),
            }
        );
        assert_eq!(machine, crane);
        let lines = trail(&db, &context, json!({"entity_type": "schedule", "entity_id": schedule.id}));
        assert_eq!((lines.len(), lines[0].action), (1, AuditAction::Create));
        assert_eq!(lines[0].actor_id, Some(planner.id));
        assert_eq!(lines[0].changes.0["day_of_week"], json!({"old": null, "new": 2}));

        let first = plan(&db, &context, &planner, other.id, 0).unwrap();
        let same_day = plan(&db, &context, &planner, other.id, 2).unwrap();
        let sunday = plan(&db, &context, &planner, crane.id, 6).unwrap();
        let whole = db.read(schedules::all).unwrap();
        assert_eq!(whole, [first, (schedule, machine), same_day, sunday], "by day, then by machine");
    }

    fn a_day_is_planned_once_and_a_refusal_changes_nothing(db: TestDatabase) {
        let (context, _) = context();
        let planner = user(&db, &context, Role::Admin);
        let [crane, other] = [(); 2].map(|()| equipment(&db, &context));
        plan(&db, &context, &planner, crane.id, 0).unwrap();
        let gone = equipment(&db, &context);
        act(&db, &context, &planner, |tx| machines::registry::decommission(tx, gone.id)).unwrap();
        let before = (rows(&db), db.read(schedules::all).unwrap());
        let twice = refusal(plan(&db, &context, &planner, crane.id, 0));
        assert_eq!(twice, (Code::Duplicate, vec!["day_of_week".to_owned()]));
        for machine in [gone.id, EquipmentId::new(9_999).unwrap()] {
            let refused = refusal(plan(&db, &context, &planner, machine, 0));
            assert_eq!(refused, (Code::ValidationError, vec!["equipment_id".to_owned()]));
        }
        let new = input(json!({"equipment_id": other.id, "day_of_week": "monday"}));
        let anonymous = db.write(&context, Origin::default(), |tx| schedules::create(tx, &new));
        assert_eq!(code(anonymous), Code::Forbidden);
        assert_eq!((rows(&db), db.read(schedules::all).unwrap()), before);

        plan(&db, &context, &planner, crane.id, 1).unwrap();
        plan(&db, &context, &planner, other.id, 0).unwrap();
    }

    fn every_machine_that_is_in_service_can_be_planned(db: TestDatabase) {
        let (context, _) = context();
        let planner = user(&db, &context, Role::Admin);
        for &status in EquipmentStatus::ALL {
            let machine = equipment_with(&db, &context, |body| body["status"] = json!(status));
            let planned = plan(&db, &context, &planner, machine.id, 3);
            assert_eq!(planned.is_ok(), status != EquipmentStatus::OutOfService, "{status}");
        }
    }

    fn a_day_is_removed_from_the_plan(db: TestDatabase) {
        let (context, _) = context();
        let planner = user(&db, &context, Role::Engineer);
        let crane = equipment(&db, &context);
        let [monday, tuesday] = [0, 1].map(|day| plan(&db, &context, &planner, crane.id, day).unwrap());
        let id = monday.0.id;
        act(&db, &context, &planner, |tx| schedules::delete(tx, id)).unwrap();
        assert_eq!(db.read(schedules::all).unwrap(), [tuesday]);
        let lines = trail(&db, &context, json!({"entity_type": "schedule", "entity_id": id}));
        assert_eq!((lines.len(), lines[0].action), (2, AuditAction::Delete));
        assert_eq!(lines[0].changes.0["equipment_id"], json!({"old": crane.id, "new": null}));
        let before = rows(&db);
        for gone in [id, ScheduleId::new(9_999).unwrap()] {
            let refused = act(&db, &context, &planner, |tx| schedules::delete(tx, gone));
            assert_eq!(code(refused), Code::NotFound);
        }
        assert_eq!(rows(&db), before);
        plan(&db, &context, &planner, crane.id, 0).unwrap();
    }

    fn a_planned_day_is_due_then_overdue_until_it_is_done(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        for day in [0, 2, 4] {
            plan(&db, &context, &admin, crane.id, day).unwrap();
        }
        assert_eq!(standings(&db, &context), [(0, DueToday)], "future days are not listed");
        clock.set("2026-03-03T07:00:00Z");
        assert_eq!(standings(&db, &context), [(0, Overdue)]);
        clock.set("2026-03-04T08:00:00Z");
        assert_eq!(standings(&db, &context), [(0, Overdue), (2, DueToday)]);
        draft(&db, &context, &inspector, &crane);
        answered(&db, &context, &inspector, &crane, &[]);
        assert_eq!(standings(&db, &context), [(0, Overdue), (2, DueToday)], "it isn't submitted yet");
        submitted(&db, &context, &inspector, &crane, &[]);
        assert_eq!(standings(&db, &context), [(0, Settled), (2, DoneToday)]);
        clock.set("2026-03-05T08:00:00Z");
        assert_eq!(standings(&db, &context), [(0, Settled), (2, Settled)]);
        clock.set("2026-03-06T08:00:00Z");
        assert_eq!(standings(&db, &context), [(0, Settled), (2, Settled), (4, DueToday)]);
        clock.set("2026-03-09T06:59:59Z");
        assert_eq!(standings(&db, &context), [(0, Settled), (2, Settled), (4, Overdue)]);
        submitted(&db, &context, &inspector, &crane, &[]);
        assert_eq!(standings(&db, &context), [(0, Settled), (2, Settled), (4, Settled)]);
        clock.set("2026-03-09T07:00:00Z");
        assert_eq!(standings(&db, &context), [(0, DueToday)], "the next week starts from zero");
    }

    fn half_of_an_assignment_counts_for_the_plan(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let template = checklist(&db, &context, &admin).0.id;
        let [crane, other] = [(); 2].map(|()| equipment(&db, &context));
        for machine in [&crane, &other] {
            plan(&db, &context, &admin, machine.id, 0).unwrap();
        }
        routine(&db, &context, &admin, template);
        let team = team(&db, &context);
        let (_, assignments) = generated(&db, &context, &admin);
        assigned(&db, &context, &admin, assignments[0].id, &team);
        half_submitted(&db, &context, &team.electrical, assignments[0].id, &[]);
        assert_eq!(until(&db, &context), [(crane.id, 0, DoneToday), (other.id, 0, DueToday)]);
    }

    fn days_and_weeks_are_those_of_the_site_also_across_new_year(db: TestDatabase) {
        let (context, clock) = context_in("Asia/Riyadh");
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        // Thursday 31 December 2026 and Friday 1 January 2027 are in the same week, 53 of 2026.
        for day in [0, 3, 4] {
            plan(&db, &context, &admin, crane.id, day).unwrap();
        }
        clock.set("2026-12-31T03:59:59Z");
        assert_eq!(standings(&db, &context), [(0, Overdue)], "Wednesday");
        clock.set("2026-12-31T04:00:00Z");
        assert_eq!(standings(&db, &context), [(0, Overdue), (3, DueToday)], "Thursday begins at 07:00 in Riyadh");
        submitted(&db, &context, &inspector, &crane, &[]);
        assert_eq!(standings(&db, &context), [(0, Settled), (3, DoneToday)]);
        clock.set("2027-01-01T03:59:59Z");
        assert_eq!(standings(&db, &context), [(0, Settled), (3, DoneToday)]);
        clock.set("2027-01-01T04:00:00Z");
        assert_eq!(standings(&db, &context), [(0, Settled), (3, Settled), (4, DueToday)], "the new year");
        submitted(&db, &context, &inspector, &crane, &[]);
        assert_eq!(standings(&db, &context), [(0, Settled), (3, Settled), (4, DoneToday)]);
        clock.set("2027-01-04T03:59:59Z");
        assert_eq!(standings(&db, &context), [(0, Settled), (3, Settled), (4, Settled)], "Sunday");
        clock.set("2027-01-04T04:00:00Z");
        assert_eq!(standings(&db, &context), [(0, DueToday)], "Monday of week 1");
        submitted(&db, &context, &inspector, &crane, &[]);
        assert_eq!(standings(&db, &context), [(0, DoneToday)]);

        // Tuesday 31 December 2024 is in week 1 of 2025, as is the Monday before.
        clock.set("2024-12-30T03:59:59Z");
        assert_eq!(standings(&db, &context), [(0, Overdue), (3, Overdue), (4, Overdue)], "Sunday");
        submitted(&db, &context, &inspector, &crane, &[]);
        assert_eq!(standings(&db, &context), [(0, Settled), (3, Settled), (4, Settled)]);
        clock.set("2024-12-31T10:00:00Z");
        assert_eq!(standings(&db, &context), [(0, Overdue)]);
        submitted(&db, &context, &inspector, &crane, &[]);
        clock.set("2025-01-03T10:00:00Z");
        assert_eq!(standings(&db, &context), [(0, Settled), (3, Overdue), (4, DueToday)]);
    }

    fn a_week_of_which_only_the_count_is_known_is_done(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        for day in [0, 2] {
            plan(&db, &context, &admin, crane.id, day).unwrap();
        }
        submitted(&db, &context, &inspector, &crane, &[]);
        let unknown = diesel::update(completions::table);
        let unknown = unknown.set(completions::last_completed_on.eq(None::<inspection_domain::time::Date>));
        assert_eq!(query!(db, |c| unknown.execute(c)), 1);
        clock.set("2026-03-04T08:00:00Z");
        assert_eq!(standings(&db, &context), [(0, Settled), (2, DoneToday)]);
        let week = context.today().week();
        assert_eq!(db.read(|conn| ledger::weekly_completions(conn, crane.id, week)).unwrap(), 1);
        clock.set("2026-03-11T08:00:00Z");
        assert_eq!(standings(&db, &context), [(0, Overdue), (2, DueToday)]);
    }

    fn a_decommissioned_machine_is_planned_but_not_due(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let cranes: Vec<Equipment> = EquipmentStatus::ALL.iter().map(|_| equipment(&db, &context)).collect();
        for day in [1, 0] {
            for crane in &cranes {
                plan(&db, &context, &admin, crane.id, day).unwrap();
            }
        }
        for (crane, &status) in cranes.iter().zip(EquipmentStatus::ALL) {
            let changes = input(json!({"status": status}));
            act(&db, &context, &admin, |tx| machines::registry::update(tx, crane.id, changes)).unwrap();
        }
        clock.set("2026-03-03T08:00:00Z");
        let in_service: Vec<EquipmentId> = cranes
            .iter()
            .zip(EquipmentStatus::ALL)
            .filter(|(_, status)| **status != EquipmentStatus::OutOfService)
            .map(|(crane, _)| crane.id)
            .collect();
        assert_eq!(in_service.len() + 1, cranes.len());
        let on = |day: i8, standing: Standing| in_service.iter().map(move |id| (*id, day, standing));
        let expected: Vec<_> = on(0, Overdue).chain(on(1, DueToday)).collect();
        assert_eq!(until(&db, &context), expected);
        assert_eq!(db.read(schedules::all).unwrap().len(), 2 * cranes.len());
    }

    fn the_plan_takes_one_statement(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let counted = || {
            db.read(|conn| {
                let before = db.statements();
                let due = schedules::until(conn, context.today())?.len();
                let between = db.statements();
                let whole = schedules::all(conn)?.len();
                Ok(((due, between - before), (whole, db.statements() - between)))
            })
            .unwrap()
        };
        assert_eq!(counted(), ((0, 1), (0, 1)));
        for n in 0..8 {
            let crane = equipment(&db, &context);
            for day in [0, 5] {
                plan(&db, &context, &admin, crane.id, day).unwrap();
            }
            if n % 2 == 0 {
                submitted(&db, &context, &inspector, &crane, &[]);
            }
        }
        assert_eq!(counted(), ((8, 1), (16, 1)));
    }
}
