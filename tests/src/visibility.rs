//! Lists and the change feed, read by two people of each role with rows of their own: a list shows
//! everything, only one's own rows, or nothing, and never something in between.

use std::collections::{BTreeMap, BTreeSet};

use inspection_domain::users::{Role, User};
use inspection_persistence::{bonus_stars, defect_assessments, quality_reviews, takeovers};
use inspection_testkit::{
    builders::{self, Team, act, input},
    clients::Client,
    files::png,
};
use serde_json::{Value, json};

use crate::site::{TestSite, largest_page, on_both};

/// One person of each role, with rows in every list.
pub(crate) struct Crew {
    pub(crate) team: Team,
    pub(crate) specialist: User,
    pub(crate) engineer: User,
    pub(crate) quality_engineer: User,
}

impl Crew {
    fn of(site: &TestSite) -> Self {
        Self {
            team: builders::team(&site.db, &site.context),
            specialist: site.user(Role::Specialist),
            engineer: site.user(Role::Engineer),
            quality_engineer: site.user(Role::QualityEngineer),
        }
    }

    pub(crate) fn person(&self, role: Role) -> &User {
        match role {
            Role::Specialist => &self.specialist,
            Role::Engineer => &self.engineer,
            Role::QualityEngineer => &self.quality_engineer,
            Role::Inspector | Role::Admin => &self.team.mechanical,
        }
    }
}

/// Every role but that of an admin.
pub(crate) const ROLES: [Role; 4] =
    [Role::Inspector, Role::Specialist, Role::Engineer, Role::QualityEngineer];

