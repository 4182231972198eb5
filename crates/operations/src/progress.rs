//! Progress of operations that take long, reported through a callback.

use std::cell::Cell;

/// An event of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A step starts.
    Started {
        /// The step, as a phrase.
        step: &'static str,
        /// Bytes to process; none if they aren't known in advance.
        bytes: Option<u64>,
    },
    /// Bytes of the current step that are done.
    Done {
        /// Done so far.
        bytes: u64,
        /// To process in all, where that became known only now.
        of: Option<u64>,
    },
    /// The current step ended, successfully or not.
    Finished,
}

/// Receives the events of an operation.
pub type OnProgress<'a> = &'a dyn Fn(Progress);

/// A step under way. Dropping it reports [`Progress::Finished`].
pub(crate) struct Step<'a> {
    report: OnProgress<'a>,
    done: Cell<u64>,
}

impl<'a> Step<'a> {
    /// Starts a step of a known size.
    pub(crate) fn sized(report: OnProgress<'a>, step: &'static str, bytes: u64) -> Self {
        report(Progress::Started { step, bytes: Some(bytes) });
        Self { report, done: Cell::new(0) }
    }

    /// Starts a step of unknown size.
    pub(crate) fn open_ended(report: OnProgress<'a>, step: &'static str) -> Self {
        report(Progress::Started { step, bytes: None });
        Self { report, done: Cell::new(0) }
    }

    /// Reports this many more bytes.
    pub(crate) fn advance(&self, bytes: u64) {
        self.set(self.done.get() + bytes, None);
    }

    /// Reports the number of bytes done so far.
    pub(crate) fn set(&self, bytes: u64, of: Option<u64>) {
        self.done.set(bytes);
        (self.report)(Progress::Done { bytes, of });
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        (self.report)(Progress::Finished);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_step_reports_its_start_its_bytes_and_its_end() {
        let events = RefCell::new(Vec::new());
        let report = |event| events.borrow_mut().push(event);
        let step = Step::sized(&report, "copying", 3);
        step.advance(1);
        step.advance(2);
        drop(step);
        let done = |bytes| Progress::Done { bytes, of: None };
        let started = Progress::Started { step: "copying", bytes: Some(3) };
        assert_eq!(events.into_inner(), [started, done(1), done(3), Progress::Finished]);
    }
}
