//! Whether what happens by itself does, and once.

use inspection_domain::{
    tasks::TaskName,
    time::{Instant, SiteTimeZone},
};
use inspection_persistence::{Database, tasks};

use super::Finding;
use crate::{config::Config, wire};

/// Seconds that a task may be late: a deployment, or a restart.
const PATIENCE: i64 = 3600;

pub(super) fn look(config: &Config, database: &Database) -> Vec<Finding> {
    let context = wire::context(config);
    let on_time = match database.read(tasks::done_until) {
        Ok(done) => on_time(&done, context.clock.now(), &context.calendar),
        Err(error) => Finding::fail("scheduler.on_time", error.to_string(), "see the log of the service"),
    };
    vec![on_time, one_runs(database, &context)]
}

fn on_time(done: &[(TaskName, Instant)], now: Instant, site: &SiteTimeZone) -> Finding {
    let id = "scheduler.on_time";
    if done.is_empty() {
        let fix = "start the service: what was due is made up at its start; then check again";
        return Finding::warning(id, "no task has ever been run", fix);
    }
    let late: Vec<String> = TaskName::ALL
        .iter()
        .filter_map(|task| {
            let until = done.iter().find(|(known, _)| known == task).map(|(_, at)| *at);
            let seconds = task.schedule().seconds_late(until, now, site);
            (seconds > PATIENCE).then(|| format!("{task} is {} h late", seconds / 3600))
        })
        .collect();
    if late.is_empty() {
        Finding::pass(id, format!("{} tasks were run when they were due", TaskName::ALL.len()))
    } else {
        let fix =
            "see that an instance runs with SCHEDULER_ENABLED=true, and `task list` for what has failed";
        Finding::fail(id, late.join(", "), fix)
    }
}

/// Tries to claim the same run for two instances; nothing of it stays.
fn one_runs(database: &Database, context: &inspection_persistence::Context) -> Finding {
    let id = "scheduler.one_runs";
    match tasks::try_claims(database, context) {
        Ok((true, false)) => Finding::pass(id, "a run that two instances want is given to one of them"),
        Ok(claimed) => {
            let found = format!("two instances want a run, and {claimed:?} get it");
            Finding::fail(id, found, "the schema is not that of this program: `migrate status`")
        }
        Err(error) => Finding::fail(id, error.to_string(), "see the log of the database"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::findings::Verdict, *};

    #[test]
    fn a_task_that_was_not_run_is_found() {
        let at = |text: &str| Instant::parse(text).expect("an instant");
        let (now, site) = (at("2026-03-02T14:30:00Z"), SiteTimeZone::utc());
        assert_eq!(on_time(&[], now, &site).verdict, Verdict::Warning);
        let done: Vec<_> = TaskName::ALL
            .iter()
            .map(|task| (*task, task.schedule().latest(now, &site).expect("due")))
            .collect();
        assert_eq!(on_time(&done, now, &site).verdict, Verdict::Pass);
        let mut late = done;
        late.retain(|(task, _)| *task != TaskName::GenerateDailyLists);
        let found = on_time(&late, now, &site);
        assert!(
            found.verdict == Verdict::Fail && found.found == "generate_daily_lists is 1 h late",
            "{found:?}"
        );
    }
}
