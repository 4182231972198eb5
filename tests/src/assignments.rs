//! Assignments of a daily list to teams (rule book §4).

use inspection_domain::users::Role;
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
        let nightly = builders::user_with(&site.db, &site.context, Role::Inspector, |body| {
            body["specialization"] = json!("electrical");
            body["shift"] = json!("night");
        });
        builders::approved_leave(&site.db, &site.context, &admin.user, &away.mechanical, "2026-03-02", "2026-03-03");
        let assign = format!("{path}/assign");
        let refused = admin.client(&site).post(&assign, &json!({
            "mechanical_inspector_id": away.mechanical.id, "electrical_inspector_id": nightly.id,
        }));
        assert_eq!((refused.status, refused.code()), (400, "RULE_VIOLATION"), "{}", refused.text);
        assert_eq!(refused.fields(), ["mechanical_inspector_id", "electrical_inspector_id"]);
        let specialist = Actor { user: site.user(Role::Specialist) };
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
        let id = path.rsplit('/').next().and_then(|id| id.parse().ok()).and_then(inspection_domain::ids::AssignmentId::new);
        builders::half_submitted(&site.db, &site.context, &member.user, id.expect("an id"), &[]);
        assert_eq!(other.refused(&site, &confirm, json!({})), (403, "FORBIDDEN".into()));
        assert_eq!(member.post(&site, &confirm, json!({}))["status"], "mech_complete");
        let berth = json!({"berth": "B9"});
        assert_eq!(member.client(&site).put(&format!("{path}/berth"), &berth).code(), "FORBIDDEN");
        assert_eq!(admin.client(&site).put(&format!("{path}/berth"), &berth).data()["berth"], "B9");
    }
}
