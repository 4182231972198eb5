//! Every list: pages, cursors, counts and searches.

use std::collections::{BTreeMap, BTreeSet};

use inspection_domain::{
    assignments::Assignment,
    tasks::TaskName,
    users::{Role, User},
};
use inspection_persistence::{
    Context, bonus_stars, daily_lists, holidays, jobs, pauses, ratings, roster, takeovers, tasks, users,
};
use inspection_testkit::{
    builders::{self, Team},
    clients::Client,
};
use serde_json::{Value, json};

use crate::{
    clients::states::every_state,
    site::{TestSite, on_both},
};

/// The lists of the API: paths with the parameters they require, and the values of `sort`. `{id}`
/// stands for the object that the list belongs to.
fn every_list() -> Vec<(String, Vec<String>)> {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let parameters = item["get"]["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        let parameter = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name);
        if parameter("per_page").is_none() {
            continue;
        }
        assert!(parameter("cursor").is_some() && parameter("count").is_some(), "{path}");
        let path = path.replace("{name}", "check_backlog");
        let required = match path.as_str() {
            "/api/takeovers/queue" => "job_type=specialist&job_id={id}&",
            _ => "",
        };
        let sorts = parameter("sort").map(|sort| sort["schema"]["enum"].clone());
        let sorts = sorts.iter().flat_map(|sorts| sorts.as_array().expect("values"));
        let sorts = sorts.map(|sort| sort.as_str().expect("a text").to_owned()).collect();
        found.push((format!("{path}?{required}"), sorts));
    }
    assert!(found.len() > 30, "{found:?}");
    found
}

/// The longest of the lists of a path, and its reader.
fn longest<'a>(people: &'a [Client], list: &str) -> (String, &'a Client) {
    // An admin reads the lists of all objects.
    let (ids, readers) = if list.contains("{id}") { (1..=60, &people[..1]) } else { (1..=1, people) };
    let lists: Vec<String> = ids.map(|id| list.replace("{id}", &id.to_string())).collect();
    let all = lists.iter().flat_map(|list| readers.iter().map(move |reader| (list, reader)));
    let length = |(list, reader): &(&String, &Client)| {
        let page = reader.get(&format!("{list}per_page=1"));
        (page.status == 200).then(|| page.json["pagination"]["total"].as_u64())
    };
    let (list, reader) = all.max_by_key(length).expect("a reader");
    (list.clone(), reader)
}

/// A client with a token of now.
fn client(site: &TestSite, id: Value) -> Client {
    let id = serde_json::from_value(id).expect("an id");
    site.client(&site.db.read(|conn| users::get(conn, id)).expect("a user"))
}

/// Fills the lists that have one row at most on a site with rows in every state; their readers.
fn several_of_each(site: &TestSite) -> [User; 3] {
    let (db, context, admin) = (&site.db, &site.context, &site.user(Role::Admin));
    let (team, machine) = (&builders::team(db, context), &builders::equipment(db, context));
    for assignment in assignments(site, "2026-03-09").iter().take(2) {
        builders::assigned(db, context, admin, assignment.id, team);
        builders::assessment(db, context, team, assignment.id);
    }
    let watched = &builders::equipment(db, context);
    for date in ["2026-12-24", "2026-12-25"] {
        let holiday = builders::input(json!({"date": date, "name": "Winter holiday"}));
        builders::act(db, context, admin, |tx| holidays::create(tx, holiday)).expect("a holiday");
    }
    let specialist = &site.user(Role::Specialist);
    let repair = || {
        let defect = builders::defect(db, context, &team.mechanical, machine);
        builders::repair(db, context, admin, defect.id, specialist)
    };
    let engineer = &site.user(Role::Engineer);
    let survey = builders::engineer_job(db, context, admin, engineer);
    builders::started(db, context, engineer, &survey);
    let timed = repair();
    builders::started(db, context, specialist, &timed);
    let mut stalled = Vec::new();
    for _ in 0..2 {
        for job in [&survey, &timed] {
            let correction = builders::input(json!({"pauses": [], "reason": "The phone was off."}));
            builders::act(db, context, admin, |tx| jobs::correct_timer(tx, job.kind, job.id, correction))
                .expect("corrected");
        }
        builders::submitted(db, context, &team.mechanical, watched, &[builders::PASS_FAIL]);
        let (inspection, _) = builders::submitted(db, context, &team.mechanical, machine, &[]);
        let rating = builders::input(json!({"rating": 4}));
        builders::act(db, context, admin, |tx| ratings::rate(tx, inspection.id, rating)).expect("rated");
        let pause = builders::input(json!({"reason_category": "tools"}));
        let pause =
            builders::act(db, context, engineer, |tx| pauses::request(tx, survey.kind, survey.id, pause));
        let (pause, reason) = (pause.expect("requested").id, builders::input(json!({"reason": "No."})));
        builders::act(db, context, admin, |tx| pauses::deny(tx, pause, reason)).expect("denied");
        repair();
        builders::planned(db, context, specialist, &repair());
        let running = repair();
        builders::started(db, context, specialist, &running);
        builders::paused(db, context, specialist, admin, &running);
        stalled.push(running);
        let person = site.user(Role::Engineer);
        builders::approved_leave(db, context, admin, &person, "2026-03-09", "2026-03-20");
        site.clock.advance_seconds(60);
        tasks::run_now(db, context, "instance", TaskName::CheckBacklog).expect("a run");
        let award = builders::input(json!({"user_id": person.id, "amount": 1, "reason": "Found it."}));
        let translating = Context { translates: true, ..context.clone() };
        builders::act(db, &translating, admin, |tx| bonus_stars::award(tx, award)).expect("awarded");
    }
    let lines = ["2026-03-09", "2026-03-10"]
        .map(|date| json!({"user_id": specialist.id, "date": date, "shift": "off"}));
    let change = builders::input(json!({ "entries": lines }));
    builders::act(db, context, admin, |tx| roster::change(tx, change)).expect("changed");
    // The deadlines pass, and the pauses become long.
    for assignment in assignments(site, "2026-03-10").iter().take(2) {
        let team: &Team = &builders::team(db, context);
        builders::assigned(db, context, admin, assignment.id, team);
    }
    site.clock.set("2026-03-12T08:00:00Z");
    for _ in 0..2 {
        let (taker, body) = (site.user(Role::Specialist), builders::input(json!({})));
        let job = &stalled[0];
        builders::act(db, context, &taker, |tx| takeovers::request_job(tx, job.kind, job.id, body))
            .expect("queued");
    }
    [admin, specialist, &team.mechanical].map(Clone::clone)
}

