use super::*;
use crate::{rule::Rule, text::Text};
use serde_json::{Value, json};

input! {
    /// A sample.
    pub struct Sample {
        /// Required.
        name | "title": Text<5>,
        /// Optional.
        count: Option<u32>,
        /// Clearable.
        note: Patch<Text<5>>,
        /// Not clearable.
        active: Change<bool>,
    }
}

fn wrong(document: Value) -> Vec<(String, String)> {
    let errors = Sample::from_json(document).expect_err("refused");
    errors.fields().into_iter().map(|e| (e.field, e.message)).collect()
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let fields: Vec<_> = wrong(json!({"count": "x", "note": 7, "active": null}));
    let names: Vec<_> = fields.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(names, ["name", "count", "note", "active"]);
    assert_eq!(wrong(json!([1])).first().map(|e| e.0.clone()), Some("body".into()));
}

#[test]
fn absent_and_null_mean_different_things_in_a_change() {
    let read = |v| Sample::from_json(v).expect("read");
    assert_eq!(&*read(json!({"title": "a"})).name, "a");
    assert_eq!(read(json!({"name": "a"})).note, Patch::Keep);
    assert_eq!(read(json!({"title": "a", "note": null})).note, Patch::Clear);
    assert!(matches!(read(json!({"name": "a", "note": "b"})).note, Patch::Set(t) if &*t == "b"));
}

#[test]
fn query_strings_are_read_as_text() {
    let pairs = |s: &[(&str, &str)]| s.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let sample =
        Sample::from_pairs(pairs(&[("name", "a"), ("count", "7"), ("active", "true")])).expect("read");
    assert_eq!((sample.count, sample.active.0), (Some(7), Some(true)));
    assert!(Sample::from_pairs(pairs(&[("name", "a"), ("count", "-1")])).is_err());
    assert_eq!(Sample::from_pairs(pairs(&[("name", "a"), ("count", "")])).expect("read").count, None);
}
