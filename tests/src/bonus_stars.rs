//! Bonus stars (rule book §11).

use inspection_domain::users::Role;
use inspection_http::Settings;
use inspection_testkit::DatabaseKind;
use serde_json::json;

use crate::{
    actors::{me, notification_types, ok, refused},
    site::{TestSite, on_both, settings},
};

on_both! {
    fn stars_are_requested_changed_and_awarded(site: TestSite) {
        let (admin, qe, worker) = (site.user(Role::Admin), site.user(Role::QualityEngineer), site.user(Role::Specialist));
        let [admin_client, asking, getting] = [&admin, &qe, &worker].map(|who| site.client(who));
        let body = json!({"user_id": worker.id, "amount": 8, "reason": "No rework in a month"});
        assert_eq!(refused(&asking, "/api/bonus-stars", body.clone()), (403, "FORBIDDEN".into()));
        assert_eq!(refused(&admin_client, "/api/bonus-stars/request", body.clone()), (403, "FORBIDDEN".into()));
        let requested = ok(&asking, "/api/bonus-stars/request", body);
        assert_eq!((&requested["request_status"], &requested["requester"]["id"]), (&json!("pending"), &json!(qe.id)));
        assert_eq!((&requested["is_qe_request"], &requested["awarded_by"], &requested["awarded_at"]),
            (&json!(true), &json!(null), &requested["created_at"]));
        let denied = ok(&asking, "/api/bonus-stars/request", json!({"user_id": worker.id, "amount": 1, "reason": "Quick"}));
        let denied = ok(&admin_client, &format!("/api/bonus-stars/{}/deny", denied["id"]), json!({}));
        assert_eq!((&denied["request_status"], &denied["awarded_by"]), (&json!("denied"), &json!(null)));
        assert_eq!(notification_types(&admin_client), ["bonus_request", "bonus_request"]);
        let given = ok(&admin_client, &format!("/api/bonus-stars/{}/approve", requested["id"]), json!({"amount": 5}));
        assert_eq!((&given["request_status"], &given["amount"], &given["requested_amount"]), (&json!("modified"), &json!(5), &json!(8)));
        assert_eq!(refused(&admin_client, &format!("/api/bonus-stars/{}/deny", requested["id"]), json!({})), (400, "INVALID_STATE".into()));
        assert_eq!((notification_types(&getting), me(&getting)["specialist_points"].clone()), (vec!["bonus_awarded".to_owned()], json!(5)));
        assert_eq!((&given["awarded_by"], &given["awarder"]["id"]), (&json!(admin.id), &json!(admin.id)));
        let award = ok(&admin_client, "/api/bonus-stars", json!({"user_id": qe.id, "amount": 2, "reason": "Fair reviews"}));
        assert_eq!((&award["is_qe_request"], &award["request_status"], &award["awarded_by"]), (&json!(false), &json!(null), &json!(admin.id)));
        let found = |query: &str| admin_client.get(&format!("/api/bonus-stars?{query}")).json["pagination"]["total"].clone();
        let statuses = ["pending", "approved", "denied", "modified"].map(|status| found(&format!("request_status={status}")));
        assert_eq!(statuses, [json!(0), json!(0), json!(1), json!(1)], "an award has no status of a request");
        assert_eq!((found("status=modified"), found("")), (json!(1), json!(3)));
        let mine = json!({"user_id": admin.id, "amount": 1, "reason": "me"});
        assert_eq!(refused(&admin_client, "/api/bonus-stars", mine), (400, "RULE_VIOLATION".into()));
        let many = json!({"user_id": worker.id, "amount": 11, "reason": ""});
        let answer = admin_client.post("/api/bonus-stars", &many);
        let fields: Vec<_> = answer.json["errors"].as_array().expect("errors").iter().map(|e| e["field"].clone()).collect();
        assert_eq!(fields, ["amount", "reason"]);
    }
}

#[test]
fn awards_and_requests_are_limited_to_twenty_a_minute() {
    let settings = Settings { rate_limits: true, ..settings() };
    let site = TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in");
    let (worker, admin, qe) =
        (site.user(Role::Specialist), site.as_a(Role::Admin), site.as_a(Role::QualityEngineer));
    let body = json!({"user_id": worker.id, "amount": 1, "reason": "Quick and clean work"});
    for (client, path) in [(&admin, "/api/bonus-stars"), (&qe, "/api/bonus-stars/request")] {
        for _ in 0..20 {
            let answer = client.post(path, &body);
            assert_eq!(
                (answer.status, answer.header("ratelimit-limit")),
                (201, Some("20")),
                "{}",
                answer.text
            );
        }
        let refused = client.post(path, &body);
        assert_eq!((refused.status, refused.code()), (429, "RATE_LIMITED"), "each has its own limit");
    }
    assert_eq!(admin.get("/api/bonus-stars").status, 200, "reading is not limited");
}
