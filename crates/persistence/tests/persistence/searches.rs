//! Searches find the objects with all words of a text, on both databases.

use diesel::{RunQueryDsl, sql_query};
use inspection_domain::{
    equipment::{Equipment, EquipmentFilter},
    users::{Role, User, UserFilter},
};
use inspection_persistence::{Context, Database, equipment, migrations, users};
use inspection_testkit::{
    builders::{act, defect, equipment as machine, equipment_with, input, user, user_with},
    context::context,
    on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, filter};

/// The names of the machines that a search finds, in order.
fn found(db: &Database, text: &str) -> Vec<String> {
    let filter: EquipmentFilter = filter(json!({"q": text}));
    let page = db.read(|conn| equipment::list(conn, &filter, ALL)).expect("read");
    page.items.into_iter().map(|machine| machine.name).collect()
}

fn named(db: &Database, context: &Context, name: &str, extra: &Value) -> Equipment {
    equipment_with(db, context, |body| {
        body["name"] = json!(name);
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    })
}

fn rename(db: &Database, context: &Context, admin: &User, machine: &Equipment, name: &str) {
    let changes = input(json!({"name": name}));
    act(db, context, admin, |tx| equipment::registry::update(tx, machine.id, changes)).expect("renamed");
}

on_both_databases! {
    fn both_databases_find_all_spellings(db: TestDatabase) {
        let (context, _) = context();
        named(&db, &context, "Brunnen Süd", &json!({"name_ar": "المِضخّة الرئيسية", "serial_number": "P-101A"}));
        named(&db, &context, "Brunnen Nord", &json!({"name_ar": "رافعة", "serial_number": "P-102"}));
        for (text, names) in [
            ("brunnen", &["Brunnen Nord", "Brunnen Süd"][..]),
            ("BRUNNEN sud", &["Brunnen Süd"]),
            ("مضخه", &["Brunnen Süd"]),
            ("رئيسيه المضخة", &["Brunnen Süd"]),
            ("بالرافعة", &["Brunnen Nord"]),
            ("p-10", &["Brunnen Nord", "Brunnen Süd"]),
            ("P101", &["Brunnen Süd"]),
            ("p\u{2011}١٠٢", &["Brunnen Nord"]),
            ("102", &["Brunnen Nord"]),
            ("brunnen west", &[]),
            ("runnen", &[]),
            ("'", &[]),
            ("\" OR brunnen", &[]),
            ("*", &[]),
        ] {
            assert_eq!(found(&db, text), names, "{text}");
        }
    }

    fn the_index_follows_a_change(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let pump = named(&db, &context, "Old pump", &json!({}));
        rename(&db, &context, &admin, &pump, "New valve");
        assert_eq!((found(&db, "pump"), found(&db, "valve")), (vec![], vec!["New valve".to_owned()]));
        let failed = act(&db, &context, &admin, |tx| {
            equipment::registry::update(tx, pump.id, input(json!({"name": "Lost name"})))?;
            Err::<(), _>(inspection_domain::rule::NotFound("something else").into())
        });
        assert!(failed.is_err());
        assert_eq!((found(&db, "lost"), found(&db, "valve").len()), (vec![], 1));
    }

    fn objects_from_before_the_index_are_added_to_it(db: TestDatabase) {
        let (context, _) = context();
        let inspector = user_with(&db, &context, Role::Inspector, |body| body["full_name"] = json!("Ann Lee"));
        for n in 0..3 {
            let crane = machine(&db, &context);
            rename(&db, &context, &user(&db, &context, Role::Admin), &crane, &format!("Gantry {n}"));
            if n == 0 {
                inspection_testkit::builders::checklist(&db, &context, &inspector);
                defect(&db, &context, &inspector, &crane);
            }
        }
        query!(db, |c| sql_query("DELETE FROM search_entries").execute(c));
        assert_eq!(found(&db, "gantry").len(), 0);
        let open = "INSERT INTO search_fills (kind, after_id) \
            VALUES ('checklist', 0), ('defect', 0), ('equipment', 1), ('user', 0)";
        query!(db, |c| sql_query(open).execute(c));
        assert!(migrations::is_pending(&db).expect("read"), "a later start goes on");
        assert_eq!(migrations::up(&db).expect("filled"), Vec::<String>::new());
        assert!(!migrations::is_pending(&db).expect("read"));
        assert_eq!(found(&db, "gantry"), ["Gantry 1", "Gantry 2"], "after the first one");
        let people: UserFilter = filter(json!({"q": "lee"}));
        let people = db.read(|conn| users::list(conn, &people, ALL)).expect("read");
        assert_eq!(people.items.iter().map(|person| person.id).collect::<Vec<_>>(), [inspector.id]);
    }
}
