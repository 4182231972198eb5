//! The number of statements of a request does not depend on the number of rows.

use std::collections::BTreeMap;

use inspection_domain::{
    equipment::Equipment,
    ids::TemplateId,
    points::PointKind,
    users::{Role, User},
};
use inspection_persistence::{daily_lists, equipment, pauses, points, ratings, schedules, takeovers};
use inspection_testkit::{
    builders::{self, TODAY, Team},
    clients::Client,
    files::png,
};
use serde_json::json;

use crate::site::{TestSite, on_both};

/// The objects whose details are requested.
struct Measured {
    inspector: User,
    machine: Equipment,
    team: Team,
    routine_template: TemplateId,
    specialist: User,
    engineer: User,
    qe: User,
}

/// The number of statements of a request. The least of three: the reader of live events polls.
fn count(site: &TestSite, client: &Client, path: &str) -> u64 {
    let counts = (0..3).map(|_| {
        // The pool checks a connection that was idle for a second, as after a long response: here,
        // and not in the request.
        site.db.read(|_| Ok(())).expect("a connection");
        let before = site.db.statements();
        let answer = client.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        site.db.statements() - before
    });
    counts.min().expect("three counts")
}

/// Adds one row of everything: a machine, its inspector and their objects, and one more object of
/// the measured machine, user and checklist.
fn grow(site: &TestSite, admin: &User, first: &Measured, n: usize) {
    builders::submitted(&site.db, &site.context, &first.inspector, &first.machine, &[0, 3]);
    let status = if n.is_multiple_of(2) { "paused" } else { "active" };
    builders::act(&site.db, &site.context, admin, |tx| {
        equipment::registry::update(tx, first.machine.id, builders::input(json!({"status": status})))?;
        let (role, kind) = (Role::Inspector, PointKind::BonusStars);
        points::award(tx, &points::Award { user_id: admin.id, role, amount: 1, kind, related: None })
    })
    .expect("grown");
    let inspector = builders::user_with(&site.db, &site.context, Role::Inspector, |_| {});
    let machine = builders::equipment_with(&site.db, &site.context, |body| {
        body["equipment_type"] = json!("crane");
        body["assigned_technician_id"] = json!(inspector.id);
    });
    let (inspection, _) = builders::submitted(&site.db, &site.context, &inspector, &machine, &[0]);
    let (first_inspection, _) = builders::submitted(&site.db, &site.context, &first.inspector, &machine, &[]);
    let day = builders::input(json!({"equipment_id": machine.id, "day_of_week": n % 7}));
    builders::act(&site.db, &site.context, admin, |tx| {
        schedules::create(tx, &day)?;
        ratings::rate(tx, inspection.id, builders::input(json!({"rating": 3})))?;
        ratings::rate(tx, first_inspection.id, builders::input(json!({"rating": 5})))
    })
    .expect("grown");
    builders::file(&site.db, &site.context, admin, json!({"related_type": "equipment", "related_id": 1}));
    grow_jobs(site, admin, first, n);
    builders::approved_leave(&site.db, &site.context, admin, &inspector, TODAY, "2026-03-05");
    builders::bonus_request(&site.db, &site.context, &first.qe, &inspector, 2);
    if n.is_multiple_of(25) {
        grow_lists(site, admin, first, n);
        builders::checklist_with(&site.db, &site.context, admin, |body| {
            body["equipment_type"] = json!(format!("type {n}"));
        });
    }
}