/// The assignments of a new list.
fn assignments(site: &TestSite, date: &str) -> Vec<Assignment> {
    let admin = site.user(Role::Admin);
    let new = builders::input(json!({"target_date": date, "shift": "day"}));
    let created = builders::act(&site.db, &site.context, &admin, |tx| daily_lists::generate(tx, &new));
    let list = created.expect("a list").list.id;
    let all = site.db.read(|conn| daily_lists::assignments_of(conn, &[list])).expect("assignments");
    all.into_iter().map(|(assignment, _)| assignment).collect()
}

/// The rows of a page.
fn rows(page: &Value) -> Vec<Value> {
    let data = &page["data"];
    let rows = [data, &data["rankings"], &data["ratings"]].into_iter().find_map(Value::as_array);
    rows.expect("rows").clone()
}

/// Reads a list by number of page, and by cursor; both are the same. Returns its number of rows.
fn walk(client: &Client, list: &str) -> usize {
    let total = client.get(list).json["pagination"]["total"].clone();
    // Two rows are two pages, too.
    let length = if total == 2 { 1 } else { 2 };
    let get = |parameters: &str| {
        let answer = client.get(&format!("{list}per_page={length}{parameters}"));
        assert_eq!(answer.status, 200, "{list}{parameters}: {}", answer.text);
        answer.json
    };
    let (mut by_number, mut by_cursor) = (Vec::new(), Vec::new());
    for number in 1_u64.. {
        let page = get(&format!("&page={number}"));
        by_number.extend(rows(&page));
        let pagination = &page["pagination"];
        assert_eq!(pagination["page"], number, "{list}");
        assert_eq!((&pagination["total"], &pagination["total_is_exact"]), (&total, &true.into()), "{list}");
        assert_eq!(pagination["has_next"] == true, !pagination["next_cursor"].is_null(), "{list}");
        assert_eq!(pagination["has_next"] == true, pagination["pages"].as_u64() > Some(number), "{list}");
        if pagination["has_next"] == false {
            break;
        }
    }
    let mut page = get("&count=none");
    for number in 1_u64.. {
        by_cursor.extend(rows(&page));
        let pagination = &page["pagination"];
        assert_eq!((&pagination["page"], pagination["has_prev"] == true), (&number.into(), number > 1));
        assert!(pagination["total"].is_null() && pagination["pages"].is_null(), "{list}");
        let Some(cursor) = pagination["next_cursor"].as_str() else { break };
        page = get(&format!("&count=none&cursor={cursor}"));
    }
    assert_eq!(by_number, by_cursor, "{list}");
    assert_eq!(total, by_number.len(), "{list}");
    by_number.len()
}