/// Two crews that have done the same things, each with machines, people and files of its own, and
/// the id of a stalled job.
pub(crate) fn two_crews(site: &TestSite) -> ([Crew; 2], i64) {
    let (db, context) = (&site.db, &site.context);
    let admin = site.user(Role::Admin);
    let crews = [Crew::of(site), Crew::of(site)];
    let (template, _) = builders::checklist(db, context, &admin);
    builders::routine(db, context, &admin, template.id);
    // Of each crew, one machine is assessed, one half inspected, one overdue and one left alone.
    let machines: Vec<_> = (0..8).map(|_| builders::equipment(db, context)).collect();
    let (_, listed) = builders::generated(db, context, &admin);
    for (crew, own) in crews.iter().zip(listed.chunks(4)) {
        builders::assigned(db, context, &admin, own[0].id, &crew.team);
        builders::assessment(db, context, &crew.team, own[0].id);
        builders::assigned(db, context, &admin, own[1].id, &crew.team);
        builders::half_submitted(db, context, &crew.team.mechanical, own[1].id, &[]);
    }
    // The reviews go to the quality engineers in turn.
    for (crew, own) in crews.iter().zip(machines.chunks(4)) {
        let mechanical = &crew.team.mechanical;
        builders::draft(db, context, mechanical, &own[2]);
        let (inspection, found) = builders::submitted(
            db,
            context,
            mechanical,
            &own[3],
            &[builders::PASS_FAIL, builders::YES_NO, builders::NUMERIC, builders::CRITICAL],
        );
        let finished = builders::repair(db, context, &admin, found[0].id, &crew.specialist);
        let verdict = json!({"defect_id": found[0].id, "verdict": "confirm", "technical_notes": "Worn."});
        act(db, context, &crew.specialist, |tx| defect_assessments::assess(tx, input(verdict)))
            .expect("a verdict");
        builders::finished(db, context, &crew.specialist, &finished);
        builders::repair(db, context, &admin, found[1].id, &crew.specialist);
        let running = builders::repair(db, context, &admin, found[2].id, &crew.specialist);
        builders::started(db, context, &crew.specialist, &running);
        act(db, context, &crew.specialist, |tx| {
            inspection_persistence::pauses::request(
                tx,
                running.kind,
                running.id,
                input(json!({"reason_category": "parts"})),
            )
        })
        .expect("a request");
        let planned = builders::repair(db, context, &admin, found[3].id, &crew.specialist);
        builders::planned(db, context, &crew.specialist, &planned);
        let survey = builders::engineer_job(db, context, &admin, &crew.engineer);
        builders::finished(db, context, &crew.engineer, &survey);
        builders::engineer_job(db, context, &admin, &crew.engineer);
        let rating = input(json!({"rating": 4}));
        act(db, context, &admin, |tx| inspection_persistence::ratings::rate(tx, inspection.id, rating))
            .expect("a rating");
        for role in ROLES {
            let person = crew.person(role);
            builders::leave(db, context, person, "2026-05-01", "2026-05-02");
            let stars = input(json!({"user_id": person.id, "amount": 2, "reason": "A clean quay."}));
            act(db, context, &admin, |tx| bonus_stars::award(tx, stars)).expect("stars");
            let client = site.client(person);
            client.upload(&[], "photo.png", "image/png", &png(20, 20)).id();
            let rejected = client.post(
                "/api/sync",
                &json!({
                    "client_id": site.context.ids.unique(), "entity_type": "leave_request",
                    "entity_data": {"leave_type": "annual", "date_from": "2026-05-01", "date_to": "2026-05-02"},
                }),
            );
            assert!(rejected.status == 409 || rejected.status == 200, "{}", rejected.text);
        }
        builders::bonus_request(db, context, &crew.quality_engineer, &crew.specialist, 3);
    }
    // Each crew's specialist has a stalled job that the other would take over, and each team an
    // inspection of the backlog.
    let stalled: Vec<_> = crews
        .iter()
        .map(|crew| {
            let found = builders::defect(db, context, &crew.team.mechanical, &machines[0]);
            let job = builders::repair(db, context, &admin, found.id, &crew.specialist);
            builders::started(db, context, &crew.specialist, &job);
            builders::paused(db, context, &crew.specialist, &admin, &job);
            job
        })
        .collect();
    site.clock.advance_seconds(4 * 86_400);
    inspection_persistence::tasks::run_now(
        db,
        context,
        "instance",
        inspection_domain::tasks::TaskName::CheckBacklog,
    )
    .expect("a run");
    for (mine, other) in [(0, 1), (1, 0)] {
        let taker = &crews[mine];
        act(db, context, &taker.specialist, |tx| {
            takeovers::request_job(tx, stalled[other].kind, stalled[other].id, input(json!({})))
        })
        .expect("a request");
        let backlog = listed[other * 4 + 1].id;
        let partner = input(json!({"partner_id": taker.team.electrical.id}));
        act(db, context, &taker.team.mechanical, |tx| takeovers::request_assignment(tx, backlog, partner))
            .expect("a request");
    }
    for crew in &crews {
        let pending = db
            .read(|conn| {
                quality_reviews::list(
                    conn,
                    &crew.quality_engineer,
                    &input(json!({})),
                    inspection_domain::page::PageRequest::first(9),
                )
            })
            .expect("reviews");
        assert!(!pending.items.is_empty(), "each quality engineer has a review");
    }
    let away = site.user(Role::Inspector);
    builders::approved_leave(db, context, &admin, &away, "2026-03-05", "2026-03-09");
    (crews, stalled[0].id.get())
}

/// The rows of a list, each by its id or, without one, by its text; `None` if it is refused.
fn rows(client: &Client, path: &str) -> Option<BTreeSet<String>> {
    let answer = client.get(path);
    if answer.status == 403 {
        return None;
    }
    let rows = answer.data().as_array().unwrap_or_else(|| panic!("{path}: {}", answer.text)).iter();
    Some(rows.map(|row| if row["id"].is_null() { row.to_string() } else { row["id"].to_string() }).collect())
}

