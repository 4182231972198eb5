//! The scheduled tasks ran when they were due.

use inspection_domain::{
    tasks::{Schedule, TaskName},
    time::Instant,
};
use serde_json::Value;

use super::{
    result::{CheckResult, StepResult, expect, fail, pass, warning},
    run::Run,
};

/// Tolerated delay of a run, in seconds.
const MAX_DELAY: i64 = 60 * 60;

/// Change of the local time between two runs by daylight saving, in seconds.
const CLOCK_CHANGE: i64 = 60 * 60;

/// Interval of a schedule, in seconds.
const fn period(schedule: Schedule) -> i64 {
    match schedule {
        Schedule::Daily { .. } => 24 * 60 * 60,
        Schedule::EveryHours(hours) => hours as i64 * 60 * 60,
        Schedule::EveryMinutes(minutes) => minutes as i64 * 60,
    }
}

/// The state of a task.
#[derive(Debug, PartialEq, Eq)]
enum TaskState {
    OnTime,
    NeverRun,
    Faulty(String),
}

/// The times that a task is judged by.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// Current time of the service.
    now: Instant,
    /// Start of the responding process.
    started: Instant,
    /// Next due time of the task.
    next: Instant,
}

/// Judges a task by its latest scheduled run.
fn judge(run: Option<&Value>, times: Times, period: i64) -> TaskState {
    let Some(run) = run else { return TaskState::NeverRun };
    let at = |field: &str| run[field].as_str().and_then(Instant::parse);
    let (Some(due), Some(begun)) = (at("scheduled_for"), at("started_at")) else {
        return TaskState::Faulty("has a run without times".to_owned());
    };
    let latest_due = times.next.as_second() - period;
    let since_due = times.now.as_second() - latest_due;
    match run["outcome"].as_str() {
        Some("failed") => return TaskState::Faulty(format!("failed at {due}")),
        Some("running") if times.now.as_second() - begun.as_second() > MAX_DELAY => {
            return TaskState::Faulty(format!("has been running since {begun}"));
        }
        _ => {}
    }
    // Daylight saving may change between two consecutive runs.
    if due.as_second() + CLOCK_CHANGE < latest_due && since_due > MAX_DELAY + CLOCK_CHANGE {
        return TaskState::Faulty(format!("has not run since {due}"));
    }
    // A process that started later makes up for missed runs, and can't be on time.
    if begun.as_second() - due.as_second() > MAX_DELAY && times.started <= due {
        return TaskState::Faulty(format!("was due at {due} and began at {begun}"));
    }
    TaskState::OnTime
}

/// The last run of every task was on time.
pub(super) fn on_time(run: &mut Run<'_>) -> StepResult {
    let token = run.admin()?;
    let tasks = run.client.get("/api/admin/tasks", Some(&token))?;
    expect(&tasks, 200, "listing tasks")?;
    let health = run.client.get("/health", None)?;
    let system = run.client.get("/api/admin/system", Some(&token))?;
    let time = |value: &Value| value.as_str().and_then(Instant::parse);
    let (Some(now), Some(started)) = (time(health.at("/timestamp")), time(system.at("/data/started_at")))
    else {
        return Err(fail("the responses lack times", "the proxy must not change responses"));
    };
    let listed = tasks.at("/data").as_array().cloned().unwrap_or_default();
    let (mut faulty, mut never) = (Vec::new(), Vec::new());
    for task in TaskName::ALL {
        let name = task.as_str();
        let found = listed.iter().find(|listed| listed["name"] == name);
        let Some((found, next)) = found.and_then(|found| Some((found, time(&found["next_run"])?))) else {
            faulty.push(format!("{name} is missing"));
            continue;
        };
        let last = last_run(run, &token, name, &found["last_run"])?;
        match judge(last.as_ref(), Times { now, started, next }, period(task.schedule())) {
            TaskState::OnTime => {}
            TaskState::NeverRun => never.push(name),
            TaskState::Faulty(fault) => faulty.push(format!("{name} {fault}")),
        }
    }
    Ok(if !faulty.is_empty() {
        fail(
            faulty.join("; "),
            "set SCHEDULER_ENABLED=true on every instance, and see `inspection-server task list`",
        )
    } else if never.is_empty() {
        pass(format!("all {} ran on time", TaskName::ALL.len()))
    } else {
        warning(
            format!("not run yet: {}", never.join(", ")),
            "verify again after they were due; tasks need SCHEDULER_ENABLED=true",
        )
    })
}

