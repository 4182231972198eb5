//! Requests that are sent again with their `Idempotency-Key` (rule book §15).

use std::{collections::BTreeSet, thread};

use inspection_domain::{tasks::TaskName, users::Role};
use inspection_persistence::tasks;
use inspection_testkit::{
    builders,
    clients::{Client, Response},
    files::png,
};
use serde_json::{Value, json};

use crate::{
    files::stored_files,
    site::{TestSite, on_both},
};

fn keyed(client: &Client, key: &str) -> Client {
    client.with_header("Idempotency-Key", key)
}

fn is_replayed(answer: &Response) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

/// An admin, and a body that awards stars to an engineer.
fn award(site: &TestSite) -> (Client, Value) {
    let engineer = site.user(Role::Engineer);
    (site.as_a(Role::Admin), json!({"user_id": engineer.id, "amount": 3, "reason": "A clean quay."}))
}

fn awards(client: &Client) -> Value {
    client.get("/api/bonus-stars").json["pagination"]["total"].clone()
}

on_both! {
    fn a_request_that_is_sent_again_is_answered_as_the_first_time(site: TestSite) {
        let (admin, body) = award(&site);
        let first = keyed(&admin, "key-1").post("/api/bonus-stars", &body);
        assert_eq!((first.status, is_replayed(&first)), (201, false));
        let again = json!({"reason": "A clean quay.", "amount": 3, "user_id": body["user_id"]});
        for (key, body) in [("key-1", &body), ("\"key-1\"", &body), ("key-1", &again)] {
            let answer = keyed(&admin, key).post("/api/bonus-stars", body);
            assert_eq!((answer.status, is_replayed(&answer), &answer.text), (201, true, &first.text));
        }
        assert_eq!(awards(&admin), 1);
        assert_eq!(keyed(&admin, "key-2").post("/api/bonus-stars", &body).status, 201);
        assert_eq!(awards(&admin), 2);
        let other = keyed(&site.as_a(Role::Admin), "key-1").post("/api/bonus-stars", &body);
        assert_eq!((other.status, is_replayed(&other)), (201, false), "another user has keys of their own");
    }

    fn a_key_stands_for_one_request(site: TestSite) {
        let (admin, mut body) = award(&site);
        let admin = keyed(&admin, "key-1");
        assert_eq!(admin.post("/api/bonus-stars", &body).status, 201);
        let elsewhere = admin.post("/api/leaves", &body);
        assert_eq!((elsewhere.status, elsewhere.code()), (409, "CONFLICT"));
        body["amount"] = json!(4);
        let reused = admin.post("/api/bonus-stars", &body);
        assert_eq!((reused.status, reused.code(), awards(&admin)), (409, "CONFLICT", json!(1)));
        for key in ["", "two words", &"k".repeat(129)] {
            let invalid = keyed(&site.as_a(Role::Admin), key).post("/api/bonus-stars", &body);
            assert_eq!((invalid.status, invalid.fields()), (400, vec!["Idempotency-Key"]), "{key:?}");
        }
    }

    fn a_refusal_is_replayed_unless_it_may_pass(site: TestSite) {
        let (admin, mut body) = award(&site);
        body["amount"] = json!(0);
        let refused = keyed(&admin, "key-1").post("/api/bonus-stars", &body);
        let repeated = keyed(&admin, "key-1").post("/api/bonus-stars", &body);
        assert_eq!((refused.status, is_replayed(&refused)), (400, false));
        assert_eq!((repeated.status, is_replayed(&repeated), repeated.text), (400, true, refused.text));
        let engineer = site.user(Role::Engineer);
        let leave = json!({"leave_type": "annual", "date_from": "2026-04-01", "date_to": "2026-04-02"});
        let (client, path) = (keyed(&site.client(&engineer), "key-1"), "/api/users");
        assert_eq!(client.post(path, &json!({})).status, 403);
        assert_eq!(client.post("/api/leaves", &leave).status, 201, "a refused permission uses no key");
    }

    fn a_refusal_is_stored_again_after_a_day(site: TestSite) {
        let (_, mut body) = award(&site);
        body["amount"] = json!(0);
        let user = site.user(Role::Admin);
        for day in ["2026-03-02", "2026-03-04"] {
            site.clock.set(&format!("{day}T08:00:00Z"));
            let client = keyed(&site.client(&user), "key-1");
            let answers = [(); 2].map(|()| client.post("/api/bonus-stars", &body));
            assert_eq!(answers.each_ref().map(|answer| (answer.status, is_replayed(answer))), [(400, false), (400, true)]);
        }
    }

    fn a_key_is_valid_for_a_day_and_then_deleted(site: TestSite) {
        let (_, body) = award(&site);
        site.clock.set("2026-03-02T08:00:00Z");
        let user = site.user(Role::Admin);
        let client = || keyed(&site.client(&user), "key-1");
        assert_eq!(client().post("/api/bonus-stars", &body).status, 201);
        site.clock.set("2026-03-03T08:00:00Z");
        assert!(is_replayed(&client().post("/api/bonus-stars", &body)));
        site.clock.set("2026-03-03T08:00:00.001Z");
        let deleted = || {
            site.clock.advance_seconds(1);
            let run = tasks::run_now(&site.db, &site.context, "instance", TaskName::CheckExpiredLeaves);
            run.expect("a run").counts.of("keys")
        };
        assert_eq!([deleted(), deleted()], [1, 0]);
        let later = client().post("/api/bonus-stars", &body);
        assert_eq!((later.status, is_replayed(&later)), (201, false));
        assert_eq!(awards(&client()), 2);
    }

    fn of_simultaneous_requests_with_a_key_one_is_carried_out(site: TestSite) {
        let (admin, body) = award(&site);
        for round in 0..5 {
            let client = keyed(&admin, &format!("round-{round}"));
            let answers: Vec<Response> = thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| client.post("/api/bonus-stars", &body))).collect();
                threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
            });
            assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
            let bodies: BTreeSet<_> = answers.iter().map(|answer| &answer.text).collect();
            assert_eq!((bodies.len(), answers.iter().filter(|answer| !is_replayed(answer)).count()), (1, 1));
            assert_eq!(awards(&admin), round + 1);
        }
    }

    fn an_upload_that_is_sent_again_stores_nothing(site: TestSite) {
        let client = keyed(&site.as_a(Role::Inspector), "key-1");
        let upload = |bytes: &[u8]| client.upload(&[], "photo.png", "image/png", bytes);
        let (first, again) = (upload(&png(20, 20)), upload(&png(20, 20)));
        assert_eq!((first.status, again.status, is_replayed(&again)), (201, 201, true));
        assert_eq!(first.text, again.text);
        assert_eq!(upload(&png(21, 20)).code(), "CONFLICT");
        assert_eq!(client.get("/api/files").json["pagination"]["total"], 1);
        assert_eq!(stored_files(&site).len(), 1);
    }

    fn offline_items_and_runs_of_tasks_are_answered_as_the_first_time(site: TestSite) {
        let engineer = site.client(&site.user(Role::Engineer));
        let item = json!({
            "client_id": site.context.ids.unique(), "entity_type": "leave_request",
            "entity_data": {"leave_type": "annual", "date_from": "2026-05-01", "date_to": "2026-05-02"},
        });
        for path in ["/api/sync", "/api/sync/batch"] {
            let body = if path == "/api/sync" { item.clone() } else { json!({"items": [item]}) };
            let client = keyed(&engineer, path);
            let (first, again) = (client.post(path, &body), client.post(path, &body));
            assert_eq!((first.status, is_replayed(&first), is_replayed(&again)), (200, false, true), "{}", first.text);
            assert_eq!(first.text, again.text);
        }
        let admin = keyed(&site.as_a(Role::Admin), "run");
        let run = || admin.post("/api/admin/tasks/check_backlog/run", &json!({}));
        assert_eq!(run().data()["id"], run().data()["id"]);
    }

    fn an_item_that_must_be_sent_again_is_not_answered_as_the_first_time(site: TestSite) {
        let engineer = site.client(&site.user(Role::Engineer));
        for path in ["/api/sync", "/api/sync/batch"] {
            let name = site.context.ids.unique();
            let send = |client: &Client, date_to: &str| {
                let item = json!({
                    "client_id": name, "entity_type": "leave_request",
                    "entity_data": {"leave_type": "annual", "date_from": "2026-05-01", "date_to": date_to},
                });
                let one = path == "/api/sync";
                let answer = client.post(path, &if one { item } else { json!({"items": [item]}) });
                let result = if one { answer.data() } else { &answer.data()["results"][0] };
                (result["outcome"].clone(), result["error"]["code"].clone(), is_replayed(&answer))
            };
            let rejected = send(&engineer, "2026-04-01");
            assert_eq!(rejected, (json!("rejected"), json!("VALIDATION_ERROR"), false));
            let client = keyed(&engineer, path);
            assert_eq!(send(&client, "2026-05-02"), (json!("rejected"), json!("CONFLICT"), false));
            let pending = engineer.get("/api/sync/pending").data()[0]["id"].clone();
            assert_eq!(engineer.delete(&format!("/api/sync/{pending}")).status, 200);
            assert_eq!(send(&client, "2026-05-02"), (json!("applied"), Value::Null, false));
            assert!(send(&client, "2026-05-02").2, "an item with an outcome is final");
            let leave = engineer.get("/api/leaves").data()[0]["id"].clone();
            assert_eq!(engineer.post(&format!("/api/leaves/{leave}/cancel"), &json!({})).status, 200);
        }
    }

    fn no_token_is_stored(site: TestSite) {
        let user = site.user(Role::Engineer);
        let client = keyed(&site.client(&user), "key-1");
        let body = json!({"current_password": builders::PASSWORD, "new_password": "another long password"});
        let changed = client.post("/api/auth/change-password", &body);
        assert!(changed.json["access_token"].is_string(), "{}", changed.text);
        assert_eq!(client.post("/api/auth/change-password", &body).status, 401, "the session has ended");
    }
}
