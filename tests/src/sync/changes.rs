//! The change feed.

use std::{collections::BTreeMap, thread};

use inspection_domain::users::Role;
use inspection_testkit::{builders, clients::Client};
use serde_json::{Value, json};

use crate::site::on_both;

/// All changes since a cursor, and the next cursor.
fn changes(client: &Client, since: Option<&str>, limit: usize) -> (Vec<Value>, String) {
    let (mut all, mut cursor) = (Vec::new(), since.map(str::to_owned));
    loop {
        let since = cursor.map_or_else(String::new, |cursor| format!("&since={cursor}"));
        let answer = client.get(&format!("/api/sync/changes?limit={limit}{since}"));
        let data = answer.data();
        all.extend(data["changes"].as_array().expect("changes").iter().cloned());
        let next = data["cursor"].as_str().expect("a cursor").to_owned();
        if data["has_more"] == false {
            return (all, next);
        }
        cursor = Some(next);
    }
}

/// The last state of each object.
fn latest(changes: Vec<Value>) -> BTreeMap<String, Value> {
    changes
        .into_iter()
        .map(|change| (format!("{} {}", change["entity_type"], change["entity_id"]), change["data"].clone()))
        .collect()
}

on_both! {
    fn changes_are_those_of_visible_objects_and_lost_access_is_reported(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let chief = site.user(Role::Admin);
        let (inspector, first, second) = (site.user(Role::Inspector), site.user(Role::Specialist), site.user(Role::Specialist));
        builders::checklist(db, context, &chief);
        let machine = builders::equipment(db, context);
        let found = builders::defect(db, context, &inspector, &machine);
        let job = builders::repair(db, context, &chief, found.id, &first);
        let (theirs, mine) = (site.client(&first), site.client(&inspector));
        let (seen, cursor) = changes(&theirs, None, 2);
        let kinds: Vec<_> = seen.iter().map(|change| change["entity_type"].as_str().expect("a kind").to_owned()).collect();
        assert_eq!(kinds, ["job", "notification"]);
        assert_eq!(seen[0]["data"]["code"], "PLANNED_TIME_REQUIRED", "equal to lists");
        assert_eq!(changes(&theirs, Some(&cursor), 2).0, Vec::<Value>::new(), "no change twice");
        let own: BTreeMap<_, _> = latest(changes(&mine, None, 1).0);
        assert!(own.keys().any(|key| key.contains("inspection")) && own.keys().any(|key| key.contains("defect")), "{own:?}");

        builders::started(db, context, &first, &job);
        let left = json!({"reason": "There is no such part."});
        assert_eq!(theirs.post(&format!("/api/jobs/{}/incomplete", job.id), &left).status, 200);
        let again = json!({"specialist_id": second.id, "reason": "Somebody else has the part."});
        assert_eq!(site.client(&chief).post(&format!("/api/jobs/{}/reassign", job.id), &again).status, 200);
        let (seen, next) = changes(&theirs, Some(&cursor), 50);
        assert_eq!(latest(seen)[&format!("\"job\" {}", job.id)], Value::Null, "the job belongs to another user");
        let (seen, _) = changes(&site.client(&second), None, 50);
        assert!(!latest(seen)[&format!("\"job\" {}", job.id)].is_null());
        // A cursor belongs to its user.
        for bad in [cursor.as_str(), "x", "a.b.c"] {
            let refused = mine.get(&format!("/api/sync/changes?since={bad}"));
            assert_eq!((refused.status, refused.fields()), (400, vec!["since"]), "{}", refused.text);
        }
        assert_eq!(mine.get("/api/sync/changes?limit=0").fields(), ["limit"]);
        // Reading and deleting are changes.
        let inbox = theirs.get("/api/notifications");
        let id = inbox.data()[0]["id"].clone();
        theirs.post("/api/notifications/read-all", &json!({}));
        assert!(changes(&theirs, Some(&next), 50).0.iter().all(|change| change["data"]["is_read"] == true));
        let (_, next) = changes(&theirs, Some(&next), 50);
        assert_eq!(theirs.delete(&format!("/api/notifications/{id}")).status, 200);
        let (gone, _) = changes(&theirs, Some(&next), 50);
        assert_eq!((gone.len(), &gone[0]["entity_id"], &gone[0]["data"]), (1, &id, &Value::Null));
    }

    fn access_lost_to_an_object_of_any_kind_is_reported_to_a_phone_that_knows_it(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let chief = site.user(Role::Admin);
        let (before, after) = (builders::team(db, context), builders::team(db, context));
        let (template, _) = builders::checklist(db, context, &chief);
        builders::routine(db, context, &chief, template.id);
        let machine = builders::equipment(db, context);
        let (_, listed) = builders::generated(db, context, &chief);
        let assignment = listed[0].id;
        builders::assigned(db, context, &chief, assignment, &before);
        let defect = builders::defect(db, context, &before.mechanical, &machine).id;
        let draft = builders::draft(db, context, &before.mechanical, &machine).inspection.id;
        let phone = site.client(&before.mechanical);
        let (seen, cursor) = changes(&phone, None, 100);
        let known = latest(seen);
        let objects = [
            format!("\"assignment\" {assignment}"),
            format!("\"inspection\" {draft}"),
            format!("\"defect\" {defect}"),
        ];
        for object in &objects {
            assert!(known.get(object).is_some_and(|data| !data.is_null()), "{object}: {known:?}");
        }

        builders::assigned(db, context, &chief, assignment, &after);
        assert_eq!(phone.delete(&format!("/api/inspections/{draft}")).status, 200);
        let reassigned = json!({"assigned_to_id": after.mechanical.id});
        assert_eq!(site.client(&chief).put(&format!("/api/defects/{defect}"), &reassigned).status, 200);
        let news = latest(changes(&phone, Some(&cursor), 100).0);
        for object in &objects {
            assert_eq!(news.get(object), Some(&Value::Null), "{object}: {news:?}");
        }
        let theirs = latest(changes(&site.client(&after.mechanical), None, 100).0);
        for object in [&objects[0], &objects[2]] {
            assert!(theirs.get(object).is_some_and(|data| !data.is_null()), "{object}: {theirs:?}");
        }
        let partner = latest(changes(&site.client(&before.electrical), None, 100).0);
        assert_eq!(partner.get(&objects[0]), Some(&Value::Null), "the whole team");
    }

    fn following_the_changes_during_writes_yields_the_final_state(site: TestSite) {
        let (db, context) = (&site.db, &site.context);
        let chief = site.user(Role::Admin);
        let engineer = site.user(Role::Engineer);
        let people: Vec<_> = (0..3).map(|_| site.user(Role::Engineer)).collect();
        let client = site.client(&engineer);
        let writing = std::sync::atomic::AtomicUsize::new(people.len());
        let followed = thread::scope(|scope| {
            for (number, person) in people.iter().enumerate() {
                let (writing, chief, engineer) = (&writing, &chief, &engineer);
                scope.spawn(move || {
                    for round in 0..12 {
                        let job = builders::engineer_job(db, context, chief, engineer);
                        builders::planned(db, context, engineer, &job);
                        if round % 2 == number % 2 {
                            let day = format!("2026-08-{:02}", round + 1);
                            builders::approved_leave(db, context, chief, person, &day, &day);
                        }
                    }
                    writing.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                });
            }
            let (mut followed, mut cursor) = (BTreeMap::new(), None);
            loop {
                let is_done = writing.load(std::sync::atomic::Ordering::SeqCst) == 0;
                let (news, next) = changes(&client, cursor.as_deref(), 3);
                let is_over = news.is_empty() && is_done;
                followed.extend(latest(news));
                if is_over {
                    return followed;
                }
                cursor = Some(next);
            }
        });
        let before = site.db.statements();
        let page = client.get("/api/sync/changes?limit=50");
        assert_eq!(page.data()["changes"].as_array().map(Vec::len), Some(50));
        assert!(site.db.statements() - before <= 11, "independent of the number of objects");
        let fresh = latest(changes(&client, None, 100).0);
        assert_eq!(followed.keys().filter(|key| key.contains("job")).count(), 36);
        assert_eq!(followed, fresh);
    }
}
