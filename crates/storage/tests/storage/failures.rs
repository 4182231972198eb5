//! Unavailable stores.

use std::time::{Duration, Instant};

use inspection_domain::files::FileKind;
use inspection_storage::{Storage, StoreError};
use inspection_testkit::{
    files::{big_pdf, pdf},
    s3::Mood,
};

use crate::{TestStore, bytes, key, run};

fn is_unavailable<T>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Err(StoreError::Unavailable(cause)) => cause,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the operation succeeded"),
    }
}

fn with_short_timeout() -> TestStore {
    TestStore::s3_with(|settings| settings.request_timeout = Duration::from_millis(400))
}

#[test]
fn a_wrong_secret_is_refused() {
    run(async {
        let store = TestStore::s3_with(|settings| {
            settings.credentials = Some((inspection_testkit::s3::KEY_ID.into(), "wrong".to_owned().into()));
        });
        is_unavailable(store.storage.probe().await);
        let staged = store.stage(&pdf()).await;
        is_unavailable(store.storage.put(&key(FileKind::Pdf), staged).await);
        is_unavailable(store.storage.open(&key(FileKind::Pdf), None).await);
        assert!(store.server.as_ref().expect("a server").files().is_empty());
        assert_eq!(store.staged(), 0);
    });
}

#[test]
fn a_server_that_refuses_or_stays_silent_times_out() {
    run(async {
        let store = with_short_timeout();
        let server = store.server.as_ref().expect("a server");
        let stored = store.put(b"stored before", FileKind::Pdf).await;
        for mood in [Mood::Refusing(503), Mood::Refusing(403), Mood::Refusing(500), Mood::Silent] {
            server.be(mood.clone());
            for size in [100, 6 << 20] {
                let staged = store.stage(&big_pdf(size)).await;
                let started = Instant::now();
                is_unavailable(store.storage.put(&key(FileKind::Pdf), staged).await);
                assert!(started.elapsed() < Duration::from_secs(15), "{mood:?} {size}");
            }
            is_unavailable(store.storage.open(&stored, None).await);
            is_unavailable(store.storage.store().size(&stored).await);
            is_unavailable(store.storage.remove(&stored).await);
            is_unavailable(store.storage.probe().await);
            assert_eq!(store.staged(), 0, "{mood:?}");
        }
        server.be(Mood::Fine);
        assert_eq!(store.storage.probe().await, Ok(()), "the store recovers without a restart");
        assert_eq!(bytes(store.storage.open(&stored, None).await.expect("opened")).await, b"stored before");
    });
}

#[test]
fn a_failed_multipart_upload_leaves_no_object() {
    run(async {
        let store = with_short_timeout();
        let server = store.server.as_ref().expect("a server");
        // The parts arrive; the request that completes the upload does not.
        let staged = store.stage(&big_pdf(11 << 20)).await;
        server.be(Mood::SilentAfter("PUT"));
        let key = key(FileKind::Pdf);
        is_unavailable(store.storage.put(&key, staged).await);
        server.be(Mood::Fine);
        assert_eq!(store.storage.store().size(&key).await, Ok(None));
    });
}

#[test]
fn an_absent_server_is_unavailable() {
    run(async {
        let mut store = with_short_timeout();
        drop(store.server.take());
        let cause = is_unavailable(store.storage.probe().await);
        assert!(!cause.contains(inspection_testkit::s3::SECRET), "{cause}");
    });
}

#[test]
fn a_store_works_on_several_runtimes() {
    let store = TestStore::s3();
    run(async { store.storage.probe().await.expect("on the first runtime") });
    run(async {
        store.storage.probe().await.expect("on the second runtime");
        drop(store);
    });
}

#[test]
fn a_removed_folder_is_unavailable() {
    run(async {
        let store = TestStore::local();
        std::fs::remove_dir_all(store.folder.path()).expect("removed");
        is_unavailable(store.storage.probe().await);
        let mut incoming = store.storage.begin(1 << 20);
        assert!(incoming.write(&pdf()).await.is_ok(), "the bytes are buffered in memory");
        is_unavailable(incoming.finish().await);
    });
}

#[test]
fn a_file_instead_of_the_folder_is_unavailable() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("uploads");
    std::fs::write(&file, b"a file").expect("written");
    is_unavailable(Storage::local(&file));
}
