//! Live events: one reader for all open streams of this instance hands each new notification to the streams of its owner.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use inspection_domain::{ids::UserId, notifications::Notification};
use inspection_persistence::{notifications, notify::Topic};
use tokio::sync::{Notify, mpsc, watch};

use crate::{app::App, problem::Problem};

/// Streams one person may have open at once, on each instance.
const STREAMS_EACH: usize = 5;

/// Notifications that may wait for a stream. Whose client reads so slowly that there are more is cut off, and resumes.
const WAITING: usize = 256;

/// Notifications read at once.
const BATCH: u32 = 500;

/// How often to look without being woken: a wake-up may have been lost.
const LOOK: Duration = Duration::from_secs(5);

type Sender = mpsc::Sender<Arc<Notification>>;

#[derive(Default)]
struct State {
    open: HashMap<UserId, Vec<(u64, Sender)>>,
    /// How many streams there have been. It tells whether one was opened since.
    opened: u64,
    is_closed: bool,
}

/// The open streams of this instance.
#[derive(Default)]
pub(crate) struct Live {
    state: Mutex<State>,
    /// Told when a stream is opened, and when all are closed.
    changed: Notify,
    /// Whether it is known from where on to read; before that, no stream is opened.
    is_ready: watch::Sender<bool>,
}

/// A place among the open streams; it is free again when this is dropped.
pub(crate) struct Place {
    live: Arc<Live>,
    user: UserId,
    number: u64,
    /// New notifications, from the moment at which the place was taken. Ends when the service does, or the client is too slow.
    pub(crate) news: mpsc::Receiver<Arc<Notification>>,
}

impl Drop for Place {
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

impl Live {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a stream for somebody. Of too many, the oldest ends: a phone that has lost its connection comes back at once, long before
    /// it is noticed that the old connection is gone.
    pub(crate) async fn open(self: &Arc<Self>, user: UserId) -> Result<Place, Problem> {
        let place = self.register(user)?;
        // The reader knows from where on to read before this stream reads what it has missed.
        let mut ready = self.is_ready.subscribe();
        let is_ready = tokio::time::timeout(LOOK, ready.wait_for(|is_ready| *is_ready)).await;
        is_ready.map_err(|_| Problem::unavailable("nothing can be read yet"))?.map_err(Problem::internal)?;
        Ok(place)
    }

    fn register(self: &Arc<Self>, user: UserId) -> Result<Place, Problem> {
        let mut state = self.state();
        if state.is_closed {
            return Err(Problem::unavailable("the service is about to end"));
        }
        state.opened += 1;
        let number = state.opened;
        let own = state.open.entry(user).or_default();
        if own.len() >= STREAMS_EACH {
            own.remove(0);
        }
        let (sender, news) = mpsc::channel(WAITING);
        own.push((number, sender));
        drop(state);
        self.changed.notify_one();
        Ok(Place { live: Arc::clone(self), user, number, news })
    }

    /// Ends all streams; none is opened from now on.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.open.clear();
        drop(state);
        self.changed.notify_one();
    }

    /// Those who have a stream open, and how many there have been. With none, the reader rests, and isn't ready.
    fn listeners(&self) -> (Vec<UserId>, u64) {
        let state = self.state();
        if state.open.is_empty() {
            self.is_ready.send_replace(false);
        }
        (state.open.keys().copied().collect(), state.opened)
    }

    fn hand_out(&self, news: Vec<Notification>) {
        let mut state = self.state();
        for notification in news {
            let notification = Arc::new(notification);
            if let Some(own) = state.open.get_mut(&notification.user_id) {
                own.retain(|(_, sender)| sender.try_send(Arc::clone(&notification)).is_ok());
            }
        }
    }
}

/// Reads what is new for as long as the service runs. Numbers come in the order of the commits, so that nothing with a smaller
/// number turns up later; and a stream that was opened while something was read has it read once more, since it may be for that.
pub(crate) async fn follow(app: App) {
    let live = Arc::clone(app.live());
    let mut wakeups = app.subscribe(Topic::Notifications);
    let mut last: Option<i64> = None;
    loop {
        wakeups.borrow_and_update();
        let (listeners, opened) = live.listeners();
        if listeners.is_empty() {
            last = None;
            live.changed.notified().await;
            continue;
        }
        let from = last;
        let read = app.look(move |conn| match from {
            Some(from) => notifications::after_all(conn, &listeners, from, BATCH),
            None => Ok((Vec::new(), notifications::newest(conn)?)),
        });
        match read.await {
            Ok((news, newest)) => {
                let is_full = news.len() >= BATCH as usize;
                live.hand_out(news);
                let is_same = live.listeners().1 == opened;
                // Before the reader is ready, no stream has read what it has missed.
                if is_same || last.is_none() {
                    last = Some(newest);
                    live.is_ready.send_replace(true);
                }
                if is_full || !is_same {
                    continue;
                }
            }
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
        tokio::select! {
            _ = wakeups.changed() => {}
            () = live.changed.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
