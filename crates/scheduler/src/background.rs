//! The background of a process: a thread in which tasks run and the outbox is drained until it is told to stop.

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
    blocking,
    outbox::{Batch, Gate, Handler, batches},
    tasks::Tasks,
};

/// What the background consists of.
#[derive(Clone)]
pub struct Parts {
    /// The database.
    pub database: Database,
    /// Time, randomness and place.
    pub context: Context,
    /// A name that no other process has.
    pub instance: String,
    /// The tasks that happen by themselves, and when; none, if they don't.
    pub tasks: Vec<(TaskName, Schedule)>,
    /// What does the jobs of the outbox, by kind; those of other kinds wait.
    pub handlers: BTreeMap<OutboxKind, Arc<dyn Handler>>,
    /// How often to look for what was missed: by a lost wake-up, by an instance that has died.
    pub look: Duration,
    /// How long a stop may take.
    pub patience: Duration,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("instance", &self.instance).finish_non_exhaustive()
    }
}

/// Every task at the times of the rule book (§16).
pub fn all_tasks() -> Vec<(TaskName, Schedule)> {
    TaskName::ALL.iter().map(|task| (*task, task.schedule())).collect()
}

/// The background under way. It stops when this is dropped.
#[derive(Debug)]
pub struct Background {
    stop: watch::Sender<bool>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Begins. If it ends without having been told to, which it never should, that is told.
    pub fn start(parts: Parts, when_dead: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let stopping = Arc::new(AtomicBool::new(false));
        let (flag, told) = (Arc::clone(&stopping), Arc::clone(&stopping));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .thread_name("background")
            .build()?;
        let thread = thread::Builder::new().name("background".into()).spawn(move || {
            let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(parts, flag, stopped))));
            runtime.shutdown_timeout(Duration::from_secs(1));
            if ended.is_err() || !told.load(Ordering::SeqCst) {
                tracing::error!("the background has ended without having been told to");
                when_dead();
            }
        })?;
        Ok(Self { stop, stopping, thread: Some(thread) })
    }

    /// Takes nothing new, finishes what is under way within the time for that, hands the rest back, and ends.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the background has panicked");
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
    }
}

async fn run(parts: Parts, stopping: Arc<AtomicBool>, mut stopped: watch::Receiver<bool>) {
    let Parts { database, context, instance, tasks: schedules, handlers, look, patience } = parts;
    let instance: Arc<str> = instance.into();
    let tasks = Tasks::new(database.clone(), context.clone(), Arc::clone(&instance), &schedules, stopping);
    let mut monitor = Monitor::new().with_terminator(async move { tokio::time::sleep(patience).await });
    for (task, wake_ups) in tasks.wake_ups() {
        let tasks = tasks.clone();
        monitor = monitor.register(move |_| {
            let tasks = tasks.clone();
            WorkerBuilder::new(task.as_str()).backend(wake_ups.clone().feed()).build(move |()| {
                let tasks = tasks.clone();
                async move { tasks.look(task).await }
            })
        });
    }
    let gate = Arc::new(Gate::default());
    let has_workers = !schedules.is_empty() || !handlers.is_empty();
    for (kind, handler) in handlers {
        let (database, context) = (database.clone(), context.clone());
        let (instance, gate) = (Arc::clone(&instance), Arc::clone(&gate));
        monitor = monitor.register(move |_| {
            let batches = batches(
                database.clone(),
                context.clone(),
                Arc::clone(&instance),
                kind,
                Arc::clone(&handler),
                look,
                Arc::clone(&gate),
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
    let mut told = stopped.clone();
    let (over, mut is_over) = watch::channel(false);
    let looks = async {
        loop {
            tasks.look_at_all().await;
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                // Without its workers the background is of no use.
                _ = is_over.wait_for(|over| *over) => return,
                () = tokio::time::sleep(look) => {}
            }
        }
    };
    let stop = async move {
        let _ = told.wait_for(|stopped| *stopped).await;
        Ok(())
    };
    let workers = async {
        if has_workers {
            if let Err(error) = monitor.run_with_signal(stop).await {
                tracing::error!(%error, "the workers of the background ended with an error");
            }
            over.send_replace(true);
        }
    };
    tokio::join!(looks, workers);
    let handed_back = blocking(move || gate.close(&database, &context, &instance));
    match handed_back.await {
        Some(Ok(0)) | None => {}
        Some(Ok(count)) => tracing::info!(count, "handed jobs of the outbox back"),
        Some(Err(error)) => {
            tracing::warn!(%error, "jobs can't be handed back; they are taken when their lease is out");
        }
    }
}
