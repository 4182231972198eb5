use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    input::Input,
    rule::{Code, Rule},
    testing::{self, changed_fields, changes, fields, id, later, now, user},
    time::Instant,
    users::{Role, User},
};

mod access;

fn job(status: JobStatus) -> Job {
    Job { status, ..testing::job() }
}

fn planned(hours: f64) -> Estimate {
    let planned = PlannedTime::from_json(json!({ "hours": hours })).expect("a time");
    planned.estimate(JobKind::Specialist).expect("hours")
}

fn done() -> Completion {
    Completion::from_json(json!({"work_notes": "Changed the seal.", "completion_status": "fixed"}))
        .expect("notes")
}

/// A job with a value in every field.
fn filled(status: JobStatus) -> Job {
    Job {
        category: JobCategory::Major,
        major_reason: Some("Crane needed.".into()),
        status,
        defect_id: Some(id(11)),
        equipment_id: Some(id(12)),
        inspection_id: Some(id(13)),
        job_type: Some(EngineerJobType::SystemReview),
        title: Some("Hydraulics".into()),
        description: Some("Read the plans.".into()),
        planned_time_days: Some(9),
        planned_time_hours: Some(Hours::of_seconds(3600)),
        started_at: Some(now()),
        paused_at: Some(now().plus_seconds(60)),
        paused_seconds: 15,
        completed_at: Some(now().plus_seconds(90)),
        actual_time_hours: Some(Hours::of_seconds(7200)),
        time_rating: Some(6),
        work_notes: Some("Read all of them.".into()),
        completion_status: Some("done".into()),
        incomplete_reason: Some("No plans.".into()),
        admin_bonus: Some(5),
        qe_id: Some(id(6)),
        qc_rating: Some(2),
        ..job(status)
    }
}

/// A job of one planned hour that was started at `now()`.
fn begun() -> Job {
    let planned_time_hours = Some(Hours::of_seconds(3600));
    Job { planned_time_hours, started_at: Some(now()), ..job(JobStatus::InProgress) }
}

/// The same job, paused after a minute.
fn paused() -> Job {
    Job { status: JobStatus::Paused, paused_at: Some(now().plus_seconds(60)), ..begun() }
}

