//! Uploads.

use inspection_domain::users::Role;
use inspection_http::Settings;
use inspection_testkit::{
    DatabaseKind, builders,
    clients::FormFile,
    files::{animation, big_pdf, gif, jpeg, jpeg_with, pdf, png, webp},
};
use serde_json::json;

use super::{signed_in, stored_files, upload_photo};
use crate::{
    bad_input::unfinished_post,
    site::{TestSite, on_both, settings},
};

fn file<'a>(name: &'a str, declared: &'a str, bytes: &'a [u8]) -> FormFile<'a> {
    FormFile { field: "files", name, declared, bytes }
}

on_both! {
    fn every_type_of_file_is_returned_unchanged(site: TestSite) {
        let (user, client) = signed_in(&site, Role::Specialist);
        for (name, declared, kind, bytes) in [
            ("photo.png", "image/png", "image/png", png(50, 40)),
            ("photo.JPG", "image/jpg", "image/jpeg", jpeg(50, 40)),
            ("photo.jpeg", "image/jpeg", "image/jpeg", jpeg_with(50, 40, &[inspection_testkit::files::exif(6)])),
            ("photo.gif", "image/gif", "image/gif", gif(50, 40)),
            ("moving.gif", "image/gif", "image/gif", animation(50, 40, 3)),
            ("photo.webp", "application/octet-stream", "image/webp", webp(50, 40)),
            ("تقرير.pdf", "application/pdf", "application/pdf", pdf()),
            ("large.pdf", "application/pdf", "application/pdf", big_pdf(3 << 20)),
        ] {
            let answer = client.upload(&[], name, declared, &bytes);
            assert_eq!(answer.status, 201, "{}", answer.text);
            let data = answer.data();
            let id = answer.id();
            assert_eq!(data["original_filename"], name);
            assert_eq!(data["mime_type"], kind);
            assert_eq!(data["file_type"], if kind == "application/pdf" { "document" } else { "image" });
            assert_eq!(data["is_image"], kind != "application/pdf");
            assert_eq!(data["file_size"], bytes.len());
            assert!(data["file_size_mb"].as_f64().is_some());
            assert_eq!(data["sha256"].as_str().map(str::len), Some(64));
            assert_eq!(data["category"], "general");
            assert_eq!(data["uploaded_by"], user.id.get());
            assert_eq!(data["uploader"]["full_name"], user.full_name);
            assert_eq!((&data["related_type"], &data["related_id"]), (&json!(null), &json!(null)));
            assert_eq!(data["download_url"], format!("/api/files/{id}/download"));
            assert_eq!((&data["uploaded_at"], &data["created_at"]), (&json!("2026-03-02T08:00:00.000Z"), &data["uploaded_at"]));
            assert!(data.get("key").is_none(), "the storage key is internal");
            let stored_as = data["filename"].as_str().expect("a name");
            assert_ne!(stored_as, name);
            assert!(site.folder.path().join("general/2026/03/02").join(stored_as).is_file());
            let download = client.get(&format!("/api/files/{id}/download"));
            assert!(download.bytes == bytes, "{name}");
            assert_eq!(client.get(&format!("/api/files/{id}")).data(), data);
        }
        let own = client.get("/api/files");
        assert_eq!(own.json["pagination"]["total"], 8);
        assert_eq!(own.data()[0]["original_filename"], "large.pdf", "newest first");
        assert_eq!(site.as_a(Role::Admin).get("/api/files").json["pagination"]["total"], 0, "own files only");
        assert_eq!(stored_files(&site).len(), 8, "no temporary file remains");
    }

    fn a_file_belongs_to_the_object_that_its_uploader_names(site: TestSite) {
        let admin = site.user(Role::Admin);
        builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let (owner, client) = signed_in(&site, Role::Inspector);
        let (inspection, found) = builders::submitted(&site.db, &site.context, &owner, &machine, &[0]);
        for (kind, id) in [("equipment", machine.id.get()), ("inspection", inspection.id.get()), ("defect", found[0].id.get())] {
            let number = id.to_string();
            let data = upload_photo(&client, &[("related_type", kind), ("related_id", &number)]);
            assert_eq!((&data["related_type"], &data["related_id"]), (&json!(kind), &json!(id)));
            assert_eq!(data["category"], kind, "the default category");
            let list = client.get(&format!("/api/files?related_type={kind}&related_id={id}"));
            assert_eq!(list.data()[0]["id"], data["id"]);
            assert_eq!(list.json["pagination"]["total"], 1);
        }
        let data = upload_photo(&client, &[("category", "Before_Work"), ("related_type", ""), ("related_id", "")]);
        assert_eq!((&data["category"], &data["related_type"]), (&json!("before_work"), &json!(null)));
        assert!(stored_files(&site).iter().any(|path| path.starts_with("before_work/2026/03/02/")));
    }

    fn several_files_are_stored_all_or_none(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Engineer);
        let (one, two, page) = (png(10, 10), pdf(), b"<html>".to_vec());
        let path = "/api/files/upload-multiple";
        let answer = client.post_form(path, &[("category", "rounds")], &[
            file("one.png", "image/png", &one),
            file("two.pdf", "application/pdf", &two),
        ]);
        assert_eq!(answer.status, 201, "{}", answer.text);
        let names: Vec<_> = answer.data().as_array().expect("files").iter().map(|f| f["original_filename"].clone()).collect();
        assert_eq!(names, ["one.png", "two.pdf"]);
        assert_eq!(answer.data()[1]["category"], "rounds");
        let refused = client.post_form(path, &[("related_id", "x")], &[
            file("one.png", "image/png", &one),
            file("page.png", "image/png", &page),
            file("two.jpg", "image/jpeg", &one),
        ]);
        assert_eq!((refused.status, refused.code()), (400, "VALIDATION_ERROR"));
        assert_eq!(refused.fields(), ["files[1]", "files[2]", "related_id"], "{}", refused.text);
        assert_eq!(client.get("/api/files").json["pagination"]["total"], 2);
        assert_eq!(stored_files(&site).len(), 2);
        let ten: Vec<_> = (0..10).map(|_| file("one.png", "image/png", &one)).collect();
        assert_eq!(client.post_form(path, &[], &ten).data().as_array().map(Vec::len), Some(10));
        let eleven: Vec<_> = (0..11).map(|_| file("one.png", "image/png", &one)).collect();
        let refused = client.post_form(path, &[], &eleven);
        assert_eq!((refused.status, refused.fields()), (400, vec!["files"]), "{}", refused.text);
        assert_eq!(stored_files(&site).len(), 12);
    }

    fn the_object_of_a_file_must_exist_and_be_visible(site: TestSite) {
        let admin = site.user(Role::Admin);
        builders::checklist(&site.db, &site.context, &admin);
        let machine = builders::equipment(&site.db, &site.context);
        let owner = site.user(Role::Inspector);
        let (inspection, _) = builders::submitted(&site.db, &site.context, &owner, &machine, &[]);
        let client = site.as_a(Role::Specialist);
        let number = inspection.id.to_string();
        let refused = client.upload(&[("related_type", "inspection"), ("related_id", &number)], "a.png", "image/png", &png(9, 9));
        assert_eq!((refused.status, refused.code()), (403, "FORBIDDEN"), "{}", refused.text);
        for kind in ["inspection", "defect", "equipment", "assignment", "assessment"] {
            let refused = client.upload(&[("related_type", kind), ("related_id", "999")], "a.png", "image/png", &png(9, 9));
            assert_eq!((refused.status, refused.code()), (404, "NOT_FOUND"), "{}", refused.text);
        }
        for (fields, wrong) in [
            (vec![("related_type", "inspection")], vec!["related_id"]),
            (vec![("related_id", "1")], vec!["related_type"]),
            (vec![("related_type", "planet"), ("related_id", "1")], vec!["related_type"]),
            (vec![("related_type", "inspection"), ("related_id", "-1")], vec!["related_id"]),
            (vec![("related_type", "inspection"), ("related_id", "99999999999999999999")], vec!["related_id"]),
            (vec![("related_type", "x"), ("related_id", "1.5"), ("category", "../up")], vec!["related_type", "related_id", "category"]),
            (vec![("category", ".thumbnails")], vec!["category"]),
        ] {
            let refused = client.upload(&fields, "a.png", "image/png", &png(9, 9));
            assert_eq!((refused.status, refused.fields()), (400, wrong), "{}", refused.text);
        }
        let refused = client.upload(&[("category", "a b")], "a.png", "image/png", b"");
        assert_eq!(refused.fields(), ["file", "category"], "all errors in one response");
        assert!(stored_files(&site).is_empty());
    }
}

