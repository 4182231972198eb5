//! Files that prove answers and reviews.

use std::thread;

use inspection_domain::users::Role;
use inspection_testkit::{
    builders::{self, CRITICAL},
    files::pdf,
};
use serde_json::json;

use super::{signed_in, upload_photo};
use crate::site::on_both;

on_both! {
    fn a_photo_proves_a_failed_critical_answer(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (_, items) = builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let (owner, client) = signed_in(&site, Role::Inspector);
        let draft = builders::draft(&site.db, &site.context, &owner, &machine).inspection.id.get();
        let answer = |file: serde_json::Value| client.post(&format!("/api/inspections/{draft}/answer"),
            &json!({"checklist_item_id": items[CRITICAL].id, "answer_value": "fail", "photo_file_id": file}));
        let without = answer(json!(null));
        assert_eq!((without.status, &without.data()["progress"]["can_submit"]), (200, &json!(false)), "{}", without.text);
        let file = upload_photo(&client, &[])["id"].as_i64().expect("an id");
        for (wrong, what) in [(json!(999), "not there"), (json!(-1), "no id"), (json!("x"), "no number")] {
            assert_eq!(answer(wrong).fields(), ["photo_file_id"], "{what}");
        }
        let document = client.upload(&[], "a.pdf", "application/pdf", &pdf()).id();
        assert_eq!(answer(json!(document)).fields(), ["photo_file_id"], "not an image");
        let foreign = upload_photo(&site.as_a(Role::Inspector), &[])["id"].clone();
        let refused = answer(foreign);
        assert_eq!((refused.fields(), refused.text.contains("no existing file")), (vec!["photo_file_id"], true), "of another user");
        let number = machine.id.to_string();
        let of_machine = upload_photo(&client, &[("related_type", "equipment"), ("related_id", &number)])["id"].clone();
        assert_eq!(answer(of_machine).status, 200, "a photo of the machine");

        let taken = answer(json!(file));
        assert_eq!(taken.status, 200, "{}", taken.text);
        let known = client.get(&format!("/api/files/{file}"));
        assert_eq!((&known.data()["related_type"], &known.data()["related_id"]), (&json!("inspection"), &json!(draft)));
        let sheet = client.get(&format!("/api/inspections/{draft}"));
        assert!(sheet.data()["answers"].as_array().expect("answers").iter().any(|a| a["photo_file_id"] == json!(file)), "{}", sheet.text);
        let (_, engineer) = signed_in(&site, Role::Engineer);
        assert_eq!(engineer.get(&format!("/api/files/{file}/download")).status, 200, "visible with the inspection");

        for who in [&client, &site.client(&admin)] {
            let refused = who.delete(&format!("/api/files/{file}"));
            assert_eq!((refused.status, refused.code()), (400, "RULE_VIOLATION"), "{}", refused.text);
        }
        assert_eq!(client.get(&format!("/api/files/{file}/download")).status, 200);
        let other = upload_photo(&client, &[])["id"].clone();
        assert_eq!(answer(other).status, 200, "a new answer releases the first photo");
        assert_eq!(client.delete(&format!("/api/files/{file}")).status, 200);
    }

    fn a_photo_of_another_inspection_proves_nothing(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (_, items) = builders::checklist(&site.db, &site.context, &admin);
        let (one, other) = (builders::equipment(&site.db, &site.context), builders::equipment(&site.db, &site.context));
        let (owner, client) = signed_in(&site, Role::Inspector);
        let first = builders::draft(&site.db, &site.context, &owner, &one).inspection.id;
        let second = builders::draft(&site.db, &site.context, &owner, &other).inspection.id;
        let file = upload_photo(&client, &[])["id"].clone();
        let body = json!({"answers": [{"checklist_item_id": items[CRITICAL].id, "answer_value": "fail", "photo_file_id": file}]});
        assert_eq!(client.post(&format!("/api/inspections/{first}/answers"), &body).status, 200);
        let refused = client.post(&format!("/api/inspections/{second}/answers"), &body);
        assert_eq!((refused.status, refused.fields()), (400, vec!["answers[0].photo_file_id"]), "{}", refused.text);
        assert_eq!(client.delete(&format!("/api/inspections/{first}")).status, 200, "deleting the draft releases its photos");
        assert_eq!(client.delete(&format!("/api/files/{file}")).status, 200);
    }

    fn files_prove_a_review(site: TestSite) {
        let (admin, client) = signed_in(&site, Role::Admin);
        builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let owner = site.user(Role::Inspector);
        let (inspection, _) = builders::submitted(&site.db, &site.context, &owner, &machine, &[]);
        let id = inspection.id;
        let file = upload_photo(&client, &[])["id"].as_i64().expect("an id");
        let document = client.upload(&[], "a.pdf", "application/pdf", &pdf()).id();
        let path = format!("/api/inspections/{id}/review");
        let wrong = client.post(&path, &json!({"file_ids": [file, 999]}));
        assert_eq!((wrong.status, wrong.fields()), (400, vec!["file_ids[1]"]), "{}", wrong.text);
        assert_eq!(client.get(&format!("/api/inspections/{id}")).data()["status"], "submitted", "nothing changed");
        let reviewed = client.post(&path, &json!({"notes": "seen", "file_ids": [file, document]}));
        assert_eq!(reviewed.status, 200, "{}", reviewed.text);
        let sheet = site.client(&owner).get(&format!("/api/inspections/{id}"));
        assert_eq!(sheet.data()["review_file_ids"], json!([file, document]));
        assert_eq!(site.client(&owner).get(&format!("/api/files/{document}/download")).status, 200);
        assert_eq!(client.delete(&format!("/api/files/{file}")).code(), "RULE_VIOLATION");
    }

    fn a_file_is_used_or_deleted_but_never_both(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (_, items) = builders::checklist(&site.db, &site.context, &admin);
        let (owner, client) = signed_in(&site, Role::Inspector);
        for round in 0..12 {
            let machine = builders::equipment(&site.db, &site.context);
            let draft = builders::draft(&site.db, &site.context, &owner, &machine).inspection.id;
            let file = upload_photo(&client, &[])["id"].as_i64().expect("an id");
            let body = json!({"checklist_item_id": items[CRITICAL].id, "answer_value": "fail", "photo_file_id": file});
            let (used, gone) = thread::scope(|scope| {
                let used = scope.spawn(|| client.post(&format!("/api/inspections/{draft}/answer"), &body));
                let gone = scope.spawn(|| client.delete(&format!("/api/files/{file}")));
                (used.join().expect("answered"), gone.join().expect("answered"))
            });
            let bytes = client.get(&format!("/api/files/{file}/download")).status;
            match (used.status, gone.status) {
                (200, 400) => assert_eq!((gone.code(), bytes), ("RULE_VIOLATION", 200), "{round}"),
                (400, 200) => assert_eq!((used.fields(), bytes), (vec!["photo_file_id"], 404), "{round}"),
                other => panic!("{other:?} {} {}", used.text, gone.text),
            }
        }
    }
}
