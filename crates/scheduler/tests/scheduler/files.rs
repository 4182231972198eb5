//! Tidying up, on both databases and every store that a test can have at hand.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test, a panic is how a failure is told"
)]

use futures_util::TryStreamExt;
use inspection_domain::{
    files::{Category, FileKind, NewFile, StoredFile, UploadFields},
    ids::FileId,
    input::{RawValue, Scalar},
    time::{Date, Instant},
    users::{Role, User},
};
use inspection_persistence::{Context, files};
use inspection_scheduler::files::{Plan, Report, tidy};
use inspection_storage::{Key, Size, Staged, Storage};
use inspection_testkit::{
    TestDatabase,
    builders::{act, input, user},
    context::context,
    files::{jpeg, pdf},
    on_both_databases,
    s3::{BUCKET, KEY_ID, S3Server, SECRET},
};
use serde_json::json;
use tempfile::TempDir;

struct Place<'a> {
    db: &'a TestDatabase,
    context: Context,
    owner: User,
    storage: Storage,
    folder: TempDir,
    server: Option<S3Server>,
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

impl<'a> Place<'a> {
    fn new(db: &'a TestDatabase, on_s3: bool) -> Self {
        let (context, _) = context();
        let owner = user(db, &context, Role::Specialist);
        let folder = tempfile::tempdir().expect("a folder");
        let server = on_s3.then(S3Server::start);
        let storage = match &server {
            Some(server) => {
                let settings = inspection_storage::S3Settings {
                    bucket: BUCKET.into(),
                    prefix: String::new(),
                    region: "us-east-1".into(),
                    endpoint: Some(server.endpoint.clone()),
                    credentials: Some((KEY_ID.into(), SECRET.to_owned().into())),
                    patience: std::time::Duration::from_secs(20),
                };
                Storage::s3(&settings, folder.path())
            }
            None => Storage::local(folder.path()),
        };
        Self { db, context, owner, storage: storage.expect("a store"), folder, server }
    }

    fn key(&self) -> Key {
        let category = Category::read(RawValue::Text("general".into())).expect("a category");
        let date = Date::parse("2026-03-02").expect("a date");
        Key::of_file(&category, date, self.context.ids.random(), FileKind::Jpeg)
    }

    async fn stage(&self, bytes: &[u8]) -> Staged {
        let mut incoming = self.storage.begin(1 << 20);
        incoming.write(bytes).await.expect("taken");
        incoming.finish().await.expect("staged")
    }

    /// Bytes in the store.
    fn bytes(&self, key: &Key, bytes: &[u8]) {
        run(async { self.storage.keep(key, self.stage(bytes).await).await.expect("kept") });
    }

    /// Bytes in the store, and the file on record.
    fn file(&self) -> StoredFile {
        let (key, bytes) = (self.key(), jpeg(400, 300));
        let sha256 = run(async {
            let staged = self.stage(&bytes).await;
            let sha256 = staged.sha256().to_owned();
            self.storage.keep(&key, staged).await.expect("kept");
            sha256
        });
        let new = NewFile {
            key: key.as_str().into(),
            client_name: "photo.jpg".into(),
            kind: FileKind::Jpeg,
            size: bytes.len() as u64,
            sha256,
        };
        let purpose = input::<UploadFields>(json!({})).purpose().expect("a purpose");
        act(self.db, &self.context, &self.owner, |tx| files::record(tx, vec![new], &purpose))
            .expect("on record")
            .remove(0)
    }

    fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> =
            run(self.storage.store().list().map_ok(|entry| entry.key).try_collect()).expect("keys");
        keys.sort();
        keys
    }

    fn tidy(&self, plan: Plan) -> Report {
        tidy(&self.db.database, &self.storage, plan).expect("tidied")
    }
}

fn before(year: u16, remove: bool, contents: bool) -> Plan {
    let before = Instant::parse(&format!("{year}-01-01T00:00:00Z")).expect("an instant");
    Plan { remove, contents, before }
}

fn ids(files: &[&StoredFile]) -> Vec<FileId> {
    files.iter().map(|file| file.id).collect()
}

