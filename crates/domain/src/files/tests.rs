use super::*;
use crate::{
    input::Input,
    quality_reviews::QualityReview,
    testing::{assignment, changed_fields, fields, id, job, now, user},
    users::Role,
};
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
    let job = Job { owner_id: id(2), ..job() };
    let review = QualityReview::of(&job, id(3), now());
    let subjects = [
        (None, None),
        (Some(Relation::Equipment(id(1))), Some(Subject::Open)),
        (Some(Relation::Inspection(id(1))), Some(Subject::Inspection(Box::new(inspection.clone())))),
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
    let inspection = Inspection {
        id: id(5),
        assignment_id: Some(id(7)),
        ..Inspection::ad_hoc(id(6), id(1), id(2), now())
    };
    let fitting = [Relation::Inspection(id(5)), Relation::Equipment(id(6)), Relation::Assignment(id(7))];
    let ad_hoc = Inspection { assignment_id: None, ..inspection.clone() };
    for relation in (5..=7).flat_map(relations) {
        let fits = fitting.contains(&relation);
        assert_eq!(file(Some(relation)).may_prove(&inspection).is_ok(), fits, "{relation:?}");
        let fits = fits && relation != Relation::Assignment(id(7));
        assert_eq!(file(Some(relation)).may_prove(&ad_hoc).is_ok(), fits, "{relation:?}");
    }
    assert!(file(None).may_prove(&inspection).is_ok());
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
fn a_relation_given_afterwards_changes_nothing_else() {
    let related = file(None).proving(Relation::Job(id(8)));
    insta::assert_snapshot!(changed_fields(&file(None), &related), @r"
    related_type: Some(Job)
    related_id: Some(8)
    ");
}

#[test]
fn an_upload_is_recorded_with_its_purpose_and_relation() {
    let new = NewFile {
        key: "defect/2026/03/01/0193.png".into(),
        client_name: "folder/crack.png".into(),
        kind: FileKind::Png,
        size: u64::MAX,
        sha256: "00ff".into(),
    };
    let purpose = UploadFields::from_json(json!({"related_type": "defect", "related_id": 7}))
        .and_then(UploadFields::purpose)
        .expect("a purpose");
    let stored = new.record(&purpose, id(3), now());
    insta::assert_snapshot!(fields(&stored).join("\n"), @r#"
    id: FileId(0)
    key: "defect/2026/03/01/0193.png"
    original_filename: "crack.png"
    kind: Png
    file_size: 9223372036854775807
    sha256: "00ff"
    category: "defect"
    uploaded_by_id: UserId(3)
    related_type: Some(Defect)
    related_id: Some(7)
    created_at: Instant(2026-03-01T07:00:00Z)
    "#);
    assert_eq!(stored.stored_name(), "0193.png");
    assert_eq!(StoredFile { key: "0193.png".into(), ..stored }.stored_name(), "0193.png");
}

#[test]
fn every_type_has_an_extension_and_only_images_a_thumbnail() {
    for (kind, extension, is_image) in [
        (FileKind::Png, "png", true),
        (FileKind::Jpeg, "jpg", true),
        (FileKind::Gif, "gif", true),
        (FileKind::Webp, "webp", true),
        (FileKind::Pdf, "pdf", false),
    ] {
        assert_eq!((kind.extension(), kind.is_image()), (extension, is_image));
        let thumbnail = StoredFile { kind, ..file(None) }.may_have_thumbnail();
        assert_eq!(thumbnail, if is_image { Ok(()) } else { Err(FileRule::NoThumbnail) });
    }
    for rule in [FileRule::InUse, FileRule::NoThumbnail] {
        assert_eq!((rule.code(), rule.fields()), (Code::RuleViolation, Vec::new()));
    }
    let pixels = |body| ThumbnailSize::from_json(body).expect("a size").pixels();
    assert_eq!([json!({}), json!({"size": 1}), json!({"size": 10_000})].map(pixels), [320, 1, 10_000]);
    assert_eq!(folder_of(Date::new(2026, 3, 1).expect("a date")), "2026/03/01");
}

#[test]
fn a_list_is_of_an_object_or_of_the_users_own_files() {
    let relation = |body| FileFilter::from_json(body).and_then(|filter| filter.relation());
    assert_eq!(relation(json!({})), Ok(None));
    let of_job = json!({"related_type": "specialist_job", "related_id": 7});
    assert_eq!(relation(of_job), Ok(Some(Relation::Job(id(7)))));
    let wrong = relation(json!({"related_type": "job"})).expect_err("refused");
    assert_eq!(wrong.fields()[0].field, "related_id");
}

/// A relation to each kind of object, with the primary key `number`.
fn relations(number: i64) -> Vec<Relation> {
    RelatedType::ALL.iter().filter_map(|kind| Relation::new(*kind, number)).collect()
}

#[test]
fn the_cleaning_is_shown_by_an_image_of_the_job() {
    let job = Job { equipment_id: Some(id(7)), defect_id: Some(id(7)), ..job() };
    assert!(file(None).may_show_cleaning(&job).is_ok());
    for relation in relations(7).into_iter().chain(relations(8)) {
        let fits = [Relation::Job(id(7)), Relation::Cleaning(id(7))].contains(&relation);
        assert_eq!(file(Some(relation)).may_show_cleaning(&job).is_ok(), fits, "{relation:?}");
    }
    assert!(StoredFile { kind: FileKind::Pdf, ..file(None) }.may_show_cleaning(&job).is_err());
}

#[test]
fn a_rejection_is_proved_by_files_of_the_work() {
    let job = Job { equipment_id: Some(id(8)), defect_id: Some(id(9)), ..job() };
    let review = QualityReview { id: id(10), ..QualityReview::of(&job, id(3), now()) };
    let of_the_work = [
        Relation::Job(id(7)),
        Relation::Cleaning(id(7)),
        Relation::Equipment(id(8)),
        Relation::Defect(id(9)),
        Relation::QualityReview(id(10)),
    ];
    assert!(file(None).may_prove_rejection(&review, &job).is_ok());
    for relation in (7..=10).flat_map(relations) {
        let fits = of_the_work.contains(&relation);
        assert_eq!(file(Some(relation)).may_prove_rejection(&review, &job).is_ok(), fits, "{relation:?}");
    }
    let pdf = StoredFile { kind: FileKind::Pdf, ..file(None) };
    assert!(pdf.may_prove_rejection(&review, &job).is_ok());
}

#[test]
fn a_link_expires_after_an_hour_at_most() {
    let seconds = |body| NewLink::from_json(body).map(|link| link.seconds());
    assert_eq!(seconds(json!({})), Ok(300));
    assert_eq!(seconds(json!({"expires_in": 3600})), Ok(3600));
    assert!(seconds(json!({"expires_in": 3601})).is_err() && seconds(json!({"expires_in": 0})).is_err());
}