#[test]
fn malformed_forms_are_refused_with_a_reason() {
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
    let client = site.as_a(Role::Inspector);
    let path = "/api/files/upload";
    let json = client.post(path, &json!({"file": "x"}));
    assert_eq!((json.status, json.code()), (415, "UNSUPPORTED_MEDIA_TYPE"));
    assert!(json.text.contains("multipart/form-data"));
    assert_eq!(client.send("POST", path, None).status, 415);
    let none = client.post_form(path, &[], &[]);
    assert_eq!((none.status, none.fields()), (400, vec!["file"]), "{}", none.text);
    let elsewhere = FormFile { field: "photo", name: "a.png", declared: "image/png", bytes: &png(9, 9) };
    assert_eq!(client.post_form(path, &[], std::slice::from_ref(&elsewhere)).fields(), ["photo", "file"]);
    let image = png(9, 9);
    let two: Vec<_> = (0..2)
        .map(|_| FormFile { field: "file", name: "a.png", declared: "image/png", bytes: &image })
        .collect();
    assert_eq!(client.post_form(path, &[], &two).fields(), ["file"]);
    let as_text = client.post_form(path, &[("file", "not a file")], &[]);
    assert_eq!(as_text.fields()[0], "file", "{}", as_text.text);
    let long = "x".repeat(5000);
    let refused = client.post_form(path, &[("x", &long)], &two[..1]);
    assert_eq!(
        (refused.status, refused.fields()),
        (400, vec!["x"]),
        "even of an unknown field: {}",
        refused.text
    );
    let longer = "x".repeat(100_000);
    assert_eq!(client.post_form(path, &[("x", &longer)], &two[..1]).code(), "PAYLOAD_TOO_LARGE");
    let many: Vec<(&str, &str)> = (0..50).map(|_| ("x", "y")).collect();
    assert_eq!(client.post_form(path, &many, &two[..1]).status, 400);
    let head = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n";
    for (content_type, body) in [
        ("multipart/form-data", "anything"),
        ("multipart/form-data; boundary=B", ""),
        ("multipart/form-data; boundary=B", "no part"),
        ("multipart/form-data; boundary=B", "--B\r\n\r\nno header\r\n--B--\r\n"),
        ("multipart/form-data; boundary=B", head),
        ("multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--\r\n"),
        ("multipart/form-data; boundary=", "--\r\n"),
        ("multipart/mixed; boundary=B", head),
    ] {
        let refused = client.send("POST", path, Some((content_type, body.as_bytes())));
        assert!(
            matches!(refused.status, 400 | 415),
            "{content_type} {body}: {} {}",
            refused.status,
            refused.text
        );
        assert!(!refused.code().is_empty(), "{}", refused.text);
    }
    let bytes = [
        head.as_bytes(),
        b"\xFF\xFE\r\n--B\r\nContent-Disposition: form-data; name=\"category\"\r\n\r\n\xFF\xFF\r\n--B--\r\n",
    ]
    .concat();
    let refused = client.send("POST", path, Some(("multipart/form-data; boundary=B", &bytes)));
    assert_eq!((refused.status, refused.fields()), (400, vec!["category", "file"]), "{}", refused.text);
    assert!(stored_files(&site).is_empty(), "{:?}", stored_files(&site));
}