fn what_is_left_over_goes_after_a_while_and_nothing_else(db: &TestDatabase, on_s3: bool) {
    let place = Place::new(db, on_s3);
    let known = place.file();
    let key = Key::recorded(&known.key);
    run(async { place.storage.thumbnail(&key, Size::for_pixels(160)).await.map(drop) }).expect("a thumbnail");
    let (orphan, childless) = (place.key(), place.key());
    place.bytes(&orphan, &pdf());
    place.bytes(&childless.thumbnail(Size::for_pixels(320)), &jpeg(9, 9));
    place.bytes(&Key::recorded(".probes/upload-x"), b"x");
    place.bytes(&Key::recorded("lost+found/README"), b"foreign");
    std::fs::write(place.folder.path().join(".staging/upload-y"), b"half").expect("written");
    let all = place.keys();
    assert_eq!(all.len(), 6);

    let young = place.tidy(before(2020, true, true));
    assert_eq!(young, Report { files: 1, foreign: 1, ..Report::default() }, "it may belong to an upload");
    assert_eq!(place.keys(), all);
    let looked = place.tidy(before(9000, false, true));
    assert_eq!(looked, Report { files: 1, left_over: 3, abandoned: 1, foreign: 1, ..Report::default() });
    assert_eq!(place.keys(), all, "only looked at");
    assert_eq!(place.tidy(before(9000, true, false)), looked);
    let kept = [key.clone(), key.thumbnail(Size::for_pixels(160)), Key::recorded("lost+found/README")];
    let mut kept = kept.to_vec();
    kept.sort();
    assert_eq!(place.keys(), kept);
    assert_eq!(place.tidy(before(9000, true, true)), Report { files: 1, foreign: 1, ..Report::default() });
    assert!(place.server.is_some() == on_s3);
}

on_both_databases! {
    fn in_a_folder_what_is_left_over_goes_after_a_while(db: TestDatabase) {
        what_is_left_over_goes_after_a_while_and_nothing_else(&db, false);
    }

    fn in_a_bucket_what_is_left_over_goes_after_a_while(db: TestDatabase) {
        what_is_left_over_goes_after_a_while_and_nothing_else(&db, true);
    }

    fn files_whose_bytes_are_missing_or_changed_are_told(db: TestDatabase) {
        let place = Place::new(&db, false);
        let files: Vec<StoredFile> = (0..4).map(|_| place.file()).collect();
        run(async { place.storage.remove(&Key::recorded(&files[1].key)).await }).expect("removed");
        place.bytes(&Key::recorded(&files[2].key), b"shorter");
        let mut other = jpeg(400, 300);
        let end = other.len() - 10;
        other[end] ^= 1;
        place.bytes(&Key::recorded(&files[3].key), &other);
        let report = place.tidy(before(9000, true, false));
        assert_eq!((report.missing.clone(), report.changed.clone()), (ids(&[&files[1]]), ids(&[&files[2]])));
        assert!(!report.is_whole());
        let report = place.tidy(before(9000, true, true));
        assert_eq!((report.missing, report.changed), (ids(&[&files[1]]), ids(&[&files[2], &files[3]])));
        assert_eq!(place.keys().len(), 3, "what is on record stays, however it is");
    }

    fn many_files_are_gone_through_in_batches(db: TestDatabase) {
        let place = Place::new(&db, false);
        let purpose = input::<UploadFields>(json!({})).purpose().expect("a purpose");
        let rows: Vec<NewFile> = (0..1100)
            .map(|_| NewFile {
                key: place.key().as_str().into(), client_name: "a.jpg".into(), kind: FileKind::Jpeg, size: 9, sha256: "0".repeat(64),
            })
            .collect();
        act(&db, &place.context, &place.owner, |tx| files::record(tx, rows, &purpose)).expect("on record");
        let statements = db.statements();
        let report = place.tidy(before(9000, true, false));
        assert_eq!((report.files, report.missing.len()), (1100, 1100));
        assert!(db.statements() - statements < 1200, "one for each that is missing, three for the rest");
    }
}
