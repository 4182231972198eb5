//! Errors of stores and uploads.

use inspection_domain::{message, message::Message};

use crate::{
    content::{ContentError, Refusal},
    key::Key,
};

/// Failure of an operation on a store. The causes are for logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No object has this key.
    #[error("no object is stored under {0}")]
    Missing(Key),
    /// The store is unreachable, too slow, read-only or full, or it refuses access.
    #[error("the file store is unavailable: {0}")]
    Unavailable(String),
    /// Other images and documents are in work, and no turn came in time.
    #[error("too many files are in work")]
    Busy,
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Failure of an upload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// The upload exceeds this number of bytes.
    #[error("{}", self.message())]
    TooLarge(u64),
    /// The content is not accepted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store or the staging folder is unavailable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UploadError {
    /// Message for users; its subject is the file.
    pub fn message(&self) -> Message {
        match self {
            Self::TooLarge(max) => message!("may have at most {max} bytes", max),
            Self::Refused(refusal) => refusal.message(),
            Self::Store(error) => error.to_string().into(),
        }
    }
}

impl From<ContentError> for UploadError {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Refused(refusal) => Self::Refused(refusal),
            ContentError::Io(error) => Self::Store(error.into()),
        }
    }
}
