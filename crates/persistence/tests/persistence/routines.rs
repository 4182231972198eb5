//! Routines: create, list, change, delete (§4).

use inspection_domain::{
    audit::AuditAction,
    ids::{RoutineId, TemplateId},
    page::PageRequest,
    routines::{OnHoliday, Routine, RoutineFilter},
    rule::Code,
    users::{Role, Shift, User},
};
use inspection_persistence::{
    Context, Database, Result, checklists, daily_lists,
    routines::{self, RoutineWithTypes},
};
use inspection_testkit::{
    builders::{act, checklist, equipment, generated, input, routine, routine_with, user},
    context::context,
    on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, code, filter, refusal, trail, transactions::rows};

fn create(db: &Database, context: &Context, admin: &User, body: Value) -> Result<RoutineWithTypes> {
    act(db, context, admin, |tx| routines::create(tx, input(body)))
}

fn change(
    db: &Database,
    context: &Context,
    admin: &User,
    id: RoutineId,
    body: Value,
) -> Result<RoutineWithTypes> {
    act(db, context, admin, |tx| routines::update(tx, id, input(body)))
}

fn delete(db: &Database, context: &Context, admin: &User, id: RoutineId) -> Result<()> {
    act(db, context, admin, |tx| routines::delete(tx, id))
}

fn activate(db: &Database, context: &Context, admin: &User, template: TemplateId, active: bool) {
    act(db, context, admin, |tx| checklists::update(tx, template, input(json!({"is_active": active}))))
        .expect("a change");
}

fn get(db: &Database, id: RoutineId) -> Result<RoutineWithTypes> {
    db.read(|conn| routines::get(conn, id))
}

/// All routines with their types.
fn all(db: &Database) -> Vec<RoutineWithTypes> {
    db.read(|conn| routines::list(conn, &filter(json!({})), ALL)).expect("a list").items
}

fn actions(db: &Database, context: &Context, id: RoutineId) -> Vec<AuditAction> {
    let lines = trail(db, context, json!({"entity_type": "routine", "entity_id": id}));
    lines.iter().rev().map(|line| line.action).collect()
}

