//! Drafts beside each other and beside changes of their checklist, and data from before (§5).

use diesel::RunQueryDsl;
use inspection_domain::{
    checklists::{ItemChanges, NewItem, YesNo},
    ids::InspectionId,
    inspections::{NewAnswers, StartInspection},
    rule::Code,
    users::Role,
};
use inspection_persistence::{checklists, defects, inspections, migrations};
use inspection_testkit::{
    builders::{
        CRITICAL, PASS_FAIL, TEXT, YES_NO, act, answer_body, answers, assigned, checklist, draft, equipment,
        file, generated, half_draft, half_submitted, input, routine, submitted, team, user,
    },
    context::context,
    on_both_databases, rounds,
};
use serde_json::json;

use crate::races::{at_once, tally};

on_both_databases! {
    fn what_was_answered_before_the_upgrade_is_carried_over(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let (template, items) = checklist(&db, &context, &admin);
        routine(&db, &context, &admin, template.id);
        let (crane, other) = (equipment(&db, &context), equipment(&db, &context));
        let (_, on_it) = generated(&db, &context, &admin);
        let of = |id| on_it.iter().find(|one| one.equipment_id == id).unwrap().id;
        let team = team(&db, &context);
        let shared = assigned(&db, &context, &admin, of(crane.id), &team).id;
        let done = half_submitted(&db, &context, &team.mechanical, shared, &[]).id;
        let half = half_draft(&db, &context, &team.electrical, shared).inspection.id;
        let ad_hoc = draft(&db, &context, &team.electrical, &other).inspection.id;
        let photo = file(&db, &context, &team.electrical, json!({})).id;
        let body = json!({"checklist_item_id": items[CRITICAL].id, "answer_value": "fail", "photo_file_id": photo});
        act(&db, &context, &team.electrical, |tx| inspections::answer_one(tx, half, input(body))).unwrap();
        let seen = |id: InspectionId| db.read(|conn| inspections::get_visible(conn, &admin, id)).unwrap();
        let before = [done, half, ad_hoc].map(seen);
        while !migrations::down(&db).unwrap().contains("000031") {}
        migrations::up(&db).unwrap();
        let after = [done, half, ad_hoc].map(seen);
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(after.inspection, before.inspection);
            assert_eq!(after.answers, before.answers);
            assert_eq!(after.items, before.items);
        }
        assert_eq!(after[1].answers[0].photo_file_ids.0, [photo]);
        assert_eq!(after[1].inspection.partner_id, Some(team.mechanical.id));
        let kept = db.read(|conn| checklists::get(conn, template.id)).unwrap().1;
        assert_eq!((kept[YES_NO].fails_on, kept[PASS_FAIL].fails_on), (Some(YesNo::No), None));
        // A draft of before keeps what holds when the checklist is changed.
        act(&db, &context, &admin, |tx| checklists::delete_item(tx, template.id, items[PASS_FAIL].id)).unwrap_err();
        let changes: ItemChanges = input(json!({"question_text": "Any remarks?"}));
        act(&db, &context, &admin, |tx| checklists::update_item(tx, template.id, items[TEXT].id, changes)).unwrap_err();
        let new: NewItem = input(json!({"question_text": "New?", "answer_type": "text"}));
        act(&db, &context, &admin, |tx| checklists::add_item(tx, template.id, new)).unwrap();
        assert_eq!(seen(ad_hoc).items, before[2].items);
    }

    fn a_draft_has_the_questions_of_one_moment_when_the_checklist_changes_at_its_start(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        for _ in 0..rounds() {
            let (template, items) = checklist(&db, &context, &admin);
            let inspectors = [(); 3].map(|()| user(&db, &context, Role::Inspector));
            let machine = equipment(&db, &context);
            let started = at_once(4, |n| match inspectors.get(n) {
                Some(inspector) => {
                    let what: StartInspection = input(json!({"equipment_id": machine.id}));
                    act(&db, &context, inspector, |tx| inspections::start(tx, &what)).map(|it| Some(it.0))
                }
                None => act(&db, &context, &admin, |tx| {
                    let new: NewItem = input(json!({"question_text": "New?", "answer_type": "yes_no"}));
                    checklists::add_item(tx, template.id, new)?;
                    checklists::delete_item(tx, template.id, items[TEXT].id)?;
                    Ok(None)
                }),
            });
            let (started, refused) = tally(started);
            assert_eq!(refused, Vec::<Code>::new());
            for detail in started.into_iter().flatten() {
                let has = |text: &str| detail.items.iter().any(|item| item.question_text == text);
                assert_eq!((detail.items.len(), has("New?")), (5, !has("Anything else?")));
                let again = db.read(|conn| inspections::get_visible(conn, &admin, detail.inspection.id)).unwrap();
                assert_eq!(again.items, detail.items);
            }
        }
    }

    fn answers_and_changes_of_the_checklist_at_once_lose_nothing(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        for _ in 0..rounds() {
            let (template, items) = checklist(&db, &context, &admin);
            let inspector = user(&db, &context, Role::Inspector);
            let sheet = draft(&db, &context, &inspector, &equipment(&db, &context));
            let id = sheet.inspection.id;
            let outcomes = at_once(3, |n| match n {
                0 => {
                    let body = json!({"answers": [answer_body(TEXT, items[TEXT].id, true)]});
                    let given = input::<NewAnswers>(body).answers.0;
                    act(&db, &context, &inspector, |tx| inspections::answer(tx, id, given, |_| None)).map(|_| true)
                }
                1 => act(&db, &context, &inspector, |tx| {
                    inspections::answer(tx, id, answers(&sheet, &[]), |_| None)?;
                    inspections::submit(tx, id)
                })
                .map(|_| true),
                _ => act(&db, &context, &admin, |tx| {
                    checklists::delete_item(tx, template.id, items[TEXT].id)
                })
                .map(|()| false),
            });
            let (_, refused) = tally(outcomes);
            let allowed = [Code::RuleViolation, Code::InvalidState];
            assert!(refused.iter().all(|code| allowed.contains(code)), "{refused:?}");
            let detail = db.read(|conn| inspections::get_visible(conn, &admin, id)).unwrap();
            assert_eq!((detail.items.len(), detail.answers.len()), (5, 5), "{refused:?}");
        }
    }

    fn a_question_that_was_kept_before_lineages_finds_the_defect_of_its_line(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        let (first, _) = checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        let (_, found) = submitted(&db, &context, &inspector, &crane, &[PASS_FAIL]);
        let second = act(&db, &context, &admin, |tx| checklists::clone(tx, first.id, input(json!({"version": "2.0"}))));
        let (second, items) = second.unwrap();
        let sheet = draft(&db, &context, &inspector, &crane);
        let changes: ItemChanges = input(json!({"is_required": true}));
        act(&db, &context, &admin, |tx| checklists::update_item(tx, second.id, items[TEXT].id, changes)).unwrap();
        let kept = "UPDATE checklist_revisions SET questions = replace(questions, '\"lineage_id\":', '\"unknown\":')";
        query!(db, |c| diesel::sql_query(kept).execute(c));
        let given = answers(&sheet, &[PASS_FAIL]);
        act(&db, &context, &inspector, |tx| inspections::answer(tx, sheet.inspection.id, given, |_| None)).unwrap();
        act(&db, &context, &inspector, |tx| inspections::submit(tx, sheet.inspection.id)).unwrap();
        let again = db.read(|conn| defects::list_by_inspection(conn, sheet.inspection.id)).unwrap();
        assert_eq!(again.iter().map(|defect| defect.id).collect::<Vec<_>>(), [found[0].id]);
    }
}
