//! Answers: partial changes, photos, options of questions and conditions.

use super::*;
use crate::checklists::{Choice, Choices, ShowIf, YesNo};
use crate::text::Language;

/// The answer after a body was applied to it.
fn answered(
    item: &Item,
    before: Option<&Answer>,
    mut body: serde_json::Value,
) -> Result<Answer, Vec<String>> {
    body["checklist_item_id"] = json!(item.id);
    let new = NewAnswer::from_json(body).expect("input");
    let answer = draft(None).answer(new, Some(item), before, id(9), later());
    answer.map_err(|wrong| wrong.fields().into_iter().map(|error| error.field).collect())
}

/// An answer with everything.
fn full_answer() -> Answer {
    Answer {
        comment: Some("Worn.".into()),
        photo_file_id: Some(id(6)),
        photo_file_ids: Photos(vec![id(6), id(7)]),
        ..answer(&item(1), "fail", true)
    }
}

#[test]
fn a_second_tap_changes_only_what_it_sends() {
    let before = full_answer();
    let then = |body| {
        let after = answered(&item(1), Some(&before), body).expect("an answer");
        changed_fields(&before, &after)
    };
    let by = "answered_by_id: UserId(9)\nanswered_at: Instant(2026-03-01T08:00:00Z)";
    // A remark or a photo leaves the time and the author of the verdict.
    let all = |fields: &str, has_verdict: bool| match (fields, has_verdict) {
        (fields, false) => fields.to_owned(),
        ("", true) => by.to_owned(),
        (fields, true) => format!("{fields}\n{by}"),
    };
    for (body, fields) in [
        (json!({"answer_value": "fail"}), ""),
        (json!({"answer_value": "PASS"}), "answer_value: \"pass\""),
        (json!({"answer_value": null}), "answer_value: \"\""),
        (json!({"comment": "Torn."}), "comment: Some(\"Torn.\")"),
        (json!({"comment": null}), "comment: None"),
        (json!({"photo_path": null}), "photo_path: None"),
        (json!({"photo_path": "b.jpg"}), "photo_path: Some(\"b.jpg\")"),
        (json!({"photo_path": "file:///sdcard/1.jpg"}), ""),
        (json!({"photo_path": "content://media/1", "answer_value": "fail"}), ""),
        (json!({"photo_file_id": 6}), ""),
        (json!({"photo_file_id": 7}), "photo_file_id: Some(FileId(7))\nphoto_file_ids: Photos([FileId(7)])"),
        (
            json!({"photo_file_id": 8}),
            "photo_file_id: Some(FileId(8))\nphoto_file_ids: Photos([FileId(8), FileId(7)])",
        ),
        (json!({"photo_file_id": null}), "photo_file_id: None\nphoto_file_ids: Photos([])"),
        (json!({"photo_file_ids": [6, 7]}), ""),
        (json!({"photo_file_ids": [6, 7], "photo_file_id": 9}), ""),
        (
            json!({"photo_file_ids": [8, 8, 6]}),
            "photo_file_id: Some(FileId(8))\nphoto_file_ids: Photos([FileId(8), FileId(6)])",
        ),
        (json!({"photo_file_ids": []}), "photo_file_id: None\nphoto_file_ids: Photos([])"),
        (json!({"photo_file_ids": null}), "photo_file_id: None\nphoto_file_ids: Photos([])"),
    ] {
        assert_eq!(then(body.clone()), all(fields, body.get("answer_value").is_some()), "{body}");
    }
    assert_eq!(answered(&item(1), Some(&before), json!({})), Err(vec!["answer_value".to_owned()]));
}

#[test]
fn a_remark_or_a_photo_without_an_answer_is_kept_and_unanswered() {
    let question = [item(1)];
    for body in
        [json!({"comment": "Odd noise."}), json!({"photo_file_id": 6}), json!({"photo_path": "a.jpg"})]
    {
        let kept = answered(&question[0], None, body.clone()).expect("an answer");
        assert_eq!(kept.answer_value, "", "{body}");
        let progress = draft(None).progress(&question, std::slice::from_ref(&kept));
        assert_eq!((progress.answered_items, progress.is_complete), (0, false), "{body}");
        let submitted = draft(None).submit(&question, &[kept], now()).map(|_| ());
        assert_eq!(submitted, Err(InspectionRule::Incomplete(vec![id(1)])), "{body}");
    }
}

