use super::*;
use crate::{
    input::Input,
    jobs::{NewEngineerJob, Numbers},
    quality_reviews::QualityReview,
    testing::{assignment, id, now, user},
    users::Role,
};
use proptest::prelude::*;
use serde_json::json;

fn file(relation: Option<Relation>) -> StoredFile {
    let category = Category("general".into());
    let new = NewFile {
        key: "general/2026/03/01/0193.jpg".into(),
        client_name: "crack.jpg".into(),
        kind: FileKind::Jpeg,
        size: 3,
        sha256: "00".into(),
    };
    StoredFile { id: id(1), ..new.record(&Purpose { relation, category }, id(1), now()) }
}

#[test]
fn names_are_for_display_only() {
    for (given, shown) in [
        ("crack.jpg", "crack.jpg"),
        ("C:\\Users\\me\\crack.jpg", "crack.jpg"),
        ("../../etc/passwd", "passwd"),
        ("صورة الشق.jpg", "صورة الشق.jpg"),
        ("a\u{0}b\r\n\t.png", "ab.png"),
        ("photo\u{202e}gpj.exe", "photogpj.exe"),
        ("zero\u{200b}width\u{feff}.png", "zerowidth.png"),
        ("", "file"),
        ("...", "file"),
        ("/", "file"),
        (".htaccess", "htaccess"),
        ("  spaced out .pdf ", "spaced out .pdf"),
        ("🛠️.webp", "🛠️.webp"),
        ("\"quoted\"; filename=x.png", "\"quoted\"; filename=x.png"),
    ] {
        assert_eq!(display_name(given), shown, "{given:?}");
    }
    let long = display_name(&format!("{}.jpg", "ط".repeat(400)));
    assert_eq!(long.chars().count(), 150);
    assert_eq!(long.rsplit('.').next(), Some("jpg"));
}

proptest! {
    #[test]
    fn a_display_name_is_short_plain_and_stable_for_any_input(given in any::<String>()) {
        let shown = display_name(&given);
        prop_assert!((1..=150).contains(&shown.chars().count()));
        prop_assert!(!shown.contains(['/', '\\']) && !shown.starts_with('.'));
        prop_assert!(!shown.chars().any(|c| c.is_control() || turns_direction(c)));
        prop_assert_eq!(display_name(&shown), shown);
    }
}

#[test]
fn a_relation_needs_both_type_and_primary_key() {
    let purpose = |body| UploadFields::from_json(body).and_then(UploadFields::purpose);
    let general = purpose(json!({})).expect("fine");
    assert_eq!((general.relation, general.category.as_str()), (None, "general"));
    let of_defect = purpose(json!({"related_type": "defect", "related_id": 7})).expect("fine");
    assert_eq!((of_defect.relation, of_defect.category.as_str()), (Some(Relation::Defect(id(7))), "defect"));
    let named = purpose(json!({"category": "Before-Work_1"})).expect("fine");
    assert_eq!(named.category.as_str(), "before-work_1");
    for (wrong, field) in [
        (json!({"related_type": "defect"}), "related_id"),
        (json!({"related_id": 7}), "related_type"),
        (json!({"related_type": "defect", "related_id": 0}), "related_id"),
        (json!({"related_type": "user", "related_id": 7}), "related_type"),
        (json!({"category": "../up"}), "category"),
        (json!({"category": "a/b"}), "category"),
        (json!({"category": "x".repeat(51)}), "category"),
    ] {
        assert_eq!(purpose(wrong).expect_err("refused").fields()[0].field, field);
    }
    for &kind in RelatedType::ALL {
        assert_eq!(Relation::new(kind, 5).map(Relation::parts), Some((kind, 5)));
        assert_eq!(Relation::new(kind, 0), None);
    }
}

