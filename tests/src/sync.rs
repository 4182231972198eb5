//! Offline sync: items are applied once, with the result of the same requests online (rule book
//! §15).

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use inspection_domain::users::Role;
use inspection_persistence::{Origin, sessions};
use inspection_testkit::{
    DatabaseKind, builders,
    clients::{Client, Response},
    or_skip,
};
use serde_json::{Value, json};

use crate::site::{TestSite, on_both};

mod changes;
mod clocks;
mod day;
mod orders;

/// A client id as a phone creates it.
fn client_id(number: usize) -> String {
    format!("0f8fad5b-d9cb-469f-a165-{number:012}")
}

/// An item with data of a kind.
fn item(number: usize, kind: &str, data: Value) -> Value {
    json!({"client_id": client_id(number), "entity_type": kind, "entity_data": data, "occurred_at": "2026-03-02T06:00:00Z"})
}

/// The results of a batch.
fn batch(client: &Client, items: &[Value]) -> Vec<Value> {
    let answer = client.post("/api/sync/batch", &json!({"items": items}));
    answer.data()["results"].as_array().unwrap_or_else(|| panic!("{}", answer.text)).clone()
}

/// The outcome of each result, with the code of its error.
fn outcomes(results: &[Value]) -> Vec<String> {
    let outcome = |result: &Value| {
        let code = result["error"]["code"].as_str().map_or_else(String::new, |code| format!(" {code}"));
        format!("{}{code}", result["outcome"].as_str().unwrap_or_default())
    };
    results.iter().map(outcome).collect()
}

fn error(answer: &Response) -> &Value {
    &answer.data()["error"]
}

