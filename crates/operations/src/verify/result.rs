//! The results of steps.

use super::client::{RequestError, Response};
use crate::Finding;

/// The result of a step.
pub(super) enum CheckResult {
    /// The requirement is met: observation.
    Pass(String),
    /// It works, but should be changed: observation, remedy.
    Warning(String, String),
    /// The requirement isn't met: observation, remedy.
    Fail(String, String),
    /// The requirement doesn't apply: reason.
    NotApplicable(String),
}

/// The result of a step; an error if the step ended early.
pub(super) type StepResult = Result<CheckResult, CheckResult>;

pub(super) fn pass(found: impl Into<String>) -> CheckResult {
    CheckResult::Pass(found.into())
}

pub(super) fn warning(found: impl Into<String>, fix: impl Into<String>) -> CheckResult {
    CheckResult::Warning(found.into(), fix.into())
}

pub(super) fn fail(found: impl Into<String>, fix: impl Into<String>) -> CheckResult {
    CheckResult::Fail(found.into(), fix.into())
}

pub(super) fn not_applicable(reason: impl Into<String>) -> CheckResult {
    CheckResult::NotApplicable(reason.into())
}

/// Fails unless the response has this status.
pub(super) fn expect(response: &Response, status: u16, doing: &str) -> Result<(), CheckResult> {
    if response.status == status {
        return Ok(());
    }
    let summary = response.summary();
    Err(fail(format!("{doing} returns {summary} instead of {status}"), "read the log of the service"))
}

impl From<RequestError> for CheckResult {
    fn from(error: RequestError) -> Self {
        fail(error.to_string(), "start the service and the proxy, and read their logs")
    }
}

impl CheckResult {
    pub(super) fn finding(self, id: &'static str) -> Finding {
        match self {
            Self::Pass(found) => Finding::pass(id, found),
            Self::Warning(found, fix) => Finding::warning(id, found, fix),
            Self::Fail(found, fix) => Finding::fail(id, found, fix),
            Self::NotApplicable(reason) => Finding::not_applicable(id, reason),
        }
    }
}
