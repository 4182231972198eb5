//! The contract of a store.

use futures_util::TryStreamExt;
use inspection_domain::{files::FileKind, time::Instant};
use inspection_storage::{Entry, Key, StoreError};
use inspection_testkit::files::{big_pdf, pdf};

use crate::{Place, bytes, key, on_every_store};

async fn listed(place: &Place) -> Vec<Entry> {
    let mut entries: Vec<Entry> = place.storage.store().list().try_collect().await.expect("a list");
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    entries
}

on_every_store! {
    async fn what_is_kept_is_read_as_it_was(place: Place) {
        for size in [1, 1000, 64 << 10, (5 << 20) + 1, 12_345_678] {
            let content: Vec<u8> = big_pdf(size)[..size].to_vec();
            let key = place.keep(&content, FileKind::Pdf).await;
            assert_eq!(place.storage.store().size(&key).await, Ok(Some(size as u64)));
            let opened = place.storage.open(&key, None).await.expect("opened");
            assert_eq!((opened.size, opened.range.clone()), (size as u64, 0..size as u64));
            assert!(bytes(opened).await == content, "{size}");
        }
        assert_eq!(place.staged(), 0, "nothing stays behind");
    }

    async fn a_part_is_read_alone(place: Place) {
        let key = place.keep(b"0123456789", FileKind::Pdf).await;
        for (range, part) in [(0..10, "0123456789"), (0..1, "0"), (9..10, "9"), (3..7, "3456")] {
            let opened = place.storage.open(&key, Some(range.clone())).await.expect("opened");
            assert_eq!((opened.size, opened.range.clone()), (10, range));
            assert_eq!(bytes(opened).await, part.as_bytes());
        }
    }

    async fn what_is_not_there_is_missing(place: Place) {
        let key = key(FileKind::Png);
        let missing = StoreError::Missing(key.clone());
        assert_eq!(place.storage.open(&key, None).await.map(drop), Err(missing));
        assert_eq!(place.storage.store().size(&key).await, Ok(None));
        assert_eq!(place.storage.remove(&key).await, Ok(()), "removing it again is no failure");
        assert!(listed(&place).await.is_empty());
    }

    async fn what_is_removed_is_gone_and_nothing_else(place: Place) {
        let (one, other) = (place.keep(&pdf(), FileKind::Pdf).await, place.keep(b"other", FileKind::Pdf).await);
        place.storage.remove(&one).await.expect("removed");
        assert_eq!(place.storage.store().size(&one).await, Ok(None));
        assert_eq!(bytes(place.storage.open(&other, None).await.expect("opened")).await, b"other");
    }

    async fn everything_is_listed_but_what_is_under_way(place: Place) {
        let (one, other) = (place.keep(b"one", FileKind::Pdf).await, place.keep(b"three", FileKind::Png).await);
        let under_way = place.stage(b"not yet").await;
        let entries = listed(&place).await;
        let seen: Vec<(&Key, u64)> = entries.iter().map(|entry| (&entry.key, entry.size)).collect();
        assert_eq!(seen, [(&one, 3), (&other, 5)]);
        let long_ago = Instant::parse("2026-01-01T00:00:00Z");
        assert!(entries.iter().all(|entry| entry.modified > long_ago), "{entries:?}");
        drop(under_way);
    }

    async fn keeping_again_replaces(place: Place) {
        let key = place.keep(b"what was there before", FileKind::Png).await;
        place.storage.keep(&key, place.stage(b"new").await).await.expect("kept");
        assert_eq!(bytes(place.storage.open(&key, None).await.expect("opened")).await, b"new");
    }

    async fn a_reader_is_not_disturbed_by_a_removal(place: Place) {
        let content = big_pdf(3 << 20);
        let key = place.keep(&content, FileKind::Pdf).await;
        let opened = place.storage.open(&key, None).await.expect("opened");
        place.storage.remove(&key).await.expect("removed");
        assert!(bytes(opened).await == content);
    }

    async fn a_probe_leaves_nothing_behind(place: Place) {
        assert_eq!(place.storage.probe().await, Ok(()));
        assert!(listed(&place).await.is_empty());
        assert_eq!(place.staged(), 0);
    }

    async fn many_at_once_do_not_meet(place: Place) {
        let content = |n: u32| [&b"%PDF-1.4\n"[..], &n.to_be_bytes().repeat(50_000)].concat();
        let kept = futures_util::future::join_all((0..20_u32).map(|n| {
            let place = &place;
            async move { (n, place.keep(&content(n), FileKind::Pdf).await) }
        }));
        for (n, key) in kept.await {
            let opened = place.storage.open(&key, None).await.expect("opened");
            assert!(bytes(opened).await == content(n));
        }
    }
}
