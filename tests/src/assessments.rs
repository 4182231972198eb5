//! Final assessments of machines (rule book §9).

use inspection_domain::users::Role;
use inspection_testkit::builders::{self, URGENT_REASON};
use serde_json::{Value, json};

use crate::site::on_both;

on_both! {
    fn an_admin_who_changes_the_machine_by_hand_releases_it(site: TestSite) {
        let admin_user = site.user(Role::Admin);
        let admin = site.client(&admin_user);
        let team = builders::team(&site.db, &site.context);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin_user);
        builders::routine(&site.db, &site.context, &admin_user, template.id);
        let machine = builders::equipment(&site.db, &site.context);
        let (_, on_it) = builders::generated(&site.db, &site.context, &admin_user);
        builders::assigned(&site.db, &site.context, &admin_user, on_it[0].id, &team);
        let assessment = builders::assessment(&site.db, &site.context, &team, on_it[0].id);
        let path = format!("/api/assessments/{}", assessment.id);
        let urgent = json!({"verdict": "urgent", "urgent_reason": URGENT_REASON});
        site.client(&team.mechanical).post(&format!("{path}/verdict"), &urgent).data();
        let equipment = format!("/api/equipment/{}", machine.id);
        assert_eq!(admin.put(&equipment, &json!({"berth": "B3"})).data()["status"], "stopped", "other changes keep the hold");
        assert_eq!(admin.put(&equipment, &json!({"status": "active"})).data()["status"], "active");
        let released = admin.get(&path);
        assert_eq!((&released.data()["equipment_hold"], &released.data()["released_by_id"]), (&Value::Null, &json!(admin_user.id)));
        site.client(&team.electrical).post(&format!("{path}/verdict"), &urgent).data();
        assert_eq!(admin.get(&equipment).data()["status"], "stopped", "a new urgent verdict stops it again");
        assert_eq!(admin.delete(&equipment).data()["status"], "out_of_service");
        let operational = json!({"decision": "operational", "notes": "scrapped"});
        admin.post(&format!("{path}/admin-resolve"), &operational).data();
        assert_eq!(admin.get(&equipment).data()["status"], "out_of_service", "not stopped by this any more");
    }
}