/// Adds jobs in every state that a list filters by.
fn grow_jobs(site: &TestSite, admin: &User, first: &Measured, n: usize) {
    let (db, context) = (&site.db, &site.context);
    let repair = || {
        let found = builders::defect(db, context, &first.inspector, &first.machine);
        builders::repair(db, context, admin, found.id, &first.specialist)
    };
    match n % 4 {
        0 => {
            builders::finished(db, context, &first.specialist, &repair());
            builders::engineer_job(db, context, admin, &first.engineer);
        }
        1 => drop(builders::planned(db, context, &first.specialist, &repair())),
        2 => {
            let job = repair();
            site.clock.advance_seconds(-4 * 86_400);
            builders::started(db, context, &first.specialist, &job);
            builders::paused(db, context, &first.specialist, admin, &job);
            site.clock.advance_seconds(4 * 86_400);
            let taker = site.user(Role::Specialist);
            let body = builders::input(json!({}));
            builders::act(db, context, &taker, |tx| takeovers::request_job(tx, job.kind, job.id, body))
                .expect("queued");
        }
        _ => {
            let job = repair();
            builders::started(db, context, &first.specialist, &job);
            let body = builders::input(json!({"reason_category": "tools"}));
            builders::act(db, context, &first.specialist, |tx| pauses::request(tx, job.kind, job.id, body))
                .expect("requested");
        }
    }
}

/// Adds the remaining machines to the first list, with some assignments given and some completed,
/// and adds one more list.
fn grow_lists(site: &TestSite, admin: &User, first: &Measured, n: usize) {
    let (_, on_it) = builders::generated(&site.db, &site.context, admin);
    let free = on_it.iter().filter(|assignment| assignment.mechanical_inspector_id.is_none()).take(2);
    for (place, assignment) in free.enumerate() {
        builders::assigned(&site.db, &site.context, admin, assignment.id, &first.team);
        if place == 0 {
            builders::assessment(&site.db, &site.context, &first.team, assignment.id);
        }
    }
    builders::routine_with(&site.db, &site.context, admin, first.routine_template, |body| {
        body["asset_types"] = json!(["crane", format!("type {n}")]);
    });
    let day = TODAY.replace("-02", &format!("-{:02}", 3 + n / 25));
    let another = builders::input(json!({"target_date": day, "shift": "day"}));
    builders::act(&site.db, &site.context, admin, |tx| daily_lists::generate(tx, &another)).expect("a list");
}

