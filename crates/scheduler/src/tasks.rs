//! Scheduled tasks: ticks of `apalis-cron` and periodic polls wake the worker of each task.
//!
//! A tick only wakes the worker. The worker runs the times that are due by the clock and claimed in
//! the database, so any number of instances may wake up for the same time.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use apalis_cron::{CronScheduler, Tick};
use futures_util::StreamExt;
use inspection_domain::{
    tasks::{Schedule, TaskName, TaskOutcome, TaskRun},
    time::{Instant, SiteTimeZone},
};
use inspection_persistence::{Context, Database, Error, tasks};
use tokio::sync::Mutex;

use crate::{blocking::blocking, stream_backend::StreamBackend};

/// Seconds between two polls after which only the latest missed time runs, as after a start.
///
/// A longer gap means that the machine was suspended or the database was down.
const CATCH_UP_AFTER: i64 = 3_600;

/// A task with its schedule and the time of this instance's last poll.
#[derive(Debug)]
struct Timetable {
    task: TaskName,
    schedule: Schedule,
    last_polled: Mutex<Option<Instant>>,
}

/// The scheduled tasks of an instance. Clones share their state.
#[derive(Clone)]
pub(crate) struct Tasks {
    database: Database,
    context: Context,
    instance: Arc<str>,
    timetables: Arc<[Timetable]>,
    stopping: Arc<AtomicBool>,
}

/// The ticks of a task, as a schedule of `apalis-cron`.
#[derive(Clone)]
pub(crate) struct Ticks {
    schedule: Schedule,
    context: Context,
}

impl std::fmt::Debug for Ticks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticks").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

impl Ticks {
    /// Streams the ticks.
    ///
    /// `CronScheduler` fails for good after a late tick, so a new one replaces it.
    pub(crate) fn into_backend(self) -> StreamBackend<()> {
        let fresh = move || {
            let calendar = self.context.calendar.clone();
            CronScheduler::new(self.clone()).with_timezone(calendar).into_stream().boxed()
        };
        let first = fresh();
        StreamBackend::new(futures_util::stream::unfold((first, fresh), |(mut ticks, fresh)| async move {
            loop {
                if let Some(Ok(_)) = ticks.next().await {
                    return Some(((), (ticks, fresh)));
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
                ticks = fresh();
            }
        }))
    }
}

impl apalis_cron::Schedule<SiteTimeZone> for Ticks {
    fn next_tick(&mut self, calendar: &SiteTimeZone) -> Option<Tick<SiteTimeZone>> {
        let next = self.schedule.next(self.context.clock.now(), calendar);
        u64::try_from(next.as_second()).ok().map(Tick::new)
    }
}

impl Tasks {
    pub(crate) fn new(
        database: Database,
        context: Context,
        instance: Arc<str>,
        schedules: &[(TaskName, Schedule)],
        stopping: Arc<AtomicBool>,
    ) -> Self {
        let timetable = |&(task, schedule): &(TaskName, Schedule)| Timetable {
            task,
            schedule,
            last_polled: Mutex::new(None),
        };
        Self { database, context, instance, timetables: schedules.iter().map(timetable).collect(), stopping }
    }

    /// Each task with its ticks.
    pub(crate) fn ticks(&self) -> impl Iterator<Item = (TaskName, Ticks)> + '_ {
        self.timetables.iter().map(|timetable| {
            let ticks = Ticks { schedule: timetable.schedule, context: self.context.clone() };
            (timetable.task, ticks)
        })
    }

    /// Runs the due times of a task. Database errors are logged; the next poll repeats the attempt.
    pub(crate) async fn poll(&self, task: TaskName) -> Result<(), Infallible> {
        for timetable in self.timetables.iter().filter(|timetable| timetable.task == task) {
            self.catch_up(timetable).await;
        }
        Ok(())
    }

    /// Runs the due times of all tasks, and takes over interrupted runs of dead instances.
    pub(crate) async fn poll_all(&self) {
        for timetable in self.timetables.iter() {
            self.catch_up(timetable).await;
        }
        self.take_over().await;
    }

    async fn catch_up(&self, timetable: &Timetable) {
        let mut last_polled = timetable.last_polled.lock().await;
        let now = self.context.clock.now();
        let calendar = &self.context.calendar;
        let due = match *last_polled {
            Some(last) if last.plus_seconds(CATCH_UP_AFTER) >= now => {
                timetable.schedule.between(last, now, calendar)
            }
            _ => timetable.schedule.latest(now, calendar).into_iter().collect(),
        };
        for at in due {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            let (this, task) = (self.clone(), timetable.task);
            let claimed = blocking(move || {
                let claimed = tasks::claim(&this.database, &this.context, &this.instance, task, at)?;
                if let Some(run) = claimed {
                    this.run(run);
                }
                Ok::<_, Error>(())
            });
            if let Some(Err(error)) = claimed.await {
                tracing::warn!(task = task.as_str(), %error, "failed to claim a scheduled task");
                return;
            }
            // The run is finished or belongs to another instance. After a panic it is taken over
            // when its lease expires.
            *last_polled = Some(at);
        }
        *last_polled = Some(now);
    }

    async fn take_over(&self) {
        let this = self.clone();
        let taken = blocking(move || {
            for run in tasks::take_over(&this.database, &this.context, &this.instance)? {
                let (task, due) = (run.task.as_str(), run.scheduled_for);
                tracing::info!(task, %due, "took over an interrupted run");
                this.run(run);
            }
            Ok::<_, Error>(())
        });
        if let Some(Err(error)) = taken.await {
            tracing::warn!(%error, "failed to take over interrupted runs");
        }
    }

    /// Executes a claimed run and logs its outcome. Blocks.
    fn run(&self, claimed: TaskRun) {
        let (task, due) = (claimed.task.as_str(), claimed.scheduled_for);
        match tasks::run(&self.database, &self.context, claimed, &self.stopping) {
            Ok(run) => {
                let counts = serde_json::to_string(&run.counts).unwrap_or_default();
                match run.outcome {
                    TaskOutcome::Succeeded => tracing::info!(task, %due, counts, "task run"),
                    TaskOutcome::Running => {
                        tracing::warn!(task, %due, error = run.error, "a task will be retried");
                    }
                    TaskOutcome::Failed => {
                        tracing::error!(task, %due, error = run.error, "a task failed");
                    }
                }
            }
            // The instance that takes the run over finds the remaining work.
            Err(error) => tracing::warn!(task, %due, %error, "failed to record the outcome of a task"),
        }
    }
}
