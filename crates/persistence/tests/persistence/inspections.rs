//! Inspections from start to review (§5).

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    defects::{Defect, DefectAssessmentStatus, DefectStatus, Priority, Severity},
    equipment::{Equipment, EquipmentChanges},
    ids::{InspectionId, ItemId},
    inspections::{
        Answer, Inspection, InspectionFilter, InspectionResult, InspectionStatus, NewAnswer, NewAnswers,
        Progress, Review, StartInspection,
    },
    notifications::{Notification, NotificationPriority, NotificationType},
    rule::{Code, NotFound},
    schema::{
        checklist_items, equipment_weekly_completions as completions, inspection_answers, users as people,
    },
    text::Language,
    time::Week,
    users::{Category, Role, User},
};
use inspection_persistence::{
    Context, Database, Result, checklists, defects, equipment as machines, inspections, users,
};
use inspection_testkit::{
    builders::{
        CRITICAL, NUMERIC, PASS_FAIL, TEXT, YES_NO, act, answer_body, answered, checklist, draft, equipment,
        input, submitted, user, user_with,
    },
    context::{context, context_in},
    ledger, on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, code, filter, notifications_to, notified_kinds, refusal, trail, transactions::rows};

fn start(
    db: &Database,
    context: &Context,
    actor: &User,
    machine: &Equipment,
) -> Result<(InspectionId, bool)> {
    let what: StartInspection = input(json!({"equipment_id": machine.id}));
    let started = act(db, context, actor, |tx| inspections::start(tx, &what))?;
    Ok((started.0.inspection.id, started.1))
}

fn answer(
    db: &Database,
    context: &Context,
    actor: &User,
    id: InspectionId,
    bodies: Vec<Value>,
) -> Result<(Vec<Answer>, Progress)> {
    let given: Vec<NewAnswer> = input::<NewAnswers>(json!({ "answers": bodies })).answers.0;
    act(db, context, actor, |tx| inspections::answer(tx, id, given, |n| Some(format!("answers[{n}]"))))
}

fn submit(db: &Database, context: &Context, actor: &User, id: InspectionId) -> Result<(Inspection, usize)> {
    act(db, context, actor, |tx| inspections::submit(tx, id))
}

fn review(db: &Database, context: &Context, admin: &User, id: InspectionId) -> Result<Inspection> {
    let review: Review = input(json!({"notes": "seen"}));
    act(db, context, admin, |tx| inspections::review(tx, id, review))
}

fn answers_in(db: &Database, id: InspectionId) -> Vec<(ItemId, String)> {
    let (items, values) = (inspection_answers::checklist_item_id, inspection_answers::answer_value);
    let own = inspection_answers::table.filter(inspection_answers::inspection_id.eq(id));
    let found: Vec<(i64, String)> = query!(db, |c| own.select((items, values)).order(items).load(c));
    found.into_iter().map(|(item, value)| (ItemId::new(item).unwrap(), value)).collect()
}

fn completions_in(db: &Database, machine: &Equipment, year: i32, number: i32) -> i32 {
    db.read(|conn| ledger::weekly_completions(conn, machine.id, Week { year, number })).unwrap()
}

