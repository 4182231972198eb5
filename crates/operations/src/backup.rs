//! Backups: created while the service runs, listed, verified by a trial restore, restored.
//!
//! A backup is a folder named by the instant of its beginning. It holds a dump of the database, the
//! stored files in one archive, a manifest, and the checksums of all three. Until it is complete
//! its name starts with a dot.

mod address;
mod archive;
mod checksums;
mod create;
mod integrity;
mod layout;
mod list;
mod manifest;
mod partial;
mod restore;
mod settings;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tools;
mod trial;

pub use create::{Created, create};
pub use list::{BackupList, Summary, list, newest, newest_verified};
pub use manifest::{BackupFile, DatabaseKind, Manifest, StoredFiles, Verification, VerifiedCounts};
pub use restore::{Restoration, Restored};
pub use settings::Settings;
pub use trial::{Trial, verify};
