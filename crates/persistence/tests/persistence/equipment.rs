//! Machines and their history (§2).

use inspection_domain::{
    equipment::{Equipment, EquipmentChanges, EquipmentFilter, EquipmentStatus, NewEquipment},
    ids::EquipmentId,
    page::PageRequest,
    rule::Code,
    users::{Role, User},
};
use inspection_persistence::{
    Context, Database, Result,
    equipment::{self, Event},
    users,
};
use inspection_testkit::{
    builders::{
        CRITICAL, NUMERIC, act, checklist, equipment as machine, equipment_with, input, submitted, user,
    },
    context::context,
    on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, code, filter, refusal, trail};

fn change(db: &Database, context: &Context, actor: &User, of: &Equipment, body: Value) -> Result<Equipment> {
    let changes: EquipmentChanges = input(body);
    act(db, context, actor, |tx| equipment::registry::update(tx, of.id, changes))
}

/// The events of a machine's history, one word each.
fn history(db: &Database, id: EquipmentId, page: PageRequest) -> (Vec<String>, i64) {
    let page = db.read(|conn| equipment::history(conn, id, page)).expect("a history");
    let word = |event: &Event| match event {
        Event::Job(job) => format!("job {}", job.id),
        Event::Inspection(inspection) => format!("inspection {}", inspection.id),
        Event::Defect(defect) => format!("defect {}", defect.id),
        Event::StatusChange(change) => {
            let from = change.from_status.map_or("nothing", EquipmentStatus::as_str);
            format!("{from} to {}", change.to_status)
        }
    };
    (page.items.iter().map(|(_, event)| word(event)).collect(), page.total)
}

