//! Unavailable storage: a clear error, no partial result, and recovery.

use std::{
    thread,
    time::{Duration, Instant},
};

use inspection_domain::users::Role;
use inspection_persistence::{Origin, sessions};
use inspection_storage::{S3Settings, Storage};
use inspection_testkit::{
    DatabaseKind,
    clients::{FormFile, Response},
    files::{jpeg, png},
    or_skip,
    s3::{BUCKET, KEY_ID, Mood, S3Server, SECRET},
    skips::Skipped,
};

use super::{signed_in, stored_files, upload_photo};
use crate::site::{TestSite, on_both, settings};

fn is_unavailable(answer: &Response) {
    assert_eq!((answer.status, answer.code()), (503, "UNAVAILABLE"), "{}", answer.text);
    assert!(answer.header("retry-after").is_some());
    for word in ["127.0.0.1", SECRET, KEY_ID, BUCKET, "/tmp", "object_store", "os error"] {
        assert!(!answer.text.contains(word), "{word}: {}", answer.text);
    }
}

fn on_s3(kind: DatabaseKind) -> Result<(TestSite, S3Server), Skipped> {
    let server = S3Server::start();
    let s3 = S3Settings {
        bucket: BUCKET.into(),
        prefix: "site".into(),
        region: "us-east-1".into(),
        endpoint: Some(server.endpoint.clone()),
        credentials: Some((KEY_ID.into(), SECRET.to_owned().into())),
        request_timeout: Duration::from_millis(500),
    };
    let site = TestSite::start_over(kind, settings(), |folder| Storage::s3(&s3, folder).expect("a store"))?;
    Ok((site, server))
}

fn a_bucket_behaves_like_a_folder(kind: DatabaseKind) {
    let (site, server) = or_skip!(on_s3(kind));
    let (_, client) = signed_in(&site, Role::Inspector);
    let bytes = jpeg(900, 600);
    let id = client.upload(&[], "photo.jpg", "image/jpeg", &bytes).id();
    assert!(client.get(&format!("/api/files/{id}/download")).bytes == bytes);
    assert_eq!(
        client.with_header("range", "bytes=10-19").get(&format!("/api/files/{id}/download")).bytes,
        bytes[10..20]
    );
    assert_eq!(client.get(&format!("/api/files/{id}/thumbnail")).status, 200);
    assert_eq!(site.anonymous().get("/health/ready").status, 200);
    let before = server.files().len();
    assert!(before >= 2);
    assert_eq!(client.delete(&format!("/api/files/{id}")).status, 200);
    assert!(server.files().len() < before);
    assert!(stored_files(&site).is_empty(), "nothing stays on this machine: {:?}", stored_files(&site));
}

fn a_failing_bucket_is_reported(kind: DatabaseKind) {
    let (site, server) = or_skip!(on_s3(kind));
    let (_, client) = signed_in(&site, Role::Inspector);
    let before = upload_photo(&client, &[])["id"].as_i64().expect("an id");
    let image = png(30, 30);
    for mood in [Mood::Refusing(503), Mood::Refusing(403), Mood::Silent] {
        server.be(mood);
        is_unavailable(&client.upload(&[], "a.png", "image/png", &image));
        let files: Vec<_> = (0..3)
            .map(|_| FormFile { field: "files", name: "a.png", declared: "image/png", bytes: &image })
            .collect();
        is_unavailable(&client.post_form("/api/files/upload-multiple", &[], &files));
        is_unavailable(&client.get(&format!("/api/files/{before}/download")));
        is_unavailable(&client.get(&format!("/api/files/{before}/thumbnail")));
        assert_eq!(
            client.get(&format!("/api/files/{before}")).status,
            200,
            "its metadata is in the database"
        );
        assert_eq!(client.get("/api/files").json["pagination"]["total"], 1);
    }
    let ready = site.anonymous().get("/health/ready");
    assert_eq!((ready.status, &ready.json["storage"]), (503, &"unusable".into()), "{}", ready.text);
    assert_eq!(site.anonymous().get("/health").status, 200, "everything else works");
    // The deletion is committed; the bytes are removed later.
    assert_eq!(client.delete(&format!("/api/files/{before}")).status, 200);
    server.be(Mood::Fine);
    assert_eq!(client.upload(&[], "a.png", "image/png", &image).status, 201);
    assert!(stored_files(&site).is_empty(), "{:?}", stored_files(&site));
}

