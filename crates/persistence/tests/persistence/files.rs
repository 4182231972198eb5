//! Records of evidence files, and the records that depend on them (§14).

mod evidence;

use std::thread;

use inspection_domain::{
    audit::AuditAction,
    files::{FileKind, Relation, StoredFile, UploadFields},
    ids::{FileId, InspectionId},
    inspections::{NewAnswer, NewAnswers, Review},
    rule::Code,
    users::{Role, User},
};
use inspection_persistence::{Context, Database, Result, files, inspections};
use inspection_testkit::{
    builders::{CRITICAL, act, checklist, draft, equipment, file, file_of, input, submitted, user},
    context::context,
    on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, code, refusal, trail, transactions::rows};

fn found(db: &Database, id: FileId) -> StoredFile {
    db.read(|conn| files::get(conn, id)).expect("a file")
}

fn answered_with(
    db: &Database,
    context: &Context,
    owner: &User,
    inspection: InspectionId,
    body: Value,
) -> Result<()> {
    let given: Vec<NewAnswer> = input::<NewAnswers>(json!({ "answers": body })).answers.0;
    act(db, context, owner, |tx| {
        inspections::answer(tx, inspection, given, |n| Some(format!("answers[{n}]")))
    })
    .map(drop)
}

on_both_databases! {
    fn files_are_recorded_listed_and_deleted(db: TestDatabase) {
        let (context, _) = context();
        let (owner, other) = (user(&db, &context, Role::Specialist), user(&db, &context, Role::Engineer));
        let machine = equipment(&db, &context);
        let loose = file(&db, &context, &owner, json!({}));
        let of_machine = file(&db, &context, &owner, json!({"related_type": "equipment", "related_id": machine.id}));
        assert_eq!((loose.category.as_str(), of_machine.category.as_str()), ("general", "equipment"));
        assert_eq!((loose.uploaded_by_id, loose.created_at, loose.relation()), (owner.id, context.clock.now(), None));
        let relation = Some(Relation::Equipment(machine.id));
        assert_eq!(of_machine.relation(), relation);
        let list = |who: &User, relation| -> Vec<FileId> {
            db.read(|conn| files::list(conn, who, relation, ALL)).expect("a list").items.iter().map(|file| file.id).collect()
        };
        assert_eq!(list(&owner, None), [of_machine.id, loose.id], "newest first");
        assert_eq!(list(&other, None), []);
        assert_eq!(list(&other, relation), [of_machine.id]);
        let line = &trail(&db, &context, json!({"entity_type": "file", "entity_id": loose.id}))[0];
        assert_eq!((line.action, line.actor_id), (AuditAction::Create, Some(owner.id)));

        let before = rows(&db);
        assert_eq!(code(act(&db, &context, &other, |tx| files::delete(tx, loose.id))), Code::Forbidden);
        assert_eq!(rows(&db), before);
        assert_eq!(act(&db, &context, &owner, |tx| files::delete(tx, loose.id)).expect("deleted"), loose);
        assert_eq!(code(act(&db, &context, &owner, |tx| files::delete(tx, loose.id))), Code::NotFound);
        let line = &trail(&db, &context, json!({"entity_type": "file", "entity_id": loose.id}))[0];
        assert_eq!(line.action, AuditAction::Delete);
    }

    fn all_files_are_iterated_in_order(db: TestDatabase) {
        let (context, _) = context();
        let owner = user(&db, &context, Role::Specialist);
        let all: Vec<StoredFile> = (0..5).map(|_| file(&db, &context, &owner, json!({}))).collect();
        let after = |last, limit| db.read(|conn| files::after(conn, last, limit)).expect("files");
        assert_eq!(after(None, 3), all[..3]);
        assert_eq!(after(Some(all[2].id), 3), all[3..]);
        assert_eq!(after(Some(all[4].id), 3), []);
        let requested = vec![all[1].key.clone(), "nowhere".into()];
        let known = db.read(|conn| files::known_keys(conn, &requested)).expect("keys");
        assert_eq!(known.into_iter().collect::<Vec<_>>(), [all[1].key.clone()]);
        assert!(db.read(|conn| files::known_keys(conn, &[])).expect("none").is_empty());
    }

    fn a_file_of_an_object_is_recorded_by_users_who_see_the_object(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (owner, other) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector));
        checklist(&db, &context, &admin);
        let inspection = draft(&db, &context, &owner, &equipment(&db, &context)).inspection.id;
        let fields: UploadFields = input(json!({"related_type": "inspection", "related_id": inspection}));
        let purpose = fields.purpose().expect("a purpose");
        let before = rows(&db);
        assert_eq!(code(act(&db, &context, &other, |tx| files::record(tx, Vec::new(), &purpose))), Code::Forbidden);
        assert_eq!(rows(&db), before);
        act(&db, &context, &owner, |tx| files::record(tx, Vec::new(), &purpose)).expect("recorded");
    }

    fn a_key_belongs_to_one_file(db: TestDatabase) {
        let (context, _) = context();
        let owner = user(&db, &context, Role::Specialist);
        let one = file(&db, &context, &owner, json!({}));
        let again = inspection_domain::files::NewFile {
            key: one.key, client_name: "a.jpg".into(), kind: FileKind::Jpeg, size: 1, sha256: "0".repeat(64),
        };
        let purpose = input::<UploadFields>(json!({})).purpose().expect("a purpose");
        let before = rows(&db);
        assert_eq!(code(act(&db, &context, &owner, |tx| files::record(tx, vec![again], &purpose))), Code::Conflict);
        assert_eq!(rows(&db), before);
    }

    fn every_unsuitable_photo_is_reported(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (_, items) = checklist(&db, &context, &admin);
        let (owner, other) = (user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector));
        let inspection = draft(&db, &context, &owner, &equipment(&db, &context)).inspection.id;
        let elsewhere = equipment(&db, &context);
        let fine = file(&db, &context, &owner, json!({}));
        let document = file_of(&db, &context, &owner, FileKind::Pdf, json!({}));
        let foreign = file(&db, &context, &other, json!({}));
        let of_other = file(&db, &context, &owner, json!({"related_type": "equipment", "related_id": elsewhere.id}));
        let body: Vec<Value> = [fine.id.get(), document.id.get(), foreign.id.get(), of_other.id.get(), 999]
            .iter()
            .zip(&items)
            .map(|(id, item)| json!({
                "checklist_item_id": item.id, "photo_file_id": id,
                "answer_value": match item.answer_type.as_str() { "yes_no" => "yes", "numeric" => "12", "text" => "x", _ => "pass" },
            }))
            .collect();
        let before = rows(&db);
        let (code, fields) = refusal(answered_with(&db, &context, &owner, inspection, json!(body)));
        assert_eq!(code, Code::ValidationError);
        let wrong: Vec<String> = (1..5).map(|n| format!("answers[{n}].photo_file_id")).collect();
        assert_eq!(fields, wrong);
        assert_eq!((rows(&db), found(&db, fine.id)), (before, fine), "nothing has happened");
    }

    fn an_unrelated_file_becomes_related_to_the_inspection_it_proves(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (_, items) = checklist(&db, &context, &admin);
        let owner = user(&db, &context, Role::Inspector);
        let machine = equipment(&db, &context);
        let inspection = draft(&db, &context, &owner, &machine).inspection.id;
        let (loose, of_machine) = (
            file(&db, &context, &owner, json!({})),
            file(&db, &context, &owner, json!({"related_type": "equipment", "related_id": machine.id})),
        );
        let photo = |item: usize, id: FileId| json!({"checklist_item_id": items[item].id, "answer_value": "fail", "photo_file_id": id});
        answered_with(&db, &context, &owner, inspection, json!([photo(0, loose.id), photo(CRITICAL, of_machine.id)])).expect("answered");
        assert_eq!(found(&db, loose.id).relation(), Some(Relation::Inspection(inspection)));
        assert_eq!(found(&db, of_machine.id), of_machine, "an existing relation stays");
        let line = &trail(&db, &context, json!({"entity_type": "file", "entity_id": loose.id}))[0];
        assert_eq!(line.action, AuditAction::Update);
        for id in [loose.id, of_machine.id] {
            assert_eq!(code(act(&db, &context, &admin, |tx| files::delete(tx, id))), Code::RuleViolation);
        }
        act(&db, &context, &owner, |tx| inspections::delete(tx, inspection)).expect("discarded");
        for id in [loose.id, of_machine.id] {
            act(&db, &context, &owner, |tx| files::delete(tx, id)).expect("deleted");
        }
    }

    fn the_files_of_a_review_are_evidence(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        checklist(&db, &context, &admin);
        let owner = user(&db, &context, Role::Inspector);
        let (inspection, _) = submitted(&db, &context, &owner, &equipment(&db, &context), &[]);
        let document = file_of(&db, &context, &admin, FileKind::Pdf, json!({}));
        let review = |ids: Value| -> Review { input(json!({"notes": "seen", "file_ids": ids})) };
        let before = rows(&db);
        let refused = refusal(act(&db, &context, &admin, |tx| inspections::review(tx, inspection.id, review(json!([document.id, 999])))));
        assert_eq!(refused, (Code::ValidationError, vec!["file_ids[1]".to_owned()]));
        assert_eq!(rows(&db), before);
        act(&db, &context, &admin, |tx| inspections::review(tx, inspection.id, review(json!([document.id])))).expect("reviewed");
        let sheet = db.read(|conn| inspections::get_visible(conn, &owner, inspection.id)).expect("a sheet");
        assert_eq!(sheet.review_files, [document.id]);
        assert_eq!(code(act(&db, &context, &admin, |tx| files::delete(tx, document.id))), Code::RuleViolation);
    }

    fn a_file_is_used_or_deleted_never_both(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (_, items) = checklist(&db, &context, &admin);
        let owner = user(&db, &context, Role::Inspector);
        let mut outcomes = [0; 2];
        for _ in 0..25 {
            let inspection = draft(&db, &context, &owner, &equipment(&db, &context)).inspection.id;
            let id = file(&db, &context, &owner, json!({})).id;
            let body = json!([{"checklist_item_id": items[CRITICAL].id, "answer_value": "fail", "photo_file_id": id}]);
            let (used, gone) = thread::scope(|scope| {
                let used = scope.spawn(|| answered_with(&db, &context, &owner, inspection, body));
                let gone = scope.spawn(|| act(&db, &context, &admin, |tx| files::delete(tx, id)));
                (used.join().expect("a thread"), gone.join().expect("a thread"))
            });
            let is_there = db.read(|conn| files::get(conn, id)).is_ok();
            let answers = db.read(|conn| inspections::get_visible(conn, &owner, inspection)).expect("a sheet").answers;
            if used.is_ok() {
                assert_eq!((code(gone), is_there, answers.len()), (Code::RuleViolation, true, 1));
                outcomes[0] += 1;
            } else {
                assert_eq!((refusal(used).1, is_there, answers.len()), (vec!["answers[0].photo_file_id".to_owned()], false, 0));
                gone.expect("deleted");
                outcomes[1] += 1;
            }
        }
        assert_eq!(outcomes.iter().sum::<i32>(), 25);
    }
}
