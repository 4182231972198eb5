use serde_json::json;

use super::*;
use crate::{
    assignments::AssignmentStatus,
    input::Input,
    testing::{self, changed_fields, changes, fields, id, later, now, user},
};

/// Seconds after which a paused job is stalled.
const THREE_DAYS: i64 = 259_200;

fn job(status: JobStatus) -> Job {
    Job { status, started_at: Some(now()), paused_at: Some(now()), ..testing::job() }
}

fn request(status: TakeoverStatus) -> Takeover {
    let input = NewTakeover::from_json(json!({"reason": "I know the crane."})).expect("a request");
    Takeover { status, ..Takeover::of_job(&testing::job(), input, id(8), 2, now()) }
}

/// An assignment of the backlog, with a team.
fn overdue() -> Assignment {
    Assignment {
        status: AssignmentStatus::Assigned,
        mechanical_inspector_id: Some(id(21)),
        electrical_inspector_id: Some(id(22)),
        deadline: Some(now()),
        ..testing::assignment()
    }
}

fn inspector(number: i64, trade: Category) -> User {
    User { id: id(number), specialization: Some(trade), ..user(Role::Inspector) }
}

#[test]
fn a_request_waits_in_the_queue_of_its_work() {
    let of_job = Takeover { id: id(7), ..request(TakeoverStatus::Pending) };
    insta::assert_snapshot!(fields(&of_job).join("\n"), @r#"
    id: TakeoverId(7)
    kind: Engineer
    job_id: Some(JobId(7))
    assignment_id: None
    requested_by_id: UserId(8)
    partner_id: None
    previous_owner_id: Some(UserId(4))
    position: 2
    reason: Some("I know the crane.")
    status: Pending
    requested_at: Instant(2026-03-01T07:00:00Z)
    decided_by_id: None
    decided_at: None
    completed_at: None
    "#);
    let input = NewInspectionTakeover::from_json(json!({"partner_id": 31})).expect("a request");
    let assignment = Assignment { id: id(12), ..overdue() };
    let of_assignment = Takeover::of_assignment(&assignment, input, id(8), 3, later());
    insta::assert_snapshot!(changed_fields(&of_job, &of_assignment), @r"
    id: TakeoverId(0)
    kind: Inspection
    job_id: None
    assignment_id: Some(AssignmentId(12))
    partner_id: Some(UserId(31))
    previous_owner_id: None
    position: 3
    reason: None
    requested_at: Instant(2026-03-01T08:00:00Z)
    ");
    assert_eq!((of_job.target(), of_assignment.target()), (7, 12));
}

#[test]
fn every_transition_changes_these_fields() {
    let (open, approved) = (request(TakeoverStatus::Pending), request(TakeoverStatus::Approved));
    insta::assert_snapshot!(changes(&[
        ("approve", &open, &open.decide(TakeoverCommand::Approve, Some(id(9)), later()).expect("allowed")),
        ("deny", &open, &open.decide(TakeoverCommand::Deny, Some(id(9)), later()).expect("allowed")),
        ("expire", &approved, &approved.decide(TakeoverCommand::Expire, None, later()).expect("allowed")),
        ("complete", &approved, &approved.complete(later()).expect("allowed")),
    ]), @r"
    approve
      status: Approved
      decided_by_id: Some(UserId(9))
      decided_at: Some(Instant(2026-03-01T08:00:00Z))
    deny
      status: Denied
      decided_by_id: Some(UserId(9))
      decided_at: Some(Instant(2026-03-01T08:00:00Z))
    expire
      status: Denied
      decided_at: Some(Instant(2026-03-01T08:00:00Z))
    complete
      status: Completed
      completed_at: Some(Instant(2026-03-01T08:00:00Z))
    ");
}

#[test]
fn every_command_obeys_the_state_machine() {
    for &status in TakeoverStatus::ALL {
        let subject = request(status);
        for &command in TakeoverCommand::ALL {
            let decided = subject.decide(command, Some(id(9)), now()).map(|takeover| takeover.status);
            assert_eq!(decided, status.after(command));
        }
        let completed = subject.complete(now()).map(|takeover| takeover.status);
        assert_eq!(completed, status.after(TakeoverCommand::Complete));
    }
}

#[test]
fn the_bonus_is_earned_in_the_role_of_the_work() {
    let roles = [JobKind::Specialist, JobKind::Engineer].map(|kind| TakeoverKind::from(kind).role());
    assert_eq!(roles, [Role::Specialist, Role::Engineer]);
    assert_eq!((TakeoverKind::Inspection.role(), BONUS), (Role::Inspector, 3));
}

#[test]
fn the_grid_of_states_and_commands() {
    let mut grid = String::new();
    for &status in TakeoverStatus::ALL {
        for &command in TakeoverCommand::ALL {
            let outcome = status.after(command).map_or_else(|r| r.code().to_string(), |s| s.to_string());
            grid += &format!("{status:<9} {command:<8} -> {outcome}\n");
        }
    }
    insta::assert_snapshot!(grid, @r"
    pending   approve  -> approved
    pending   deny     -> denied
    pending   complete -> INVALID_STATE
    pending   expire   -> INVALID_STATE
    approved  approve  -> INVALID_STATE
    approved  deny     -> INVALID_STATE
    approved  complete -> completed
    approved  expire   -> denied
    denied    approve  -> INVALID_STATE
    denied    deny     -> INVALID_STATE
    denied    complete -> INVALID_STATE
    denied    expire   -> INVALID_STATE
    completed approve  -> INVALID_STATE
    completed deny     -> INVALID_STATE
    completed complete -> INVALID_STATE
    completed expire   -> INVALID_STATE
    ");
}

#[test]
fn a_user_queues_once_and_at_the_end() {
    let stalled = job(JobStatus::Paused);
    let input = || NewTakeover::from_json(json!({})).expect("a request");
    let queue = [3, 7].map(|place| Takeover::of_job(&stalled, input(), id(place), place, now()));
    assert_eq!(next_position(&[], id(3)), Ok(1));
    assert_eq!(next_position(&queue, id(4)), Ok(8), "freed positions are not reused");
    assert_eq!(next_position(&queue, id(7)), Err(TakeoverRule::Queued));
}

#[test]
fn three_days_to_the_second_make_a_paused_job_stalled() {
    let after = |seconds| now().plus_seconds(THREE_DAYS + seconds);
    for &status in JobStatus::ALL {
        assert_eq!(job(status).is_stalled(after(0)), status == JobStatus::Paused, "{status}");
    }
    assert!(!job(JobStatus::Paused).is_stalled(after(-1)));
    assert!(job(JobStatus::Paused).is_stalled(after(1)));
}

#[test]
fn a_takeover_requires_the_role_and_presence() {
    let stalled = job(JobStatus::Paused);
    let then = now().plus_seconds(THREE_DAYS);
    for &role in Role::ALL {
        let other_user = User { id: id(7), ..user(role) };
        let outcome = stalled.may_be_taken_over_by(&other_user, then);
        assert_eq!(outcome.is_ok(), role == Role::Engineer, "{role}");
    }
    let taker = User { id: id(7), ..user(Role::Engineer) };
    let away = User { is_on_leave: true, ..taker.clone() };
    let minor = User { minor_role: Some(Role::Engineer), ..User { id: id(7), ..user(Role::Inspector) } };
    let outcome = |who: &User, at| stalled.may_be_taken_over_by(who, at);
    let owner = User { id: stalled.owner_id, ..taker.clone() };
    assert_eq!(outcome(&taker, then), Ok(()));
    assert_eq!(outcome(&minor, then), Ok(()));
    assert_eq!(outcome(&away, then), Err(TakeoverRule::OnLeave.into()));
    assert_eq!(outcome(&owner, then), Err(TakeoverRule::Own.into()));
    assert_eq!(outcome(&taker, now()), Err(TakeoverRule::NotStalled.into()));
}

#[test]
fn a_partner_is_an_active_present_inspector_of_the_other_trade() {
    let past = now().plus_seconds(1);
    let actor = inspector(31, Category::Mechanical);
    let partner = inspector(32, Category::Electrical);
    let take = |partner: Option<&User>| overdue().may_be_taken_over_by(&actor, partner, past);
    assert_eq!(take(Some(&partner)), Ok(()));
    let unsuitable = [
        User { is_active: false, ..partner.clone() },
        User { is_on_leave: true, ..partner.clone() },
        User { role: Role::Specialist, ..partner.clone() },
        User { specialization: Some(Category::Mechanical), ..partner.clone() },
        User { specialization: None, ..partner.clone() },
    ];
    for partner in unsuitable.iter().map(Some).chain([None]) {
        let refusal = take(partner).expect_err("unsuitable");
        assert_eq!(refusal.code(), Code::ValidationError);
        let fields = refusal.fields();
        assert_eq!(fields.len(), 1, "{refusal}");
        assert_eq!(fields[0].field, "partner_id");
        assert!(fields[0].message.to_string().contains("electrical"), "{refusal}");
    }
}

#[test]
fn a_partner_who_completed_the_other_half_in_a_former_trade_is_refused() {
    let past = now().plus_seconds(1);
    let actor = inspector(31, Category::Mechanical);
    let [retrained, colleague] = [21, 22].map(|number| inspector(number, Category::Electrical));
    let take = |status, partner| {
        Assignment { status, ..overdue() }.may_be_taken_over_by(&actor, Some(partner), past)
    };
    let refused = Invalid::field("partner_id", "has completed the other half");
    assert_eq!(take(AssignmentStatus::MechComplete, &retrained), Err(refused.into()));
    for open in [AssignmentStatus::InProgress, AssignmentStatus::ElecComplete] {
        assert_eq!(take(open, &retrained), Ok(()), "{open}");
    }
    assert_eq!(take(AssignmentStatus::MechComplete, &colleague), Ok(()), "of the open half");
}

#[test]
fn an_inspection_of_the_backlog_is_taken_over_by_a_present_user_outside_the_team() {
    let past = now().plus_seconds(1);
    let partner = inspector(32, Category::Electrical);
    let take = |assignment: &Assignment, actor: &User, at| {
        assignment.may_be_taken_over_by(actor, Some(&partner), at)
    };
    let actor = inspector(31, Category::Mechanical);
    let away = User { is_on_leave: true, ..actor.clone() };
    assert_eq!(take(&overdue(), &actor, past), Ok(()));
    for member in [21, 22] {
        let member = inspector(member, Category::Mechanical);
        assert_eq!(take(&overdue(), &member, past), Err(TakeoverRule::Own.into()));
    }
    assert_eq!(take(&overdue(), &away, past), Err(TakeoverRule::OnLeave.into()));
    assert_eq!(take(&overdue(), &actor, now()), Err(TakeoverRule::NotStalled.into()), "at its deadline");
    let dismissed = User { is_active: false, ..actor.clone() };
    let retrained = User { role: Role::Specialist, ..actor.clone() };
    for unfit in [dismissed, retrained] {
        assert_eq!(take(&overdue(), &unfit, past).expect_err("unfit").code(), Code::Forbidden);
    }
    let minor = User { role: Role::Engineer, minor_role: Some(Role::Inspector), ..actor };
    assert_eq!(take(&overdue(), &minor, past), Ok(()));
}

#[test]
fn a_refusal_has_the_code_of_its_reason() {
    let refusals = [
        Forbidden("no").into(),
        Invalid::field("partner_id", "no").into(),
        TakeoverRule::NotStalled.into(),
        TakeoverRule::Own.into(),
        TakeoverRule::OnLeave.into(),
        TakeoverRule::Queued.into(),
    ]
    .map(|refusal: TakeoverRefusal| (refusal.code(), refusal.fields().len()));
    let expected = [
        (Code::Forbidden, 0),
        (Code::ValidationError, 1),
        (Code::InvalidState, 0),
        (Code::RuleViolation, 0),
        (Code::RuleViolation, 0),
        (Code::Duplicate, 0),
    ];
    assert_eq!(refusals, expected);
}
