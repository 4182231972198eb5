use super::*;
use crate::{rule::Rule, text::Text};
use serde_json::{Value, json};

input! {
    /// A sample.
    pub struct Sample {
        /// Required.
        name | "title": Text<5>,
        /// Optional.
        count | "number": Option<u32>,
        /// Clearable.
        note | "note_en": Patch<Text<5>>,
        /// Not clearable.
        active | "is_active": Change<bool>,
    }
}

fn wrong(document: Value) -> Vec<(String, String)> {
    let errors = Sample::from_json(document).expect_err("refused");
    errors.fields().into_iter().map(|e| (e.field, e.message.to_string())).collect()
}

#[test]
fn a_wrong_type_is_named_in_arabic() {
    for value in [json!(null), json!(true), json!(1), json!("x"), json!([]), json!({})] {
        let messages = [
            RawValue::Json(value.clone()).text().err(),
            f64::read(RawValue::Json(value.clone())).err(),
            <ValueList<u32, 0, 1>>::read(RawValue::Json(value.clone())).err(),
            Sample::from_json(value).err().filter(|wrong| wrong.fields()[0].field == "body"),
        ];
        for message in messages.into_iter().flatten().map(|wrong| wrong.fields()[0].message.clone()) {
            let arabic = message.arabic().replace("JSON", "").replace("null", "");
            assert!(!arabic.contains(|c: char| c.is_ascii_alphabetic()), "{message}: {arabic}");
        }
    }
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let fields: Vec<_> = wrong(json!({"count": "x", "note": 7, "active": null}));
    let names: Vec<_> = fields.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(names, ["name", "count", "note", "active"]);
    assert_eq!(wrong(json!([1])).first().map(|e| e.0.clone()), Some("body".into()));
}

#[test]
fn a_value_under_another_name_counts_only_if_the_first_has_none() {
    for other in [json!("b"), json!(7), json!("longer"), json!(null)] {
        let read = Sample::from_json(json!({"name": "a", "title": other})).expect("read");
        assert_eq!(&*read.name, "a");
    }
    assert_eq!(wrong(json!({"name": null, "title": 7})).first().map(|e| e.0.clone()), Some("name".into()));
}

#[test]
fn absent_and_null_mean_different_things_in_a_change() {
    let read = |v| Sample::from_json(v).expect("read");
    let note = |input: Sample| {
        let mut note = Some("old".to_owned());
        input.note.apply(&mut note);
        note
    };
    assert_eq!(&*read(json!({"title": "a"})).name, "a");
    assert_eq!(note(read(json!({"name": "a"}))).as_deref(), Some("old"));
    assert_eq!(note(read(json!({"title": "a", "note": null}))), None);
    assert_eq!(note(read(json!({"name": "a", "note": "b"}))).as_deref(), Some("b"));
    let empty = read(json!({"name": "a", "count": "", "note": ""}));
    assert_eq!((empty.count, note(empty)), (None, None), "an empty text is no value");
    assert_eq!(wrong(json!({"name": "", "active": ""})).len(), 2, "but in a required field");
}

#[test]
fn query_strings_are_read_as_text() {
    let pairs = |s: &[(&str, &str)]| s.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let sample =
        Sample::from_pairs(pairs(&[("name", "a"), ("count", "7"), ("active", "true")])).expect("read");
    assert_eq!((sample.count, sample.active.find(|_| true)), (Some(7), Some(true)));
    assert!(Sample::from_pairs(pairs(&[("name", "a"), ("count", "-1")])).is_err());
    assert_eq!(Sample::from_pairs(pairs(&[("name", "a"), ("count", "")])).expect("read").count, None);
}

#[test]
fn a_syntax_error_has_a_code_of_its_own() {
    let mut errors = Invalid::value("may not be null").at("name");
    assert_eq!(errors.code(), crate::rule::Code::ValidationError);
    let malformed = Invalid::malformed("line 1", "expected a comma");
    assert_eq!(malformed.code(), crate::rule::Code::MalformedJson);
    assert_eq!(malformed.to_string(), "the body is not valid JSON: line 1 expected a comma");
    errors.extend(malformed);
    assert_eq!(errors.code(), crate::rule::Code::MalformedJson);
    errors.extend(Invalid::value("is required").at("note"));
    assert_eq!(errors.code(), crate::rule::Code::MalformedJson);
    let fields: Vec<_> = errors.fields().into_iter().map(|error| error.field).collect();
    assert_eq!(fields, ["name", "line 1", "note"]);
}

