//! Daily lists, generated from routines (rule book §4).

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::{Value, json};

use crate::site::on_both;

on_both! {
    fn a_list_has_the_running_machines_of_its_routines(site: TestSite) {
        let admin_user = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin_user);
        let (other, _) = builders::checklist(&site.db, &site.context, &admin_user);
        builders::routine(&site.db, &site.context, &admin_user, template.id);
        builders::routine(&site.db, &site.context, &admin_user, other.id);
        let machine = |status: &str, kind: &str| {
            builders::equipment_with(&site.db, &site.context, |body| {
                body["status"] = json!(status);
                body["equipment_type"] = json!(kind);
            })
        };
        let (active, maintained) = (machine("active", "crane"), machine("under_maintenance", "crane"));
        for status in ["stopped", "paused", "out_of_service"] {
            machine(status, "crane");
        }
        machine("active", "pump");
        let engineer = site.as_a(Role::Engineer);
        let list = engineer.post("/api/inspection-assignments/lists/generate", &json!({"target_date": "2026-03-02", "shift": "day"}));
        assert_eq!((list.status, &list.data()["assignments_added"]), (201, &json!(2)), "{}", list.text);
        let detail = engineer.get(&format!("/api/inspection-assignments/lists/{}", list.id()));
        assert_eq!(detail.data()["assignments_complete"], true);
        let assignments = detail.data()["assignments"].as_array().expect("assignments");
        let machines: Vec<&Value> = assignments.iter().map(|assignment| &assignment["equipment_id"]).collect();
        assert_eq!(machines, [&json!(active.id), &json!(maintained.id)]);
        assert!(assignments.iter().all(|assignment| assignment["template_id"] == json!(template.id)), "the first routine counts");
    }

    fn a_refresh_adds_missing_assignments_and_changes_nothing_else(site: TestSite) {
        let admin_user = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin_user);
        builders::routine(&site.db, &site.context, &admin_user, template.id);
        builders::equipment(&site.db, &site.context);
        let (_, on_it) = builders::generated(&site.db, &site.context, &admin_user);
        let team = builders::team(&site.db, &site.context);
        builders::assigned(&site.db, &site.context, &admin_user, on_it[0].id, &team);
        let generate = |refresh: bool| {
            site.client(&admin_user).post("/api/inspection-assignments/lists/generate",
                &json!({"target_date": "2026-03-02", "shift": "day", "refresh": refresh}))
        };
        assert_eq!(generate(false).code(), "DUPLICATE");
        builders::equipment(&site.db, &site.context);
        let refreshed = generate(true);
        assert_eq!((refreshed.status, &refreshed.data()["assignments_added"]), (200, &json!(1)), "{}", refreshed.text);
        assert_eq!((&refreshed.data()["status"], &refreshed.data()["assigned_assets"]), (&json!("partially_assigned"), &json!(1)));
        assert_eq!(generate(true).data()["assignments_added"], 0);
    }

    fn planners_list_and_generate_and_everyone_reads_one(site: TestSite) {
        let planner = site.user(Role::Engineer);
        let (list, _) = builders::generated(&site.db, &site.context, &planner);
        for role in Role::ALL {
            let client = site.as_a(*role);
            let plans = matches!(role, Role::Admin | Role::Engineer);
            assert_eq!(client.get("/api/inspection-assignments/lists").status, if plans { 200 } else { 403 }, "{role}");
            let generate = json!({"target_date": "2026-03-02", "shift": "day", "refresh": true});
            let generated = client.post("/api/inspection-assignments/lists/generate", &generate).status;
            assert_eq!(generated, if plans { 200 } else { 403 }, "{role}");
            assert_eq!(client.get(&format!("/api/inspection-assignments/lists/{}", list.id)).status, 200, "{role}");
        }
    }
}
