//! A request costs the same number of statements however many rows there are.

use std::collections::BTreeMap;

use inspection_domain::{
    equipment::Equipment,
    points::PointKind,
    users::{Role, User},
};
use inspection_persistence::{equipment, points};
use inspection_testkit::{builders, clients::Client};
use serde_json::json;

use crate::site::{Site, on_both};

/// What the ids in the paths lead to.
struct First {
    inspector: User,
    machine: Equipment,
}

fn count(site: &Site, client: &Client, path: &str) -> u64 {
    let before = site.db.statements();
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    site.db.statements() - before
}

/// One more machine, inspected by one more inspector: one more of everything. And one more of what belongs to the first
/// machine, person and checklist, whose details are measured.
fn grow(site: &Site, admin: &User, first: &First, n: usize) {
    builders::submitted(&site.db, &site.world, &first.inspector, &first.machine, &[0, 3]);
    let status = if n.is_multiple_of(2) { "paused" } else { "active" };
    builders::act(&site.db, &site.world, admin, |tx| {
        equipment::update(tx, first.machine.id, builders::input(json!({"status": status})))?;
        let (role, kind) = (Role::Inspector, PointKind::BonusStars);
        points::award(tx, &points::Award { user_id: admin.id, role, amount: 1, kind, related: None })
    })
    .expect("grown");
    let inspector = builders::user_with(&site.db, &site.world, Role::Inspector, |_| {});
    let machine = builders::equipment_with(&site.db, &site.world, |body| {
        body["equipment_type"] = json!("crane");
        body["assigned_technician_id"] = json!(inspector.id);
    });
    builders::submitted(&site.db, &site.world, &inspector, &machine, &[0]);
    if n.is_multiple_of(25) {
        builders::checklist_with(&site.db, &site.world, admin, |body| {
            body["equipment_type"] = json!(format!("type {n}"));
        });
    }
}

on_both! {
    fn lists_and_details_have_a_fixed_number_of_queries(site: Site) {
        let admin = site.user(Role::Admin);
        let client = site.client(&admin);
        builders::checklist(&site.db, &site.world, &admin);
        let document: serde_json::Value = serde_json::from_str(&inspection_http::openapi()).expect("JSON");
        let paths: Vec<String> = document["paths"].as_object().expect("paths").iter()
            .filter(|(path, item)| path.starts_with("/api/") && item["get"].is_object() && *path != "/api/openapi.json")
            .map(|(path, item)| {
                let paged = item["get"]["parameters"].as_array().into_iter().flatten().any(|p| p["name"] == "per_page");
                format!("{}{}", path.replace("{id}", "1"), if paged { "?per_page=100" } else { "" })
            })
            .collect();
        assert!(paths.len() > 15, "{paths:?}");
        let machine = builders::equipment(&site.db, &site.world);
        let first = First { inspector: site.user(Role::Inspector), machine };
        assert_eq!((admin.id.get(), first.machine.id.get()), (1, 1));
        grow(&site, &admin, &first, 0);
        let measure = || -> BTreeMap<String, u64> {
            paths.iter().map(|path| (path.clone(), count(&site, &client, path))).collect()
        };
        let few = measure();
        for n in 1..=500 {
            grow(&site, &admin, &first, n);
        }
        let many = measure();
        println!("{many:#?}");
        assert_eq!(few, many);
        assert!(many.values().all(|count| *count <= 9), "{many:#?}");
        assert_eq!(many["/api/auth/me"], 1, "checking a token is one query");
        let page = client.get("/api/inspections?per_page=100");
        assert_eq!(page.json["pagination"]["total"], 1002);
        assert!(client.get("/api/equipment/1/history").json["pagination"]["total"].as_i64() > Some(1500));
        assert_eq!(client.get("/api/users/1/points").json["pagination"]["total"], 501);
    }
}
