//! Leaderboards (rule book §11).

use inspection_domain::users::{Role, User};
use inspection_persistence::bonus_stars;
use inspection_testkit::builders::{self, act, input};
use serde_json::{Value, json};

use crate::site::on_both;

on_both! {
    fn equal_points_share_a_rank_and_periods_start_on_time(site: TestSite) {
        let admin = site.user(Role::Admin);
        let named = |name: &str, role: Role| builders::user_with(&site.db, &site.context, role, |body| body["full_name"] = json!(name));
        let (zoe, amal, badr) = (named("Zoe", Role::Inspector), named("Amal", Role::Inspector), named("Badr", Role::Specialist));
        let star = |who: &User, amount: i64, at: &str| {
            site.clock.set(at);
            let body = json!({"user_id": who.id, "amount": amount, "reason": "well done"});
            act(&site.db, &site.context, &admin, |tx| bonus_stars::award(tx, input(body))).expect("awarded");
        };
        star(&zoe, 9, "2026-03-01T06:59:59Z");
        star(&amal, 4, "2026-03-01T07:00:00Z");
        star(&zoe, 2, "2026-03-02T06:59:59Z");
        star(&badr, 4, "2026-03-02T07:00:00Z");
        star(&amal, 3, "2026-03-03T10:00:00Z");
        let client = site.client(&admin);
        let board = |path: &str| -> Vec<(i64, String, i64, i64)> {
            let answer = client.get(path);
            let place = |r: &Value| (r["rank"].as_i64().unwrap(), r["full_name"].as_str().unwrap().to_owned(), r["points"].as_i64().unwrap(), r["total_points"].as_i64().unwrap());
            let data = answer.data();
            // The board of a role is the list itself.
            if data.is_object() {
                assert_eq!(data["total"], answer.json["pagination"]["total"], "{}", answer.text);
            }
            data.as_array().or(data["rankings"].as_array()).expect("rankings").iter().map(place).collect()
        };
        let place = |rank, name: &str, points, total| (rank, name.to_owned(), points, total);
        let boss = admin.full_name.as_str();
        let all = [place(1, "Zoe", 11, 11), place(2, "Amal", 7, 7), place(3, "Badr", 4, 4), place(4, boss, 0, 0)];
        assert_eq!(board("/api/leaderboards"), all);
        assert_eq!(board("/api/leaderboards?period=monthly"), [place(1, "Amal", 7, 7), place(2, "Badr", 4, 4), place(3, "Zoe", 2, 11), place(4, boss, 0, 0)]);
        // The week began on 2 March.
        assert_eq!(board("/api/leaderboards?period=weekly"), [place(1, "Badr", 4, 4), place(2, "Amal", 3, 7), place(3, "Zoe", 0, 11), place(3, boss, 0, 0)]);
        assert_eq!(board("/api/leaderboards?period=daily")[0], place(1, "Amal", 3, 7));
        let inspectors = [place(1, "Amal", 7, 7), place(2, "Zoe", 2, 11)];
        assert_eq!(board("/api/leaderboards/inspectors?period=monthly"), inspectors);
        assert_eq!(board("/api/leaderboards?role=inspector&period=monthly"), inspectors);
        assert_eq!(board("/api/leaderboards/specialists"), [place(1, "Badr", 4, 4)]);
        assert_eq!(board("/api/leaderboards/engineers"), []);
        assert_eq!(board("/api/leaderboards/quality-engineers?period=daily"), []);
        assert_eq!(board("/api/leaderboards?per_page=2&page=2"), all[2..].to_vec());
        let answer = client.get("/api/leaderboards?role=inspector&period=weekly");
        assert_eq!((&answer.data()["role_filter"], &answer.data()["period"]), (&json!("inspector"), &json!("weekly")));
        assert_eq!(client.get("/api/leaderboards?period=yearly").status, 400);
        let first = client.get("/api/leaderboards").data()["rankings"][0].clone();
        assert_eq!((&first["user_id"], &first["role"], &first["role_id"], &first["employee_id"], &first["specialization"]), (&json!(zoe.id), &json!("inspector"), &json!(zoe.role_id), &json!(zoe.role_id), &json!("mechanical")));
    }
}
