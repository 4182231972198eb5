//! The two halves of an assignment, and photos that come after the submission.

use inspection_domain::{
    inspections::Inspection,
    users::{Role, User},
};
use inspection_testkit::{
    builders::{self, CRITICAL, PASS_FAIL, Team},
    clients::Client,
    files::jpeg,
};
use serde_json::{Value, json};

use crate::site::{TestSite, on_both};

/// An assignment whose mechanical half is submitted.
struct Shared {
    team: Team,
    assignment: i64,
    mechanical: Inspection,
}

impl Shared {
    fn new(site: &TestSite) -> Self {
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        builders::equipment(&site.db, &site.context);
        let (_, on_it) = builders::generated(&site.db, &site.context, &admin);
        let team = builders::team(&site.db, &site.context);
        let assignment = builders::assigned(&site.db, &site.context, &admin, on_it[0].id, &team).id;
        let mechanical =
            builders::half_submitted(&site.db, &site.context, &team.mechanical, assignment, &[PASS_FAIL]);
        Self { team, assignment: assignment.get(), mechanical }
    }

    fn read(&self, client: &Client) -> inspection_testkit::clients::Response {
        client.get(&format!("/api/inspection-assignments/{}/answers", self.assignment))
    }
}

/// Uploads a photo for an answer.
fn photo_of(client: &Client, answer: &Value) -> i64 {
    let number = answer.to_string();
    let fields = [("related_type", "inspection_answer"), ("related_id", number.as_str())];
    client.upload(&fields, "late.jpg", "image/jpeg", &jpeg(40, 30)).id()
}

fn inspections_of(site: &TestSite, user: &User) -> Vec<i64> {
    let list = site.client(user).get("/api/inspections");
    list.data().as_array().expect("a list").iter().map(|row| row["id"].as_i64().expect("an id")).collect()
}

