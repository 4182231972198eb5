#![doc = include_str!("../README.md")]

mod blocking;
mod bucket;
mod content;
mod decoders;
mod error;
mod key;
mod objects;
mod s3;
mod staging;
mod storage;
mod store;
mod thumbnails;
mod turns;

pub use bucket::Bucket;
pub use content::Refusal;
pub use error::{StoreError, UploadError};
pub use key::{Key, ObjectKind, Size};
pub use s3::S3Settings;
pub use staging::{Incoming, Staged};
pub use storage::Storage;
pub use store::{FileStore, Opened, StoredObject};
pub use thumbnails::NoThumbnail;
pub use turns::Requester;
