//! Checks of the scheduled tasks: on time, and executed once.

use inspection_domain::{
    tasks::TaskName,
    time::{Instant, SiteTimeZone},
};
use inspection_persistence::{Database, tasks};

use super::deployment::Deployment;
use crate::Finding;

/// Delay in seconds that a deployment or a restart may cause.
const MAX_DELAY: i64 = 3600;

pub(super) fn findings(deployment: &Deployment, database: &Database) -> Vec<Finding> {
    let context = &deployment.context;
    let on_time = match database.read(tasks::done_until) {
        Ok(done) => on_time(&done, context.clock.now(), &context.calendar),
        Err(error) => Finding::fail("scheduler.on_time", error.to_string(), "read the log of the service"),
    };
    vec![on_time, one_runs(database, context)]
}

fn on_time(done: &[(TaskName, Instant)], now: Instant, calendar: &SiteTimeZone) -> Finding {
    let id = "scheduler.on_time";
    if done.is_empty() {
        let fix = "start the service, which runs missed tasks at its start, and check again";
        return Finding::warning(id, "no task has ever been run", fix);
    }
    let late: Vec<String> = TaskName::ALL
        .iter()
        .filter_map(|task| {
            let until = done.iter().find(|(known, _)| known == task).map(|(_, at)| *at);
            let seconds = task.schedule().seconds_late(until, now, calendar);
            (seconds > MAX_DELAY).then(|| format!("{task} is {} h late", seconds / 3600))
        })
        .collect();
    if late.is_empty() {
        Finding::pass(id, format!("{} tasks ran when they were due", TaskName::ALL.len()))
    } else {
        let fix = "run an instance with SCHEDULER_ENABLED=true; `task list` names failed runs";
        Finding::fail(id, late.join(", "), fix)
    }
}

/// Claims the same run for two instances, in a transaction that is rolled back.
fn one_runs(database: &Database, context: &inspection_persistence::Context) -> Finding {
    let id = "scheduler.one_runs";
    match tasks::try_claims(database, context) {
        Ok((true, false)) => Finding::pass(id, "of two instances that claim a run, one gets it"),
        Ok(claimed) => {
            let found = format!("two instances claimed a run: {claimed:?}");
            Finding::fail(id, found, "the schema isn't that of this program: run `migrate status`")
        }
        Err(error) => Finding::fail(id, error.to_string(), "read the log of the database"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    #[test]
    fn a_task_that_did_not_run_is_found() {
        let at = |text: &str| Instant::parse(text).expect("an instant");
        let (now, calendar) = (at("2026-03-02T14:30:00Z"), SiteTimeZone::utc());
        assert_eq!(on_time(&[], now, &calendar).verdict, Verdict::Warning);
        let done: Vec<_> = TaskName::ALL
            .iter()
            .map(|task| (*task, task.schedule().latest(now, &calendar).expect("due")))
            .collect();
        assert_eq!(on_time(&done, now, &calendar).verdict, Verdict::Pass);
        let mut late = done;
        late.retain(|(task, _)| *task != TaskName::GenerateDailyLists);
        let found = on_time(&late, now, &calendar);
        assert!(
            found.verdict == Verdict::Fail && found.found == "generate_daily_lists is 1 h late",
            "{found:?}"
        );
    }
}