#[test]
fn booleans_in_query_strings_are_words_or_digits() {
    let text = |text: &str| bool::read(RawValue::Text(text.into())).ok();
    assert_eq!(["true", "1", "false", "0"].map(text), [Some(true), Some(true), Some(false), Some(false)]);
    assert_eq!(["", "yes", "TRUE", "2"].map(text), [None; 4]);
    let json = |value| bool::read(RawValue::Json(value)).ok();
    assert_eq!([json!(true), json!(false)].map(json), [Some(true), Some(false)]);
    assert_eq!([json!("true"), json!(1), json!(null)].map(json), [None; 3]);
}

#[test]
fn a_list_of_objects_has_at_least_one_and_a_maximum() {
    let list = |elements: Value| {
        let list = NonEmptyList::<Sample, 2>::take_field(Some(RawValue::Json(elements)));
        list.map(|list| list.0.len()).map_err(|wrong| wrong.at("list").fields()[0].field.clone())
    };
    let valid = json!({"name": "a"});
    assert_eq!(list(json!([valid])), Ok(1));
    assert_eq!(list(json!([valid, valid])), Ok(2));
    assert_eq!(list(json!([valid, {}])), Err("list[1].name".into()));
    for wrong in [json!([]), json!([valid, valid, valid]), json!({}), json!(null)] {
        assert_eq!(list(wrong.clone()), Err("list".into()), "{wrong}");
    }
    assert!(NonEmptyList::<Sample, 2>::take_field(None).is_err());
}

#[test]
fn an_error_names_the_expected_and_the_received_type() {
    let found = |value| wrong(json!({"name": value, "count": 1}))[0].1.clone();
    for (value, message) in [
        (json!(null), "must be a string, not null"),
        (json!(true), "must be a string, not a boolean"),
        (json!(1), "must be a string, not a number"),
        (json!([]), "must be a string, not a list"),
        (json!({}), "must be a string, not an object"),
    ] {
        assert_eq!(found(value), message);
    }
    let [(field, message)] = wrong(json!("x")).try_into().expect("one error");
    assert_eq!((field.as_str(), message.as_str()), ("body", "must be an object, not a string"));
    let expected = |value: RawValue| Object::<Sample>::read(value).expect_err("text").to_string();
    let message = expected(RawValue::Text("x".into()));
    assert!(message.ends_with("must be an object, not something else"), "{message}");
    assert_eq!(wrong(json!({})), [("name".to_owned(), "is required".to_owned())]);
    assert_eq!(wrong(json!({"name": "a", "active": null}))[0].1, "may not be null");
}

