//! Downloads and thumbnails.

use inspection_domain::users::Role;
use inspection_testkit::files::{big_pdf, jpeg, pdf, png};

use super::signed_in;
use crate::site::on_both;

on_both! {
    fn a_download_is_complete_or_in_ranges(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Engineer);
        let bytes = big_pdf(300_000);
        let answer = client.upload(&[], "report.pdf", "application/pdf", &bytes);
        let path = format!("/api/files/{}/download", answer.id());
        let sha256 = answer.data()["sha256"].as_str().expect("a checksum").to_owned();
        let whole = client.get(&path);
        assert_eq!((whole.status, whole.header("content-type")), (200, Some("application/pdf")));
        assert_eq!(whole.header("content-length"), Some(bytes.len().to_string().as_str()));
        assert_eq!(whole.header("accept-ranges"), Some("bytes"));
        let varies = whole.header("vary").expect("a header");
        assert!(varies.split(", ").any(|name| name == "Authorization"), "{varies}");
        let tag = whole.header("etag").expect("a tag");
        assert_eq!(tag, format!("\"{sha256}\""));
        assert!(whole.bytes == bytes);

        let part = |range: &str| client.with_header("range", range).get(&path);
        let total = bytes.len();
        for (range, from, to) in [("bytes=0-0", 0, 1), ("bytes=1000-1999", 1000, 2000), ("bytes=299000-", 299_000, total), ("bytes=-7", total - 7, total)] {
            let answer = part(range);
            assert_eq!(answer.status, 206, "{range}");
            assert_eq!(answer.header("content-range"), Some(format!("bytes {from}-{}/{total}", to - 1).as_str()));
            assert_eq!(answer.header("content-length"), Some((to - from).to_string().as_str()));
            assert!(answer.bytes == bytes[from..to], "{range}");
        }
        let beyond = part("bytes=9999999-");
        assert_eq!((beyond.status, beyond.header("content-range")), (416, Some(format!("bytes */{total}").as_str())));
        for odd in ["bytes=5-1", "bytes=a-b", "bytes=0-1,4-5", "chapters=1-2"] {
            assert_eq!(part(odd).status, 200, "{odd}");
        }

        let known = client.with_header("if-none-match", tag).get(&path);
        assert_eq!((known.status, known.bytes.len(), known.header("etag")), (304, 0, Some(tag)));
        assert_eq!(client.with_header("if-none-match", "\"other\"").get(&path).status, 200);
        let resumed = client.with_header("if-range", tag).with_header("range", "bytes=5-9").get(&path);
        assert_eq!(resumed.status, 206);
        let changed = client.with_header("if-range", "\"other\"").with_header("range", "bytes=5-9").get(&path);
        assert_eq!(changed.status, 200);
        let head = client.send("HEAD", &path, None);
        assert_eq!((head.status, head.bytes.len()), (200, 0));
        assert_eq!(head.header("content-length"), Some(total.to_string().as_str()));
    }

    fn a_file_is_an_attachment_unless_inline_is_requested(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Engineer);
        for (name, declared, bytes) in [("a b.pdf", "application/pdf", pdf()), ("a b.png", "image/png", png(9, 9))] {
            let id = client.upload(&[], name, declared, &bytes).id();
            for (query, disposition) in [("", "attachment"), ("?inline=0", "attachment"), ("?inline=1", "inline"), ("?inline=true", "inline")] {
                let answer = client.get(&format!("/api/files/{id}/download{query}"));
                let header = answer.header("content-disposition").expect("a disposition");
                assert!(header.starts_with(&format!("{disposition}; filename=\"{name}\"")), "{query}: {header}");
            }
            let wrong = client.get(&format!("/api/files/{id}/download?inline=maybe"));
            assert_eq!((wrong.status, wrong.fields()), (400, vec!["inline"]));
        }
    }

    fn thumbnails_are_small_and_created_once(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Engineer);
        let id = client.upload(&[], "photo.jpg", "image/jpeg", &jpeg(900, 600)).id();
        let path = format!("/api/files/{id}/thumbnail");
        let first = client.get(&path);
        assert_eq!((first.status, first.header("content-type")), (200, Some("image/jpeg")));
        let small = client.get(&format!("{path}?size=100"));
        assert!(small.bytes.len() < first.bytes.len());
        let tag = first.header("etag").expect("a tag").to_owned();
        assert_ne!(Some(tag.as_str()), small.header("etag"));
        assert_eq!(client.with_header("if-none-match", &tag).get(&path).status, 304);
        assert!(client.get(&path).bytes == first.bytes);
        for wrong in ["0", "-1", "large", "1e3", "99999999999999999999"] {
            let refused = client.get(&format!("{path}?size={wrong}"));
            assert_eq!((refused.status, refused.fields()), (400, vec!["size"]), "{wrong}");
        }
        let document = client.upload(&[], "report.pdf", "application/pdf", &pdf()).id();
        for client in [&client, &client.with_header("if-none-match", "*")] {
            let none = client.get(&format!("/api/files/{document}/thumbnail"));
            assert_eq!((none.status, none.code()), (400, "RULE_VIOLATION"), "{}", none.text);
        }
        assert_eq!(client.get(&format!("/api/files/{document}")).data()["thumbnail_url"], serde_json::Value::Null);
    }

    fn missing_files_and_invalid_ids_are_refused(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Admin);
        for path in ["/api/files/999", "/api/files/999/download", "/api/files/999/thumbnail"] {
            assert_eq!(client.get(path).code(), "NOT_FOUND", "{path}");
        }
        for wrong in ["0", "-1", "x", "1.5", "99999999999999999999", "..%2f..%2fetc"] {
            for path in [format!("/api/files/{wrong}"), format!("/api/files/{wrong}/download"), format!("/api/files/{wrong}/thumbnail")] {
                let answer = client.get(&path);
                assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
            }
        }
        assert_eq!(client.delete("/api/files/999").code(), "NOT_FOUND");
        assert_eq!(client.post("/api/files/999/link", &serde_json::json!({})).code(), "NOT_FOUND");
    }
}
