use super::*;
use crate::checklists::{AnswerType, NumericRule};
use crate::input::Input;
use crate::testing::{assignment, equipment, id, item, now, template, user};
use proptest::prelude::*;
use serde_json::json;

fn draft(category: Option<Category>) -> Inspection {
    let mut inspection = Inspection::ad_hoc(id(1), id(1), id(1), now());
    inspection.category = category;
    inspection
}

fn answer(item: &Item, value: &str, photo: bool) -> Answer {
    Answer {
        id: id(1),
        inspection_id: id(1),
        checklist_item_id: item.id,
        answer_value: value.into(),
        comment: None,
        photo_file_id: None,
        photo_path: photo.then(|| "camera/1.jpg".into()),
        answered_by_id: id(1),
        answered_at: now(),
    }
}

#[test]
fn the_grid_of_states_and_commands() {
    let mut grid = String::new();
    for &status in InspectionStatus::ALL {
        for &command in InspectionCommand::ALL {
            let outcome = match status.after(command) {
                Ok(Some(then)) => then.to_string(),
                Ok(None) => "gone".into(),
                Err(rule) => rule.code().to_string(),
            };
            grid += &format!("{status:<10} {command:<7} -> {outcome}\n");
        }
    }
    println!("{grid}");
    insta::assert_snapshot!(grid, @r"
    draft      answer  -> draft
    draft      submit  -> submitted
    draft      review  -> INVALID_STATE
    draft      delete  -> gone
    submitted  answer  -> INVALID_STATE
    submitted  submit  -> INVALID_STATE
    submitted  review  -> reviewed
    submitted  delete  -> INVALID_STATE
    reviewed   answer  -> INVALID_STATE
    reviewed   submit  -> INVALID_STATE
    reviewed   review  -> INVALID_STATE
    reviewed   delete  -> INVALID_STATE
    ");
}

#[test]
fn the_grid_of_visibility_and_work_on_inspections() {
    let inspection = draft(None);
    for &role in Role::ALL {
        let own = User { id: inspection.technician_id, ..user(role) };
        let other = User { id: id(2), ..user(role) };
        let sees = matches!(role, Role::Admin | Role::Engineer | Role::QualityEngineer);
        assert!(inspection.may_be_seen_by(&own).is_ok() && inspection.may_be_worked_on_by(&own).is_ok());
        assert_eq!(inspection.may_be_seen_by(&other).is_ok(), sees, "{role}");
        assert_eq!(inspection.may_be_worked_on_by(&other).is_ok(), role == Role::Admin, "{role}");
    }
}

#[test]
fn starting_requires_presence_a_machine_in_service_and_questions() {
    let (inspector, machine, checklist, items) = (user(Role::Inspector), equipment(), template(), [item(1)]);
    assert_eq!(may_start(&inspector, &machine, Some(&checklist), &items), Ok(()));
    assert_eq!(may_start(&inspector, &machine, None, &items), Err(InspectionRule::NoChecklist));
    assert_eq!(may_start(&inspector, &machine, Some(&checklist), &[]), Err(InspectionRule::NoChecklist));
    let away = User { is_on_leave: true, ..inspector.clone() };
    assert_eq!(may_start_half(&inspector, &items), Ok(()));
    assert_eq!(may_start_half(&inspector, &[]), Err(InspectionRule::NoChecklist));
    assert_eq!(may_start_half(&away, &items), Err(InspectionRule::OnLeave));
    assert_eq!(may_start(&away, &machine, Some(&checklist), &items), Err(InspectionRule::OnLeave));
    for &status in EquipmentStatus::ALL {
        let machine = Equipment { status, ..machine.clone() };
        let fine = status != EquipmentStatus::OutOfService;
        assert_eq!(may_start(&inspector, &machine, Some(&checklist), &items).is_ok(), fine, "{status}");
    }
}

#[test]
fn a_draft_is_continued_only_for_the_same_target() {
    let inspector = user(Role::Inspector);
    let away = User { is_on_leave: true, ..inspector.clone() };
    let ad_hoc = Inspection { id: id(7), ..Inspection::ad_hoc(id(1), id(1), id(1), now()) };
    let half =
        Inspection { id: id(8), ..Inspection::half(&assignment(), Category::Mechanical, id(1), now()) };
    let (own, other) = (StartTarget::Half(id(1)), StartTarget::Half(id(2)));
    for (draft, target, expected) in [
        (&ad_hoc, StartTarget::AdHoc(id(1)), Ok(())),
        (&half, own, Ok(())),
        (&half, StartTarget::AdHoc(id(1)), Ok(())),
        (&half, other, Err(InspectionRule::OtherDraft(id(8)))),
        (&ad_hoc, own, Err(InspectionRule::OtherDraft(id(7)))),
    ] {
        assert_eq!(may_continue(&inspector, draft, target), expected, "{target:?}");
        assert_eq!(may_continue(&away, draft, target), Err(InspectionRule::OnLeave));
    }
}

#[test]
fn a_start_targets_an_assignment_or_a_machine() {
    let read = |body| StartInspection::from_json(body).expect("read");
    assert_eq!(read(json!({"equipment_id": 3})).target(), Ok(StartTarget::AdHoc(id(3))));
    assert_eq!(read(json!({"assignment_id": 4})).target(), Ok(StartTarget::Half(id(4))));
    let both = read(json!({"assignment_id": 4, "equipment_id": 3}));
    assert_eq!(both.target(), Ok(StartTarget::Half(id(4))));
    assert_eq!((both.may_mean(id(3)).is_ok(), both.may_mean(id(5)).is_ok()), (true, false));
    assert_eq!(read(json!({})).target().unwrap_err().fields()[0].field, "assignment_id");
}

#[test]
fn half_of_an_assignment_has_the_questions_of_its_trade_and_those_of_none() {
    let categories = [None, Some(Category::Mechanical), Some(Category::Electrical)];
    let items: Vec<Item> = (1..).zip(categories).map(|(n, category)| Item { category, ..item(n) }).collect();
    for half in [Category::Mechanical, Category::Electrical] {
        let inspection = Inspection::half(&assignment(), half, id(1), now());
        let asked: Vec<_> = inspection.scope(&items).iter().map(|item| item.category).collect();
        assert_eq!(asked, [None, Some(half)]);
        assert_eq!((inspection.assignment_id, inspection.category), (Some(id(1)), Some(half)));
    }
}

#[test]
fn answers_match_the_type_of_the_question() {
    use AnswerType::*;
    for (kind, text, kept) in [
        (PassFail, "PASS", Some("pass")),
        (PassFail, "yes", None),
        (YesNo, "No", Some("no")),
        (YesNo, "fail", None),
        (Numeric, "-12.50", Some("-12.50")),
        (Numeric, "1e3", Some("1e3")),
        (Numeric, "٣٫٥", Some("3.5")),
        (Numeric, "NaN", None),
        (Numeric, "inf", None),
        (Numeric, "1e999", None),
        (Numeric, "0x10", None),
        (Numeric, "1,5", None),
        (Text, "Fine", Some("Fine")),
    ] {
        assert_eq!(kind.accept(text).ok().as_deref(), kept, "{kind} {text}");
    }
}

#[test]
fn a_failed_critical_item_needs_a_photo() {
    let critical = Item { critical_failure: true, ..item(1) };
    let give = |item: &Item, value: &str, photo: Option<&str>| {
        let new = json!({"checklist_item_id": 1, "answer_value": value, "photo_path": photo});
        draft(None).answer(NewAnswer::from_json(new).expect("input"), Some(item), id(1), now())
    };
    assert!(give(&critical, "pass", None).is_ok());
    assert!(give(&critical, "fail", Some("a.jpg")).is_ok());
    assert!(give(&item(1), "fail", None).is_ok());
    let wrong = give(&critical, "fail", None).expect_err("no photo");
    assert_eq!(wrong.fields()[0].field, "photo_path");
}

#[test]
fn an_item_that_became_critical_after_its_answer_still_needs_the_photo_at_submit() {
    let critical = [Item { critical_failure: true, ..item(1) }];
    let submit =
        |photo| draft(None).submit(&critical, &[answer(&critical[0], "fail", photo)], now()).map(|_| ());
    assert_eq!(submit(false), Err(InspectionRule::PhotosMissing(vec![id(1)])));
    assert_eq!(submit(true), Ok(()));
}

#[test]
fn questions_added_later_are_not_part_of_a_submitted_inspection() {
    let later = Item { created_at: now().plus_seconds(60), ..item(2) };
    let asked = [item(1)];
    let submitted = draft(None).submit(&asked, &[answer(&asked[0], "pass", false)], now()).expect("fine");
    assert!(draft(None).covers(&later));
    assert!(submitted.inspection.covers(&item(1)) && !submitted.inspection.covers(&later));
}

#[test]
fn an_inspection_without_questions_is_complete() {
    let progress = draft(None).progress(&[], &[]);
    assert_eq!((progress.is_complete, progress.progress_percentage), (true, 100));
}

fn any_item() -> impl Strategy<Value = Item> {
    (0..3_usize, any::<bool>(), any::<bool>(), 0..4_usize).prop_map(
        |(category, is_required, critical, kind)| Item {
            category: [None, Some(Category::Mechanical), Some(Category::Electrical)][category],
            is_required,
            critical_failure: critical,
            answer_type: AnswerType::ALL[kind],
            pass_fail_rule: None,
            ..item(1)
        },
    )
}

fn numbered(items: Vec<Item>) -> Vec<Item> {
    (1..).zip(items).map(|(n, item)| Item { id: id(n), ..item }).collect()
}

proptest! {
    #[test]
    fn the_two_halves_cover_every_question_and_share_those_without_a_trade(items in prop::collection::vec(any_item(), 0..30)) {
        let items = numbered(items);
        let of = |category| draft(category).scope(&items).iter().map(|i| i.id.get()).collect::<Vec<_>>();
        let (mechanical, electrical) = (of(Some(Category::Mechanical)), of(Some(Category::Electrical)));
        prop_assert_eq!(of(None).len(), items.len());
        for item in &items {
            let (m, e) = (mechanical.contains(&item.id.get()), electrical.contains(&item.id.get()));
            prop_assert_eq!((m, e), (
                item.category != Some(Category::Electrical),
                item.category != Some(Category::Mechanical),
            ));
        }
    }

    #[test]
    fn a_number_fails_exactly_outside_its_rule(
        number in -1e6..1e6_f64, min in prop::option::of(-1e6..1e6_f64), max in prop::option::of(-1e6..1e6_f64),
    ) {
        let rule = NumericRule { min, max };
        let item = Item { answer_type: AnswerType::Numeric, pass_fail_rule: Some(rule), ..item(1) };
        let kept = AnswerType::Numeric.accept(&number.to_string()).expect("finite");
        let outside = min.is_some_and(|m| number < m) || max.is_some_and(|m| number > m);
        prop_assert_eq!(item.fails(&kept), outside);
        let free = Item { pass_fail_rule: None, ..item };
        prop_assert!(!free.fails(&kept));
    }

    #[test]
    fn it_can_be_submitted_exactly_when_complete_and_every_failed_answer_is_in_the_result(
        items in prop::collection::vec((any_item(), prop::option::of(any::<bool>())), 1..20),
        category in prop::option::of(0..2_usize),
    ) {
        let (items, given): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        let items = numbered(items);
        let inspection = draft(category.map(|c| Category::ALL[c]));
        let answers: Vec<_> = items.iter().zip(&given).filter_map(|(item, passes)| {
            let value = match (item.answer_type, (*passes)?) {
                (AnswerType::PassFail, true) => "pass",
                (AnswerType::PassFail, false) => "fail",
                (AnswerType::YesNo, true) => "yes",
                (AnswerType::YesNo, false) => "no",
                _ => "7",
            };
            Some(answer(item, value, true))
        }).collect();
        let progress = inspection.progress(&items, &answers);
        let submitted = inspection.submit(&items, &answers, now());
        prop_assert_eq!(submitted.is_ok(), progress.is_complete);
        prop_assert!(progress.answered_items <= progress.total_items && progress.progress_percentage <= 100);
        prop_assert!(progress.answered_required <= progress.required_items);
        match submitted {
            Ok(submission) => {
                let failing = inspection.scope(&items).into_iter()
                    .filter(|i| answers.iter().any(|a| a.checklist_item_id == i.id && i.fails(&a.answer_value)))
                    .count();
                prop_assert_eq!(submission.failed.len(), failing);
                let fails = submission.inspection.result == Some(InspectionResult::Fail);
                prop_assert_eq!(fails, failing > 0);
            }
            Err(InspectionRule::Incomplete(missing)) => {
                prop_assert_eq!(missing.len(), progress.required_items - progress.answered_required);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
