//! Every list at two sizes: the first page, and a page behind a cursor in its middle. Both programs
//! are measured in turns, so that other work on the machine affects both.

use std::time::Duration;

use inspection_domain::users::Role;
use inspection_testkit::clients::Client;
use serde_json::Value;

use crate::{
    load::{Measured, get},
    site::FilledSite,
};

/// Turns of each list.
const TURNS: u32 = 3;

/// Lists that need more than their path: the path, the query, and a part of the path for `{id}`.
const ARGUMENTS: &[(&str, &str, &str)] = &[
    ("/api/admin/tasks/{name}/runs", "", "check_backlog"),
    ("/api/engineer-jobs/{id}/pause-history", "", "4"),
    ("/api/equipment/{id}/history", "", "1"),
    ("/api/jobs/{id}/pause-history", "", "2"),
    ("/api/leaves/{id}/coverage/candidates", "", "2"),
    ("/api/ratings/technicians/{id}", "", "2"),
    ("/api/takeovers/queue", "job_type=specialist&job_id=5", ""),
    ("/api/users/{id}/points", "", "2"),
];

/// Lists with a filter or an order that readers often choose.
const FILTERED: &[&str] = &[
    "/api/defects?q=crane",
    "/api/defects?status=open,in_progress",
    "/api/equipment?q=crane",
    "/api/inspections?sort=-started_at",
    "/api/inspections?status=submitted",
    "/api/jobs?status=in_progress",
    "/api/notifications?unread_only=true",
];

/// The paths of all lists that take a cursor, from the API document.
fn paths_of_lists() -> Vec<String> {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    let takes_cursor = |operation: &Value| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let resolved = parameters.map(|parameter| match parameter["$ref"].as_str() {
            Some(reference) => document.pointer(reference.trim_start_matches('#')).expect("a parameter"),
            None => parameter,
        });
        resolved.into_iter().any(|parameter| parameter["name"] == "cursor")
    };
    let paths = document["paths"].as_object().expect("paths");
    let mut lists: Vec<String> = paths
        .iter()
        .filter(|(_, item)| takes_cursor(&item["get"]))
        .map(|(path, _)| match ARGUMENTS.iter().find(|(of, ..)| of == path) {
            Some((_, query, "")) => format!("{path}?{query}"),
            Some((_, _, part)) => path.replace("{id}", part).replace("{name}", part),
            None => path.clone(),
        })
        .collect();
    lists.extend(FILTERED.iter().map(|path| (*path).to_owned()));
    lists
}

/// A list for a reader: the requests of its first page and of one in its middle.
struct List {
    path: String,
    role: Role,
    first: [Vec<u8>; 2],
    /// In the middle of the larger site.
    deep: Option<Vec<u8>>,
    rows: usize,
    total: i64,
}

/// The list as an admin sees it, and as the first other role to which it is different.
fn readers(sites: [&FilledSite; 2], path: &str) -> Vec<List> {
    let mut found: Vec<List> = Vec::new();
    let mut seen = Vec::new();
    for role in Role::ALL {
        let [small, large] =
            sites.map(|site| Client::new(site.service.base()).with_token(site.token(*role)).get(path));
        if small.status != 200 || large.status != 200 {
            assert!(large.status < 500, "{path}: {}", large.text);
            continue;
        }
        let rows = large.json["data"].as_array().map_or(0, Vec::len);
        if rows == 0 || found.len() == 2 || seen.contains(&large.json["data"]) {
            continue;
        }
        seen.push(large.json["data"].clone());
        let request = |site: &FilledSite, path: &str| get(path, Some(site.token(*role)));
        let deep = deep(sites[1], *role, path, &large.json["pagination"]);
        let deep = deep.map(|path| request(sites[1], &path));
        found.push(List {
            path: path.to_owned(),
            role: *role,
            first: sites.map(|site| request(site, path)),
            deep,
            rows,
            total: large.json["pagination"]["total"].as_i64().unwrap_or_default(),
        });
    }
    if found.is_empty() {
        println!("{path:<56} is empty");
    }
    found
}

/// The path of a page in the middle of a list, by its cursor.
fn deep(site: &FilledSite, role: Role, path: &str, pagination: &Value) -> Option<String> {
    let total = pagination["total"].as_i64()?;
    let middle = total / 20 / 2;
    if middle < 2 {
        return None;
    }
    let with = |parameters: &str| format!("{path}{}{parameters}", if path.contains('?') { '&' } else { '?' });
    let page =
        Client::new(site.service.base()).with_token(site.token(role)).get(&with(&format!("page={middle}")));
    page.json["pagination"]["next_cursor"].as_str().map(|cursor| with(&format!("cursor={cursor}")))
}

/// Measures every list at both sizes. Returns the lists whose first page, or whose page in the
/// middle, takes more than five fourths of the processor time at the smaller size: other work on
/// the machine changes that time little.
pub(crate) fn compare(
    small: &FilledSite,
    large: &FilledSite,
    time: Duration,
    only: Option<&str>,
) -> Vec<String> {
    let sites = [small, large];
    let [fewer, more] = sites.map(|site| site.inspections);
    println!("first page of 20 rows, and a page in the middle by its cursor; requests per second, CPU in ms");
    println!(
        "{:<56} {:>16} {:>4} {:>8} {fewer:>8} {more:>8} {:>6} {:>6} {:>6} {:>8} {:>6} {:>6}",
        "list", "reader", "rows", "total", "CPU", "CPU", "ratio", "middle", "CPU", "ratio"
    );
    let mut slow = Vec::new();
    let chosen = paths_of_lists().into_iter().filter(|path| only.is_none_or(|text| path.contains(text)));
    for list in chosen.flat_map(|path| readers(sites, &path)) {
        let mut first = [Measured::default(), Measured::default()];
        let mut deep = Measured::default();
        for _ in 0..TURNS {
            for ((site, request), measured) in sites.iter().zip(&list.first).zip(&mut first) {
                measured.add(site.repeat(time / TURNS, request));
            }
            if let Some(request) = &list.deep {
                deep.add(large.repeat(time / TURNS, request));
            }
        }
        first.iter().chain([&deep]).for_each(|measured| measured.expect_success(&list.path));
        let [cpu_small, cpu_large] = [&first[0], &first[1]].map(Measured::processor_milliseconds);
        let ratio = cpu_large / cpu_small;
        print!(
            "{:<56} {:>16} {:>4} {:>8} {:>8.0} {:>8.0} {cpu_small:>6.2} {cpu_large:>6.2} {ratio:>6.2}",
            list.path,
            list.role.as_str(),
            list.rows,
            list.total,
            first[0].rate(),
            first[1].rate(),
        );
        let mut worst = ratio;
        if list.deep.is_some() {
            let cpu = deep.processor_milliseconds();
            print!(" {:>8.0} {cpu:>6.2} {:>6.2}", deep.rate(), cpu / cpu_small);
            worst = worst.max(cpu / cpu_small);
        }
        println!();
        if worst > 1.25 {
            slow.push(format!("{} for {}: {worst:.2}", list.path, list.role.as_str()));
        }
    }
    slow
}
