//! Leaves from request to end (rule book §10).

use inspection_domain::{
    tasks::{TaskName, TaskOutcome},
    users::{Role, User},
};
use inspection_persistence::tasks;
use inspection_testkit::builders;
use serde_json::json;

use crate::{
    actors::{me, notification_types, ok, refused},
    site::{TestSite, on_both},
};

/// Sets the clock and runs the tasks of leaves. Returns the numbers of leaves that ended and that
/// began.
fn advance_to(site: &TestSite, until: &str) -> (usize, usize) {
    let run = |task, counted| {
        let run = tasks::run_now(&site.db, &site.context, "test", task).expect("run");
        assert_eq!(run.outcome, TaskOutcome::Succeeded, "{run:?}");
        run.counts.of(counted)
    };
    let turn =
        || (run(TaskName::CheckExpiredLeaves, "ended"), run(TaskName::ActivateStartingLeaves, "begun"));
    site.clock.set(until);
    let turned = turn();
    site.clock.advance_seconds(1);
    assert_eq!(turn(), (0, 0), "a second run changes nothing");
    turned
}

on_both! {
    fn a_leave_from_request_to_end_over_the_days(site: TestSite) {
        let absent = builders::user_with(&site.db, &site.context, Role::Inspector, |body| body["shift"] = json!("day"));
        let coverer: User = builders::user_with(&site.db, &site.context, Role::Specialist, |body| body["shift"] = json!("day"));
        let (admin, colleague) = (site.user(Role::Admin), site.user(Role::Engineer));
        let people = || [&admin, &absent, &coverer, &colleague].map(|who| site.client(who));
        let [admin_client, own, covering, other] = people();

        let body = json!({"leave_type": "other", "date_from": "2026-03-04", "date_to": "2026-03-06"});
        let answer = own.post("/api/leaves", &body);
        assert_eq!((answer.status, answer.json["errors"][0]["field"].as_str()), (400, Some("other_reason")));
        let body = json!({"leave_type": "annual", "date_from": "2026-03-04", "date_to": "2026-03-06", "reason": "A wedding", "scope": "major_only"});
        let leave = ok(&own, "/api/leaves", body.clone());
        assert_eq!((leave["status"].as_str(), leave["total_days"].as_i64()), (Some("pending"), Some(3)));
        assert_eq!(leave["user"]["full_name"], json!(absent.full_name));
        let path = |action: &str| format!("/api/leaves/{}/{action}", leave["id"]);
        assert_eq!(refused(&own, "/api/leaves", body), (400, "RULE_VIOLATION".into()));
        assert_eq!(notification_types(&admin_client), ["leave_requested"]);
        assert_eq!(refused(&own, &path("approve"), json!({})), (403, "FORBIDDEN".into()));
        assert_eq!(other.get(&format!("/api/leaves/{}", leave["id"])).status, 403);

        let candidates = admin_client.get(&path("coverage/candidates"));
        let best = &candidates.json["data"][0];
        assert_eq!(best["user"]["id"], json!(coverer.id));
        // Points for the same shift, the same trade, and a specialist without active jobs.
        assert_eq!((&best["score"], &best["active_jobs"]), (&json!(10 + 3 + 5), &json!(0)));
        assert_eq!((&best["same_shift"], &best["same_role"]), (&json!(true), &json!(false)));

        let granted = ok(&admin_client, &path("approve"), json!({"coverage_user_id": coverer.id}));
        assert_eq!((granted["status"].as_str(), &granted["coverage_user"]["id"]), (Some("approved"), &json!(coverer.id)));
        assert_eq!(notification_types(&other), ["leave_notification"]);
        assert_eq!(notification_types(&covering), ["coverage_assigned", "leave_notification"]);
        assert_eq!(me(&own)["is_on_leave"], json!(false), "the leave starts in two days");
        assert_eq!(me(&covering)["minor_role_id"], json!(format!("COV-{}", coverer.role_id)));
        assert_eq!(other.get("/api/leaves/active").json["pagination"]["total"], 0);

        // The shift of the night before ends in peace.
        assert_eq!(advance_to(&site, "2026-03-03T23:59:58Z"), (0, 0));
        assert_eq!(advance_to(&site, "2026-03-04T06:59:58Z"), (0, 0));
        assert_eq!(me(&people()[1])["is_on_leave"], json!(false));
        assert_eq!(advance_to(&site, "2026-03-04T07:00:00Z"), (0, 1));
        let [admin_client, own, covering, other] = people();
        assert_eq!(me(&own)["is_on_leave"], json!(true));
        let active = other.get("/api/leaves/active");
        assert_eq!(active.json["data"][0]["user_id"], json!(absent.id));
        let absence = &active.json["data"][0];
        for private in ["leave_type", "other_reason", "reason", "rejection_reason", "approved_by_id", "approved_at", "created_at"] {
            assert_eq!(absence.get(private), Some(&json!(null)), "{private} is private");
        }
        let own_absence = own.get("/api/leaves/active");
        assert_eq!((&own_absence.data()[0]["leave_type"], &own_absence.data()[0]["approved_by_id"]), (&json!("annual"), &json!(admin.id)));
        let capacity = admin_client.get("/api/leaves/capacity?shift=day");
        assert_eq!((&capacity.data()["total"], &capacity.data()["available"]), (&json!(2), &json!(1)));
        assert_eq!(capacity.data()["by_role"]["inspector"], json!({"total": 1, "available": 0, "on_leave": 1}));
        let start = own.post("/api/inspections/start", &json!({"equipment_id": 1}));
        assert!(start.status >= 400, "no inspection during a leave");
        assert_eq!(me(&covering)["leave_coverage_for"], json!(absent.id));

        assert_eq!(advance_to(&site, "2026-03-07T06:59:58Z"), (0, 0));
        assert_eq!(advance_to(&site, "2026-03-07T07:00:00Z"), (1, 0));
        let [admin_client, own, covering, _] = people();
        assert_eq!(me(&own)["is_on_leave"], json!(false));
        let back = me(&covering);
        assert_eq!((&back["minor_role"], &back["minor_role_id"], &back["leave_coverage_for"]), (&json!(null), &json!(null), &json!(null)));
        let over = own.get(&format!("/api/leaves/{}", leave["id"]));
        assert_eq!((&over.data()["status"], &over.data()["ended_by_id"]), (&json!("approved"), &json!(null)));
        assert_eq!(over.data()["ended_at"], json!("2026-03-07T07:00:00.000Z"));
        assert_eq!(refused(&admin_client, &path("end"), json!({})), (400, "INVALID_STATE".into()));
    }

    fn requests_of_existing_clients_are_accepted(site: TestSite) {
        let (person, coverer) = (site.user(Role::Inspector), site.user(Role::Inspector));
        let (admin, own) = (site.as_a(Role::Admin), site.client(&person));
        let ask = |days: [&str; 2]| {
            ok(&own, "/api/leaves", json!({"leave_type": "other", "date_from": days[0], "date_to": days[1], "reason": "Moving house"}))
        };
        let first = ask(["2026-03-04", "2026-03-06"]);
        assert_eq!((&first["other_reason"], &first["reason"]), (&json!("Moving house"), &json!("Moving house")));
        let rejected = ok(&admin, &format!("/api/leaves/{}/reject", first["id"]), json!({"rejection_reason": "Too many are away"}));
        assert_eq!((&rejected["status"], &rejected["rejection_reason"]), (&json!("rejected"), &json!("Too many are away")));
        let second = ask(["2026-03-09", "2026-03-09"]);
        let approved = ok(&admin, &format!("/api/leaves/{}/approve", second["id"]), json!({}));
        assert!(approved["approved_by_id"].is_number() && approved["approved_at"].is_string(), "{approved}");
        let assigned = ok(&admin, &format!("/api/leaves/{}/coverage/assign", second["id"]), json!({"user_id": coverer.id}));
        assert_eq!(assigned["coverage_user_id"], json!(coverer.id));
    }

    fn leaves_are_correct_after_days_without_the_service(site: TestSite) {
        let admin = site.user(Role::Admin);
        let [past, running] = [0, 1].map(|_| site.user(Role::Inspector));
        builders::approved_leave(&site.db, &site.context, &admin, &past, "2026-03-03", "2026-03-05");
        builders::approved_leave(&site.db, &site.context, &admin, &running, "2026-03-04", "2026-03-20");
        assert_eq!(advance_to(&site, "2026-03-10T12:00:00Z"), (1, 1));
        assert_eq!(me(&site.client(&past))["is_on_leave"], json!(false));
        assert_eq!(me(&site.client(&running))["is_on_leave"], json!(true));
    }
}
