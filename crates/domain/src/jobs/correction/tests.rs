use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    input::Input,
    jobs::JobStatus,
    pauses::NewPause,
    rule::Rule,
    testing::{self, changed_fields, id, now},
};

fn at(seconds: i64) -> Instant {
    now().plus_seconds(seconds)
}

/// A job of one planned hour, in progress since `now()`.
fn running() -> Job {
    Job {
        status: JobStatus::InProgress,
        planned_time_hours: Some(Hours::of_seconds(3600)),
        started_at: Some(now()),
        ..testing::job()
    }
}

/// A job that was completed after three hours, of which one was paused.
fn completed() -> Job {
    Job {
        status: JobStatus::Completed,
        completed_at: Some(at(3 * 3600)),
        paused_seconds: 3600,
        actual_time_hours: Some(Hours::of_seconds(7200)),
        time_rating: Some(3),
        ..running()
    }
}

/// A pause of the job with this number.
fn pause(number: i64, from: i64, until: Option<i64>) -> Pause {
    let new = NewPause::from_json(json!({"reason_category": "parts"})).expect("a request");
    let approved = new.request(id(7), id(4), at(from)).approve(id(9), at(from), at(from)).expect("pending");
    let begun = Pause { id: id(number), ..approved };
    until.map_or_else(|| begun.clone(), |until| begun.end(None, at(until)).expect("begun"))
}

fn correction(mut body: Value) -> TimerCorrection {
    body["reason"] = json!("The phone was off.");
    TimerCorrection::from_json(body).expect("a correction")
}

/// The fields in the errors of a correction at ten hours after the start.
fn refused(job: &Job, log: &[Pause], body: Value) -> Vec<String> {
    let outcome = correction(body).timer(job, log, id(9), at(36_000));
    outcome.err().iter().flat_map(Rule::fields).map(|error| error.field).collect()
}

