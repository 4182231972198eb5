//! Checklists: versions and questions (§3).

use inspection_domain::{
    audit::AuditAction,
    checklists::{Item, ItemChanges, NewItem, NewVersion, Template, TemplateChanges, TemplateFilter},
    ids::{ItemId, TemplateId},
    inspections::StartInspection,
    rule::Code,
    users::{Role, User},
};
use inspection_persistence::{Context, Database, Result, checklists, inspections};
use inspection_testkit::{
    builders::{
        CRITICAL, NUMERIC, PASS_FAIL, TEXT, act, answered, checklist, checklist_with, draft, equipment,
        input, user,
    },
    context::context,
    on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, code, filter, refusal, trail};

fn change_item(db: &Database, context: &Context, admin: &User, of: &Item, body: Value) -> Result<Item> {
    let changes: ItemChanges = input(body);
    act(db, context, admin, |tx| checklists::update_item(tx, of.template_id, of.id, changes))
}

fn delete_item(db: &Database, context: &Context, admin: &User, of: &Item) -> Result<()> {
    act(db, context, admin, |tx| checklists::delete_item(tx, of.template_id, of.id))
}

fn add_item(
    db: &Database,
    context: &Context,
    admin: &User,
    to: TemplateId,
    order: Option<i32>,
) -> Result<Item> {
    let new: NewItem = input(json!({"question_text": "New?", "answer_type": "text", "order_index": order}));
    act(db, context, admin, |tx| checklists::add_item(tx, to, new))
}

fn activate(db: &Database, context: &Context, admin: &User, of: &Template, active: bool) {
    let changes: TemplateChanges = input(json!({"is_active": active}));
    act(db, context, admin, |tx| checklists::update(tx, of.id, changes)).expect("a change");
}

