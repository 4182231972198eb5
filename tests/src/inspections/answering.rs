//! Answers on real phones: taps in any order, photos that come later, and questions with options.

use inspection_domain::users::Role;
use inspection_testkit::{
    builders::{self, CRITICAL, NUMERIC, PASS_FAIL, TEXT, YES_NO},
    clients::Client,
    files::jpeg,
};
use serde_json::{Value, json};

use crate::{
    actors::{at_once, sorted_statuses},
    site::{TestSite, on_both},
};

/// A client id as a phone creates it.
fn client_id(number: usize) -> String {
    format!("1f8fad5b-d9cb-469f-a165-{number:012}")
}

/// An inspector with a draft of a machine.
struct Round {
    client: Client,
    path: String,
    draft: i64,
    items: Vec<i64>,
}

impl Round {
    fn new(site: &TestSite) -> Self {
        let admin = site.user(Role::Admin);
        builders::checklist(&site.db, &site.context, &admin);
        Self::of_present_checklist(site)
    }

    fn of_present_checklist(site: &TestSite) -> Self {
        let inspector = site.user(Role::Inspector);
        let machine = builders::equipment(&site.db, &site.context);
        let client = site.client(&inspector);
        let started = client.post("/api/inspections/start", &json!({"equipment_id": machine.id}));
        assert_eq!(started.status, 201, "{}", started.text);
        let items = started.data()["checklist_items"].as_array().expect("questions").iter();
        let items = items.map(|item| item["id"].as_i64().expect("an id")).collect();
        Self { client, path: format!("/api/inspections/{}", started.id()), draft: started.id(), items }
    }

    /// The data of an answer.
    fn answer(&self, place: usize, mut body: Value) -> Value {
        body["checklist_item_id"] = json!(self.items[place]);
        let answer = self.client.post(&format!("{}/answer", self.path), &body);
        assert_eq!(answer.status, 200, "{body}: {}", answer.text);
        answer.data().clone()
    }

    /// The answer as it is stored.
    fn stored(&self, place: usize) -> Value {
        let detail = self.client.get(&self.path);
        let answers = detail.data()["answers"].as_array().expect("answers").clone();
        let found = answers.into_iter().find(|answer| answer["checklist_item_id"] == self.items[place]);
        found.unwrap_or_default()
    }

    fn upload(&self, fields: &[(&str, &str)]) -> i64 {
        self.client.upload(fields, "photo.jpg", "image/jpeg", &jpeg(40, 30)).id()
    }

    fn submit(&self) -> inspection_testkit::clients::Response {
        self.client.post(&format!("{}/submit", self.path), &json!({}))
    }

    /// Answers the required questions of the usual checklist; the critical one fails.
    fn answer_all(&self) {
        for (place, value) in [
            (PASS_FAIL, json!("pass")),
            (YES_NO, json!("yes")),
            (NUMERIC, json!(15)),
            (CRITICAL, json!("fail")),
        ] {
            self.answer(place, json!({"answer_value": value}));
        }
    }

    /// Applies an item of offline work.
    fn sync(&self, number: usize, kind: &str, data: Value) -> Value {
        let item = json!({"client_id": client_id(number), "entity_type": kind, "entity_data": data});
        self.client.post("/api/sync", &item).data().clone()
    }
}

fn ids(list: &Value) -> Vec<i64> {
    let list = list.as_array().expect("a list").iter();
    list.map(|item| item["checklist_item_id"].as_i64().expect("an id")).collect()
}

