//! Daily lists, generated from routines (rule book §4).

use inspection_domain::users::Role;
use inspection_testkit::{builders, or_skip};
use serde_json::{Value, json};

use crate::{printed::text_of, site::on_both};

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
        assert!(assignments.iter().all(|assignment| assignment["template_id"] == json!(other.id)), "the newest checklist of the type");
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
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        builders::equipment(&site.db, &site.context);
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

    fn an_engineer_publishes_a_new_checklist_and_tomorrow_asks_its_questions(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        builders::equipment(&site.db, &site.context);
        let client = site.client(&admin);
        let newer = client.post(&format!("/api/checklists/{}/versions", template.id), &json!({"version": "next"}));
        assert_eq!(newer.status, 201, "{}", newer.text);
        let list = |date: &str| {
            let generated = client.post("/api/inspection-assignments/lists/generate", &json!({"target_date": date, "shift": "day"}));
            generated.data()["assignments"][0]["template_id"].clone()
        };
        assert_eq!(list("2026-03-03"), newer.data()["id"]);
        client.put(&format!("/api/checklists/{}", newer.id()), &json!({"is_active": false}));
        assert_eq!(list("2026-03-04"), json!(template.id));
        client.put(&format!("/api/checklists/{}", template.id), &json!({"is_active": false}));
        assert_eq!(list("2026-03-05"), json!(template.id), "an inspection by an old checklist is better than none");
    }

    fn a_planner_learns_why_there_is_nothing_to_inspect(site: TestSite) {
        let admin = site.user(Role::Admin);
        let client = site.client(&admin);
        let generate = |lang: &str| {
            client.post(&format!("/api/inspection-assignments/lists/generate?lang={lang}"), &json!({"target_date": "2026-03-02", "shift": "day"}))
        };
        let none = generate("en");
        assert_eq!((none.status, none.code(), none.fields()), (400, "RULE_VIOLATION", Vec::<&str>::new()), "{}", none.text);
        assert!(none.text.contains("no active routine runs"), "{}", none.text);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        let (routine, _) = builders::routine_with(&site.db, &site.context, &admin, template.id, |body| {
            body["asset_types"] = json!(["crane", "winch"]);
        });
        builders::equipment_with(&site.db, &site.context, |body| body["status"] = json!("stopped"));
        let refused = generate("en");
        assert_eq!((refused.code(), refused.fields().len()), ("RULE_VIOLATION", 2), "{}", refused.text);
        let texts: Vec<String> = refused.json["errors"].as_array().expect("errors").iter().map(|error| format!("{}: {}", error["field"], error["message"])).collect();
        assert_eq!(texts, [
            format!("\"routines.{}\": \"Daily round: no machine of the type crane is in use: 1 with the status stopped\"", routine.id),
            format!("\"routines.{}\": \"Daily round: no machine is of the type winch\"", routine.id),
        ]);
        assert!(generate("ar").json["errors"][0]["message"].as_str().expect("a text").contains("لا توجد معدة"));
        assert_eq!(client.get("/api/inspection-assignments/lists").json["pagination"]["total"], 0, "no empty list");
        builders::equipment(&site.db, &site.context);
        assert_eq!(generate("en").status, 201);
    }

    fn a_machine_out_of_service_leaves_the_lists(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        let machines = [(); 4].map(|()| builders::equipment(&site.db, &site.context));
        let (list, on_it) = builders::generated(&site.db, &site.context, &admin);
        let team = builders::team(&site.db, &site.context);
        for assignment in &on_it[..3] {
            builders::assigned(&site.db, &site.context, &admin, assignment.id, &team);
        }
        builders::half_answered(&site.db, &site.context, &team.mechanical, on_it[1].id, &[]);
        builders::half_submitted(&site.db, &site.context, &team.mechanical, on_it[2].id, &[]);
        let inspector = crate::actors::Actor { user: team.electrical.clone() };
        inspector.new_notifications(&site);
        let client = site.client(&admin);
        let path = |n: usize| format!("/api/equipment/{}", machines[n].id);
        assert_eq!(client.delete(&path(0)).status, 200);
        for n in 1..4 {
            let gone = client.put(&path(n), &json!({"status": "out_of_service", "status_reason": "sold"}));
            assert_eq!(gone.status, 200, "{}", gone.text);
        }
        let after = client.get(&format!("/api/inspection-assignments/lists/{}", list.id)).data().clone();
        let left: Vec<&Value> = after["assignments"].as_array().expect("a list").iter().map(|one| &one["id"]).collect();
        assert_eq!((&after["total_assets"], left), (&json!(1), vec![&json!(on_it[2].id)]), "a half is submitted");
        assert_eq!(inspector.new_notifications(&site), ["inspection_unassigned", "inspection_unassigned"]);
        let history = client.get(&format!("{}/history", path(1)));
        assert_eq!(history.data()[0]["status_change"]["reason"], "sold", "{}", history.text);
        let pending = site.client(&team.mechanical).get("/api/inspection-assignments/my-assignments");
        assert_eq!(pending.json["pagination"]["total"], 1);
    }
    fn a_list_is_printed_with_its_teams(site: TestSite) {
        let admin = site.user(Role::Admin);
        let team = builders::team(&site.db, &site.context);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        let machines = [(); 2].map(|()| builders::equipment(&site.db, &site.context));
        let (list, listed) = builders::generated(&site.db, &site.context, &admin);
        builders::assigned(&site.db, &site.context, &admin, listed[0].id, &team);
        let path = format!("/api/inspection-assignments/lists/{}/sheet.pdf", list.id);
        for lang in ["en", "both"] {
            let text = or_skip!(text_of(&site.client(&team.electrical).get(&format!("{path}?lang={lang}"))));
            for part in ["Daily list of", "Shift", "0/2", &machines[0].serial_number, &machines[1].serial_number] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
        assert_eq!(site.as_a(Role::Inspector).get("/api/inspection-assignments/lists/99999/sheet.pdf").code(), "NOT_FOUND");
    }
}
