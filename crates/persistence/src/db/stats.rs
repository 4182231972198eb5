//! How much a piece of work asks of the database: counted for each thread, since connections work where they are used.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// What a piece of work has asked of the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Statements sent.
    pub statements: u32,
    /// Time that they took.
    pub time: Duration,
}

impl QueryStats {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { statements: self.statements.saturating_add(other.statements), time: self.time + other.time }
    }
}

thread_local! {
    static STATS: Cell<QueryStats> = const { Cell::new(QueryStats { statements: 0, time: Duration::ZERO }) };
    static BEGUN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Does something, and tells what this thread has asked of the database meanwhile.
pub fn with_query_stats<T>(work: impl FnOnce() -> T) -> (T, QueryStats) {
    let before = STATS.take();
    let done = work();
    let stats = STATS.replace(before);
    STATS.set(before.plus(stats));
    (done, stats)
}

/// A statement is sent by this thread.
pub(crate) fn begin() {
    let stats = STATS.get();
    STATS.set(QueryStats { statements: stats.statements.saturating_add(1), ..stats });
    BEGUN.set(Some(Instant::now()));
}

/// The statement that was sent last is over.
pub(crate) fn end() {
    if let Some(begun) = BEGUN.take() {
        let stats = STATS.get();
        STATS.set(QueryStats { time: stats.time + begun.elapsed(), ..stats });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_inside_of_work_is_counted_for_both() {
        let (inner, outer) = with_query_stats(|| {
            begin();
            end();
            let ((), inner) = with_query_stats(|| {
                begin();
                std::thread::sleep(Duration::from_millis(2));
                end();
            });
            inner
        });
        assert_eq!((inner.statements, outer.statements), (1, 2));
        assert!(inner.time >= Duration::from_millis(2) && outer.time >= inner.time);
        assert_eq!(with_query_stats(|| ()).1, QueryStats::default());
    }
}