#[test]
fn the_grid_of_states_and_commands() {
    let mut grid = String::new();
    for &status in JobStatus::ALL {
        for command in JobCommand::ALL {
            let outcome = status.after(command).map_or_else(|r| r.code().to_string(), |s| s.to_string());
            if outcome != "INVALID_STATE" {
                grid += &format!("{status:<11} {command:<22} -> {outcome}\n");
            }
        }
    }
    // Everything else is INVALID_STATE.
    insta::assert_snapshot!(grid, @r"
    assigned    planning               -> assigned
    assigned    assessing its defect   -> assigned
    assigned    starting               -> in_progress
    assigned    cancelling             -> cancelled
    assigned    settling it with its defect -> completed
    assigned    reassigning            -> assigned
    in_progress starting               -> in_progress
    in_progress asking for a pause     -> in_progress
    in_progress pausing                -> paused
    in_progress completing             -> completed
    in_progress leaving it incomplete  -> incomplete
    in_progress cancelling             -> cancelled
    in_progress settling it with its defect -> completed
    in_progress reassigning            -> assigned
    in_progress correcting the timer   -> in_progress
    paused      resuming               -> in_progress
    paused      leaving it incomplete  -> incomplete
    paused      cancelling             -> cancelled
    paused      settling it with its defect -> completed
    paused      taking it over         -> assigned
    paused      reassigning            -> assigned
    paused      correcting the timer   -> paused
    completed   approving its quality  -> qc_approved
    completed   rejecting its quality  -> incomplete
    completed   correcting the timer   -> completed
    completed   cleaning               -> completed
    completed   rewarding              -> completed
    qc_approved correcting the timer   -> qc_approved
    qc_approved cleaning               -> qc_approved
    qc_approved rewarding              -> qc_approved
    incomplete  cancelling             -> cancelled
    incomplete  reassigning            -> assigned
    incomplete  correcting the timer   -> incomplete
    ");
}

#[test]
fn every_transition_changes_these_fields() {
    let (fresh, begun, paused) = (job(JobStatus::Assigned), begun(), paused());
    let assigned = Job { planned_time_hours: Some(Hours::of_seconds(3600)), ..job(JobStatus::Assigned) };
    let completed = Job { completed_at: Some(now()), ..begun.clone() };
    let completed = Job { status: JobStatus::Completed, ..completed };
    let incomplete = filled(JobStatus::Incomplete);
    let stalled = filled(JobStatus::Paused);
    insta::assert_snapshot!(changes(&[
        ("plan", &fresh, &fresh.plan(planned(2.5), later()).expect("allowed")),
        ("start", &assigned, &assigned.start(later()).expect("allowed")),
        ("pause", &begun, &begun.pause(later(), later().next()).expect("allowed")),
        ("resume", &paused, &paused.resume(later()).expect("allowed")),
        ("complete", &begun, &begun.complete(done(), later()).expect("allowed")),
        ("leave incomplete", &begun, &begun.leave_incomplete("No parts left.".into(), later()).expect("allowed")),
        ("leave incomplete, paused", &paused, &paused.leave_incomplete("Ill.".into(), later()).expect("allowed")),
        ("cancel", &assigned, &assigned.cancel("Not needed.".into(), later()).expect("allowed")),
        ("cancel, paused", &paused, &paused.cancel("Not needed.".into(), later()).expect("allowed")),
        ("settle, unstarted", &assigned, &assigned.complete_with_defect("New seal.", later()).expect("allowed")),
        ("settle", &begun, &begun.complete_with_defect("New seal.", later()).expect("allowed")),
        ("settle, paused", &paused, &paused.complete_with_defect("New seal.", later()).expect("allowed")),
        ("assign a reviewer", &completed, &completed.reviewed_by(Some(id(6)), later())),
        ("approve the quality", &completed, &completed.approve_quality(Some(4), later()).expect("allowed")),
        ("approve without a rating", &completed, &completed.approve_quality(None, later()).expect("allowed")),
        ("reject the quality", &completed, &completed.reject_quality("Leaks.".into(), later()).expect("allowed")),
        ("take over", &stalled, &stalled.taken_over_by(id(8), later()).expect("allowed")),
        ("reassign", &incomplete, &incomplete.reassigned_to(id(8), later()).expect("allowed")),
        ("reward", &completed, &completed.rewarded(7, later()).expect("allowed")),
    ]), @r#"
    plan
      planned_time_hours: Some(Hours(250))
      updated_at: Instant(2026-03-01T08:00:00Z)
    start
      status: InProgress
      started_at: Some(Instant(2026-03-01T08:00:00Z))
      updated_at: Instant(2026-03-01T08:00:00Z)
    pause
      status: Paused
      paused_at: Some(Instant(2026-03-01T08:00:00Z))
      updated_at: Instant(2026-03-01T08:00:00.001Z)
    resume
      status: InProgress
      paused_at: None
      paused_seconds: 3540
      updated_at: Instant(2026-03-01T08:00:00Z)
    complete
      status: Completed
      completed_at: Some(Instant(2026-03-01T08:00:00Z))
      actual_time_hours: Some(Hours(100))
      time_rating: Some(5)
      work_notes: Some("Changed the seal.")
      completion_status: Some("fixed")
      updated_at: Instant(2026-03-01T08:00:00Z)
    leave incomplete
      status: Incomplete
      incomplete_reason: Some("No parts left.")
      updated_at: Instant(2026-03-01T08:00:00Z)
    leave incomplete, paused
      status: Incomplete
      paused_at: None
      paused_seconds: 3540
      incomplete_reason: Some("Ill.")
      updated_at: Instant(2026-03-01T08:00:00Z)
    cancel
      status: Cancelled
      incomplete_reason: Some("Not needed.")
      updated_at: Instant(2026-03-01T08:00:00Z)
    cancel, paused
      status: Cancelled
      paused_at: None
      paused_seconds: 3540
      incomplete_reason: Some("Not needed.")
      updated_at: Instant(2026-03-01T08:00:00Z)
    settle, unstarted
      status: Completed
      completed_at: Some(Instant(2026-03-01T08:00:00Z))
      work_notes: Some("New seal.")
      updated_at: Instant(2026-03-01T08:00:00Z)
    settle
      status: Completed
      completed_at: Some(Instant(2026-03-01T08:00:00Z))
      actual_time_hours: Some(Hours(100))
      time_rating: Some(5)
      work_notes: Some("New seal.")
      updated_at: Instant(2026-03-01T08:00:00Z)
    settle, paused
      status: Completed
      paused_at: None
      paused_seconds: 3540
      completed_at: Some(Instant(2026-03-01T08:00:00Z))
      actual_time_hours: Some(Hours(2))
      time_rating: Some(7)
      work_notes: Some("New seal.")
      updated_at: Instant(2026-03-01T08:00:00Z)
    assign a reviewer
      qe_id: Some(UserId(6))
      updated_at: Instant(2026-03-01T08:00:00Z)
    approve the quality
      status: QcApproved
      qc_rating: Some(4)
      updated_at: Instant(2026-03-01T08:00:00Z)
    approve without a rating
      status: QcApproved
      updated_at: Instant(2026-03-01T08:00:00Z)
    reject the quality
      status: Incomplete
      incomplete_reason: Some("Leaks.")
      updated_at: Instant(2026-03-01T08:00:00Z)
    take over
      owner_id: UserId(8)
      status: Assigned
      planned_time_hours: None
      started_at: None
      paused_at: None
      paused_seconds: 0
      completed_at: None
      actual_time_hours: None
      time_rating: None
      work_notes: None
      completion_status: None
      incomplete_reason: None
      admin_bonus: None
      qe_id: None
      qc_rating: None
      updated_at: Instant(2026-03-01T08:00:00Z)
    reassign
      owner_id: UserId(8)
      status: Assigned
      planned_time_hours: None
      started_at: None
      paused_at: None
      paused_seconds: 0
      completed_at: None
      actual_time_hours: None
      time_rating: None
      work_notes: None
      completion_status: None
      incomplete_reason: None
      admin_bonus: None
      qe_id: None
      qc_rating: None
      updated_at: Instant(2026-03-01T08:00:00Z)
    reward
      admin_bonus: Some(7)
      updated_at: Instant(2026-03-01T08:00:00Z)
    "#);
}

#[test]
fn every_command_obeys_the_state_machine() {
    for &status in JobStatus::ALL {
        let subject = Job { planned_time_hours: Some(Hours::of_seconds(36)), ..job(status) };
        let unplanned = Job { planned_time_hours: None, ..subject.clone() };
        let outcomes = [
            (JobCommand::Plan, unplanned.plan(planned(1.0), now())),
            (JobCommand::Start, subject.start(now())),
            (JobCommand::Pause, subject.pause(now(), now())),
            (JobCommand::Resume, subject.resume(now())),
            (JobCommand::Complete, subject.complete(done(), now())),
            (JobCommand::LeaveIncomplete, subject.leave_incomplete("No parts.".into(), now())),
            (JobCommand::Cancel, subject.cancel("Not needed.".into(), now())),
            (JobCommand::Settle, subject.complete_with_defect("New seal.", now())),
            (JobCommand::ApproveQuality, subject.approve_quality(None, now())),
            (JobCommand::RejectQuality, subject.reject_quality("It leaks.".into(), now())),
            (JobCommand::TakeOver, subject.taken_over_by(id(8), now())),
            (JobCommand::Reassign, subject.reassigned_to(id(8), now())),
            (JobCommand::Reward, subject.rewarded(1, now())),
        ];
        for (command, outcome) in outcomes {
            assert_eq!(outcome.map(|job| job.status), status.after(command), "{command:?} {status}");
        }
    }
    assert_eq!(
        (JobRule::PlannedAlready.code(), JobRule::EarlierWork.code()),
        (Code::InvalidState, Code::InvalidState)
    );
    assert_eq!(JobRule::AlreadyAssigned.code(), Code::Duplicate);
}

#[test]
fn a_repair_concerns_its_defect_and_has_the_number_of_its_owner() {
    let owner = User { id: id(4), role_id: "SPE003".into(), ..user(Role::Specialist) };
    let numbers = Numbers { universal: 40, of_owner: 12 };
    let repair = |body| {
        let input = AssignSpecialist::from_json(body).expect("an assignment");
        Job::repair(&testing::defect(), input, &owner, numbers, Some(id(5)), now())
    };
    let small = repair(json!({"specialist_id": 4}));
    insta::assert_snapshot!(fields(&small).join("\n"), @r#"
    id: JobId(0)
    kind: Specialist
    universal_id: 40
    job_id: "SPE003-012"
    owner_id: UserId(4)
    created_by_id: Some(UserId(5))
    category: Minor
    major_reason: None
    status: Assigned
    defect_id: Some(DefectId(41))
    equipment_id: Some(EquipmentId(32))
    inspection_id: Some(InspectionId(31))
    job_type: None
    title: None
    description: None
    planned_time_days: None
    planned_time_hours: None
    started_at: None
    paused_at: None
    paused_seconds: 0
    completed_at: None
    actual_time_hours: None
    time_rating: None
    work_notes: None
    completion_status: None
    incomplete_reason: None
    admin_bonus: None
    qe_id: None
    qc_rating: None
    created_at: Instant(2026-03-01T07:00:00Z)
    updated_at: Instant(2026-03-01T07:00:00Z)
    received_at: None
    "#);
    let large = repair(json!({"specialist_id": 4, "category": "major", "major_reason": "Crane needed."}));
    insta::assert_snapshot!(changed_fields(&small, &large), @r#"
    category: Major
    major_reason: Some("Crane needed.")
    "#);
}

#[test]
fn a_job_of_an_engineer_has_the_given_description_and_the_badge_of_that_role() {
    let owner = User {
        id: id(4),
        minor_role: Some(Role::Engineer),
        minor_role_id: Some("ENG002".into()),
        ..user(Role::QualityEngineer)
    };
    let create = |body| {
        let input = NewEngineerJob::from_json(body).expect("a job");
        Job::of_engineer(input, &owner, Numbers { universal: 3, of_owner: 1 }, Some(id(5)), now())
    };
    let bare = create(json!({"job_type": "special_task", "title": "Hydraulics"}));
    let full = create(json!({
        "job_type": "system_review", "title": "Pumps", "description": "Read the plans.", "category": "major",
        "major_reason": "Many plans.", "equipment_id": 12, "related_inspection_id": 13,
        "related_defect_id": 11, "planned_time_days": 9,
    }));
    insta::assert_snapshot!(changed_fields(&filled(JobStatus::Cancelled), &bare), @r#"
    id: JobId(0)
    job_id: "ENG002-001"
    category: Minor
    major_reason: None
    status: Assigned
    defect_id: None
    equipment_id: None
    inspection_id: None
    job_type: Some(SpecialTask)
    description: None
    planned_time_days: None
    planned_time_hours: None
    started_at: None
    paused_at: None
    paused_seconds: 0
    completed_at: None
    actual_time_hours: None
    time_rating: None
    work_notes: None
    completion_status: None
    incomplete_reason: None
    admin_bonus: None
    qe_id: None
    qc_rating: None
    "#);
    insta::assert_snapshot!(changed_fields(&bare, &full), @r#"
    category: Major
    major_reason: Some("Many plans.")
    defect_id: Some(DefectId(11))
    equipment_id: Some(EquipmentId(12))
    inspection_id: Some(InspectionId(13))
    job_type: Some(SystemReview)
    title: Some("Pumps")
    description: Some("Read the plans.")
    planned_time_days: Some(9)
    "#);
}

#[test]
fn an_owner_is_active_present_and_has_the_role_of_the_kind() {
    let fit = user(Role::Specialist);
    let minor = User { minor_role: Some(Role::Specialist), ..user(Role::Inspector) };
    for person in [&fit, &minor] {
        assert_eq!(may_own(Some(person), JobKind::Specialist, "owner"), Ok(()));
        let refused = may_own(Some(person), JobKind::Engineer, "owner").expect_err("another role");
        assert_eq!(refused.fields()[0].field, "owner");
        assert!(refused.fields()[0].message.to_string().contains("engineer"), "{refused}");
    }
    let unfit = [
        User { is_active: false, ..fit.clone() },
        User { is_on_leave: true, ..fit.clone() },
        user(Role::Admin),
    ];
    for person in unfit.iter().map(Some).chain([None]) {
        assert!(may_own(person, JobKind::Specialist, "owner").is_err(), "{person:?}");
    }
}

#[test]
fn numbers_have_three_digits_or_more() {
    let number = |n| Numbers { universal: 1, of_owner: n }.job_id("SPE003");
    assert_eq!([number(12), number(999), number(1000)], ["SPE003-012", "SPE003-999", "SPE003-1000"]);
}

#[test]
fn the_planned_time_comes_first_and_once() {
    let fresh = job(JobStatus::Assigned);
    let owner = User { id: fresh.owner_id, ..user(Role::Engineer) };
    assert_eq!(fresh.start(now()), Err(JobRule::PlannedTimeRequired));
    assert_eq!(job(JobStatus::InProgress).complete(done(), now()), Err(JobRule::PlannedTimeRequired));
    assert_eq!(JobRule::PlannedTimeRequired.code(), Code::PlannedTimeRequired);
    assert_eq!(fresh.may_be_opened_by(&owner), Err(JobRule::PlannedTimeRequired));
    assert_eq!(fresh.may_be_opened_by(&User { id: id(90), ..owner.clone() }), Ok(()));
    let ready = fresh.plan(planned(2.5), now()).expect("planned");
    assert_eq!(ready.plan(planned(3.0), now()), Err(JobRule::PlannedAlready));
    assert_eq!(ready.may_be_opened_by(&owner), Ok(()));
    let settled = fresh.complete_with_defect("Tightened.", now()).expect("settled");
    assert_eq!(settled.may_be_opened_by(&owner), Ok(()), "the time can't be entered any more");
}

#[test]
fn a_settled_job_is_reviewed_if_it_was_started_or_reported_as_done_by_its_owner() {
    let (fresh, begun) = (job(JobStatus::Assigned), begun());
    let owner = fresh.owner_id;
    for (subject, actor, is_reviewed) in
        [(&fresh, id(90), false), (&fresh, owner, true), (&begun, id(90), true), (&begun, owner, true)]
    {
        assert_eq!(subject.is_reviewed_if_settled_by(actor), is_reviewed);
    }
}

#[test]
fn pauses_are_excluded_from_the_time_worked() {
    let at = |seconds: i64| now().plus_seconds(seconds);
    let paused = begun().pause(at(1800), at(1800)).expect("paused");
    let resumed = paused.resume(at(1800 + 3 * 86_400)).expect("resumed");
    let done = resumed.complete(done(), at(3600 + 3 * 86_400)).expect("done");
    assert_eq!(done.paused_seconds, 3 * 86_400);
    assert_eq!(done.actual_time_hours, Some(Hours::of_seconds(3600)));
    assert_eq!((done.time_rating, done.status), (Some(5), JobStatus::Completed));
    assert_eq!(total(done.times(at(10_000_000))), 3600 + 3 * 86_400, "the timer stops at the completion");
}

#[test]
fn a_clock_that_is_set_back_gives_no_negative_time() {
    let done = begun().complete(done(), now().plus_seconds(-100)).expect("done");
    assert_eq!(done.actual_time_hours, Some(Hours::default()));
    assert_eq!(done.times(now()), Times::default());
    let back =
        begun().pause(now(), now()).expect("paused").resume(now().plus_seconds(-100)).expect("resumed");
    assert_eq!(back.paused_seconds, 0);
}

#[test]
fn a_reader_sees_a_job_its_outline_or_its_facts() {
    let full = filled(JobStatus::Completed);
    for &kind in JobKind::ALL {
        let full = Job { kind, ..full.clone() };
        let fresh = Job { kind, ..job(JobStatus::Assigned) };
        for &role in Role::ALL {
            let other = User { id: id(90), ..user(role) };
            let owner = User { id: full.owner_id, ..user(role) };
            assert_eq!(full.clone().seen_by(&owner), (full.clone(), Detail::Full));
            let outline = Detail::Outline(JobRule::PlannedTimeRequired);
            assert_eq!(fresh.clone().seen_by(&owner), (fresh.outline(), outline));
            let (seen, detail) = full.clone().seen_by(&other);
            if full.may_be_seen_by(&other).is_ok() {
                assert_eq!((seen, detail), (full.clone(), Detail::Full), "{kind} {role}");
                continue;
            }
            assert_eq!(detail, Detail::Facts, "{kind} {role}");
            let facts = Job {
                created_by_id: None,
                major_reason: None,
                description: None,
                planned_time_days: None,
                planned_time_hours: None,
                paused_seconds: 0,
                actual_time_hours: None,
                time_rating: None,
                work_notes: None,
                completion_status: None,
                incomplete_reason: None,
                admin_bonus: None,
                qe_id: None,
                qc_rating: None,
                ..full.clone()
            };
            assert_eq!(seen, facts, "{kind} {role}");
        }
    }
}

#[test]
fn the_difference_of_a_bonus_is_booked() {
    for (bonus, booked) in (0..=10).flat_map(|bonus| [0, 4, 10].map(|booked| (bonus, booked))) {
        let rewarded = job(JobStatus::Completed).rewarded(bonus, now()).expect("rewarded");
        assert_eq!(rewarded.bonus_over(booked), bonus - booked);
    }
}

/// A segment of the time of a job.
#[derive(Debug, Clone, Copy)]
enum Segment {
    Running(Instant, Instant),
    Paused(Instant, Instant),
}

/// Times of consecutive segments, as the rule book defines them (§7).
fn sum(segments: &[Segment]) -> Times {
    let seconds = |from: Instant, to: Instant| to.as_second() - from.as_second();
    segments.iter().fold(Times::default(), |times, segment| match *segment {
        Segment::Running(from, to) => Times { worked: times.worked + seconds(from, to), ..times },
        Segment::Paused(from, to) => Times { paused: times.paused + seconds(from, to), ..times },
    })
}

fn total(times: Times) -> i64 {
    times.worked + times.paused
}

proptest! {
    #[test]
    fn time_worked_and_time_paused_add_up_to_the_total(steps in prop::collection::vec(0..200_000_i64, 0..20), last in 0..100_000_i64) {
        let mut subject = begun();
        let mut at = now();
        let mut segments = Vec::new();
        for milliseconds in steps {
            let from = at;
            at = Instant::from_millisecond(at.as_millisecond() + milliseconds * 7).expect("an instant");
            if subject.status == JobStatus::InProgress {
                segments.push(Segment::Running(from, at));
                subject = subject.pause(at, at).expect("paused");
            } else {
                segments.push(Segment::Paused(from, at));
                subject = subject.resume(at).expect("resumed");
            }
            let times = subject.times(at);
            prop_assert_eq!(times, sum(&segments));
            prop_assert_eq!(total(times), at.as_second() - now().as_second());
        }
        if subject.status == JobStatus::Paused {
            subject = subject.resume(at).expect("resumed");
        }
        let end = at.plus_seconds(last);
        segments.push(Segment::Running(at, end));
        let times = sum(&segments);
        let done = subject.complete(done(), end).expect("done");
        prop_assert_eq!(done.times(end), times);
        prop_assert_eq!(done.paused_seconds, times.paused);
        prop_assert_eq!(done.actual_time_hours, Some(Hours::of_seconds(times.worked)));
    }
}
