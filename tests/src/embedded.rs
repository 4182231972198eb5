//! Objects inside of other answers: a reader sees no more of them than their own operation shows.

use std::collections::{BTreeMap, BTreeSet};

use inspection_domain::users::{Role, User};
use inspection_testkit::{builders, clients::Client};
use serde_json::{Value, json};

use crate::{
    site::{TestSite, largest_page, on_both},
    visibility::{Crew, ROLES, two_crews},
};

/// Ids that are tried in paths. Each kind of object has fewer rows.
const IDS: std::ops::RangeInclusive<u32> = 1..=12;

/// The paths of all reads of JSON, with every id.
fn reads() -> Vec<String> {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let is_file = matches!(path.rsplit_once('.'), Some((_, "pdf" | "svg")));
        let skipped =
            is_file || path.ends_with("/stream") || path.contains("/files/") || !path.starts_with("/api/");
        if skipped || !item["get"].is_object() {
            continue;
        }
        let filled = |id: u32| {
            let segments = path.split('/');
            let id = id.to_string();
            segments.map(|part| if part.starts_with('{') { &id } else { part }).collect::<Vec<_>>().join("/")
        };
        let ids = if path.contains('{') { IDS } else { 1..=1 };
        all.extend(ids.map(|id| match path.as_str() {
            "/api/reports/trends" => format!("{path}?metric=inspections"),
            "/api/takeovers/queue" => format!("{path}?job_type=specialist&job_id={id}"),
            path if path.contains('{') => filled(id),
            path => largest_page(path),
        }));
    }
    all
}

/// The operation that shows an object itself.
fn own_path(object: &Value) -> Option<String> {
    let has = |names: &[&str]| names.iter().all(|name| object.get(name).is_some());
    let id = object["id"].as_u64()?;
    if has(&["universal_id", "job_id", "kind"]) || has(&["job_id", "kind", "completed_at"]) {
        let folder = if object["kind"] == "engineer" { "engineer-jobs" } else { "jobs" };
        Some(format!("/api/{folder}/{id}"))
    } else if has(&["technician_id", "template_id", "started_at"]) {
        Some(format!("/api/inspections/{id}"))
    } else if has(&["severity", "assessment_status", "checklist_item_id"]) {
        Some(format!("/api/defects/{id}"))
    } else if has(&["technical_notes", "verdict", "assessed_at"]) {
        Some(format!("/api/defect-assessments#{id}"))
    } else {
        None
    }
}

/// Fields that only users see who may open the object.
const WITHHELD: [&str; 17] = [
    "review_notes",
    "notes",
    "reviewed_by_id",
    "reviewed_by",
    "work_notes",
    "major_reason",
    "incomplete_reason",
    "completion_status",
    "planned_time_hours",
    "planned_time_days",
    "actual_time_hours",
    "time_rating",
    "admin_bonus",
    "qc_rating",
    "cleaning_rating",
    "qe_id",
    "technical_notes",
];

/// Result of a reader's own request for an object.
enum Own {
    /// All of it, or the outline that comes with the refusal.
    Shown(Value),
    /// Nothing.
    Refused,
}

/// Compares all objects in the answers to one reader with their own operations.
struct Comparison {
    client: Client,
    own: BTreeMap<String, Own>,
    /// Numbers of compared and of withheld objects by operation.
    compared: BTreeMap<String, [usize; 2]>,
    differences: BTreeSet<String>,
}

impl Comparison {
    fn new(client: Client) -> Self {
        Self { client, own: BTreeMap::new(), compared: BTreeMap::new(), differences: BTreeSet::new() }
    }

    fn own(&mut self, path: &str) -> &Own {
        let client = &self.client;
        self.own.entry(path.to_owned()).or_insert_with(|| {
            if let Some((list, id)) = path.split_once('#') {
                let rows = client.get(&largest_page(list)).data().clone();
                let row = rows
                    .as_array()
                    .into_iter()
                    .flatten()
                    .find(|row| row["id"].as_u64() == id.parse().ok())
                    .cloned();
                return row.map_or(Own::Refused, Own::Shown);
            }
            let answer = client.get(path);
            match answer.status {
                200 => Own::Shown(answer.data().clone()),
                403 if answer.json["data"].is_object() => Own::Shown(answer.json["data"].clone()),
                403 => Own::Refused,
                status => panic!("{path}: {status}"),
            }
        })
    }

    fn compare(&mut self, place: &str, path: &str, object: &Value) {
        let kind = path.split(['/', '#']).nth(2).expect("a kind").to_owned();
        let fields = object.as_object().expect("an object");
        let found: Vec<String> = match self.own(path) {
            Own::Shown(own) => {
                let differs = |(name, value): &(&String, &Value)| {
                    let is_scalar = !value.is_object() && !value.is_array() && !value.is_null();
                    is_scalar && own.get(name.as_str()).is_some_and(|own| own != *value)
                };
                fields.iter().filter(differs).map(|(name, value)| format!("{name} = {value}")).collect()
            }
            Own::Refused => {
                let shown =
                    |(name, value): &(&String, &Value)| WITHHELD.contains(&name.as_str()) && !value.is_null();
                fields.iter().filter(shown).map(|(name, value)| format!("{name} = {value}")).collect()
            }
        };
        let is_refused = matches!(self.own(path), Own::Refused);
        self.compared.entry(kind).or_default()[usize::from(is_refused)] += 1;
        self.differences.extend(found.into_iter().map(|found| format!("{place}: {path}: {found}")));
    }