#[test]
fn a_failed_critical_item_needs_its_photo_at_the_submission_only() {
    let critical =
        [Item { critical_failure: true, question_text_ar: Some("الخطاف؟".into()), ..item(1) }];
    let bare = answered(&critical[0], None, json!({"answer_value": "fail"})).expect("saved without a photo");
    let progress = |answer: &Answer| draft(None).progress(&critical, std::slice::from_ref(answer));
    let missing = progress(&bare);
    assert!(missing.is_complete && !missing.can_submit);
    let questions = |progress: Progress| -> Vec<_> {
        progress.missing_photos.into_iter().map(|item| (item.checklist_item_id, item.question_text)).collect()
    };
    assert_eq!(questions(missing.clone()), [(id(1), critical[0].question_text.clone())]);
    assert_eq!(questions(missing.in_language(Language::Ar)), [(id(1), "الخطاف؟".to_owned())]);
    let refused = draft(None).submit(&critical, std::slice::from_ref(&bare), now()).map(|_| ());
    assert_eq!(refused, Err(InspectionRule::PhotosMissing(vec![id(1)])));
    for body in [json!({"photo_file_id": 6}), json!({"photo_path": "a.jpg"}), json!({"answer_value": "pass"})]
    {
        let after = answered(&critical[0], Some(&bare), body.clone()).expect("an answer");
        assert!(progress(&after).can_submit && questions(progress(&after)).is_empty(), "{body}");
        assert!(draft(None).submit(&critical, &[after], now()).is_ok(), "{body}");
    }
}

#[test]
fn an_address_on_the_phone_is_not_stored_and_not_refused() {
    for path in ["file:///sdcard/1.jpg", "FILE:/1.jpg", "content://media/1", "ph://1", "blob:https://a/b"] {
        let body = json!({"checklist_item_id": 1, "answer_value": "fail", "photo_path": path});
        let new = NewAnswer::from_json(body).expect("input");
        assert!(new.names_photo_on_phone(), "{path}");
        let saved = draft(None).answer(new, Some(&item(1)), None, id(9), later()).expect("an answer");
        assert_eq!((saved.answer_value.as_str(), saved.photo_path), ("fail", None), "{path}");
    }
    let new = NewAnswer::from_json(json!({"checklist_item_id": 1, "photo_path": "a.jpg"})).expect("input");
    assert!(!new.names_photo_on_phone());
}

#[test]
fn an_answer_has_at_most_ten_photos() {
    let photos = |count: i64| json!({"photo_file_ids": (1..=count).collect::<Vec<_>>()});
    assert_eq!(answered(&item(1), None, photos(10)).expect("ten").photo_file_ids.0.len(), 10);
    let eleven = NewAnswer::from_json(json!({"checklist_item_id": 1, "photo_file_ids": vec![1; 11]}));
    assert_eq!(eleven.expect_err("eleven").fields()[0].field, "photo_file_ids");
    let ten = answered(&item(1), None, photos(10)).expect("ten");
    assert!(ten.with_more_photos(&[id(3)]).is_ok(), "it has this one");
    assert_eq!(ten.with_more_photos(&[id(11)]).expect_err("eleven").fields()[0].field, "photo_file_ids");
}

#[test]
fn photos_come_late_from_their_author_for_a_week() {
    let answer = Answer { answered_by_id: id(8), ..full_answer() };
    let submitted = Inspection { submitted_at: Some(now()), ..draft(None) };
    for (actor, allowed) in [(8, true), (submitted.technician_id.get(), true), (9, false)] {
        let actor = User { id: id(actor), ..user(Role::Admin) };
        assert_eq!(submitted.may_get_photos_from(&actor, &answer).is_ok(), allowed, "{}", actor.id);
    }
    let week = now().plus_seconds(7 * 24 * 60 * 60);
    assert_eq!(submitted.may_get_photos_at(week), Ok(()));
    assert_eq!(submitted.may_get_photos_at(week.next()), Err(InspectionRule::PhotoTooLate));
    let photos = |body: serde_json::Value| NewAnswer::from_json(body).expect("input").photos_only();
    assert_eq!(photos(json!({"checklist_item_id": 1, "photo_file_id": 6})), Some(vec![id(6)]));
    let both = json!({"checklist_item_id": 1, "photo_file_id": 6, "photo_file_ids": [7, 6]});
    assert_eq!(photos(both), Some(vec![id(7), id(6)]));
    for other in
        [json!({"answer_value": "pass"}), json!({"comment": null}), json!({"photo_path": "a"}), json!({})]
    {
        let mut body = json!({"checklist_item_id": 1, "photo_file_id": 6});
        if other == json!({}) {
            body = json!({"checklist_item_id": 1});
        }
        body.as_object_mut().expect("an object").extend(other.as_object().expect("an object").clone());
        assert_eq!(photos(body.clone()), None, "{body}");
    }
}

