//! Versions of resources: `ETag`, `If-None-Match` and `If-Match` (rule book §15).

use std::thread;

use inspection_domain::users::Role;
use inspection_testkit::{
    builders::{self, PASS_FAIL},
    clients::{Client, Response},
};
use serde_json::{Value, json};

use crate::site::{TestSite, on_both};

fn tag(client: &Client, path: &str) -> String {
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.header("etag").unwrap_or_else(|| panic!("{path}: no ETag")).to_owned()
}

fn knowing(client: &Client, tag: &str) -> Client {
    client.with_header("If-None-Match", tag)
}

fn expecting(client: &Client, tag: &str) -> Client {
    client.with_header("If-Match", tag)
}

/// A machine, and two admins who read it.
fn machine(site: &TestSite) -> (String, [Client; 2]) {
    let machine = builders::equipment(&site.db, &site.context);
    (format!("/api/equipment/{}", machine.id), [site.as_a(Role::Admin), site.as_a(Role::Admin)])
}

/// A completed repair, its owner and an admin.
fn finished_repair(site: &TestSite) -> (String, [Client; 2]) {
    let (admin, owner) = (site.user(Role::Admin), site.user(Role::Specialist));
    let inspector = site.user(Role::Inspector);
    site.user(Role::QualityEngineer);
    builders::checklist(&site.db, &site.context, &admin);
    let machine = builders::equipment(&site.db, &site.context);
    let defect = builders::defect(&site.db, &site.context, &inspector, &machine);
    let job = builders::repair(&site.db, &site.context, &admin, defect.id, &owner);
    builders::finished(&site.db, &site.context, &owner, &job);
    (format!("/api/jobs/{}", job.id), [site.client(&owner), site.client(&admin)])
}

/// A submitted inspection, and two admins.
fn inspection(site: &TestSite) -> (String, [Client; 2]) {
    let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
    builders::checklist_with(&site.db, &site.context, &admin, |body| body["equipment_type"] = json!("winch"));
    let machine =
        builders::equipment_with(&site.db, &site.context, |body| body["equipment_type"] = json!("winch"));
    let (inspection, _) = builders::submitted(&site.db, &site.context, &inspector, &machine, &[]);
    (format!("/api/inspections/{}", inspection.id), [site.client(&admin), site.as_a(Role::Admin)])
}

/// Sends the same requests at the same moment.
fn at_once(requests: usize, send: impl Fn(usize) -> Response + Sync) -> Vec<Response> {
    thread::scope(|scope| {
        let send = &send;
        let threads: Vec<_> = (0..requests).map(|n| scope.spawn(move || send(n))).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    })
}

/// Of some changes of the same version, one succeeds; the others name what has happened.
fn one_succeeded(answers: &[Response]) {
    let (done, refused): (Vec<&Response>, Vec<_>) = answers.iter().partition(|answer| answer.status < 300);
    let statuses: Vec<_> = answers.iter().map(|answer| (answer.status, answer.code())).collect();
    assert_eq!(done.len(), 1, "{statuses:?}");
    for answer in refused {
        assert_eq!((answer.status, answer.code()), (412, "PRECONDITION_FAILED"), "{}", answer.text);
    }
}

