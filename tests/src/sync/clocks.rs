//! Wrong clocks of phones, records with the time at which things happened, and refusals that heal
//! (rule book §15).

use std::{sync::Barrier, thread};

use inspection_domain::users::{Role, User};
use inspection_testkit::{
    builders,
    clients::{Client, Response},
};
use serde_json::{Value, json};

use super::{client_id, outcomes};
use crate::site::{TestSite, on_both};

/// An item of a kind at a time of the phone.
fn item(number: usize, kind: &str, at: &str, data: Value) -> Value {
    json!({"client_id": client_id(number), "entity_type": kind, "entity_data": data, "occurred_at": at})
}

/// The answer to a batch, which the phone sends at a time of its own clock.
fn send(client: &Client, sent_at: &str, items: &[Value]) -> Response {
    client.post("/api/sync/batch", &json!({"items": items, "sent_at": sent_at}))
}

/// The outcomes of a batch, as `outcomes` shows them.
fn done(answer: &Response) -> Vec<String> {
    outcomes(answer.data()["results"].as_array().expect("results"))
}

/// A repair that is assigned to a specialist at 08:00, with two planned hours.
fn repair(site: &TestSite) -> (User, i64, i64) {
    let (db, context) = (&site.db, &site.context);
    let (chief, inspector, specialist) =
        (site.user(Role::Admin), site.user(Role::Inspector), site.user(Role::Specialist));
    builders::checklist(db, context, &chief);
    let machine = builders::equipment(db, context);
    let found = builders::defect(db, context, &inspector, &machine);
    let job = builders::repair(db, context, &chief, found.id, &specialist);
    builders::planned(db, context, &specialist, &job);
    (specialist, job.id.get(), found.id.get())
}

fn start(number: usize, at: &str, job: i64) -> Value {
    item(number, "job_start", at, json!({"job_id": job}))
}

fn complete(number: usize, at: &str, job: i64) -> Value {
    let notes = "Changed the seal and tried it.";
    item(number, "job_complete", at, json!({"job_id": job, "work_notes": notes}))
}