#[test]
fn an_upload_of_several_that_fails_leaves_none() {
    let (site, server) = or_skip!(on_s3(DatabaseKind::Sqlite));
    let (_, client) = signed_in(&site, Role::Inspector);
    let image = png(30, 30);
    let files = ["a.png", "b.png", "c.png"].map(|name| FormFile {
        field: "files",
        name,
        declared: "image/png",
        bytes: &image,
    });
    server.be(Mood::Refusing(503));
    let nothing = [("related_type", "inspection"), ("related_id", "999")];
    let refused = client.upload(&nothing, "a.png", "image/png", &image);
    assert_eq!(refused.code(), "NOT_FOUND", "refused before anything is stored: {}", refused.text);
    server.be(Mood::FullAfter(2));
    is_unavailable(&client.post_form("/api/files/upload-multiple", &[], &files));
    let kept: Vec<_> =
        server.files().into_iter().filter(|path| path.extension() == Some("png".as_ref())).collect();
    assert!(kept.is_empty(), "{kept:?}");
    server.be(Mood::Fine);
    let stored = client.post_form("/api/files/upload-multiple", &[], &files);
    assert_eq!(stored.data().as_array().map(Vec::len), Some(3), "{}", stored.text);
    assert_eq!(client.get("/api/files").json["pagination"]["total"], 3);
}

/// SQLite has one writer: the open transaction holds back the record of the file, whose content is
/// stored before.
#[test]
fn an_upload_that_is_refused_after_its_content_is_stored_leaves_none() {
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
    let (user, client) = signed_in(&site, Role::Inspector);
    let answer = thread::scope(|scope| {
        let sending = site.db.write(&site.context, Origin::default(), |tx| {
            let begun = Instant::now();
            let sending = scope.spawn(|| client.upload(&[], "a.png", "image/png", &png(30, 30)));
            let is_stored = || stored_files(&site).iter().any(|path| path.starts_with("general/"));
            while !is_stored() && begun.elapsed() < Duration::from_secs(3) {
                thread::sleep(Duration::from_millis(5));
            }
            tx.act_as(user.clone());
            sessions::logout_all(tx)?;
            Ok(sending)
        });
        sending.expect("ended").join().expect("sent")
    });
    assert_eq!((answer.status, answer.code()), (401, "TOKEN_REVOKED"), "{}", answer.text);
    assert!(stored_files(&site).is_empty(), "{:?}", stored_files(&site));
}

#[test]
fn a_bucket_behaves_like_a_folder_on_sqlite() {
    a_bucket_behaves_like_a_folder(DatabaseKind::Sqlite);
}

#[test]
fn a_bucket_behaves_like_a_folder_on_postgres() {
    a_bucket_behaves_like_a_folder(DatabaseKind::Postgres);
}

#[test]
fn a_failing_bucket_is_reported_on_sqlite() {
    a_failing_bucket_is_reported(DatabaseKind::Sqlite);
}

#[test]
fn a_failing_bucket_is_reported_on_postgres() {
    a_failing_bucket_is_reported(DatabaseKind::Postgres);
}

on_both! {
    fn a_missing_folder_is_reported(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Inspector);
        let id = upload_photo(&client, &[])["id"].as_i64().expect("an id");
        let moved = site.folder.path().with_extension("moved");
        std::fs::rename(site.folder.path(), &moved).expect("moved");
        is_unavailable(&client.upload(&[], "a.png", "image/png", &png(30, 30)));
        let ready = site.anonymous().get("/health/ready");
        assert_eq!((ready.status, &ready.json["storage"]), (503, &"unusable".into()));
        let missing = client.get(&format!("/api/files/{id}/download"));
        assert_eq!((missing.status, missing.code()), (500, "INTERNAL"), "the bytes are missing: {}", missing.text);
        std::fs::rename(&moved, site.folder.path()).expect("moved back");
        assert_eq!(client.get(&format!("/api/files/{id}/download")).status, 200);
        assert_eq!(client.upload(&[], "a.png", "image/png", &png(30, 30)).status, 201);
    }
}
