//! `task`: lists the scheduled tasks, and runs one by hand.

use anyhow::{Result, bail};
use clap::Subcommand;
use inspection_domain::tasks::{TaskName, TaskOutcome, TaskRun};
use inspection_persistence::{Context, Database, tasks};

use super::output::{say, table};
use crate::wire;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List the tasks with their next due time and the outcome of the last run.
    List,
    /// Run a task now, in this process.
    Run {
        /// Name of the task, as listed.
        #[arg(value_parser = name)]
        task: TaskName,
    },
}

fn name(text: &str) -> Result<TaskName, String> {
    TaskName::parse(text).ok_or_else(|| {
        let all: Vec<&str> = TaskName::ALL.iter().map(|task| task.as_str()).collect();
        format!("must be one of {}", all.join(", "))
    })
}

pub(super) fn run(action: &Action, database: &Database, context: &Context) -> Result<()> {
    match action {
        Action::List => list(database, context),
        Action::Run { task } => {
            let run = tasks::run_now(database, context, &wire::instance(context), *task)?;
            if run.outcome != TaskOutcome::Succeeded {
                bail!("{task} failed: {}", run.error.unwrap_or_default());
            }
            let counts: Vec<String> =
                run.counts.0.iter().map(|(name, number)| format!("{name} {number}")).collect();
            say(format!("{task}: done{}{}", if counts.is_empty() { "" } else { ": " }, counts.join(", ")))?;
            Ok(())
        }
    }
}

fn last(run: Option<TaskRun>) -> [String; 2] {
    run.map_or_else(
        || ["never".into(), String::new()],
        |run| [run.scheduled_for.to_string(), run.outcome.as_str().into()],
    )
}

fn list(database: &Database, context: &Context) -> Result<()> {
    let mut rows = vec![["TASK", "SCHEDULE", "NEXT", "LAST", "OUTCOME"].map(String::from).to_vec()];
    for task in TaskName::ALL {
        let next = task.schedule().next(context.clock.now(), &context.calendar);
        let [at, outcome] = last(database.read(|conn| tasks::latest(conn, *task))?);
        let task = [task.as_str().into(), task.schedule().to_string(), next.to_string(), at, outcome];
        rows.push(task.to_vec());
    }
    Ok(say(table(&rows))?)
}