on_both! {
    fn a_phone_that_is_two_hours_fast_has_the_hours_of_the_work(site: TestSite) {
        let (specialist, job, defect) = repair(&site);
        site.clock.set("2026-03-02T16:00:00Z");
        let client = site.client(&specialist);
        let answer = send(&client, "2026-03-02T18:00:00Z", &[
            start(1, "2026-03-02T11:00:00Z", job),
            item(2, "pause_request", "2026-03-02T12:00:00Z", json!({"job_id": job, "reason_category": "parts"})),
            complete(3, "2026-03-02T13:30:00Z", job),
        ]);
        assert_eq!(done(&answer), ["applied"; 3]);
        let warning = &answer.json["warnings"][0];
        assert_eq!((&warning["code"], &warning["field"]), (&json!("CLOCK_CORRECTED"), &json!("sent_at")));
        assert_eq!(warning["message"], "the clock of the phone is 120 min fast; the times were corrected");
        let read = client.get(&format!("/api/jobs/{job}"));
        let job = read.data();
        assert_eq!(job["started_at"], "2026-03-02T09:00:00.000Z");
        assert_eq!(job["completed_at"], "2026-03-02T11:30:00.000Z");
        assert_eq!((&job["actual_time_hours"], &job["time_rating"]), (&json!(2.5), &json!(4)));
        assert_eq!((&job["received_at"], &job["updated_at"]), (&json!("2026-03-02T16:00:00.000Z"), &json!("2026-03-02T16:00:00.000Z")));
        let pauses = client.get(&format!("/api/jobs/{}/pause-history", job["id"]));
        assert_eq!(pauses.data()[0]["requested_at"], "2026-03-02T10:00:00.000Z");
        assert_eq!(client.get(&format!("/api/defects/{defect}")).data()["resolved_at"], "2026-03-02T11:30:00.000Z");
        let admin = site.as_a(Role::Admin);
        let review = admin.get("/api/quality-reviews?per_page=100");
        assert!(review.data().as_array().is_some_and(|reviews| reviews.iter().all(|review| review["sla_met"] != false)));
    }

    fn a_pause_that_was_requested_offline_begins_with_the_request(site: TestSite) {
        let (specialist, job, _) = repair(&site);
        site.clock.set("2026-03-02T14:00:00Z");
        let client = site.client(&specialist);
        let pause = json!({"job_id": job, "reason_category": "tools"});
        let sent = send(&client, "2026-03-02T14:00:00Z", &[
            start(1, "2026-03-02T09:00:00Z", job),
            item(2, "pause_request", "2026-03-02T10:00:00Z", pause),
        ]);
        assert_eq!(done(&sent), ["applied"; 2]);
        assert_eq!(sent.json["warnings"], Value::Null, "a right clock");
        let pause = sent.data()["results"][1]["result"]["id"].clone();
        let approved = site.as_a(Role::Engineer).post(&format!("/api/jobs/pauses/{pause}/approve"), &json!({}));
        assert_eq!(approved.data()["paused_at"], "2026-03-02T10:00:00.000Z", "{}", approved.text);
        // The work went on at noon, and ended at one.
        site.clock.set("2026-03-02T18:00:00Z");
        let client = site.client(&specialist);
        let sent = send(&client, "2026-03-02T18:00:00Z", &[
            item(3, "pause_resume", "2026-03-02T12:00:00Z", json!({"pause_id": client_id(2)})),
            complete(4, "2026-03-02T13:00:00Z", job),
        ]);
        assert_eq!(done(&sent), ["applied"; 2]);
        let job = client.get(&format!("/api/jobs/{job}"));
        assert_eq!((&job.data()["actual_time_hours"], &job.data()["paused_seconds"]), (&json!(2.0), &json!(7200)));
    }

    fn a_phone_that_is_three_years_slow_submits_its_inspection(site: TestSite) {
        let chief = site.user(Role::Admin);
        let (_, questions) = builders::checklist(&site.db, &site.context, &chief);
        let machine = builders::equipment(&site.db, &site.context);
        let inspector = site.user(Role::Inspector);
        site.clock.set("2026-03-02T15:00:00Z");
        let client = site.client(&inspector);
        let day = |first: usize, date: &str| {
            let at = |time: &str| format!("{date}T{time}Z");
            let named = client_id(first);
            let begun = json!({"equipment_id": machine.id});
            let mut items = vec![item(first, "inspection_start", &at("09:00:00"), begun)];
            for (place, question) in questions.iter().enumerate() {
                let mut body = builders::answer_body(place, question.id, place == 0);
                body["inspection_id"] = json!(named);
                items.push(item(first + 1 + place, "inspection_answer", &at("09:20:00"), body));
            }
            let handed = json!({"inspection_client_id": named});
            items.push(item(first + 20, "inspection_submit", &at("10:00:00"), handed));
            items
        };
        let sent = send(&client, "2023-03-02T12:00:00Z", &day(100, "2023-03-02"));
        assert!(done(&sent).iter().all(|outcome| outcome == "applied"), "{}", sent.text);
        assert_eq!(sent.json["warnings"][0]["code"], "CLOCK_CORRECTED");
        let inspections = client.get("/api/inspections");
        let inspection = client.get(&format!("/api/inspections/{}", inspections.data()[0]["id"]));
        let inspection = inspection.data();
        assert_eq!(inspection["started_at"], "2026-03-02T12:00:00.000Z");
        assert_eq!(inspection["submitted_at"], "2026-03-02T13:00:00.000Z");
        assert_eq!(inspection["received_at"], "2026-03-02T15:00:00.000Z");
        assert_eq!(inspection["answers"][0]["answered_at"], "2026-03-02T12:20:00.000Z");
        // A client that doesn't say when it sends is believed, within what is possible.
        let answer = client.post("/api/sync/batch", &json!({"items": day(200, "2023-03-01")}));
        assert!(done(&answer).iter().all(|outcome| outcome == "applied"), "{}", answer.text);
        assert_eq!(answer.json["warnings"], Value::Null);
        let inspections = client.get("/api/inspections");
        let inspection = &inspections.data()[0];
        assert_eq!(inspection["started_at"], "2026-03-02T08:00:00.000Z", "not before the machine");
        assert_eq!(inspection["submitted_at"], "2026-03-02T08:00:00.000Z");
    }

    fn no_time_is_refused_but_an_unreadable_one(site: TestSite) {
        let client = site.as_a(Role::Engineer);
        let odd = ["1970-01-01T00:00:00Z", "2099-12-31T23:59:59Z", "9999-12-30T00:00:00Z", "0000-01-01T00:00:00Z"];
        let mut number = 0;
        for sent_at in odd {
            let items: Vec<Value> = odd.iter().map(|at| {
                number += 1;
                let day = format!("2026-07-{number:02}");
                item(number, "leave_request", at, json!({"leave_type": "sick", "date_from": day, "date_to": day}))
            }).collect();
            let sent = send(&client, sent_at, &items);
            assert_eq!(done(&sent), ["applied"; 4], "{sent_at}: {}", sent.text);
            assert_eq!(sent.json["warnings"][0]["code"], "CLOCK_CORRECTED");
        }
        let one = item(90, "leave_request", odd[0], json!({"leave_type": "sick", "date_from": "2026-08-01", "date_to": "2026-08-01"}));
        let mut timed = one.clone();
        timed["sent_at"] = json!(odd[1]);
        let sent = client.post("/api/sync", &timed);
        assert_eq!((&sent.data()["outcome"], &sent.json["warnings"][0]["code"]), (&json!("applied"), &json!("CLOCK_CORRECTED")));
        for unreadable in [json!("yesterday"), json!(7), json!([]), json!({})] {
            let refused = client.post("/api/sync/batch", &json!({"items": [one], "sent_at": unreadable}));
            assert_eq!((refused.status, refused.fields()), (400, vec!["sent_at"]), "{}", refused.text);
            let mut bad = one.clone();
            bad["occurred_at"] = unreadable;
            let refused = client.post("/api/sync", &bad);
            assert_eq!((refused.status, refused.fields()), (400, vec!["occurred_at"]), "{}", refused.text);
        }
    }

    fn of_two_phones_the_newer_answer_wins(site: TestSite) {
        let chief = site.user(Role::Admin);
        let (_, questions) = builders::checklist(&site.db, &site.context, &chief);
        let machine = builders::equipment(&site.db, &site.context);
        let inspector = site.user(Role::Inspector);
        let sheet = builders::draft(&site.db, &site.context, &inspector, &machine);
        let id = sheet.inspection.id;
        site.clock.set("2026-03-02T18:00:00Z");
        let (phone, tablet) = (site.client(&inspector), site.client(&chief));
        let sent = |client: &Client, number: usize, at: &str, mut data: Value| {
            data["inspection_id"] = json!(id);
            data["checklist_item_id"] = json!(questions[0].id);
            let answer = client.post("/api/sync", &item(number, "inspection_answer", at, data));
            let outcome = answer.data()["outcome"].as_str().expect("an outcome").to_owned();
            (outcome, answer.data()["result"]["answer_value"].clone())
        };
        let on_record = || {
            let read = phone.get(&format!("/api/inspections/{id}"));
            let answer = &read.data()["answers"][0];
            (answer["answer_value"].clone(), answer["comment"].clone(), answer["answered_at"].clone())
        };
        let pass = || json!({"answer_value": "pass"});
        let fail = || json!({"answer_value": "fail", "comment": "It grinds."});
        assert_eq!(sent(&tablet, 1, "2026-03-02T12:00:00Z", pass()), ("applied".into(), json!("pass")));
        assert_eq!(sent(&phone, 2, "2026-03-02T11:00:00Z", fail()), ("superseded".into(), json!("pass")));
        assert_eq!(sent(&phone, 2, "2026-03-02T11:00:00Z", fail()), ("superseded".into(), json!("pass")), "again");
        assert_eq!(on_record(), (json!("pass"), Value::Null, json!("2026-03-02T12:00:00.000Z")));
        assert_eq!(sent(&phone, 3, "2026-03-02T12:00:00Z", fail()).0, "applied", "of one time, the later arrival");
        assert_eq!(sent(&tablet, 4, "2026-03-02T13:00:00Z", pass()).0, "applied", "the newer one");
        assert_eq!(on_record(), (json!("pass"), json!("It grinds."), json!("2026-03-02T13:00:00.000Z")));
        assert_eq!(phone.get("/api/sync/pending").json["pagination"]["total"], 0, "superseded is no refusal");
        // A newer remark without a verdict doesn't keep an older verdict out.
        let second = |number, at: &str, mut data: Value| {
            data["inspection_id"] = json!(id);
            data["checklist_item_id"] = json!(questions[1].id);
            phone.post("/api/sync", &item(number, "inspection_answer", at, data)).data().clone()
        };
        second(5, "2026-03-02T14:00:00Z", json!({"comment": "Dim."}));
        let older = second(6, "2026-03-02T13:30:00Z", json!({"answer_value": "yes", "comment": "Bright."}));
        assert_eq!((&older["outcome"], &older["result"]["answer_value"], &older["result"]["comment"]), (&json!("applied"), &json!("yes"), &json!("Dim.")));
    }

    fn a_completion_that_arrives_before_its_start_heals(site: TestSite) {
        let (specialist, job, _) = repair(&site);
        site.clock.set("2026-03-02T16:00:00Z");
        let client = site.client(&specialist);
        let ends = [complete(2, "2026-03-02T11:30:00Z", job)];
        assert_eq!(done(&send(&client, "2026-03-02T16:00:00Z", &ends)), ["rejected INVALID_STATE"]);
        assert_eq!(client.get("/api/sync/pending").json["pagination"]["total"], 1);
        let started = send(&client, "2026-03-02T16:00:00Z", &[start(1, "2026-03-02T09:00:00Z", job)]);
        assert_eq!(done(&started), ["applied"]);
        let read = client.get(&format!("/api/jobs/{job}"));
        assert_eq!((&read.data()["status"], &read.data()["actual_time_hours"]), (&json!("completed"), &json!(2.5)));
        assert_eq!(client.get("/api/sync/pending").json["pagination"]["total"], 0);
        assert_eq!(done(&send(&client, "2026-03-02T16:00:00Z", &ends)), ["duplicate"]);
    }

    fn a_completion_that_heals_and_is_sent_again_at_once_is_applied_once(site: TestSite) {
        for round in 0..4 {
            let (specialist, job, _) = repair(&site);
            site.clock.advance_seconds(8 * 3600);
            let client = site.client(&specialist);
            let (starts, ends) = (start(10 * round, "2026-03-02T09:00:00Z", job), complete(10 * round + 1, "2026-03-02T11:30:00Z", job));
            let send = |item: &Value| client.post("/api/sync", item);
            assert_eq!(send(&ends).data()["outcome"], "rejected");
            let barrier = Barrier::new(4);
            let answers: Vec<Response> = thread::scope(|scope| {
                let threads: Vec<_> = [&starts, &ends, &starts, &ends].map(|item| {
                    scope.spawn(|| {
                        barrier.wait();
                        send(item)
                    })
                }).into_iter().collect();
                threads.into_iter().map(|thread| thread.join().expect("sent")).collect()
            });
            assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
            assert_ne!(send(&ends).data()["outcome"], "rejected");
            assert_eq!(client.get(&format!("/api/jobs/{job}")).data()["status"], "completed");
            assert_eq!(client.get("/api/sync/pending").json["pagination"]["total"], 0);
            let told = site.as_a(Role::Admin).get("/api/quality-reviews?per_page=100");
            let of_job = told.data().as_array().expect("reviews").iter().filter(|review| review["job_id"] == json!(job)).count();
            assert!(of_job <= 1, "{}", told.text);
        }
    }

    fn answers_that_arrive_before_the_start_of_their_inspection_heal(site: TestSite) {
        let chief = site.user(Role::Admin);
        let (_, questions) = builders::checklist(&site.db, &site.context, &chief);
        let machine = builders::equipment(&site.db, &site.context);
        let client = site.as_a(Role::Inspector);
        let mut later = Vec::new();
        for (place, question) in questions.iter().enumerate() {
            let mut body = builders::answer_body(place, question.id, false);
            body["inspection_id"] = json!(client_id(1));
            later.push(item(10 + place, "inspection_answer", "2026-03-02T06:10:00Z", body));
        }
        later.insert(0, item(30, "inspection_submit", "2026-03-02T06:20:00Z", json!({"inspection_id": client_id(1)})));
        let now = "2026-03-02T08:00:00Z";
        assert!(done(&send(&client, now, &later)).iter().all(|outcome| outcome == "rejected NOT_FOUND"));
        let begun = [item(1, "inspection_start", "2026-03-02T06:00:00Z", json!({"equipment_id": machine.id}))];
        assert_eq!(done(&send(&client, now, &begun)), ["applied"]);
        let inspections = client.get("/api/inspections");
        assert_eq!(inspections.data()[0]["status"], "submitted", "{}", inspections.text);
        assert_eq!(client.get("/api/sync/pending").json["pagination"]["total"], 0);
        assert!(done(&send(&client, now, &later)).iter().all(|outcome| outcome == "duplicate"));
    }

    fn a_submission_waits_for_every_answer_of_its_batch(site: TestSite) {
        let chief = site.user(Role::Admin);
        let (_, questions) = builders::checklist(&site.db, &site.context, &chief);
        let machine = builders::equipment(&site.db, &site.context);
        let client = site.as_a(Role::Inspector);
        let named = json!({"inspection_id": client_id(1)});
        let mut items = vec![
            item(30, "inspection_submit", "2026-03-02T06:20:00Z", named.clone()),
            item(1, "inspection_start", "2026-03-02T06:00:00Z", json!({"equipment_id": machine.id})),
        ];
        // The questions that must be answered come first.
        for is_required in [true, false] {
            for (place, question) in questions.iter().enumerate().filter(|(_, item)| item.is_required == is_required) {
                let mut body = builders::answer_body(place, question.id, false);
                body["inspection_id"] = named["inspection_id"].clone();
                items.push(item(10 + place, "inspection_answer", "2026-03-02T06:10:00Z", body));
            }
        }
        let outcomes = done(&send(&client, "2026-03-02T08:00:00Z", &items));
        assert!(outcomes.iter().all(|outcome| outcome == "applied"), "{outcomes:?}");
        let inspection = client.get("/api/inspections").data()[0].clone();
        let answers = client.get(&format!("/api/inspections/{}", inspection["id"])).data()["answers"].clone();
        assert_eq!(inspection["status"], "submitted");
        assert_eq!(answers.as_array().map(Vec::len), Some(questions.len()), "none is lost");
    }

    fn a_refused_completion_does_not_complete_later_work(site: TestSite) {
        let (specialist, job, _) = repair(&site);
        let (admin, other) = (site.user(Role::Admin), site.user(Role::Specialist));
        let early = [complete(2, "2026-03-02T07:50:00Z", job)];
        let now = "2026-03-02T08:00:00Z";
        assert_eq!(done(&send(&site.client(&specialist), now, &early)), ["rejected INVALID_STATE"]);
        site.clock.set("2026-03-02T10:00:00Z");
        for next in [&other, &specialist] {
            let body = json!({"specialist_id": next.id, "reason": "Other work is more urgent."});
            let answer = site.client(&admin).post(&format!("/api/jobs/{job}/reassign"), &body);
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let client = site.client(&specialist);
        for (action, body) in [("planned-time", json!({"hours": 2})), ("start", json!({}))] {
            let answer = client.post(&format!("/api/jobs/{job}/{action}"), &body);
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        assert_eq!(done(&send(&client, "2026-03-02T10:00:00Z", &early)), ["rejected INVALID_STATE"]);
        assert_eq!(client.get(&format!("/api/jobs/{job}")).data()["status"], "in_progress");
    }

    fn work_before_a_leave_counts_though_it_is_sent_from_the_leave(site: TestSite) {
        let chief = site.user(Role::Admin);
        builders::checklist(&site.db, &site.context, &chief);
        let machine = builders::equipment(&site.db, &site.context);
        let inspector = site.user(Role::Inspector);
        site.clock.set("2026-03-02T10:00:00Z");
        builders::approved_leave(&site.db, &site.context, &chief, &inspector, "2026-03-02", "2026-03-04");
        site.clock.set("2026-03-02T12:00:00Z");
        let client = site.client(&inspector);
        let begun = |number, at: &str| {
            let start = item(number, "inspection_start", at, json!({"equipment_id": machine.id}));
            outcomes(&[client.post("/api/sync", &start).data().clone()])
        };
        assert_eq!(begun(1, "2026-03-02T10:30:00Z"), ["rejected RULE_VIOLATION"]);
        assert_eq!(begun(2, "2026-03-02T09:00:00Z"), ["applied"]);
    }

    fn a_phone_that_was_set_up_again_doubles_nothing(site: TestSite) {
        let chief = site.user(Role::Admin);
        let (_, questions) = builders::checklist(&site.db, &site.context, &chief);
        let machine = builders::equipment(&site.db, &site.context);
        let client = site.as_a(Role::Inspector);
        let day = |first: usize| {
            let named = client_id(first);
            let report = json!({"equipment_id": machine.id, "description": "A cracked rail.", "severity": "high"});
            let mut items = vec![
                item(first, "inspection_start", "2026-03-02T06:00:00Z", json!({"equipment_id": machine.id})),
                item(first + 1, "defect_report", "2026-03-02T06:05:00Z", report),
            ];
            for (place, question) in questions.iter().enumerate() {
                let mut body = builders::answer_body(place, question.id, place == 0);
                body["inspection_id"] = json!(named);
                items.push(item(first + 2 + place, "inspection_answer", "2026-03-02T06:10:00Z", body));
            }
            items.push(item(first + 20, "inspection_submit", "2026-03-02T06:20:00Z", json!({"inspection_id": named})));
            items
        };
        let now = "2026-03-02T08:00:00Z";
        assert!(done(&send(&client, now, &day(100))).iter().all(|outcome| outcome == "applied"));
        let again = done(&send(&client, now, &day(200)));
        assert_eq!(again[..2], ["duplicate", "duplicate"]);
        assert!(again.iter().all(|outcome| outcome != "applied"), "{again:?}");
        let total = |path: &str| client.get(path).json["pagination"]["total"].clone();
        assert_eq!((total("/api/inspections"), total("/api/defects")), (json!(1), json!(2)));
    }
}
