//! The background of a process: a thread that runs scheduled tasks and outbox workers.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use apalis::{
    layers::WorkerBuilderExt,
    prelude::{Monitor, WorkerBuilder},
};
use inspection_domain::{
    outbox::OutboxKind,
    tasks::{Schedule, TaskName},
};
use inspection_persistence::{Context, Database};
use tokio::sync::watch;

use crate::{
    blocking::blocking,
    outbox::{Batch, Handler, OutboxIntake, batches},
    tasks::Tasks,
};

/// Dependencies and intervals of the background.
#[derive(Clone)]
pub struct BackgroundSettings {
    /// Database.
    pub database: Database,
    /// Clock, ids and calendar.
    pub context: Context,
    /// Name of this instance; unique among processes.
    pub instance: String,
    /// Scheduled tasks; empty if this instance runs none.
    pub tasks: Vec<(TaskName, Schedule)>,
    /// Handlers of background jobs by kind. Jobs of other kinds wait.
    pub handlers: BTreeMap<OutboxKind, Arc<dyn Handler>>,
    /// Interval of the polls that find missed work: lost ticks and notifications, dead instances.
    pub poll_interval: Duration,
    /// Timeout of a graceful shutdown.
    pub shutdown_timeout: Duration,
}

impl std::fmt::Debug for BackgroundSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackgroundSettings").field("instance", &self.instance).finish_non_exhaustive()
    }
}

/// All scheduled tasks with their schedules (rule §16).
pub fn all_tasks() -> Vec<(TaskName, Schedule)> {
    TaskName::ALL.iter().map(|task| (*task, task.schedule())).collect()
}

/// A running background. Dropping it stops it.
#[derive(Debug)]
pub struct Background {
    stop: watch::Sender<bool>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts the thread.
    ///
    /// Calls `on_failure` if the background panics, or ends before a stop was requested.
    pub fn start(
        settings: BackgroundSettings,
        on_failure: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let stopping = Arc::new(AtomicBool::new(false));
        let (flag, stop_requested) = (Arc::clone(&stopping), Arc::clone(&stopping));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .thread_name("background")
            .build()?;
        let thread = thread::Builder::new().name("background".into()).spawn(move || {
            let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(settings, flag, stopped))));
            runtime.shutdown_timeout(Duration::from_secs(1));
            if ended.is_err() || !stop_requested.load(Ordering::SeqCst) {
                tracing::error!("the background thread ended unexpectedly");
                on_failure();
            }
        })?;
        Ok(Self { stop, stopping, thread: Some(thread) })
    }

    /// Shuts down gracefully.
    ///
    /// Claims no new work, waits for running work up to the shutdown timeout, and hands the rest
    /// back.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the background thread panicked");
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
    }
}

async fn run(settings: BackgroundSettings, stopping: Arc<AtomicBool>, mut stopped: watch::Receiver<bool>) {
    let BackgroundSettings {
        database,
        context,
        instance,
        tasks: schedules,
        handlers,
        poll_interval,
        shutdown_timeout,
    } = settings;
    let instance: Arc<str> = instance.into();
    let tasks = Tasks::new(database.clone(), context.clone(), Arc::clone(&instance), &schedules, stopping);
    let terminator = async move { tokio::time::sleep(shutdown_timeout).await };
    let mut monitor = Monitor::new().with_terminator(terminator);
    for (task, ticks) in tasks.ticks() {
        let tasks = tasks.clone();
        monitor = monitor.register(move |_| {
            let tasks = tasks.clone();
            WorkerBuilder::new(task.as_str()).backend(ticks.clone().into_backend()).build(move |()| {
                let tasks = tasks.clone();
                async move { tasks.poll(task).await }
            })
        });
    }
    let intake = Arc::new(OutboxIntake::default());
    let has_workers = !schedules.is_empty() || !handlers.is_empty();
    for (kind, handler) in handlers {
        let (database, context) = (database.clone(), context.clone());
        let (instance, intake) = (Arc::clone(&instance), Arc::clone(&intake));
        monitor = monitor.register(move |_| {
            let batches = batches(
                database.clone(),
                context.clone(),
                Arc::clone(&instance),
                kind,
                Arc::clone(&handler),
                poll_interval,
                Arc::clone(&intake),
            );
            let handler = Arc::clone(&handler);
            WorkerBuilder::new(kind.as_str())
                .backend(batches)
                .catch_panic()
                .concurrency(kind.at_once())
                .build(move |batch: Batch| {
                    let handler = Arc::clone(&handler);
                    async move { handler.handle(batch).await }
                })
        });
    }
    if !schedules.is_empty() {
        tracing::info!("Background scheduler started with {} tasks", schedules.len());
    }
    let mut stop_signal = stopped.clone();
    let (ended, mut has_ended) = watch::channel(false);
    let polls = async {
        loop {
            tasks.poll_all().await;
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                // The background is useless without its workers; without a stop this is a failure.
                _ = has_ended.wait_for(|ended| *ended) => return,
                () = tokio::time::sleep(poll_interval) => {}
            }
        }
    };
    let stop = async move {
        let _ = stop_signal.wait_for(|stopped| *stopped).await;
        Ok(())
    };
    let workers = async {
        if has_workers {
            if let Err(error) = monitor.run_with_signal(stop).await {
                tracing::error!(%error, "the outbox and task workers failed");
            }
            ended.send_replace(true);
        }
    };
    tokio::join!(polls, workers);
    let handed_back = blocking(move || intake.close(&database, &context, &instance));
    match handed_back.await {
        Some(Ok(0)) | None => {}
        Some(Ok(count)) => tracing::info!(count, "returned background jobs to the outbox"),
        Some(Err(error)) => {
            tracing::warn!(%error, "failed to return background jobs; their leases must expire");
        }
    }
}
