//! Leaves of inspectors with seats on teams, and half days (rule book §4, §10).

use inspection_domain::{
    assignments::Assignment,
    daily_lists::InspectionList,
    tasks::{TaskName, TaskOutcome},
    users::{Role, User},
};
use inspection_persistence::{daily_lists, tasks};
use inspection_testkit::builders::{self, Team};
use serde_json::{Value, json};

use crate::{
    actors::{Actor, me, ok},
    site::{TestSite, on_both},
};

/// A list of the day shift of a date, and its assignments.
fn list_of(site: &TestSite, planner: &User, date: &str) -> (InspectionList, Vec<Assignment>) {
    let new = builders::input(json!({"target_date": date, "shift": "day"}));
    let list = builders::act(&site.db, &site.context, planner, |tx| daily_lists::generate(tx, &new));
    let list = list.expect("a list").list;
    let on_it = site.db.read(|conn| daily_lists::assignments_of(conn, &[list.id])).expect("assignments");
    (list, on_it.into_iter().map(|(assignment, _)| assignment).collect())
}

/// A planner, a team, and one assignment of theirs on each of the dates.
fn seated(site: &TestSite, dates: &[&str]) -> (Actor, Team, Vec<(InspectionList, Assignment)>) {
    let admin = Actor { user: site.user(Role::Admin) };
    let (template, _) = builders::checklist(&site.db, &site.context, &admin.user);
    builders::routine(&site.db, &site.context, &admin.user, template.id);
    builders::equipment_with(&site.db, &site.context, |body| body["name_ar"] = json!("رافعة"));
    let team = builders::team(&site.db, &site.context);
    let assignments = dates.iter().map(|date| {
        let (list, on_it) = list_of(site, &admin.user, date);
        let assigned = builders::assigned(&site.db, &site.context, &admin.user, on_it[0].id, &team);
        (list, assigned)
    });
    let assignments = assignments.collect();
    (admin, team, assignments)
}

/// A request for leave, and the path of its approval.
fn requested(site: &TestSite, person: &User, mut days: Value) -> String {
    days["leave_type"] = json!("sick");
    let leave = ok(&site.client(person), "/api/leaves", days);
    format!("/api/leaves/{}/approve", leave["id"])
}

/// Ids, seats and outcomes of the conflicts in an answer.
fn conflicts(answer: &Value) -> Vec<(i64, &str, &str, bool)> {
    let conflict = |conflict| {
        let conflict: &Value = conflict;
        let text = |name: &str| conflict[name].as_str().expect("a text");
        (
            conflict["assignment_id"].as_i64().expect("an id"),
            text("date"),
            text("seat"),
            conflict["is_freed"] == true,
        )
    };
    answer["conflicts"].as_array().expect("conflicts").iter().map(conflict).collect()
}

/// Counters and status of a list.
fn counters(site: &TestSite, admin: &Actor, list: &InspectionList) -> (Value, Value) {
    let list =
        admin.client(site).get(&format!("/api/inspection-assignments/lists/{}", list.id)).data().clone();
    (list["assigned_assets"].clone(), list["status"].clone())
}

fn run_hourly(site: &TestSite) {
    let run = tasks::run_now(&site.db, &site.context, "test", TaskName::CheckBacklog).expect("a run");
    assert_eq!(run.outcome, TaskOutcome::Succeeded, "{run:?}");
}

const THREE_DAYS: [&str; 3] = ["2026-03-02", "2026-03-03", "2026-03-04"];

