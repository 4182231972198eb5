//! How much a piece of work asks of the database: counted for each thread, since connections work where they are used.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// What a piece of work has asked of the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meter {
    /// Statements sent.
    pub statements: u32,
    /// Time that they took.
    pub time: Duration,
}

impl Meter {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { statements: self.statements.saturating_add(other.statements), time: self.time + other.time }
    }
}

thread_local! {
    static METER: Cell<Meter> = const { Cell::new(Meter { statements: 0, time: Duration::ZERO }) };
    static BEGUN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Does something, and tells what this thread has asked of the database meanwhile.
pub fn metered<T>(work: impl FnOnce() -> T) -> (T, Meter) {
    let before = METER.take();
    let done = work();
    let meter = METER.replace(before);
    METER.set(before.plus(meter));
    (done, meter)
}

/// A statement is sent by this thread.
pub(crate) fn begin() {
    let meter = METER.get();
    METER.set(Meter { statements: meter.statements.saturating_add(1), ..meter });
    BEGUN.set(Some(Instant::now()));
}

/// The statement that was sent last is over.
pub(crate) fn end() {
    if let Some(begun) = BEGUN.take() {
        let meter = METER.get();
        METER.set(Meter { time: meter.time + begun.elapsed(), ..meter });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_inside_of_work_is_counted_for_both() {
        let (inner, outer) = metered(|| {
            begin();
            end();
            let ((), inner) = metered(|| {
                begin();
                std::thread::sleep(Duration::from_millis(2));
                end();
            });
            inner
        });
        assert_eq!((inner.statements, outer.statements), (1, 2));
        assert!(inner.time >= Duration::from_millis(2) && outer.time >= inner.time);
        assert_eq!(metered(|| ()).1, Meter::default());
    }
}
