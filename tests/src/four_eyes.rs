//! Administrators with a second role: no user decides on their own points and leaves.

use inspection_domain::users::{Role, User};
use inspection_testkit::builders;
use serde_json::json;

use crate::site::{TestSite, on_both};

/// An administrator who also works in this role.
fn working_admin(site: &TestSite, role: Role) -> User {
    builders::user_with(&site.db, &site.context, Role::Admin, |body| {
        body["minor_role"] = json!(role);
        if role == Role::Inspector {
            body["specialization"] = json!("mechanical");
        }
    })
}

on_both! {
    fn another_admin_rates_the_inspection_of_an_admin(site: TestSite) {
        let (own, other) = (working_admin(&site, Role::Inspector), site.user(Role::Admin));
        builders::checklist(&site.db, &site.context, &other);
        let machine = builders::equipment(&site.db, &site.context);
        let inspection = builders::submitted(&site.db, &site.context, &own, &machine, &[]).0.id;
        let path = format!("/api/ratings/inspections/{inspection}");
        let rating = json!({"rating": 5, "admin_quality_bonus": 10});
        let points = || site.client(&own).get("/api/auth/me").json["user"]["total_points"].clone();
        let before = points();
        let refused = site.client(&own).post(&path, &rating);
        assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"), "{}", refused.text);
        assert_eq!(site.client(&other).post(&path, &json!({"rating": 3})).status, 201);
        let refused = site.client(&own).put(&path, &rating);
        assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"), "{}", refused.text);
        assert_eq!(points(), before);
    }

    fn another_admin_rewards_the_job_of_an_admin(site: TestSite) {
        let (own, other) = (working_admin(&site, Role::Engineer), site.user(Role::Admin));
        let job = builders::engineer_job(&site.db, &site.context, &other, &own);
        builders::finished(&site.db, &site.context, &own, &job);
        let path = format!("/api/engineer-jobs/{}/admin/bonus", job.id);
        let refused = site.client(&own).post(&path, &json!({"admin_bonus": 5}));
        assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"), "{}", refused.text);
        assert_eq!(site.client(&other).post(&path, &json!({"admin_bonus": 5})).status, 200);
    }

    fn another_admin_approves_the_leave_of_an_admin(site: TestSite) {
        let own = site.user(Role::Admin);
        let request = |from: &str| builders::leave(&site.db, &site.context, &own, from, from).id;
        let (first, second) = (request("2026-05-01"), request("2026-05-04"));
        let approve = |who: &User, leave| {
            site.client(who).post(&format!("/api/leaves/{leave}/approve"), &json!({}))
        };
        assert_eq!(approve(&own, first).status, 200, "there is no other admin");
        let other = site.user(Role::Admin);
        let refused = approve(&own, second);
        assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"), "{}", refused.text);
        assert_eq!(approve(&other, second).status, 200);
    }
}
