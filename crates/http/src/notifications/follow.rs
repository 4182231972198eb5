//! The reader of new notifications: one for all open streams of this instance.

use std::{sync::Arc, time::Duration};

use inspection_persistence::{notifications, notify::Topic};

use super::live::LiveStreams;
use crate::web::app::App;

/// Maximum number of notifications read at once.
const BATCH: u32 = 500;

/// Polling interval, in case a wake-up is lost.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Pause after a failed read.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Reads new notifications and dispatches them until the service stops.
///
/// Numbers are assigned in commit order, so no smaller number appears later. If a stream is opened
/// during a read, that range is read again, since it may contain notifications for the new
/// stream.
pub(crate) async fn follow(app: App, live: Arc<LiveStreams>) {
    let mut wakeups = app.subscribe(Topic::Notifications);
    let mut last: Option<i64> = None;
    loop {
        wakeups.borrow_and_update();
        let (listeners, opened) = live.listeners();
        if listeners.is_empty() {
            last = None;
            live.changed().await;
            continue;
        }
        let from = last;
        let read = app.read_internal(move |conn| match from {
            Some(from) => notifications::after_all(conn, &listeners, from, BATCH),
            None => Ok((Vec::new(), notifications::newest(conn)?)),
        });
        match read.await {
            Ok((new, newest)) => {
                let is_full = new.len() >= BATCH as usize;
                live.dispatch(new);
                let is_unchanged = live.listeners().1 == opened;
                // Until the reader is ready, no stream has read its backlog.
                if is_unchanged || last.is_none() {
                    last = Some(newest);
                    live.set_ready();
                }
                if is_full || !is_unchanged {
                    continue;
                }
            }
            Err(_) => tokio::time::sleep(RETRY_DELAY).await,
        }
        tokio::select! {
            _ = wakeups.changed() => {}
            () = live.changed() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}
