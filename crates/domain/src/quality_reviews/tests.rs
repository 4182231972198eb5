use serde_json::json;

use super::*;
use crate::{
    input::Input,
    testing::{changes, fields, id, job, later, now, user},
};

fn review(status: ReviewStatus) -> QualityReview {
    QualityReview { id: id(7), status, ..QualityReview::of(&job(), id(6), now()) }
}

fn approval() -> Approval {
    Approval::from_json(json!({"qc_rating": 4, "notes": "Well done."})).expect("an approval")
}

fn rejection() -> Rejection {
    let body = json!({
        "category": "wrong_parts", "reason": "The seal is of the wrong size.", "evidence": "See photos.",
        "notes": "The right seal is in the store.",
    });
    Rejection::from_json(body).expect("a rejection")
}

fn validation(is_valid: bool) -> Validation {
    let body = json!({"is_valid": is_valid, "notes": "Checked on site."});
    Validation::from_json(body).expect("a decision")
}

#[test]
fn a_review_concerns_the_job_and_its_owner() {
    insta::assert_snapshot!(fields(&QualityReview::of(&job(), id(6), now())).join("\n"), @r"
    id: ReviewId(0)
    kind: Engineer
    job_id: JobId(7)
    worker_id: UserId(4)
    qe_id: UserId(6)
    status: Pending
    sla_deadline: Instant(2026-03-03T07:00:00Z)
    reviewed_at: None
    sla_met: None
    qc_rating: None
    notes: None
    rejection_category: None
    rejection_reason: None
    evidence: None
    is_valid: None
    validated_by_id: None
    validated_at: None
    validation_notes: None
    created_at: Instant(2026-03-01T07:00:00Z)
    ");
}

#[test]
fn every_transition_changes_these_fields() {
    let (open, rejected) = (review(ReviewStatus::Pending), review(ReviewStatus::Rejected));
    let validated = |is_valid| rejected.validate(validation(is_valid), id(9), later()).expect("allowed");
    insta::assert_snapshot!(changes(&[
        ("approve", &open, &open.approve(approval(), later()).expect("allowed")),
        ("reject", &open, &open.reject(rejection(), later()).expect("allowed")),
        ("give to another", &open, &open.given_to(id(8), later()).expect("allowed")),
        ("find valid", &rejected, &validated(true)),
        ("find invalid", &rejected, &validated(false)),
    ]), @r#"
    approve
      status: Approved
      reviewed_at: Some(Instant(2026-03-01T08:00:00Z))
      sla_met: Some(true)
      qc_rating: Some(4)
      notes: Some("Well done.")
    reject
      status: Rejected
      reviewed_at: Some(Instant(2026-03-01T08:00:00Z))
      sla_met: Some(true)
      notes: Some("The right seal is in the store.")
      rejection_category: Some(WrongParts)
      rejection_reason: Some("The seal is of the wrong size.")
      evidence: Some("See photos.")
    give to another
      qe_id: UserId(8)
      sla_deadline: Instant(2026-03-03T08:00:00Z)
    find valid
      is_valid: Some(true)
      validated_by_id: Some(UserId(9))
      validated_at: Some(Instant(2026-03-01T08:00:00Z))
      validation_notes: Some("Checked on site.")
    find invalid
      is_valid: Some(false)
      validated_by_id: Some(UserId(9))
      validated_at: Some(Instant(2026-03-01T08:00:00Z))
      validation_notes: Some("Checked on site.")
    "#);
}

#[test]
fn a_rejection_is_valid_or_wrong_by_name_or_as_a_boolean() {
    let read = |body| {
        let decided = Validation::from_json(body).ok()?;
        let after = review(ReviewStatus::Rejected).validate(decided, id(9), now()).expect("rejected");
        Some(serde_json::to_value(after).expect("a review")["admin_validation"].clone())
    };
    let named = json!({"admin_validation": "wrong", "admin_validation_notes": "No."});
    assert_eq!(read(named), Some(json!("wrong")));
    assert_eq!(read(json!({"admin_validation": "valid"})), Some(json!("valid")));
    assert_eq!(read(json!({"is_valid": true})), Some(json!("valid")));
    assert_eq!(read(json!({"is_valid": false})), Some(json!("wrong")));
    for refused in [json!({}), json!({"admin_validation": "no"}), json!({"is_valid": 1})] {
        assert_eq!(read(refused), None);
    }
    let open = serde_json::to_value(review(ReviewStatus::Pending)).expect("a review");
    assert_eq!(open.get("admin_validation"), Some(&json!(null)));
}

#[test]
fn every_command_obeys_the_state_machine() {
    let status_of = |after: Result<QualityReview, ReviewRule>| after.map(|review| review.status);
    for &status in ReviewStatus::ALL {
        let subject = review(status);
        let outcomes = [
            (ReviewCommand::Approve, subject.approve(approval(), now())),
            (ReviewCommand::Reject, subject.reject(rejection(), now())),
            (ReviewCommand::Validate, subject.validate(validation(true), id(9), now())),
            (ReviewCommand::Reassign, subject.given_to(id(8), now())),
        ];
        for (command, outcome) in outcomes {
            assert_eq!(status_of(outcome), status.after(command), "{command} {status}");
        }
    }
    assert_eq!(ReviewRule::UnderReview.code(), Code::Duplicate);
    assert_eq!(ReviewRule::Validated.code(), Code::InvalidState);
    let open = review(ReviewStatus::Pending);
    assert_eq!(open.given_to(open.qe_id, now()), Err(ReviewRule::SameReviewer));
    assert_eq!(ReviewRule::SameReviewer.code(), Code::Duplicate);
}

#[test]
fn admins_its_quality_engineer_and_the_worker_see_a_review_and_the_engineer_decides_it() {
    let review = review(ReviewStatus::Pending);
    for &role in Role::ALL {
        let as_user = |id| User { id, ..user(role) };
        let allowed = [review.qe_id, review.worker_id, id(90)].map(|id| {
            let actor = as_user(id);
            (review.may_be_seen_by(&actor).is_ok(), review.may_be_done_by(&actor).is_ok())
        });
        assert_eq!(allowed, [(true, true), (true, false), (role == Role::Admin, false)], "{role}");
    }
}

#[test]
fn the_grid_of_states_and_commands() {
    let mut grid = String::new();
    for &status in ReviewStatus::ALL {
        for &command in ReviewCommand::ALL {
            let outcome = status.after(command).map_or_else(|r| r.code().to_string(), |s| s.to_string());
            grid += &format!("{status:<8} {command:<8} -> {outcome}\n");
        }
    }
    insta::assert_snapshot!(grid, @r"
    pending  approve  -> approved
    pending  reject   -> rejected
    pending  validate -> INVALID_STATE
    pending  reassign -> pending
    approved approve  -> INVALID_STATE
    approved reject   -> INVALID_STATE
    approved validate -> INVALID_STATE
    approved reassign -> INVALID_STATE
    rejected approve  -> INVALID_STATE
    rejected reject   -> INVALID_STATE
    rejected validate -> rejected
    rejected reassign -> INVALID_STATE
    ");
}

#[test]
fn the_least_busy_engineer_reviews_but_never_their_own_work() {
    let qe = |number: i64| User { id: id(number), ..user(Role::QualityEngineer) };
    let (one, two, three) = (qe(1), qe(2), qe(3));
    let chosen = |loads: &[(&User, i64)], worker: i64| {
        least_busy(loads.iter().copied(), &[id(worker)]).map(|user| user.id.get())
    };
    assert_eq!(
        chosen(&[(&one, 2), (&two, 1), (&three, 1)], 9),
        Some(2),
        "the lowest primary key decides ties"
    );
    assert_eq!(chosen(&[(&three, 0), (&two, 0), (&one, 5)], 9), Some(2));
    assert_eq!(chosen(&[(&one, 0), (&two, 7)], 1), Some(2));
    assert_eq!(chosen(&[(&one, 0)], 1), None);
    assert_eq!(chosen(&[], 9), None);
    let away = User { is_on_leave: true, ..one.clone() };
    let gone = User { is_active: false, ..one.clone() };
    let engineer = User { id: id(1), ..user(Role::Engineer) };
    let minor = User { minor_role: Some(Role::QualityEngineer), ..engineer.clone() };
    for ineligible in [&away, &gone, &engineer] {
        assert_eq!(chosen(&[(ineligible, 0)], 9), None);
    }
    assert_eq!(chosen(&[(&minor, 0)], 9), Some(1));
    let doers = [id(9), id(1)];
    let of_another = least_busy([(&one, 0), (&two, 7)], &doers).map(|user| user.id.get());
    assert_eq!(of_another, Some(2), "not the user who completed it for the worker");
}

#[test]
fn forty_eight_hours_to_the_second_are_in_time() {
    let at = |seconds: i64| now().plus_seconds(48 * 3600 + seconds);
    for (seconds, met) in [(-1, true), (0, true), (1, false)] {
        let open = review(ReviewStatus::Pending);
        let approved = open.approve(approval(), at(seconds)).expect("approved");
        let rejected = open.reject(rejection(), at(seconds)).expect("rejected");
        assert_eq!((approved.sla_met, rejected.sla_met), (Some(met), Some(met)));
        assert_eq!(open.is_overdue(at(seconds)), !met);
        assert!(!approved.is_overdue(at(seconds)) && !rejected.is_overdue(at(seconds)));
    }
}

#[test]
fn a_rejection_is_validated_once_and_costs_one_party() {
    let rejected = review(ReviewStatus::Rejected);
    let decide = |valid| rejected.validate(validation(valid), id(9), now()).expect("decided");
    let stakes = |worker, qe| {
        [(rejected.worker_id, Role::Engineer, worker), (rejected.qe_id, Role::QualityEngineer, qe)]
    };
    assert_eq!(decide(true).stakes(), stakes(-2, 2));
    assert_eq!(decide(false).stakes(), stakes(0, -2));
    assert_eq!(rejected.stakes(), stakes(0, 0), "not decided");
    for decided in [decide(true), decide(false)] {
        let again = decided.validate(validation(true), id(9), now());
        assert_eq!(again, Err(ReviewRule::Validated));
    }
}

#[test]
fn a_rejection_has_a_reason_of_twenty_characters() {
    let of = |count: usize| {
        Rejection::from_json(json!({"category": "other", "reason": "x".repeat(count)})).is_ok()
    };
    assert!(!of(19) && of(20));
}
