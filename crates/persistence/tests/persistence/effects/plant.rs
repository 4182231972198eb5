//! Machines, checklists, routines, schedules, daily lists and files.

use inspection_domain::files::{FileKind, NewFile, UploadFields};
use inspection_persistence::sessions;
use inspection_testkit::builders::input;
use serde_json::json;

use super::{Ledger, effects};

pub(super) fn story(ledger: &mut Ledger<'_>) {
    let admin = ledger.user("admin", json!({"role": "admin"}));
    let technician = ledger.user("technician", json!({"role": "inspector", "specialization": "mechanical"}));

    let new = input(json!({
        "name": "Crane 1", "equipment_type": "crane", "serial_number": "SN-1", "location": "North quay",
        "berth": "B1", "assigned_technician_id": technician.id,
    }));
    let crane = effects!(ledger, &admin, equipment::registry::create(new));
    let changes = input(json!({"name": "Crane 1 north", "berth": "B2", "assigned_technician_id": null}));
    effects!(ledger, &admin, equipment::registry::update(crane.id, changes));
    for status in ["stopped", "active"] {
        effects!(
            ledger,
            &admin,
            status,
            equipment::registry::update(crane.id, input(json!({"status": status})))
        );
    }

    let template = json!({
        "name": "Crane check", "name_ar": "فحص الرافعة", "equipment_type": "crane", "version": "1",
        "items": [{"question_text": "Are the brakes sound?", "answer_type": "pass_fail", "category": "mechanical"}],
    });
    let template = effects!(ledger, &admin, checklists::create(input(template))).0;
    effects!(ledger, &admin, checklists::update(template.id, input(json!({"name": "Crane round"}))));
    let item =
        json!({"question_text": "Do the lights work?", "answer_type": "yes_no", "category": "electrical"});
    let item = effects!(ledger, &admin, checklists::add_item(template.id, input(item)));
    let changes = input(json!({"question_text": "Do all lights work?", "critical_failure": true}));
    effects!(ledger, &admin, checklists::update_item(template.id, item.id, changes));
    effects!(ledger, &admin, checklists::delete_item(template.id, item.id));
    let version = effects!(ledger, &admin, checklists::clone(template.id, input(json!({"version": "2"}))));
    effects!(ledger, &admin, "activate", checklists::update(version.0.id, input(json!({"is_active": true}))));

    let routine = json!({
        "name": "Daily round", "asset_types": ["crane"], "shift": "day",
        "days_of_week": [0, 1, 2, 3, 4, 5, 6], "template_id": version.0.id,
    });
    let routine = effects!(ledger, &admin, routines::create(input(routine))).0;
    let changes = input(json!({"name": "Night round", "shift": "night"}));
    effects!(ledger, &admin, routines::update(routine.id, changes));
    let list =
        |refresh: bool| input(json!({"target_date": "2026-03-02", "shift": "night", "refresh": refresh}));
    effects!(ledger, &admin, daily_lists::generate(&list(false)));
    effects!(ledger, &admin, "nothing to add", daily_lists::generate(&list(true)));
    effects!(ledger, &admin, routines::delete(routine.id));

    let plan = input(json!({"equipment_id": crane.id, "day_of_week": 1}));
    let (schedule, _) = effects!(ledger, &admin, schedules::create(&plan));
    effects!(ledger, &admin, schedules::delete(schedule.id));

    let holiday = input(json!({"date": "2026-12-25", "name": "Winter holiday"}));
    let holiday = effects!(ledger, &admin, holidays::create(holiday));
    effects!(ledger, &admin, holidays::delete(holiday.id));

    let file = |name: &str| NewFile {
        key: format!("general/2026/03/02/{name:0>32}.jpg"),
        client_name: format!("{name}.jpg"),
        kind: FileKind::Jpeg,
        size: 100,
        sha256: "0".repeat(64),
    };
    let purpose = input::<UploadFields>(json!({})).purpose().expect("a purpose");
    let files = effects!(ledger, &technician, files::record(vec![file("a"), file("b")], &purpose));
    let first = files.first().expect("a file");
    let account = ledger.db.read(|conn| sessions::find_account(conn, &technician.email));
    let account = account.expect("read").expect("an account");
    let session = effects!(ledger, &technician, sessions::start(&account, 3600)).reference();
    effects!(ledger, &technician, files::create_link(first.id));
    effects!(ledger, &technician, files::open_link(&session, first.id));
    effects!(ledger, &technician, files::delete(first.id));

    effects!(ledger, &admin, equipment::registry::decommission(crane.id));
}
