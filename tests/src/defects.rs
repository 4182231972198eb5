//! Defects from discovery to closure (rule book §6).

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::{Value, json};

use crate::{
    actors::Actor,
    site::{TestSite, on_both},
};

/// An admin, the inspector of a defect, and the path of the defect.
fn found(site: &TestSite) -> (Actor, Actor, String) {
    let [admin, inspector] = [Role::Admin, Role::Inspector].map(|role| Actor { user: site.user(role) });
    builders::checklist(&site.db, &site.context, &admin.user);
    let machine = builders::equipment(&site.db, &site.context);
    let defect = builders::defect(&site.db, &site.context, &inspector.user, &machine);
    (admin, inspector, format!("/api/defects/{}", defect.id))
}

on_both! {
    fn another_severity_sets_another_due_date_unless_one_is_given(site: TestSite) {
        let (_, inspector, path) = found(&site);
        let engineer = site.as_a(Role::Engineer);
        let due = |body: Value| engineer.put(&path, &body).data()["due_date"].clone();
        assert_eq!(engineer.get(&path).data()["due_date"], "2026-03-09", "seven days for medium");
        assert_eq!(due(json!({"severity": "critical"})), "2026-03-03");
        assert_eq!(due(json!({"severity": "low", "due_date": "2026-03-20"})), "2026-03-20");
        assert_eq!(due(json!({"priority": "high"})), "2026-03-20", "only another severity moves it");
        let refused = inspector.client(&site).put(&path, &json!({"severity": "low"}));
        assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"));
    }

    fn a_defect_is_overdue_after_its_due_date_until_it_is_resolved(site: TestSite) {
        let (admin, inspector, path) = found(&site);
        let overdue = || admin.client(&site).get("/api/defects?overdue=true").json["pagination"]["total"].clone();
        site.clock.set("2026-03-09T23:59:59Z");
        assert_eq!(overdue(), 0);
        site.clock.set("2026-03-10T00:00:00Z");
        assert_eq!(overdue(), 1);
        inspector.post(&site, &format!("{path}/resolve"), json!({"resolution_notes": "New seal."}));
        assert_eq!(overdue(), 0);
    }

    fn its_assignee_resolves_it_and_only_admins_close_and_reopen_it(site: TestSite) {
        let (admin, inspector, path) = found(&site);
        let other = Actor { user: site.user(Role::Inspector) };
        let notes = json!({"resolution_notes": "New seal."});
        assert_eq!(other.refused(&site, &format!("{path}/resolve"), notes.clone()), (403, "FORBIDDEN".into()));
        assert_eq!(admin.refused(&site, &format!("{path}/close"), json!({})).1, "INVALID_STATE", "still open");
        admin.new_notifications(&site);
        assert_eq!(inspector.post(&site, &format!("{path}/resolve"), notes)["status"], "resolved");
        assert_eq!(admin.new_notifications(&site), ["defect_resolved"]);
        for command in ["close", "reopen"] {
            assert_eq!(inspector.refused(&site, &format!("{path}/{command}"), json!({"reason": "It leaks."})).0, 403);
        }
        let bare = admin.client(&site).post(&format!("{path}/reopen"), &json!({}));
        assert_eq!((bare.code(), bare.fields()), ("VALIDATION_ERROR", vec!["reason"]));
        let reopened = admin.post(&site, &format!("{path}/reopen"), json!({"reason": "It leaks."}));
        assert_eq!((&reopened["status"], &reopened["resolution_notes"]), (&json!("open"), &Value::Null));
        inspector.post(&site, &format!("{path}/resolve"), json!({"resolution_notes": "Another seal."}));
        assert_eq!(admin.post(&site, &format!("{path}/close"), json!({}))["status"], "closed");
    }
}
