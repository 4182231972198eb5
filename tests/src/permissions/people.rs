//! Objects for operations on leaves, bonus stars, synced items and background jobs.

use inspection_domain::{rule::NotFound, sync::SyncError, text::Language, users::Role};
use inspection_persistence::sync;
use inspection_testkit::builders;
use serde_json::json;

use super::{Operation, workshop::Prepared};
use crate::site::TestSite;

/// Creates the objects that an operation needs, or `None` if it concerns other features.
pub(super) fn prepare(site: &TestSite, operation: &Operation) -> Option<Prepared> {
    let (db, context) = (&site.db, &site.context);
    let days = ["2026-03-02", "2026-03-04"];
    if let Some(action) = operation.path.strip_prefix("/api/leaves/{id}") {
        let owner = site.user(Role::Inspector);
        let leave = match action {
            "/end" | "/coverage/assign" => {
                builders::approved_leave(db, context, &site.user(Role::Admin), &owner, days[0], days[1])
            }
            _ => builders::leave(db, context, &owner, days[0], days[1]),
        };
        let coverer = site.user(Role::Specialist);
        let body = match action {
            "/reject" => json!({"reason": "too many are away"}),
            "/approve" | "/coverage/assign" => json!({"coverage_user_id": coverer.id}),
            _ => json!({}),
        };
        return Some(Prepared { id: leave.id.get(), query: "", body, owner });
    }
    if operation.path == "/api/sync/{id}" {
        let owner = site.user(Role::Specialist);
        let item = json!({
            "client_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "entity_type": "job_start", "entity_data": {"job_id": 7},
        });
        let error = SyncError::of(&NotFound("job"), Language::En);
        let item = builders::act(db, context, &owner, |tx| sync::reject(tx, builders::input(item), error));
        let (item, _) = item.expect("a rejected item");
        return Some(Prepared { id: item.id.get(), query: "", body: json!({}), owner });
    }
    if operation.path == "/api/admin/outbox/{id}/retry" {
        let owner = site.user(Role::Admin);
        let job = builders::dead_job(db, &owner);
        return Some(Prepared { id: job.id.get(), query: "", body: json!({}), owner });
    }
    if operation.path.starts_with("/api/bonus-stars") && operation.method == "POST" {
        let (qe, owner) = (site.user(Role::QualityEngineer), site.user(Role::Specialist));
        if operation.path.contains("{id}") {
            let bonus = builders::bonus_request(db, context, &qe, &owner, 3);
            return Some(Prepared { id: bonus.id.get(), query: "", body: json!({"amount": 2}), owner });
        }
        let body = json!({"user_id": owner.id, "amount": 3, "reason": "Found it before it broke."});
        return Some(Prepared { id: 0, query: "", body, owner });
    }
    match (operation.method, operation.path) {
        ("PUT", "/api/roster") => {
            let entry = json!({"user_id": site.user(Role::Inspector).id, "date": days[0], "shift": "off"});
            let owner = site.user(Role::Engineer);
            Some(Prepared { id: 0, query: "", body: json!({"entries": [entry]}), owner })
        }
        ("POST", "/api/leaves") => {
            let body = json!({"leave_type": "sick", "date_from": days[0], "date_to": days[1]});
            Some(Prepared { id: 0, query: "", body, owner: site.user(Role::Inspector) })
        }
        ("GET", "/api/reports/trends") => {
            let owner = site.user(Role::Admin);
            Some(Prepared { id: 0, query: "?metric=inspections", body: json!({}), owner })
        }
        _ => None,
    }
}