on_both_databases! {
    fn a_new_version_is_a_copy_with_questions_of_its_own(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let (template, items) = checklist_with(&db, &context, &admin, |body| body["version"] = json!("1.0"));
        clock.advance_seconds(60);
        let clone = |version: &str| {
            let new: NewVersion = input(json!({"version": version}));
            act(&db, &context, &admin, |tx| checklists::clone(tx, template.id, new))
        };
        let (copy, copied) = clone("2.0").unwrap();
        let now = context.clock.now();
        assert_eq!(
            copy,
            Template {
                id: copy.id,
                version: "2.0".into(),
                created_at: now,
                updated_at: now,
                ..template.clone()
            }
        );
        let expected: Vec<Item> = items
            .iter()
            .zip(&copied)
            .map(|(item, copied)| Item {
                id: copied.id,
                template_id: copy.id,
                created_at: now,
                updated_at: now,
                lineage_id: Some(item.id),
                ..item.clone()
            })
            .collect();
        assert_eq!(copied, expected);
        assert!(copied.iter().all(|copied| items.iter().all(|item| item.id != copied.id)));
        assert_eq!(db.read(|conn| checklists::get(conn, template.id)).unwrap(), (template.clone(), items));
        assert_eq!(refusal(clone("1.0")), (Code::Duplicate, vec!["version".to_owned()]));
        assert_eq!(refusal(clone("2.0")), (Code::Duplicate, vec!["version".to_owned()]));
        let other = checklist_with(&db, &context, &admin, |body| {
            body["version"] = json!("2.0");
            body["equipment_type"] = json!("pump");
        });
        assert_eq!(other.0.version, "2.0", "another type has its own versions");
    }

    fn an_answered_question_is_history(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        let (_, items) = checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        for body in [json!({"question_text": "Are the brakes good?"}), json!({"critical_failure": true})] {
            change_item(&db, &context, &admin, &items[PASS_FAIL], body).unwrap();
        }
        answered(&db, &context, &inspector, &crane, &[]);
        let before = db.read(|conn| checklists::get(conn, items[0].template_id)).unwrap().1;
        for (place, body) in [
            (PASS_FAIL, json!({"question_text": "Other?"})),
            (PASS_FAIL, json!({"question_text_ar": null})),
            (PASS_FAIL, json!({"answer_type": "yes_no"})),
            (PASS_FAIL, json!({"category": null})),
            (NUMERIC, json!({"pass_fail_rule": {"min": 1}})),
            (CRITICAL, json!({"critical_failure": false})),
            (TEXT, json!({"category": "electrical"})),
        ] {
            assert_eq!(code(change_item(&db, &context, &admin, &items[place], body)), Code::RuleViolation);
        }
        assert_eq!(code(delete_item(&db, &context, &admin, &items[TEXT])), Code::RuleViolation);
        assert_eq!(db.read(|conn| checklists::get(conn, items[0].template_id)).unwrap().1, before);

        let moved =
            change_item(&db, &context, &admin, &items[TEXT], json!({"order_index": 9, "is_required": true}));
        let moved = moved.unwrap();
        assert_eq!((moved.order_index, moved.is_required), (9, true));
    }

    fn an_unanswered_question_is_removed_only_through_its_checklist(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (template, items) = checklist(&db, &context, &admin);
        let (other, _) = checklist(&db, &context, &admin);
        let elsewhere = Item { template_id: other.id, ..items[0].clone() };
        assert_eq!(code(delete_item(&db, &context, &admin, &elsewhere)), Code::NotFound);
        assert_eq!(code(change_item(&db, &context, &admin, &elsewhere, json!({}))), Code::NotFound);
        delete_item(&db, &context, &admin, &items[0]).unwrap();
        assert_eq!(code(delete_item(&db, &context, &admin, &items[0])), Code::NotFound);
        let left: Vec<ItemId> = db
            .read(|conn| checklists::get(conn, template.id))
            .unwrap()
            .1
            .iter()
            .map(|item| item.id)
            .collect();
        assert_eq!(left, items[1..].iter().map(|item| item.id).collect::<Vec<_>>());
        let lines = trail(&db, &context, json!({"entity_type": "checklist_item", "entity_id": items[0].id}));
        assert_eq!(lines.iter().map(|line| line.action).collect::<Vec<_>>(), [AuditAction::Delete]);
        let nothing = TemplateId::new(9_999).unwrap();
        assert_eq!(code(add_item(&db, &context, &admin, nothing, None)), Code::NotFound);
    }

    fn a_submitted_inspection_keeps_its_questions(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        let (template, items) = checklist(&db, &context, &admin);
        let optional = items[TEXT].id;
        let sheet = draft(&db, &context, &inspector, &equipment(&db, &context));
        let given = inspection_testkit::builders::answers(&sheet, &[]);
        let given = given.into_iter().filter(|answer| answer.checklist_item_id != optional).collect();
        let id = sheet.inspection.id;
        act(&db, &context, &inspector, |tx| inspections::answer(tx, id, given, |_| None)).unwrap();
        act(&db, &context, &inspector, |tx| inspections::submit(tx, id)).unwrap();
        let seen = || db.read(|conn| inspections::get_visible(conn, &admin, id)).unwrap();
        let before = seen();
        for body in [json!({"is_required": true}), json!({"question_text": "Other?"}), json!({"category": "electrical"})] {
            let refused = change_item(&db, &context, &admin, &items[TEXT], body.clone());
            assert_eq!(code(refused), Code::RuleViolation, "{body}");
            let refused = change_item(&db, &context, &admin, &items[PASS_FAIL], body.clone());
            let stored = body == json!({"is_required": true});
            assert_eq!(refused.is_ok(), stored, "equal values are no change: {body}");
        }
        assert_eq!(code(delete_item(&db, &context, &admin, &items[TEXT])), Code::RuleViolation);
        // Also on an instance whose clock is slow.
        clock.advance_seconds(-3600);
        let new = add_item(&db, &context, &admin, template.id, None).unwrap();
        assert!(new.created_at > before.inspection.submitted_at.unwrap());
        clock.advance_seconds(3600);
        let after = seen();
        assert_eq!(after.items.iter().map(|item| item.id).collect::<Vec<_>>(), items.iter().map(|item| item.id).collect::<Vec<_>>());
        assert_eq!(after.progress(), before.progress());
        change_item(&db, &context, &admin, &new, json!({"is_required": true})).unwrap();
        delete_item(&db, &context, &admin, &new).unwrap();
    }

    fn a_place_is_taken_once_and_the_next_one_is_after_the_last(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (template, items) = checklist(&db, &context, &admin);
        let taken = (Code::Duplicate, vec!["order_index".to_owned()]);
        assert_eq!(refusal(add_item(&db, &context, &admin, template.id, Some(2))), taken);
        assert_eq!(refusal(change_item(&db, &context, &admin, &items[0], json!({"order_index": 4}))), taken);
        let place = |order| add_item(&db, &context, &admin, template.id, order).unwrap().order_index;
        assert_eq!([place(None), place(Some(20)), place(None), place(Some(10))], [5, 20, 21, 10]);
        let order: Vec<i32> = db
            .read(|conn| checklists::get(conn, template.id))
            .unwrap()
            .1
            .iter()
            .map(|i| i.order_index)
            .collect();
        assert_eq!(order, [0, 1, 2, 3, 4, 5, 10, 20, 21]);
    }

    fn an_inspection_starts_from_the_newest_active_checklist_of_the_type(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        let start = || {
            let crane = equipment(&db, &context);
            let what: StartInspection = input(json!({"equipment_id": crane.id}));
            act(&db, &context, &inspector, |tx| inspections::start(tx, &what))
                .map(|(sheet, _)| sheet.template.id)
        };
        assert_eq!(code(start()), Code::RuleViolation, "there is none");
        let (old, _) = checklist(&db, &context, &admin);
        let (new, _) = checklist(&db, &context, &admin);
        checklist_with(&db, &context, &admin, |body| body["equipment_type"] = json!("pump"));
        checklist_with(&db, &context, &admin, |body| body["is_active"] = json!(false));
        assert_eq!(start().unwrap(), new.id);
        activate(&db, &context, &admin, &new, false);
        assert_eq!(start().unwrap(), old.id);
        activate(&db, &context, &admin, &new, true);
        assert_eq!(start().unwrap(), new.id);
        checklist_with(&db, &context, &admin, |body| body["items"] = json!([]));
        assert_eq!(code(start()), Code::RuleViolation, "the newest asks nothing");
    }

    fn a_draft_keeps_its_checklist_when_a_newer_version_appears(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        let (old, _) = checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        draft(&db, &context, &inspector, &crane);
        checklist(&db, &context, &admin);
        activate(&db, &context, &admin, &old, false);
        assert_eq!(draft(&db, &context, &inspector, &crane).template.id, old.id);
    }

    fn checklists_are_found_by_type_state_and_name_with_their_questions(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (crane, questions) = checklist(&db, &context, &admin);
        let (pump, _) = checklist_with(&db, &context, &admin, |body| {
            body["equipment_type"] = json!("pump");
            body["name"] = json!("Pump_100%");
            body["name_ar"] = json!("مضخة");
            body["is_active"] = json!(false);
            body["items"] = json!([]);
        });
        let found = |body| -> Vec<TemplateId> {
            let filter: TemplateFilter = filter(body);
            let page = db.read(|conn| checklists::list(conn, &filter, ALL)).unwrap();
            page.items.iter().map(|(template, _)| template.id).collect()
        };
        assert_eq!(found(json!({})), [pump.id, crane.id], "newest first by default");
        assert_eq!(found(json!({"equipment_type": "pump"})), [pump.id]);
        assert_eq!(found(json!({"is_active": true})), [crane.id]);
        assert_eq!(found(json!({"q": "pump_1"})), [pump.id]);
        assert_eq!(found(json!({"q": "1%PUMP"})), [pump.id]);
        assert_eq!(found(json!({"q": "pump 2"})), []);
        assert_eq!(found(json!({"q": "الرافعة"})), [crane.id]);
        let page = db.read(|conn| checklists::list(conn, &filter(json!({})), ALL)).unwrap();
        assert_eq!(page.items, [(pump, vec![]), (crane, questions)]);
    }
}
