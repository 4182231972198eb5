//! Names, paths and followers of every entity, as the audit trail, notifications and the change
//! feed refer to them.

use super::*;
use crate::{
    assessments::Assessment,
    bonus_stars::{Bonus, NewBonus},
    daily_lists::InspectionList,
    defect_assessments::{DefectAssessment, NewDefectAssessment},
    entity::Entity,
    files::{FileKind, StoredFile},
    ids::UserId,
    input::Input,
    inspections::InspectionStatus,
    jobs::{Cleaning, NewCleaning},
    notifications::{Notice, Notification, NotificationType},
    outbox::{OutboxJob, OutboxKind},
    pauses::{NewPause, Pause},
    quality_reviews::QualityReview,
    ratings::{NewRating, Rating},
    routines::{NewRoutine, Routine},
    schedules::{NewSchedule, Schedule},
    sync::{NewSyncItem, SyncError, SyncItem},
    takeovers::{NewTakeover, Takeover},
};
use serde_json::json;

fn reference<E: Entity>(entity: &E) -> String {
    let followers: Vec<i64> = entity.followers().into_iter().map(UserId::get).collect();
    format!(
        "{:<18} {} {} {} {} {followers:?}\n",
        E::NAME,
        entity.id(),
        entity.name(),
        entity.path().unwrap_or("-"),
        E::CHANGED_KIND.map_or("-", |kind| kind.as_str()),
    )
}

fn input<T: Input>(body: serde_json::Value) -> T {
    T::from_json(body).expect("input")
}

fn file() -> StoredFile {
    StoredFile {
        id: id(53),
        key: "general/1.pdf".into(),
        original_filename: "1.pdf".into(),
        kind: FileKind::Pdf,
        file_size: 1,
        sha256: "00".into(),
        category: "general".into(),
        uploaded_by_id: id(1),
        related_type: None,
        related_id: None,
        created_at: now(),
    }
}

#[test]
fn every_entity_is_referred_to_by_its_name_and_followed_by_these_users() {
    let list = InspectionList::empty(assignment().target_date, Shift::Day, None, now());
    let bonus = json!({"user_id": 1, "amount": 1, "reason": "x"});
    let bonus = NewBonus::from_json(bonus).expect("input").award(id(2), now()).expect("a bonus");
    let assessment = json!({"defect_id": 41, "verdict": "minor", "technical_notes": "x"});
    let defect_assessment = NewDefectAssessment::from_json(assessment).expect("input");
    let defect_assessment = defect_assessment.assess(&defect(), &job(), id(4), now()).expect("assessed");
    let team = Assignment {
        id: id(52),
        mechanical_inspector_id: Some(id(3)),
        electrical_inspector_id: Some(id(4)),
        ..assignment()
    };
    let references = [
        reference(&User { id: id(51), ..user(Role::Inspector) }),
        reference(&team),
        reference(&Assignment { mechanical_inspector_id: None, ..team.clone() }),
        reference(&Assignment { electrical_inspector_id: None, ..team.clone() }),
        reference(&file()),
        reference(&InspectionList { id: id(54), ..list }),
        reference(&Template { id: id(55), ..template() }),
        reference(&item(56)),
        reference(&Equipment { id: id(57), ..equipment() }),
        reference(&Assessment { id: id(58), ..Assessment::of(&team, [id(3), id(4)], now()) }),
        reference(&Bonus { id: id(59), ..bonus }),
        reference(&DefectAssessment { id: id(60), ..defect_assessment }),
        reference(&defect()),
        reference(&Defect { assigned_to_id: None, ..defect() }),
        reference(&inspection()),
        reference(&job()),
        reference(&Job { kind: JobKind::Specialist, ..job() }),
        reference(&QualityReview { id: id(61), ..QualityReview::of(&job(), id(5), now()) }),
    ];
    insta::assert_snapshot!(references.concat(), @r"
    user               51 user - - []
    assignment         52 assignment /assignments assignment [3, 4]
    assignment         52 assignment /assignments assignment [4]
    assignment         52 assignment /assignments assignment [3]
    file               53 file - - []
    inspection_list    54 inspection_list - - []
    checklist          55 checklist - - []
    checklist_item     56 checklist_item - - []
    equipment          57 equipment - - []
    assessment         58 assessment /assessments - []
    bonus_star         59 bonus_star /bonus-stars - []
    defect_assessment  60 defect_assessment - - []
    defect             41 defect /defects defect [34]
    defect             41 defect /defects defect []
    inspection         31 inspection /inspections inspection [34]
    job                7 engineer_job /engineer-jobs job [4]
    job                7 specialist_job /jobs job [4]
    quality_review     61 quality_review /quality-reviews - []
    ");
}

#[test]
fn every_entity_around_them_is_referred_to_by_its_name() {
    let day = assignment().target_date;
    let error = SyncError { code: "NOT_FOUND".into(), message: "no".into(), errors: vec![] };
    let item: NewSyncItem = input(json!({
        "client_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "entity_type": "job_start", "entity_data": {},
    }));
    let submitted = Inspection { status: InspectionStatus::Submitted, ..inspection() };
    let rating = input::<NewRating>(json!({"rating": 4})).rate(&submitted, id(1), now()).expect("a rating");
    let (routine, _) = input::<NewRoutine>(json!({
        "name": "Daily", "asset_types": ["crane"], "shift": "day", "days_of_week": [0], "template_id": 1,
    }))
    .draft(now());
    let planned = input::<NewSchedule>(json!({"equipment_id": 1, "day_of_week": 0})).draft(id(1), now());
    let pause = input::<NewPause>(json!({"reason_category": "parts"})).request(id(1), id(2), now());
    let takeover = Takeover::of_job(&job(), input::<NewTakeover>(json!({})), id(2), 1, now());
    let notification = Notice::new(NotificationType::JobAssigned).address_to(id(3), now());
    let completed = Job { id: id(64), status: JobStatus::Completed, ..job() };
    let cleaning: NewCleaning = input(json!({"notes": "Swept."}));
    let references = [
        reference(&Leave { id: id(62), ..leave(day, day) }),
        reference(&Notification { id: id(63), ..notification }),
        reference(&Cleaning::of(&completed, cleaning, None, id(2), now()).expect("a report")),
        reference(&OutboxJob { id: id(65), ..OutboxJob::new(OutboxKind::Translate, "{}".into(), now()) }),
        reference(&Pause { id: id(66), ..pause }),
        reference(&Rating { id: id(67), ..rating }),
        reference(&Routine { id: id(68), ..routine }),
        reference(&Schedule { id: id(69), ..planned }),
        reference(&SyncItem { id: id(70), ..SyncItem::rejected(item, id(2), error, now()) }),
        reference(&Takeover { id: id(71), ..takeover }),
    ];
    insta::assert_snapshot!(references.concat(), @r"
    leave              62 leave /leaves - []
    notification       63 notification - notification [3]
    cleaning           64 cleaning - - []
    outbox             65 outbox - - []
    pause              66 pause - - []
    rating             67 rating - - []
    routine            68 routine - - []
    schedule           69 schedule - - []
    sync_item          70 sync_item - - []
    takeover           71 takeover /takeovers - []
    ");
}
