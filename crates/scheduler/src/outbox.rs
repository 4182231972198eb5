//! Draining the outbox: its table as a backend of `apalis`, and one worker for each kind of job.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use inspection_domain::outbox::{OutboxJob, OutboxKind};
use inspection_persistence::{
    Context, Database, Origin, Result,
    notify::Topic,
    outbox::{self, Found},
};

use crate::{blocking, feed::Feed};

/// Jobs of one kind that were taken together.
pub type Batch = Vec<OutboxJob>;

/// What jobs of a kind are done by.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Does a batch, and puts down in the outbox what became of each job. What isn't put down is done again when its lease is
    /// out.
    async fn handle(&self, batch: Batch);

    /// How long to wait before the next batch, if somebody has asked for that.
    fn pause(&self) -> Option<Duration> {
        None
    }
}

/// Whether jobs are taken in this process. A job that is just being taken when the process ends is waited for and handed back.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<bool>);

impl Gate {
    fn take(
        &self,
        database: &Database,
        context: &Context,
        kind: OutboxKind,
        instance: &str,
    ) -> Result<Found> {
        let is_closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_closed {
            return Ok(Found::Nothing(None));
        }
        database.write(context, Origin::default(), |tx| outbox::take(tx, kind, instance))
    }

    /// Hands back what was taken and isn't done; nothing is taken from now on. Says how many jobs that were.
    pub(crate) fn close(&self, database: &Database, context: &Context, instance: &str) -> Result<usize> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        database.write(context, Origin::default(), |tx| outbox::hand_back(tx, instance))
    }
}

/// The jobs of a kind, a batch at a time. When nothing is due it waits for a wake-up, or, since one may be lost, for a while.
pub(crate) fn batches(
    database: Database,
    context: Context,
    instance: Arc<str>,
    kind: OutboxKind,
    handler: Arc<dyn Handler>,
    look: Duration,
    gate: Arc<Gate>,
) -> Feed<Batch> {
    let wakeups = database.subscribe(Topic::Outbox);
    let state = (database, context, instance, wakeups, handler, gate);
    Feed::new(futures_util::stream::unfold(state, move |mut state| async move {
        loop {
            let (database, context, instance, wakeups, handler, gate) = &mut state;
            if let Some(pause) = handler.pause() {
                tokio::time::sleep(pause).await;
            }
            // Before looking, so that what is committed meanwhile isn't slept over.
            wakeups.borrow_and_update();
            let found = {
                let (database, context) = (database.clone(), context.clone());
                let (instance, gate) = (Arc::clone(instance), Arc::clone(gate));
                blocking(move || gate.take(&database, &context, kind, &instance)).await
            };
            let wait = match found {
                Some(Ok(Found::Jobs(jobs))) => return Some((jobs, state)),
                Some(Ok(Found::Nothing(next))) => {
                    let now = context.clock.now().as_millisecond();
                    let until =
                        next.map(|next| u64::try_from(next.as_millisecond() - now).unwrap_or_default());
                    until.map_or(look, |wait| Duration::from_millis(wait + 1).min(look))
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "the outbox can't be read now");
                    Duration::from_secs(1)
                }
                None => Duration::from_secs(1),
            };
            // Woken, or late enough.
            let _ = tokio::time::timeout(wait, wakeups.changed()).await;
        }
    }))
}
