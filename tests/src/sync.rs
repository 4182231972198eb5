//! What phones did while they were offline ends as if it had been done online, and is done once (rule book §15).

use std::{collections::BTreeMap, sync::Barrier, thread};

use inspection_domain::users::Role;
use inspection_testkit::{
    Kind, builders,
    clients::{Answer, Client},
};
use serde_json::{Value, json};

use crate::site::{TestSite, on_both};

/// A name that a client might have made up.
fn name(number: usize) -> String {
    format!("0f8fad5b-d9cb-469f-a165-{number:012}")
}

fn item(number: usize, kind: &str, data: Value) -> Value {
    json!({"client_id": name(number), "entity_type": kind, "entity_data": data, "occurred_at": "2026-03-02T06:00:00Z"})
}

fn batch(client: &Client, items: &[Value]) -> Vec<Value> {
    let answer = client.post("/api/sync/batch", &json!({"items": items}));
    answer.data()["results"].as_array().unwrap_or_else(|| panic!("{}", answer.text)).clone()
}

fn outcomes(results: &[Value]) -> Vec<String> {
    let outcome = |result: &Value| {
        let code = result["error"]["code"].as_str().map_or_else(String::new, |code| format!(" {code}"));
        format!("{}{code}", result["outcome"].as_str().unwrap_or_default())
    };
    results.iter().map(outcome).collect()
}

/// A machine with a checklist, an inspector and an admin.
struct Shift {
    _site: TestSite,
    inspector: Client,
    admin: Client,
    machine: i64,
    items: Vec<i64>,
}

/// With so many questions of the checklist.
fn shift(kind: Kind, questions: usize) -> Option<Shift> {
    let site = TestSite::start(kind)?;
    let chief = site.user(Role::Admin);
    let someone = site.user(Role::Inspector);
    let (_, questions) = builders::checklist_with(&site.db, &site.context, &chief, |body| {
        body["items"].as_array_mut().expect("questions").truncate(questions);
    });
    let machine = builders::equipment(&site.db, &site.context).id.get();
    let items = questions.iter().map(|item| item.id.get()).collect();
    let (inspector, admin) = (site.client(&someone), site.client(&chief));
    Some(Shift { _site: site, inspector, admin, machine, items })
}

/// Something that an inspector does in a day, as a live request and as an item.
struct Action {
    method_path: String,
    body: Value,
    item: Value,
}

/// A day: an inspection from start to end, and a leave.
fn day(shift: &Shift) -> Vec<Action> {
    let (inspection, named) = (1, json!(name(0)));
    let mut actions = vec![Action {
        method_path: "/api/inspections/start".into(),
        body: json!({"equipment_id": shift.machine}),
        item: item(0, "inspection_start", json!({"equipment_id": shift.machine})),
    }];
    for (place, question) in shift.items.iter().enumerate() {
        let id = inspection_domain::ids::ItemId::new(*question).expect("a number");
        let mut body = builders::answer_body(place, id, place == 0);
        let live = body.clone();
        body["inspection_id"] = named.clone();
        actions.push(Action {
            method_path: format!("/api/inspections/{inspection}/answer"),
            body: live,
            item: item(place + 1, "inspection_answer", body),
        });
    }
    actions.push(Action {
        method_path: format!("/api/inspections/{inspection}/submit"),
        body: json!({}),
        item: item(90, "inspection_submit", json!({"inspection_client_id": named})),
    });
    let leave = json!({"leave_type": "annual", "date_from": "2026-05-01", "date_to": "2026-05-03"});
    actions.push(Action {
        method_path: "/api/leaves".into(),
        body: leave.clone(),
        item: item(91, "leave_request", leave),
    });
    actions
}

/// All that matters of what there is in the end.
fn state(shift: &Shift) -> BTreeMap<&'static str, Value> {
    let seen = |client: &Client, path: &'static str| (path, client.get(path).json);
    let mut state: BTreeMap<_, _> = [
        "/api/inspections?per_page=100",
        "/api/inspections/1",
        "/api/defects?per_page=100",
        "/api/leaves?per_page=100",
        "/api/users?per_page=100",
        "/api/notifications?per_page=100",
        "/api/equipment/1/history",
    ]
    .into_iter()
    .map(|path| seen(&shift.admin, path))
    .collect();
    state.insert("own", shift.inspector.get("/api/notifications?per_page=100").json);
    for answer in state.values_mut() {
        answer.as_object_mut().expect("an answer").remove("request_id");
    }
    state
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("a number") % most.max(1)
    }
}

/// The actions in some order; mostly as they were done.
fn order(dice: &mut Dice, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for _ in 0..dice.below(4) {
        let (one, other) = (dice.below(count), dice.below(count));
        order.swap(one, other);
    }
    order
}