/// The part of a list that two people of the same role see.
fn seen(one: Option<BTreeSet<String>>, other: Option<BTreeSet<String>>) -> &'static str {
    match (one, other) {
        (None, None) => "refused",
        (Some(one), Some(other)) if one.is_empty() && other.is_empty() => "nothing",
        (Some(one), Some(other)) if one == other => "all",
        (Some(one), Some(other)) if one.is_disjoint(&other) && !one.is_empty() && !other.is_empty() => "own",
        _ => "mixed",
    }
}

/// The lists of the API: operations without an id whose data is an array for some role.
fn list_paths(clients: &[Client], stalled: i64) -> Vec<String> {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let is_readable = |path: &str, item: &Value| {
        let is_list = path.starts_with("/api/") && !path.contains('{') && !path.ends_with("/stream");
        is_list && item["get"].is_object()
    };
    paths
        .iter()
        .filter(|(path, item)| is_readable(path, item))
        .map(|(path, _)| page(path, stalled))
        .filter(|path| clients.iter().any(|client| client.get(path).json["data"].is_array()))
        .collect()
}

/// The path of a list with its required parameters.
fn page(path: &str, stalled: i64) -> String {
    match path {
        "/api/takeovers/queue" => format!("{path}?job_type=specialist&job_id={stalled}"),
        "/api/reports/trends" => format!("{path}?metric=inspections"),
        _ => largest_page(path),
    }
}

on_both! {
    fn each_role_sees_of_every_list_all_rows_or_its_own(site: TestSite) {
        let (crews, stalled) = two_crews(&site);
        let admin = site.as_a(Role::Admin);
        let clients: Vec<_> = ROLES.iter().map(|role| site.client(crews[0].person(*role))).chain([admin]).collect();
        let mut table = String::new();
        for path in list_paths(&clients, stalled) {
            let cells = ROLES.map(|role| {
                let [one, other] = crews.each_ref().map(|crew| rows(&site.client(crew.person(role)), &path));
                format!("{role}: {}", seen(one, other))
            });
            let (path, _) = path.split_once('?').unwrap_or((&path, ""));
            table += &format!("{path}\n    {}\n", cells.join(", "));
        }
        assert!(!table.contains("mixed"), "{table}");
        insta::assert_snapshot!("lists_by_role", table);
    }

    fn the_changes_of_each_kind_are_one_s_own(site: TestSite) {
        let (crews, _) = two_crews(&site);
        let mut kinds = BTreeMap::<String, BTreeSet<String>>::new();
        for role in ROLES {
            let [one, other] = crews.each_ref().map(|crew| changed(&site.client(crew.person(role)), None).0);
            for (kind, objects) in &one {
                let shared: Vec<_> = other.get(kind).into_iter().flat_map(|others| objects.intersection(others)).collect();
                assert!(shared.is_empty(), "{role}: {kind} {shared:?}");
                kinds.entry(kind.clone()).or_default().insert(role.to_string());
            }
        }
        let followed: BTreeSet<&str> = kinds.keys().map(String::as_str).collect();
        assert_eq!(followed, BTreeSet::from(["assignment", "defect", "inspection", "job", "notification"]), "{kinds:?}");
    }
}

/// The visible objects of each kind since a cursor, and the next cursor.
fn changed(client: &Client, since: Option<&str>) -> (BTreeMap<String, BTreeSet<String>>, String) {
    let (mut objects, mut cursor) = (BTreeMap::<String, BTreeSet<String>>::new(), since.map(str::to_owned));
    loop {
        let since = cursor.map_or_else(String::new, |cursor| format!("&since={cursor}"));
        let answer = client.get(&format!("/api/sync/changes?limit=100{since}"));
        let data = answer.data();
        for change in data["changes"].as_array().expect("changes") {
            if !change["data"].is_null() {
                let kind = change["entity_type"].as_str().expect("a kind").to_owned();
                objects.entry(kind).or_default().insert(change["entity_id"].to_string());
            }
        }
        let next = data["cursor"].as_str().expect("a cursor").to_owned();
        if data["has_more"] == false {
            return (objects, next);
        }
        cursor = Some(next);
    }
}
