//! Whether the scheduled tasks ran when they were due.

use inspection_domain::{
    tasks::{Schedule, TaskName},
    time::Instant,
};
use serde_json::Value;

use super::{Look, Run, Seen, expect, fail, pass, warning};

/// Seconds a run may be late.
const LATE: i64 = 60 * 60;

/// Seconds by which clocks of a site may be put forward or back between two runs.
const CLOCK_CHANGE: i64 = 60 * 60;

/// Seconds between two runs.
const fn period(schedule: Schedule) -> i64 {
    match schedule {
        Schedule::Daily { .. } => 24 * 60 * 60,
        Schedule::EveryHours(hours) => hours as i64 * 60 * 60,
        Schedule::EveryMinutes(minutes) => minutes as i64 * 60,
    }
}

/// How a task stands.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Fine,
    Never,
    Wrong(String),
}

/// When things are and were.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// By the clock of the service.
    now: Instant,
    /// When the process that answers was started.
    started: Instant,
    /// When the task is due next.
    next: Instant,
}

/// Judges a task by its latest run that nobody asked for.
fn judge(run: Option<&Value>, times: Times, period: i64) -> State {
    let Some(run) = run else { return State::Never };
    let at = |field: &str| run[field].as_str().and_then(Instant::parse);
    let (Some(due), Some(begun)) = (at("scheduled_for"), at("started_at")) else {
        return State::Wrong("has a run without times".to_owned());
    };
    let latest_due = times.next.as_second() - period;
    let since_due = times.now.as_second() - latest_due;
    match run["outcome"].as_str() {
        Some("failed") => return State::Wrong(format!("has failed at {due}")),
        Some("running") if times.now.as_second() - begun.as_second() > LATE => {
            return State::Wrong(format!("has been running since {begun}"));
        }
        _ => {}
    }
    // Of two runs that are due one after the other, clocks may be changed in between.
    if due.as_second() + CLOCK_CHANGE < latest_due && since_due > LATE + CLOCK_CHANGE {
        return State::Wrong(format!("has not run since {due}"));
    }
    // A process that was started later couldn't be on time: it makes up for what was missed.
    if begun.as_second() - due.as_second() > LATE && times.started <= due {
        return State::Wrong(format!("was due at {due} and begun at {begun}"));
    }
    State::Fine
}

/// The six tasks, each with its last run on time.
pub(super) fn on_time(run: &mut Run) -> Seen {
    let token = run.admin()?;
    let tasks = run.http.get("/api/admin/tasks", Some(&token))?;
    expect(&tasks, 200, "listing tasks")?;
    let health = run.http.get("/health", None)?;
    let system = run.http.get("/api/admin/system", Some(&token))?;
    let time = |value: &Value| value.as_str().and_then(Instant::parse);
    let (Some(now), Some(started)) = (time(health.at("/timestamp")), time(system.at("/data/started_at")))
    else {
        return Err(fail("the service doesn't tell the time", "look whether the proxy changes answers"));
    };
    let listed = tasks.at("/data").as_array().cloned().unwrap_or_default();
    let (mut wrong, mut never) = (Vec::new(), Vec::new());
    for task in TaskName::ALL {
        let name = task.as_str();
        let found = listed.iter().find(|listed| listed["name"] == name);
        let Some((found, next)) = found.and_then(|found| Some((found, time(&found["next_run"])?))) else {
            wrong.push(format!("{name} is missing"));
            continue;
        };
        let last = last_run(run, &token, name, &found["last_run"])?;
        match judge(last.as_ref(), Times { now, started, next }, period(task.schedule())) {
            State::Fine => {}
            State::Never => never.push(name),
            State::Wrong(what) => wrong.push(format!("{name} {what}")),
        }
    }
    Ok(if !wrong.is_empty() {
        fail(
            wrong.join("; "),
            "set SCHEDULER_ENABLED=true on every instance, and look at `inspection-server task list`",
        )
    } else if never.is_empty() {
        pass(format!("all {} have run on time", TaskName::ALL.len()))
    } else {
        warning(
            format!("never run yet: {}", never.join(", ")),
            "verify again when they have been due; tasks need SCHEDULER_ENABLED=true",
        )
    })
}

/// The latest run of a task that nobody asked for.
fn last_run(run: &mut Run, token: &str, name: &str, latest: &Value) -> Result<Option<Value>, Look> {
    if latest.is_null() {
        return Ok(None);
    }
    if latest["is_manual"] != true {
        return Ok(Some(latest.clone()));
    }
    let runs = run.http.get(&format!("/api/admin/tasks/{name}/runs?per_page=100"), Some(token))?;
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

    /// A daily task that is due at 13:00, looked at at this time; the process was started at that.
    fn daily(now: &str, started: &str) -> Times {
        let next = if now < "2026-03-02T13:00:00Z" { "2026-03-02T13:00:00Z" } else { "2026-03-03T13:00:00Z" };
        Times { now: at(now), started: at(started), next: at(next) }
    }

    fn judged(due: &str, begun: &str, outcome: &str, times: Times) -> State {
        let run = json!({"scheduled_for": due, "started_at": begun, "outcome": outcome});
        judge(Some(&run), times, period(Schedule::Daily { hour: 13, minute: 0 }))
    }

    const DUE: &str = "2026-03-02T13:00:00Z";
    const DAY_BEFORE: &str = "2026-03-01T13:00:00Z";
    const LONG_AGO: &str = "2026-02-01T00:00:00Z";

    #[test]
    fn a_run_on_time_is_fine_and_so_is_one_that_is_about_to_be() {
        let soon_after = daily("2026-03-02T13:20:00Z", LONG_AGO);
        assert_eq!(judged(DUE, "2026-03-02T13:00:01Z", "succeeded", soon_after), State::Fine);
        assert_eq!(judged(DUE, "2026-03-02T13:00:01Z", "running", soon_after), State::Fine);
        assert_eq!(judged(DAY_BEFORE, DAY_BEFORE, "succeeded", soon_after), State::Fine);
        let before = daily("2026-03-02T12:59:00Z", LONG_AGO);
        assert_eq!(judged(DAY_BEFORE, DAY_BEFORE, "succeeded", before), State::Fine);
        assert_eq!(judge(None, before, 60), State::Never);
    }

    #[test]
    fn a_run_that_failed_hangs_or_is_missing_is_not() {
        let evening = daily("2026-03-02T20:00:00Z", LONG_AGO);
        for (due, begun, outcome, says) in [
            (DUE, DUE, "failed", "failed"),
            (DUE, DUE, "running", "running since"),
            (DAY_BEFORE, DAY_BEFORE, "succeeded", "has not run since"),
        ] {
            let State::Wrong(what) = judged(due, begun, outcome, evening) else { panic!("{says}") };
            assert!(what.contains(says), "{what}");
        }
    }

    #[test]
    fn what_is_made_up_for_at_a_start_is_not_late() {
        let begun = "2026-03-02T18:00:00Z";
        let made_up = daily("2026-03-02T20:00:00Z", "2026-03-02T17:59:00Z");
        assert_eq!(judged(DUE, begun, "succeeded", made_up), State::Fine);
        let late = daily("2026-03-02T20:00:00Z", LONG_AGO);
        assert!(
            matches!(judged(DUE, begun, "succeeded", late), State::Wrong(what) if what.contains("was due at"))
        );
    }
}