/// Every order there is of so many things.
fn every_order(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let put = |order: Vec<usize>| {
        (0..count).map(move |place| {
            let mut order = order.clone();
            order.insert(place, last);
            order
        })
    };
    every_order(last).into_iter().flat_map(put).collect()
}

/// Does a day in this order on two services: as live requests, and as items of which some are sent again, since the connection is
/// cut now and then. Every action must have the same outcome, and all must look the same in the end.
fn compare(kind: Kind, questions: usize, order: &[usize], dice: &mut Dice) {
    let (Some(online), Some(offline)) = (shift(kind, questions), shift(kind, questions)) else { return };
    let actions = day(&online);
    let done_online: Vec<String> = order
        .iter()
        .map(|number| {
            let action = &actions[*number];
            online.inspector.post(&action.method_path, &action.body).code().to_owned()
        })
        .collect();
    let actions = day(&offline);
    let items: Vec<Value> = order.iter().map(|number| actions[*number].item.clone()).collect();
    // The answer is lost with the connection, and what was sent is sent again with more.
    let (mut begun, mut results) = (0, vec![Value::Null; items.len()]);
    while begun < items.len() {
        let end = (begun + 1 + dice.below(items.len())).min(items.len());
        let from = begun.saturating_sub(dice.below(4));
        for (place, result) in (from..end).zip(batch(&offline.inspector, &items[from..end])) {
            if results[place].is_null() {
                results[place] = result;
            } else {
                assert_ne!(result["outcome"], "applied", "not twice");
                assert_eq!(result["result"], results[place]["result"], "the first outcome");
                assert_eq!(result["error"], results[place]["error"], "the first outcome");
            }
        }
        begun = end;
    }
    let codes: Vec<String> = results
        .iter()
        .map(|result| result["error"]["code"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(codes, done_online, "{order:?}");
    assert_eq!(state(&offline), state(&online), "{order:?}");
}

/// A day of five actions: a start, two answers, a submission, a leave. Of all its orders, one in so many.
fn orders_of_a_short_day(kind: Kind, every: usize) {
    for (round, order) in every_order(5).into_iter().enumerate().step_by(every) {
        compare(kind, 2, &order, &mut Dice(round as u64));
    }
}

#[test]
fn every_order_of_a_short_day_with_repetitions_and_cuts_ends_as_if_done_online_sqlite() {
    orders_of_a_short_day(Kind::Sqlite, 1);
}

#[test]
fn some_orders_of_a_short_day_with_repetitions_and_cuts_end_as_if_done_online_postgres() {
    // All of them take more than five minutes there; SQLite has them all.
    orders_of_a_short_day(Kind::Postgres, 5);
}

fn some_orders_of_a_long_day(kind: Kind, rounds: u64) {
    for round in 0..rounds {
        let dice = &mut Dice(round);
        let actions = shift(kind, usize::MAX).map_or(0, |shift| day(&shift).len());
        let order = order(dice, actions);
        compare(kind, usize::MAX, &order, dice);
    }
}

#[test]
fn some_orders_of_a_long_day_with_repetitions_and_cuts_end_as_if_done_online_sqlite() {
    some_orders_of_a_long_day(Kind::Sqlite, 30);
}

#[test]
fn some_orders_of_a_long_day_with_repetitions_and_cuts_end_as_if_done_online_postgres() {
    some_orders_of_a_long_day(Kind::Postgres, 12);
}

fn error(answer: &Answer) -> &Value {
    &answer.data()["error"]
}

on_both! {
    fn a_day_of_repairs_is_applied_in_order_and_refers_to_what_was_made_offline(site: TestSite) {
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
            item(5, "pause_resume", json!({"pause_id": name(4)})),
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

        let told = client.get("/api/notifications").data()[0]["id"].clone();
        let read = client.post("/api/sync", &item(20, "notification_read", json!({"notification_id": told})));
        assert_eq!((&read.data()["outcome"], &read.data()["result"]["is_read"]), (&json!("applied"), &json!(true)));

        let kept = client.get("/api/sync/pending");
        let codes: Vec<_> = kept.data().as_array().expect("items").iter().map(|item| item["sync_error"]["code"].clone()).collect();
        assert_eq!(codes.len(), 4 + usize::from(outcomes(&results)[4].starts_with("rejected")), "{codes:?}");
        assert_eq!(kept.data()[0]["entity_data"]["job_id"], json!(job));
        let path = format!("/api/sync/{}", kept.data()[0]["id"]);
        assert_eq!(site.client(&engineer).delete(&path).code(), "NOT_FOUND", "somebody else's");
        assert_eq!(client.delete(&path).status, 200);
        assert_eq!(client.delete(&path).code(), "NOT_FOUND");
        assert_eq!(client.delete(&format!("/api/sync/{}", results[1]["id"])).code(), "INVALID_STATE", "what was done stays");
    }

    fn a_pair_does_an_assignment_offline_up_to_the_verdict(site: TestSite) {
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
                body["inspection_id"] = json!(name(0));
                items.push(item(place + 1, "inspection_answer", body));
            }
            items.push(item(50, "inspection_submit", json!({"inspection_id": name(0)})));
            items.push(item(51, "assignment_complete", json!({"assignment_id": assignment})));
            let results = batch(&client, &items);
            let refused: Vec<_> = outcomes(&results).into_iter().filter(|outcome| outcome != "applied").collect();
            assert!(refused.iter().all(|outcome| outcome.contains("VALIDATION") || outcome.contains("RULE")), "not in one's half: {refused:?}");
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

    fn an_item_is_done_once_however_often_and_however_many_at_once_it_is_sent(site: TestSite) {
        let engineer = site.user(Role::Engineer);
        let client = site.client(&engineer);
        for round in 0..5 {
            let day = format!("2026-06-{:02}", round + 1);
            let leave = json!({"leave_type": "annual", "date_from": day, "date_to": day});
            let sent = item(round, "leave_request", leave);
            let barrier = Barrier::new(6);
            let answers: Vec<Answer> = thread::scope(|scope| {
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
        // Another person's names are their own; the same name for something else is refused and not kept.
        let other = site.as_a(Role::Engineer);
        let leave = json!({"leave_type": "sick", "date_from": "2026-07-01", "date_to": "2026-07-01"});
        assert_eq!(other.post("/api/sync", &item(0, "leave_request", leave.clone())).data()["outcome"], "applied");
        let reused = client.post("/api/sync", &item(0, "leave_request", leave));
        assert_eq!((&reused.data()["outcome"], &error(&reused)["code"], &reused.data()["id"]), (&json!("rejected"), &json!("CONFLICT"), &Value::Null));
        assert_eq!(client.get("/api/sync/pending").json["pagination"]["total"], 0);
    }

    fn what_is_no_item_is_told_and_stops_nothing(site: TestSite) {
        let client = site.as_a(Role::Specialist);
        let leave = json!({"leave_type": "sick", "date_from": "2026-07-01", "date_to": "2026-07-01"});
        let mut future = item(6, "leave_request", leave.clone());
        future["occurred_at"] = json!("2031-01-01T00:00:00Z");
        let results = batch(&client, &[
            json!({}),
            json!({"client_id": null, "entity_type": 7}),
            json!({"client_id": "x", "entity_type": "dance", "entity_data": []}),
            json!({"client_id": name(1), "entity_type": "job_start"}),
            item(2, "job_start", json!({"job_id": -1})),
            item(3, "inspection_start", json!({"equipment_id": 1})),
            item(4, "inspection_answer", json!({"inspection_id": name(99)})),
            item(5, "inspection_submit", json!({"inspection_id": name(3)})),
            future,
            item(7, "leave_request", json!({"leave_type": "sick", "reason": "a\u{0}b"})),
            item(8, "leave_request", leave),
        ]);
        assert_eq!(outcomes(&results), [
            "rejected VALIDATION_ERROR", "rejected VALIDATION_ERROR", "rejected VALIDATION_ERROR", "rejected VALIDATION_ERROR",
            "rejected VALIDATION_ERROR", "rejected FORBIDDEN", "rejected NOT_FOUND", "rejected INVALID_STATE",
            "rejected VALIDATION_ERROR", "rejected VALIDATION_ERROR", "applied",
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

/// What somebody may not do live, they may not have done offline: the same code for every kind and role.
#[test]
fn every_kind_and_role_is_refused_as_live() {
    for &role in Role::ALL {
        let Some(site) = TestSite::start(Kind::Sqlite) else { return };
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

/// Everything that has changed for somebody since a cursor, and the next cursor.
fn changes(client: &Client, since: Option<&str>, limit: usize) -> (Vec<Value>, String) {
    let (mut all, mut cursor) = (Vec::new(), since.map(str::to_owned));
    loop {
        let since = cursor.map_or_else(String::new, |cursor| format!("&since={cursor}"));
        let answer = client.get(&format!("/api/sync/changes?limit={limit}{since}"));
        let data = answer.data();
        all.extend(data["changes"].as_array().expect("changes").iter().cloned());
        let next = data["cursor"].as_str().expect("a cursor").to_owned();
        if data["has_more"] == false {
            return (all, next);
        }
        cursor = Some(next);
    }
}

fn latest(changes: Vec<Value>) -> BTreeMap<String, Value> {
    changes
        .into_iter()
        .map(|change| (format!("{} {}", change["entity_type"], change["entity_id"]), change["data"].clone()))
        .collect()
}

on_both! {
    fn changes_are_those_of_ones_own_objects_and_what_is_taken_away_is_told(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let chief = site.user(Role::Admin);
        let (inspector, first, second) = (site.user(Role::Inspector), site.user(Role::Specialist), site.user(Role::Specialist));
        builders::checklist(db, context, &chief);
        let machine = builders::equipment(db, context);
        let found = builders::defect(db, context, &inspector, &machine);
        let job = builders::repair(db, context, &chief, found.id, &first);
        let (theirs, mine) = (site.client(&first), site.client(&inspector));
        let (seen, cursor) = changes(&theirs, None, 2);
        let kinds: Vec<_> = seen.iter().map(|change| change["entity_type"].as_str().expect("a kind").to_owned()).collect();
        assert_eq!(kinds, ["job", "notification"]);
        assert_eq!(seen[0]["data"]["code"], "PLANNED_TIME_REQUIRED", "as lists show it");
        assert_eq!(changes(&theirs, Some(&cursor), 2).0, Vec::<Value>::new(), "nothing twice");
        let own: BTreeMap<_, _> = latest(changes(&mine, None, 1).0);
        assert!(own.keys().any(|key| key.contains("inspection")) && own.keys().any(|key| key.contains("defect")), "{own:?}");

        builders::started(db, context, &first, &job);
        let left = json!({"reason": "There is no such part."});
        assert_eq!(theirs.post(&format!("/api/jobs/{}/incomplete", job.id), &left).status, 200);
        let again = json!({"specialist_id": second.id, "reason": "Somebody else has the part."});
        assert_eq!(site.client(&chief).post(&format!("/api/jobs/{}/reassign", job.id), &again).status, 200);
        let (seen, next) = changes(&theirs, Some(&cursor), 50);
        assert_eq!(latest(seen)[&format!("\"job\" {}", job.id)], Value::Null, "it is somebody else's");
        let (seen, _) = changes(&site.client(&second), None, 50);
        assert!(!latest(seen)[&format!("\"job\" {}", job.id)].is_null());
        // One's own cursors only.
        for bad in [cursor.as_str(), "x", "a.b.c"] {
            let refused = mine.get(&format!("/api/sync/changes?since={bad}"));
            assert_eq!((refused.status, refused.fields()), (400, vec!["since"]), "{}", refused.text);
        }
        assert_eq!(mine.get("/api/sync/changes?limit=0").fields(), ["limit"]);
        // What is read and removed changes, too.
        let inbox = theirs.get("/api/notifications");
        let id = inbox.data()[0]["id"].clone();
        theirs.post("/api/notifications/read-all", &json!({}));
        assert!(changes(&theirs, Some(&next), 50).0.iter().all(|change| change["data"]["is_read"] == true));
        let (_, next) = changes(&theirs, Some(&next), 50);
        assert_eq!(theirs.delete(&format!("/api/notifications/{id}")).status, 200);
        let (gone, _) = changes(&theirs, Some(&next), 50);
        assert_eq!((gone.len(), &gone[0]["entity_id"], &gone[0]["data"]), (1, &id, &Value::Null));
    }

    fn whoever_follows_the_changes_while_others_write_has_what_is_there_in_the_end(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let chief = site.user(Role::Admin);
        let engineer = site.user(Role::Engineer);
        let people: Vec<_> = (0..3).map(|_| site.user(Role::Engineer)).collect();
        let client = site.client(&engineer);
        let writing = std::sync::atomic::AtomicUsize::new(people.len());
        let followed = thread::scope(|scope| {
            for (number, person) in people.iter().enumerate() {
                let (writing, chief, engineer) = (&writing, &chief, &engineer);
                scope.spawn(move || {
                    for round in 0..12 {
                        let job = builders::engineer_job(db, context, chief, engineer);
                        builders::planned(db, context, engineer, &job);
                        if round % 2 == number % 2 {
                            let day = format!("2026-08-{:02}", round + 1);
                            builders::approved_leave(db, context, chief, person, &day, &day);
                        }
                    }
                    writing.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                });
            }
            let (mut followed, mut cursor) = (BTreeMap::new(), None);
            loop {
                let is_done = writing.load(std::sync::atomic::Ordering::SeqCst) == 0;
                let (news, next) = changes(&client, cursor.as_deref(), 3);
                let is_over = news.is_empty() && is_done;
                followed.extend(latest(news));
                if is_over {
                    return followed;
                }
                cursor = Some(next);
            }
        });
        let before = site.db.statements();
        let page = client.get("/api/sync/changes?limit=50");
        assert_eq!(page.data()["changes"].as_array().map(Vec::len), Some(50));
        assert!(site.db.statements() - before <= 11, "however many objects there are");
        let fresh = latest(changes(&client, None, 100).0);
        assert_eq!(followed.keys().filter(|key| key.contains("job")).count(), 36);
        assert_eq!(followed, fresh);
    }
}
