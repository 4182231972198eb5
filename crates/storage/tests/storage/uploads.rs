//! Uploads in progress.

use inspection_domain::{files::FileKind, time::Instant};
use inspection_storage::{Refusal, Requester, UploadError};
use inspection_testkit::files::{big_pdf, hostile, jpeg, pdf};

use crate::{TestStore, run};

#[test]
fn the_checksum_is_that_of_the_bytes() {
    run(async {
        let staged = TestStore::local().stage(b"abc").await;
        assert_eq!(staged.size(), 3);
        assert_eq!(staged.sha256(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    });
}

#[test]
fn an_upload_above_the_limit_is_refused() {
    run(async {
        let store = TestStore::local();
        let content = big_pdf(300_000);
        let mut incoming = store.storage.begin(200_000);
        let mut accepted = 0;
        let refused = loop {
            match incoming.write(&content[accepted..accepted + 10_000]).await {
                Ok(()) => accepted += 10_000,
                Err(refused) => break refused,
            }
        };
        assert_eq!((accepted, refused), (200_000, UploadError::TooLarge(200_000)));
        drop(incoming);
        assert_eq!(store.staged(), 0);
    });
}

#[test]
fn an_upload_of_exactly_the_limit_is_accepted() {
    run(async {
        let store = TestStore::local();
        let mut incoming = store.storage.begin(pdf().len() as u64);
        incoming.write(&pdf()).await.expect("accepted");
        let staged = incoming.finish().await.expect("staged");
        let (staged, kind) =
            store.storage.inspect(staged, "a.pdf", None, Requester::Visitor).await.expect("a file");
        assert_eq!((kind, staged.size()), (FileKind::Pdf, pdf().len() as u64));
    });
}

#[test]
fn an_unknown_type_is_refused_at_its_first_bytes() {
    run(async {
        let store = TestStore::local();
        let mut incoming = store.storage.begin(1 << 30);
        let refused = incoming.write(&b"<!doctype html>".repeat(100)).await;
        assert_eq!(refused, Err(UploadError::Refused(Refusal::NotTaken)));
        assert_eq!(store.staged(), 0);
    });
}

#[test]
fn an_abandoned_upload_leaves_no_file() {
    run(async {
        let store = TestStore::local();
        let mut incoming = store.storage.begin(1 << 30);
        incoming.write(&big_pdf(500_000)).await.expect("accepted");
        assert_eq!(store.staged(), 1);
        drop(incoming);
        assert_eq!(store.staged(), 0);
        drop(store.stage(&jpeg(20, 20)).await);
        assert_eq!(store.staged(), 0);
    });
}

#[test]
fn a_refused_upload_leaves_no_file() {
    run(async {
        let store = TestStore::local();
        for file in hostile() {
            let mut incoming = store.storage.begin(1 << 30);
            let written = incoming.write(&file.bytes).await;
            let refused = match written {
                Ok(()) => {
                    let staged = incoming.finish().await.expect("staged");
                    store
                        .storage
                        .inspect(staged, file.name, Some(file.declared), Requester::Visitor)
                        .await
                        .map(drop)
                }
                Err(refused) => {
                    drop(incoming);
                    Err(refused)
                }
            };
            assert!(matches!(refused, Err(UploadError::Refused(_))), "{}: {refused:?}", file.what);
        }
        assert_eq!(store.staged(), 0);
    });
}

#[test]
fn uploads_of_a_killed_process_are_removed_after_a_delay() {
    run(async {
        let store = TestStore::local();
        let folder = store.folder.path().join(".staging");
        std::fs::write(folder.join("upload-abc"), b"half").expect("written");
        std::fs::write(folder.join("README"), b"foreign").expect("written");
        let before = |year: i32| Instant::parse(&format!("{year}-01-01T00:00:00Z")).expect("an instant");
        assert_eq!(store.storage.abandoned(before(2020), true).await, Ok(0), "not old enough");
        assert_eq!(store.storage.abandoned(before(9000), false).await, Ok(1));
        assert_eq!(store.staged(), 2, "counted, not removed");
        assert_eq!(store.storage.abandoned(before(9000), true).await, Ok(1));
        assert!(folder.join("README").exists());
        assert_eq!(store.staged(), 1);
    });
}
