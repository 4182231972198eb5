//! Keys of rows: filled for rows from before, and refused if they clash, on both databases.

use diesel::prelude::*;
use inspection_domain::{
    equipment::{Equipment, EquipmentFilter},
    key::Key,
    schema::{
        checklist_templates as templates, equipment, inspection_assignments as assignments,
        routine_asset_types as asset_types, users,
    },
    users::Role,
};
use inspection_persistence::{Database, equipment as machines, migrations, sessions};
use inspection_testkit::{
    builders::{checklist, equipment as machine, generated, routine, user},
    context::context,
    on_both_databases,
};
use serde_json::json;

use crate::{ALL, filter};

/// Reverts the migrations down to that of the keys.
fn revert(db: &Database) {
    while !migrations::down(db).expect("reverted").ends_with("_keys") {}
}

/// Values and keys of all rows.
fn keys(db: &Database) -> Vec<(String, Option<String>)> {
    let mut all: Vec<(Option<String>, Option<String>)> = Vec::new();
    macro_rules! of {
        ($($table:ident: $value:ident, $key:ident);+) => {$(
            all.extend(query!(db, |c| $table::table
                .select(($table::$value.nullable(), $table::$key))
                .load::<(Option<String>, Option<String>)>(c)));
        )+};
    }
    of!(
        users: email, email_key; equipment: equipment_type, type_key; equipment: serial_number, serial_key;
        equipment: berth, berth_key; templates: equipment_type, type_key;
        asset_types: equipment_type, type_key; assignments: berth, berth_key
    );
    all.into_iter().filter_map(|(value, key)| Some((value?, key))).collect()
}

fn assert_filled(db: &Database) {
    let all = keys(db);
    assert!(all.len() >= 7, "{all:?}");
    for (value, key) in all {
        assert_eq!(key, Some(Key::of(&value).into()), "{value}");
    }
}

macro_rules! set {
    ($db:expr, $table:ident, $id:expr, $column:ident, $value:expr) => {
        query!($db, |c| diesel::update($table::table.find($id)).set($table::$column.eq($value)).execute(c))
    };
}

on_both_databases! {
    fn rows_from_before_get_their_keys(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (template, _) = checklist(&db, &context, &admin);
        routine(&db, &context, &admin, template.id);
        let crane = machine(&db, &context);
        generated(&db, &context, &admin);
        assert_filled(&db);
        revert(&db);
        set!(db, equipment, crane.id, serial_number, "ＳＮ\u{2011}٠٠١");
        set!(db, equipment, crane.id, equipment_type, "CRANE");
        set!(db, equipment, crane.id, berth, "b\u{a0}١");
        migrations::up(&db).expect("migrated");
        assert_filled(&db);
        let by_type: EquipmentFilter = filter(json!({"equipment_type": "Crane", "berth": "B 1"}));
        let found: Vec<Equipment> = db.read(|conn| machines::list(conn, &by_type, ALL)).expect("read").items;
        assert_eq!(found.iter().map(|machine| machine.id).collect::<Vec<_>>(), [crane.id]);
        assert_eq!(found[0].equipment_type, "CRANE", "as it was entered");
    }

    fn an_upgrade_with_clashes_names_all_of_them_and_changes_nothing(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (other, third) = (user(&db, &context, Role::Engineer), user(&db, &context, Role::Engineer));
        let (template, _) = checklist(&db, &context, &admin);
        let (second, _) = checklist(&db, &context, &admin);
        routine(&db, &context, &admin, template.id);
        let [one, two, three] = [(); 3].map(|()| machine(&db, &context));
        revert(&db);
        set!(db, equipment, one.id, serial_number, "SN-1");
        set!(db, equipment, two.id, serial_number, "sn\u{2011}1");
        set!(db, equipment, three.id, serial_number, "ＳＮ-١");
        set!(db, users, other.id, email, "eve@example.com");
        set!(db, users, third.id, email, "ｅve@example.com");
        set!(db, templates, second.id, equipment_type, "CRANE");
        set!(db, templates, second.id, version, &template.version);
        let state = || {
            let serials: Vec<(i64, String)> = query!(db, |c| equipment::table
                .order(equipment::id)
                .select((equipment::id, equipment::serial_number))
                .load(c));
            (migrations::status(&db).expect("read"), serials)
        };
        let before = state();
        let refused = migrations::up(&db).expect_err("refused").to_string();
        for part in [
            format!("equipment.serial_number: id {} \"SN-1\", id {} \"sn\u{2011}1\", id {} \"ＳＮ-١\"", one.id, two.id, three.id),
            format!("users.email: id {} \"eve@example.com\", id {} \"ｅve@example.com\"", other.id, third.id),
            format!("checklist_templates.equipment_type: id {} \"crane\", id {} \"CRANE\"", template.id, second.id),
            "nothing was changed".to_owned(),
        ] {
            assert!(refused.contains(&part), "{part}\n{refused}");
        }
        assert_eq!(state(), before);
        assert!(migrations::is_pending(&db).expect("read"));

        set!(db, equipment, two.id, serial_number, "SN-2");
        let still = migrations::up(&db).expect_err("refused").to_string();
        assert!(still.contains("ＳＮ-١") && !still.contains("SN-2"), "{still}");
        set!(db, equipment, three.id, serial_number, "SN-3");
        set!(db, users, third.id, email, "third@example.com");
        set!(db, templates, second.id, version, "other");
        migrations::up(&db).expect("migrated");
        assert_filled(&db);
    }

    fn an_older_program_beside_stays_able_to_write(db: TestDatabase) {
        let (context, _) = context();
        let (crane, person) = (machine(&db, &context), user(&db, &context, Role::Admin));
        let of = |id: i64| -> [Option<String>; 3] {
            let columns = (equipment::serial_key, equipment::type_key, equipment::berth_key);
            let row: (Option<String>, Option<String>, Option<String>) =
                query!(db, |c| equipment::table.find(id).select(columns).first(c));
            [row.0, row.1, row.2]
        };
        let bare = Equipment { serial_number: "SN-88 I".into(), equipment_type: "Rail Crane".into(), ..crane.clone() };
        query!(db, |c| diesel::insert_into(equipment::table).values(&bare).execute(c));
        assert_eq!(of(crane.id.get() + 1), ["sn-88 i", "rail crane", "b1"].map(|key| Some(key.to_owned())));
        set!(db, equipment, crane.id, serial_number, "SN-76");
        set!(db, equipment, crane.id, berth, None::<String>);
        assert_eq!(of(crane.id.get()), [Some("sn-76".into()), Some("crane".into()), None]);
        for odd in ["SN-\u{2011}77", "SN-77  x", " SN-77"] {
            set!(db, equipment, crane.id, serial_number, odd);
            assert_eq!(of(crane.id.get())[0].as_deref(), Some("sn-76"), "stays as it was: {odd:?}");
        }
        set!(db, equipment, crane.id, serial_number, "SN\u{2011}77");
        set!(db, users, person.id, email, "new@example.com");
        set!(db, users, person.id, email_key, None::<String>);
        let found = db.read(|conn| sessions::find_account(conn, "New@Example.com")).expect("read");
        assert_eq!(found.map(|account| account.user.id), Some(person.id), "an account without a key");
        assert_eq!(migrations::up(&db).expect("filled"), Vec::<String>::new());
        let row: Option<String> = query!(db, |c| equipment::table.find(crane.id).select(equipment::serial_key).first(c));
        assert_eq!(row.as_deref(), Some("sn-77"), "the key of an earlier value is replaced");
    }
}