/// The latest scheduled run of a task.
fn last_run(
    run: &mut Run<'_>,
    token: &str,
    name: &str,
    latest: &Value,
) -> Result<Option<Value>, CheckResult> {
    if latest.is_null() {
        return Ok(None);
    }
    if latest["is_manual"] != true {
        return Ok(Some(latest.clone()));
    }
    let runs = run.client.get(&format!("/api/admin/tasks/{name}/runs?per_page=100"), Some(token))?;
    expect(&runs, 200, "listing runs of a task")?;
    let mut runs = runs.at("/data").as_array().into_iter().flatten();
    Ok(runs.find(|run| run["is_manual"] != true).cloned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("an instant")
    }

    /// A daily task that is due at 13:00, judged at `now` by a process that began at `started`.
    fn daily(now: &str, started: &str) -> Times {
        let next = if now < "2026-03-02T13:00:00Z" { "2026-03-02T13:00:00Z" } else { "2026-03-03T13:00:00Z" };
        Times { now: at(now), started: at(started), next: at(next) }
    }

    fn judged(due: &str, begun: &str, outcome: &str, times: Times) -> TaskState {
        let run = json!({"scheduled_for": due, "started_at": begun, "outcome": outcome});
        judge(Some(&run), times, period(Schedule::Daily { hour: 13, minute: 0 }))
    }

    const DUE: &str = "2026-03-02T13:00:00Z";
    const DAY_BEFORE: &str = "2026-03-01T13:00:00Z";
    const LONG_AGO: &str = "2026-02-01T00:00:00Z";

    #[test]
    fn a_run_on_time_passes_and_so_does_one_that_is_about_to_start() {
        let soon_after = daily("2026-03-02T13:20:00Z", LONG_AGO);
        assert_eq!(judged(DUE, "2026-03-02T13:00:01Z", "succeeded", soon_after), TaskState::OnTime);
        assert_eq!(judged(DUE, "2026-03-02T13:00:01Z", "running", soon_after), TaskState::OnTime);
        assert_eq!(judged(DAY_BEFORE, DAY_BEFORE, "succeeded", soon_after), TaskState::OnTime);
        let before = daily("2026-03-02T12:59:00Z", LONG_AGO);
        assert_eq!(judged(DAY_BEFORE, DAY_BEFORE, "succeeded", before), TaskState::OnTime);
        assert_eq!(judge(None, before, 60), TaskState::NeverRun);
    }

    #[test]
    fn failed_hanging_and_missing_runs_are_found() {
        let evening = daily("2026-03-02T20:00:00Z", LONG_AGO);
        for (due, begun, outcome, says) in [
            (DUE, DUE, "failed", "failed"),
            (DUE, DUE, "running", "running since"),
            (DAY_BEFORE, DAY_BEFORE, "succeeded", "has not run since"),
        ] {
            let TaskState::Faulty(fault) = judged(due, begun, outcome, evening) else { panic!("{says}") };
            assert!(fault.contains(says), "{fault}");
        }
    }

    #[test]
    fn a_run_made_up_for_at_a_start_is_not_late() {
        let begun = "2026-03-02T18:00:00Z";
        let made_up = daily("2026-03-02T20:00:00Z", "2026-03-02T17:59:00Z");
        assert_eq!(judged(DUE, begun, "succeeded", made_up), TaskState::OnTime);
        let late = daily("2026-03-02T20:00:00Z", LONG_AGO);
        assert!(
            matches!(judged(DUE, begun, "succeeded", late), TaskState::Faulty(fault) if fault.contains("was due at"))
        );
    }
}
