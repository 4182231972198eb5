use super::*;
use crate::checklists::{AnswerText, AnswerType, NumericRule};
use crate::input::{Input, RawValue, Scalar};
use crate::rule::{Code, Rule};
use crate::testing::{
    assignment, changed_fields, changes, equipment, fields, id, inspection, item, later, now, template, user,
};
use proptest::prelude::*;
use serde_json::json;

mod answering;

/// A draft about the questions of [`item`].
fn draft(category: Option<Category>) -> Inspection {
    Inspection { template_id: item(1).template_id, category, ..inspection() }
}

fn review() -> Review {
    Review::from_json(json!({"notes": "Fine."})).expect("a review")
}

fn answer(item: &Item, value: &str, photo: bool) -> Answer {
    Answer {
        id: id(1),
        inspection_id: inspection().id,
        checklist_item_id: item.id,
        answer_value: value.into(),
        comment: None,
        photo_file_id: None,
        photo_file_ids: Photos::default(),
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
fn a_draft_belongs_to_a_machine_or_to_a_half_of_an_assignment() {
    insta::assert_snapshot!(fields(&Inspection::ad_hoc(id(3), id(4), id(5), now())).join("\n"), @r"
    id: InspectionId(0)
    equipment_id: EquipmentId(3)
    template_id: TemplateId(4)
    technician_id: UserId(5)
    category: None
    status: Draft
    result: None
    started_at: Instant(2026-03-01T07:00:00Z)
    submitted_at: None
    reviewed_at: None
    reviewed_by_id: None
    review_notes: None
    updated_at: Instant(2026-03-01T07:00:00Z)
    assignment_id: None
    revision_id: None
    partner_id: None
    is_detached: false
    warnings: 0
    received_at: None
    ");
    let assignment = Assignment { id: id(8), equipment_id: id(3), template_id: id(6), ..assignment() };
    let half = Inspection::half(&assignment, Category::Electrical, id(5), now());
    insta::assert_snapshot!(changed_fields(&Inspection::ad_hoc(id(3), id(4), id(5), now()), &half), @r"
    template_id: TemplateId(6)
    category: Some(Electrical)
    assignment_id: Some(AssignmentId(8))
    ");
}

#[test]
fn every_transition_changes_these_fields() {
    let open = draft(None);
    let items = [item(1), Item { is_required: false, ..item(2) }];
    let hand_in = |value| open.submit(&items, &[answer(&items[0], value, false)], later()).expect("complete");
    let (passed, failed) = (hand_in("pass"), hand_in("fail"));
    assert_eq!((passed.failed, failed.failed), (vec![], vec![&items[0]]));
    let done = passed.inspection;
    let bare = Review::from_json(json!({})).expect("a review");
    insta::assert_snapshot!(changes(&[
        ("submit", &open, &done),
        ("submit a failure", &open, &failed.inspection),
        ("review", &done, &done.review(review(), id(9), later().next()).expect("submitted")),
        ("review without notes", &done, &done.review(bare, id(9), later().next()).expect("submitted")),
    ]), @r#"
    submit
      status: Submitted
      result: Some(Pass)
      submitted_at: Some(Instant(2026-03-01T08:00:00Z))
      updated_at: Instant(2026-03-01T08:00:00Z)
    submit a failure
      status: Submitted
      result: Some(Fail)
      submitted_at: Some(Instant(2026-03-01T08:00:00Z))
      updated_at: Instant(2026-03-01T08:00:00Z)
    review
      status: Reviewed
      reviewed_at: Some(Instant(2026-03-01T08:00:00.001Z))
      reviewed_by_id: Some(UserId(9))
      review_notes: Some("Fine.")
      updated_at: Instant(2026-03-01T08:00:00.001Z)
    review without notes
      status: Reviewed
      reviewed_at: Some(Instant(2026-03-01T08:00:00.001Z))
      reviewed_by_id: Some(UserId(9))
      updated_at: Instant(2026-03-01T08:00:00.001Z)
    "#);
}

#[test]
fn every_command_obeys_the_state_machine() {
    for &status in InspectionStatus::ALL {
        let subject = Inspection { status, ..draft(None) };
        let submitted = subject.submit(&[], &[], now()).map(|done| Some(done.inspection.status));
        assert_eq!(submitted, status.after(InspectionCommand::Submit));
        let reviewed = subject.review(review(), id(9), now()).map(|done| Some(done.status));
        assert_eq!(reviewed, status.after(InspectionCommand::Review));
    }
}

#[test]
fn a_refused_submit_names_the_questions() {
    let named = |rule: InspectionRule| {
        let fields = rule.fields().into_iter();
        (rule.code(), fields.map(|error| format!("{}: {}", error.field, error.message)).collect::<Vec<_>>())
    };
    let (code, incomplete) = named(InspectionRule::Incomplete(vec![id(3), id(5)]));
    assert_eq!(code, Code::RuleViolation);
    assert_eq!(incomplete, ["checklist_item_id: 3 has no answer", "checklist_item_id: 5 has no answer"]);
    let (code, bare) = named(InspectionRule::PhotosMissing(vec![id(4)]));
    assert_eq!(code, Code::RuleViolation);
    assert_eq!(bare, ["checklist_item_id: 4 is critical and failed, and needs a photo"]);
    let (code, silent) = named(InspectionRule::CommentsMissing(vec![id(6)]));
    assert_eq!(code, Code::RuleViolation);
    assert_eq!(silent, ["checklist_item_id: 6 failed, and needs a comment"]);
    for rule in [
        InspectionRule::OnLeave,
        InspectionRule::OutOfService,
        InspectionRule::NoChecklist,
        InspectionRule::PhotoTooLate,
    ] {
        assert_eq!(named(rule), (Code::RuleViolation, vec![]));
    }
}

#[test]
fn a_reader_who_may_not_open_an_inspection_sees_no_notes() {
    let full =
        Inspection { review_notes: Some("Look twice.".into()), reviewed_by_id: Some(id(9)), ..draft(None) };
    for &role in Role::ALL {
        let own = User { id: full.technician_id, ..user(role) };
        assert_eq!(full.clone().seen_by(&own), full);
        let other = User { id: id(90), ..user(role) };
        let sees = full.may_be_seen_by(&other).is_ok();
        let facts = Inspection { review_notes: None, reviewed_by_id: None, ..full.clone() };
        assert_eq!(full.clone().seen_by(&other), if sees { full.clone() } else { facts }, "{role}");
    }
}

#[test]
fn the_grid_of_visibility_and_work_on_inspections() {
    let inspection = draft(None);
    for &role in Role::ALL {
        let own = User { id: inspection.technician_id, ..user(role) };
        let other = User { id: id(90), ..user(role) };
        let minor = User { minor_role: Some(role), ..User { id: id(90), ..user(Role::Inspector) } };
        let sees = matches!(role, Role::Admin | Role::Engineer | Role::QualityEngineer);
        assert!(inspection.may_be_seen_by(&own).is_ok() && inspection.may_be_worked_on_by(&own).is_ok());
        assert_eq!(inspection.may_be_seen_by(&other).is_ok(), sees, "{role}");
        assert_eq!(inspection.may_be_seen_by(&minor).is_ok(), sees && role != Role::Admin, "{role}");
        assert_eq!(visible_to(&other), if sees { Visible::All } else { Visible::Of(id(90)) });
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
fn a_draft_is_continued_unless_its_inspector_is_on_leave() {
    let inspector = user(Role::Inspector);
    assert_eq!(may_continue(&inspector), Ok(()));
    let away = User { is_on_leave: true, ..inspector };
    assert_eq!(may_continue(&away), Err(InspectionRule::OnLeave));
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
        let inspection = Inspection {
            template_id: item(1).template_id,
            ..Inspection::half(&assignment(), half, id(1), now())
        };
        let asked: Vec<_> = inspection.scope(&items).iter().map(|item| item.category).collect();
        assert_eq!(asked, [None, Some(half)]);
    }
}

#[test]
fn answers_match_the_type_of_the_question() {
    use AnswerType::*;
    for (kind, text, stored) in [
        (PassFail, "PASS", Some("pass")),
        (PassFail, "fail", Some("fail")),
        (PassFail, "yes", None),
        (YesNo, "No", Some("no")),
        (YesNo, "yes", Some("yes")),
        (YesNo, "fail", None),
        (Numeric, "-12.50", Some("-12.50")),
        (Numeric, "1e3", Some("1e3")),
        (Numeric, "+7E-2", Some("7e-2")),
        (Numeric, "٠١٢٣٤٥٦٧٨٩", Some("0123456789")),
        (Numeric, "۰۱۲۳۴۵۶۷۸۹", Some("0123456789")),
        (Numeric, "٣٫٥", Some("3.5")),
        (Numeric, "NaN", None),
        (Numeric, "inf", None),
        (Numeric, "1e999", None),
        (Numeric, "0x10", None),
        (Numeric, "1,5", Some("1.5")),
        (Numeric, "1,500", None),
        (Numeric, "٣٫٥-", Some("-3.5")),
        (Text, "Fine", Some("Fine")),
        (Date, "2026-02-28", Some("2026-02-28")),
        (Date, "٢٠٢٦-٠٢-٢٨", Some("2026-02-28")),
        (Date, "2026-02-30", None),
        (Date, "28.02.2026", None),
        (Photo, "pass", None),
        (Choice, "Dry", None),
    ] {
        let question = Item { answer_type: kind, ..item(1) };
        assert_eq!(question.accept(text).ok().as_deref(), stored, "{kind} {text}");
    }
}

#[test]
fn an_answer_is_a_text_or_a_number() {
    let read = |value: serde_json::Value| AnswerText::read(RawValue::Json(value)).map(|text| text.0).ok();
    assert_eq!(read(json!(" fail ")).as_deref(), Some("fail"));
    assert_eq!((read(json!(7)).as_deref(), read(json!(-12.5)).as_deref()), (Some("7"), Some("-12.5")));
    for wrong in
        [json!(null), json!(true), json!(["fail"]), json!({"a": 1}), json!(""), json!("x".repeat(501))]
    {
        assert_eq!(read(wrong.clone()), None, "{wrong}");
    }
}

#[test]
fn an_answer_fails_by_its_word() {
    for (kind, failing, others) in [
        (AnswerType::PassFail, Some("fail"), ["pass", "no"]),
        (AnswerType::YesNo, Some("no"), ["yes", "fail"]),
        (AnswerType::Text, None, ["fail", "no"]),
    ] {
        let question = Item { answer_type: kind, ..item(1) };
        assert!(failing.is_none_or(|text| question.fails(text)), "{kind}");
        assert!(!others.iter().any(|text| question.fails(text)), "{kind}");
    }
}

#[test]
fn an_answer_belongs_to_a_question_in_scope_and_is_stored_in_its_form() {
    let open = draft(Some(Category::Mechanical));
    let give = |item: Option<&Item>, body: serde_json::Value| {
        open.answer(NewAnswer::from_json(body).expect("input"), item, None, id(9), later())
    };
    let body = json!({"checklist_item_id": 1, "answer": "PASS", "comment": "Dry.", "photo_file_id": 6});
    let given = give(Some(&item(1)), body).expect("an answer");
    insta::assert_snapshot!(fields(&given).join("\n"), @r#"
    id: AnswerId(0)
    inspection_id: InspectionId(31)
    checklist_item_id: ItemId(1)
    answer_value: "pass"
    comment: Some("Dry.")
    photo_path: None
    photo_file_id: Some(FileId(6))
    photo_file_ids: Photos([FileId(6)])
    answered_by_id: UserId(9)
    answered_at: Instant(2026-03-01T08:00:00Z)
    "#);
    let refused = |item: Option<&Item>, value: &str| {
        let body = json!({"checklist_item_id": 1, "answer": value});
        give(item, body)
            .expect_err("refused")
            .fields()
            .into_iter()
            .map(|error| error.field)
            .collect::<Vec<_>>()
    };
    assert_eq!(refused(None, "pass"), ["checklist_item_id"]);
    let electrical = Item { category: Some(Category::Electrical), ..item(1) };
    assert_eq!(refused(Some(&electrical), "pass"), ["checklist_item_id"]);
    let of_another_checklist = Item { template_id: id(99), ..item(1) };
    assert_eq!(refused(Some(&of_another_checklist), "pass"), ["checklist_item_id"]);
    assert_eq!(refused(Some(&item(1)), "yes"), ["answer_value"]);
}

#[test]
fn a_photo_is_at_a_path_or_an_address_of_https() {
    let read = |path: &str| {
        NewAnswer::from_json(json!({"checklist_item_id": 1, "answer_value": "pass", "photo_path": path}))
    };
    for path in [
        "a.jpg",
        "photos/2026/1.jpg",
        "/photos/1.jpg",
        "صور/1.jpg",
        "a b.jpg",
        "dir/10:30.jpg",
        "https://cdn.example.com/1.jpg",
        "HTTPS://cdn.example.com/1.jpg",
    ] {
        assert!(read(path).is_ok(), "{path}");
    }
    for path in [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "http://cdn.example.com/1.jpg",
        "//evil.example/1.jpg",
        "\\\\evil\\1.jpg",
        "/\\evil.example/1.jpg",
        "https://",
        "vbscript:x",
    ] {
        let refused = read(path).expect_err(path);
        assert_eq!(refused.fields()[0].field, "photo_path", "{path}");
    }
}

#[test]
fn a_submit_needs_an_answer_to_every_required_question_in_its_scope() {
    let foreign = Item { category: Some(Category::Electrical), ..item(4) };
    let items = [item(1), item(2), Item { is_required: false, ..item(3) }, foreign];
    let submit = |answered: &[Item]| {
        let answers: Vec<_> = answered.iter().map(|item| answer(item, "pass", false)).collect();
        draft(Some(Category::Mechanical)).submit(&items, &answers, later()).map(|_| ())
    };
    assert_eq!(submit(&[]), Err(InspectionRule::Incomplete(vec![id(1), id(2)])));
    assert_eq!(submit(&items[..1]), Err(InspectionRule::Incomplete(vec![id(2)])));
    assert_eq!(submit(&items[..2]), Ok(()));
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
    let later = Item { created_at: now().next(), ..item(2) };
    let asked = [item(1)];
    let submitted = draft(None).submit(&asked, &[answer(&asked[0], "pass", false)], now()).expect("fine");
    assert!(draft(None).covers(&later));
    assert!(submitted.inspection.covers(&item(1)), "created at the instant of the submission");
    assert!(!submitted.inspection.covers(&later));
}

#[test]
fn progress_counts_answers_in_scope_and_is_complete_with_the_required_ones() {
    let other = Item { category: Some(Category::Electrical), ..item(9) };
    let items: Vec<Item> = (1..=8).map(|n| Item { is_required: n <= 2, ..item(n) }).chain([other]).collect();
    let after = |count: usize| {
        let mut given: Vec<_> = items[8 - count..].iter().map(|item| answer(item, "pass", false)).collect();
        given.extend(given.first().cloned());
        let open = draft(Some(Category::Mechanical));
        let progress = open.progress(&items, &given);
        assert_eq!((progress.total_items, progress.required_items), (8, 2));
        let required = progress.answered_required;
        (progress.answered_items, required, progress.is_complete, progress.progress_percentage)
    };
    assert_eq!(after(0), (0, 0, false, 0));
    assert_eq!(after(1), (1, 0, false, 13), "12.5 is rounded up");
    assert_eq!(after(3), (3, 0, false, 38));
    assert_eq!(after(7), (7, 1, false, 88));
    assert_eq!(after(8), (8, 2, true, 100));
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
        let stored = item.accept(&number.to_string()).expect("finite");
        let outside = min.is_some_and(|m| number < m) || max.is_some_and(|m| number > m);
        prop_assert_eq!(item.fails(&stored), outside);
        let free = Item { pass_fail_rule: None, ..item };
        prop_assert!(!free.fails(&stored));
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
