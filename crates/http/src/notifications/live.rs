//! The open event streams of this instance.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use inspection_domain::{ids::UserId, notifications::Notification};
use tokio::sync::{Notify, mpsc, watch};

use crate::web::problem::Problem;

/// Maximum number of open streams for each user and instance.
const STREAMS_PER_USER: usize = 5;

/// Notifications buffered for one stream. A stream whose client falls further behind is closed; the
/// client resumes.
const BUFFER: usize = 256;

/// Time limit for the reader to become ready when a stream is opened.
const READY_TIMEOUT: Duration = Duration::from_secs(5);

type Sender = mpsc::Sender<Arc<Notification>>;

#[derive(Default)]
struct StreamsState {
    open: HashMap<UserId, Vec<(u64, Sender)>>,
    /// Number of streams opened so far; a change means that a stream has been opened since.
    opened: u64,
    is_closed: bool,
}

/// The open event streams of this instance.
#[derive(Default)]
pub(crate) struct LiveStreams {
    state: Mutex<StreamsState>,
    /// Notified when a stream is opened and when all are closed.
    changed: Notify,
    /// Whether the reader has a start position; no stream is opened before that.
    is_ready: watch::Sender<bool>,
}

/// One open stream; unregistered on drop.
pub(crate) struct Subscription {
    live: Arc<LiveStreams>,
    user: UserId,
    number: u64,
    /// Notifications committed after the subscription. Closed on shutdown and when the buffer is
    /// full.
    pub(crate) notifications: mpsc::Receiver<Arc<Notification>>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.live.state();
        if let Some(own) = state.open.get_mut(&self.user) {
            own.retain(|(number, _)| *number != self.number);
            if own.is_empty() {
                state.open.remove(&self.user);
            }
        }
    }
}

impl LiveStreams {
    fn state(&self) -> MutexGuard<'_, StreamsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a stream for a user. Closes the user's oldest stream if there are too many: a phone
    /// that has lost its connection reconnects long before the loss of the old connection is
    /// detected.
    pub(crate) async fn open(self: &Arc<Self>, user: UserId) -> Result<Subscription, Problem> {
        let subscription = self.register(user)?;
        // The reader must have its start position before this stream reads its backlog.
        let mut ready = self.is_ready.subscribe();
        let is_ready = tokio::time::timeout(READY_TIMEOUT, ready.wait_for(|is_ready| *is_ready)).await;
        is_ready
            .map_err(|_| Problem::unavailable("the notification reader is not ready"))?
            .map_err(Problem::internal)?;
        Ok(subscription)
    }

    fn register(self: &Arc<Self>, user: UserId) -> Result<Subscription, Problem> {
        let mut state = self.state();
        if state.is_closed {
            return Err(Problem::unavailable("the service is shutting down"));
        }
        state.opened += 1;
        let number = state.opened;
        let own = state.open.entry(user).or_default();
        if own.len() >= STREAMS_PER_USER {
            own.remove(0);
        }
        let (sender, notifications) = mpsc::channel(BUFFER);
        own.push((number, sender));
        drop(state);
        self.changed.notify_one();
        Ok(Subscription { live: Arc::clone(self), user, number, notifications })
    }

    /// Closes all streams and refuses new ones.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.open.clear();
        drop(state);
        self.changed.notify_one();
    }

    /// Users with an open stream, and the number of streams opened so far. Without any, the reader
    /// pauses and is no longer ready.
    pub(super) fn listeners(&self) -> (Vec<UserId>, u64) {
        let state = self.state();
        if state.open.is_empty() {
            self.is_ready.send_replace(false);
        }
        (state.open.keys().copied().collect(), state.opened)
    }

    /// Waits until a stream is opened or all are closed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Allows streams to be opened.
    pub(super) fn set_ready(&self) {
        self.is_ready.send_replace(true);
    }

    /// Sends each notification to the streams of its owner.
    pub(super) fn dispatch(&self, notifications: Vec<Notification>) {
        let mut state = self.state();
        for notification in notifications {
            let notification = Arc::new(notification);
            if let Some(own) = state.open.get_mut(&notification.user_id) {
                own.retain(|(_, sender)| sender.try_send(Arc::clone(&notification)).is_ok());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_stops_opens_no_stream() {
        let live = Arc::new(LiveStreams::default());
        let user = UserId::new(1).expect("an id");
        let mut open = live.register(user).expect("a stream");
        live.close();
        assert_eq!(open.notifications.try_recv().err(), Some(mpsc::error::TryRecvError::Disconnected));
        assert!(live.register(user).is_err());
        assert_eq!(live.listeners().0, []);
    }
}