#[test]
fn hours_and_rating_follow_the_corrected_timer() {
    let (job, log) = (completed(), [pause(1, 600, Some(4200))]);
    let body = json!({
        "started_at": at(-1800), "completed_at": at(7200),
        "pauses": [
            {"id": 1, "paused_at": at(600), "resumed_at": at(5400)},
            {"paused_at": at(-900), "resumed_at": at(-300)},
        ],
    });
    let timer = correction(body).timer(&job, &log, id(9), at(36_000)).expect("valid");
    let after = job.corrected(&timer, at(36_000)).expect("allowed");
    insta::assert_snapshot!(changed_fields(&job, &after), @r"
    started_at: Some(Instant(2026-03-01T06:30:00Z))
    paused_seconds: 5400
    completed_at: Some(Instant(2026-03-01T09:00:00Z))
    actual_time_hours: Some(Hours(100))
    time_rating: Some(5)
    updated_at: Instant(2026-03-01T17:00:00Z)
    ");
    let [added, moved] = timer.pauses.as_slice() else { panic!("{timer:?}") };
    assert_eq!((added.before.as_ref(), added.after.duration_seconds), (None, Some(600)));
    assert_eq!((added.after.status, added.after.is_forced), (PauseStatus::Ended, true));
    assert_eq!(added.after.reason_details.as_deref(), Some("The phone was off."));
    insta::assert_snapshot!(changed_fields(&log[0], &moved.after), @r"
    resumed_at: Some(Instant(2026-03-01T08:30:00Z))
    duration_seconds: Some(4800)
    ");
    let changes = timer.changes(&job, &after);
    assert_eq!(changes.0["pauses"]["old"], json!([{"id": 1, "paused_at": at(600), "resumed_at": at(4200)}]));
    assert_eq!(changes.0["time_rating"], json!({"old": 3, "new": 5}));
}

#[test]
fn a_pause_that_is_not_named_did_not_happen_and_absent_values_stay() {
    let (job, log) = (completed(), [pause(1, 600, Some(4200))]);
    let timer = correction(json!({"pauses": []})).timer(&job, &log, id(9), at(36_000)).expect("valid");
    let after = job.corrected(&timer, at(36_000)).expect("allowed");
    assert_eq!((after.paused_seconds, after.actual_time_hours), (0, Some(Hours::of_seconds(3 * 3600))));
    insta::assert_snapshot!(changed_fields(&log[0], &timer.pauses[0].after), @r"
    status: Cancelled
    paused_at: None
    resumed_at: None
    duration_seconds: None
    ");
    let timer = correction(json!({})).timer(&job, &log, id(9), at(36_000)).expect("valid");
    let after = job.corrected(&timer, job.updated_at).expect("allowed");
    assert_eq!((after, timer.pauses[0].after.clone()), (job, log[0].clone()));
}

#[test]
fn the_present_pause_stays_open() {
    let job = Job { status: JobStatus::Paused, paused_at: Some(at(4200)), ..running() };
    let log = [pause(1, 600, Some(1200)), pause(2, 4200, None)];
    let job = Job { paused_seconds: 600, ..job };
    for body in [
        json!({"pauses": [{"id": 2, "paused_at": at(3600)}, {"id": 1, "paused_at": at(600), "resumed_at": at(900)}]}),
        json!({"pauses": [{"paused_at": at(3600)}, {"id": 1, "paused_at": at(600), "resumed_at": at(900)}]}),
    ] {
        let timer = correction(body).timer(&job, &log, id(9), at(36_000)).expect("valid");
        let after = job.corrected(&timer, at(36_000)).expect("allowed");
        assert_eq!(
            (after.status, after.paused_at, after.paused_seconds),
            (JobStatus::Paused, Some(at(3600)), 300)
        );
    }
    let timer = correction(json!({"pauses": []})).timer(&job, &log, id(9), at(36_000)).expect("valid");
    let after = job.corrected(&timer, at(36_000)).expect("allowed");
    assert_eq!((after.paused_at, after.paused_seconds), (Some(at(4200)), 0), "only resuming ends it");
    let ended = json!({"pauses": [{"id": 2, "paused_at": at(3600), "resumed_at": at(4000)}]});
    assert_eq!(refused(&job, &log, ended), ["pauses[0].resumed_at"]);
}

#[test]
fn the_grid_of_invalid_timers() {
    let one = |from: i64, until: i64| json!([{"paused_at": at(from), "resumed_at": at(until)}]);
    let (done, log) = (completed(), [pause(1, 600, Some(4200))]);
    for (body, fields) in [
        (json!({}), vec![]),
        (json!({"started_at": at(36_001)}), vec!["started_at", "completed_at", "pauses"]),
        (json!({"completed_at": at(36_001)}), vec!["completed_at"]),
        (json!({"completed_at": at(-1), "pauses": []}), vec!["completed_at"]),
        (json!({"completed_at": at(4199)}), vec!["pauses"]),
        (json!({"started_at": at(601)}), vec!["pauses"]),
        (json!({"started_at": at(600), "completed_at": at(4200)}), vec![]),
        (json!({"pauses": one(-1, 60)}), vec!["pauses[0].paused_at"]),
        (json!({"pauses": one(60, 10_801)}), vec!["pauses[0].resumed_at"]),
        (json!({"pauses": one(60, 59)}), vec!["pauses[0].resumed_at"]),
        (json!({"pauses": one(60, 60)}), vec![]),
        (json!({"pauses": [{"paused_at": at(60)}]}), vec!["pauses[0].resumed_at"]),
        (json!({"pauses": [{"id": 8, "paused_at": at(60), "resumed_at": at(70)}]}), vec!["pauses[0].id"]),
        (
            json!({"pauses": [
                {"id": 1, "paused_at": at(60), "resumed_at": at(70)},
                {"id": 1, "paused_at": at(80), "resumed_at": at(90)},
            ]}),
            vec!["pauses[1].id"],
        ),
        (
            json!({"pauses": [
                {"paused_at": at(600), "resumed_at": at(700)}, {"paused_at": at(60), "resumed_at": at(601)},
            ]}),
            vec!["pauses[0].paused_at"],
        ),
        (
            json!({"pauses": [
                {"paused_at": at(600), "resumed_at": at(700)}, {"paused_at": at(60), "resumed_at": at(600)},
            ]}),
            vec![],
        ),
    ] {
        assert_eq!(refused(&done, &log, body.clone()), fields, "{body}");
    }
    let early = json!({"completed_at": at(60)});
    assert_eq!(refused(&running(), &[], early), ["completed_at"], "it goes on");
    let after = json!({"pauses": [{"paused_at": at(36_000), "resumed_at": at(36_001)}]});
    assert_eq!(refused(&running(), &[], after), ["pauses[0].resumed_at"], "in the future");
    let of_another_owner = [pause(1, -600, Some(-300))];
    let early = json!({"started_at": at(-301)});
    assert_eq!(refused(&running(), &of_another_owner, early), ["started_at"]);
    assert!(refused(&running(), &of_another_owner, json!({"started_at": at(-300)})).is_empty());
}

#[test]
fn a_job_without_a_timer_has_none_to_correct() {
    for &status in JobStatus::ALL {
        let job = Job { status, ..completed() };
        let timer = correction(json!({})).timer(&job, &[], id(9), at(36_000)).expect("valid");
        let outcome = job.corrected(&timer, at(36_000)).map(|after| after.status);
        assert_eq!(outcome, status.after(JobCommand::CorrectTimer));
        let refused = Err(JobRule::WrongStatus { command: JobCommand::CorrectTimer, status });
        if matches!(status, JobStatus::Assigned | JobStatus::Cancelled) {
            assert_eq!(outcome, refused);
        }
    }
    // Settled with its defect before the work was started.
    let settled = Job { started_at: None, ..completed() };
    assert!(settled.has_timer().is_err() && completed().has_timer().is_ok());
}

proptest! {
    #[test]
    fn work_and_pauses_of_a_valid_timer_add_up_to_its_length(
        start in -20_000..20_000_i64,
        length in 0..20_000_i64,
        parts in prop::collection::vec((0..22_000_i64, 0..9000_i64), 0..6),
    ) {
        let job = completed();
        let pauses: Vec<Value> = parts
            .iter()
            .map(|(from, length)| json!({"paused_at": at(start + from), "resumed_at": at(start + from + length)}))
            .collect();
        let body = json!({"started_at": at(start), "completed_at": at(start + length), "pauses": pauses});
        let mut sorted = parts.clone();
        sorted.sort_unstable();
        let fits = sorted.iter().all(|(from, part)| from + part <= length)
            && sorted.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0);
        let outcome = correction(body).timer(&job, &[], id(9), at(90_000));
        if fits {
            prop_assert!(outcome.is_ok());
        }
        if let Ok(timer) = outcome {
            let after = job.corrected(&timer, at(90_000)).expect("allowed");
            let times = after.times(at(90_000));
            prop_assert_eq!(times.paused, sorted.iter().map(|(_, part)| part).sum::<i64>());
            prop_assert_eq!(times.worked + times.paused, length);
            prop_assert_eq!(after.actual_time_hours, Some(Hours::of_seconds(times.worked)));
            prop_assert!(after.time_rating.is_some_and(|rating| (1..=7).contains(&rating)));
        }
    }
}
