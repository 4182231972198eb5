//! Every list: pages, cursors and counts.

use inspection_domain::users::Role;
use inspection_testkit::{builders, clients::Client};
use serde_json::Value;

use crate::{clients::states::every_state, site::on_both};

/// The lists of the API: paths with the parameters they require, and the values of `sort`.
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
        let path = path.replace("/engineer-jobs/{id}", "/engineer-jobs/2").replace("{id}", "1");
        let path = path.replace("{name}", "check_backlog");
        let required = match path.as_str() {
            "/api/takeovers/queue" => "job_type=specialist&job_id=1&",
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

/// The rows of a page.
fn rows(page: &Value) -> Vec<Value> {
    let data = &page["data"];
    let rows = [data, &data["rankings"], &data["ratings"]].into_iter().find_map(Value::as_array);
    rows.expect("rows").clone()
}

/// Reads a list by number of page, and by cursor; both are the same. Returns its number of rows.
fn walk(client: &Client, list: &str) -> usize {
    let get = |parameters: &str| {
        let answer = client.get(&format!("{list}per_page=2{parameters}"));
        assert_eq!(answer.status, 200, "{list}{parameters}: {}", answer.text);
        answer.json
    };
    let (mut by_number, mut by_cursor) = (Vec::new(), Vec::new());
    let total = get("")["pagination"]["total"].clone();
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
        let people = every_state(&site);
        let mut unseen = Vec::new();
        for (list, sorts) in every_list() {
            let sorted: Vec<String> = sorts.iter().map(|sort| format!("{list}sort={sort}&")).collect();
            let readers = people.iter().filter(|client| client.get(&list).status == 200);
            let longest = readers.max_by_key(|client| {
                client.get(&format!("{list}per_page=100")).json["pagination"]["total"].as_u64()
            });
            let Some(reader) = longest else {
                unseen.push(list);
                continue;
            };
            let lengths: Vec<usize> =
                sorted.iter().chain([&list]).map(|list| walk(reader, list)).collect();
            assert!(lengths.iter().all(|length| Some(length) == lengths.first()), "{list} {lengths:?}");
            if lengths.first() < Some(&3) {
                unseen.push(list);
            }
        }
        unseen.retain(|list| !FEW.contains(&list.as_str()));
        assert!(unseen.is_empty(), "{unseen:#?}");
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
        for path in [
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

/// Lists with less than three rows on a site with rows in every state.
const FEW: &[&str] = &[
    "/api/admin/outbox?",
    "/api/admin/tasks/check_backlog/runs?",
    "/api/assessments/pending?",
    "/api/checklists?",
    "/api/defect-assessments/pending?",
    "/api/engineer-jobs/2/pause-history?",
    "/api/inspection-assignments/backlog?",
    "/api/inspection-routines?",
    "/api/jobs/active?",
    "/api/jobs/pauses/pending?",
    "/api/jobs/pending-planned-time?",
    "/api/jobs/stalled?",
    "/api/jobs/1/pause-history?",
    "/api/leaderboards/quality-engineers?",
    "/api/leaderboards/specialists?",
    "/api/leaves/active?",
    "/api/ratings/technicians/1?",
    "/api/sync/pending?",
    "/api/takeovers/queue?job_type=specialist&job_id=1&",
    "/api/users/1/points?",
];
