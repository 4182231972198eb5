//! Offline items in any order, with repetitions, end in the state of the same requests online, of
//! which refused ones are tried again as the items are.

use std::collections::BTreeMap;

use fastrand::Rng;
use inspection_domain::users::Role;
use inspection_testkit::{DatabaseKind, builders, clients::Client, or_skip, skips::Skipped};
use serde_json::{Value, json};

use super::{batch, client_id, item};
use crate::site::TestSite;

/// A service with a machine, its checklist, an inspector and an admin.
struct Shift {
    _site: TestSite,
    inspector: Client,
    admin: Client,
    machine: i64,
    items: Vec<i64>,
}

/// A shift with at most `questions` questions.
fn shift(kind: DatabaseKind, questions: usize) -> Result<Shift, Skipped> {
    let site = TestSite::start(kind)?;
    let chief = site.user(Role::Admin);
    let someone = site.user(Role::Inspector);
    let (_, questions) = builders::checklist_with(&site.db, &site.context, &chief, |body| {
        body["items"].as_array_mut().expect("questions").truncate(questions);
    });
    let machine = builders::equipment(&site.db, &site.context).id.get();
    let items = questions.iter().map(|item| item.id.get()).collect();
    let (inspector, admin) = (site.client(&someone), site.client(&chief));
    Ok(Shift { _site: site, inspector, admin, machine, items })
}

/// A request of an inspector and the equivalent item.
struct Action {
    method_path: String,
    body: Value,
    item: Value,
}

/// One day: an inspection from start to submission, and a leave request.
fn day(shift: &Shift) -> Vec<Action> {
    let (inspection, named) = (1, json!(client_id(0)));
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

/// The place of the start in a day.
const START: usize = 0;

/// The place of the request for leave in a day, the last one.
fn leave_of(actions: &[Action]) -> usize {
    actions.len() - 1
}

/// The responses that show the final state.
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

/// A random order of the actions with up to three swaps.
fn order(rng: &mut Rng, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for _ in 0..rng.usize(..4) {
        let (one, other) = (rng.usize(..count), rng.usize(..count));
        order.swap(one, other);
    }
    order
}

/// All permutations of `count` numbers.
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

/// Actions online: each one is carried out once, and tried again unless its content is refused.
struct Online<'a> {
    shift: &'a Shift,
    actions: &'a [Action],
    /// The codes of the actions that were tried; that of a success is empty.
    codes: Vec<Option<String>>,
}

impl Online<'_> {
    fn attempt(&mut self, number: usize) {
        let is_final = |code: &String| code.is_empty() || code == "VALIDATION_ERROR" || code == "DUPLICATE";
        if self.codes[number].as_ref().is_some_and(is_final) {
            return;
        }
        let action = &self.actions[number];
        let code = self.shift.inspector.post(&action.method_path, &action.body).code().to_owned();
        self.codes[number] = Some(code);
    }

    /// The end of a batch: with the start in it, those that have waited for it, in the order of
    /// their arrival.
    fn end_batch(&mut self, sent: &[usize], arrived: &[usize]) {
        if sent.contains(&START) && self.codes[START].as_deref() == Some("") {
            let leave = leave_of(self.actions);
            for waiting in arrived.iter().filter(|other| ![START, leave].contains(other)) {
                self.attempt(*waiting);
            }
        }
    }
}

/// Runs a day in this order on two services: as requests, and as items, some of which are repeated
/// as after a lost connection, and all of them at the end. Every action must have the same outcome,
/// and the final states must be equal.
fn compare(kind: DatabaseKind, questions: usize, order: &[usize], rng: &mut Rng) {
    let (online, offline) = (or_skip!(shift(kind, questions)), or_skip!(shift(kind, questions)));
    let requests = day(&online);
    let mut live = Online { shift: &online, actions: &requests, codes: vec![None; requests.len()] };
    let actions = day(&offline);
    let items: Vec<Value> = order.iter().map(|number| actions[*number].item.clone()).collect();
    // The response is lost with the connection, and the items are sent again with further ones.
    let (mut begun, mut results) = (0, vec![Value::Null; items.len()]);
    let mut is_over = false;
    while !is_over {
        is_over = begun == items.len();
        let end = (begun + 1 + rng.usize(..items.len())).min(items.len());
        let from = if is_over { 0 } else { begun.saturating_sub(rng.usize(..4)) };
        for (place, result) in (from..end).zip(batch(&offline.inspector, &items[from..end])) {
            live.attempt(order[place]);
            if results[place]["outcome"] == "applied" {
                assert_eq!(result["outcome"], "duplicate", "applied once");
                assert_eq!(result["result"], results[place]["result"], "the first outcome");
            } else {
                results[place] = result;
            }
        }
        live.end_batch(&order[from..end], &order[..end.max(begun)]);
        begun = end;
    }
    let code = |result: &Value| result["error"]["code"].as_str().unwrap_or_default().to_owned();
    let offline_codes: Vec<String> = results.iter().map(code).collect();
    let online_codes: Vec<String> =
        order.iter().map(|number| live.codes[*number].clone().unwrap_or_default()).collect();
    assert_eq!(offline_codes, online_codes, "{order:?}");
    assert_eq!(state(&offline), state(&online), "{order:?}");
}

/// A day of five actions: a start, two answers, a submission, a leave. Every n-th of its orders is
/// run.
fn orders_of_a_short_day(kind: DatabaseKind, every: usize) {
    for (round, order) in every_order(5).into_iter().enumerate().step_by(every) {
        compare(kind, 2, &order, &mut Rng::with_seed(round as u64));
    }
}

#[test]
fn every_order_of_a_short_day_equals_the_requests_online_sqlite() {
    orders_of_a_short_day(DatabaseKind::Sqlite, 1);
}

#[test]
fn some_orders_of_a_short_day_equal_the_requests_online_postgres() {
    // All orders take more than five minutes on PostgreSQL. SQLite runs all of them.
    orders_of_a_short_day(DatabaseKind::Postgres, 5);
}

fn some_orders_of_a_long_day(kind: DatabaseKind, rounds: u64) {
    let actions = day(&or_skip!(shift(kind, usize::MAX))).len();
    for round in 0..rounds {
        let rng = &mut Rng::with_seed(round);
        let order = order(rng, actions);
        compare(kind, usize::MAX, &order, rng);
    }
}

#[test]
fn some_orders_of_a_long_day_equal_the_requests_online_sqlite() {
    some_orders_of_a_long_day(DatabaseKind::Sqlite, 30);
}

#[test]
fn some_orders_of_a_long_day_equal_the_requests_online_postgres() {
    some_orders_of_a_long_day(DatabaseKind::Postgres, 12);
}
