//! The threads of decoders.
//!
//! The allocator of the system keeps what a thread has freed for that thread, up to 64 MiB. On the
//! threads for all blocking work, each of which decodes now and then, this adds up to several
//! hundred MiB. So decoders have as few threads as they have places.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use tokio::sync::oneshot;

use crate::error::StoreError;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that end with this value. They start with the first work.
#[derive(Debug)]
pub(crate) struct Decoders {
    most: usize,
    running: Mutex<usize>,
    jobs: Sender<Job>,
    waiting: Arc<Mutex<Receiver<Job>>>,
}

impl Decoders {
    pub(crate) fn new(most: usize) -> Self {
        let (jobs, waiting) = channel();
        Self { most, running: Mutex::new(0), jobs, waiting: Arc::new(Mutex::new(waiting)) }
    }

    /// Starts a thread, unless there are enough.
    fn start(&self) -> Result<(), StoreError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if *running == self.most {
            return Ok(());
        }
        let waiting = Arc::clone(&self.waiting);
        let started = thread::Builder::new().name("decoder".into()).spawn(move || {
            loop {
                // Only one thread waits for work; the others wait for it.
                let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(job) = job else { return };
                job();
            }
        });
        match started {
            Ok(_) => *running += 1,
            // The others do the work.
            Err(_) if *running > 0 => {}
            Err(error) => return Err(StoreError::Unavailable(error.to_string())),
        }
        Ok(())
    }

    /// Runs work to its end, even if the caller is cancelled. A panic of the work is
    /// [`StoreError::Unavailable`].
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        self.start()?;
        let (done, result) = oneshot::channel();
        let job = move || {
            // The caller may be gone.
            let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
        };
        let unavailable = || StoreError::Unavailable("the decoder failed".into());
        self.jobs.send(Box::new(job)).map_err(|_| unavailable())?;
        result.await.ok().and_then(Result::ok).ok_or_else(unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_has_few_threads_which_survive_a_panic() {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
            let decoders = Decoders::new(2);
            let mut threads = std::collections::HashSet::new();
            for n in 0..20 {
                let failed = decoders.run(move || assert_ne!(n % 4, 0)).await;
                assert_eq!(failed.is_err(), n % 4 == 0);
                threads.insert(decoders.run(|| thread::current().id()).await.expect("done"));
            }
            assert!(threads.len() <= 2, "{threads:?}");
        });
    }
}
