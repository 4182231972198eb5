//! Malicious files and names: refused or sanitised.

use inspection_domain::users::Role;
use inspection_testkit::{
    documents::active_documents,
    files::{comment, exif, hostile, jpeg, jpeg_with, pdf, pdf_with},
};

use super::{signed_in, stored_files};
use crate::site::on_both;

on_both! {
    fn hostile_files_are_refused_with_a_reason(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Inspector);
        let corpus = hostile();
        assert!(corpus.len() >= 40, "{}", corpus.len());
        for file in corpus {
            let refused = client.upload(&[], file.name, file.declared, &file.bytes);
            assert_eq!((refused.status, refused.code()), (400, "VALIDATION_ERROR"), "{}: {}", file.what, refused.text);
            assert_eq!(refused.fields(), ["file"], "{}", file.what);
            let reason = refused.json["errors"][0]["message"].as_str().expect("a reason");
            assert!(reason.contains(file.refusal), "{}: {reason}", file.what);
        }
        assert!(stored_files(&site).is_empty(), "{:?}", stored_files(&site));
        assert_eq!(client.get("/api/files").json["pagination"]["total"], 0);
    }

    fn active_documents_are_refused_with_the_content(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Inspector);
        for file in active_documents() {
            let refused = client.upload(&[], file.name, file.declared, &file.bytes);
            assert_eq!((refused.status, refused.fields()), (400, vec!["file"]), "{}", file.what);
            let reason = refused.json["errors"][0]["message"].as_str().expect("a reason");
            assert!(reason.contains(file.refusal), "{}: {reason}", file.what);
        }
        assert!(stored_files(&site).is_empty(), "{:?}", stored_files(&site));
    }

    fn a_document_is_shown_only_without_active_content(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Inspector);
        let shown = |id: i64| {
            let answer = client.get(&format!("/api/files/{id}/download?inline=1"));
            let disposition = answer.header("content-disposition").expect("a disposition");
            (answer.status, disposition.split(';').next().expect("a type").to_owned())
        };
        let id = client.upload(&[], "report.pdf", "application/pdf", &pdf()).id();
        assert_eq!(shown(id), (200, "inline".to_owned()));
        // As an older version has stored it.
        let old = client.upload(&[], "report.pdf", "application/pdf", &pdf_with("old")).id();
        let path = stored_files(&site).into_iter().find(|path| {
            std::fs::read(site.folder.path().join(path)).expect("read") == pdf_with("old")
        });
        let active = active_documents().swap_remove(0);
        std::fs::write(site.folder.path().join(path.expect("stored")), &active.bytes).expect("written");
        let answer = client.get(&format!("/api/files/{old}/download?inline=1"));
        assert!(answer.header("content-disposition").expect("a disposition").starts_with("attachment;"));
    }

    fn hostile_names_are_sanitised(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Inspector);
        let long = format!("{}.jpg", "x".repeat(500));
        for (name, shown) in [
            ("../../../../etc/cron.d/evil.jpg", "evil.jpg"),
            ("..\\..\\windows\\system32\\evil.jpg", "evil.jpg"),
            ("/etc/passwd/../evil.jpg", "evil.jpg"),
            ("C:evil.jpg", "C:evil.jpg"),
            ("a\u{202e}gnp.jpg", "agnp.jpg"),
            ("a\u{0}b.jpg", ""),
            ("a\u{200b}\u{feff}b.jpg", "ab.jpg"),
            ("..hidden.jpg", "hidden.jpg"),
            ("<img src=x onerror=alert(1)>.jpg", "<img src=x onerror=alert(1)>.jpg"),
            ("'; DROP TABLE files; --.jpg", "'; DROP TABLE files; --.jpg"),
            ("$(reboot) `reboot`.jpg", "$(reboot) `reboot`.jpg"),
            ("quote\"and\\", "file.jpg"),
            ("blob", "blob.jpg"),
            ("photo.jpg.jpg", "photo.jpg"),
            ("IMG_0001.HEIC", "IMG_0001.jpg"),
            ("😀 مضخة.jpg", "😀 مضخة.jpg"),
            (&long, &format!("{}.jpg", "x".repeat(146))),
        ] {
            let answer = client.upload(&[], name, "image/jpeg", &jpeg(9, 9));
            if shown.is_empty() {
                assert_eq!(answer.status, 400, "{name}");
                continue;
            }
            assert_eq!(answer.status, 201, "{name}: {}", answer.text);
            assert_eq!(answer.data()["original_filename"], shown);
            let download = client.get(&format!("/api/files/{}/download", answer.id()));
            let disposition = download.header("content-disposition").expect("a name");
            assert!(disposition.starts_with("attachment; filename=\""), "{disposition}");
            assert!(disposition.contains("; filename*=UTF-8''"), "{disposition}");
            assert!(disposition.is_ascii() && !disposition.contains(['\r', '\n']), "{disposition}");
        }
        let paths = stored_files(&site);
        assert!(paths.iter().all(|path| path.starts_with("general/2026/03/02/") && path.len() == 19 + 32 + 4), "{paths:?}");
    }

    fn active_content_does_not_run_in_a_browser(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Inspector);
        let bytes = jpeg_with(40, 30, &[exif(1), comment("onload=alert(1) <b>hello</b>")]);
        let id = client.upload(&[], "photo.jpg", "image/jpeg", &bytes).id();
        for path in [format!("/api/files/{id}/download"), format!("/api/files/{id}/download?inline=1"), format!("/api/files/{id}/thumbnail")] {
            let answer = client.get(&path);
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-type"), Some("image/jpeg"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            let policy = answer.header("content-security-policy").expect("a policy");
            for directive in ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "sandbox"] {
                assert!(policy.split("; ").any(|part| part == directive), "{policy}");
            }
            assert!(answer.header("cache-control").expect("caching").starts_with("private"));
        }
    }
}
