//! The planner's day: the roster, the directory, and the warnings of assignments (rule book §1,
//! §4).

use inspection_domain::users::{Role, User};
use inspection_testkit::builders::{self, TODAY, Team};
use serde_json::{Value, json};

use crate::{
    actors::Actor,
    site::{TestSite, on_both},
};

fn members(team: &Team) -> Value {
    json!({"mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id})
}

/// Sets the shift of a person today.
fn rostered(site: &TestSite, planner: &Actor, person: &User, shift: Value) -> Value {
    let entries = json!({"entries": [{"user_id": person.id, "date": TODAY, "shift": shift}]});
    let answer = planner.client(site).put("/api/roster", &entries);
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.data().clone()
}

/// The entry of a person in the directory.
fn entry(site: &TestSite, reader: &Actor, person: &User, query: &str) -> Value {
    let page = reader.client(site).get(&format!("/api/users/directory?per_page=100&{query}"));
    assert_eq!(page.status, 200, "{}", page.text);
    let rows = page.data().as_array().expect("entries").clone();
    rows.into_iter().find(|row| row["id"] == json!(person.id)).unwrap_or(Value::Null)
}

on_both! {
    fn a_planner_assigns_a_day_of_two_berths_and_is_warned_of_who_is_off(site: TestSite) {
        let planner = Actor { user: site.user(Role::Engineer) };
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        for n in 0..45 {
            builders::equipment_with(&site.db, &site.context, |body| body["berth"] = json!(if n < 25 { "B1" } else { "B2" }));
        }
        let (list, _) = builders::generated(&site.db, &site.context, &admin);
        let teams = [0, 1].map(|_| builders::team(&site.db, &site.context));
        rostered(&site, &planner, &teams[1].electrical, json!("off"));
        let free = |person: &User| entry(&site, &planner, person, "role=inspector&date=2026-03-02&shift=day");
        assert_eq!((&free(&teams[0].mechanical)["rostered"], &free(&teams[0].mechanical)["unavailable_because"]), (&json!(true), &json!([])));
        let off = free(&teams[1].electrical);
        assert_eq!((&off["rostered"], &off["rostered_shift"], &off["shift"]), (&json!(false), &json!("off"), &json!("day")));
        assert_eq!(off["unavailable_because"], json!(["off"]));

        for (team, (berth, machines)) in teams.iter().zip([("B1", 25), ("B2", 20)]) {
            let mut body = members(team);
            (body["list_id"], body["berth"]) = (json!(list.id), json!(berth));
            let assigned = planner.client(&site).post("/api/inspection-assignments/batch?lang=ar", &body);
            assert_eq!((assigned.status, assigned.data().as_array().map(Vec::len)), (200, Some(machines)), "{}", assigned.text);
            match assigned.json["warnings"].as_array() {
                None => assert_eq!(berth, "B1"),
                Some(warnings) => {
                    assert_eq!((berth, warnings.len()), ("B2", 1), "{warnings:?}");
                    assert_eq!((&warnings[0]["code"], &warnings[0]["field"]), (&json!("OFF_DUTY"), &json!("electrical_inspector_id")));
                    let text = warnings[0]["message"].as_str().expect("a text");
                    assert!(text.contains(&team.electrical.full_name) && text.contains("خارج الدوام"), "{text}");
                }
            }
        }
        let list = planner.client(&site).get(&format!("/api/inspection-assignments/lists/{}", list.id)).data().clone();
        assert_eq!((&list["assigned_assets"], &list["status"]), (&json!(45), &json!("fully_assigned")));
        assert_eq!(free(&teams[0].mechanical)["open_work"], 25);
        assert_eq!(entry(&site, &planner, &teams[1].electrical, "shift=night")["open_work"], 0);
    }

    fn the_roster_overrides_the_regular_shift_of_one_date(site: TestSite) {
        let planner = Actor { user: site.user(Role::Admin) };
        let (template, _) = builders::checklist(&site.db, &site.context, &planner.user);
        builders::routine(&site.db, &site.context, &planner.user, template.id);
        builders::equipment(&site.db, &site.context);
        let (_, on_it) = builders::generated(&site.db, &site.context, &planner.user);
        let team = builders::team(&site.db, &site.context);
        let path = format!("/api/inspection-assignments/{}/assign", on_it[0].id);
        let warned = || {
            let answer = planner.client(&site).post(&path, &members(&team));
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.json["warnings"][0]["message"].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(warned(), "");
        let created = rostered(&site, &planner, &team.mechanical, json!("night"));
        assert_eq!(created, json!({"created": 1, "changed": 0, "removed": 0, "unchanged": 0}));
        assert!(warned().ends_with("works the night shift on 2026-03-02"), "{}", warned());
        let changed = rostered(&site, &planner, &team.mechanical, json!("day"));
        assert_eq!((&changed["changed"], warned().as_str()), (&json!(1), ""));
        assert_eq!(rostered(&site, &planner, &team.mechanical, json!("day"))["unchanged"], 1);
        let rows = planner.client(&site).get(&format!("/api/roster?from=2026-03-02&to=2026-03-02&user_id={}", team.mechanical.id));
        let row = rows.data()[0].clone();
        assert_eq!((&row["shift"], &row["date"], &row["user"]["full_name"]), (&json!("day"), &json!(TODAY), &json!(team.mechanical.full_name)));
        assert_eq!(row["set_by_id"], json!(planner.user.id));
        assert_eq!(planner.client(&site).get("/api/roster?from=2026-03-03").json["pagination"]["total"], 0);
        assert_eq!(rostered(&site, &planner, &team.mechanical, Value::Null)["removed"], 1);
        assert_eq!(planner.client(&site).get("/api/roster").json["pagination"]["total"], 0);
    }

    fn a_month_of_the_roster_is_set_at_once_all_or_none(site: TestSite) {
        let planner = Actor { user: site.user(Role::Engineer) };
        let people: Vec<User> = (0..30).map(|_| site.user(Role::Inspector)).collect();
        let lines: Vec<Value> = people.iter().flat_map(|person| (1..=31).map(move |day| {
            json!({"user_id": person.id, "date": format!("2026-03-{day:02}"), "shift": if day % 7 == 0 { "off" } else { "day" }})
        })).collect();
        let put = |lines: &[Value]| planner.client(&site).put("/api/roster", &json!({ "entries": lines }));
        let mut wrong = lines.clone();
        wrong[3]["user_id"] = json!(999_999);
        wrong[8]["shift"] = json!("noon");
        let refused = put(&wrong);
        assert_eq!((refused.code(), refused.fields()), ("VALIDATION_ERROR", vec!["entries[8].shift"]), "{}", refused.text);
        wrong[8] = wrong[9].clone();
        let refused = put(&wrong);
        assert_eq!((refused.code(), refused.fields()), ("VALIDATION_ERROR", vec!["entries[9]"]), "{}", refused.text);
        wrong.remove(9);
        let refused = put(&wrong);
        assert_eq!((refused.code(), refused.fields()), ("VALIDATION_ERROR", vec!["entries[3].user_id"]), "{}", refused.text);
        let total = || planner.client(&site).get("/api/roster").json["pagination"]["total"].clone();
        assert_eq!(total(), 0);
        let statements = |lines: &[Value]| {
            let before = site.db.statements();
            let answer = put(lines);
            assert_eq!(answer.status, 200, "{}", answer.text);
            site.db.statements() - before
        };
        let (few, many) = (statements(&lines[..2]), statements(&lines[2..]));
        assert!(many <= few + 2, "{few} statements for two entries, {many} for {}", lines.len() - 2);
        assert_eq!(total(), 930);
        let over = vec![lines[0].clone(); 1001];
        assert_eq!(put(&over).fields(), ["entries"]);
        let audit = site.as_a(Role::Admin).get("/api/admin/audit?entity_type=roster_entry&action=create");
        assert_eq!(audit.json["pagination"]["total"], 930);
        let inspector = Actor { user: people[0].clone() };
        assert_eq!(inspector.client(&site).get("/api/roster").status, 403);
    }

    fn an_inspector_finds_a_partner_who_can_work(site: TestSite) {
        let (admin, reader) = (Actor { user: site.user(Role::Admin) }, Actor { user: site.user(Role::Inspector) });
        let team = builders::team(&site.db, &site.context);
        let partner = &team.electrical;
        let both = builders::user_with(&site.db, &site.context, Role::Specialist, |body| {
            body["minor_role"] = json!("inspector");
            body["full_name"] = json!("Zaki Saleh");
        });
        let gone = site.user(Role::Inspector);
        assert_eq!(admin.client(&site).delete(&format!("/api/users/{}", gone.id)).status, 200);
        let found = entry(&site, &reader, partner, "specialization=electrical&role=inspector");
        assert_eq!((&found["role_id"], &found["date"], &found["open_work"]), (&json!(partner.role_id), &json!(TODAY), &json!(0)));
        assert!(!found.to_string().contains('@') && found.get("email").is_none() && found.get("phone").is_none(), "{found}");
        assert_eq!(entry(&site, &reader, &both, "role=inspector")["minor_role"], "inspector");
        assert_eq!(entry(&site, &reader, &both, "q=saleh%20zak")["full_name"], "Zaki Saleh");
        assert_eq!(entry(&site, &reader, &both, "q=example.com"), Value::Null, "addresses are not searched");
        assert_eq!(entry(&site, &reader, &gone, ""), Value::Null);
        assert_eq!(site.as_a(Role::Specialist).get("/api/users/directory").status, 403);

        builders::approved_leave(&site.db, &site.context, &admin.user, partner, "2026-03-03", "2026-03-05");
        let on = |date: &str| entry(&site, &reader, partner, &format!("date={date}"));
        assert_eq!((&on("2026-03-02")["on_leave"], &on("2026-03-02")["rostered"]), (&json!(false), &json!(true)));
        let away = on("2026-03-03");
        assert_eq!((&away["on_leave"], &away["unavailable_because"]), (&json!(true), &json!(["on_leave"])));
        assert_eq!(entry(&site, &reader, partner, "shift=night")["unavailable_because"], json!(["other_shift"]));
        let half = json!({"leave_type": "annual", "date_from": "2026-03-09", "date_to": "2026-03-09", "half_day": "pm"});
        let asked = Actor { user: partner.clone() }.post(&site, "/api/leaves", half);
        admin.post(&site, &format!("/api/leaves/{}/approve", asked["id"]), json!({}));
        assert_eq!(on("2026-03-09")["unavailable_because"], json!(["on_leave_pm"]));
    }
}