#[test]
fn the_first_name_and_the_last_value_of_a_field_take_precedence() {
    let both = Sample::from_json(json!({"name": "a", "title": "b"})).expect("read");
    assert_eq!(&*both.name, "a");
    let pairs = [("name", "a"), ("title", "b"), ("title", "c"), ("count", "1"), ("count", "2")];
    let pairs = pairs.map(|(name, value)| (name.into(), value.into()));
    let last = Sample::from_pairs(pairs.to_vec()).expect("read");
    assert_eq!((&*last.name, last.count), ("a", Some(2)));
    let pairs = [("title", "b"), ("title", "c")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(&*Sample::from_pairs(pairs.to_vec()).expect("read").name, "c");
}

#[test]
fn a_name_without_a_value_gives_way_to_the_other() {
    let pairs = |s: &[(&str, &str)]| s.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let count = |given: &[(&str, &str)]| {
        Sample::from_pairs(pairs(given)).map(|sample| sample.count).map_err(|errors| errors.to_string())
    };
    assert_eq!(count(&[("name", "a"), ("count", ""), ("number", "7")]), Ok(Some(7)));
    assert_eq!(count(&[("name", "a"), ("count", "7"), ("number", "")]), Ok(Some(7)));
    assert_eq!(count(&[("name", "a"), ("count", ""), ("number", "")]), Ok(None));
    let name = |document| Sample::from_json(document).map(|sample| sample.name.to_string()).ok();
    assert_eq!(name(json!({"name": null, "title": "b"})).as_deref(), Some("b"));
    assert_eq!(name(json!({"name": "", "title": "b"})).as_deref(), Some("b"));
    assert_eq!(name(json!({"name": "a", "title": null})).as_deref(), Some("a"));
    assert_eq!(name(json!({"name": null, "title": ""})), None);
}

#[test]
fn of_two_names_of_a_change_the_new_value_counts() {
    let changed = |document: Value| {
        let input = Sample::from_json(document).expect("read");
        let (mut active, mut note) = (false, Some("old".to_owned()));
        input.active.apply(&mut active);
        input.note.apply_original(&mut note, Some("قديم"));
        (active, note)
    };
    let of = |active, note: Option<&str>| (active, note.map(str::to_owned));
    for (document, expected) in [
        (json!({"name": "a", "active": false, "is_active": true}), of(true, Some("old"))),
        (json!({"name": "a", "active": true, "is_active": false}), of(true, Some("old"))),
        (json!({"name": "a", "active": true, "is_active": true}), of(true, Some("old"))),
        (json!({"name": "a", "active": false, "is_active": false}), of(false, Some("old"))),
        (json!({"name": "a", "note": "new", "note_en": "old"}), of(false, Some("new"))),
        (json!({"name": "a", "note": "old", "note_en": "new"}), of(false, Some("new"))),
        // A reader of Arabic sees the Arabic text under the name.
        (json!({"name": "a", "note": "قديم", "note_en": "old"}), of(false, Some("old"))),
        (json!({"name": "a", "note": "قديم", "note_en": "new"}), of(false, Some("new"))),
        (json!({"name": "a", "note": "one", "note_en": "two"}), of(false, Some("two"))),
        // The original is written in Arabic.
        (json!({"name": "a", "note": "قديم", "note_en": "قديم"}), of(false, Some("قديم"))),
        (json!({"name": "a", "note_en": "قديم"}), of(false, Some("قديم"))),
        // A name without a value gives way to a value under another name.
        (json!({"name": "a", "active": true, "is_active": null}), of(true, Some("old"))),
        (json!({"name": "a", "active": null, "is_active": true}), of(true, Some("old"))),
        (json!({"name": "a", "note": "new", "note_en": ""}), of(false, Some("new"))),
        (json!({"name": "a", "note": "", "note_en": "new"}), of(false, Some("new"))),
        (json!({"name": "a", "note": "old", "note_en": null}), of(false, Some("old"))),
        (json!({"name": "a", "note": "قديم", "note_en": null}), of(false, Some("old"))),
        // The text is cleared under its name, under the other one alone, or under both.
        (json!({"name": "a", "note": null, "note_en": "old"}), of(false, None)),
        (json!({"name": "a", "note_en": null}), of(false, None)),
        (json!({"name": "a", "note": "", "note_en": null}), of(false, None)),
    ] {
        assert_eq!(changed(document.clone()), expected, "{document}");
    }
    let errors = Sample::from_json(json!({"name": "a", "active": true, "is_active": 7}));
    assert_eq!(errors.expect_err("refused").fields().first().map(|e| e.field.clone()), Some("active".into()));
    assert_eq!(wrong(json!({"name": "a", "active": null, "is_active": null}))[0].1, "may not be null");
}

#[test]
fn a_whole_number_may_have_a_fraction_of_zero() {
    let read = |value: Value| i64::read(RawValue::Json(value)).ok();
    assert_eq!(
        [json!(3), json!(3.0), json!(-2.0), json!(3e2)].map(read),
        [Some(3), Some(3), Some(-2), Some(300)]
    );
    assert_eq!([json!(3.7), json!(1e300), json!("3"), json!(9_007_199_254_740_992.0)].map(read), [None; 4]);
    assert_eq!(u32::read(RawValue::Json(json!(-1.0))).ok(), None);
}

#[test]
fn a_change_replaces_and_a_patch_also_clears() {
    let changed = |document: Value| {
        let input = Sample::from_json(document).expect("read");
        let (mut active, mut note) = (false, Some("old".to_owned()));
        let (is_given, new) = (input.active.is_given(), input.active.clone().find(|_| true));
        input.active.apply(&mut active);
        input.note.apply(&mut note);
        (is_given, new, active, note)
    };
    assert_eq!(changed(json!({"name": "a"})), (false, None, false, Some("old".into())));
    let both = json!({"name": "a", "active": true, "note": "new"});
    assert_eq!(changed(both), (true, Some(true), true, Some("new".into())));
    assert_eq!(changed(json!({"name": "a", "note": null})), (false, None, false, None));
}