on_both_databases! {
    fn every_status_change_is_recorded_with_user_and_time(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let crane = machine(&db, &context);
        clock.advance_seconds(60);
        change(&db, &context, &admin, &crane, json!({"status": "stopped"})).unwrap();
        change(&db, &context, &admin, &crane, json!({"name": "Crane A"})).unwrap();
        clock.advance_seconds(60);
        let gone = act(&db, &context, &admin, |tx| equipment::registry::decommission(tx, crane.id)).unwrap();
        act(&db, &context, &admin, |tx| equipment::registry::decommission(tx, crane.id)).unwrap();
        assert_eq!((gone.status, gone.name.as_str()), (EquipmentStatus::OutOfService, "Crane A"));
        let page = db.read(|conn| equipment::history(conn, crane.id, ALL)).unwrap();
        let changes: Vec<_> = page
            .items
            .iter()
            .map(|(at, event)| match event {
                Event::StatusChange(change) if change.changed_at == *at => {
                    (change.to_status, change.changed_by_id)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            changes,
            [
                (EquipmentStatus::OutOfService, Some(admin.id)),
                (EquipmentStatus::Stopped, Some(admin.id)),
                (EquipmentStatus::Active, None),
            ]
        );
        assert_eq!(page.items[0].0, context.clock.now());
        let lines = trail(
            &db,
            &context,
            json!({"entity_type": "equipment", "entity_id": crane.id, "user_id": admin.id}),
        );
        assert_eq!(lines.len(), 3, "decommissioning again changed nothing");
    }

    fn history_is_newest_first_over_everything_and_pages_fit_together(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let [crane, other] = [machine(&db, &context), machine(&db, &context)];
        clock.advance_seconds(60);
        let (first, found) = submitted(&db, &context, &inspector, &crane, &[NUMERIC, CRITICAL]);
        submitted(&db, &context, &inspector, &other, &[NUMERIC]);
        clock.advance_seconds(60);
        change(&db, &context, &admin, &crane, json!({"status": "paused"})).unwrap();
        clock.advance_seconds(60);
        let (second, _) = submitted(&db, &context, &inspector, &crane, &[]);

        let whole = [
            format!("inspection {}", second.id),
            "active to paused".to_owned(),
            format!("defect {}", found[1].id),
            format!("defect {}", found[0].id),
            format!("inspection {}", first.id),
            "nothing to active".to_owned(),
        ];
        assert_eq!(history(&db, crane.id, ALL), (whole.to_vec(), 6));
        let pages = (1..=3).map(|page| history(&db, crane.id, PageRequest::new(page, 2)));
        assert_eq!(pages.flat_map(|(page, _)| page).collect::<Vec<_>>(), whole);
        assert_eq!(history(&db, crane.id, PageRequest::new(4, 2)), (vec![], 6));
        let nothing = EquipmentId::new(9_999).unwrap();
        assert_eq!(code(db.read(|conn| equipment::history(conn, nothing, ALL))), Code::NotFound);
    }

    fn machines_are_filtered_by_their_fields_and_by_text(db: TestDatabase) {
        let (context, _) = context();
        let technician = user(&db, &context, Role::Specialist);
        let named = |name: &str, extra: Value| {
            equipment_with(&db, &context, |body| {
                body["name"] = json!(name);
                body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            })
            .id
        };
        let full = named("Full 100%", json!({"serial_number": "a_b", "berth": "B2"}));
        let plain = named("Full 1000", json!({"serial_number": "axb", "name_ar": "رافعة الرصيف"}));
        let pump = named(
            "Big\\Pump",
            json!({
                "equipment_type": "pump", "equipment_type_ar": "مضخة", "model_number": "Modell Ö",
                "status": "stopped", "assigned_technician_id": technician.id, "location": "Hall SEVEN",
            }),
        );
        let found = |mut body: Value| -> Vec<EquipmentId> {
            body["sort"] = json!("id");
            let filter: EquipmentFilter = filter(body);
            db.read(|conn| equipment::list(conn, &filter, ALL)).unwrap().items.iter().map(|m| m.id).collect()
        };
        assert_eq!(found(json!({})), [full, plain, pump]);
        assert_eq!(found(json!({"q": "100"})), [full, plain]);
        assert_eq!(found(json!({"q": "1000%"})), [plain]);
        assert_eq!(found(json!({"q": "%"})), [], "no word");
        assert_eq!(found(json!({"q": "A_B"})), [full], "a wildcard is only itself");
        assert_eq!(found(json!({"q": "pum\\big"})), [pump], "in any order");
        assert_eq!(found(json!({"q": "ump"})), [], "the beginning of a word");
        assert_eq!(found(json!({"q": "رصيف"})), [full, plain, pump], "in the location, too");
        assert_eq!(found(json!({"q": "رافعة الر"})), [plain]);
        assert_eq!(found(json!({"q": "seven"})), [pump]);
        assert_eq!(found(json!({"q": "MODELL o"})), [pump], "without accents");
        assert_eq!(found(json!({"status": "stopped"})), [pump]);
        assert_eq!(found(json!({"equipment_type": "pump"})), [pump]);
        assert_eq!(found(json!({"berth": "B2"})), [full]);
        assert_eq!(found(json!({"assigned_technician_id": technician.id})), [pump]);
        assert_eq!(found(json!({"status": "active", "berth": "B1", "q": "full"})), [plain]);
        let types = db.read(equipment::types).unwrap();
        assert_eq!(types, [("crane".to_owned(), None), ("pump".to_owned(), Some("مضخة".to_owned()))]);
        let known = db.read(|conn| equipment::by_ids(conn, [pump, full, pump])).unwrap();
        assert_eq!((known.len(), known[&pump].name.as_str()), (2, "Big\\Pump"));
    }

    fn only_an_active_inspector_or_specialist_is_assigned_to_a_machine(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let [gone, specialist, inspector] =
            [Role::Specialist, Role::Specialist, Role::Inspector].map(|role| user(&db, &context, role));
        act(&db, &context, &admin, |tx| users::deactivate(tx, gone.id)).unwrap();
        let crane = machine(&db, &context);
        let assign = |id: i64| change(&db, &context, &admin, &crane, json!({"assigned_technician_id": id}));
        let wrong = (Code::ValidationError, vec!["assigned_technician_id".to_owned()]);
        for id in [admin.id.get(), gone.id.get(), 9_999] {
            assert_eq!(refusal(assign(id)), wrong, "{id}");
            let new: NewEquipment = input(json!({
                "name": "n", "equipment_type": "t", "serial_number": "s", "assigned_technician_id": id,
            }));
            assert_eq!(refusal(act(&db, &context, &admin, |tx| equipment::registry::create(tx, new))), wrong, "{id}");
        }
        assert!(assign(specialist.id.get()).is_ok());
        assert_eq!(assign(inspector.id.get()).unwrap().assigned_technician_id, Some(inspector.id));
        // A technician who lost the role doesn't block other changes of the machine.
        act(&db, &context, &admin, |tx| users::deactivate(tx, inspector.id)).unwrap();
        assert!(change(&db, &context, &admin, &crane, json!({"name": "Crane A"})).is_ok());
        assert_eq!(
            change(&db, &context, &admin, &crane, json!({"assigned_technician_id": null}))
                .unwrap()
                .assigned_technician_id,
            None
        );
    }

    fn a_serial_number_is_unique(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let [one, two] = [machine(&db, &context), machine(&db, &context)];
        let duplicate = (Code::Duplicate, vec!["serial_number".to_owned()]);
        let renamed = change(&db, &context, &admin, &two, json!({"serial_number": one.serial_number}));
        assert_eq!(refusal(renamed), duplicate);
        let new: NewEquipment =
            input(json!({"name": "n", "equipment_type": "t", "serial_number": one.serial_number}));
        assert_eq!(refusal(act(&db, &context, &admin, |tx| equipment::registry::create(tx, new))), duplicate);
        assert_eq!(db.read(|conn| equipment::get(conn, two.id)).unwrap(), two, "nothing has changed");
    }
}
