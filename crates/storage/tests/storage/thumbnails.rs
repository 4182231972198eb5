//! Thumbnails.

use futures_util::TryStreamExt;
use image::{DynamicImage, GenericImageView, ImageFormat};
use inspection_domain::files::FileKind;
use inspection_storage::{Key, NoThumbnail, Requester, Size, StoreError};
use inspection_testkit::{
    bombs::bombs,
    files::{animation, encoded, exif, jpeg, jpeg_of_quality, jpeg_with, noise, pdf, picture, png, webp},
};

use crate::{TestStore, bytes, key, on_every_store, run};

async fn thumbnail(store: &TestStore, key: &Key, size: u32) -> Vec<u8> {
    bytes(
        store.storage.thumbnail(key, Size::for_pixels(size), Requester::Visitor).await.expect("a thumbnail"),
    )
    .await
}

fn read(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory_with_format(bytes, ImageFormat::Jpeg).expect("a JPEG")
}

#[test]
fn a_size_is_rounded_up_to_the_next_available_one() {
    for (requested, expected) in
        [(0, 160), (1, 160), (160, 160), (161, 320), (600, 640), (640, 640), (9999, 640)]
    {
        assert_eq!(Size::for_pixels(requested).pixels(), expected);
    }
}

on_every_store! {
    async fn a_thumbnail_is_rendered_once_and_removed_with_its_file(store: TestStore) {
        let key = store.put(&jpeg(800, 400), FileKind::Jpeg).await;
        let first = thumbnail(&store, &key, 300).await;
        assert_eq!(read(&first).dimensions(), (320, 160));
        let stored = store.storage.store().size(&key.thumbnail(Size::for_pixels(320))).await;
        assert_eq!(stored, Ok(Some(first.len() as u64)));
        assert_eq!(thumbnail(&store, &key, 300).await, first);
        assert_eq!(read(&thumbnail(&store, &key, 640).await).dimensions(), (640, 320));
        store.storage.remove(&key).await.expect("removed");
        let left: Vec<_> = store.storage.store().list().try_collect().await.expect("a list");
        assert!(left.is_empty(), "{left:?}");
    }

    async fn an_absent_file_has_no_thumbnail(store: TestStore) {
        let key = key(FileKind::Jpeg);
        let none = store.storage.thumbnail(&key, Size::for_pixels(160), Requester::Visitor).await.map(drop);
        assert_eq!(none, Err(NoThumbnail::Store(StoreError::Missing(key))));
    }
}

#[test]
fn every_kind_of_image_has_thumbnails() {
    run(async {
        let store = TestStore::local();
        for (bytes, kind) in [
            (png(500, 250), FileKind::Png),
            (jpeg(500, 250), FileKind::Jpeg),
            (animation(500, 250, 3), FileKind::Gif),
            (webp(500, 250), FileKind::Webp),
        ] {
            let key = store.put(&bytes, kind).await;
            assert_eq!(read(&thumbnail(&store, &key, 160).await).dimensions(), (160, 80), "{kind}");
        }
        let small = store.put(&png(20, 10), FileKind::Png).await;
        assert_eq!(read(&thumbnail(&store, &small, 160).await).dimensions(), (20, 10), "never enlarged");
    });
}

#[test]
fn only_images_have_thumbnails() {
    run(async {
        let store = TestStore::local();
        for (bytes, kind) in [(pdf(), FileKind::Pdf), (jpeg(20, 20)[..100].to_vec(), FileKind::Jpeg)] {
            let key = store.put(&bytes, kind).await;
            let none =
                store.storage.thumbnail(&key, Size::for_pixels(160), Requester::Visitor).await.map(drop);
            assert_eq!(none, Err(NoThumbnail::Impossible));
        }
        assert_eq!(store.staged(), 0);
    });
}

#[test]
fn bombs_that_are_stored_already_have_no_thumbnails() {
    run(async {
        let store = TestStore::local();
        for bomb in bombs() {
            let kind = FileKind::ALL.iter().copied().find(|kind| kind.as_str() == bomb.declared);
            let key = store.put(&bomb.bytes, kind.expect("a type")).await;
            let size = Size::for_pixels(640);
            let none = store.storage.thumbnail(&key, size, Requester::User(1)).await.map(drop);
            assert_eq!(none, Err(NoThumbnail::Impossible), "{}", bomb.what);
        }
        assert_eq!(store.staged(), 0);
    });
}

/// Colours of the upper left corner, which identify the corner of the original.
fn corner(image: &DynamicImage) -> (bool, bool) {
    let pixel = image.to_rgb8().get_pixel(4, 4).0;
    (pixel[0] > 128, pixel[1] > 128)
}

#[test]
fn a_thumbnail_is_upright_for_every_exif_orientation() {
    run(async {
        let store = TestStore::local();
        // The orientation names the sides of the scene at row 0 and column 0 (EXIF 2.3, 4.6.4).
        for (orientation, size, upper_left) in [
            (1, (160, 80), (false, false)),
            (2, (160, 80), (true, false)),
            (3, (160, 80), (true, true)),
            (4, (160, 80), (false, true)),
            (5, (80, 160), (false, false)),
            (6, (80, 160), (false, true)),
            (7, (80, 160), (true, true)),
            (8, (80, 160), (true, false)),
        ] {
            let bytes = jpeg_with(400, 200, &[exif(orientation)]);
            let key = store.put(&bytes, FileKind::Jpeg).await;
            let small = read(&thumbnail(&store, &key, 160).await);
            assert_eq!((small.dimensions(), corner(&small)), (size, upper_left), "{orientation}");
        }
    });
}

#[test]
fn a_thumbnail_has_no_metadata() {
    run(async {
        let store = TestStore::local();
        let original = jpeg_with(400, 200, &[exif(1)]);
        let has = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
        assert!(has(&original, b"GPS-PLACE") && has(&original, b"Exif"));
        let key = store.put(&original, FileKind::Jpeg).await;
        let small = thumbnail(&store, &key, 160).await;
        assert!(!has(&small, b"GPS-PLACE") && !has(&small, b"Exif"));
    });
}

#[test]
fn transparency_becomes_white() {
    run(async {
        let store = TestStore::local();
        let clear = DynamicImage::ImageRgba8(image::RgbaImage::new(300, 300));
        let key = store.put(&encoded(&clear, ImageFormat::Png), FileKind::Png).await;
        let small = read(&thumbnail(&store, &key, 160).await).to_rgb8();
        assert!(small.get_pixel(80, 80).0.iter().all(|shade| *shade > 250));
        assert_eq!(picture(10, 10).color().channel_count(), 3, "opaque images have three channels");
    });
}

#[test]
fn concurrent_requests_get_the_same_thumbnail() {
    run(async {
        let store = TestStore::local();
        let key = store.put(&jpeg_of_quality(&noise(1200, 900), 90), FileKind::Jpeg).await;
        let all = futures_util::future::join_all((0..8).map(|_| thumbnail(&store, &key, 320))).await;
        assert!(all.iter().all(|one| *one == all[0]));
        assert_eq!(store.staged(), 0);
    });
}