    fn walk(&mut self, place: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(path) = own_path(value) {
                    self.compare(place, &path, value);
                }
                fields.values().for_each(|inner| self.walk(place, inner));
            }
            Value::Array(items) => items.iter().for_each(|inner| self.walk(place, inner)),
            _ => {}
        }
    }
}

/// Gives every kind of object the texts and numbers that not every reader may see.
fn annotate(site: &TestSite, crews: &[Crew; 2]) {
    let admin = site.as_a(Role::Admin);
    for inspection in
        admin.get("/api/inspections?status=submitted&per_page=100").data().as_array().expect("rows")
    {
        let path = format!("/api/inspections/{}/review", inspection["id"]);
        assert_eq!(admin.post(&path, &json!({"review_notes": "Look twice at the seal."})).status, 200);
    }
    for job in admin.get("/api/jobs?status=completed&per_page=100").data().as_array().expect("rows") {
        let path = format!("/api/jobs/{}/admin/bonus", job["id"]);
        assert_eq!(admin.post(&path, &json!({"admin_bonus": 3})).status, 200);
    }
    // An engineer's job that the other crew's engineer doesn't own, stalled like the repairs.
    let boss = site.user(Role::Admin);
    for crew in crews {
        let job = builders::engineer_job(&site.db, &site.context, &boss, &crew.engineer);
        builders::started(&site.db, &site.context, &crew.engineer, &job);
        builders::paused(&site.db, &site.context, &crew.engineer, &boss, &job);
    }
    site.clock.advance_seconds(4 * 86_400);
}

fn readers<'a>(crews: &'a [Crew; 2], admin: &'a User) -> Vec<&'a User> {
    let crew = &crews[0];
    ROLES.iter().map(|role| crew.person(*role)).chain([&crew.team.electrical, admin]).collect()
}

on_both! {
    fn an_embedded_object_shows_no_more_than_its_own_operation(site: TestSite) {
        let (crews, _) = two_crews(&site);
        annotate(&site, &crews);
        let (admin, paths) = (site.user(Role::Admin), reads());
        let mut differences = Vec::new();
        for reader in readers(&crews, &admin) {
            let mut comparison = Comparison::new(site.client(reader));
            for path in &paths {
                let answer = comparison.client.get(path);
                comparison.walk(path, &answer.json);
            }
            let compared = |kind: &str| comparison.compared.get(kind).copied().unwrap_or_default();
            assert!(compared("jobs")[0] + compared("jobs")[1] > 0, "{}", reader.role);
            assert!(compared("inspections")[0] + compared("inspections")[1] > 0, "{}", reader.role);
            if [Role::Inspector, Role::Specialist].contains(&reader.role) {
                for kind in ["jobs", "inspections"] {
                    assert!(compared(kind)[1] > 0, "{} may not open all {kind}", reader.role);
                }
            }
            differences.extend(comparison.differences.iter().map(|found| format!("{}: {found}", reader.role)));
        }
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }

    fn the_owner_of_a_repair_finds_its_defect_nowhere_before_planning_it(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let (admin, specialist) = (site.user(Role::Admin), site.user(Role::Specialist));
        builders::checklist(db, context, &admin);
        let machine = builders::equipment(db, context);
        let defect = builders::defect(db, context, &site.user(Role::Inspector), &machine);
        let change = json!({"description": "The flange weeps at bolt seven."});
        assert_eq!(site.client(&admin).put(&format!("/api/defects/{}", defect.id), &change).status, 200);
        let job = builders::repair(db, context, &admin, defect.id, &specialist);
        let client = site.client(&specialist);
        let names_it = |path: &String| client.get(path).text.contains("flange weeps");
        let leaks: Vec<String> = reads().into_iter().filter(names_it).collect();
        assert!(leaks.is_empty(), "{leaks:?}");
        let shown = client.get(&format!("/api/defects/{}", defect.id));
        assert_eq!((&shown.data()["code"], &shown.data()["description"]), (&json!("PLANNED_TIME_REQUIRED"), &json!("")));
        let other = site.as_a(Role::Specialist).get(&format!("/api/defects/{}", defect.id));
        assert_eq!((&other.data()["code"], &other.data()["description"]), (&Value::Null, &change["description"]));
        let planned = client.post(&format!("/api/jobs/{}/planned-time", job.id), &json!({"hours": 2}));
        assert!(planned.text.contains("flange weeps"), "{}", planned.text);
        let shown = client.get(&format!("/api/defects/{}", defect.id));
        assert_eq!((&shown.data()["code"], &shown.data()["description"]), (&Value::Null, &change["description"]));
    }
}
