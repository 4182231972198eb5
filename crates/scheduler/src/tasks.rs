//! The scheduled tasks: `apalis-cron` wakes each when it is due, and looks now and then find what was missed. A wake-up runs nothing
//! by itself: what runs is what is due by the clock and claimed in the database, so that any number of instances may be woken.

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

use crate::{blocking, feed::Feed};

/// Who hasn't looked for so many seconds has been asleep: what was due meanwhile is made up once, like after a start.
const ASLEEP: i64 = 3_600;

/// A task and when this instance has looked last for what is due of it.
#[derive(Debug)]
struct Timetable {
    task: TaskName,
    schedule: Schedule,
    looked: Mutex<Option<Instant>>,
}

/// The tasks of an instance. Clones are the same.
#[derive(Clone)]
pub(crate) struct Tasks {
    database: Database,
    context: Context,
    instance: Arc<str>,
    timetables: Arc<[Timetable]>,
    stopping: Arc<AtomicBool>,
}

/// When `apalis-cron` wakes a task.
#[derive(Debug, Clone)]
pub(crate) struct WakeUps {
    schedule: Schedule,

    clock: ClockOf,
}

/// The clock of a world, for types that say what they are.
#[derive(Clone)]
struct ClockOf(Context);

impl std::fmt::Debug for ClockOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClockOf")
    }
}

impl WakeUps {
    /// The wake-ups. One that comes late spoils the scheduler it is of; with another one, the next wake-up comes in time.
    pub(crate) fn feed(self) -> Feed<()> {
        let fresh = move || {
            let calendar = self.clock.0.calendar.clone();
            CronScheduler::new(self.clone()).with_timezone(calendar).into_stream().boxed()
        };
        let first = fresh();
        Feed::new(futures_util::stream::unfold((first, fresh), |(mut ticks, fresh)| async move {
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

impl apalis_cron::Schedule<SiteTimeZone> for WakeUps {
    fn next_tick(&mut self, calendar: &SiteTimeZone) -> Option<Tick<SiteTimeZone>> {
        let next = self.schedule.next(self.clock.0.clock.now(), calendar);
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
        let timetable =
            |&(task, schedule): &(TaskName, Schedule)| Timetable { task, schedule, looked: Mutex::new(None) };
        Self { database, context, instance, timetables: schedules.iter().map(timetable).collect(), stopping }
    }

    /// Each task with what wakes it.
    pub(crate) fn wake_ups(&self) -> impl Iterator<Item = (TaskName, WakeUps)> + '_ {
        self.timetables.iter().map(|timetable| {
            let wake_ups = WakeUps { schedule: timetable.schedule, clock: ClockOf(self.context.clone()) };
            (timetable.task, wake_ups)
        })
    }

    /// Runs what is due of a task; of none, if the database can't be asked: then the next look does.
    pub(crate) async fn look(&self, task: TaskName) -> Result<(), Infallible> {
        for timetable in self.timetables.iter().filter(|timetable| timetable.task == task) {
            self.catch_up(timetable).await;
        }
        Ok(())
    }

    /// Runs what is due of every task, and what instances that have died have left in the middle.
    pub(crate) async fn look_at_all(&self) {
        for timetable in self.timetables.iter() {
            self.catch_up(timetable).await;
        }
        self.take_over().await;
    }

    async fn catch_up(&self, timetable: &Timetable) {
        let mut looked = timetable.looked.lock().await;
        let now = self.context.clock.now();
        let calendar = &self.context.calendar;
        let due = match *looked {
            Some(then) if then.plus_seconds(ASLEEP) >= now => timetable.schedule.between(then, now, calendar),
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
                tracing::warn!(task = task.as_str(), %error, "a task can't be claimed now");
                return;
            }
            // It is run, or another instance's; or it has panicked, and is taken over when its lease is out.
            *looked = Some(at);
        }
        *looked = Some(now);
    }

    async fn take_over(&self) {
        let this = self.clone();
        let taken = blocking(move || {
            for run in tasks::take_over(&this.database, &this.context, &this.instance)? {
                tracing::info!(task = run.task.as_str(), due = %run.scheduled_for, "took over a run that was left in the middle");
                this.run(run);
            }
            Ok::<_, Error>(())
        });
        if let Some(Err(error)) = taken.await {
            tracing::warn!(%error, "runs left in the middle can't be taken over now");
        }
    }

    /// Runs what was claimed. Blocks.
    fn run(&self, claimed: TaskRun) {
        let (task, due) = (claimed.task.as_str(), claimed.scheduled_for);
        match tasks::run(&self.database, &self.context, claimed, &self.stopping) {
            Ok(run) => {
                let counts = serde_json::to_string(&run.counts).unwrap_or_default();
                match run.outcome {
                    TaskOutcome::Succeeded => tracing::info!(task, %due, counts, "task run"),
                    TaskOutcome::Running => {
                        tracing::warn!(task, %due, error = run.error, "a task is to be tried again");
                    }
                    TaskOutcome::Failed => {
                        tracing::error!(task, %due, error = run.error, "a task has failed");
                    }
                }
            }
            // Its outcome couldn't be written: whoever takes it over finds what is left to do.
            Err(error) => tracing::warn!(task, %due, %error, "the outcome of a task can't be written"),
        }
    }
}