on_both_databases! {
    fn starting_again_finds_the_draft(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let [one, two] = [user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector)];
        checklist(&db, &context, &admin);
        let [crane, other] = [equipment(&db, &context), equipment(&db, &context)];
        let (first, new) = start(&db, &context, &one, &crane).unwrap();
        assert!(new);
        assert_eq!(start(&db, &context, &one, &crane).unwrap(), (first, false));
        assert!(start(&db, &context, &two, &crane).unwrap().1, "a draft belongs to one user");
        assert!(start(&db, &context, &one, &other).unwrap().1);
        answered(&db, &context, &one, &crane, &[]);
        submit(&db, &context, &one, first).unwrap();
        let (next, new) = start(&db, &context, &one, &crane).unwrap();
        assert!(new && next != first);
        let lines = trail(&db, &context, json!({"action": "start", "entity_id": first}));
        assert_eq!(lines.len(), 1, "finding it is no start");
    }

    fn nothing_starts_on_leave_or_on_a_machine_out_of_service(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let [gone, crane] = [equipment(&db, &context), equipment(&db, &context)];
        act(&db, &context, &admin, |tx| machines::registry::decommission(tx, gone.id)).unwrap();
        assert_eq!(code(start(&db, &context, &inspector, &gone)), Code::RuleViolation);
        let stopped: EquipmentChanges = input(json!({"status": "stopped"}));
        act(&db, &context, &admin, |tx| machines::registry::update(tx, crane.id, stopped)).unwrap();
        start(&db, &context, &inspector, &crane).unwrap();

        let away = diesel::update(people::table.find(inspector.id)).set(people::is_on_leave.eq(true));
        assert_eq!(query!(db, |c| away.execute(c)), 1);
        let inspector = db.read(|conn| users::get(conn, inspector.id)).unwrap();
        assert_eq!(code(start(&db, &context, &inspector, &crane)), Code::RuleViolation, "not even going on");
        assert_eq!(code(start(&db, &context, &inspector, &equipment(&db, &context))), Code::RuleViolation);
        let nothing = Equipment { id: inspection_domain::ids::EquipmentId::new(9_999).unwrap(), ..crane };
        assert_eq!(code(start(&db, &context, &admin, &nothing)), Code::NotFound);
    }

    fn a_second_tap_keeps_the_photo_and_the_remark(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let sheet = draft(&db, &context, &inspector, &equipment(&db, &context));
        let (id, item) = (sheet.inspection.id, sheet.items[PASS_FAIL].id);
        let mut first = answer_body(PASS_FAIL, item, true);
        first["comment"] = json!("Worn.");
        answer(&db, &context, &inspector, id, vec![first]).unwrap();
        clock.advance_seconds(60);
        let (saved, progress) =
            answer(&db, &context, &admin, id, vec![answer_body(PASS_FAIL, item, false)]).unwrap();
        assert_eq!(answers_in(&db, id), [(item, "pass".to_owned())]);
        assert_eq!((saved[0].answered_by_id, saved[0].answered_at), (admin.id, context.clock.now()));
        assert_eq!(saved[0].photo_path.as_deref(), Some("photos/1.jpg"), "it is not sent again");
        assert_eq!(saved[0].comment.as_deref(), Some("Worn."));
        let counts = (
            progress.total_items,
            progress.answered_items,
            progress.required_items,
            progress.progress_percentage,
        );
        assert_eq!(counts, (5, 1, 4, 20));
        let sheet = db.read(|conn| inspections::get_visible(conn, &inspector, id)).unwrap();
        assert_eq!((sheet.answers, sheet.inspection.status), (saved, InspectionStatus::Draft));
        let lines = trail(&db, &context, json!({"action": "answer", "entity_id": id}));
        let notified = &lines[0].changes.0[&format!("item_{item}")];
        assert_eq!((&notified["old"]["answer_value"], &notified["new"]["answer_value"]), (&json!("fail"), &json!("pass")));
        assert_eq!(notified["old"]["photo_path"], "photos/1.jpg", "the whole answer is recorded");
        assert_eq!(notified["old"]["id"], notified["new"]["id"], "it is the same answer");
    }

    fn several_answers_are_all_or_nothing_and_every_wrong_one_is_named(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let sheet = draft(&db, &context, &inspector, &equipment(&db, &context));
        checklist(&db, &context, &admin);
        let elsewhere = draft(&db, &context, &inspector, &equipment(&db, &context)).items[0].id;
        let before = rows(&db);
        let items: Vec<ItemId> = sheet.items.iter().map(|item| item.id).collect();
        let refused = answer(
            &db,
            &context,
            &inspector,
            sheet.inspection.id,
            vec![
                answer_body(PASS_FAIL, items[PASS_FAIL], false),
                json!({"checklist_item_id": items[YES_NO], "answer_value": "maybe"}),
                answer_body(PASS_FAIL, items[PASS_FAIL], false),
                json!({"checklist_item_id": items[CRITICAL], "answer_value": "fail"}),
                json!({"checklist_item_id": elsewhere, "answer_value": "pass"}),
            ],
        );
        assert_eq!(
            refusal(refused),
            (
                Code::ValidationError,
                vec![
                    "answers[1].answer_value".to_owned(),
                    "answers[2].checklist_item_id".to_owned(),
                    "answers[4].checklist_item_id".to_owned(),
                ]
            )
        );
        assert_eq!(rows(&db), before);
    }

    fn only_its_inspector_and_admins_work_on_an_inspection(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let [own, other, engineer] =
            [Role::Inspector, Role::Inspector, Role::Engineer].map(|role| user(&db, &context, role));
        checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        let sheet = answered(&db, &context, &own, &crane, &[]);
        let id = sheet.inspection.id;
        let body = || vec![answer_body(TEXT, sheet.items[TEXT].id, false)];
        for stranger in [&other, &engineer] {
            assert_eq!(code(answer(&db, &context, stranger, id, body())), Code::Forbidden);
            assert_eq!(code(submit(&db, &context, stranger, id)), Code::Forbidden);
            assert_eq!(code(act(&db, &context, stranger, |tx| inspections::delete(tx, id))), Code::Forbidden);
        }
        assert_eq!(code(db.read(|conn| inspections::get_visible(conn, &other, id))), Code::Forbidden);
        let seen = db.read(|conn| inspections::get_visible(conn, &engineer, id)).unwrap();
        assert!(seen.progress().is_complete);
        assert_eq!((seen.items, seen.answers), (sheet.items, sheet.answers));
        let (inspection, _) = submit(&db, &context, &admin, id).unwrap();
        assert_eq!(inspection.technician_id, own.id);
        let anonymous =
            db.write(&context, inspection_persistence::Origin::default(), |tx| inspections::submit(tx, id));
        assert_eq!(code(anonymous), Code::Forbidden);
        assert_eq!(code(submit(&db, &context, &admin, InspectionId::new(9_999).unwrap())), Code::NotFound);
    }

    fn a_submission_brings_about_everything_it_should_and_nothing_else(db: TestDatabase) {
        let (context, clock) = context();
        let [admin, second, gone] = std::array::from_fn(|_| user(&db, &context, Role::Admin));
        act(&db, &context, &admin, |tx| users::deactivate(tx, gone.id)).unwrap();
        let inspector =
            user_with(&db, &context, Role::Inspector, |body| body["specialization"] = json!("electrical"));
        let bystander = user(&db, &context, Role::Engineer);
        let (_, items) = checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        let sheet = answered(&db, &context, &inspector, &crane, &[PASS_FAIL, NUMERIC, CRITICAL, TEXT]);
        let id = sheet.inspection.id;
        clock.advance_seconds(60);
        let now = context.clock.now();
        let before = rows(&db);
        let (inspection, found) = submit(&db, &context, &inspector, id).unwrap();
        assert_eq!(
            inspection,
            Inspection {
                status: InspectionStatus::Submitted,
                result: Some(InspectionResult::Fail),
                submitted_at: Some(now),
                updated_at: now,
                ..sheet.inspection
            }
        );
        assert_eq!(db.read(|conn| inspections::get(conn, id)).unwrap(), inspection);

        let raised = db.read(|conn| defects::list_by_inspection(conn, id)).unwrap();
        let expected = [
            (PASS_FAIL, Category::Mechanical, Severity::Medium, Priority::Medium, 7),
            (NUMERIC, Category::Electrical, Severity::Medium, Priority::Medium, 7),
            (CRITICAL, Category::Electrical, Severity::Critical, Priority::Urgent, 1),
        ];
        assert_eq!((found, raised.len()), (3, 3), "a text can't fail");
        for (defect, (place, category, severity, priority, days)) in raised.iter().zip(expected) {
            assert_eq!(
                *defect,
                Defect {
                    id: defect.id,
                    inspection_id: Some(id),
                    checklist_item_id: Some(items[place].id),
                    equipment_id: crane.id,
                    category: Some(category),
                    severity,
                    priority,
                    description: format!("Failed: {}", items[place].question_text),
                    description_ar: items[place].question_text_ar.as_ref().map(|text| format!("فشل: {text}")),
                    status: DefectStatus::Open,
                    assessment_status: DefectAssessmentStatus::Pending,
                    assigned_to_id: Some(inspector.id),
                    due_date: context.today().plus_days(days),
                    sla_days: days,
                    resolved_at: None,
                    resolved_by_id: None,
                    resolution_notes: None,
                    work_order_id: None,
                    created_at: now,
                    updated_at: now,
                    reported_by_id: inspector.id,
                    lineage: Some(items[place].id),
                    recurrence_of_id: None,
                    occurrence_count: 1,
                }
            );
        }

        let notified = notifications_to(&db, inspector.id);
        assert!(notified.iter().all(|notified| notified.kind == NotificationType::DefectCreated && !notified.is_read));
        let about: Vec<_> = notified.iter().map(|notified| (notified.related_id, notified.priority)).collect();
        assert_eq!(about, [(Some(id.get()), NotificationPriority::Urgent)], "one summary of all three");
        for admin in [&admin, &second] {
            let [notified]: [Notification; 1] = notifications_to(&db, admin.id).try_into().unwrap();
            assert_eq!((notified.kind, notified.related_id), (NotificationType::InspectionSubmitted, Some(id.get())));
            assert!(
                notified.message.contains(&inspector.full_name) && notified.message.ends_with("fail."),
                "{}",
                notified.message
            );
            assert!(notified.message_ar.contains("غير مطابق") && Language::of(&notified.title_ar) == Language::Ar);
        }
        assert_eq!((notified_kinds(&db, gone.id), notified_kinds(&db, bystander.id)), (vec![], vec![]));

        let lines = trail(&db, &context, json!({"user_id": inspector.id, "action": "submit"}));
        assert_eq!(lines[0].changes.0["status"], json!({"old": "draft", "new": "submitted"}));
        let created = trail(&db, &context, json!({"entity_type": "defect", "action": "create"}));
        assert_eq!(created.len(), 3);
        let added: Vec<_> = rows(&db)
            .into_iter()
            .zip(before)
            .map(|((table, now), (_, then))| (table, now - then))
            .filter(|(_, added)| *added != 0)
            .collect();
        assert_eq!(
            added,
            [
                ("audit_entries", 4),
                ("changes", 6),
                ("defect_occurrences", 3),
                ("defects", 3),
                ("equipment_weekly_completions", 1),
                ("notifications", 3),
            ]
        );
        assert_eq!(completions_in(&db, &crane, 2026, 10), 1);
    }

    fn without_a_failed_answer_the_result_is_pass(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let (inspection, found) = submitted(&db, &context, &inspector, &equipment(&db, &context), &[]);
        assert_eq!((inspection.result, found), (Some(InspectionResult::Pass), vec![]));
        assert_eq!(notified_kinds(&db, inspector.id), []);
        assert!(notifications_to(&db, admin.id)[0].message.ends_with("pass."));
    }

    fn completions_are_counted_by_the_iso_week_of_the_site(db: TestDatabase) {
        let (context, clock) = context_in("Asia/Riyadh");
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        let counted = |at: &str| {
            clock.set(at);
            submitted(&db, &context, &inspector, &crane, &[]);
            let row = completions::table.select((
                completions::iso_year,
                completions::iso_week,
                completions::completions,
            ));
            let all: Vec<(i32, i32, i32)> =
                query!(db, |c| row.order((completions::iso_year, completions::iso_week)).load(c));
            all
        };
        assert_eq!(counted("2024-12-31T10:00:00Z"), [(2025, 1, 1)]);
        assert_eq!(counted("2025-01-01T10:00:00Z"), [(2025, 1, 2)]);
        assert_eq!(counted("2027-01-01T10:00:00Z"), [(2025, 1, 2), (2026, 53, 1)]);
        // The night shift of Sunday ends at 07:00 of Monday, 04:00 in UTC.
        assert_eq!(counted("2027-01-04T03:59:59Z"), [(2025, 1, 2), (2026, 53, 2)]);
        assert_eq!(counted("2027-01-04T04:00:00Z"), [(2025, 1, 2), (2026, 53, 2), (2027, 1, 1)]);
        assert_eq!(completions_in(&db, &crane, 2026, 53), 2);
        assert_eq!(completions_in(&db, &equipment(&db, &context), 2026, 53), 0);
    }

    fn an_incomplete_inspection_is_not_submitted_and_nothing_changes(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let sheet = draft(&db, &context, &inspector, &equipment(&db, &context));
        let id = sheet.inspection.id;
        let given = |place: usize| answer_body(place, sheet.items[place].id, place == CRITICAL);
        answer(&db, &context, &inspector, id, vec![given(PASS_FAIL), given(CRITICAL), given(TEXT)]).unwrap();
        let before = rows(&db);
        let (code, fields) = refusal(submit(&db, &context, &inspector, id));
        assert_eq!((code, fields.len()), (Code::RuleViolation, 2), "one for each that is missing");

        let bare = inspection_answers::table
            .filter(inspection_answers::checklist_item_id.eq(sheet.items[CRITICAL].id));
        let bare = diesel::update(bare).set(inspection_answers::photo_path.eq(None::<String>));
        assert_eq!(query!(db, |c| bare.execute(c)), 1);
        answer(&db, &context, &inspector, id, vec![given(YES_NO), given(NUMERIC)]).unwrap();
        let (code, fields) = refusal(submit(&db, &context, &inspector, id));
        assert_eq!((code, fields.len()), (Code::RuleViolation, 1), "the photo is missing");
        assert_eq!(db.read(|conn| inspections::get(conn, id)).unwrap(), sheet.inspection);
        let after = rows(&db);
        assert_eq!((after["defects"], after["notifications"]), (before["defects"], before["notifications"]));
        assert_eq!(after["equipment_weekly_completions"], 0);
    }

    fn a_failure_after_everything_was_written_undoes_everything(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let sheet = answered(&db, &context, &inspector, &equipment(&db, &context), &[CRITICAL]);
        let id = sheet.inspection.id;
        let before = rows(&db);
        let failed: Result<()> = act(&db, &context, &inspector, |tx| {
            inspections::submit(tx, id)?;
            Err(NotFound("something else").into())
        });
        assert_eq!(code(failed), Code::NotFound);
        assert_eq!(rows(&db), before);
        assert_eq!(db.read(|conn| inspections::get(conn, id)).unwrap(), sheet.inspection);
        submit(&db, &context, &inspector, id).unwrap();
    }

    fn an_inspection_is_submitted_once_and_reviewed_once(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        let (_, items) = checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        let sheet = answered(&db, &context, &inspector, &crane, &[]);
        let id = sheet.inspection.id;
        assert_eq!(code(review(&db, &context, &admin, id)), Code::InvalidState);
        let (inspection, _) = submit(&db, &context, &inspector, id).unwrap();
        assert_eq!(code(submit(&db, &context, &inspector, id)), Code::InvalidState);
        let late = answer(&db, &context, &inspector, id, vec![answer_body(TEXT, items[TEXT].id, false)]);
        assert_eq!(code(late), Code::InvalidState);
        assert_eq!(code(act(&db, &context, &admin, |tx| inspections::delete(tx, id))), Code::InvalidState);
        clock.advance_seconds(60);
        let reviewed = review(&db, &context, &admin, id).unwrap();
        let now = context.clock.now();
        assert_eq!(
            reviewed,
            Inspection {
                status: InspectionStatus::Reviewed,
                reviewed_at: Some(now),
                reviewed_by_id: Some(admin.id),
                review_notes: Some("seen".into()),
                updated_at: now,
                ..inspection
            }
        );
        assert_eq!(db.read(|conn| inspections::get(conn, id)).unwrap(), reviewed);
        assert_eq!(code(review(&db, &context, &admin, id)), Code::InvalidState);
        assert_eq!(completions_in(&db, &crane, 2026, 10), 1);
        assert_eq!(trail(&db, &context, json!({"action": "review", "entity_id": id})).len(), 1);
    }

    fn a_question_added_later_is_not_part_of_a_submitted_inspection(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        let (template, items) = checklist(&db, &context, &admin);
        let (inspection, _) = submitted(&db, &context, &inspector, &equipment(&db, &context), &[]);
        clock.advance_seconds(60);
        let new = input(json!({"question_text": "New?", "answer_type": "text"}));
        act(&db, &context, &admin, |tx| checklists::add_item(tx, template.id, new)).unwrap();
        let sheet = db.read(|conn| inspections::get_visible(conn, &inspector, inspection.id)).unwrap();
        assert_eq!(sheet.items, items);
    }

    fn a_draft_is_deleted_with_its_answers(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        let (_, items) = checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        let sheet = answered(&db, &context, &inspector, &crane, &[]);
        let stored = answered(&db, &context, &inspector, &equipment(&db, &context), &[]);
        let id = sheet.inspection.id;
        act(&db, &context, &inspector, |tx| inspections::delete(tx, id)).unwrap();
        assert_eq!(code(db.read(|conn| inspections::get(conn, id))), Code::NotFound);
        assert_eq!((answers_in(&db, id), answers_in(&db, stored.inspection.id).len()), (vec![], items.len()));
        assert_eq!(code(act(&db, &context, &inspector, |tx| inspections::delete(tx, id))), Code::NotFound);
        let lines = trail(&db, &context, json!({"entity_type": "inspection", "entity_id": id}));
        assert_eq!(lines[0].action, AuditAction::Delete);
        act(&db, &context, &admin, |tx| inspections::delete(tx, stored.inspection.id)).unwrap();
        let free: i64 = query!(db, |c| checklist_items::table.count().get_result(c));
        assert_eq!(free, 5, "the questions stay");
        assert!(start(&db, &context, &inspector, &crane).unwrap().1);
    }

    fn inspections_are_filtered_by_their_fields_and_visible_to_their_inspectors(db: TestDatabase) {
        let (context, clock) = context_in("Asia/Riyadh");
        let admin = user(&db, &context, Role::Admin);
        let [one, two, engineer, quality] =
            [Role::Inspector, Role::Inspector, Role::Engineer, Role::QualityEngineer]
                .map(|role| user(&db, &context, role));
        checklist(&db, &context, &admin);
        let [crane, other] = [equipment(&db, &context), equipment(&db, &context)];
        clock.set("2026-03-01T20:59:59Z");
        let first = submitted(&db, &context, &one, &crane, &[PASS_FAIL]).0.id;
        clock.set("2026-03-01T21:00:00Z");
        let second = submitted(&db, &context, &one, &other, &[]).0.id;
        review(&db, &context, &admin, second).unwrap();
        clock.set("2026-03-03T20:59:59Z");
        let third = draft(&db, &context, &two, &crane).inspection.id;
        let found = |actor: &User, body| -> Vec<InspectionId> {
            let filter: InspectionFilter = filter(body);
            let page = db.read(|conn| inspections::list(conn, actor, &filter, &context.calendar, ALL)).unwrap();
            assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
            page.items.iter().map(|inspection| inspection.id).collect()
        };
        for sees_all in [&admin, &engineer, &quality] {
            assert_eq!(found(sees_all, json!({})), [third, second, first]);
        }
        assert_eq!(found(&one, json!({})), [second, first]);
        assert_eq!(found(&one, json!({"technician_id": two.id})), [], "a filter shows no other user's");
        assert_eq!(found(&admin, json!({"technician_id": two.id})), [third]);
        assert_eq!(found(&admin, json!({"status": "reviewed"})), [second]);
        assert_eq!(found(&admin, json!({"result": "fail"})), [first]);
        assert_eq!(found(&admin, json!({"equipment_id": crane.id})), [third, first]);
        assert_eq!(found(&admin, json!({"date_from": "2026-03-02"})), [third, second], "days of the site");
        assert_eq!(found(&admin, json!({"date_to": "2026-03-01"})), [first]);
        assert_eq!(found(&admin, json!({"date_from": "2026-03-03", "date_to": "2026-03-03"})), [third]);
    }
}
