//! Users: badges, and the last admin (rule book §1).

use inspection_domain::users::Role;
use inspection_testkit::{
    builders::{self, PASSWORD},
    rounds,
};
use serde_json::json;

use crate::{
    actors::{at_once, sorted_statuses},
    site::on_both,
};

on_both! {
    /// The token of an admin must not be enough to take the account over.
    fn an_admin_resets_the_passwords_of_other_users_only(site: TestSite) {
        let admin = site.user(Role::Admin);
        let reset = |id: i64| {
            let path = format!("/api/users/{id}/reset-password");
            site.client(&admin).post(&path, &json!({"new_password": "a crane over quay nine"}))
        };
        let own = reset(admin.id.get());
        assert_eq!((own.status, own.code()), (400, "RULE_VIOLATION"), "{}", own.text);
        assert_eq!(reset(site.user(Role::Admin).id.get()).status, 200);
        let login = json!({"email": admin.email, "password": inspection_testkit::builders::PASSWORD});
        assert_eq!(site.anonymous().post("/api/auth/login", &login).status, 200);
    }

    fn a_badge_of_any_size_does_not_disturb_the_numbering(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let new = |n: u32, badge: Option<&str>| admin.post("/api/users", &json!({
            "email": format!("e{n}@example.com"), "password": PASSWORD, "full_name": "E", "role": "engineer", "role_id": badge,
        }));
        assert_eq!(new(1, Some("ENG99999999999999999")).data()["role_id"], "ENG99999999999999999");
        assert_eq!(new(2, None).data()["role_id"], "ENG001");
        assert_eq!(new(3, Some("ENG999999")).status, 201);
        assert_eq!(new(4, None).data()["role_id"], "ENG1000000");
        assert_eq!(new(5, None).data()["role_id"], "ENG1000001");
        let both = site.user(Role::Engineer);
        let path = format!("/api/users/{}", both.id);
        let minor = admin.put(&path, &json!({"minor_role": "quality_engineer", "minor_role_id": "QE-X"}));
        assert_eq!(minor.data()["minor_role_id"], "QE-X");
        let swapped = admin.put(&path, &json!({"role_id": "QE-X", "minor_role_id": both.role_id}));
        assert_eq!((&swapped.data()["role_id"], &swapped.data()["minor_role_id"]), (&json!("QE-X"), &json!(both.role_id)));
    }

    fn the_ledger_lists_a_user_s_points_newest_first(site: TestSite) {
        let (admin, engineer) = (site.as_a(Role::Admin), site.user(Role::Engineer));
        for amount in [3, 5] {
            let stars = json!({"user_id": engineer.id, "amount": amount, "reason": "A clean quay."});
            assert_eq!(admin.post("/api/bonus-stars", &stars).status, 201);
        }
        let page = admin.get(&format!("/api/users/{}/points?per_page=1&page=2", engineer.id));
        assert_eq!((&page.json["pagination"]["total"], &page.data()[0]["amount"]), (&json!(2), &json!(3)));
        assert_eq!(admin.get("/api/users/99999/points").code(), "NOT_FOUND");
    }

    fn concurrent_new_users_get_unique_badges(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let clients = vec![admin; 6];
        for round in 0..3 {
            let answers = at_once(&clients, |n, client| client.post("/api/users", &json!({
                "email": format!("r{round}n{n}@example.com"), "password": builders::PASSWORD,
                "full_name": "New", "role": "engineer",
            })));
            assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
            let mut badges: Vec<_> = answers.iter().map(|answer| answer.data()["role_id"].to_string()).collect();
            badges.sort();
            badges.dedup();
            assert_eq!(badges.len(), clients.len());
            let answers = at_once(&clients, |n, client| client.post("/api/users", &json!({
                "email": format!("r{round}x{n}@example.com"), "password": builders::PASSWORD,
                "full_name": "New", "role": "engineer", "role_id": format!("ENG-R{round}"),
            })));
            assert_eq!(sorted_statuses(&answers), [201, 400, 400, 400, 400, 400]);
            assert!(answers.iter().filter(|a| a.status == 400).all(|a| a.code() == "DUPLICATE" && a.fields() == ["role_id"]));
        }
    }

    fn the_last_admin_stays(site: TestSite) {
        let (first, second) = (site.user(Role::Admin), site.user(Role::Admin));
        let client = site.client(&first);
        assert_eq!(client.delete(&format!("/api/users/{}", second.id)).status, 200);
        let own = format!("/api/users/{}", first.id);
        for answer in [client.delete(&own), client.put(&own, &json!({"role": "engineer"})), client.put(&own, &json!({"is_active": false}))] {
            assert_eq!((answer.status, answer.code()), (400, "RULE_VIOLATION"), "{}", answer.text);
        }
    }

    fn the_last_two_admins_cannot_deactivate_each_other(site: TestSite) {
        // The surviving admin of a round is deleted at the start of the next one.
        let mut keeper: Option<inspection_domain::users::User> = None;
        for _ in 0..rounds() {
            let (one, other) = (site.user(Role::Admin), site.user(Role::Admin));
            if let Some(keeper) = keeper.take() {
                assert_eq!(site.client(&one).delete(&format!("/api/users/{}", keeper.id)).status, 200);
            }
            let clients = [site.client(&one), site.client(&other)];
            let targets = [other.id, one.id];
            let answers = at_once(&clients, |n, client| client.delete(&format!("/api/users/{}", targets[n])));
            assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
            let refused = answers.iter().find(|answer| answer.status != 200).expect("one is refused");
            assert!(matches!(refused.code(), "RULE_VIOLATION" | "ACCOUNT_DISABLED"), "{refused:?}");
            keeper = Some(if answers[0].status == 200 { one } else { other });
        }
    }
}
