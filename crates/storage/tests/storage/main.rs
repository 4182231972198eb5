//! The contract of stores on a folder, in memory and on an S3 server, and their failures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic reports the failure of a test"
)]

mod contract;
mod failures;
mod thumbnails;
mod uploads;

use std::{future::Future, time::Duration};

use futures_util::TryStreamExt;
use inspection_domain::{
    files::{Category, FileKind},
    input::{RawValue, Scalar},
    time::Date,
};
use inspection_storage::{Key, Opened, S3Settings, Staged, Storage};
use inspection_testkit::s3::{BUCKET, KEY_ID, S3Server, SECRET};
use tempfile::TempDir;

/// A store with its folder and server.
pub(crate) struct TestStore {
    pub(crate) storage: Storage,
    pub(crate) folder: TempDir,
    pub(crate) server: Option<S3Server>,
}

pub(crate) fn s3_settings(server: &S3Server) -> S3Settings {
    S3Settings {
        bucket: BUCKET.into(),
        prefix: "site/one".into(),
        region: "us-east-1".into(),
        endpoint: Some(server.endpoint.clone()),
        credentials: Some((KEY_ID.into(), SECRET.to_owned().into())),
        request_timeout: Duration::from_secs(20),
    }
}

impl TestStore {
    pub(crate) fn local() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { storage: Storage::local(folder.path()).expect("a store"), folder, server: None }
    }

    pub(crate) fn memory() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { storage: Storage::in_memory(folder.path()).expect("a store"), folder, server: None }
    }

    pub(crate) fn s3() -> Self {
        Self::s3_with(|_| {})
    }

    pub(crate) fn s3_with(change: impl FnOnce(&mut S3Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = S3Server::start();
        let mut settings = s3_settings(&server);
        change(&mut settings);
        let storage = Storage::s3(&settings, folder.path()).expect("a store");
        Self { storage, folder, server: Some(server) }
    }

    /// Number of files in the staging folder.
    pub(crate) fn staged(&self) -> usize {
        std::fs::read_dir(self.folder.path().join(".staging")).expect("a folder").count()
    }

    pub(crate) async fn stage(&self, bytes: &[u8]) -> Staged {
        let mut incoming = self.storage.begin(1 << 30);
        for piece in bytes.chunks(30_000) {
            incoming.write(piece).await.expect("accepted");
        }
        incoming.finish().await.expect("staged")
    }

    pub(crate) async fn put(&self, bytes: &[u8], kind: FileKind) -> Key {
        let key = key(kind);
        let staged = self.stage(bytes).await;
        self.storage.put(&key, staged).await.expect("stored");
        key
    }
}

/// Returns a unique key.
pub(crate) fn key(kind: FileKind) -> Key {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let category = Category::read(RawValue::Text("inspection".into())).expect("a category");
    let random = u128::from(NEXT.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
    Key::of_file(&category, Date::parse("2026-03-02").expect("a date"), random, kind)
}

pub(crate) async fn bytes(opened: Opened) -> Vec<u8> {
    opened.pieces.map_ok(|piece| piece.to_vec()).try_concat().await.expect("bytes")
}

pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test)
}

/// Runs each function on every store, as the tests `local`, `memory` and `s3` of a module.
macro_rules! on_every_store {
    ($( async fn $name:ident($store:ident: TestStore) $body:block )+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "a test may name everything by its path")]
            use super::*;

            async fn check($store: $crate::TestStore) $body

            #[test]
            fn local() {
                $crate::run(check($crate::TestStore::local()));
            }

            #[test]
            fn memory() {
                $crate::run(check($crate::TestStore::memory()));
            }

            #[test]
            fn s3() {
                $crate::run(check($crate::TestStore::s3()));
            }
        }
    )+};
}
pub(crate) use on_every_store;