#[test]
fn an_upload_over_the_limit_is_refused_while_it_arrives() {
    let settings = Settings { max_content_length: 100_000, ..settings() };
    let site = TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in");
    let client = site.as_a(Role::Inspector);
    let fits = big_pdf(98_000);
    assert!(fits.len() <= 100_000);
    assert_eq!(client.upload(&[], "a.pdf", "application/pdf", &fits).status, 201);
    let page = "<html>".repeat(50_000);
    assert_eq!(
        client.upload(&[], "a.pdf", "application/pdf", page.as_bytes()).status,
        413,
        "also for a type that is refused"
    );
    for size in [101_000, 150_000, 400_000] {
        let refused = client.upload(&[], "a.pdf", "application/pdf", &big_pdf(size));
        assert_eq!((refused.status, refused.code()), (413, "PAYLOAD_TOO_LARGE"), "{size}: {}", refused.text);
    }
    let (fits, large) = (big_pdf(90_000), big_pdf(110_000));
    let files = |last| {
        [
            file("a.pdf", "application/pdf", &fits),
            file("b.pdf", "application/pdf", &fits),
            file("c.pdf", "application/pdf", last),
        ]
    };
    let path = "/api/files/upload-multiple";
    assert_eq!(client.post_form(path, &[], &files(&fits)).status, 201, "the limit is per file");
    assert_eq!(client.post_form(path, &[], &files(&large)).status, 413);
    assert_eq!(stored_files(&site).len(), 4);
}

/// A body of unknown length is refused before it ends.
#[test]
fn an_endless_upload_is_refused_at_the_limit() {
    let settings = Settings { max_content_length: 200_000, ..settings() };
    let site = TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in");
    let head = b"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.4\n";
    let piece = vec![b'x'; 50_000];
    let chunks = [&head[..], &piece, &piece, &piece, &piece, &piece];
    let kind = "multipart/form-data; boundary=B";
    let line = unfinished_post(&site, &site.user(Role::Inspector), "/api/files/upload", kind, &chunks);
    assert!(line.starts_with("HTTP/1.1 413"), "{line}");
    assert!(stored_files(&site).is_empty(), "{:?}", stored_files(&site));
}

#[test]
fn uploads_are_limited_per_minute() {
    let site = TestSite::start_with(DatabaseKind::Sqlite, Settings { rate_limits: true, ..settings() })
        .expect("SQLite is built in");
    let client = site.as_a(Role::Inspector);
    let image = png(9, 9);
    for n in 0..12 {
        let answer = client.upload(&[], "a.png", "image/png", &image);
        assert_eq!(answer.status, if n < 10 { 201 } else { 429 }, "{n}");
        assert_eq!(answer.header("ratelimit-limit"), Some("10"));
    }
    for n in 0..7 {
        let answer =
            client.post_form("/api/files/upload-multiple", &[], &[file("a.png", "image/png", &image)]);
        assert_eq!(answer.status, if n < 5 { 201 } else { 429 }, "{n}");
        assert!(n < 5 || answer.header("retry-after").is_some());
    }
}
