//! Everything a client did offline ends as if done online, in every order.

use std::collections::BTreeMap;

use inspection_domain::users::Role;
use inspection_testkit::{DatabaseKind, builders, clients::Client, or_skip, skips::Skipped};
use serde_json::{Value, json};

use super::{batch, item, name};
use crate::site::TestSite;

/// A machine with a checklist, an inspector and an admin.
struct Shift {
    _site: TestSite,
    inspector: Client,
    admin: Client,
    machine: i64,
    items: Vec<i64>,
}

/// With so many questions of the checklist.
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
fn compare(kind: DatabaseKind, questions: usize, order: &[usize], dice: &mut Dice) {
    let (online, offline) = (or_skip!(shift(kind, questions)), or_skip!(shift(kind, questions)));
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
fn orders_of_a_short_day(kind: DatabaseKind, every: usize) {
    for (round, order) in every_order(5).into_iter().enumerate().step_by(every) {
        compare(kind, 2, &order, &mut Dice(round as u64));
    }
}

#[test]
fn every_order_of_a_short_day_with_repetitions_and_cuts_ends_as_if_done_online_sqlite() {
    orders_of_a_short_day(DatabaseKind::Sqlite, 1);
}

#[test]
fn some_orders_of_a_short_day_with_repetitions_and_cuts_end_as_if_done_online_postgres() {
    // All of them take more than five minutes there; SQLite has them all.
    orders_of_a_short_day(DatabaseKind::Postgres, 5);
}

fn some_orders_of_a_long_day(kind: DatabaseKind, rounds: u64) {
    for round in 0..rounds {
        let dice = &mut Dice(round);
        let actions = shift(kind, usize::MAX).map_or(0, |shift| day(&shift).len());
        let order = order(dice, actions);
        compare(kind, usize::MAX, &order, dice);
    }
}

#[test]
fn some_orders_of_a_long_day_with_repetitions_and_cuts_end_as_if_done_online_sqlite() {
    some_orders_of_a_long_day(DatabaseKind::Sqlite, 30);
}

#[test]
fn some_orders_of_a_long_day_with_repetitions_and_cuts_end_as_if_done_online_postgres() {
    some_orders_of_a_long_day(DatabaseKind::Postgres, 12);
}
