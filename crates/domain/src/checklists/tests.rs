use super::*;
use crate::input::Input;
use crate::rule::Code;
use crate::rule::Rule;
use crate::testing::{changes, fields, id, item, later, now, template};
use serde_json::json;

#[test]
fn a_version_is_text_or_a_whole_number() {
    let read = |version: serde_json::Value| {
        let new = NewVersion::from_json(json!({"version": version})).ok()?;
        Some(String::from(new.version))
    };
    assert_eq!(read(json!("1.10")).as_deref(), Some("1.10"));
    assert_eq!((read(json!(3)).as_deref(), read(json!(3.0)).as_deref()), (Some("3"), Some("3.0")));
    for wrong in [json!(3.7), json!(1e300), json!(true), json!(null), json!("")] {
        assert_eq!(read(wrong.clone()), None, "{wrong}");
    }
}

#[test]
fn an_answered_question_keeps_everything_but_its_place_and_whether_it_is_required() {
    let before = Item { answer_type: AnswerType::Numeric, ..item(1) };
    let other = json!({
        "question_text": "Other?", "question_text_ar": "غيره؟", "answer_type": "text", "category": "electrical",
        "pass_fail_rule": {"min": 1}, "critical_failure": true, "order_index": 9, "is_required": false,
        "unit": "bar", "warning": {"min": 2}, "allow_na": true, "requires_comment_on_fail": true,
        "show_if": {"item_order": 0, "is": ["fail"]},
    });
    for (field, value) in other.as_object().expect("object") {
        let change = |history| {
            let changes = ItemChanges::from_json(json!({ field.as_str(): value })).expect("input");
            before.may_become(&before.changed(changes, now()).expect("valid"), history)
        };
        let answered = match field.as_str() {
            "order_index" | "is_required" => Ok(()),
            _ => Err(ChecklistRule::ItemHasAnswers),
        };
        let submitted = if field == "order_index" { Ok(()) } else { Err(ChecklistRule::ItemWasAsked) };
        assert_eq!(change(History::None), Ok(()), "{field}");
        assert_eq!(change(History::Answered), answered, "{field}");
        assert_eq!(change(History::HandedIn), submitted, "{field}");
    }
}

#[test]
fn the_same_values_are_no_change_of_an_answered_question() {
    let before = item(1);
    let same = ItemChanges::from_json(json!({"question_text": before.question_text})).expect("input");
    assert!(before.may_become(&before.changed(same, now()).expect("valid"), History::HandedIn).is_ok());
}

#[test]
fn rules_are_for_numbers_and_their_ends_in_order() {
    let new = |rule: serde_json::Value, kind: &str| {
        NewItem::from_json(json!({"question_text": "q", "answer_type": kind, "pass_fail_rule": rule}))
            .and_then(|new| new.draft(TemplateId::UNSAVED, 0, now()))
    };
    assert!(new(json!({"min": 1, "max": 2}), "number").is_ok());
    for (rule, kind, field) in [
        (json!({"min": 2, "max": 1}), "numeric", "pass_fail_rule"),
        (json!({"min": 1}), "text", "pass_fail_rule"),
        (json!({}), "pass_fail", "pass_fail_rule"),
        (json!({"min": "1,200"}), "numeric", "pass_fail_rule.min"),
    ] {
        let wrong = new(rule, kind).expect_err("refused");
        assert_eq!(wrong.fields().into_iter().map(|error| error.field).collect::<Vec<_>>(), [field]);
    }
}

#[test]
fn absent_positions_are_assigned_and_must_not_repeat() {
    let new = |orders: [Option<i32>; 3]| {
        let items: Vec<_> =
            orders.iter().map(|o| json!({"question_text": "q", "answer_type": "text", "order": o})).collect();
        NewTemplate::from_json(json!({"name": "n", "equipment_type": "t", "items": items}))
            .and_then(|new| new.draft(UserId::new(1).expect("id"), now()))
            .map(|(_, items)| items.iter().map(|i| i.order_index).collect::<Vec<_>>())
    };
    assert_eq!(new([None, None, None]).expect("fine"), [0, 1, 2]);
    assert_eq!(new([Some(5), None, Some(2)]).expect("fine"), [5, 6, 2]);
    for (orders, field) in [
        ([Some(1), Some(-1), None], "items[1].order_index"),
        ([Some(1), None, Some(2)], "items[2].order_index"),
    ] {
        let wrong = new(orders).expect_err("refused");
        assert_eq!(wrong.fields().into_iter().map(|e| e.field).collect::<Vec<_>>(), [field]);
    }
}

