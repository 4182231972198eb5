//! The contract of a store.

use futures_util::TryStreamExt;
use inspection_domain::{files::FileKind, time::Instant};
use inspection_storage::{Key, StoreError, StoredObject};
use inspection_testkit::files::{big_pdf, pdf};

use crate::{TestStore, bytes, key, on_every_store};

async fn listed(store: &TestStore) -> Vec<StoredObject> {
    let mut objects: Vec<StoredObject> = store.storage.store().list().try_collect().await.expect("a list");
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    objects
}

on_every_store! {
    async fn a_stored_file_is_read_unchanged(store: TestStore) {
        for size in [1, 1000, 64 << 10, (5 << 20) + 1, 12_345_678] {
            let content: Vec<u8> = big_pdf(size)[..size].to_vec();
            let key = store.put(&content, FileKind::Pdf).await;
            assert_eq!(store.storage.store().size(&key).await, Ok(Some(size as u64)));
            let opened = store.storage.open(&key, None).await.expect("opened");
            assert_eq!((opened.size, opened.range.clone()), (size as u64, 0..size as u64));
            assert!(bytes(opened).await == content, "{size}");
        }
        assert_eq!(store.staged(), 0, "the staging folder is empty");
    }

    async fn a_range_is_read(store: TestStore) {
        let key = store.put(b"0123456789", FileKind::Pdf).await;
        for (range, part) in [(0..10, "0123456789"), (0..1, "0"), (9..10, "9"), (3..7, "3456")] {
            let opened = store.storage.open(&key, Some(range.clone())).await.expect("opened");
            assert_eq!((opened.size, opened.range.clone()), (10, range));
            assert_eq!(bytes(opened).await, part.as_bytes());
        }
    }

    async fn an_absent_file_is_missing(store: TestStore) {
        let key = key(FileKind::Png);
        let missing = StoreError::Missing(key.clone());
        assert_eq!(store.storage.open(&key, None).await.map(drop), Err(missing));
        assert_eq!(store.storage.store().size(&key).await, Ok(None));
        assert_eq!(store.storage.remove(&key).await, Ok(()), "a second removal succeeds");
        assert!(listed(&store).await.is_empty());
    }

    async fn a_removal_affects_one_file(store: TestStore) {
        let (one, other) = (store.put(&pdf(), FileKind::Pdf).await, store.put(b"other", FileKind::Pdf).await);
        store.storage.remove(&one).await.expect("removed");
        assert_eq!(store.storage.store().size(&one).await, Ok(None));
        assert_eq!(bytes(store.storage.open(&other, None).await.expect("opened")).await, b"other");
    }

    async fn the_list_has_all_files_without_uploads_in_progress(store: TestStore) {
        let (one, other) = (store.put(b"one", FileKind::Pdf).await, store.put(b"three", FileKind::Png).await);
        let in_progress = store.stage(b"not yet").await;
        let objects = listed(&store).await;
        let seen: Vec<(&Key, u64)> = objects.iter().map(|object| (&object.key, object.size)).collect();
        assert_eq!(seen, [(&one, 3), (&other, 5)]);
        let long_ago = Instant::parse("2026-01-01T00:00:00Z");
        assert!(objects.iter().all(|object| object.modified > long_ago), "{objects:?}");
        drop(in_progress);
    }

    async fn storing_again_replaces(store: TestStore) {
        let key = store.put(b"the previous content", FileKind::Png).await;
        store.storage.put(&key, store.stage(b"new").await).await.expect("stored");
        assert_eq!(bytes(store.storage.open(&key, None).await.expect("opened")).await, b"new");
    }

    async fn a_reader_survives_a_removal(store: TestStore) {
        let content = big_pdf(3 << 20);
        let key = store.put(&content, FileKind::Pdf).await;
        let opened = store.storage.open(&key, None).await.expect("opened");
        store.storage.remove(&key).await.expect("removed");
        assert!(bytes(opened).await == content);
    }

    async fn a_probe_leaves_nothing_behind(store: TestStore) {
        assert_eq!(store.storage.probe().await, Ok(()));
        assert!(listed(&store).await.is_empty());
        assert_eq!(store.staged(), 0);
    }

    async fn concurrent_uploads_do_not_interfere(store: TestStore) {
        let content = |n: u32| [&b"%PDF-1.4\n"[..], &n.to_be_bytes().repeat(50_000)].concat();
        let stored = futures_util::future::join_all((0..20_u32).map(|n| {
            let store = &store;
            async move { (n, store.put(&content(n), FileKind::Pdf).await) }
        }));
        for (n, key) in stored.await {
            let opened = store.storage.open(&key, None).await.expect("opened");
            assert!(bytes(opened).await == content(n));
        }
    }
}
