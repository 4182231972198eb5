//! Ratings of inspections (rule book §5).

use inspection_domain::users::Role;
use inspection_testkit::builders;
use serde_json::json;

use crate::{actors::Actor, site::on_both};

on_both! {
    fn a_change_of_the_rating_books_the_difference_of_the_bonus(site: TestSite) {
        let [admin, inspector] = [Role::Admin, Role::Inspector].map(|role| Actor { user: site.user(role) });
        builders::checklist(&site.db, &site.context, &admin.user);
        let machine = builders::equipment(&site.db, &site.context);
        let draft = builders::answered(&site.db, &site.context, &inspector.user, &machine, &[]).inspection.id;
        let path = format!("/api/ratings/inspections/{draft}");
        assert_eq!(admin.refused(&site, &path, json!({"rating": 4})).1, "INVALID_STATE", "a draft");
        inspector.post(&site, &format!("/api/inspections/{draft}/submit"), json!({}));
        let before = inspector.points(&site);
        admin.post(&site, &path, json!({"rating": 4, "admin_quality_bonus": 3}));
        assert_eq!(inspector.points(&site), before + 3);
        assert_eq!(admin.refused(&site, &path, json!({"rating": 5})).1, "DUPLICATE");
        let changed = admin.client(&site).put(&path, &json!({"rating": 2, "admin_quality_bonus": 1}));
        assert_eq!((changed.status, &changed.data()["rating"]), (200, &json!(2)), "{}", changed.text);
        assert_eq!(inspector.points(&site), before + 1);
        assert_eq!(inspector.new_notifications(&site), ["inspection_rated", "inspection_rated"], "also of a change");
        assert_eq!(site.db.read(inspection_testkit::ledger::mismatches).expect("read"), []);
    }

    fn only_admins_rate_and_see_the_mean(site: TestSite) {
        let (admin_user, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        builders::checklist(&site.db, &site.context, &admin_user);
        let rated: Vec<_> = (0..2).map(|_| {
            let machine = builders::equipment(&site.db, &site.context);
            builders::submitted(&site.db, &site.context, &inspector, &machine, &[]).0.id
        }).collect();
        for (inspection, rating) in rated.iter().zip([2, 5]) {
            site.client(&admin_user).post(&format!("/api/ratings/inspections/{inspection}"), &json!({"rating": rating})).data();
        }
        let record = format!("/api/ratings/technicians/{}", inspector.id);
        let seen = site.client(&admin_user).get(&record);
        assert_eq!((&seen.data()["total_ratings"], &seen.data()["average_rating"]), (&json!(2), &json!(3.5)));
        for role in Role::ALL.iter().filter(|role| **role != Role::Admin) {
            let client = site.as_a(*role);
            assert_eq!(client.get(&record).status, 403, "{role}");
            assert_eq!(client.put(&format!("/api/ratings/inspections/{}", rated[0]), &json!({"rating": 1})).status, 403, "{role}");
        }
    }
}