on_both! {
    fn every_list_is_the_same_by_number_of_page_and_by_cursor(site: TestSite) {
        let states = every_state(&site).into_iter();
        let mut people: Vec<Value> = states.map(|of| of.get("/api/auth/me").json["user"]["id"].clone()).collect();
        people.extend(several_of_each(&site).map(|person| json!(person.id)));
        let people: Vec<Client> = people.into_iter().map(|id| client(&site, id)).collect();
        let mut short = Vec::new();
        for (list, sorts) in every_list() {
            let (list, reader) = longest(&people, &list);
            let sorted: Vec<String> = sorts.iter().map(|sort| format!("{list}sort={sort}&")).collect();
            let lengths: Vec<usize> =
                sorted.iter().chain([&list]).map(|list| walk(reader, list)).collect();
            assert!(lengths.iter().all(|length| Some(length) == lengths.first()), "{list} {lengths:?}");
            if lengths.first() < Some(&2) {
                short.push(list);
            }
        }
        assert!(short.is_empty(), "lists of one page: {short:#?}");
    }

    fn every_row_is_found_by_each_of_its_texts(site: TestSite) {
        let admin = every_state(&site).swap_remove(0);
        for (list, fields) in [
            ("/api/equipment", &["name_en", "name_ar", "serial_number", "model_number", "location_en", "location_ar"][..]),
            ("/api/defects", &["description_en", "description_ar"]),
            ("/api/users", &["full_name", "email", "role_id"]),
            ("/api/checklists", &["name_en", "name_ar"]),
        ] {
            let rows = |search: &str| {
                let page = admin.get(&format!("{list}?per_page=100&sort=id{search}"));
                assert_eq!(page.status, 200, "{list} {search}: {}", page.text);
                page.data().as_array().expect("rows").clone()
            };
            let mut by_text: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
            for (row, field) in rows("").iter().flat_map(|row| fields.iter().map(move |field| (row, field))) {
                let text = row[field].as_str().or_else(|| row[field.trim_end_matches("_en")].as_str());
                if let Some(text) = text.filter(|text| text.chars().count() <= 100) {
                    by_text.entry(text.to_owned()).or_default().insert(row["id"].as_i64().expect("an id"));
                }
            }
            assert!(by_text.len() > 1, "{list} {by_text:?}");
            for (text, ids) in by_text {
                let encoded = text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
                let found: BTreeSet<i64> =
                    rows(&format!("&q={encoded}")).iter().map(|row| row["id"].as_i64().expect("an id")).collect();
                assert!(found.is_superset(&ids), "{list} {text}: {found:?}, {ids:?}");
            }
        }
    }

    fn a_cursor_belongs_to_its_list_and_its_reader(site: TestSite) {
        let admin = site.user(Role::Admin);
        for _ in 0..4 {
            builders::equipment(&site.db, &site.context);
        }
        let client = site.client(&admin);
        let first = client.get("/api/equipment?per_page=2&sort=-name&status=active");
        let cursor = first.json["pagination"]["next_cursor"].as_str().expect("a next page").to_owned();
        let wrong = |client: &Client, path: &str| {
            let answer = client.get(path);
            assert_eq!((answer.status, answer.code()), (400, "VALIDATION_ERROR"), "{path}: {}", answer.text);
            let errors = answer.json["errors"].as_array().expect("errors").clone();
            errors.iter().map(|error| error["field"].as_str().expect("a field").to_owned()).collect::<Vec<_>>()
        };
        // The page size and the count may change, and the parameters may come in another order.
        let next = format!("/api/equipment?cursor={cursor}&status=active&count=exact&sort=-name&per_page=1");
        let next = client.get(&next);
        assert_eq!((next.status, next.json["pagination"]["page"].as_u64()), (200, Some(2)), "{}", next.text);
        assert_eq!(next.json["pagination"]["total"], 4);
        // Of two orders, the last one applies.
        let twice = client.get("/api/equipment?per_page=2&sort=id&sort=-name");
        let by_name = twice.json["pagination"]["next_cursor"].as_str().expect("a next page").to_owned();
        for path in [
            format!("/api/equipment?sort=-name&sort=id&cursor={by_name}"),
            "/api/equipment?sort=-name&status=active&per_page=2&cursor=".to_owned() + &cursor[1..],
            "/api/equipment?sort=-name&status=active&cursor=x".to_owned(),
            format!("/api/equipment?sort=name&status=active&cursor={cursor}"),
            format!("/api/equipment?sort=-name&cursor={cursor}"),
            format!("/api/users?sort=-name&status=active&cursor={cursor}").replace("sort=-name", "sort=-email"),
        ] {
            assert_eq!(wrong(&client, &path), ["cursor"], "{path}");
        }
        let whole = format!("/api/equipment?sort=-name&status=active&cursor={cursor}");
        assert_eq!(wrong(&client, &format!("{whole}&page=2")), ["page"]);
        assert_eq!(wrong(&site.as_a(Role::Admin), &whole), ["cursor"], "another reader");
        assert_eq!(wrong(&client, "/api/equipment?count=many&status=x"), ["status", "count"]);
        assert_eq!(client.get(&format!("{whole}&lang=ar")).status, 200);
        assert_eq!(client.get("/api/equipment?cursor=&page=1").status, 200, "an empty cursor is none");
    }
}