on_both! {
    fn the_team_reads_both_halves_and_answers_its_own(site: TestSite) {
        let shared = Shared::new(&site);
        let electrical = site.client(&shared.team.electrical);
        let both = shared.read(&electrical);
        let (halves, answers) = (&both.data()["halves"], both.data()["answers"].as_array().expect("answers"));
        assert_eq!((&halves[0]["category"], &halves[0]["status"], &halves[0]["is_own"]), (&json!("mechanical"), &json!("submitted"), &json!(false)));
        assert_eq!((&halves[1]["category"], &halves[1]["inspection_id"], &halves[1]["is_own"]), (&json!("electrical"), &Value::Null, &json!(true)));
        assert_eq!(both.data()["checklist_items"].as_array().map(Vec::len), Some(5), "the questions of both");
        assert!(answers.len() == 4 && answers.iter().any(|answer| answer["is_failed"] == true), "{}", both.text);
        let other = format!("/api/inspections/{}", shared.mechanical.id);
        let detail = electrical.get(&other);
        assert_eq!((detail.status, &detail.data()["result"]), (200, &json!("fail")), "{}", detail.text);
        let item = &answers[0]["checklist_item_id"];
        let written = electrical.post(&format!("{other}/answer"), &json!({"checklist_item_id": item, "answer_value": "pass"}));
        assert_eq!(written.code(), "FORBIDDEN");
        assert_eq!(inspections_of(&site, &shared.team.electrical), [shared.mechanical.id.get()], "their team's");

        let own = builders::half_answered(&site.db, &site.context, &shared.team.electrical, shared.mechanical.assignment_id.expect("a half"), &[]);
        assert_eq!((own.progress().total_items, own.progress().is_complete), (4, true), "only their own questions");
        let both = shared.read(&site.client(&shared.team.mechanical));
        assert_eq!(both.data()["answers"].as_array().map(Vec::len), Some(8));
        for (role, status) in [(Role::Admin, 200), (Role::Engineer, 200), (Role::QualityEngineer, 200), (Role::Specialist, 403), (Role::Inspector, 403)] {
            let other = site.as_a(role);
            assert_eq!(shared.read(&other).status, status, "{role}");
            assert_eq!(other.get(&format!("/api/inspections/{}", shared.mechanical.id)).status, status, "{role}");
        }
        assert_eq!(site.as_a(Role::Admin).get("/api/inspection-assignments/999/answers").code(), "NOT_FOUND");
    }

    fn the_team_that_takes_over_reads_the_finished_half(site: TestSite) {
        let shared = Shared::new(&site);
        let taker = builders::team(&site.db, &site.context);
        site.clock.set("2026-03-04T08:00:00Z");
        let path = format!("/api/inspection-assignments/{}/takeover", shared.assignment);
        let requested = site.client(&taker.electrical).post(&path, &json!({"partner_id": taker.mechanical.id}));
        let admin = site.as_a(Role::Admin);
        assert_eq!(admin.post(&format!("/api/takeovers/{}/approve", requested.id()), &json!({})).status, 200, "{}", requested.text);
        let finished = format!("/api/inspections/{}", shared.mechanical.id);
        assert_eq!(site.client(&taker.electrical).get(&finished).status, 200);
        assert_eq!(inspections_of(&site, &taker.electrical), [shared.mechanical.id.get()]);
        assert_eq!(site.client(&shared.team.electrical).get(&finished).status, 403, "no longer on the team");
        assert_eq!(site.client(&shared.team.mechanical).get(&finished).status, 200, "its inspector");
    }

    fn photos_that_a_phone_uploads_late_are_added_and_replace_none(site: TestSite) {
        let shared = Shared::new(&site);
        let inspector = site.client(&shared.team.mechanical);
        let path = format!("/api/inspections/{}", shared.mechanical.id);
        let answers = inspector.get(&path).data()["answers"].clone();
        let failed = answers.as_array().expect("answers").iter().find(|answer| answer["is_failed"] == true).expect("a failed one").clone();
        let add = |client: &Client, photo: i64| {
            let body = json!({"checklist_item_id": failed["checklist_item_id"], "photo_file_id": photo});
            client.post(&format!("{path}/answer"), &body)
        };
        let photo = photo_of(&inspector, &failed["id"]);
        let added = add(&inspector, photo);
        assert_eq!((added.status, &added.data()["photo_file_ids"]), (200, &json!([photo])), "{}", added.text);
        assert_eq!((&added.data()["answer_value"], &added.data()["photo_path"]), (&failed["answer_value"], &failed["photo_path"]));
        let second = photo_of(&inspector, &failed["id"]);
        assert_eq!(add(&inspector, second).data()["photo_file_ids"], json!([photo, second]), "the first one stays");
        assert_eq!(inspector.delete(&format!("/api/files/{second}")).code(), "RULE_VIOLATION");
        let loose = inspector.upload(&[], "photo.jpg", "image/jpeg", &jpeg(40, 30)).id();
        assert_eq!(add(&inspector, loose).fields(), ["photo_file_ids"], "not uploaded for this answer");
        let foreign = photo_of(&site.client(&shared.team.electrical), &failed["id"]);
        assert_eq!(add(&inspector, foreign).fields(), ["photo_file_ids"], "uploaded by another user");
        assert_eq!(add(&site.client(&shared.team.electrical), foreign).code(), "FORBIDDEN");
        let verdict = json!({"checklist_item_id": failed["checklist_item_id"], "answer_value": "pass", "photo_file_id": photo});
        assert_eq!(inspector.post(&format!("{path}/answer"), &verdict).code(), "INVALID_STATE", "nothing else changes");

        site.clock.advance_seconds(7 * 24 * 3600);
        let inspector = site.client(&shared.team.mechanical);
        let last = photo_of(&inspector, &failed["id"]);
        let synced = inspector.post("/api/sync", &json!({
            "client_id": "2f8fad5b-d9cb-469f-a165-000000000001", "entity_type": "answer_photo",
            "entity_data": {"answer_id": failed["id"], "photo_file_id": last},
        }));
        assert_eq!((&synced.data()["outcome"], &synced.data()["result"]["photo_file_ids"]), (&json!("applied"), &json!([photo, second, last])), "{}", synced.text);
        site.clock.advance_seconds(1);
        let inspector = site.client(&shared.team.mechanical);
        let late = photo_of(&inspector, &failed["id"]);
        assert_eq!(add(&inspector, late).code(), "RULE_VIOLATION", "after a week");
    }

    fn a_photo_taken_offline_joins_those_of_the_draft(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (_, items) = builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let client = site.as_a(Role::Inspector);
        let upload = || client.upload(&[], "photo.jpg", "image/jpeg", &jpeg(40, 30)).id();
        let [start, one, two, three] = [1, 2, 3, 4].map(|n| format!("3f8fad5b-d9cb-469f-a165-{n:012}"));
        let item = |id: &String, kind: &str, data: Value| json!({"client_id": id, "entity_type": kind, "entity_data": data});
        let (first, second) = (upload(), upload());
        let photo = |file: i64| json!({"inspection_client_id": start, "checklist_item_id": items[CRITICAL].id, "photo_file_id": file});
        let answered = client.post("/api/sync/batch", &json!({"items": [
            item(&start, "inspection_start", json!({"equipment_id": machine.id})),
            item(&one, "answer_photo", photo(first)),
            item(&two, "inspection_answer", json!({"inspection_client_id": start, "checklist_item_id": items[CRITICAL].id, "answer_value": "fail"})),
            item(&three, "answer_photo", photo(second)),
        ]}));
        let results = answered.data()["results"].clone();
        let outcomes: Vec<&Value> = results.as_array().expect("results").iter().map(|result| &result["outcome"]).collect();
        assert_eq!(outcomes, ["applied"; 4], "{}", answered.text);
        let last = &results[3]["result"];
        assert_eq!((&last["answer_value"], &last["photo_file_ids"]), (&json!("fail"), &json!([first, second])));
    }
}