on_both! {
    fn a_second_tap_wipes_neither_the_photo_nor_the_remark(site: TestSite) {
        let round = Round::new(&site);
        let photo = round.upload(&[]);
        round.answer(PASS_FAIL, json!({"answer_value": "fail", "comment": "Worn.", "photo_file_id": photo}));
        let kept = |value: &str| {
            let stored = round.stored(PASS_FAIL);
            assert_eq!(
                (&stored["answer_value"], &stored["comment"], &stored["photo_file_id"], &stored["photo_file_ids"]),
                (&json!(value), &json!("Worn."), &json!(photo), &json!([photo])),
                "{stored}"
            );
        };
        round.answer(PASS_FAIL, json!({"answer_value": "pass"}));
        kept("pass");
        let item = round.items[PASS_FAIL];
        let batch = json!({"answers": [{"checklist_item_id": item, "answer_value": "fail"}]});
        assert_eq!(round.client.post(&format!("{}/answers", round.path), &batch).status, 200);
        kept("fail");
        let data = json!({"inspection_id": round.draft, "checklist_item_id": item, "answer_value": "pass"});
        assert_eq!(round.sync(1, "inspection_answer", data)["outcome"], "applied");
        kept("pass");
        round.answer(PASS_FAIL, json!({"comment": null, "photo_file_id": null}));
        let stored = round.stored(PASS_FAIL);
        assert_eq!(
            (&stored["answer_value"], &stored["comment"], &stored["photo_file_ids"]),
            (&json!("pass"), &Value::Null, &json!([]))
        );
        assert_eq!(round.client.delete(&format!("/api/files/{photo}")).status, 200, "it is free again");
    }

    fn a_remark_typed_before_the_verdict_is_kept(site: TestSite) {
        let round = Round::new(&site);
        let saved = round.answer(PASS_FAIL, json!({"comment": "Squeals when cold."}));
        assert_eq!((&saved["answer_value"], &saved["progress"]["answered_items"]), (&json!(""), &json!(0)));
        assert!(ids(&saved["progress"]["missing_answers"]).contains(&round.items[PASS_FAIL]));
        round.answer_all();
        round.answer(PASS_FAIL, json!({"answer_value": null}));
        round.answer(CRITICAL, json!({"photo_path": "a.jpg"}));
        let refused = round.submit();
        assert_eq!((refused.code(), refused.json["errors"].as_array().map(Vec::len)), ("RULE_VIOLATION", Some(1)));
        let saved = round.answer(PASS_FAIL, json!({"answer_value": "pass"}));
        assert_eq!(saved["comment"], "Squeals when cold.");
        assert_eq!(round.submit().status, 200);
        let nothing = json!({"checklist_item_id": round.items[PASS_FAIL]});
        let refused = Round::of_present_checklist(&site);
        let refused = refused.client.post(&format!("{}/answer", refused.path), &nothing);
        assert_eq!((refused.status, refused.fields()), (400, vec!["answer_value"]));
    }

    fn the_photo_of_a_crack_may_follow_its_verdict_until_the_submission(site: TestSite) {
        let round = Round::new(&site);
        round.answer_all();
        let progress = round.client.get(&format!("{}/progress", round.path)).data().clone();
        assert_eq!((&progress["is_complete"], &progress["can_submit"]), (&json!(true), &json!(false)));
        assert_eq!(ids(&progress["missing_photos"]), [round.items[CRITICAL]]);
        assert_eq!(progress["missing_photos"][0]["question_text"], "Is the hook free of cracks?");
        let arabic = round.client.get(&format!("{}/progress?lang=ar", round.path)).data().clone();
        assert_eq!(arabic["missing_photos"][0]["question_text"], "هل الخطاف خالٍ من الشقوق؟");
        let refused = round.submit();
        assert_eq!((refused.code(), refused.fields()), ("RULE_VIOLATION", vec!["checklist_item_id"]));
        round.answer(CRITICAL, json!({"photo_file_id": round.upload(&[])}));
        let done = round.submit();
        assert_eq!((done.status, &done.data()["defects_created"]), (200, &json!(1)), "{}", done.text);
    }

    fn a_photo_that_is_still_on_the_phone_does_not_lose_the_verdict(site: TestSite) {
        let round = Round::new(&site);
        for (number, path) in ["file:///sdcard/DCIM/1.jpg", "content://media/1"].into_iter().enumerate() {
            let saved = round.answer(CRITICAL, json!({"answer_value": "fail", "photo_path": path}));
            assert_eq!((&saved["answer_value"], &saved["photo_path"]), (&json!("fail"), &Value::Null));
            assert_eq!((&saved["warnings"][0]["code"], &saved["warnings"][0]["field"]), (&json!("PHOTO_NOT_UPLOADED"), &json!("photo_path")));
            assert_eq!(ids(&saved["progress"]["missing_photos"]), [round.items[CRITICAL]]);
            let data = json!({
                "inspection_id": round.draft, "checklist_item_id": round.items[PASS_FAIL],
                "answer_value": "fail", "photo_path": path,
            });
            let synced = round.sync(number, "inspection_answer", data);
            assert_eq!((&synced["outcome"], &synced["result"]["warnings"][0]["code"]), (&json!("applied"), &json!("PHOTO_NOT_UPLOADED")));
        }
        let item = round.items[CRITICAL];
        let script = json!({"checklist_item_id": item, "answer_value": "pass", "photo_path": "javascript:alert(1)"});
        assert_eq!(round.client.post(&format!("{}/answer", round.path), &script).fields(), ["photo_path"]);
    }

    fn an_ad_hoc_draft_and_the_half_of_an_assignment_do_not_block_each_other(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        let machine = builders::equipment(&site.db, &site.context);
        let (_, on_it) = builders::generated(&site.db, &site.context, &admin);
        let team = builders::team(&site.db, &site.context);
        let assignment = builders::assigned(&site.db, &site.context, &admin, on_it[0].id, &team).id;
        let starts = [json!({"equipment_id": machine.id}), json!({"assignment_id": assignment})];
        let clients = vec![site.client(&team.mechanical); 6];
        let answers = at_once(&clients, |n, client| client.post("/api/inspections/start", &starts[n % 2]));
        assert_eq!(sorted_statuses(&answers), [200, 200, 200, 200, 201, 201]);
        let drafts: Vec<i64> = answers.iter().map(inspection_testkit::clients::Response::id).collect();
        let same = |n: usize| drafts.iter().skip(n % 2).step_by(2).all(|draft| *draft == drafts[n]);
        assert!(drafts[0] != drafts[1] && same(0) && same(1), "{drafts:?}");
        for (start, draft) in starts.iter().zip(&drafts) {
            let again = clients[0].post("/api/inspections/start", start);
            assert_eq!((again.status, again.id()), (200, *draft));
        }
    }

    fn a_takeover_of_an_assignment_leaves_both_drafts_of_its_inspector(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        let machine = builders::equipment(&site.db, &site.context);
        let (_, on_it) = builders::generated(&site.db, &site.context, &admin);
        let [old, new] = [(); 2].map(|()| builders::team(&site.db, &site.context));
        let assignment = builders::assigned(&site.db, &site.context, &admin, on_it[0].id, &old).id;
        let ad_hoc = builders::draft(&site.db, &site.context, &old.mechanical, &machine).inspection.id;
        let half = builders::half_draft(&site.db, &site.context, &old.mechanical, assignment).inspection.id;
        site.clock.set("2026-03-04T08:00:00Z");
        let path = format!("/api/inspection-assignments/{assignment}/takeover");
        let requested = site.client(&new.mechanical).post(&path, &json!({"partner_id": new.electrical.id}));
        let approved = site.client(&admin).post(&format!("/api/takeovers/{}/approve", requested.id()), &json!({}));
        assert_eq!(approved.status, 200, "{}", approved.text);
        let client = site.client(&old.mechanical);
        for draft in [ad_hoc, half] {
            assert_eq!(client.get(&format!("/api/inspections/{draft}")).data()["status"], "draft");
        }
        let again = client.post("/api/inspections/start", &json!({"equipment_id": machine.id}));
        assert_eq!((again.status, again.id()), (200, ad_hoc.get()));
        assert_eq!(client.delete(&format!("/api/inspections/{ad_hoc}")).status, 200);
        let again = client.post("/api/inspections/start", &json!({"equipment_id": machine.id}));
        assert_eq!((again.status, again.id()), (200, half.get()), "no answer is out of reach");
    }

    fn an_admin_who_edits_a_checklist_does_not_change_a_running_round(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (template, items) = builders::checklist(&site.db, &site.context, &admin);
        let round = Round::of_present_checklist(&site);
        let before = round.client.get(&round.path).data()["checklist_items"].clone();
        let (chief, path) = (site.client(&admin), format!("/api/checklists/{}/items", template.id));
        let added = chief.post(&path, &json!({"question_text": "Is the horn loud?", "answer_type": "yes_no"}));
        assert_eq!(added.status, 201, "{}", added.text);
        let changed = chief.put(
            &format!("{path}/{}", items[NUMERIC].id),
            &json!({"question_text": "Oil pressure in kPa?", "pass_fail_rule": {"min": 1000, "max": 2000}}),
        );
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(chief.delete(&format!("{path}/{}", items[TEXT].id)).status, 200);
        assert_eq!(chief.put(&format!("{path}/{}", items[YES_NO].id), &json!({"order_index": 90})).status, 200);
        let asked = chief.get(&format!("/api/checklists/{}", template.id)).data()["items"].clone();
        let asked: Vec<&Value> = asked.as_array().expect("questions").iter().map(|item| &item["id"]).collect();
        assert_eq!(asked.len(), 5);
        assert!(!asked.contains(&&json!(items[TEXT].id)));
        let place = chief.post(&path, &json!({"question_text": "Any remarks?", "answer_type": "text", "order_index": 4}));
        assert_eq!(place.status, 201, "the position of the removed question is free: {}", place.text);

        let detail = round.client.get(&round.path);
        assert_eq!(detail.data()["checklist_items"], before);
        round.answer_all();
        let number = round.answer(NUMERIC, json!({"answer_value": 9}));
        assert_eq!((&number["is_failed"], &number["checklist_item"]["question_text"]), (&json!(true), &json!("Oil pressure in bar?")));
        assert_eq!(round.answer(TEXT, json!({"answer_value": "Nothing."}))["answer_value"], "Nothing.");
        let foreign = json!({"checklist_item_id": added.id(), "answer_value": "yes"});
        assert_eq!(round.client.post(&format!("{}/answer", round.path), &foreign).fields(), ["checklist_item_id"]);
        round.answer(CRITICAL, json!({"photo_path": "a.jpg"}));
        let done = round.submit();
        assert_eq!((done.status, &done.data()["defects_created"]), (200, &json!(2)), "{}", done.text);
        assert_eq!(round.client.get(&round.path).data()["checklist_items"], before);
        assert_eq!(Round::of_present_checklist(&site).items.len(), 6, "the next round has the present questions");
    }

    fn a_checklist_asks_only_what_applies_and_judges_by_its_options(site: TestSite) {
        let admin = site.user(Role::Admin);
        let chief = site.client(&admin);
        let checklist = chief.post("/api/checklists", &json!({"name": "Crane check", "equipment_type": "crane", "items": [
            {"question_text": "Any leak?", "answer_type": "yes_no", "fails_on": "yes"},
            {"question_text": "How large?", "answer_type": "choice", "show_if": {"item_order": 0, "is": ["YES"]},
             "requires_comment_on_fail": true,
             "choices": [{"value": "Drops", "value_ar": "قطرات"}, {"value": "Stream", "value_ar": "تدفق", "fails": true}]},
            {"question_text": "Temperature?", "answer_type": "numeric", "unit": "°C", "allow_na": true,
             "pass_fail_rule": {"max": 90}, "warning": {"max": 70}},
            {"question_text": "Next service?", "answer_type": "date"},
            {"question_text": "The name plate", "answer_type": "photo"},
        ]}));
        assert_eq!(checklist.status, 201, "{}", checklist.text);
        let first = &checklist.data()["items"][1];
        assert_eq!((&first["show_if"]["item_order"], &first["choices"][1]["fails"]), (&json!(0), &json!(true)));
        let round = Round::of_present_checklist(&site);
        let total = |saved: &Value| saved["progress"]["total_items"].clone();
        assert_eq!(total(&round.answer(0, json!({"answer_value": "no"}))), 4);
        assert_eq!(total(&round.answer(0, json!({"answer_value": "Yes"}))), 5);
        let size = round.answer(1, json!({"answer_value": "تدفق"}));
        assert_eq!((&size["answer_value"], &size["is_failed"]), (&json!("Stream"), &json!(true)));
        assert_eq!(ids(&size["progress"]["missing_comments"]), [round.items[1]]);
        assert_eq!(round.answer(2, json!({"answer_value": "N/A"}))["answer_value"], "n/a");
        assert_eq!(round.answer(2, json!({"answer_value": 75}))["is_warning"], true);
        assert_eq!(round.answer(3, json!({"answer_value": "٢٠٢٦-٠٤-٠١"}))["answer_value"], "2026-04-01");
        let photos = [round.upload(&[]), round.upload(&[])];
        let plate = round.answer(4, json!({"photo_file_ids": photos}));
        assert_eq!((&plate["photo_file_id"], &plate["progress"]["is_complete"]), (&json!(photos[0]), &json!(true)));
        for photo in photos {
            assert_eq!(round.client.delete(&format!("/api/files/{photo}")).code(), "RULE_VIOLATION", "it is the answer");
        }
        let refused = round.submit();
        assert_eq!((refused.code(), refused.fields()), ("RULE_VIOLATION", vec!["checklist_item_id"]), "{}", refused.text);
        round.answer(0, json!({"answer_value": "no"}));
        let done = round.submit();
        assert_eq!((done.status, &done.data()["result"], &done.data()["defects_created"]), (200, &json!("pass"), &json!(0)), "what isn't asked doesn't fail");
        assert_eq!(done.data()["warnings"], 1);
        let machine = done.data()["equipment_id"].clone();
        let history = round.client.get(&format!("/api/equipment/{machine}/history"));
        assert_eq!(history.data()[0]["inspection"]["warnings"], 1, "{}", history.text);
        let again = Round::of_present_checklist(&site);
        again.answer(0, json!({"answer_value": "yes"}));
        again.answer(1, json!({"answer_value": "stream", "comment": "Under the pump."}));
        again.answer(2, json!({"answer_value": "n/a"}));
        again.answer(3, json!({"answer_value": "2026-04-01"}));
        again.answer(4, json!({"photo_path": "plate.jpg"}));
        let done = again.submit();
        assert_eq!((&done.data()["result"], &done.data()["defects_created"]), (&json!("fail"), &json!(2)), "{}", done.text);
    }

    fn a_question_on_which_another_depends_stays(site: TestSite) {
        let admin = site.user(Role::Admin);
        let chief = site.client(&admin);
        let (template, items) = builders::checklist(&site.db, &site.context, &admin);
        let path = format!("/api/checklists/{}/items", template.id);
        let new = |order: i64, is: &str| chief.post(&path, &json!({
            "question_text": "Where?", "answer_type": "text", "category": "mechanical",
            "show_if": {"item_order": order, "is": [is]},
        }));
        assert_eq!(new(0, "yes").fields(), ["show_if"], "no answer of that question");
        assert_eq!(new(1, "no").fields(), ["show_if"], "of the other trade");
        assert_eq!(new(99, "fail").fields(), ["show_if"], "no such question");
        assert_eq!(new(0, "fail").status, 201);
        assert_eq!(chief.delete(&format!("{path}/{}", items[PASS_FAIL].id)).code(), "RULE_VIOLATION");
        let moved = chief.put(&format!("{path}/{}", items[PASS_FAIL].id), &json!({"order_index": 50}));
        assert_eq!(moved.fields(), ["items[5].show_if"], "{}", moved.text);
        let version = chief.post(&format!("/api/checklists/{}/versions", template.id), &json!({"version": "next"}));
        assert_eq!(version.data()["items"][5]["show_if"]["is"], json!(["fail"]));
    }
}
