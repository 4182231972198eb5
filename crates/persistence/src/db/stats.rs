//! Query statistics of a piece of work, counted by thread: a connection is used on the thread that
//! took it.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// Number of statements and their total duration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Statements sent.
    pub statements: u32,
    /// Total duration of the statements.
    pub time: Duration,
}

impl QueryStats {
    /// The sum of two statistics.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { statements: self.statements.saturating_add(other.statements), time: self.time + other.time }
    }
}

thread_local! {
    static STATS: Cell<QueryStats> = const { Cell::new(QueryStats { statements: 0, time: Duration::ZERO }) };
    static BEGUN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Runs `work` and returns the statistics of the statements that this thread sent meanwhile.
pub fn with_query_stats<T>(work: impl FnOnce() -> T) -> (T, QueryStats) {
    let before = STATS.take();
    let value = work();
    let stats = STATS.replace(before);
    STATS.set(before.plus(stats));
    (value, stats)
}

/// Counts a statement that this thread sends.
pub(crate) fn begin() {
    let stats = STATS.get();
    STATS.set(QueryStats { statements: stats.statements.saturating_add(1), ..stats });
    BEGUN.set(Some(Instant::now()));
}

/// Adds the duration of the statement that began last.
pub(crate) fn end() {
    if let Some(begun) = BEGUN.take() {
        let stats = STATS.get();
        STATS.set(QueryStats { time: stats.time + begun.elapsed(), ..stats });
    }
}