on_both! {
    fn an_item_that_is_too_large_is_rejected_alone(site: TestSite) {
        let client = site.as_a(Role::Specialist);
        let large = item(2, "pause_resume", json!({"pause_id": 1, "note": "x".repeat(256_000)}));
        let small = |number| item(number, "pause_resume", json!({"pause_id": 1}));
        let results = batch(&client, &[small(1), large.clone(), small(3)]);
        assert_eq!(outcomes(&results), ["rejected NOT_FOUND", "rejected VALIDATION_ERROR", "rejected NOT_FOUND"]);
        assert_eq!((&results[1]["id"], &results[1]["error"]["errors"][0]["field"]), (&Value::Null, &json!("entity_data")));
        let alone = client.post("/api/sync", &large);
        assert_eq!((alone.status, alone.fields()), (400, vec!["entity_data"]), "{}", alone.text);
        assert_eq!(client.get("/api/sync/pending").json["pagination"]["total"], 2);
    }

    fn rejected_items_are_kept_within_quotas(site: TestSite) {
        let user = site.user(Role::Specialist);
        let (one, other) = (site.as_a(Role::Specialist), site.client(&user));
        let refused = |from: usize, count: usize, size: usize| -> Vec<Value> {
            let data = json!({"pause_id": 1, "note": "x".repeat(size)});
            (from..from + count).map(|number| item(number, "pause_resume", data.clone())).collect()
        };
        let kept = |client: &Client| {
            let pending = client.get("/api/sync/pending?per_page=1");
            (pending.json["pagination"]["total"].clone(), pending.data()[0]["client_id"].clone())
        };
        batch(&other, &refused(1, 3, 10));
        batch(&one, &refused(1, 203, 10));
        assert_eq!(kept(&one), (json!(200), json!(client_id(4))), "the newest ones");
        for part in 0..7 {
            batch(&one, &refused(300 + 3 * part, 3, 240_000));
        }
        assert_eq!(kept(&one), (json!(20), json!(client_id(301))), "of 5 MB");
        assert_eq!(kept(&other), (json!(3), json!(client_id(1))), "of another user");
        site.clock.advance_seconds(31 * 24 * 60 * 60);
        let other = site.client(&user);
        assert_eq!(batch(&other, &refused(9, 1, 10)).len(), 1);
        assert_eq!(kept(&other), (json!(1), json!(client_id(9))), "of 30 days");
    }

    fn a_day_of_repairs_is_applied_in_order_with_references_between_items(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let chief = site.user(Role::Admin);
        let (inspector, specialist, engineer) = (site.user(Role::Inspector), site.user(Role::Specialist), site.user(Role::Engineer));
        builders::checklist(db, context, &chief);
        let machine = builders::equipment(db, context);
        let found = builders::defect(db, context, &inspector, &machine);
        let job = builders::repair(db, context, &chief, found.id, &specialist).id;
        let own = builders::engineer_job(db, context, &chief, &engineer).id;
        let client = site.client(&specialist);
        let results = batch(&client, &[
            item(1, "job_start", json!({"job_id": job})),
            item(2, "job_planned_time", json!({"job_id": job, "hours": 2.5})),
            item(3, "job_start", json!({"job_id": job})),
            item(4, "pause_request", json!({"job_id": job, "reason_category": "parts"})),
            item(5, "pause_resume", json!({"pause_id": client_id(4)})),
            item(6, "job_complete", json!({"job_id": job, "work_notes": "short"})),
            item(7, "job_complete", json!({"job_id": job, "work_notes": "Changed the seal and tried it."})),
            item(8, "job_incomplete", json!({"job_id": job, "reason": "There is no such part."})),
            item(9, "job_start", json!({"job_id": own})),
        ]);
        assert_eq!(outcomes(&results)[..4], ["rejected PLANNED_TIME_REQUIRED", "applied", "applied", "applied"].map(str::to_owned));
        assert_eq!(outcomes(&results)[5], "rejected VALIDATION_ERROR");
        assert_eq!(results[5]["error"]["errors"][0]["field"], "entity_data.work_notes");
        assert_eq!(outcomes(&results)[6..], ["applied", "rejected INVALID_STATE", "rejected FORBIDDEN"].map(str::to_owned));
        assert_eq!(results[6]["result"]["status"], "completed");
        let read = client.get(&format!("/api/jobs/{job}"));
        assert_eq!(read.data()["status"], "completed");

        let notification = client.get("/api/notifications").data()[0]["id"].clone();
        let read = client.post("/api/sync", &item(20, "notification_read", json!({"notification_id": notification})));
        assert_eq!((&read.data()["outcome"], &read.data()["result"]["is_read"]), (&json!("applied"), &json!(true)));

        let pending = client.get("/api/sync/pending");
        let codes: Vec<_> = pending.data().as_array().expect("items").iter().map(|item| item["error"]["code"].clone()).collect();
        assert_eq!(codes.len(), 4 + usize::from(outcomes(&results)[4].starts_with("rejected")), "{codes:?}");
        assert_eq!(pending.data()[0]["entity_data"]["job_id"], json!(job));
        let path = format!("/api/sync/{}", pending.data()[0]["id"]);
        assert_eq!(site.client(&engineer).delete(&path).code(), "NOT_FOUND", "an item of another user");
        assert_eq!(client.delete(&path).status, 200);
        assert_eq!(client.delete(&path).code(), "NOT_FOUND");
        assert_eq!(client.delete(&format!("/api/sync/{}", results[1]["id"])).code(), "INVALID_STATE", "an applied item remains");
    }

    fn what_follows_from_an_item_that_must_be_sent_again_is_not_stored(site: TestSite) {
        let chief = site.user(Role::Admin);
        let (_, questions) = builders::checklist(&site.db, &site.context, &chief);
        let machine = builders::equipment(&site.db, &site.context);
        let client = site.as_a(Role::Inspector);
        // The start was rejected. With other content, it conflicts until it is discarded.
        let rejected = batch(&client, &[item(1, "inspection_start", json!({"equipment_id": 999_999}))]);
        assert_eq!(outcomes(&rejected), ["rejected NOT_FOUND"]);
        let mut answer = builders::answer_body(0, questions[0].id, false);
        answer["inspection_id"] = json!(client_id(1));
        let leave = json!({"leave_type": "annual", "date_from": "2026-05-01", "date_to": "2026-05-02"});
        let mut unreadable = item(5, "pause_request", json!({}));
        unreadable["occurred_at"] = json!("yesterday");
        let day = [
            item(1, "inspection_start", json!({"equipment_id": machine.id})),
            item(2, "inspection_answer", answer),
            item(3, "inspection_submit", json!({"inspection_client_id": client_id(1)})),
            item(4, "leave_request", leave),
            unreadable,
            item(6, "pause_resume", json!({"pause_id": client_id(5)})),
        ];
        let results = batch(&client, &day);
        assert_eq!(outcomes(&results), [
            "rejected CONFLICT", "rejected CONFLICT", "rejected CONFLICT", "applied", "rejected VALIDATION_ERROR",
            "rejected CONFLICT",
        ]);
        for result in [&results[0], &results[1], &results[2], &results[4], &results[5]] {
            assert_eq!(result["id"], Value::Null, "{result}");
        }
        let pending = client.get("/api/sync/pending");
        assert_eq!(pending.json["pagination"]["total"], 1, "the first start: {}", pending.text);
        assert_eq!(client.delete(&format!("/api/sync/{}", rejected[0]["id"])).status, 200);
        assert_eq!(outcomes(&batch(&client, &day[..2])), ["applied", "applied"]);
        assert_eq!(outcomes(&batch(&client, &day[..1])), ["duplicate"]);
        // A reused client_id doesn't keep answers from the item that was applied first.
        let reused = item(1, "inspection_start", json!({"equipment_id": 999_999}));
        let mut second = builders::answer_body(1, questions[1].id, false);
        second["inspection_id"] = json!(client_id(1));
        let results = batch(&client, &[reused, item(7, "inspection_answer", second)]);
        assert_eq!(outcomes(&results), ["rejected CONFLICT", "applied"]);
    }

    fn a_team_completes_an_assignment_offline_up_to_the_verdict(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let chief = site.user(Role::Admin);
        let team = builders::team(db, context);
        let (template, questions) = builders::checklist(db, context, &chief);
        builders::equipment(db, context);
        builders::routine(db, context, &chief, template.id);
        let (_, assignments) = builders::generated(db, context, &chief);
        let assignment = builders::assigned(db, context, &chief, assignments[0].id, &team).id;
        for member in team.both() {
            let client = site.client(member);
            let mut items = vec![item(0, "inspection_start", json!({"assignment_id": assignment}))];
            for (place, question) in questions.iter().enumerate() {
                let mut body = builders::answer_body(place, question.id, false);
                body["inspection_id"] = json!(client_id(0));
                items.push(item(place + 1, "inspection_answer", body));
            }
            items.push(item(50, "inspection_submit", json!({"inspection_id": client_id(0)})));
            items.push(item(51, "assignment_complete", json!({"assignment_id": assignment})));
            let results = batch(&client, &items);
            let refused: Vec<_> = outcomes(&results).into_iter().filter(|outcome| outcome != "applied").collect();
            assert!(refused.iter().all(|outcome| outcome.contains("VALIDATION") || outcome.contains("RULE")), "questions of the other half: {refused:?}");
            assert_eq!(results.last().expect("the last")["outcome"], "applied", "{results:?}");
        }
        let verdict = json!({"assignment_id": assignment, "verdict": "operational"});
        for member in team.both() {
            let answer = site.client(member).post("/api/sync", &item(60, "assessment_verdict", verdict.clone()));
            assert_eq!(answer.data()["outcome"], "applied", "{}", answer.text);
        }
        let done = site.client(&team.mechanical).get("/api/inspection-assignments/my-assignments");
        assert_eq!(done.data()[0]["status"], "completed");
    }

    fn an_item_that_is_sent_repeatedly_and_concurrently_is_applied_once(site: TestSite) {
        let engineer = site.user(Role::Engineer);
        let client = site.client(&engineer);
        for round in 0..5 {
            let day = format!("2026-06-{:02}", round + 1);
            let leave = json!({"leave_type": "annual", "date_from": day, "date_to": day});
            let sent = item(round, "leave_request", leave);
            let barrier = Barrier::new(6);
            let answers: Vec<Response> = thread::scope(|scope| {
                let again = || {
                    scope.spawn(|| {
                        barrier.wait();
                        client.post("/api/sync", &sent)
                    })
                };
                let threads: Vec<_> = (0..6).map(|_| again()).collect();
                threads.into_iter().map(|thread| thread.join().expect("sent")).collect()
            });
            let outcomes: Vec<_> = answers.iter().map(|answer| answer.data()["outcome"].as_str().expect("an outcome").to_owned()).collect();
            assert_eq!(outcomes.iter().filter(|outcome| *outcome == "applied").count(), 1, "{outcomes:?}");
            assert!(outcomes.iter().all(|outcome| outcome == "applied" || outcome == "duplicate"), "{outcomes:?}");
            let ids: Vec<_> = answers.iter().map(|answer| answer.data()["result"]["id"].clone()).collect();
            assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "the first outcome for all");
        }
        assert_eq!(client.get("/api/leaves").json["pagination"]["total"], 5);
        // Client ids belong to their user. A reused id for another item is refused and not stored.
        let other = site.as_a(Role::Engineer);
        let leave = json!({"leave_type": "sick", "date_from": "2026-07-01", "date_to": "2026-07-01"});
        assert_eq!(other.post("/api/sync", &item(0, "leave_request", leave.clone())).data()["outcome"], "applied");
        let reused = client.post("/api/sync", &item(0, "leave_request", leave));
        assert_eq!((&reused.data()["outcome"], &error(&reused)["code"], &reused.data()["id"]), (&json!("rejected"), &json!("CONFLICT"), &Value::Null));
        assert_eq!(client.get("/api/sync/pending").json["pagination"]["total"], 0);
    }

    fn a_reading_that_is_sent_several_times_at_once_is_applied_once(site: TestSite) {
        let engineer = site.user(Role::Engineer);
        builders::engineer_job(&site.db, &site.context, &site.user(Role::Admin), &engineer);
        let client = site.client(&engineer);
        let notification = client.get("/api/notifications").data()[0]["id"].clone();
        for round in 0..5 {
            let sent = item(round, "notification_read", json!({"notification_id": notification}));
            let barrier = Barrier::new(6);
            let outcomes: Vec<Value> = thread::scope(|scope| {
                let again = || {
                    scope.spawn(|| {
                        barrier.wait();
                        client.post("/api/sync", &sent).data().clone()
                    })
                };
                let threads: Vec<_> = (0..6).map(|_| again()).collect();
                threads.into_iter().map(|thread| thread.join().expect("sent")).collect()
            });
            let duplicates = outcomes.iter().filter(|result| result["outcome"] == "duplicate").count();
            assert_eq!(duplicates, 5, "found by another try: {outcomes:?}");
        }
    }

    fn an_invalid_item_is_reported_and_stops_no_other(site: TestSite) {
        let client = site.as_a(Role::Specialist);
        let leave = json!({"leave_type": "sick", "date_from": "2026-07-01", "date_to": "2026-07-01"});
        let mut future = item(6, "leave_request", leave.clone());
        future["occurred_at"] = json!("2031-01-01T00:00:00Z");
        let results = batch(&client, &[
            json!({}),
            json!({"client_id": null, "entity_type": 7}),
            json!({"client_id": "x", "entity_type": "dance", "entity_data": []}),
            json!({"client_id": client_id(1), "entity_type": "job_start"}),
            item(2, "job_start", json!({"job_id": -1})),
            item(3, "inspection_start", json!({"equipment_id": 1})),
            item(4, "inspection_answer", json!({"inspection_id": client_id(99)})),
            item(5, "inspection_submit", json!({"inspection_id": client_id(3)})),
            future,
            item(7, "leave_request", json!({"leave_type": "sick", "reason": "a\u{0}b"})),
            item(8, "leave_request", leave),
        ]);
        assert_eq!(outcomes(&results), [
            "rejected VALIDATION_ERROR", "rejected VALIDATION_ERROR", "rejected VALIDATION_ERROR", "rejected VALIDATION_ERROR",
            "rejected VALIDATION_ERROR", "rejected FORBIDDEN", "rejected NOT_FOUND", "rejected INVALID_STATE",
            "applied", "rejected VALIDATION_ERROR", "rejected RULE_VIOLATION",
        ]);
        let fields: Vec<_> = results[2]["error"]["errors"].as_array().expect("fields").iter().map(|error| error["field"].clone()).collect();
        assert_eq!(fields, ["client_id", "entity_type", "entity_data"]);
        assert_eq!(results[4]["error"]["errors"][0]["field"], "entity_data.job_id");
        for bad in [json!({}), json!({"items": 7}), json!({"items": vec![json!({}); 501]}), json!({"items": [{}, 7]})] {
            let refused = client.post("/api/sync/batch", &bad);
            assert_eq!((refused.status, refused.fields()), (400, vec!["items"]), "{}", refused.text);
        }
        assert_eq!(client.post("/api/sync", &json!({"client_id": 7})).fields(), ["client_id", "entity_type", "entity_data"]);
        assert_eq!(batch(&client, &[]).len(), 0);
    }
}

