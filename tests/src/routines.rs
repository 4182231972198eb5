//! Routines, from which daily lists are generated (rule book §4).

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::{Value, json};

use crate::site::on_both;

on_both! {
    fn changing_or_deleting_a_routine_does_not_affect_existing_lists(site: TestSite) {
        let admin_user = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin_user);
        builders::equipment(&site.db, &site.context);
        let admin = site.client(&admin_user);
        let routine = admin.post("/api/inspection-routines", &json!({
            "name": "Round", "asset_types": ["crane"], "shift": "day", "days_of_week": [0, "tuesday"], "template_id": template.id,
        }));
        let path = format!("/api/inspection-routines/{}", routine.id());
        let added = |date: &str| {
            let generate = json!({"target_date": date, "shift": "day"});
            let generated = admin.post("/api/inspection-assignments/lists/generate", &generate);
            if generated.code() == "RULE_VIOLATION" { json!(0) } else { generated.data()["assignments_added"].clone() }
        };
        assert_eq!(added("2026-03-02"), 1, "Monday");
        assert_eq!(admin.put(&path, &json!({"is_active": false})).data()["is_active"], false);
        assert_eq!(added("2026-03-03"), 0, "inactive");
        assert_eq!(admin.put(&path, &json!({"is_active": true, "days_of_week": [3]})).data()["days_of_week"], json!([3]));
        assert_eq!((added("2026-03-04"), added("2026-03-05")), (json!(0), json!(1)), "Thursdays only");
        assert_eq!(admin.delete(&path).status, 200);
        assert_eq!((admin.get(&path).status, added("2026-03-12")), (404, json!(0)));
        let lists = admin.get("/api/inspection-assignments/lists?date=2026-03-02");
        assert_eq!(lists.data()[0]["total_assets"], 1, "the list of Monday remains");
    }

    fn a_routine_needs_an_active_checklist(site: TestSite) {
        let admin_user = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin_user);
        let admin = site.client(&admin_user);
        admin.put(&format!("/api/checklists/{}", template.id), &json!({"is_active": false})).data();
        let body = json!({"name": "Round", "asset_types": ["crane"], "shift": "day", "days_of_week": [0], "template_id": template.id});
        let refused = admin.post("/api/inspection-routines", &body);
        assert_eq!((refused.status, refused.code(), refused.fields()), (400, "VALIDATION_ERROR", vec!["template_id"]));
    }

    fn engineers_read_routines_and_only_admins_change_them(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        let list = site.client(&admin).get("/api/inspection-routines");
        let path = format!("/api/inspection-routines/{}", list.data()[0]["id"]);
        for role in Role::ALL {
            let client = site.as_a(*role);
            let reads = matches!(role, Role::Admin | Role::Engineer);
            assert_eq!(client.get(&path).status, if reads { 200 } else { 403 }, "{role}");
            let changes = *role == Role::Admin;
            assert_eq!(client.put(&path, &json!({"name": "Night round"})).status, if changes { 200 } else { 403 }, "{role}");
        }
    }

    fn a_planner_finds_machines_that_no_round_reaches(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        let (idle, _) = builders::routine_with(&site.db, &site.context, &admin, template.id, |body| body["asset_types"] = json!(["winch"]));
        builders::routine(&site.db, &site.context, &admin, template.id);
        builders::equipment(&site.db, &site.context);
        let pump = builders::equipment_with(&site.db, &site.context, |body| body["equipment_type"] = json!("pump"));
        builders::equipment_with(&site.db, &site.context, |body| {
            body["equipment_type"] = json!("winch");
            body["status"] = json!("out_of_service");
        });
        let coverage = site.as_a(Role::Engineer).get("/api/inspection-routines/coverage").data().clone();
        assert_eq!((&coverage["machines_total"], &coverage["machines"][0]["id"]), (&json!(1), &json!(pump.id)), "{coverage}");
        assert_eq!(coverage["routines"].as_array().map(Vec::len), Some(1), "{coverage}");
        assert_eq!((&coverage["routines"][0]["id"], &coverage["routines"][0]["asset_types"]), (&json!(idle.id), &json!(["winch"])));
        let mut body = json!({"name": "Pump 2", "equipment_type": "pump", "serial_number": "P-2"});
        let client = site.client(&admin);
        let added = client.post("/api/equipment", &body);
        let codes: Vec<&Value> = added.json["warnings"].as_array().expect("warnings").iter().map(|one| &one["code"]).collect();
        assert_eq!((added.status, codes), (201, vec![&json!("NOT_COVERED"), &json!("NOT_COVERED")]), "{}", added.text);
        body["equipment_type"] = json!("crane");
        let changed = client.put(&format!("/api/equipment/{}", added.id()), &body);
        assert_eq!((changed.status, &changed.json["warnings"]), (200, &json!(null)), "{}", changed.text);
    }

    fn a_round_recurs_every_other_week_and_avoids_holidays(site: TestSite) {
        let admin_user = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin_user);
        builders::equipment(&site.db, &site.context);
        let admin = site.client(&admin_user);
        let mut body = json!({
            "name": "Thorough round", "asset_types": ["crane"], "shift": "day", "days_of_week": ["monday"],
            "template_id": template.id, "recurrence": {"unit": "week", "every": 2}, "on_holiday": "postpone",
        });
        let refused = admin.post("/api/inspection-routines", &body);
        assert_eq!((refused.status, refused.fields()), (400, vec!["starts_on"]), "{}", refused.text);
        body["starts_on"] = json!("2026-03-02");
        let routine = admin.post("/api/inspection-routines", &body);
        assert_eq!(routine.status, 201, "{}", routine.text);
        assert_eq!(routine.data()["recurrence"], json!({"unit": "week", "every": 2, "day": null, "week": null}));
        let holiday = json!({"date": "2026-03-16", "name": "Founding day", "name_ar": "يوم التأسيس"});
        let added = admin.post("/api/holidays", &holiday);
        assert_eq!((added.status, &added.data()["date"]), (201, &json!("2026-03-16")), "{}", added.text);
        let again = admin.post("/api/holidays", &holiday);
        assert_eq!((again.status, again.code(), again.fields()), (400, "DUPLICATE", vec!["date"]), "{}", again.text);
        let in_arabic = site.as_a(Role::Inspector).get("/api/holidays?lang=ar&date_from=2026-03-16");
        assert_eq!((&in_arabic.data()[0]["name"], &in_arabic.data()[0]["name_en"]), (&json!("يوم التأسيس"), &json!("Founding day")));
        let is_listed = |date: &str| {
            admin.post("/api/inspection-assignments/lists/generate", &json!({"target_date": date, "shift": "day"})).status == 201
        };
        let days = ["2026-03-02", "2026-03-09", "2026-03-16", "2026-03-17", "2026-03-18", "2026-03-23", "2026-03-30"];
        assert_eq!(days.map(is_listed), [true, false, false, true, false, false, true]);
        let path = format!("/api/holidays/{}", added.id());
        assert_eq!(admin.delete(&path).status, 200);
        assert!(is_listed("2026-03-16"), "no holiday any more");
        let weekly = admin.put(&format!("/api/inspection-routines/{}", routine.id()), &json!({"recurrence": null}));
        assert_eq!((weekly.status, &weekly.data()["recurrence"]), (200, &Value::Null), "{}", weekly.text);
        assert!(is_listed("2026-03-23"), "every week again");
    }
}