on_both! {
    fn an_admin_who_approves_a_leave_learns_which_machines_lose_their_inspector(site: TestSite) {
        let (admin, team, on_it) = seated(&site, &THREE_DAYS);
        let engineer = Actor { user: site.user(Role::Engineer) };
        let ill = &team.mechanical;
        let path = requested(&site, ill, json!({"date_from": "2026-03-03", "date_to": "2026-03-09"}));
        let approved = admin.post(&site, &path, json!({}));
        let expected: Vec<_> = on_it[1..].iter().zip(&THREE_DAYS[1..])
            .map(|((_, assignment), date)| (assignment.id.get(), *date, "mechanical", false)).collect();
        assert_eq!(conflicts(&approved), expected);
        let first = &approved["conflicts"][0];
        assert_eq!((&first["shift"], &first["status"]), (&json!("day"), &json!("assigned")));
        assert!(first["equipment_name"].as_str().expect("a name").starts_with("Crane"), "{first}");
        for (list, _) in &on_it {
            assert_eq!(counters(&site, &admin, list), (json!(1), json!("fully_assigned")), "nothing is freed");
        }
        assert_eq!(engineer.new_notifications(&site), ["leave_notification"]);
    }

    fn an_approval_that_frees_leaves_no_seat_that_planners_do_not_know_of(site: TestSite) {
        let (admin, team, on_it) = seated(&site, &THREE_DAYS);
        let (engineer, partner) = (Actor { user: site.user(Role::Engineer) }, Actor { user: team.electrical.clone() });
        let ill = Actor { user: team.mechanical.clone() };
        for inspector in [&ill, &partner] {
            inspector.new_notifications(&site);
        }
        admin.new_notifications(&site);
        // The first one is begun by both; of the last one, the partner has submitted the half.
        let own = builders::half_answered(&site.db, &site.context, &team.mechanical, on_it[0].1.id, &[]);
        let other = builders::half_answered(&site.db, &site.context, &team.electrical, on_it[0].1.id, &[]);
        builders::half_submitted(&site.db, &site.context, &team.electrical, on_it[2].1.id, &[]);
        admin.new_notifications(&site);
        let path = requested(&site, &ill.user, json!({"date_from": THREE_DAYS[0], "date_to": THREE_DAYS[2]}));
        let approved = admin.client(&site).post(&format!("{path}?lang=ar"), &json!({"free_assignments": true}));
        assert_eq!(approved.status, 200, "{}", approved.text);
        let expected: Vec<_> = on_it.iter().zip(THREE_DAYS).zip([false, true, false])
            .map(|(((_, assignment), date), is_freed)| (assignment.id.get(), date, "mechanical", is_freed)).collect();
        assert_eq!(conflicts(approved.data()), expected);
        assert_eq!(approved.data()["conflicts"][0]["equipment_name"], "رافعة");
        assert_eq!(approved.data()["conflicts"][2]["status"], "elec_complete");

        let counted = |n: usize| counters(&site, &admin, &on_it[n].0);
        assert_eq!(counted(1), (json!(0), json!("generated")));
        let full = (json!(1), json!("fully_assigned"));
        assert_eq!([counted(0), counted(2)], [(); 2].map(|()| full.clone()), "their halves wait for another member");
        let told = ["inspection_unassigned"];
        assert_eq!(ill.new_notifications(&site), told);
        assert_eq!(partner.new_notifications(&site), [&["leave_notification"], &told[..]].concat());
        assert_eq!(engineer.new_notifications(&site), ["leave_notification", "assignments_freed"]);
        assert!(admin.new_notifications(&site).contains(&"assignments_freed".to_owned()));
        let text = engineer.client(&site).get("/api/notifications?type=assignments_freed").data()[0].clone();
        let text = text["message"].as_str().expect("a text").to_owned();
        assert!(text.contains(&ill.user.full_name) && text.contains("Without a team: 1 machine.") && text.contains("another member: 2."), "{text}");

        // The absent member is replaced, and the draft of the partner stays.
        let next = builders::team(&site.db, &site.context).mechanical;
        let path = format!("/api/inspection-assignments/{}/assign", on_it[0].1.id);
        let team = json!({"mechanical_inspector_id": next.id, "electrical_inspector_id": partner.user.id});
        assert_eq!(admin.post(&site, &path, team)["status"], "in_progress");
        let gone = admin.client(&site).get(&format!("/api/inspections/{}", own.inspection.id));
        assert_eq!(gone.status, 404, "the draft of the absent inspector is discarded");
        let path = format!("/api/inspections/{}", other.inspection.id);
        let kept = partner.client(&site).get(&path).data().clone();
        assert_eq!((&kept["status"], &kept["assignment_id"]), (&json!("draft"), &json!(on_it[0].1.id)));
        assert_eq!(kept["answers"].as_array().map(Vec::len), Some(other.answers.len()), "no answer is lost: {kept}");
        let seen = |reader: &User| site.client(reader).get(&path).status;
        assert_eq!((seen(&next), seen(&ill.user)), (200, 403), "the team reads both halves");
    }

    fn a_pending_leave_warns_and_an_approved_one_refuses(site: TestSite) {
        let (admin, team, on_it) = seated(&site, &[THREE_DAYS[1]]);
        let path = requested(&site, &team.mechanical, json!({"date_from": THREE_DAYS[0], "date_to": THREE_DAYS[2]}));
        let members = json!({"mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id});
        let assign = format!("/api/inspection-assignments/{}/assign", on_it[0].1.id);
        let assigned = admin.client(&site).post(&assign, &members);
        assert_eq!(assigned.status, 200, "{}", assigned.text);
        let warning = &assigned.json["warnings"][0];
        assert_eq!((&warning["code"], &warning["field"]), (&json!("LEAVE_REQUESTED"), &json!("mechanical_inspector_id")));
        admin.post(&site, &path, json!({}));
        let refused = admin.client(&site).post(&assign, &members);
        assert_eq!((refused.code(), refused.fields()), ("RULE_VIOLATION", vec!["mechanical_inspector_id"]));
    }

    fn who_is_away_for_half_a_day_inspects_in_the_other_half(site: TestSite) {
        site.clock.set("2026-03-02T07:30:00Z");
        let (admin, team, on_it) = seated(&site, &[THREE_DAYS[0]]);
        let away = &team.mechanical;
        let refused = site.client(away).post("/api/leaves", &json!({
            "leave_type": "sick", "date_from": THREE_DAYS[0], "date_to": THREE_DAYS[1], "half_day": "am",
        }));
        assert_eq!((refused.code(), refused.fields()), ("VALIDATION_ERROR", vec!["half_day"]));
        let path = requested(&site, away, json!({"date_from": THREE_DAYS[0], "date_to": THREE_DAYS[0], "half_day": true}));
        let approved = admin.post(&site, &path, json!({}));
        assert_eq!((&approved["half_day"], &approved["total_days"], &approved["counted_days"]), (&json!("am"), &json!(1), &json!(0.5)));
        assert_eq!(conflicts(&approved), [(on_it[0].1.id.get(), THREE_DAYS[0], "mechanical", false)]);
        let message = admin.client(&site).get("/api/notifications?type=leave_notification").data()[0]["message"].clone();
        assert!(message.as_str().expect("a text").contains("until 13:00"), "{message}");

        let members = json!({"mechanical_inspector_id": away.id, "electrical_inspector_id": team.electrical.id});
        let assign = format!("/api/inspection-assignments/{}/assign", on_it[0].1.id);
        let warned = admin.client(&site).post(&assign, &members);
        let warnings = warned.json["warnings"].as_array().expect("warnings").clone();
        assert_eq!((warned.status, warnings.len(), &warnings[0]["code"]), (200, 1, &json!("HALF_DAY_LEAVE")), "{warnings:?}");
        assert!(warnings[0]["message"].as_str().expect("a text").contains("until 13:00"), "{warnings:?}");

        let start = || site.client(away).post("/api/inspections/start", &json!({"assignment_id": on_it[0].1.id}));
        assert_eq!((me(&site.client(away))["is_on_leave"] == true, start().status), (true, 400), "in the morning");
        let capacity = admin.client(&site).get("/api/leaves/capacity").data().clone();
        assert_eq!((&capacity["on_leave"], &capacity["on_leave_am"], &capacity["on_leave_pm"]), (&json!(1), &json!(1), &json!(0)));
        let active = site.client(&team.electrical).get("/api/leaves/active").data()[0].clone();
        assert_eq!((&active["user_id"], &active["half_day"]), (&json!(away.id), &json!("am")));
        site.clock.set("2026-03-02T12:59:59Z");
        run_hourly(&site);
        assert_eq!(me(&site.client(away))["is_on_leave"], true);
        site.clock.set("2026-03-02T13:00:00Z");
        run_hourly(&site);
        assert_eq!((me(&site.client(away))["is_on_leave"] == true, start().status), (false, 201), "in the afternoon");
        site.clock.advance_seconds(1);
        run_hourly(&site);
        assert_eq!(me(&site.client(away))["is_on_leave"], false);
    }

    fn a_leave_of_the_afternoon_begins_at_13_00(site: TestSite) {
        let (admin, person) = (Actor { user: site.user(Role::Admin) }, site.user(Role::Inspector));
        let path = requested(&site, &person, json!({"date_from": THREE_DAYS[0], "date_to": THREE_DAYS[0], "half_day": "pm"}));
        admin.post(&site, &path, json!({}));
        for (now, is_away) in [("12:00:00", false), ("13:00:00", true), ("23:00:00", true)] {
            site.clock.set(&format!("2026-03-02T{now}Z"));
            run_hourly(&site);
            assert_eq!(me(&site.client(&person))["is_on_leave"], is_away, "{now}");
        }
        site.clock.set("2026-03-03T07:00:00Z");
        run_hourly(&site);
        assert_eq!(me(&site.client(&person))["is_on_leave"], false);
    }
}
