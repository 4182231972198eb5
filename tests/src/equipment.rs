//! Machines and their status (rule book §2).

use inspection_domain::users::Role;
use inspection_testkit::{builders, or_skip};
use serde_json::{Value, json};

use crate::{printed::text_of, site::on_both};

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
    fn machines_have_labels_with_codes(site: TestSite) {
        let machines: Vec<_> = (0..26).map(|_| builders::equipment(&site.db, &site.context)).collect();
        let client = site.as_a(Role::Specialist);
        let labels = |query: &str| client.get(&format!("/api/equipment/labels.pdf{query}"));
        let text = or_skip!(text_of(&labels(&format!("?ids={},{}", machines[3].id, machines[1].id))));
        let place = |n: usize| text.find(machines[n].serial_number.as_str()).expect("its label");
        assert!(place(3) < place(1) && !text.contains(&machines[0].serial_number), "{text}");
        for query in ["", "?type=Crane", "?berth=b1"] {
            let text = or_skip!(text_of(&labels(query)));
            assert!(machines.iter().all(|machine| text.contains(&machine.serial_number)), "{query}: {text}");
        }
        assert_eq!(or_skip!(text_of(&labels("?berth=B9"))), "");
        assert_eq!(labels("?ids=99999").code(), "NOT_FOUND");
        let many: Vec<_> = (1..=241).map(|id| id.to_string()).collect();
        let refused = labels(&format!("?ids={}", many.join(",")));
        assert_eq!((refused.status, refused.fields()), (400, vec!["ids"]));
        let code = client.get(&format!("/api/equipment/{}/qr.svg", machines[0].id));
        assert_eq!((code.status, code.header("content-type")), (200, Some("image/svg+xml")));
        assert!(code.text.starts_with("<?xml") && code.text.ends_with("</svg>"), "{}", code.text);
        assert_eq!(client.get("/api/equipment/99999/qr.svg").code(), "NOT_FOUND");
    }
}