on_both! {
    fn lists_and_details_have_a_fixed_number_of_queries(site: TestSite) {
        let admin = site.user(Role::Admin);
        let client = site.client(&admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        let document: serde_json::Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
        let paths: Vec<String> = document["paths"].as_object().expect("paths").iter()
            .filter(|(path, item)| path.starts_with("/api/") && item["get"].is_object() && !["/api/openapi.json", "/api/notifications/stream", "/api/sync/changes"].contains(&path.as_str()))
            .map(|(path, item)| {
                let paged = item["get"]["parameters"].as_array().into_iter().flatten().any(|p| p["name"] == "per_page");
                // The first job is a repair, the second an engineer job.
                let path = path.replace("/engineer-jobs/{id}", "/engineer-jobs/2");
                if path == "/api/reports/trends" {
                    return "/api/reports/trends?metric=defects".to_owned();
                }
                if path == "/api/takeovers/queue" {
                    return "/api/takeovers/queue?per_page=100&job_type=specialist&job_id=1".to_owned();
                }
                format!("{}{}", path.replace("{id}", "1").replace("{assignment_id}", "1").replace("{name}", "check_backlog"), if paged { "?per_page=100" } else { "" })
            })
            .collect();
        assert!(paths.len() > 15, "{paths:?}");
        let machine = builders::equipment(&site.db, &site.context);
        let team = builders::team(&site.db, &site.context);
        let first = Measured {
            inspector: site.user(Role::Inspector),
            machine,
            team,
            routine_template: template.id,
            specialist: site.user(Role::Specialist),
            engineer: site.user(Role::Engineer),
            qe: site.user(Role::QualityEngineer),
        };
        let (specialist, qe) = (site.client(&first.specialist), site.client(&first.qe));
        let engineer = site.client(&first.engineer);
        let member = site.client(&first.team.mechanical);
        assert_eq!((admin.id.get(), first.machine.id.get()), (1, 1));
        assert_eq!(client.upload(&[], "photo.png", "image/png", &png(20, 20)).id(), 1);
        for n in 0..4 {
            grow(&site, &admin, &first, n);
        }
        let measure = || -> BTreeMap<String, u64> {
            let counts = paths.iter().map(|path| {
                // Operations that admins have no objects for, or no permission.
                let who = match path.as_str() {
                    path if path.contains("by-assignment") => &member,
                    path if path.starts_with("/api/defect-assessments/pending") => &specialist,
                    path if path.starts_with("/api/quality-reviews/pending") => &qe,
                    _ => &client,
                };
                (path.clone(), count(&site, who, path))
            });
            let of_member = ["/api/inspection-assignments/my-assignments", "/api/assessments/pending"].map(|path| {
                (format!("{path} of a member"), count(&site, &member, &format!("{path}?per_page=100")))
            });
            let of_roles = [&member, &specialist, &qe, &engineer].into_iter().enumerate().map(|(n, who)| {
                (format!("/api/reports/dashboard of role {n}"), count(&site, who, "/api/reports/dashboard"))
            });
            let of_month = "/api/leaderboards?period=monthly&per_page=100";
            let of_month = (of_month.to_owned(), count(&site, &client, of_month));
            let of_machine = "/api/files?related_type=equipment&related_id=1&per_page=100";
            let of_machine = (of_machine.to_owned(), count(&site, &client, of_machine));
            let of_specialist = ["/api/jobs", "/api/jobs/active", "/api/jobs/pending-planned-time"].map(|path| {
                (format!("{path} of a specialist"), count(&site, &specialist, &format!("{path}?per_page=100")))
            });
            counts.chain(of_roles).chain([of_month]).chain(of_member).chain([of_machine]).chain(of_specialist).collect()
        };
        let searched = || {
            // The first search of a connection reads a sample of the words, and one page of matches
            // needs no count.
            ["defects", "equipment", "users", "checklists"].map(|list| {
                count(&site, &client, &format!("/api/{list}?per_page=100&q=a"))
            })
        };
        let few = measure();
        let few_found = searched();
        for n in 4..=500 {
            grow(&site, &admin, &first, n);
        }
        let many = measure();
        let found = searched();
        assert!(found.iter().zip(few_found).all(|(many, few)| *many <= few + 2 && *many <= 9), "{found:?} {few_found:?}");
        println!("{many:#?}");
        assert!(few.keys().eq(many.keys()));
        // The total of more than ten thousand rows is estimated, and the estimate is used again.
        let grown: Vec<_> = few.iter().filter(|(path, count)| many[*path] > **count).collect();
        let shrunk: Vec<_> = few.iter().filter(|(path, count)| many[*path] < **count).map(|(path, _)| path.as_str()).collect();
        assert_eq!((grown, shrunk), (vec![], vec!["/api/admin/audit?per_page=100"]));
        assert!(many.values().all(|count| *count <= 9), "{many:#?}");
        assert_eq!(many["/api/auth/me"], 1, "authentication is one query");
        let page = client.get("/api/inspections?per_page=100");
        assert_eq!(page.json["pagination"]["total"], 1549);
        let day = client.get("/api/inspection-assignments/lists/1");
        assert_eq!(day.data()["assignments"].as_array().map(Vec::len), Some(502), "the list has no pages");
        site.clock.set("2026-03-08T13:00:00Z");
        let (client, member) = (site.client(&admin), site.client(&first.team.mechanical));
        let backlog = client.get("/api/inspection-assignments/backlog");
        assert_eq!(backlog.json["pagination"]["total"], 21);
        assert!(client.get("/api/schedules/today").data()["overdue"].as_array().map(Vec::len) > Some(50));
        assert_eq!(member.get("/api/assessments/pending").json["pagination"]["total"], 21);
        assert!(client.get("/api/equipment/1/history").json["pagination"]["total"].as_i64() > Some(1500));
        assert_eq!(client.get("/api/users/1/points").json["pagination"]["total"], 501);
    }
}
