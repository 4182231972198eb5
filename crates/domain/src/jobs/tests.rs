use proptest::prelude::*;
use serde_json::json;

use super::{timer::time_rating, *};
use crate::{
    input::Input,
    rule::Rule,
    testing::{id, now, user},
    time::Instant,
    users::{Role, User},
};

fn job(status: JobStatus) -> Job {
    let input =
        NewEngineerJob::from_json(json!({"job_type": "system_review", "title": "Look"})).expect("a job");
    let job =
        Job::of_engineer(input, &user(Role::Engineer), Numbers { universal: 3, of_owner: 12 }, None, now());
    Job { status, ..job }
}

fn planned(hours: f64) -> PlannedTime {
    PlannedTime::from_json(json!({ "hours": hours })).expect("a time")
}

fn done() -> Completion {
    Completion::from_json(json!({"work_notes": "Changed the seal."})).expect("notes")
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
    in_progress asking for a pause     -> in_progress
    in_progress pausing                -> paused
    in_progress completing             -> completed
    in_progress leaving it incomplete  -> incomplete
    paused      resuming               -> in_progress
    paused      leaving it incomplete  -> incomplete
    paused      taking it over         -> assigned
    completed   approving its quality  -> qc_approved
    completed   rejecting its quality  -> incomplete
    completed   cleaning               -> completed
    completed   rewarding              -> completed
    qc_approved cleaning               -> qc_approved
    qc_approved rewarding              -> qc_approved
    incomplete  reassigning            -> assigned
    ");
}

#[test]
fn numbers_have_three_digits_or_more() {
    let number = |n| Numbers { universal: 1, of_owner: n }.job_id("SPE003");
    assert_eq!([number(12), number(999), number(1000)], ["SPE003-012", "SPE003-999", "SPE003-1000"]);
}

#[test]
fn the_planned_time_comes_first_and_once() {
    let fresh = job(JobStatus::Assigned);
    assert_eq!(fresh.start(now()), Err(JobRule::PlannedTimeRequired));
    assert_eq!(fresh.may_be_opened_by(&user(Role::Engineer)), Err(JobRule::PlannedTimeRequired));
    assert_eq!(fresh.may_be_opened_by(&User { id: id(9), ..user(Role::Admin) }), Ok(()));
    let ready = fresh.plan(&planned(2.5), now()).expect("planned");
    assert_eq!(ready.plan(&planned(3.0), now()), Err(JobRule::PlannedAlready));
    assert_eq!(ready.may_be_opened_by(&user(Role::Engineer)), Ok(()));
    assert_eq!(ready.start(now()).expect("started").started_at, Some(now()));
}