on_both! {
    fn the_second_of_two_editors_does_not_overwrite_the_first(site: TestSite) {
        let (path, [first, second]) = machine(&site);
        let (seen, seen_too) = (tag(&first, &path), tag(&second, &path));
        assert_eq!(seen, seen_too);
        assert_eq!(expecting(&first, &seen).put(&path, &json!({"berth": "Berth 7"})).status, 200);
        let late = expecting(&second, &seen).put(&path, &json!({"berth": "Berth 9"}));
        assert_eq!((late.status, late.code()), (412, "PRECONDITION_FAILED"));
        assert_eq!(second.get(&path).data()["berth"], "Berth 7");
        let late = expecting(&second, &seen).delete(&path);
        assert_eq!((late.status, second.get(&path).data()["status"].clone()), (412, json!("active")));
        let fresh = tag(&second, &path);
        assert_eq!(expecting(&second, &fresh).put(&path, &json!({"berth": "Berth 9"})).status, 200);
        for (named, status) in [("*", 200), ("\"none\"", 412), ("", 412), ("\"a\", W/\"b\"", 412)] {
            let answer = expecting(&first, named).put(&path, &json!({"berth": "Berth 1"}));
            assert_eq!(answer.status, status, "{named}: {}", answer.text);
        }
        let missing = expecting(&first, "*").put("/api/equipment/999999", &json!({"berth": "Berth 1"}));
        assert_eq!(missing.status, 404);
        let wrong = expecting(&first, "\"none\"").put(&path, &json!({"name": 7}));
        assert_eq!((wrong.status, wrong.fields()), (400, vec!["name"]), "wrong fields are named first");
    }

    fn a_job_is_in_another_version_after_its_cleaning(site: TestSite) {
        let (path, [owner, admin]) = finished_repair(&site);
        let (seen, of_admin) = (tag(&owner, &path), tag(&admin, &path));
        let report = |notes: &str| json!({"notes": notes});
        let clean = |seen: &str, notes: &str| expecting(&owner, seen).post(&format!("{path}/cleaning"), &report(notes)).status;
        assert_eq!((clean(&seen, "Swept."), clean(&seen, "Swept twice.")), (200, 412), "the first report");
        assert_eq!(owner.get(&path).data()["cleaning_notes"], "Swept.");
        let rate = |seen: &str, rating: i64| {
            expecting(&admin, seen).post(&format!("{path}/admin/cleaning-rating"), &json!({"rating": rating})).status
        };
        assert_eq!(rate(&of_admin, 2), 412, "the report is new");
        let seen = tag(&admin, &path);
        assert_eq!((rate(&seen, 2), rate(&seen, 0)), (200, 412), "the first rating");
        assert_eq!(admin.get(&path).data()["cleaning_rating"], 2);
        let bonus = json!({"bonus": 3});
        let reward = |seen: &str| expecting(&admin, seen).post(&format!("{path}/admin/bonus"), &bonus).status;
        assert_eq!((reward(&seen), reward(&tag(&admin, &path))), (412, 200));
    }

    fn an_inspection_is_in_another_version_after_its_rating(site: TestSite) {
        let (path, [first, second]) = inspection(&site);
        let rating = path.replace("/api/", "/api/ratings/");
        let seen = tag(&first, &path);
        assert_eq!(expecting(&first, &seen).post(&rating, &json!({"rating": 4})).status, 201);
        let change = |seen: &str, value: i64| expecting(&second, seen).put(&rating, &json!({"rating": value})).status;
        assert_eq!(change(&seen, 2), 412);
        let seen = tag(&second, &path);
        assert_eq!((change(&seen, 5), change(&seen, 1)), (200, 412));
        assert_eq!(expecting(&first, &seen).post(&format!("{path}/review"), &json!({"notes": "Seen."})).status, 412);
        assert_eq!(knowing(&first, &seen).get(&path).status, 200);
    }

    fn of_simultaneous_cleanings_and_ratings_of_a_version_one_succeeds(site: TestSite) {
        let (job, [owner, admin]) = finished_repair(&site);
        let (inspection, _) = inspection(&site);
        let rating = inspection.replace("/api/", "/api/ratings/");
        let seen = tag(&owner, &job);
        one_succeeded(&at_once(6, |n| {
            expecting(&owner, &seen).post(&format!("{job}/cleaning"), &json!({"notes": format!("Swept {n} times.")}))
        }));
        let seen = tag(&admin, &job);
        one_succeeded(&at_once(6, |n| {
            let path = format!("{job}/admin/cleaning-rating");
            expecting(&admin, &seen).post(&path, &json!({"rating": n % 3}))
        }));
        let seen = tag(&admin, &inspection);
        one_succeeded(&at_once(6, |_| expecting(&admin, &seen).post(&rating, &json!({"rating": 3}))));
        let seen = tag(&admin, &inspection);
        one_succeeded(&at_once(5, |n| expecting(&admin, &seen).put(&rating, &json!({"rating": 3, "comment": format!("Seen {n}")}))));
    }

    fn points_and_absences_do_not_change_the_version_of_a_user(site: TestSite) {
        let (chief, user) = (site.user(Role::Admin), site.user(Role::Engineer));
        let (admin, path) = (site.client(&chief), format!("/api/users/{}", user.id));
        let seen = tag(&admin, &path);
        let award = json!({"user_id": user.id, "amount": 2, "reason": "Quick and careful work."});
        assert_eq!(admin.post("/api/bonus-stars", &award).status, 201);
        builders::approved_leave(&site.db, &site.context, &chief, &user, builders::TODAY, builders::TODAY);
        let now = admin.get(&path);
        assert_eq!((&now.data()["total_points"], &now.data()["is_on_leave"]), (&json!(2), &json!(true)));
        assert_eq!(knowing(&admin, &seen).get(&path).status, 200, "the response has changed");
        assert_eq!(expecting(&admin, &seen).put(&path, &json!({"phone": "+971 4 555 0100"})).status, 200);
        assert_eq!(expecting(&admin, &seen).put(&path, &json!({"phone": "+971 4 555 0101"})).status, 412);
    }

    fn a_stranger_learns_nothing_from_a_version(site: TestSite) {
        let (path, [owner, admin]) = finished_repair(&site);
        let stranger = site.as_a(Role::Specialist);
        let clean = |client: &Client| client.post(&format!("{path}/cleaning"), &json!({"notes": "Swept."}));
        for seen in ["\"none\"", &tag(&admin, &path), "*"] {
            let answer = clean(&expecting(&stranger, seen));
            assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN"), "{seen}");
        }
        let missing = expecting(&owner, "\"none\"").post("/api/jobs/999999/cleaning", &json!({"notes": "Swept."}));
        assert_eq!((missing.status, missing.code()), (404, "NOT_FOUND"));
        let wrong = json!({"status": "no-such-status"});
        let machine = expecting(&stranger, "\"none\"").put("/api/equipment/1", &wrong);
        assert_eq!((machine.status, machine.code()), (403, "FORBIDDEN"));
        // Another refusal may follow from the change that the client has not seen.
        let start = expecting(&owner, "\"none\"").post(&format!("{path}/start"), &json!({}));
        assert_eq!((start.status, owner.post(&format!("{path}/start"), &json!({})).code()), (412, "INVALID_STATE"));
    }

    fn a_path_without_a_resource_has_no_condition(site: TestSite) {
        let admin = expecting(&site.as_a(Role::Admin), "\"none\"");
        let machine = json!({"name": "New", "equipment_type": "crane", "serial_number": "N-1"});
        assert_eq!(admin.post("/api/equipment", &machine).status, 201);
        let run = admin.post("/api/admin/tasks/check_backlog/run", &json!({}));
        assert_eq!((run.status, run.code()), (412, "PRECONDITION_FAILED"));
        assert_eq!(admin.get("/api/admin/tasks/check_backlog/runs").json["pagination"]["total"], 0);
    }

    fn of_simultaneous_changes_of_a_version_one_succeeds(site: TestSite) {
        let (path, [admin, _]) = machine(&site);
        let owner = site.user(Role::Admin);
        let checklist = builders::checklist(&site.db, &site.context, &owner);
        let inspector = site.user(Role::Inspector);
        let place = builders::equipment(&site.db, &site.context);
        let draft = builders::draft(&site.db, &site.context, &inspector, &place);
        let inspector = site.client(&inspector);
        let (list, draft) = (format!("/api/checklists/{}", checklist.0.id), format!("/api/inspections/{}", draft.inspection.id));
        let asked = inspector.get(&draft).data()["checklist_items"][PASS_FAIL]["id"].clone();
        for _ in 0..2 {
            let seen = tag(&admin, &path);
            one_succeeded(&at_once(6, |n| {
                expecting(&admin, &seen).put(&path, &json!({"manufacturer": format!("Maker {n} of {seen}")}))
            }));
            let seen = tag(&admin, &list);
            one_succeeded(&at_once(6, |n| {
                let question = json!({"question_text": format!("{n} {seen}"), "answer_type": "text"});
                expecting(&admin, &seen).post(&format!("{list}/items"), &question)
            }));
            let seen = tag(&inspector, &draft);
            one_succeeded(&at_once(6, |n| {
                let answer = json!({"checklist_item_id": asked, "answer_value": "pass", "comment": format!("{n} {seen}")});
                expecting(&inspector, &seen).post(&format!("{draft}/answer"), &answer)
            }));
        }
    }

    fn what_a_client_has_is_not_sent_again(site: TestSite) {
        let (path, [admin, other]) = machine(&site);
        for path in [path.as_str(), "/api/equipment", "/api/users", "/api/auth/me", "/api/leaderboards", "/api/notifications", "/api/equipment/types"] {
            let first = admin.get(path);
            let known = first.header("etag").unwrap_or_else(|| panic!("{path}: no ETag")).to_owned();
            for named in [known.clone(), format!("W/{known}"), format!("\"x\", {known}")] {
                let again = knowing(&admin, &named).get(path);
                assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, Some(known.as_str())), "{path}");
                assert_eq!(again.header("content-type"), None, "{path}");
            }
            let head = knowing(&admin, &known).send("HEAD", path, None);
            assert_eq!((head.status, head.header("etag")), (304, Some(known.as_str())), "{path}");
            let other = knowing(&admin, "\"x\"").get(path);
            assert_eq!((other.status, other.text), (200, first.text), "{path}");
        }
        let (single, list) = (tag(&admin, &path), tag(&admin, "/api/equipment"));
        assert_eq!(other.put(&path, &json!({"berth": "Berth 7"})).status, 200);
        assert_eq!(knowing(&admin, &single).get(&path).status, 200, "it has changed");
        assert_eq!(knowing(&admin, &list).get("/api/equipment").status, 200, "a row has changed");
        assert_eq!(knowing(&admin, "*").post("/api/leaves", &json!({})).status, 400, "a change is no read");
        // In another language the response differs, the version of the resource doesn't.
        assert_eq!(other.put(&path, &json!({"location": "Quay", "location_ar": "رصيف"})).status, 200);
        let (english, arabic) = (tag(&admin, &path), tag(&admin, &format!("{path}?lang=ar")));
        assert_ne!(english, arabic);
        assert_eq!(knowing(&admin, &english).get(&format!("{path}?lang=ar")).status, 200);
        assert_eq!(expecting(&admin, &arabic).put(&path, &json!({"berth": "Berth 1"})).status, 200);
    }

    fn a_password_is_reset_in_the_version_that_was_read(site: TestSite) {
        let (admin, user) = (site.as_a(Role::Admin), site.user(Role::Inspector));
        let path = format!("/api/users/{}", user.id);
        let reset = |seen: &str| {
            let body = json!({"new_password": "a new and long password"});
            expecting(&admin, seen).post(&format!("{path}/reset-password"), &body).status
        };
        let seen = tag(&admin, &path);
        assert_eq!(admin.put(&path, &json!({"phone": "+971 4 555 0100"})).status, 200);
        assert_eq!((reset(&seen), reset(&tag(&admin, &path))), (412, 200));
    }

    fn a_request_with_a_key_is_replayed_although_the_version_has_changed(site: TestSite) {
        let person = site.client(&site.user(Role::Inspector));
        let leave = json!({"leave_type": "annual", "date_from": "2026-05-01", "date_to": "2026-05-02"});
        let path = format!("/api/leaves/{}", person.post("/api/leaves", &leave).id());
        let seen = tag(&person, &path);
        let cancel = || expecting(&person, &seen).with_header("Idempotency-Key", "key-1").post(&format!("{path}/cancel"), &json!({}));
        let (first, again) = (cancel(), cancel());
        assert_eq!((first.status, again.status, first.text), (200, 200, again.text));
        let other = expecting(&person, &seen).post(&format!("{path}/cancel"), &json!({}));
        assert_eq!(other.status, 412);
    }
}