/// SQLite has one writer: the open transaction holds the items back, not the check of the session
/// that precedes them.
#[test]
fn a_session_that_ends_before_an_item_ends_the_request() {
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
    let engineer = site.user(Role::Engineer);
    let client = site.client(&engineer);
    let leave = json!({"leave_type": "sick", "date_from": "2026-07-01", "date_to": "2026-07-01"});
    let answer = thread::scope(|scope| {
        let sending = site.db.write(&site.context, Origin::default(), |tx| {
            let (before, begun) = (site.db.statements(), Instant::now());
            let sending = scope.spawn(|| client.post("/api/sync", &item(1, "leave_request", leave)));
            while site.db.statements() == before && begun.elapsed() < Duration::from_secs(3) {
                thread::sleep(Duration::from_millis(5));
            }
            tx.act_as(engineer.clone());
            sessions::logout_all(tx)?;
            Ok(sending)
        });
        sending.expect("ended").join().expect("sent")
    });
    assert_eq!((answer.status, answer.code()), (401, "TOKEN_REVOKED"), "{}", answer.text);
    assert_eq!(site.client(&engineer).get("/api/sync/pending").json["pagination"]["total"], 0);
}

/// An item is refused with the code of the same request online, for every kind and role.
#[test]
fn every_kind_and_role_is_refused_as_online() {
    for &role in Role::ALL {
        let site = or_skip!(TestSite::start(DatabaseKind::Sqlite));
        let (db, context) = (&site.db, &site.context);
        let chief = site.user(Role::Admin);
        let inspector = site.user(Role::Inspector);
        let (_, questions) = builders::checklist(db, context, &chief);
        let machine = builders::equipment(db, context);
        let sheet = builders::draft(db, context, &inspector, &machine);
        let found = builders::defect(db, context, &site.user(Role::Inspector), &machine);
        let job = builders::repair(db, context, &chief, found.id, &site.user(Role::Specialist)).id;
        let client = site.as_a(role);
        let inspection = sheet.inspection.id;
        let answer = builders::answer_body(0, questions[0].id, false);
        let with = |field: &str, id: Value, mut body: Value| {
            body[field] = id;
            body
        };
        let cases = [
            (
                "inspection_answer",
                format!("/api/inspections/{inspection}/answer"),
                answer.clone(),
                with("inspection_id", json!(inspection), answer),
            ),
            (
                "inspection_submit",
                format!("/api/inspections/{inspection}/submit"),
                json!({}),
                json!({"inspection_id": inspection}),
            ),
            (
                "inspection_start",
                "/api/inspections/start".into(),
                json!({"equipment_id": machine.id}),
                json!({"equipment_id": machine.id}),
            ),
            (
                "job_planned_time",
                format!("/api/jobs/{job}/planned-time"),
                json!({"hours": 1}),
                json!({"job_id": job, "hours": 1}),
            ),
            ("job_start", format!("/api/jobs/{job}/start"), json!({}), json!({"job_id": job})),
            (
                "job_complete",
                format!("/api/jobs/{job}/complete"),
                json!({"work_notes": "All of it done."}),
                json!({"job_id": job, "work_notes": "All of it done."}),
            ),
            (
                "job_incomplete",
                format!("/api/jobs/{job}/incomplete"),
                json!({"reason": "Nothing of it done."}),
                json!({"job_id": job, "reason": "Nothing of it done."}),
            ),
            (
                "pause_request",
                format!("/api/jobs/{job}/pause"),
                json!({"reason_category": "parts"}),
                json!({"job_id": job, "reason_category": "parts"}),
            ),
            ("pause_resume", "/api/jobs/pauses/77/resume".into(), json!({}), json!({"pause_id": 77})),
            (
                "assignment_complete",
                "/api/inspection-assignments/77/complete".into(),
                json!({}),
                json!({"assignment_id": 77}),
            ),
            (
                "assessment_verdict",
                "/api/assessments/77/verdict".into(),
                json!({"verdict": "operational"}),
                json!({"assessment_id": 77, "verdict": "operational"}),
            ),
            (
                "notification_read",
                "/api/notifications/99999/read".into(),
                json!({}),
                json!({"notification_id": 99_999}),
            ),
            (
                "leave_request",
                "/api/leaves".into(),
                json!({"user_id": chief.id, "leave_type": "sick"}),
                json!({"user_id": chief.id, "leave_type": "sick"}),
            ),
        ];
        for (number, (kind, path, body, data)) in cases.into_iter().enumerate() {
            let live = client.post(&path, &body);
            let later = client.post("/api/sync", &item(number, kind, data));
            if live.status >= 300 {
                assert_eq!(
                    error(&later)["code"],
                    live.code(),
                    "{kind} as {role}: {} {}",
                    live.text,
                    later.text
                );
            } else {
                let code = error(&later)["code"].as_str().unwrap_or_default();
                assert!(
                    ["", "INVALID_STATE", "DUPLICATE"].contains(&code),
                    "{kind} as {role}: {}",
                    later.text
                );
            }
        }
    }
}