#[test]
fn planned_hours_are_positive_and_bounded() {
    let read = |hours: serde_json::Value| {
        PlannedTime::from_json(json!({ "hours": hours })).map(|p| p.planned_time_hours.number())
    };
    for (given, kept) in [(json!(0.01), 0.01), (json!(1), 1.0), (json!(999.99), 999.99), (json!(1.006), 1.01)]
    {
        assert!((read(given.clone()).expect("fits") - kept).abs() < 1e-9, "{given}");
    }
    for wrong in [
        json!(0),
        json!(-1),
        json!(1000),
        json!(0.004),
        json!("2.5"),
        json!("much"),
        json!("NaN"),
        json!("inf"),
        json!(null),
        json!([1]),
    ] {
        assert!(read(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn on_time_to_the_second_is_five() {
    let minutes = |count: i64| count * 60;
    for (planned, worked, rating) in [
        (minutes(240), minutes(240), 5),
        (minutes(240), minutes(240) - 1, 7),
        (minutes(240), minutes(120) + 1, 7),
        (minutes(240), minutes(120), 7),
        (minutes(240), minutes(240) + 1, 5),
        (minutes(240), minutes(270) - 1, 5),
        (minutes(240), minutes(270), 4),
        (minutes(240), minutes(300), 3),
        (minutes(240), minutes(360), 1),
        (minutes(240), minutes(24000), 1),
    ] {
        assert_eq!(time_rating(planned, worked), rating, "{planned} {worked}");
    }
}

#[test]
fn pauses_are_excluded_from_the_time_worked() {
    let at = |seconds: i64| now().plus_seconds(seconds);
    let begun =
        job(JobStatus::Assigned).plan(&planned(1.0), now()).expect("planned").start(now()).expect("started");
    let paused = begun.pause(at(1800)).expect("paused");
    let resumed = paused.resume(at(1800 + 3 * 86_400)).expect("resumed");
    let done = resumed.complete(done(), at(3600 + 3 * 86_400)).expect("done");
    assert_eq!(done.paused_seconds, 3 * 86_400);
    assert_eq!(done.actual_time_hours, Some(Hours::of_seconds(3600)));
    assert_eq!((done.time_rating, done.status), (Some(5), JobStatus::Completed));
    assert_eq!(total(done.times(at(10_000_000))), 3600 + 3 * 86_400, "the timer stops at the completion");
}

#[test]
fn a_clock_that_is_set_back_gives_no_negative_time() {
    let begun =
        job(JobStatus::Assigned).plan(&planned(1.0), now()).expect("planned").start(now()).expect("started");
    let done = begun.complete(done(), now().plus_seconds(-100)).expect("done");
    assert_eq!(done.actual_time_hours, Some(Hours::default()));
}

#[test]
fn a_takeover_resets_the_job() {
    let begun =
        job(JobStatus::Assigned).plan(&planned(1.0), now()).expect("planned").start(now()).expect("started");
    let paused = begun.pause(now().plus_seconds(60)).expect("paused");
    let taken = paused.taken_over_by(id(8), now().plus_seconds(999_999)).expect("taken over");
    assert_eq!((taken.owner_id, taken.status), (id(8), JobStatus::Assigned));
    assert_eq!(
        (taken.planned_time_hours, taken.started_at, taken.paused_at, taken.paused_seconds),
        (None, None, None, 0)
    );
    assert_eq!(taken.job_id, paused.job_id, "its number stays");
    let left = Job { admin_bonus: Some(5), ..job(JobStatus::Incomplete) };
    let again = left.reassigned_to(id(8), now()).expect("reassigned");
    assert_eq!(again.admin_bonus, None, "a bonus belongs to the previous owner");
}

#[test]
fn a_job_is_visible_to_planners_and_worked_on_by_its_owner() {
    for kind in [JobKind::Specialist, JobKind::Engineer] {
        let subject = Job { kind, ..job(JobStatus::Assigned) };
        for &role in Role::ALL {
            let other = User { id: id(9), ..user(role) };
            let sees = match kind {
                JobKind::Specialist => matches!(role, Role::Admin | Role::Engineer | Role::QualityEngineer),
                JobKind::Engineer => matches!(role, Role::Admin | Role::QualityEngineer),
            };
            assert_eq!(subject.may_be_seen_by(&other).is_ok(), sees, "{kind} {role}");
            assert!(subject.may_be_worked_on_by(&other).is_err());
            assert_eq!(
                subject.may_be_resumed_by(&other).is_ok(),
                matches!(role, Role::Admin | Role::Engineer)
            );
            let owner = User { id: subject.owner_id, ..user(role) };
            assert!(subject.may_be_seen_by(&owner).is_ok() && subject.may_be_worked_on_by(&owner).is_ok());
            assert!(subject.may_be_resumed_by(&owner).is_ok());
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
        let mut subject = job(JobStatus::Assigned).plan(&planned(1.0), now()).expect("planned").start(now()).expect("started");
        let mut at = now();
        let mut segments = Vec::new();
        for milliseconds in steps {
            let from = at;
            at = Instant::from_millisecond(at.as_millisecond() + milliseconds * 7).expect("an instant");
            if subject.status == JobStatus::InProgress {
                segments.push(Segment::Running(from, at));
                subject = subject.pause(at).expect("paused");
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

    #[test]
    fn the_rating_falls_with_lateness_and_stays_within_its_bounds(planned in 1..4_000_000_i64, a in 0..8_000_000_i64, b in 0..8_000_000_i64) {
        let (early, late) = (a.min(b), a.max(b));
        prop_assert!(time_rating(planned, early) >= time_rating(planned, late));
        prop_assert!((1..=7).contains(&time_rating(planned, a)));
    }
}