/// A question with these options.
fn question(number: i32, kind: AnswerType) -> Item {
    Item { answer_type: kind, ..item(number) }
}

fn dry_or_wet() -> Choices {
    let choice = |value: &str, arabic: &str, fails| Choice {
        value: value.into(),
        value_ar: Some(arabic.into()),
        fails,
    };
    Choices(vec![choice("Dry", "جاف", false), choice("Wet", "رطب", true)])
}

#[test]
fn the_grid_of_answers_and_options() {
    let range = |min, max| Some(NumericRule { min: Some(min), max: Some(max) });
    let leak = Item { fails_on: Some(YesNo::Yes), ..question(1, AnswerType::YesNo) };
    let works = Item { fails_on: Some(YesNo::No), ..leak.clone() };
    let choice = Item { choices: Some(dry_or_wet()), ..question(1, AnswerType::Choice) };
    let pressure = Item {
        pass_fail_rule: range(1.0, 9.0),
        warning: range(3.0, 7.0),
        allow_na: true,
        ..question(1, AnswerType::Numeric)
    };
    let photo = Item { allow_na: true, ..question(1, AnswerType::Photo) };
    let mut grid = String::new();
    for (name, question, texts) in [
        ("leak", &leak, &["yes", "NO", "n/a"][..]),
        ("works", &works, &["yes", "No"]),
        ("choice", &choice, &["dry", "WET", "رطب", "damp", "n/a"]),
        ("pressure", &pressure, &["5", "3", "2.9", "7.1", "0", "N/A", "na", "-"]),
        ("photo", &photo, &["N/A", "x"]),
        ("date", &question(1, AnswerType::Date), &["2026-03-01", "n/a"]),
    ] {
        for text in texts {
            let outcome = match question.accept(text) {
                Err(message) => format!("refused: {message}"),
                Ok(value) => {
                    let judged = match (question.fails(&value), question.warns(&value)) {
                        (true, false) => "fails",
                        (false, true) => "passes with a warning",
                        (false, false) => "doesn't fail",
                        (true, true) => "impossible",
                    };
                    format!("{value} {judged}")
                }
            };
            grid += &format!("{name:<8} {text:<10} -> {outcome}\n");
        }
    }
    insta::assert_snapshot!(grid);
}

#[test]
fn photos_answer_a_photo_question() {
    let ask = [Item { allow_na: true, ..question(1, AnswerType::Photo) }];
    for (body, is_answer) in [
        (json!({"photo_file_ids": [6, 7]}), true),
        (json!({"photo_path": "a.jpg"}), true),
        (json!({"answer_value": "n/a"}), true),
        (json!({"comment": "Too dark."}), false),
        (json!({"photo_path": "file:///1.jpg"}), false),
    ] {
        let given = answered(&ask[0], None, body.clone()).expect("an answer");
        assert_eq!(draft(None).progress(&ask, &[given]).is_complete, is_answer, "{body}");
    }
    assert_eq!(
        answered(&ask[0], None, json!({"answer_value": "pass"})),
        Err(vec!["answer_value".to_owned()])
    );
}

#[test]
fn what_does_not_apply_neither_passes_nor_fails() {
    let ask = [Item { allow_na: true, critical_failure: true, requires_comment_on_fail: true, ..item(1) }];
    let given = answered(&ask[0], None, json!({"answer_value": "N/A"})).expect("an answer");
    let done = draft(None).submit(&ask, &[given], now()).expect("complete");
    assert_eq!((done.failed, done.inspection.result), (vec![], Some(InspectionResult::Pass)));
    assert_eq!(
        answered(&item(1), None, json!({"answer_value": "n/a"})),
        Err(vec!["answer_value".to_owned()])
    );
}