/// The five kinds of reader: the uploader, an admin, and others of every role with and without
/// access to the object.
#[test]
fn a_file_is_visible_to_its_uploader_to_admins_and_to_readers_of_the_object() {
    let inspection = Inspection::ad_hoc(id(1), id(1), id(2), now());
    let assessment = Assessment::of(&assignment(), [id(2), id(3)], now());
    let input =
        NewEngineerJob::from_json(json!({"job_type": "special_task", "title": "Look"})).expect("a job");
    let owner = User { id: id(2), ..user(Role::Engineer) };
    let job = Job::of_engineer(input, &owner, Numbers { universal: 1, of_owner: 1 }, None, now());
    let review = QualityReview::of(&job, id(3), now());
    let subjects = [
        (None, None),
        (Some(Relation::Equipment(id(1))), Some(Subject::Open)),
        (Some(Relation::Inspection(id(1))), Some(Subject::Inspection(inspection.clone()))),
        (Some(Relation::Assessment(id(1))), Some(Subject::Assessment(Box::new(assessment.clone())))),
        (Some(Relation::Job(id(1))), Some(Subject::Job(Box::new(job.clone())))),
        (Some(Relation::Cleaning(id(1))), Some(Subject::Job(Box::new(job)))),
        (Some(Relation::QualityReview(id(1))), Some(Subject::QualityReview(Box::new(review)))),
        // The object was deleted.
        (Some(Relation::Defect(id(1))), None),
    ];
    for (relation, subject) in subjects {
        for &role in Role::ALL {
            for number in 1..=4 {
                let actor = User { id: id(number), ..user(role) };
                let by_object = match &subject {
                    None => false,
                    Some(Subject::Open) => true,
                    Some(Subject::Inspection(it)) => it.may_be_seen_by(&actor).is_ok(),
                    Some(Subject::Assessment(it)) => it.may_be_seen_by(&actor).is_ok(),
                    Some(Subject::Job(it)) => it.may_be_seen_by(&actor).is_ok(),
                    Some(Subject::QualityReview(it)) => it.may_be_seen_by(&actor).is_ok(),
                };
                let own = number == 1 || role == Role::Admin;
                let seen = file(relation).may_be_seen_by(&actor, subject.as_ref());
                assert_eq!(seen.is_ok(), own || by_object, "{relation:?} {role} {number}");
                assert_eq!(file(relation).may_be_deleted_by(&actor).is_ok(), own);
            }
        }
    }
}

#[test]
fn an_answer_is_proved_by_an_image_of_that_inspection() {
    let inspection = Inspection { id: id(5), ..Inspection::ad_hoc(id(6), id(1), id(2), now()) };
    for (relation, fits) in [
        (None, true),
        (Some(Relation::Inspection(id(5))), true),
        (Some(Relation::Inspection(id(4))), false),
        (Some(Relation::Equipment(id(6))), true),
        (Some(Relation::Equipment(id(5))), false),
        (Some(Relation::Assignment(id(5))), false),
        (Some(Relation::Defect(id(5))), false),
        (Some(Relation::Assessment(id(5))), false),
    ] {
        assert_eq!(file(relation).may_prove(&inspection).is_ok(), fits, "{relation:?}");
    }
    let pdf = StoredFile { kind: FileKind::Pdf, ..file(None) };
    assert!(pdf.may_prove(&inspection).is_err() && pdf.may_go_with(&inspection).is_ok());
    assert_eq!(
        file(None).proving(Relation::Inspection(inspection.id)).relation(),
        Some(Relation::Inspection(id(5)))
    );
    let of_machine = file(Some(Relation::Equipment(id(6))));
    assert_eq!(of_machine.proving(Relation::Inspection(inspection.id)), of_machine);
}

#[test]
fn a_link_expires_after_an_hour_at_most() {
    let seconds = |body| NewLink::from_json(body).map(|link| link.seconds());
    assert_eq!(seconds(json!({})), Ok(300));
    assert_eq!(seconds(json!({"expires_in": 3600})), Ok(3600));
    assert!(seconds(json!({"expires_in": 3601})).is_err() && seconds(json!({"expires_in": 0})).is_err());
}
