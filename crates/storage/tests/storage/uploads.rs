//! Uploads under way.

use inspection_domain::{files::FileKind, time::Instant};
use inspection_storage::{Refusal, UploadError};
use inspection_testkit::files::{big_pdf, hostile, jpeg, pdf};

use crate::{Place, run};

#[test]
fn the_checksum_is_that_of_the_bytes() {
    run(async {
        let staged = Place::local().stage(b"abc").await;
        assert_eq!(staged.size(), 3);
        assert_eq!(staged.sha256(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    });
}

#[test]
fn an_upload_ends_where_the_limit_is_passed() {
    run(async {
        let place = Place::local();
        let content = big_pdf(300_000);
        let mut incoming = place.storage.begin(200_000);
        let mut taken = 0;
        let refused = loop {
            match incoming.write(&content[taken..taken + 10_000]).await {
                Ok(()) => taken += 10_000,
                Err(refused) => break refused,
            }
        };
        assert_eq!((taken, refused), (200_000, UploadError::TooLarge(200_000)));
        drop(incoming);
        assert_eq!(place.staged(), 0);
    });
}

#[test]
fn exactly_the_limit_is_taken() {
    run(async {
        let place = Place::local();
        let mut incoming = place.storage.begin(pdf().len() as u64);
        incoming.write(&pdf()).await.expect("taken");
        let staged = incoming.finish().await.expect("staged");
        let (staged, kind) = place.storage.inspect(staged, "a.pdf", None).await.expect("a file");
        assert_eq!((kind, staged.size()), (FileKind::Pdf, pdf().len() as u64));
    });
}

#[test]
fn what_can_never_be_taken_is_refused_at_its_first_bytes() {
    run(async {
        let place = Place::local();
        let mut incoming = place.storage.begin(1 << 30);
        let refused = incoming.write(&b"<!doctype html>".repeat(100)).await;
        assert_eq!(refused, Err(UploadError::Refused(Refusal::NotTaken)));
        assert_eq!(place.staged(), 0);
    });
}

#[test]
fn an_upload_that_is_given_up_leaves_nothing() {
    run(async {
        let place = Place::local();
        let mut incoming = place.storage.begin(1 << 30);
        incoming.write(&big_pdf(500_000)).await.expect("taken");
        assert_eq!(place.staged(), 1);
        drop(incoming);
        assert_eq!(place.staged(), 0);
        drop(place.stage(&jpeg(20, 20)).await);
        assert_eq!(place.staged(), 0);
    });
}

#[test]
fn refused_files_leave_nothing() {
    run(async {
        let place = Place::local();
        for file in hostile() {
            let mut incoming = place.storage.begin(1 << 30);
            let written = incoming.write(&file.bytes).await;
            let refused = match written {
                Ok(()) => {
                    let staged = incoming.finish().await.expect("staged");
                    place.storage.inspect(staged, file.name, Some(file.declared)).await.map(drop)
                }
                Err(refused) => {
                    drop(incoming);
                    Err(refused)
                }
            };
            assert!(matches!(refused, Err(UploadError::Refused(_))), "{}: {refused:?}", file.what);
        }
        assert_eq!(place.staged(), 0);
    });
}

#[test]
fn what_a_killed_process_left_is_found_and_removed_after_a_while() {
    run(async {
        let place = Place::local();
        let folder = place.folder.path().join(".staging");
        std::fs::write(folder.join("upload-abc"), b"half").expect("written");
        std::fs::write(folder.join("README"), b"not ours").expect("written");
        let before = |year: i32| Instant::parse(&format!("{year}-01-01T00:00:00Z")).expect("an instant");
        assert_eq!(place.storage.abandoned(before(2020), true).await, Ok(0), "not old enough");
        assert_eq!(place.storage.abandoned(before(9000), false).await, Ok(1));
        assert_eq!(place.staged(), 2, "only looked at");
        assert_eq!(place.storage.abandoned(before(9000), true).await, Ok(1));
        assert!(folder.join("README").exists());
        assert_eq!(place.staged(), 1);
    });
}