fn new_item(body: serde_json::Value) -> Item {
    NewItem::from_json(body).and_then(|new| new.draft(id(5), 4, now())).expect("a question")
}

#[test]
fn a_new_question_has_what_was_entered_or_the_defaults() {
    let whole = new_item(json!({
        "question_text": "Pressure?", "question_text_ar": "الضغط؟", "answer_type": "number",
        "category": "electrical", "is_required": false, "order": 0, "is_critical": true,
        "pass_fail_rule": {"min": 1, "max": 2}, "unit": "bar", "warning": {"max": 1.5}, "allow_na": true,
        "requires_comment_on_fail": true, "show_if": {"item_order": 3, "is": ["fail", 7]},
    }));
    let least = new_item(json!({"question_text": "Leaks?", "answer_type": "yes_no"}));
    insta::assert_snapshot!(fields(&whole).join("\n"), @r#"
    id: ItemId(0)
    template_id: TemplateId(5)
    question_text: "Pressure?"
    question_text_ar: Some("الضغط؟")
    answer_type: Numeric
    category: Some(Electrical)
    is_required: false
    order_index: 0
    critical_failure: true
    pass_fail_rule: Some(NumericRule {min: Some(1.0), max: Some(2.0)})
    unit: Some("bar")
    warning: Some(NumericRule {min: None, max: Some(1.5)})
    choices: None
    fails_on: None
    allow_na: true
    requires_comment_on_fail: true
    show_if: Some(ShowIf {item_order: 3, is: ["fail", "7"]})
    created_at: Instant(2026-03-01T07:00:00Z)
    updated_at: Instant(2026-03-01T07:00:00Z)
    removed_at: None
    lineage_id: None
    "#);
    insta::assert_snapshot!(changes(&[("the least", &whole, &least)]), @r#"
    the least
      question_text: "Leaks?"
      question_text_ar: None
      answer_type: YesNo
      category: None
      is_required: true
      order_index: 4
      critical_failure: false
      pass_fail_rule: None
      unit: None
      warning: None
      fails_on: Some(No)
      allow_na: false
      requires_comment_on_fail: false
      show_if: None
    "#);
}

#[test]
fn a_new_checklist_has_what_was_entered_or_the_defaults() {
    let new = |body| NewTemplate::from_json(body).and_then(|new| new.draft(id(3), now())).expect("fine").0;
    let whole = new(json!({
        "name": "Pump", "name_ar": "مضخة", "equipment_type": "pump", "version": "2.1", "is_active": false,
        "items": [],
    }));
    let least = new(json!({"name": "Pump", "equipment_type": "pump"}));
    insta::assert_snapshot!(fields(&whole).join("\n"), @r#"
    id: TemplateId(0)
    name: "Pump"
    name_ar: Some("مضخة")
    equipment_type: "pump"
    version: "2.1"
    is_active: false
    created_by_id: Some(UserId(3))
    created_at: Instant(2026-03-01T07:00:00Z)
    updated_at: Instant(2026-03-01T07:00:00Z)
    "#);
    insta::assert_snapshot!(changes(&[("the least", &whole, &least)]), @r#"
    the least
      name_ar: None
      version: "1.0"
      is_active: true
    "#);
}

#[test]
fn every_transition_changes_these_fields() {
    let question = Item { question_text_ar: Some("سؤال؟".into()), ..item(7) };
    let change_item = |before: &Item, body| {
        let changes = ItemChanges::from_json(body).expect("input");
        before.changed(changes, later()).expect("valid")
    };
    let other = change_item(
        &question,
        json!({
            "question_text": "Other?", "question_text_ar": "غيره؟", "answer_type": "numeric",
            "category": "electrical", "is_required": false, "order_index": 9, "critical_failure": true,
            "pass_fail_rule": {"max": 3}, "unit": "mm", "warning": {"max": 2}, "allow_na": true,
            "requires_comment_on_fail": true, "show_if": {"item_order": 0, "is": ["fail"]},
        }),
    );
    let choices = json!([{"value": "Dry"}, {"value": "Wet", "value_ar": "رطب", "fails": true}]);
    let choice = change_item(&question, json!({"answer_type": "choice", "choices": choices}));
    let yes_no = change_item(&question, json!({"answer_type": "yes_no"}));
    let leak = change_item(&yes_no, json!({"fails_on": "yes"}));
    let cleared = change_item(
        &other,
        json!({
            "question_text_ar": null, "category": null, "pass_fail_rule": null, "unit": null, "warning": null,
            "show_if": null,
        }),
    );
    let read_back = change_item(&question, json!({"question_text": "سؤال؟"}));
    insta::assert_snapshot!(changes(&[
        ("change everything", &question, &other),
        ("clear everything", &other, &cleared),
        ("return the Arabic text", &question, &read_back),
        ("ask for a choice", &question, &choice),
        ("ask for yes or no", &question, &yes_no),
        ("fail on yes", &yes_no, &leak),
        ("no longer ask for yes or no", &leak, &change_item(&leak, json!({"answer_type": "text"}))),
    ]), @r#"
    change everything
      question_text: "Other?"
      question_text_ar: Some("غيره؟")
      answer_type: Numeric
      category: Some(Electrical)
      is_required: false
      order_index: 9
      critical_failure: true
      pass_fail_rule: Some(NumericRule {min: None, max: Some(3.0)})
      unit: Some("mm")
      warning: Some(NumericRule {min: None, max: Some(2.0)})
      allow_na: true
      requires_comment_on_fail: true
      show_if: Some(ShowIf {item_order: 0, is: ["fail"]})
      updated_at: Instant(2026-03-01T08:00:00Z)
    clear everything
      question_text_ar: None
      category: None
      pass_fail_rule: None
      unit: None
      warning: None
      show_if: None
    return the Arabic text
      updated_at: Instant(2026-03-01T08:00:00Z)
    ask for a choice
      answer_type: Choice
      choices: Some(Choices([Choice {value: "Dry", value_ar: None, fails: false}, Choice {value: "Wet", value_ar: Some("رطب"), fails: true}]))
      updated_at: Instant(2026-03-01T08:00:00Z)
    ask for yes or no
      answer_type: YesNo
      fails_on: Some(No)
      updated_at: Instant(2026-03-01T08:00:00Z)
    fail on yes
      fails_on: Some(Yes)
    no longer ask for yes or no
      answer_type: Text
      fails_on: None
    "#);

    let checklist = Template {
        id: id(7),
        name_ar: Some("فحص".into()),
        is_active: false,
        created_by_id: Some(id(3)),
        ..template()
    };
    let change = |body| checklist.changed(TemplateChanges::from_json(body).expect("input"), later());
    let version = NewVersion::from_json(json!({"version": "2.0"})).expect("a version");
    insta::assert_snapshot!(changes(&[
        ("change everything", &checklist, &change(json!({"name": "A", "name_ar": "ب", "is_active": true}))),
        ("clear everything", &checklist, &change(json!({"name_ar": null}))),
        ("return the Arabic text", &checklist, &change(json!({"name": "فحص"}))),
        ("next version", &checklist, &checklist.next_version(version, id(4), later())),
    ]), @r#"
    change everything
      name: "A"
      name_ar: Some("ب")
      is_active: true
      updated_at: Instant(2026-03-01T08:00:00Z)
    clear everything
      name_ar: None
      updated_at: Instant(2026-03-01T08:00:00Z)
    return the Arabic text
      updated_at: Instant(2026-03-01T08:00:00Z)
    next version
      id: TemplateId(0)
      version: "2.0"
      is_active: true
      created_by_id: Some(UserId(4))
      created_at: Instant(2026-03-01T08:00:00Z)
      updated_at: Instant(2026-03-01T08:00:00Z)
    "#);
}

#[test]
fn a_numeric_rule_includes_its_ends() {
    let admits = |min, max| [0.9, 1.0, 1.5, 2.0, 2.1].map(|number| NumericRule { min, max }.admits(number));
    assert_eq!(admits(Some(1.0), Some(2.0)), [false, true, true, true, false]);
    assert_eq!(admits(Some(1.0), None), [false, true, true, true, true]);
    assert_eq!(admits(None, Some(2.0)), [true, true, true, true, false]);
    assert_eq!(admits(None, None), [true; 5]);
}

#[test]
fn a_rule_may_have_equal_ends() {
    let rule = json!({"min": 2, "max": 2});
    let question = new_item(json!({"question_text": "q", "answer_type": "numeric", "pass_fail_rule": rule}));
    assert_eq!(question.pass_fail_rule, Some(NumericRule { min: Some(2.0), max: Some(2.0) }));
}

#[test]
fn a_new_question_is_critical_under_either_name() {
    let critical = |mut body: serde_json::Value| {
        body["question_text"] = json!("q");
        body["answer_type"] = json!("yes_no");
        new_item(body).critical_failure
    };
    for (body, expected) in [
        (json!({}), false),
        (json!({"critical_failure": null, "is_critical": false}), false),
        (json!({"critical_failure": true}), true),
        (json!({"is_critical": true}), true),
        (json!({"critical_failure": false, "is_critical": true}), true),
        (json!({"critical_failure": true, "is_critical": false}), true),
    ] {
        assert_eq!(critical(body.clone()), expected, "{body}");
    }
}

#[test]
fn a_position_is_a_whole_number_from_zero() {
    let position =
        |body| ItemChanges::from_json(body).map(|changes| changes.order_index.find(|_| true).map(i32::from));
    assert_eq!(position(json!({"order_index": 0})), Ok(Some(0)));
    for wrong in [json!(-1), json!(0.5), json!("x")] {
        let wrong = position(json!({"order_index": wrong})).expect_err("refused");
        assert_eq!(wrong.fields()[0].field, "order_index");
    }
}

#[test]
fn a_rejected_change_violates_a_rule() {
    for rule in [ChecklistRule::ItemHasAnswers, ChecklistRule::ItemWasAsked, ChecklistRule::IsCondition] {
        assert_eq!((rule.code(), rule.fields()), (Code::RuleViolation, Vec::new()));
    }
    let rules = [History::None, History::Answered, History::HandedIn].map(Item::may_be_deleted);
    assert_eq!(rules, [Ok(()), Err(ChecklistRule::ItemHasAnswers), Err(ChecklistRule::ItemWasAsked)]);
}

#[test]
fn options_belong_to_their_types_of_answers() {
    let fields = |mut body: serde_json::Value| -> Vec<String> {
        body["question_text"] = json!("q");
        let new = NewItem::from_json(body).and_then(|new| new.draft(id(1), 0, now()));
        new.err()
            .map(|wrong| wrong.fields().into_iter().map(|error| error.field).collect())
            .unwrap_or_default()
    };
    let two = json!([{"value": "a"}, {"value": "b", "fails": true}]);
    let many: Vec<_> = (0..21).map(|n| json!({"value": n.to_string()})).collect();
    for (body, wrong) in [
        (json!({"answer_type": "numeric", "unit": "bar", "warning": {"min": 1}}), &[][..]),
        (
            json!({"answer_type": "numeric", "pass_fail_rule": {"min": 1, "max": 9}, "warning": {"min": 1, "max": 9}}),
            &[],
        ),
        (
            json!({"answer_type": "numeric", "pass_fail_rule": {"min": 1}, "warning": {"min": 0}}),
            &["warning"],
        ),
        (
            json!({"answer_type": "numeric", "pass_fail_rule": {"max": 9}, "warning": {"max": 10}}),
            &["warning"],
        ),
        (json!({"answer_type": "numeric", "warning": {"min": 2, "max": 1}}), &["warning"]),
        (json!({"answer_type": "text", "unit": "bar", "warning": {"min": 1}}), &["unit", "warning"]),
        (json!({"answer_type": "choice", "choices": two}), &[]),
        (json!({"answer_type": "choice", "choices": many[..20]}), &[]),
        (json!({"answer_type": "choice"}), &["choices"]),
        (json!({"answer_type": "text", "choices": two}), &["choices"]),
        (json!({"answer_type": "choice", "choices": [{"value": "a"}]}), &["choices"]),
        (json!({"answer_type": "choice", "choices": many}), &["choices"]),
        (json!({"answer_type": "choice", "choices": [{"value": "a"}, {"value": "A"}]}), &["choices"]),
        (
            json!({"answer_type": "choice", "choices": [{"value": "a"}, {"value": "b", "value_ar": "a"}]}),
            &["choices"],
        ),
        (json!({"answer_type": "choice", "choices": [{"value": "a"}, {"value": ""}]}), &["choices[1].value"]),
        (json!({"answer_type": "yes_no", "fails_on": "yes", "allow_na": true}), &[]),
        (json!({"answer_type": "pass_fail", "fails_on": "yes"}), &["fails_on"]),
        (json!({"answer_type": "date", "requires_comment_on_fail": true}), &[]),
        (json!({"answer_type": "photo"}), &[]),
        (json!({"answer_type": "photo", "show_if": {"item_order": 0, "is": []}}), &["show_if.is"]),
    ] {
        assert_eq!(fields(body.clone()), wrong, "{body}");
    }
}

#[test]
fn a_condition_names_an_earlier_question_and_its_answers() {
    let conditional = |order: i32, is: &[&str]| {
        let is = is.iter().map(|text| (*text).to_owned()).collect();
        Some(ShowIf { item_order: order, is })
    };
    let of = |category| Item { category, ..item(1) };
    let (mechanical, electrical) = (Some(Category::Mechanical), Some(Category::Electrical));
    let numeric = Item { answer_type: AnswerType::Numeric, allow_na: true, ..item(1) };
    let photo = Item { answer_type: AnswerType::Photo, ..item(1) };
    let text = Item { answer_type: AnswerType::Text, ..item(1) };
    for (first, category, show_if, fits) in [
        (of(None), None, conditional(1, &["fail", "PASS"]), true),
        (of(None), mechanical, conditional(1, &["fail"]), true),
        (of(mechanical), mechanical, conditional(1, &["fail"]), true),
        (of(mechanical), electrical, conditional(1, &["fail"]), false),
        (of(mechanical), None, conditional(1, &["fail"]), false),
        (of(None), None, conditional(2, &["fail"]), false),
        (of(None), None, conditional(3, &["fail"]), false),
        (of(None), None, conditional(1, &["yes"]), false),
        (numeric.clone(), None, conditional(1, &["7", "fail", "n/a"]), true),
        (numeric, None, conditional(1, &["high"]), false),
        (photo, None, conditional(1, &["n/a"]), false),
        (text, None, conditional(1, &["worn"]), true),
    ] {
        let items = [first, Item { category, show_if: show_if.clone(), ..item(2) }];
        let found = check_conditions(&items, |n| format!("items[{n}].show_if"));
        let fields: Vec<_> = found.err().into_iter().flat_map(|wrong| wrong.fields()).collect();
        let fields: Vec<_> = fields.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, if fits { vec![] } else { vec!["items[1].show_if"] }, "{show_if:?}");
    }
    let body = json!({"name": "n", "equipment_type": "t", "items": [
        {"question_text": "Any leak?", "answer_type": "yes_no"},
        {"question_text": "Where?", "answer_type": "text", "show_if": {"item_order": 4, "is": ["yes"]}},
    ]});
    let refused = NewTemplate::from_json(body).and_then(|new| new.draft(id(3), now())).expect_err("refused");
    assert_eq!(refused.fields()[0].field, "items[1].show_if");
}

#[test]
fn the_newest_active_template_of_a_type_is_in_force() {
    let version = |number: i64, equipment_type: &str| Template {
        id: id(number),
        equipment_type: equipment_type.into(),
        ..template()
    };
    let chosen = version(3, "crane");
    for (active, in_force) in [
        (vec![], 3),
        (vec![version(3, "crane")], 3),
        (vec![version(1, "crane")], 1),
        (vec![version(1, "crane"), version(5, "crane"), version(9, "winch")], 5),
    ] {
        assert_eq!(Template::in_force(&chosen, &active).id, id(in_force));
    }
}
