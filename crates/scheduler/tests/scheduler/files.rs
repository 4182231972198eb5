//! Reconciliation of the file store on both databases, in a folder and in a bucket.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic reports the failure of a test"
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
use inspection_scheduler::files::{Contents, ReconcilePlan, ReconcileReport, reconcile};
use inspection_storage::{Key, Requester, Size, Staged, Storage};
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

struct TestStore<'a> {
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

impl<'a> TestStore<'a> {
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
                    request_timeout: std::time::Duration::from_secs(20),
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
        incoming.write(bytes).await.expect("accepted");
        incoming.finish().await.expect("staged")
    }

    /// Stores bytes without a row.
    fn bytes(&self, key: &Key, bytes: &[u8]) {
        run(async { self.storage.put(key, self.stage(bytes).await).await.expect("stored") });
    }

    /// Stores a file and its row.
    fn file(&self) -> StoredFile {
        let (key, bytes) = (self.key(), jpeg(400, 300));
        let sha256 = run(async {
            let staged = self.stage(&bytes).await;
            let sha256 = staged.sha256().to_owned();
            self.storage.put(&key, staged).await.expect("stored");
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
            .expect("recorded")
            .remove(0)
    }

    fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> =
            run(self.storage.store().list().map_ok(|object| object.key).try_collect()).expect("keys");
        keys.sort();
        keys
    }

    fn reconcile(&self, plan: ReconcilePlan) -> ReconcileReport {
        reconcile(&self.db.database, &self.storage, plan).expect("reconciled")
    }
}

fn before(year: u16, remove: bool, contents: bool) -> ReconcilePlan {
    let before = Instant::parse(&format!("{year}-01-01T00:00:00Z")).expect("an instant");
    let contents = if contents { Contents::Checksums } else { Contents::Sizes };
    ReconcilePlan { remove, contents, before }
}

fn ids(files: &[&StoredFile]) -> Vec<FileId> {
    files.iter().map(|file| file.id).collect()
}

fn orphans_alone_are_removed_after_a_delay(db: &TestDatabase, on_s3: bool) {
    let store = TestStore::new(db, on_s3);
    let known = store.file();
    let key = Key::recorded(&known.key);
    run(async { store.storage.thumbnail(&key, Size::for_pixels(160), Requester::Visitor).await.map(drop) })
        .expect("a thumbnail");
    let (orphan, childless) = (store.key(), store.key());
    store.bytes(&orphan, &pdf());
    store.bytes(&childless.thumbnail(Size::for_pixels(320)), &jpeg(9, 9));
    store.bytes(&Key::recorded(".probes/upload-x"), b"x");
    store.bytes(&Key::recorded("lost+found/README"), b"foreign");
    std::fs::write(store.folder.path().join(".staging/upload-y"), b"half").expect("written");
    let all = store.keys();
    assert_eq!(all.len(), 6);

    let young = store.reconcile(before(2020, true, true));
    assert_eq!(
        young,
        ReconcileReport { files: 1, checksums: 1, foreign: 1, ..ReconcileReport::default() },
        "the objects may belong to an upload in progress"
    );
    assert_eq!(store.keys(), all);
    let counted = store.reconcile(before(9000, false, true));
    let by_size =
        ReconcileReport { files: 1, orphans: 3, abandoned: 1, foreign: 1, ..ReconcileReport::default() };
    assert_eq!(counted, ReconcileReport { checksums: 1, ..by_size.clone() });
    assert_eq!(store.keys(), all, "counted, not removed");
    assert_eq!(store.reconcile(before(9000, true, false)), by_size);
    let remaining = [key.clone(), key.thumbnail(Size::for_pixels(160)), Key::recorded("lost+found/README")];
    let mut remaining = remaining.to_vec();
    remaining.sort();
    assert_eq!(store.keys(), remaining);
    assert_eq!(
        store.reconcile(before(9000, true, true)),
        ReconcileReport { files: 1, checksums: 1, foreign: 1, ..ReconcileReport::default() }
    );
    assert!(store.server.is_some() == on_s3);
}

on_both_databases! {
    fn orphans_in_a_folder_are_removed_after_a_delay(db: TestDatabase) {
        orphans_alone_are_removed_after_a_delay(&db, false);
    }

    fn orphans_in_a_bucket_are_removed_after_a_delay(db: TestDatabase) {
        orphans_alone_are_removed_after_a_delay(&db, true);
    }

    fn missing_and_changed_files_are_reported(db: TestDatabase) {
        let store = TestStore::new(&db, false);
        let files: Vec<StoredFile> = (0..4).map(|_| store.file()).collect();
        run(async { store.storage.remove(&Key::recorded(&files[1].key)).await }).expect("removed");
        store.bytes(&Key::recorded(&files[2].key), b"shorter");
        let mut other = jpeg(400, 300);
        let end = other.len() - 10;
        other[end] ^= 1;
        store.bytes(&Key::recorded(&files[3].key), &other);
        let report = store.reconcile(before(9000, true, false));
        assert_eq!((report.missing.clone(), report.changed.clone()), (ids(&[&files[1]]), ids(&[&files[2]])));
        assert!(!report.is_consistent());
        let report = store.reconcile(before(9000, true, true));
        assert_eq!((report.missing, report.changed), (ids(&[&files[1]]), ids(&[&files[2], &files[3]])));
        assert_eq!(store.keys().len(), 3, "objects of recorded files stay");
    }

    fn files_are_compared_in_batches(db: TestDatabase) {
        let store = TestStore::new(&db, false);
        let purpose = input::<UploadFields>(json!({})).purpose().expect("a purpose");
        let rows: Vec<NewFile> = (0..1100)
            .map(|_| NewFile {
                key: store.key().as_str().into(), client_name: "a.jpg".into(), kind: FileKind::Jpeg, size: 9, sha256: "0".repeat(64),
            })
            .collect();
        act(&db, &store.context, &store.owner, |tx| files::record(tx, rows, &purpose)).expect("recorded");
        let statements = db.statements();
        let report = store.reconcile(before(9000, true, false));
        assert_eq!((report.files, report.missing.len()), (1100, 1100));
        assert!(db.statements() - statements < 1200, "one for each missing file and three for the batches");
    }
}
