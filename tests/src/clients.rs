//! The fields that existing clients read: in the API document, and in the response of every list
//! and detail of a site with rows in every state.

mod fields;
mod requests;
pub(crate) mod states;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::fields::{Checker, OBJECTS, documented, objects};
use crate::site::{largest_page, on_both};

/// Objects without all of their fields. The list only shrinks.
const NOT_YET: &[&str] = &[];

/// States in which no row stays, or that these readers don't have.
const TRANSIENT: &[&str] = &[
    // The second half of an inspection creates the assessment in the same transaction.
    "AssignmentView.status both_complete",
    // The readers with a team inspect the mechanical half.
    "AssignmentView.my_status both_complete",
    "AssignmentView.my_status elec_complete",
    "AssignmentView.my_status unassigned",
    // No planner has cancelled one.
    "EngineerJobView.status cancelled",
];

#[test]
fn the_document_has_every_field_that_clients_read() {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    let objects = objects();
    let known: BTreeSet<_> = objects.keys().map(String::as_str).collect();
    assert_eq!(known, OBJECTS.iter().map(|(object, _)| *object).collect());
    let (mut wrong, mut done) = (Vec::new(), Vec::new());
    for (object, schemas) in OBJECTS {
        let found: Vec<_> = schemas
            .iter()
            .flat_map(|schema| documented(&document, schema, object, &objects[*object]))
            .collect();
        match (found.is_empty(), NOT_YET.contains(object)) {
            (true, true) => done.push(*object),
            (false, false) => wrong.extend(found),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(done.is_empty(), "these objects are complete, remove them from NOT_YET: {done:?}");
}

on_both! {
    fn every_response_has_every_field_that_clients_read(site: TestSite) {
        let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
        let mut checker = Checker::new(&document, NOT_YET);
        let people = states::every_state(&site);
        let paths = document["paths"].as_object().expect("paths");
        for client in &people {
            let (lists, details): (Vec<_>, Vec<_>) = paths
                .iter()
                .filter(|(path, item)| path.starts_with("/api/") && item["get"]["responses"]["200"]["content"]["application/json"].is_object())
                .partition(|(path, _)| !path.contains('{'));
            let mut ids = BTreeMap::<&str, BTreeSet<i64>>::new();
            for (path, item) in lists {
                let response = client.get(&states::with_parameters(path));
                if checker.check(path, &item["get"], &response) {
                    let rows = response.json["data"].as_array().into_iter().flatten();
                    ids.entry(path).or_default().extend(rows.filter_map(|row| row["id"].as_i64()));
                }
            }
            for (path, item) in details {
                let (collection, _) = path.split_once("/{").expect("a parameter");
                let collection = match collection {
                    "/api/inspections/by-assignment" => "/api/inspection-assignments/my-assignments",
                    "/api/ratings/technicians" => "/api/users",
                    other => other,
                };
                for id in ids.get(collection).into_iter().flatten() {
                    let (_, rest) = path.split_once('}').expect("a parameter");
                    let (prefix, _) = path.split_once('{').expect("a parameter");
                    checker.check(path, &item["get"], &client.get(&largest_page(&format!("{prefix}{id}{rest}"))));
                }
            }
        }
        checker.finish(TRANSIENT);
    }
}