/// A resource that has a response of its own is changed only through operations that know
/// `If-Match`.
#[test]
fn every_resource_has_a_tag_and_every_change_of_it_a_precondition() {
    let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
    let names = |operation: &Value, header: &str| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        parameters.filter(|parameter| parameter["name"] == header).count() == 1
    };
    let (mut reads, mut changes) = (0, 0);
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let name = format!("{method} {path}");
            let is_json = !operation["responses"]["200"]["content"]["application/json"].is_null();
            let is_public = operation["security"].as_array().is_some_and(Vec::is_empty);
            if method == "get" && is_json && !is_public {
                reads += 1;
                assert!(names(operation, "If-None-Match"), "{name}");
                assert!(operation["responses"]["200"]["headers"]["ETag"].is_object(), "{name}");
                assert!(operation["responses"]["304"]["headers"]["ETag"].is_object(), "{name}");
            } else if path.contains('{')
                && (method == "put" || method == "delete" || names(operation, "Idempotency-Key"))
            {
                changes += 1;
                assert!(names(operation, "If-Match"), "{name}");
                assert!(operation["responses"]["412"].is_object(), "{name}");
            } else {
                assert!(!names(operation, "If-Match") && operation["responses"]["412"].is_null(), "{name}");
            }
        }
    }
    assert!(reads > 60 && changes > 60, "{reads} reads, {changes} changes");
}