#[test]
fn a_failed_answer_needs_its_remark_where_the_question_requires_one() {
    let ask = [Item { requires_comment_on_fail: true, ..item(1) }];
    let given = answered(&ask[0], None, json!({"answer_value": "fail"})).expect("saved without a remark");
    let progress = draft(None).progress(&ask, std::slice::from_ref(&given));
    assert_eq!((progress.can_submit, progress.missing_comments.len()), (false, 1));
    let refused = draft(None).submit(&ask, std::slice::from_ref(&given), now()).map(|_| ());
    assert_eq!(refused, Err(InspectionRule::CommentsMissing(vec![id(1)])));
    let explained = answered(&ask[0], Some(&given), json!({"comment": "Bent."})).expect("an answer");
    assert!(draft(None).submit(&ask, &[explained], now()).is_ok());
}

#[test]
fn a_number_outside_its_warning_range_passes_and_is_counted() {
    let warning = Some(NumericRule { min: None, max: Some(7.0) });
    let ask = [Item { warning, ..question(1, AnswerType::Numeric) }];
    let warnings = |value: &str| {
        let done = draft(None).submit(&ask, &[answer(&ask[0], value, false)], now()).expect("complete");
        assert_eq!(done.inspection.result, Some(InspectionResult::Pass), "{value}");
        done.inspection.warnings
    };
    assert_eq!([warnings("7"), warnings("7.01")], [0, 1]);
}

/// A question that is asked after these answers to another one.
fn after(number: i32, order: i32, is: &[&str]) -> Item {
    let is = is.iter().map(|text| (*text).to_owned()).collect();
    Item { show_if: Some(ShowIf { item_order: order, is }), ..item(number) }
}

#[test]
fn a_question_is_asked_only_after_the_answers_it_names() {
    let items = [item(1), after(2, 1, &["fail"]), after(3, 2, &["FAIL", "n/a"]), item(4)];
    let asked = |values: [&str; 4]| {
        let answers: Vec<_> = items
            .iter()
            .zip(values)
            .filter(|(_, value)| !value.is_empty())
            .map(|(item, value)| answer(item, value, true))
            .collect();
        let progress = draft(None).progress(&items, &answers);
        let submitted = draft(None).submit(&items, &answers, now());
        (progress.total_items, submitted.map(|done| done.failed.iter().map(|item| item.id.get()).collect()))
    };
    let missing = |items: &[i64]| Err(InspectionRule::Incomplete(items.iter().map(|n| id(*n)).collect()));
    for (values, total, outcome) in [
        (["", "", "", ""], 2, missing(&[1, 4])),
        (["pass", "", "", "pass"], 2, Ok(vec![])),
        (["pass", "fail", "fail", "pass"], 2, Ok(vec![])),
        (["fail", "", "", "pass"], 3, missing(&[2])),
        (["fail", "pass", "fail", "pass"], 3, Ok(vec![1])),
        (["fail", "fail", "", "pass"], 4, missing(&[3])),
        (["fail", "fail", "fail", "pass"], 4, Ok(vec![1, 2, 3])),
    ] {
        assert_eq!(asked(values), (total, outcome), "{values:?}");
    }
}

#[test]
fn a_condition_names_an_answer_in_any_form_or_its_outcome() {
    let numeric = Item {
        pass_fail_rule: Some(NumericRule { min: Some(1.0), max: None }),
        allow_na: true,
        ..question(1, AnswerType::Numeric)
    };
    let choice = Item { choices: Some(dry_or_wet()), ..question(1, AnswerType::Choice) };
    for (first, is, value, shown) in [
        (&numeric, "2", "2.0", true),
        (&numeric, "2", "3", false),
        (&numeric, "fail", "0.5", true),
        (&numeric, "fail", "2", false),
        (&numeric, "pass", "2", true),
        (&numeric, "pass", "n/a", false),
        (&numeric, "N/A", "n/a", true),
        (&choice, "wet", "Wet", true),
        (&choice, "رطب", "Wet", true),
        (&choice, "fail", "Wet", true),
        (&choice, "fail", "Dry", false),
    ] {
        let items = [first.clone(), after(2, 1, &[is])];
        let total = draft(None).progress(&items, &[answer(first, value, false)]).total_items;
        assert_eq!(total == 2, shown, "{is} {value}");
    }
}
