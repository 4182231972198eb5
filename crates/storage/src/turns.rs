//! Turns of the work on images and documents: they bound the CPU time, the memory and the share of
//! each requester.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::{content::Meter, decoders::Decoders, error::StoreError};

/// Unit of memory.
const MIB: u64 = 1 << 20;

/// Memory of all decoders together, in mebibytes.
const MEMORY: usize = 256;

/// Maximum wait for a turn and for its memory.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// The origin of work. All work of one requester together has half of the places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requester {
    /// The user with this id.
    User(i64),
    /// A visitor without an account.
    Visitor,
}

/// The turns of a process. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    /// Places of one requester.
    share: usize,
    places: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    decoders: Arc<Decoders>,
    requesters: Arc<Mutex<HashMap<Requester, Weak<Semaphore>>>>,
}

impl Turns {
    pub(crate) fn new() -> Self {
        let places = std::thread::available_parallelism().map_or(2, usize::from).max(2);
        Self {
            share: places / 2,
            places: Arc::new(Semaphore::new(places)),
            memory: Arc::new(Semaphore::new(MEMORY)),
            decoders: Arc::new(Decoders::new(places)),
            requesters: Arc::default(),
        }
    }

    fn share_of(&self, requester: Requester) -> Arc<Semaphore> {
        let mut requesters = self.requesters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = requesters.get(&requester).and_then(Weak::upgrade) {
            return share;
        }
        requesters.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.share));
        requesters.insert(requester, Arc::downgrade(&share));
        share
    }

    /// Waits for a turn, first among the work of the same requester: only one share of each
    /// requester waits for a place.
    pub(crate) async fn next(&self, requester: Requester) -> Result<Turn, StoreError> {
        let deadline = Instant::now() + TURN_TIMEOUT;
        let share = acquire(&self.share_of(requester), 1, deadline).await?;
        let place = acquire(&self.places, 1, deadline).await?;
        Ok(Turn {
            memory: Arc::clone(&self.memory),
            decoders: Arc::clone(&self.decoders),
            deadline,
            permits: Arc::new((share, place)),
            cancelled: Arc::default(),
        })
    }
}

async fn acquire(
    semaphore: &Arc<Semaphore>,
    permits: u32,
    deadline: Instant,
) -> Result<OwnedSemaphorePermit, StoreError> {
    match timeout_at(deadline, Arc::clone(semaphore).acquire_many_owned(permits)).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(closed)) => Err(StoreError::Unavailable(closed.to_string())),
        Err(_) => Err(StoreError::Busy),
    }
}

/// A turn. Dropping it cancels its work.
#[derive(Debug)]
pub(crate) struct Turn {
    memory: Arc<Semaphore>,
    decoders: Arc<Decoders>,
    deadline: Instant,
    permits: Arc<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
    cancelled: Arc<AtomicBool>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Turn {
    /// Runs work that takes this many bytes of memory. It keeps its permits to its end, even if the
    /// caller is cancelled.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        memory: u64,
        work: impl FnOnce(Meter) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let mebibytes = u32::try_from(memory.div_ceil(MIB)).unwrap_or(u32::MAX);
        let memory = acquire(&self.memory, mebibytes, self.deadline).await?;
        let permits = (memory, Arc::clone(&self.permits));
        let cancelled = Arc::clone(&self.cancelled);
        let work = move || {
            let done = work(Meter::start(cancelled));
            drop(permits);
            done
        };
        self.decoders.run(work).await
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, sync::mpsc, task::Poll};

    use super::*;

    fn run<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test)
    }

    async fn is_waiting<T>(mut future: std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
        futures_util::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }

    #[test]
    fn no_requester_takes_all_places() {
        run(async {
            let turns = Turns::new();
            let mut held = Vec::new();
            for _ in 0..turns.share {
                held.push(turns.next(Requester::User(1)).await.expect("a turn"));
            }
            let mut own = std::pin::pin!(turns.next(Requester::User(1)));
            assert!(is_waiting(own.as_mut()).await);
            turns.next(Requester::User(2)).await.expect("a turn");
            turns.next(Requester::Visitor).await.expect("a turn");
            drop(held.pop());
            own.await.expect("a turn");
        });
    }

    #[test]
    fn waiting_has_a_deadline() {
        run(async {
            let deadline = Instant::now() + Duration::from_millis(10);
            let refused = acquire(&Arc::new(Semaphore::new(1)), 2, deadline).await;
            assert_eq!(refused.map(drop), Err(StoreError::Busy));
        });
    }

    #[test]
    fn all_work_together_has_bounded_memory() {
        run(async {
            let turns = Turns::new();
            let (one, other) = (turns.next(Requester::User(1)).await, turns.next(Requester::User(2)).await);
            let (one, other) = (one.expect("a turn"), other.expect("a turn"));
            let (end, ended) = mpsc::channel::<()>();
            let large = async { one.run(200 * MIB, move |_| ended.recv().is_err()).await };
            let mut large = std::pin::pin!(large);
            assert!(is_waiting(large.as_mut()).await);
            {
                let mut second = std::pin::pin!(other.run(100 * MIB, |_| ()));
                assert!(is_waiting(second.as_mut()).await);
            }
            other.run(16 * MIB, |_| ()).await.expect("done beside the large one");
            drop(end);
            assert_eq!(large.await, Ok(true));
            other.run(100 * MIB, |_| ()).await.expect("done");
        });
    }

    #[test]
    fn work_ends_with_its_request_and_keeps_its_place_until_then() {
        run(async {
            let turns = Turns::new();
            let turn = turns.next(Requester::User(1)).await.expect("a turn");
            let (ended, end) = tokio::sync::oneshot::channel();
            {
                let work = turn.run(MIB, |meter| {
                    while meter.check().is_ok() {
                        std::thread::yield_now();
                    }
                    let _ = ended.send(());
                });
                assert!(is_waiting(std::pin::pin!(work)).await);
            }
            assert_eq!(turns.memory.available_permits(), MEMORY - 1);
            drop(turn);
            end.await.expect("ended");
        });
    }
}
