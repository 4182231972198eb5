//! Stores that can't be used.

use std::time::{Duration, Instant};

use inspection_domain::files::FileKind;
use inspection_storage::{Storage, StoreError};
use inspection_testkit::{
    files::{big_pdf, pdf},
    s3::Mood,
};

use crate::{Place, bytes, key, run};

fn is_unavailable<T>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Err(StoreError::Unavailable(cause)) => cause,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it worked"),
    }
}

fn impatient() -> Place {
    Place::s3_with(|settings| settings.patience = Duration::from_millis(400))
}

#[test]
fn a_wrong_secret_is_refused() {
    run(async {
        let place = Place::s3_with(|settings| {
            settings.credentials = Some((inspection_testkit::s3::KEY_ID.into(), "wrong".to_owned().into()));
        });
        is_unavailable(place.storage.probe().await);
        let staged = place.stage(&pdf()).await;
        is_unavailable(place.storage.keep(&key(FileKind::Pdf), staged).await);
        is_unavailable(place.storage.open(&key(FileKind::Pdf), None).await);
        assert!(place.server.as_ref().expect("a server").files().is_empty());
        assert_eq!(place.staged(), 0);
    });
}

#[test]
fn a_server_that_refuses_or_says_nothing_is_given_up_in_time() {
    run(async {
        let place = impatient();
        let server = place.server.as_ref().expect("a server");
        let kept = place.keep(b"kept before", FileKind::Pdf).await;
        for mood in [Mood::Refusing(503), Mood::Refusing(403), Mood::Refusing(500), Mood::Silent] {
            server.be(mood.clone());
            for size in [100, 6 << 20] {
                let staged = place.stage(&big_pdf(size)).await;
                let started = Instant::now();
                is_unavailable(place.storage.keep(&key(FileKind::Pdf), staged).await);
                assert!(started.elapsed() < Duration::from_secs(15), "{mood:?} {size}");
            }
            is_unavailable(place.storage.open(&kept, None).await);
            is_unavailable(place.storage.store().size(&kept).await);
            is_unavailable(place.storage.remove(&kept).await);
            is_unavailable(place.storage.probe().await);
            assert_eq!(place.staged(), 0, "{mood:?}");
        }
        server.be(Mood::Fine);
        assert_eq!(place.storage.probe().await, Ok(()), "it comes back by itself");
        assert_eq!(bytes(place.storage.open(&kept, None).await.expect("opened")).await, b"kept before");
    });
}

#[test]
fn nothing_is_half_kept_when_a_large_upload_fails() {
    run(async {
        let place = impatient();
        let server = place.server.as_ref().expect("a server");
        // Its parts arrive, the order to put them together doesn't.
        let staged = place.stage(&big_pdf(11 << 20)).await;
        server.be(Mood::SilentAfter("PUT"));
        let key = key(FileKind::Pdf);
        is_unavailable(place.storage.keep(&key, staged).await);
        server.be(Mood::Fine);
        assert_eq!(place.storage.store().size(&key).await, Ok(None));
    });
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    run(async {
        let mut place = impatient();
        drop(place.server.take());
        let cause = is_unavailable(place.storage.probe().await);
        assert!(!cause.contains(inspection_testkit::s3::SECRET), "{cause}");
    });
}

#[test]
fn a_store_can_be_left_from_any_thread() {
    let place = Place::s3();
    run(async { place.storage.probe().await.expect("used on one") });
    run(async {
        place.storage.probe().await.expect("and on another");
        drop(place);
    });
}

#[test]
fn a_folder_that_went_away_is_unavailable() {
    run(async {
        let place = Place::local();
        std::fs::remove_dir_all(place.folder.path()).expect("removed");
        is_unavailable(place.storage.probe().await);
        let mut incoming = place.storage.begin(1 << 20);
        assert!(incoming.write(&pdf()).await.is_ok(), "still in memory");
        is_unavailable(incoming.finish().await);
    });
}

#[test]
fn a_file_in_the_place_of_the_folder_is_no_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("uploads");
    std::fs::write(&file, b"a file").expect("written");
    is_unavailable(Storage::local(&file));
}
