//! Assignments of a daily list to teams (rule book §4).

use inspection_domain::{
    ids::AssignmentId,
    users::{Role, User},
};
use inspection_testkit::builders;
use serde_json::{Value, json};

use crate::{
    actors::Actor,
    site::{TestSite, on_both},
};

/// An admin, and the path of the only assignment of the day.
fn planned(site: &TestSite) -> (Actor, String) {
    let admin = Actor { user: site.user(Role::Admin) };
    let (template, _) = builders::checklist(&site.db, &site.context, &admin.user);
    builders::routine(&site.db, &site.context, &admin.user, template.id);
    builders::equipment(&site.db, &site.context);
    let (_, on_it) = builders::generated(&site.db, &site.context, &admin.user);
    (admin, format!("/api/inspection-assignments/{}", on_it[0].id))
}

fn members(team: &builders::Team) -> Value {
    json!({"mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id})
}

on_both! {
    fn every_unmet_condition_of_a_team_is_named(site: TestSite) {
        let (admin, path) = planned(&site);
        let away = builders::team(&site.db, &site.context);
        let specialist = site.user(Role::Specialist);
        builders::approved_leave(&site.db, &site.context, &admin.user, &away.mechanical, "2026-03-02", "2026-03-03");
        let assign = format!("{path}/assign");
        let refused = admin.client(&site).post(&assign, &json!({
            "mechanical_inspector_id": away.mechanical.id, "electrical_inspector_id": specialist.id,
        }));
        assert_eq!((refused.status, refused.code()), (400, "RULE_VIOLATION"), "{}", refused.text);
        let [seat, other] = ["mechanical_inspector_id", "electrical_inspector_id"];
        assert_eq!(refused.fields(), [seat, other, other], "on leave; no inspector; of the other trade");
        let specialist = Actor { user: specialist };
        assert_eq!(specialist.refused(&site, &assign, members(&away)), (403, "FORBIDDEN".into()));
    }

    fn assigning_the_same_team_again_changes_nothing(site: TestSite) {
        let (_, path) = planned(&site);
        let (engineer, team) = (Actor { user: site.user(Role::Engineer) }, builders::team(&site.db, &site.context));
        let inspector = Actor { user: team.electrical.clone() };
        let assign = format!("{path}/assign");
        let assigned = engineer.post(&site, &assign, members(&team));
        assert_eq!((&assigned["status"], &assigned["deadline"]), (&json!("assigned"), &json!("2026-03-03T13:00:00.000Z")));
        assert_eq!(inspector.new_notifications(&site), ["inspection_assigned"]);
        assert_eq!(engineer.post(&site, &assign, members(&team))["status"], "assigned");
        assert_eq!(inspector.new_notifications(&site), [""; 0]);
    }

    fn the_backlog_begins_after_the_deadline_and_everyone_reads_it(site: TestSite) {
        let (admin, path) = planned(&site);
        let team = builders::team(&site.db, &site.context);
        let reader = Actor { user: site.user(Role::Specialist) };
        let late = || reader.client(&site).get("/api/inspection-assignments/backlog").json["pagination"]["total"].clone();
        site.clock.set("2026-03-03T13:00:01Z");
        assert_eq!(late(), 0, "it has no team");
        site.clock.set("2026-03-02T08:00:00Z");
        admin.post(&site, &format!("{path}/assign"), members(&team));
        site.clock.set("2026-03-03T12:59:59Z");
        assert_eq!(late(), 0);
        site.clock.set("2026-03-03T13:00:01Z");
        assert_eq!(late(), 1);
    }

    fn a_half_is_confirmed_by_its_member_and_a_berth_corrected_by_planners(site: TestSite) {
        let (admin, path) = planned(&site);
        let team = builders::team(&site.db, &site.context);
        let [member, other] = [team.mechanical.clone(), site.user(Role::Inspector)].map(|user| Actor { user });
        admin.post(&site, &format!("{path}/assign"), members(&team));
        let confirm = format!("{path}/complete");
        assert_eq!(member.refused(&site, &confirm, json!({})).1, "INVALID_STATE", "the half is not submitted");
        let id = path.rsplit('/').next().and_then(|id| id.parse().ok()).and_then(AssignmentId::new);
        builders::half_submitted(&site.db, &site.context, &member.user, id.expect("an id"), &[]);
        assert_eq!(other.refused(&site, &confirm, json!({})), (403, "FORBIDDEN".into()));
        assert_eq!(member.post(&site, &confirm, json!({}))["status"], "mech_complete");
        let berth = json!({"berth": "B9"});
        assert_eq!(member.client(&site).put(&format!("{path}/berth"), &berth).code(), "FORBIDDEN");
        assert_eq!(admin.client(&site).put(&format!("{path}/berth"), &berth).data()["berth"], "B9");
    }

    fn a_planner_in_need_assigns_an_inspector_of_the_other_shift_and_is_warned(site: TestSite) {
        let (admin, path) = planned(&site);
        let mut team = builders::team(&site.db, &site.context);
        team.electrical = builders::user_with(&site.db, &site.context, Role::Inspector, |body| {
            body["specialization"] = json!("electrical");
            body["shift"] = json!("night");
        });
        let client = admin.client(&site);
        let assigned = client.post(&format!("{path}/assign"), &members(&team));
        assert_eq!(assigned.status, 200, "{}", assigned.text);
        let warnings = assigned.json["warnings"].as_array().expect("warnings").clone();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!((&warnings[0]["code"], &warnings[0]["field"]), (&json!("OTHER_SHIFT"), &json!("electrical_inspector_id")));
        let arabic = client.post(&format!("{path}/assign?lang=ar"), &members(&team));
        let text = arabic.json["warnings"][0]["message"].as_str().expect("a message").to_owned();
        assert!(text.contains(&team.electrical.full_name) && text.contains("مناوبة"), "{text}");
    }

    fn an_inspector_who_loses_the_seat_does_not_walk_to_the_machine_in_vain(site: TestSite) {
        let (admin, path) = planned(&site);
        let (first, second) = (builders::team(&site.db, &site.context), builders::team(&site.db, &site.context));
        admin.post(&site, &format!("{path}/assign"), members(&first));
        let mixed = json!({"mechanical_inspector_id": first.mechanical.id, "electrical_inspector_id": second.electrical.id});
        admin.post(&site, &format!("{path}/assign"), mixed);
        let told = |user: &User| Actor { user: user.clone() }.new_notifications(&site);
        assert_eq!(told(&first.electrical), ["inspection_assigned", "inspection_unassigned"]);
        assert_eq!(told(&first.mechanical), ["inspection_assigned", "inspection_assigned"], "the partner changed");
        assert_eq!(told(&second.electrical), ["inspection_assigned"]);
    }

    fn a_planner_assigns_a_berth_in_one_call_all_or_none(site: TestSite) {
        let admin = Actor { user: site.user(Role::Admin) };
        let (template, _) = builders::checklist(&site.db, &site.context, &admin.user);
        builders::routine(&site.db, &site.context, &admin.user, template.id);
        for berth in ["B1", "B1", "B1", "B2"] {
            builders::equipment_with(&site.db, &site.context, |body| body["berth"] = json!(berth));
        }
        let (list, on_it) = builders::generated(&site.db, &site.context, &admin.user);
        let team = builders::team(&site.db, &site.context);
        let batch = |change: Value| {
            let mut body = members(&team);
            for (name, value) in change.as_object().expect("fields") {
                body[name] = value.clone();
            }
            admin.client(&site).post("/api/inspection-assignments/batch", &body)
        };
        let assigned = batch(json!({"list_id": list.id, "berth": "B1"}));
        assert_eq!((assigned.status, assigned.data().as_array().map(Vec::len)), (200, Some(3)), "{}", assigned.text);
        assert_eq!(Actor { user: team.mechanical.clone() }.new_notifications(&site), ["inspections_assigned"]);
        let counters = || admin.client(&site).get(&format!("/api/inspection-assignments/lists/{}", list.id)).data()["assigned_assets"].clone();
        assert_eq!(counters(), 3);

        builders::half_draft(&site.db, &site.context, &team.mechanical, on_it[0].id);
        let ids = [on_it[3].id, on_it[0].id];
        let refused = batch(json!({"assignment_ids": ids}));
        assert_eq!((refused.status, refused.code()), (400, "RULE_VIOLATION"), "{}", refused.text);
        assert_eq!(refused.fields(), [format!("assignments.{}", on_it[0].id)]);
        assert_eq!(counters(), 3, "the other one is unchanged, too");
        assert_eq!(batch(json!({"assignment_ids": [on_it[3].id]})).status, 200);
        assert_eq!(counters(), 4);
        assert_eq!(Actor { user: team.electrical.clone() }.new_notifications(&site), ["inspections_assigned", "inspection_assigned"]);

        for (wrong, fields) in [
            (json!({}), "assignment_ids"),
            (json!({"list_id": list.id}), "berth"),
            (json!({"berth": "B1"}), "list_id"),
            (json!({"list_id": list.id, "berth": "B7"}), "berth"),
            (json!({"list_id": list.id, "assignment_ids": ids}), "assignment_ids"),
            (json!({"assignment_ids": [on_it[0].id, 999_999]}), "assignment_ids[1]"),
        ] {
            let refused = batch(wrong.clone());
            assert_eq!((refused.code(), refused.fields()), ("VALIDATION_ERROR", vec![fields]), "{wrong}");
        }
    }

    fn a_team_is_withdrawn_until_a_half_is_submitted(site: TestSite) {
        let (admin, path) = planned(&site);
        let team = builders::team(&site.db, &site.context);
        let id = path.rsplit('/').next().and_then(|id| id.parse().ok()).and_then(AssignmentId::new).expect("an id");
        admin.post(&site, &format!("{path}/assign"), members(&team));
        let draft = builders::half_answered(&site.db, &site.context, &team.mechanical, id, &[]);
        let inspector = Actor { user: team.mechanical.clone() };
        assert_eq!(inspector.refused(&site, &format!("{path}/unassign"), json!({})).0, 403);
        let freed = admin.post(&site, &format!("{path}/unassign"), json!({}));
        assert_eq!((&freed["status"], &freed["mechanical_inspector_id"], &freed["deadline"]), (&json!("unassigned"), &json!(null), &json!(null)));
        assert_eq!(inspector.new_notifications(&site), ["inspection_assigned", "inspection_unassigned"]);
        let gone = inspector.client(&site).get(&format!("/api/inspections/{}", draft.inspection.id));
        assert_eq!(gone.status, 404, "the draft is discarded");
        assert_eq!(admin.refused(&site, &format!("{path}/unassign"), json!({})).1, "INVALID_STATE");

        admin.post(&site, &format!("{path}/assign"), members(&team));
        builders::half_submitted(&site.db, &site.context, &team.mechanical, id, &[]);
        assert_eq!(admin.refused(&site, &format!("{path}/unassign"), json!({})).1, "INVALID_STATE", "a half is submitted");
    }

    fn an_assignment_is_removed_until_it_is_started(site: TestSite) {
        let (admin, path) = planned(&site);
        let team = builders::team(&site.db, &site.context);
        admin.post(&site, &format!("{path}/assign"), members(&team));
        let list = admin.client(&site).get("/api/inspection-assignments/lists").data()[0].clone();
        assert_eq!(admin.client(&site).delete(&path).status, 200);
        let inspector = Actor { user: team.electrical.clone() };
        assert_eq!(inspector.new_notifications(&site), ["inspection_assigned", "inspection_unassigned"]);
        let after = admin.client(&site).get(&format!("/api/inspection-assignments/lists/{}", list["id"])).data().clone();
        assert_eq!((&after["total_assets"], &after["assigned_assets"], &after["status"]), (&json!(0), &json!(0), &json!("generated")));

        let (_, again) = builders::generated(&site.db, &site.context, &admin.user);
        builders::assigned(&site.db, &site.context, &admin.user, again[0].id, &team);
        builders::half_draft(&site.db, &site.context, &team.mechanical, again[0].id);
        let path = format!("/api/inspection-assignments/{}", again[0].id);
        assert_eq!(admin.client(&site).delete(&path).code(), "INVALID_STATE");
        assert_eq!(inspector.client(&site).delete(&path).status, 403);
    }

    fn an_inspector_sees_which_halves_are_still_to_do(site: TestSite) {
        let (admin, path) = planned(&site);
        let team = builders::team(&site.db, &site.context);
        let id = path.rsplit('/').next().and_then(|id| id.parse().ok()).and_then(AssignmentId::new).expect("an id");
        admin.post(&site, &format!("{path}/assign"), members(&team));
        let seen = |user: &User, status: &str| {
            let mine = site.client(user).get(&format!("/api/inspection-assignments/my-assignments?status={status}"));
            mine.data().as_array().expect("a list").iter().map(|one| one["my_status"].as_str().expect("a status").to_owned()).collect::<Vec<_>>()
        };
        let both = |mechanical: &str, electrical: &str| {
            for (user, own) in [(&team.mechanical, mechanical), (&team.electrical, electrical)] {
                for status in ["assigned", "in_progress", "mech_complete", "elec_complete", "both_complete", "assessment_pending"] {
                    let found = if status == own { vec![own.to_owned()] } else { Vec::new() };
                    assert_eq!(seen(user, status), found, "{} {status}", user.full_name);
                }
                assert_eq!(seen(user, "assigned,in_progress,mech_complete,elec_complete,both_complete,assessment_pending"), [own]);
            }
        };
        both("assigned", "assigned");
        builders::half_draft(&site.db, &site.context, &team.mechanical, id);
        both("in_progress", "assigned");
        builders::half_submitted(&site.db, &site.context, &team.mechanical, id, &[]);
        both("mech_complete", "assigned");
        builders::half_draft(&site.db, &site.context, &team.electrical, id);
        both("mech_complete", "in_progress");
        builders::half_submitted(&site.db, &site.context, &team.electrical, id, &[]);
        both("assessment_pending", "assessment_pending");
        let list = admin.client(&site).get("/api/inspection-assignments/backlog");
        assert!(list.data().as_array().expect("a list").iter().all(|one| one["my_status"].is_null()));
    }
}
