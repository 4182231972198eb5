//! Outbox workers: the `outbox` table as a backend of `apalis`, with one worker for each kind of
//! job.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use inspection_domain::outbox::{OutboxJob, OutboxKind};
use inspection_persistence::{
    Context, Database, Origin, Result,
    notify::Topic,
    outbox::{self, OutboxClaim},
};

use crate::{blocking::blocking, stream_backend::StreamBackend};

/// Delay after a failed claim.
const ERROR_DELAY: Duration = Duration::from_secs(1);

/// Jobs of one kind, claimed together.
pub type Batch = Vec<OutboxJob>;

/// Handler of the jobs of one kind.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Processes a batch and records the outcome of each job in the outbox.
    ///
    /// A job without an outcome is claimed again when its lease expires, so processing is
    /// idempotent.
    async fn handle(&self, batch: Batch);

    /// Delay before the next batch, if the remote service has requested one.
    fn pause(&self) -> Option<Duration> {
        None
    }
}

/// Claims jobs until it is closed. The mutex makes `close` wait for a claim in progress.
#[derive(Debug, Default)]
pub(crate) struct OutboxIntake(Mutex<bool>);

impl OutboxIntake {
    fn claim(
        &self,
        database: &Database,
        context: &Context,
        kind: OutboxKind,
        instance: &str,
    ) -> Result<OutboxClaim> {
        let is_closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_closed {
            return Ok(OutboxClaim::Nothing(None));
        }
        database.write(context, Origin::default(), |tx| outbox::claim(tx, kind, instance))
    }

    /// Stops claiming, and returns unfinished jobs to the outbox. Returns their number.
    pub(crate) fn close(&self, database: &Database, context: &Context, instance: &str) -> Result<usize> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        database.write(context, Origin::default(), |tx| outbox::hand_back(tx, instance))
    }
}

/// Streams batches of due jobs of one kind.
///
/// Without due jobs it waits for a notification, for the next due time, or for `poll_interval`:
/// notifications may be lost.
pub(crate) fn batches(
    database: Database,
    context: Context,
    instance: Arc<str>,
    kind: OutboxKind,
    handler: Arc<dyn Handler>,
    poll_interval: Duration,
    intake: Arc<OutboxIntake>,
) -> StreamBackend<Batch> {
    let notifications = database.subscribe(Topic::Outbox);
    let state = (database, context, instance, notifications, handler, intake);
    StreamBackend::new(futures_util::stream::unfold(state, move |mut state| async move {
        loop {
            let (database, context, instance, notifications, handler, intake) = &mut state;
            if let Some(pause) = handler.pause() {
                tokio::time::sleep(pause).await;
            }
            // Marked before the claim, so that a commit during the claim ends the wait below.
            notifications.borrow_and_update();
            let found = {
                let (database, context) = (database.clone(), context.clone());
                let (instance, intake) = (Arc::clone(instance), Arc::clone(intake));
                blocking(move || intake.claim(&database, &context, kind, &instance)).await
            };
            let wait = match found {
                Some(Ok(OutboxClaim::Jobs(jobs))) => return Some((jobs, state)),
                Some(Ok(OutboxClaim::Nothing(next))) => {
                    let now = context.clock.now().as_millisecond();
                    let until =
                        next.map(|next| u64::try_from(next.as_millisecond() - now).unwrap_or_default());
                    until.map_or(poll_interval, |wait| Duration::from_millis(wait + 1).min(poll_interval))
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "failed to claim background jobs");
                    ERROR_DELAY
                }
                None => ERROR_DELAY,
            };
            // Ends by notification or timeout.
            let _ = tokio::time::timeout(wait, notifications.changed()).await;
        }
    }))
}

#[cfg(test)]
mod tests {
    use inspection_testkit::{DatabaseKind, TestDatabase, builders::equipment_with, context::context};

    use super::*;

    #[test]
    fn a_closed_intake_claims_nothing() {
        let db = TestDatabase::new(DatabaseKind::Sqlite).expect("SQLite is built in");
        let (mut context, _) = context();
        context.translates = true;
        equipment_with(&db, &context, |body| body["location_ar"] = serde_json::Value::Null);
        let intake = OutboxIntake::default();
        assert_eq!(intake.close(&db, &context, "one").expect("closed"), 0);
        let claim = intake.claim(&db, &context, OutboxKind::Translate, "one").expect("asked");
        assert_eq!(claim, OutboxClaim::Nothing(None));
    }
}