on_both_databases! {
    fn a_routine_is_created_as_requested(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let template = checklist(&db, &context, &admin).0.id;
        let (created, types) = create(
            &db,
            &context,
            &admin,
            json!({
                "name": "Night round", "name_ar": "جولة الليل", "asset_types": ["pump", "crane", "pump"],
                "shift": "night", "days_of_week": ["sunday", 0, 4, 0], "template_id": template,
                "is_active": false,
            }),
        )
        .unwrap();
        let now = context.clock.now();
        assert_eq!(
            created,
            Routine {
                id: created.id,
                name: "Night round".into(),
                name_ar: Some("جولة الليل".into()),
                shift: Shift::Night,
                days_of_week: created.days_of_week,
                template_id: template,
                is_active: false,
                created_at: now,
                updated_at: now,
                recurrence: None,
                starts_on: None,
                on_holiday: OnHoliday::Run,
            }
        );
        let days: Vec<i8> = created.days_of_week.days().iter().map(|day| day.get()).collect();
        assert_eq!(days, [0, 4, 6]);
        assert_eq!(types, ["crane", "pump"], "each once");
        assert_eq!(get(&db, created.id).unwrap(), (created.clone(), types));

        let (other, _) = routine(&db, &context, &admin, template);
        assert!(other.is_active, "by default");
        let (never, _) = routine_with(&db, &context, &admin, template, |body| body["days_of_week"] = json!([]));
        assert_eq!(get(&db, never.id).unwrap().0.days_of_week.days(), []);
        assert_eq!(code(get(&db, RoutineId::new(9_999).unwrap())), Code::NotFound);

        let [line] = &trail(&db, &context, json!({"entity_type": "routine", "entity_id": created.id}))[..] else {
            panic!("one line");
        };
        assert_eq!((line.action, line.actor_id, line.at), (AuditAction::Create, Some(admin.id), now));
        let notified = &line.changes.0;
        assert_eq!(notified["asset_types"], json!({"old": null, "new": ["crane", "pump"]}));
        assert_eq!(notified["days_of_week"], json!({"old": null, "new": [0, 4, 6]}));
        assert_eq!(notified["name_ar"], json!({"old": null, "new": "جولة الليل"}));
        assert_eq!(notified["template_id"], json!({"old": null, "new": template}));
    }

    fn routines_are_filtered_by_their_fields(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let [one, two] = [(); 2].map(|()| checklist(&db, &context, &admin).0.id);
        let make = |name: &str, shift: &str, template: TemplateId, is_active: bool, types: &[&str]| {
            let created = routine_with(&db, &context, &admin, template, |body| {
                body["name"] = json!(name);
                body["shift"] = json!(shift);
                body["is_active"] = json!(is_active);
                body["asset_types"] = json!(types);
            });
            created.0.id
        };
        let first = make("delta", "day", one, true, &["crane", "pump", "winch"]);
        let second = make("alpha", "night", two, true, &["hoist"]);
        let third = make("delta", "day", two, false, &["crane", "hoist"]);
        let fourth = make("beta", "night", one, false, &["pump"]);
        let found = |body: Value| -> Vec<RoutineId> {
            let filter: RoutineFilter = filter(body);
            let page = db.read(|conn| routines::list(conn, &filter, ALL)).unwrap();
            assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
            page.items.iter().map(|(routine, _)| routine.id).collect()
        };
        assert_eq!(found(json!({})), [first, second, third, fourth], "by number");
        assert_eq!(found(json!({"shift": "day"})), [first, third]);
        assert_eq!(found(json!({"shift": "night"})), [second, fourth]);
        assert_eq!(found(json!({"is_active": true})), [first, second]);
        assert_eq!(found(json!({"is_active": false})), [third, fourth]);
        assert_eq!(found(json!({"template_id": two})), [second, third]);
        assert_eq!(found(json!({"template_id": 9_999})), []);
        assert_eq!(found(json!({"shift": "day", "is_active": true, "template_id": one})), [first]);
        assert_eq!(found(json!({"shift": "night", "is_active": true, "template_id": one})), []);
        assert_eq!(found(json!({"sort": "id"})), [first, second, third, fourth]);
        assert_eq!(found(json!({"sort": "-id"})), [fourth, third, second, first]);
        assert_eq!(found(json!({"sort": "name"})), [second, fourth, first, third]);
        assert_eq!(found(json!({"sort": "-name"})), [third, first, fourth, second]);

        for (routine, types) in all(&db) {
            assert_eq!(get(&db, routine.id).unwrap(), (routine, types), "a list has the fields of a single one");
        }
        let sorted: RoutineFilter = filter(json!({"sort": "name"}));
        let pages: Vec<RoutineWithTypes> = (1..=3)
            .flat_map(|page| {
                let request = PageRequest::new(page, 2);
                let part = db.read(|conn| routines::list(conn, &sorted, request.clone())).unwrap();
                assert_eq!((part.total, part.request), (4, request));
                part.items
            })
            .collect();
        assert_eq!(pages, db.read(|conn| routines::list(conn, &sorted, ALL)).unwrap().items);
    }

    fn the_statements_for_a_list_of_routines_do_not_grow_with_its_length(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let template = checklist(&db, &context, &admin).0.id;
        let statements = || {
            db.read(|conn| {
                let before = db.statements();
                let found = routines::list(conn, &filter(json!({})), ALL)?;
                Ok((found.items.len(), db.statements() - before))
            })
            .unwrap()
        };
        assert_eq!(statements(), (0, 3));
        routine(&db, &context, &admin, template);
        assert_eq!(statements(), (1, 3));
        for _ in 0..9 {
            routine(&db, &context, &admin, template);
        }
        assert_eq!(statements(), (10, 3));
    }

    fn only_the_changed_fields_of_a_routine_change(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let [template, other] = [(); 2].map(|()| checklist(&db, &context, &admin).0.id);
        let (before, _) = routine(&db, &context, &admin, template);
        let bystander = routine(&db, &context, &admin, template);
        clock.advance_seconds(60);
        let now = context.clock.now();
        let (after, types) = change(
            &db,
            &context,
            &admin,
            before.id,
            json!({
                "name": "Weekend round", "shift": "night", "days_of_week": [5, 6], "template_id": other,
                "is_active": false,
            }),
        )
        .unwrap();
        assert_eq!(
            after,
            Routine {
                name: "Weekend round".into(),
                shift: Shift::Night,
                days_of_week: after.days_of_week,
                template_id: other,
                is_active: false,
                updated_at: now,
                ..before.clone()
            }
        );
        assert_eq!(after.days_of_week.days().iter().map(|day| day.get()).collect::<Vec<_>>(), [5, 6]);
        assert_eq!(types, ["crane"]);
        assert_eq!(get(&db, before.id).unwrap(), (after.clone(), types));
        let lines = trail(&db, &context, json!({"entity_type": "routine", "action": "update"}));
        assert_eq!((lines.len(), lines[0].entity_id), (1, Some(before.id.get())));
        let notified = &lines[0].changes.0;
        assert_eq!(notified["shift"], json!({"old": "day", "new": "night"}));
        assert_eq!(notified["template_id"], json!({"old": template, "new": other}));
        assert_eq!(notified["is_active"], json!({"old": true, "new": false}));
        assert_eq!(notified["days_of_week"], json!({"old": [0, 1, 2, 3, 4, 5, 6], "new": [5, 6]}));
        let mut fields: Vec<&str> = notified.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["days_of_week", "is_active", "name", "shift", "template_id"], "nothing else");

        let (bare, _) = change(&db, &context, &admin, before.id, json!({"name_ar": null})).unwrap();
        assert_eq!(bare, Routine { name_ar: None, ..after });
        assert_eq!(get(&db, before.id).unwrap().0, bare);
        assert_eq!(get(&db, bystander.0.id).unwrap(), bystander, "other routines are unchanged");
        let nothing = RoutineId::new(9_999).unwrap();
        assert_eq!(code(change(&db, &context, &admin, nothing, json!({"name": "New"}))), Code::NotFound);
    }

    fn the_types_of_a_routine_are_replaced_as_a_whole(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let template = checklist(&db, &context, &admin).0.id;
        let three = |body: &mut Value| body["asset_types"] = json!(["crane", "hoist", "pump"]);
        let (routine, _) = routine_with(&db, &context, &admin, template, three);
        let (other, _) = routine_with(&db, &context, &admin, template, three);
        let types = json!(["winch", "pump", "winch"]);
        let (_, types) = change(&db, &context, &admin, routine.id, json!({"asset_types": types})).unwrap();
        assert_eq!(types, ["pump", "winch"]);
        assert_eq!(get(&db, routine.id).unwrap().1, types);
        assert_eq!(get(&db, other.id).unwrap().1, ["crane", "hoist", "pump"]);
        let notified = trail(&db, &context, json!({"entity_type": "routine", "action": "update"}));
        assert_eq!(
            notified[0].changes.0["asset_types"],
            json!({"old": ["crane", "hoist", "pump"], "new": ["pump", "winch"]})
        );
        let before = rows(&db);
        let same = change(&db, &context, &admin, routine.id, json!({"asset_types": ["winch", "pump"]}));
        assert_eq!(same.unwrap().1, ["pump", "winch"]);
        assert_eq!(rows(&db), before, "the same in another order is no change, and leaves no line");
    }

    fn the_arabic_name_that_is_read_back_does_not_overwrite_the_english_one(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let template = checklist(&db, &context, &admin).0.id;
        let (before, _) = routine(&db, &context, &admin, template);
        let arabic = before.name_ar.clone().unwrap();
        let (after, _) =
            change(&db, &context, &admin, before.id, json!({"name": arabic, "shift": "night"})).unwrap();
        assert_eq!(after, Routine { shift: Shift::Night, ..before.clone() });
        assert_eq!(get(&db, before.id).unwrap().0, after);
        let both = json!({"name": arabic, "name_ar": "جولة أخرى"});
        let (after, _) = change(&db, &context, &admin, before.id, both).unwrap();
        assert_eq!((after.name.as_str(), after.name_ar.as_deref()), ("Daily round", Some("جولة أخرى")));
        let (after, _) = change(&db, &context, &admin, before.id, json!({"name": "جولة ثالثة"})).unwrap();
        assert_eq!(get(&db, before.id).unwrap().0.name, "جولة ثالثة", "another text is a new name");
        assert_eq!(after.name_ar.as_deref(), Some("جولة أخرى"));
    }

    fn a_routine_requires_an_active_checklist_and_a_refusal_changes_nothing(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let [template, gone] = [(); 2].map(|()| checklist(&db, &context, &admin).0.id);
        let (routine, _) = routine(&db, &context, &admin, template);
        activate(&db, &context, &admin, gone, false);
        let before = (rows(&db), all(&db));
        let wrong = (Code::ValidationError, vec!["template_id".to_owned()]);
        for template in [gone.get(), 9_999] {
            let body = json!({
                "name": "Other", "asset_types": ["pump"], "shift": "day", "days_of_week": [0],
                "template_id": template,
            });
            assert_eq!(refusal(create(&db, &context, &admin, body)), wrong);
            let body = json!({"template_id": template, "asset_types": ["pump"], "name": "Other"});
            assert_eq!(refusal(change(&db, &context, &admin, routine.id, body)), wrong);
        }
        assert_eq!((rows(&db), all(&db)), before);
        assert_eq!(actions(&db, &context, routine.id), [AuditAction::Create]);

        activate(&db, &context, &admin, gone, true);
        activate(&db, &context, &admin, template, false);
        let (stored, _) =
            change(&db, &context, &admin, routine.id, json!({"template_id": template, "shift": "night"}))
                .unwrap();
        assert_eq!((stored.template_id, stored.shift), (template, Shift::Night), "an existing checklist stays");
        let (moved, _) = change(&db, &context, &admin, routine.id, json!({"template_id": gone})).unwrap();
        assert_eq!(moved.template_id, gone);
        let back = change(&db, &context, &admin, routine.id, json!({"template_id": template}));
        assert_eq!(refusal(back), wrong, "which was deactivated meanwhile");
        assert_eq!(get(&db, routine.id).unwrap().0, moved);
    }

    fn a_routine_is_deleted_with_its_types(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let template = checklist(&db, &context, &admin).0.id;
        let stored = routine(&db, &context, &admin, template);
        let (gone, _) = routine_with(&db, &context, &admin, template, |body| {
            body["asset_types"] = json!(["pump", "crane"]);
        });
        let before = rows(&db);
        delete(&db, &context, &admin, gone.id).unwrap();
        let after = rows(&db);
        for (table, fewer) in [("inspection_routines", 1), ("routine_asset_types", 2), ("audit_entries", -1)]
        {
            assert_eq!(before[table] - after[table], fewer, "{table}");
        }
        assert_eq!(all(&db), [stored]);
        assert_eq!(code(get(&db, gone.id)), Code::NotFound);
        assert_eq!(actions(&db, &context, gone.id), [AuditAction::Create, AuditAction::Delete]);
        let lines = trail(&db, &context, json!({"entity_type": "routine", "action": "delete"}));
        assert_eq!(lines[0].changes.0["asset_types"], json!({"old": ["crane", "pump"], "new": null}));
        assert_eq!(lines[0].changes.0["name"], json!({"old": "Daily round", "new": null}));
        assert_eq!(code(delete(&db, &context, &admin, gone.id)), Code::NotFound);
        assert_eq!(rows(&db), after);
    }

    fn existing_lists_do_not_change_with_their_routine(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let [template, other] = [(); 2].map(|()| checklist(&db, &context, &admin).0.id);
        for _ in 0..2 {
            equipment(&db, &context);
        }
        let (routine, _) = routine(&db, &context, &admin, template);
        let (list, assignments) = generated(&db, &context, &admin);
        assert_eq!((list.total_assets, assignments.len()), (2, 2));
        clock.advance_seconds(60);
        let is_untouched = |after: &str| {
            assert_eq!(db.read(|conn| daily_lists::get(conn, list.id)).unwrap(), list, "{after}");
            let on_it = db.read(|conn| daily_lists::assignments_of(conn, &[list.id])).unwrap();
            let on_it: Vec<_> = on_it.into_iter().map(|(assignment, _)| assignment).collect();
            assert_eq!(on_it, assignments, "{after}");
        };
        for body in [
            json!({"template_id": other}),
            json!({"asset_types": ["pump"]}),
            json!({"shift": "night", "days_of_week": []}),
            json!({"is_active": false}),
        ] {
            change(&db, &context, &admin, routine.id, body.clone()).unwrap();
            is_untouched(&body.to_string());
        }
        delete(&db, &context, &admin, routine.id).unwrap();
        is_untouched("its end");
    }
}
