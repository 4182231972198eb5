//! The audit trail of all changes.

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::json;

use crate::site::on_both;

on_both! {
    fn the_trail_is_filtered_by_object_user_action_and_day(site: TestSite) {
        let chief = site.user(Role::Admin);
        let machine = builders::equipment(&site.db, &site.context);
        let path = format!("/api/equipment/{}", machine.id);
        site.client(&chief).put(&path, &json!({"manufacturer": "Acme"})).data();
        site.clock.set("2026-03-04T08:00:00Z");
        site.client(&chief).put(&path, &json!({"manufacturer": "Bolt"})).data();
        let admin = site.client(&chief);
        let found = |query: &str| {
            let page = admin.get(&format!("/api/admin/audit?entity_type=equipment&{query}"));
            page.json["pagination"]["total"].as_i64().unwrap_or_else(|| panic!("{query}: {}", page.text))
        };
        assert_eq!(found(&format!("entity_id={}", machine.id)), 3, "created and changed twice");
        assert_eq!(found(&format!("user_id={}", chief.id)), 2);
        assert_eq!(found("action=create"), 1);
        assert_eq!((found("date_to=2026-03-03"), found("date_from=2026-03-04")), (2, 1));
        let latest = admin.get("/api/admin/audit?entity_type=equipment");
        assert_eq!(latest.data()[0]["changes"], json!({"manufacturer": {"old": "Acme", "new": "Bolt"}}));
        assert_eq!(latest.data()[0]["actor"]["id"], json!(chief.id));
        assert_eq!(admin.get("/api/admin/audit?action=dance").fields(), ["action"]);
    }

    fn a_refused_command_leaves_no_entry(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let machine = builders::equipment(&site.db, &site.context);
        let total = || admin.get("/api/admin/audit").json["pagination"]["total"].clone();
        let engineer = site.as_a(Role::Engineer);
        let before = total();
        let path = format!("/api/equipment/{}", machine.id);
        assert_eq!(engineer.put(&path, &json!({"manufacturer": "Acme"})).status, 403);
        assert_eq!(admin.put(&path, &json!({"serial_number": null})).status, 400);
        assert_eq!(total(), before);
    }

    fn only_admins_read_the_trail(site: TestSite) {
        for role in Role::ALL {
            let status = site.as_a(*role).get("/api/admin/audit").status;
            assert_eq!(status, if *role == Role::Admin { 200 } else { 403 }, "{role}");
        }
    }
}
