//! Errors of operations: a cause, and the steps that led to it.

use std::{error::Error as _, io, num::TryFromIntError};

use inspection_auth::passwords::HashFailed;
use inspection_domain::input::Invalid;
use inspection_scheduler::files::ReconcileError;
use inspection_storage::{StoreError, UploadError};

/// The outcome of an operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed. The display of a variant is one link of the chain; [`Error::report`]
/// is all of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A requirement of the operation isn't met.
    #[error("{0}")]
    Refused(String),
    /// A step failed because of the source.
    #[error("{step}")]
    Step {
        /// The step, as a phrase.
        step: String,
        /// Why it failed.
        source: Box<Error>,
    },
    /// The database refused, or can't be reached.
    #[error(transparent)]
    Database(#[from] inspection_persistence::Error),
    /// The file store refused, or can't be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file store refused content.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The file system, or a child process.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A document that isn't JSON, or isn't the expected one.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Input that the domain refuses.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A password that can't be hashed.
    #[error(transparent)]
    Hash(#[from] HashFailed),
    /// A request without a response, or a certificate that can't be read.
    #[error(transparent)]
    Http(#[from] ureq::Error),
    /// A number outside the range of its column.
    #[error(transparent)]
    Number(#[from] TryFromIntError),
}

impl From<ReconcileError> for Error {
    fn from(error: ReconcileError) -> Self {
        match error {
            ReconcileError::Database(error) => Self::Database(error),
            ReconcileError::Store(error) => Self::Store(error),
        }
    }
}

impl Error {
    /// The whole chain on one line, outermost step first.
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// Names the step that failed.
pub(crate) trait Context<T> {
    /// Names the step.
    fn context(self, step: &str) -> Result<T>;

    /// Names the step by a closure that runs on failure only.
    fn with_context(self, step: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, step: &str) -> Result<T> {
        self.with_context(|| step.to_owned())
    }

    fn with_context(self, step: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::Step { step: step(), source: Box::new(error.into()) })
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, step: &str) -> Result<T> {
        self.with_context(|| step.to_owned())
    }

    fn with_context(self, step: impl FnOnce() -> String) -> Result<T> {
        self.ok_or_else(|| Error::Refused(step()))
    }
}

/// Returns [`Error::Refused`] with a formatted message.
macro_rules! bail {
    ($($message:tt)*) => {
        return Err($crate::Error::Refused(format!($($message)*)))
    };
}

/// Returns [`Error::Refused`] with a formatted message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $message:literal $($arguments:tt)*) => {
        if !$condition {
            $crate::error::bail!($message $($arguments)*);
        }
    };
    ($condition:expr, $message:expr) => {
        if !$condition {
            return Err($crate::Error::Refused($message));
        }
    };
}

pub(crate) use {bail, ensure};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_every_step() {
        let outcome: Result<(), io::Error> = Err(io::ErrorKind::NotFound.into());
        let error = outcome.context("can't read a.json").context("b can't be used").expect_err("failed");
        assert_eq!(error.to_string(), "b can't be used");
        assert_eq!(error.report(), "b can't be used: can't read a.json: entity not found");
    }
}
