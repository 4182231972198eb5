//! Machines and their status (rule book §2).

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::{Value, json};

use crate::site::on_both;

on_both! {
    fn a_decommissioned_machine_keeps_its_records_and_is_not_inspected(site: TestSite) {
        let (admin_user, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        builders::checklist(&site.db, &site.context, &admin_user);
        let machine = builders::equipment(&site.db, &site.context);
        builders::submitted(&site.db, &site.context, &inspector, &machine, &[]);
        let admin = site.client(&admin_user);
        let path = format!("/api/equipment/{}", machine.id);
        site.clock.advance_seconds(1);
        let history = || admin.get(&format!("{path}/history")).json["pagination"]["total"].clone();
        for _ in 0..2 {
            assert_eq!(admin.delete(&path).data()["status"], "out_of_service");
            assert_eq!(history(), 3, "registered, inspected, decommissioned once");
        }
        let start = site.client(&inspector).post("/api/inspections/start", &json!({"equipment_id": machine.id}));
        assert_eq!((start.status, start.code()), (400, "RULE_VIOLATION"));
        let planned = admin.post("/api/schedules", &json!({"equipment_id": machine.id, "day_of_week": 1}));
        assert_eq!((planned.code(), planned.fields()), ("VALIDATION_ERROR", vec!["equipment_id"]));
        assert_eq!(admin.get("/api/inspections").json["pagination"]["total"], 1);
    }

    fn a_machine_has_an_active_technician_and_a_home_berth(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let new = |serial: &str, technician: Value| admin.post("/api/equipment", &json!({
            "name": "Crane", "equipment_type": "crane", "serial_number": serial, "berth": "B4", "assigned_technician_id": technician,
        }));
        let (engineer, gone, able) = (site.user(Role::Engineer), site.user(Role::Inspector), site.user(Role::Specialist));
        assert_eq!(admin.delete(&format!("/api/users/{}", gone.id)).status, 200);
        for technician in [engineer.id, gone.id] {
            let refused = new("C-1", json!(technician));
            assert_eq!((refused.code(), refused.fields()), ("VALIDATION_ERROR", vec!["assigned_technician_id"]));
        }
        let machine = new("C-1", json!(able.id));
        assert_eq!((machine.status, &machine.data()["home_berth"]), (201, &json!("B4")), "{}", machine.text);
        let moved = admin.put(&format!("/api/equipment/{}", machine.id()), &json!({"berth": "B5"}));
        assert_eq!((&moved.data()["berth"], &moved.data()["home_berth"]), (&json!("B5"), &json!("B4")));
    }

    fn everyone_reads_machines_and_only_admins_change_them(site: TestSite) {
        let machine = builders::equipment(&site.db, &site.context);
        let path = format!("/api/equipment/{}", machine.id);
        for role in Role::ALL {
            let client = site.as_a(*role);
            for read in ["/api/equipment", "/api/equipment/types", &path, &format!("{path}/history")] {
                assert_eq!(client.get(read).status, 200, "{role} {read}");
            }
            let expected = if *role == Role::Admin { 200 } else { 403 };
            assert_eq!(client.put(&path, &json!({"berth": "B2"})).status, expected, "{role}");
            assert_eq!(client.delete(&path).status, expected, "{role}");
        }
    }
}
