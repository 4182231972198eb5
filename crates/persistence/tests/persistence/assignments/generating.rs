//! Machines on a generated list, and its counters.

use super::*;

/// A checklist for a type of machines, which no other checklist is a version of.
fn checklist_of(db: &Database, context: &Context, admin: &User, equipment_type: &str) -> TemplateId {
    checklist_with(db, context, admin, |body| body["equipment_type"] = json!(equipment_type)).0.id
}

on_both_databases! {
    fn a_list_has_the_machines_whose_type_is_due_and_that_are_in_service(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Engineer);
        // Checklists of different lines, so that none is a newer version of another.
        let [one, two, three] = ["crane", "pump", "winch"].map(|line| checklist_of(&db, &context, &admin, line));
        let of_type = |equipment_type: &str| {
            equipment_with(&db, &context, |body| body["equipment_type"] = json!(equipment_type)).id
        };
        let cranes: Vec<(EquipmentId, EquipmentStatus)> = EquipmentStatus::ALL
            .iter()
            .map(|&status| (equipment_with(&db, &context, |body| body["status"] = json!(status)).id, status))
            .collect();
        let due: Vec<EquipmentId> = cranes
            .iter()
            .filter(|(_, status)| {
                matches!(status, EquipmentStatus::Active | EquipmentStatus::UnderMaintenance)
            })
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(due.len(), 2);
        let [pump, winch, hoist, _belt] = ["pump", "winch", "hoist", "belt"].map(of_type);
        let plan = |template: TemplateId, types: Value, shift: &str, days: Value, is_active: bool| {
            routine_with(&db, &context, &admin, template, |body| {
                body["asset_types"] = types;
                body["shift"] = json!(shift);
                body["days_of_week"] = days;
                body["is_active"] = json!(is_active);
            });
        };
        plan(one, json!(["crane", "pump"]), "day", json!([0]), false);
        plan(one, json!(["crane", "pump"]), "day", json!([1]), true);
        plan(two, json!(["crane"]), "day", json!([0, 1]), true);
        plan(three, json!(["crane", "pump"]), "day", json!([0, 2]), true);
        plan(one, json!(["hoist", "crane"]), "night", json!([0]), true);
        plan(one, json!(["winch"]), "day", json!([6]), true);
        plan(one, json!(["nothing of it"]), "day", json!([0]), true);

        let list = |day: &str, shift: &str| {
            let created = generate(&db, &context, Some(&admin), json!({"target_date": day, "shift": shift}));
            let created = created.unwrap();
            let found = pairs(&db, created.list.id);
            assert!(created.is_new);
            assert_eq!(created.added, found.len());
            assert_eq!(counted(&db, created.list.id).3, ListStatus::Generated);
            assert_eq!(db.read(|conn| daily_lists::get(conn, created.list.id)).unwrap(), created.list);
            found
        };
        let refused = |day: &str, shift: &str| {
            code(generate(&db, &context, Some(&admin), json!({"target_date": day, "shift": shift})))
        };
        let cranes_by = |template: TemplateId| due.iter().map(move |id| (*id, template));
        let with = |template: TemplateId, more: &[(EquipmentId, TemplateId)]| -> Vec<_> {
            cranes_by(template).chain(more.iter().copied()).collect()
        };
        assert_eq!(list("2026-03-02", "day"), with(two, &[(pump, three)]), "Monday: the lowest that runs");
        assert_eq!(list("2026-03-03", "day"), with(one, &[(pump, one)]), "Tuesday");
        assert_eq!(list("2026-03-04", "day"), with(three, &[(pump, three)]), "Wednesday");
        assert_eq!(refused("2026-03-05", "day"), Code::RuleViolation, "Thursday");
        assert_eq!(list("2026-03-08", "day"), [(winch, one)], "Sunday");
        assert_eq!(list("2026-03-02", "night"), with(one, &[(hoist, one)]));
        assert_eq!(refused("2026-03-03", "night"), Code::RuleViolation);
    }

    fn an_assignment_takes_its_fields_from_list_machine_and_routine(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let template = checklist(&db, &context, &admin).0.id;
        routine_with(&db, &context, &admin, template, |body| body["shift"] = json!("night"));
        let moored = equipment_with(&db, &context, |body| {
            body["berth"] = json!("B7");
            body["home_berth"] = json!("B1");
        });
        let ashore = equipment_with(&db, &context, |body| body["berth"] = json!(null));
        let body = json!({"target_date": "2026-03-07", "shift": "night"});
        let created = generate(&db, &context, Some(&admin), body).unwrap();
        let now = context.clock.now();
        let day = date("2026-03-07");
        assert_eq!(
            created.list,
            InspectionList {
                id: created.list.id,
                target_date: day,
                shift: Shift::Night,
                status: ListStatus::Generated,
                total_assets: 2,
                assigned_assets: 0,
                completed_assets: 0,
                generated_by_id: Some(admin.id),
                created_at: now,
                updated_at: now,
            }
        );
        let on_it = on_list(&db, created.list.id);
        for (assignment, (machine, berth)) in on_it.iter().zip([(&moored, Some("B7")), (&ashore, None)]) {
            assert_eq!(
                *assignment,
                Assignment {
                    id: assignment.id,
                    list_id: created.list.id,
                    equipment_id: machine.id,
                    template_id: template,
                    target_date: day,
                    shift: Shift::Night,
                    berth: berth.map(Into::into),
                    status: AssignmentStatus::Unassigned,
                    mechanical_inspector_id: None,
                    electrical_inspector_id: None,
                    assigned_by_id: None,
                    assigned_at: None,
                    deadline: None,
                    completed_at: None,
                    created_at: now,
                    updated_at: now,
                    is_takeover: false,
                    mech_points_awarded: 0,
                    elec_points_awarded: 0,
                }
            );
            assert_eq!(get(&db, assignment.id), *assignment);
        }
        assert_eq!(on_it.len(), 2);
        let nothing = AssignmentId::new(9_999).unwrap();
        assert_eq!(code(db.read(|conn| assignments::get(conn, nothing))), Code::NotFound);
        assert_eq!(code(db.read(|conn| daily_lists::get(conn, ListId::new(9_999).unwrap()))), Code::NotFound);
    }

    fn generating_an_existing_list_is_a_duplicate_and_changes_nothing(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let template = checklist(&db, &context, &admin).0.id;
        routine(&db, &context, &admin, template);
        equipment(&db, &context);
        let (list, on_it) = generated(&db, &context, &admin);
        equipment(&db, &context);
        clock.advance_seconds(60);
        let before = rows(&db);
        let body = json!({"target_date": TODAY, "shift": "day"});
        let unwanted = json!({"target_date": TODAY, "shift": "day", "refresh": false});
        for (planner, body) in [(Some(&admin), &body), (None, &body), (Some(&admin), &unwanted)] {
            assert_eq!(code(generate(&db, &context, planner, body.clone())), Code::Duplicate);
        }
        assert_eq!(rows(&db), before);
        assert_eq!(db.read(|conn| daily_lists::get(conn, list.id)).unwrap(), list);
        assert_eq!(on_list(&db, list.id), on_it);
        let night = json!({"target_date": TODAY, "shift": "night"});
        assert_eq!(code(generate(&db, &context, Some(&admin), night)), Code::RuleViolation, "no routine");
        let tomorrow = json!({"target_date": "2026-03-03", "shift": "day"});
        assert!(generate(&db, &context, Some(&admin), tomorrow).unwrap().is_new);
    }

    fn a_refresh_adds_missing_assignments_and_changes_nothing_else(db: TestDatabase) {
        let (context, clock) = context();
        let [admin, second] = [(); 2].map(|()| user(&db, &context, Role::Admin));
        let [template, other] = ["crane", "pump"].map(|line| checklist_of(&db, &context, &admin, line));
        let (crane_routine, _) = routine(&db, &context, &admin, template);
        let cranes: Vec<Equipment> = (0..5).map(|_| equipment(&db, &context)).collect();
        let [team, others] = [(); 2].map(|()| team(&db, &context));
        let (list, on_it) = generated(&db, &context, &admin);
        // In every state: without a team, with a corrected berth, assigned, started, half complete.
        let fix = input(json!({"berth": "Z9"}));
        act(&db, &context, &admin, |tx| assignments::correct_berth(tx, on_it[1].id, fix)).unwrap();
        for n in [2, 3, 4] {
            assigned(&db, &context, &admin, on_it[n].id, if n == 2 { &others } else { &team });
        }
        half_draft(&db, &context, &team.electrical, on_it[3].id);
        half_submitted(&db, &context, &team.mechanical, on_it[4].id, &[]);

        clock.advance_seconds(3600);
        // Later changes of a machine or a routine don't affect existing assignments.
        for (crane, body) in cranes.iter().zip([
            json!({"berth": "C3"}),
            json!({"status": "stopped"}),
            json!({"status": "paused"}),
            json!({"equipment_type": "belt"}),
        ]) {
            act(&db, &context, &admin, |tx| machines::registry::update(tx, crane.id, input(body))).unwrap();
        }
        let changes = input(json!({"template_id": other}));
        act(&db, &context, &admin, |tx| routines::update(tx, crane_routine.id, changes)).unwrap();
        let before = on_list(&db, list.id);
        let seen = db.read(|conn| daily_lists::get(conn, list.id)).unwrap();
        assert_eq!(counted(&db, list.id), (5, 3, 0, ListStatus::PartiallyAssigned));

        let again = || {
            let body = json!({"target_date": TODAY, "shift": "day", "refresh": true});
            generate(&db, &context, Some(&second), body).unwrap()
        };
        let same = again();
        assert!(!same.is_new);
        assert_eq!((same.added, on_list(&db, list.id)), (0, before.clone()));
        let now = context.clock.now();
        assert_eq!(same.list, InspectionList { updated_at: now, ..seen.clone() });

        let late = equipment_with(&db, &context, |body| body["berth"] = json!("B8"));
        let pump = equipment_with(&db, &context, |body| body["equipment_type"] = json!("pump"));
        let _resting = equipment_with(&db, &context, |body| body["status"] = json!("paused"));
        routine_with(&db, &context, &admin, template, |body| body["asset_types"] = json!(["pump", "crane"]));
        clock.advance_seconds(60);
        let more = again();
        let after = on_list(&db, list.id);
        assert_eq!((more.added, more.is_new), (2, false));
        assert_eq!(after[..5], before, "every row as it was");
        assert_eq!(
            pairs(&db, list.id)[5..],
            [(late.id, other), (pump.id, template)],
            "by the routines of today"
        );
        let now = context.clock.now();
        for (assignment, berth) in after[5..].iter().zip(["B8", "B1"]) {
            assert_eq!((assignment.status, assignment.created_at), (AssignmentStatus::Unassigned, now));
            assert_eq!((assignment.list_id, assignment.berth.as_deref()), (list.id, Some(berth)));
        }
        assert_eq!(counted(&db, list.id), (7, 3, 0, ListStatus::PartiallyAssigned));
        assert_eq!(more.list, InspectionList { total_assets: 7, updated_at: now, ..seen });
        assert_eq!(more.list.generated_by_id, Some(admin.id), "the first creator");
        assert_eq!(db.read(|conn| daily_lists::get(conn, list.id)).unwrap(), more.list);

        let lines = trail(&db, &context, json!({"action": "generate"}));
        let [last, nothing, first]: [AuditEntry; 3] = lines.try_into().unwrap();
        for (line, actor, added) in [(&first, &admin, 5), (&nothing, &second, 0), (&last, &second, 2)] {
            assert_eq!(line.actor_id, Some(actor.id));
            assert_eq!((line.entity_type.as_str(), line.entity_id), ("inspection_list", Some(list.id.get())));
            assert_eq!(line.changes.0["added"], json!({"old": null, "new": added}));
        }
        assert_eq!(last.changes.0["total_assets"], json!({"old": 5, "new": 7}));
    }

    fn refreshing_a_missing_list_creates_it(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        routine(&db, &context, &admin, checklist(&db, &context, &admin).0.id);
        equipment(&db, &context);
        let body = json!({"date": TODAY, "shift": "day", "refresh": true});
        let created = generate(&db, &context, Some(&admin), body).unwrap();
        assert_eq!((created.is_new, created.added, created.list.generated_by_id), (true, 1, Some(admin.id)));
    }

    fn the_service_itself_generates_lists_too(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        routine(&db, &context, &admin, checklist(&db, &context, &admin).0.id);
        equipment(&db, &context);
        let body = json!({"target_date": "2026-03-03", "shift": "day"});
        let created = generate(&db, &context, None, body).unwrap();
        assert_eq!((created.added, created.is_new, created.list.generated_by_id), (1, true, None));
        assert_eq!(db.read(|conn| daily_lists::get(conn, created.list.id)).unwrap(), created.list);
        let [line]: [AuditEntry; 1] = trail(&db, &context, json!({"action": "generate"})).try_into().unwrap();
        assert_eq!((line.actor_id, line.entity_id), (None, Some(created.list.id.get())));
    }

    fn a_list_without_machines_is_not_created(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        equipment(&db, &context);
        let today = |refresh: bool| {
            let body = json!({"target_date": TODAY, "shift": "day", "refresh": refresh});
            generate(&db, &context, Some(&admin), body)
        };
        let before = rows(&db);
        assert_eq!(code(today(false)), Code::RuleViolation, "no routine");
        assert_eq!(code(today(true)), Code::RuleViolation);
        assert_eq!(rows(&db), before, "nothing is left behind");
        let template = checklist(&db, &context, &admin).0.id;
        routine_with(&db, &context, &admin, template, |body| body["asset_types"] = json!(["pump"]));
        assert_eq!(code(today(false)), Code::RuleViolation, "no machine of that type");
        routine(&db, &context, &admin, template);
        assert_eq!(today(false).unwrap().added, 1);
        assert_eq!(today(true).unwrap().added, 0, "an existing list may stay as it is");
    }

    fn a_list_has_a_machine_once_however_many_routines_and_lists_it_is_on(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let [first, second] = ["crane", "pump"].map(|line| checklist_of(&db, &context, &admin, line));
        let crane = equipment(&db, &context);
        for template in [first, second, first] {
            routine(&db, &context, &admin, template);
        }
        let (list, _) = generated(&db, &context, &admin);
        assert_eq!(pairs(&db, list.id), [(crane.id, first)]);
        let next = json!({"target_date": "2026-03-03", "shift": "day"});
        let next = generate(&db, &context, Some(&admin), next).unwrap();
        assert_eq!(pairs(&db, next.list.id), [(crane.id, first)]);
        assert_eq!(generated(&db, &context, &admin).1.len(), 1);
    }

    #[allow(clippy::print_stdout, reason = "the number is worth knowing")]
    fn the_statements_for_a_list_do_not_grow_with_its_machines(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        routine(&db, &context, &admin, checklist(&db, &context, &admin).0.id);
        let model = equipment(&db, &context);
        let add = |numbers: std::ops::Range<usize>| {
            let rows: Vec<Equipment> =
                numbers.map(|n| Equipment { serial_number: format!("BULK-{n}"), ..model.clone() }).collect();
            for chunk in rows.chunks(1_000) {
                let insert = diesel::insert_into(all_machines::table).values(chunk);
                assert_eq!(query!(db, |c| insert.execute(c)), chunk.len());
            }
        };
        let statements = |body: Value| {
            let request: GenerateList = input(body);
            act(&db, &context, &admin, |tx| {
                let before = db.statements();
                let created = daily_lists::generate(tx, &request)?;
                Ok((created.added, db.statements() - before))
            })
            .unwrap()
        };
        add(1..5);
        let (few, for_few) = statements(json!({"target_date": "2026-03-02", "shift": "day"}));
        add(5..5_000);
        let (many, for_many) = statements(json!({"target_date": "2026-03-03", "shift": "day"}));
        let refresh = json!({"target_date": "2026-03-02", "shift": "day", "refresh": true});
        let (missing, for_missing) = statements(refresh);
        println!("{for_many} statements make a list of {many}, {for_missing} complete one with {missing}");
        assert_eq!((few, many, missing), (5, 5_000, 4_995));
        assert_eq!((for_few, for_missing), (for_many, for_many + 1), "one more to find the list");
        assert!(for_many <= 10, "{for_many}");

        let read = db.read(|conn| {
            let list = daily_lists::list(conn, &filter(json!({"date": "2026-03-03"})), ALL)?.items[0].clone();
            let before = db.statements();
            let on_it = daily_lists::assignments_of(conn, &[list.id])?;
            Ok((list.total_assets, on_it.len(), db.statements() - before))
        });
        assert_eq!(read.unwrap(), (5_000, 5_000, 1));
    }

    fn the_counters_of_a_list_are_the_true_ones_after_every_step(db: TestDatabase) {
        use ListStatus::{Completed, FullyAssigned, Generated, PartiallyAssigned};
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        routine(&db, &context, &admin, checklist(&db, &context, &admin).0.id);
        for _ in 0..3 {
            equipment(&db, &context);
        }
        let (list, on_it) = generated(&db, &context, &admin);
        let [one, two, three] = [on_it[0].id, on_it[1].id, on_it[2].id];
        let (team, counted) = (team(&db, &context), || counted(&db, list.id));
        assert_eq!(counted(), (3, 0, 0, Generated));
        assigned(&db, &context, &admin, one, &team);
        assert_eq!(counted(), (3, 1, 0, PartiallyAssigned));
        assigned(&db, &context, &admin, one, &team);
        assert_eq!(counted(), (3, 1, 0, PartiallyAssigned), "again is no other");
        let done = assessment(&db, &context, &team, one);
        assert_eq!(counted(), (3, 1, 0, PartiallyAssigned));
        for inspector in team.both() {
            verdict(&db, &context, inspector, done.id, Verdict::Operational).unwrap();
        }
        assert_eq!(counted(), (3, 1, 1, PartiallyAssigned));
        for id in [two, three] {
            assigned(&db, &context, &admin, id, &team);
        }
        assert_eq!(counted(), (3, 3, 1, FullyAssigned));
        for (id, status) in [(two, (3, 3, 2, FullyAssigned)), (three, (3, 3, 3, Completed))] {
            let done = assessment(&db, &context, &team, id);
            for inspector in team.both() {
                verdict(&db, &context, inspector, done.id, Verdict::Operational).unwrap();
            }
            assert_eq!(counted(), status);
        }
        let other = json!({"target_date": "2026-03-03", "shift": "day"});
        let other = self::generate(&db, &context, Some(&admin), other).unwrap();
        assert_eq!((other.list.total_assets, other.list.status), (3, Generated), "each list has its own");
        equipment(&db, &context);
        generated(&db, &context, &admin);
        assert_eq!(counted(), (4, 3, 3, PartiallyAssigned), "there is more to do again");
    }

    fn lists_are_filtered_by_their_fields(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let template = checklist(&db, &context, &admin).0.id;
        routine(&db, &context, &admin, template);
        routine_with(&db, &context, &admin, template, |body| body["shift"] = json!("night"));
        for _ in 0..2 {
            equipment(&db, &context);
        }
        let make = |day: &str, shift: &str| {
            let body = json!({"target_date": day, "shift": shift});
            generate(&db, &context, Some(&admin), body).unwrap().list.id
        };
        let late = make("2026-03-05", "day");
        let early = make("2026-03-02", "day");
        let night = make("2026-03-02", "night");
        let middle = make("2026-03-03", "day");
        let first = on_list(&db, middle)[0].id;
        assigned(&db, &context, &admin, first, &team(&db, &context));
        let found = |body: Value| -> Vec<ListId> {
            let filter: ListFilter = filter(body);
            let page = db.read(|conn| daily_lists::list(conn, &filter, ALL)).unwrap();
            assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
            page.items.iter().map(|list| list.id).collect()
        };
        assert_eq!(found(json!({})), [late, middle, night, early], "the latest day first");
        assert_eq!(found(json!({"sort": "target_date"})), [early, night, middle, late]);
        assert_eq!(found(json!({"sort": "-target_date"})), [late, middle, night, early]);
        assert_eq!(found(json!({"sort": "id"})), [late, early, night, middle]);
        assert_eq!(found(json!({"sort": "-id"})), [middle, night, early, late]);
        assert_eq!(found(json!({"date": "2026-03-02"})), [night, early]);
        assert_eq!(found(json!({"target_date": "2026-03-04"})), []);
        assert_eq!(found(json!({"date_from": "2026-03-03"})), [late, middle]);
        assert_eq!(found(json!({"date_to": "2026-03-03"})), [middle, night, early]);
        assert_eq!(found(json!({"date_from": "2026-03-03", "date_to": "2026-03-03"})), [middle]);
        assert_eq!(found(json!({"shift": "night"})), [night]);
        assert_eq!(found(json!({"status": "partially_assigned"})), [middle]);
        assert_eq!(found(json!({"status": "generated", "shift": "day"})), [late, early]);
        assert_eq!(found(json!({"status": "completed"})), []);
    }
}
