//! A short-lived cache of the site-wide numbers, which are expensive to count.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use inspection_domain::reports::AdminStats;
use inspection_persistence::{self as persistence, Context, DbConnection, reports};

/// The cached site-wide numbers. Clones share the cache.
#[derive(Debug, Clone)]
pub(crate) struct SiteNumbers {
    /// Maximum age; zero disables the cache.
    age: Duration,
    last: Arc<Mutex<Option<(Instant, AdminStats)>>>,
    is_refreshing: Arc<AtomicBool>,
}

/// Guard of a refresh; another one may start when it is dropped, even after a failure.
struct Refresh<'n>(&'n AtomicBool);

impl Drop for Refresh<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl SiteNumbers {
    /// An empty cache.
    pub(crate) fn new(age: Duration) -> Self {
        Self { age, last: Arc::default(), is_refreshing: Arc::default() }
    }

    fn last(&self) -> MutexGuard<'_, Option<(Instant, AdminStats)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers. Stale ones, if another request is refreshing them.
    pub(super) fn get(&self, conn: &mut DbConnection, context: &Context) -> persistence::Result<AdminStats> {
        let count = |conn| reports::admin(conn, context.today(), &context.calendar);
        if self.age.is_zero() {
            return count(conn);
        }
        let cached = self.last().clone();
        if let Some((at, numbers)) = &cached
            && at.elapsed() < self.age
        {
            return Ok(numbers.clone());
        }
        let is_alone = !self.is_refreshing.swap(true, Ordering::Acquire);
        let refresh = is_alone.then(|| Refresh(&self.is_refreshing));
        match cached {
            Some((_, numbers)) if refresh.is_none() => Ok(numbers),
            _ => {
                // The age counts from the start of the queries.
                let started = Instant::now();
                let numbers = count(conn)?;
                *self.last() = Some((started, numbers.clone()));
                Ok(numbers)
            }
        }
    }
}
