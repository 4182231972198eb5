//! A file is visible to its uploader, to admins, and to users who see its object (rule book §14).

use inspection_domain::users::{Role, User};
use inspection_testkit::builders;
use serde_json::json;

use super::{signed_in, upload_photo};
use crate::site::{TestSite, on_both};

/// The statuses of all operations on a file except its deletion.
fn statuses(site: &TestSite, user: &User, id: i64) -> Vec<u16> {
    let client = site.client(user);
    let mut statuses: Vec<u16> = ["", "/download", "/thumbnail"]
        .map(|what| client.get(&format!("/api/files/{id}{what}")).status)
        .into();
    statuses.push(client.post(&format!("/api/files/{id}/link"), &json!({})).status);
    statuses
}

on_both! {
    fn a_file_is_visible_with_its_object(site: TestSite) {
        let admin = site.user(Role::Admin);
        let (template, _) = builders::checklist(&site.db, &site.context, &admin);
        builders::routine(&site.db, &site.context, &admin, template.id);
        let machine = builders::equipment(&site.db, &site.context);
        let (_, on_it) = builders::generated(&site.db, &site.context, &admin);
        let team = builders::team(&site.db, &site.context);
        builders::assigned(&site.db, &site.context, &admin, on_it[0].id, &team);
        let assessment = builders::assessment(&site.db, &site.context, &team, on_it[0].id);
        let (uploader, client) = signed_in(&site, Role::Inspector);
        let (inspection, found) = builders::submitted(&site.db, &site.context, &uploader, &machine, &[0]);
        let another_admin = site.user(Role::Admin);
        let strangers: Vec<User> = [Role::Inspector, Role::Specialist, Role::Engineer, Role::QualityEngineer].map(|role| site.user(role)).into();
        // Visibility to another inspector, specialist, engineer and quality engineer.
        let mechanical = site.client(&team.mechanical);
        for (uploader, client, kind, id, seen) in [
            (&uploader, &client, None, 0, [false, false, false, false]),
            (&uploader, &client, Some("equipment"), machine.id.get(), [true, true, true, true]),
            (&uploader, &client, Some("defect"), found[0].id.get(), [true, true, true, true]),
            (&uploader, &client, Some("assignment"), on_it[0].id.get(), [true, true, true, true]),
            (&uploader, &client, Some("inspection"), inspection.id.get(), [false, false, true, true]),
            (&team.mechanical, &mechanical, Some("assessment"), assessment.id.get(), [false, false, true, true]),
        ] {
            let number = id.to_string();
            let fields: Vec<(&str, &str)> = kind.map_or(vec![], |kind| vec![("related_type", kind), ("related_id", number.as_str())]);
            let id = upload_photo(client, &fields)["id"].as_i64().expect("an id");
            let what = kind.unwrap_or("nothing");
            for may in [uploader, &admin, &another_admin] {
                assert_eq!(statuses(&site, may, id), [200, 200, 200, 201], "{what}: {}", may.role);
            }
            for (stranger, seen) in strangers.iter().zip(seen) {
                let expected = if seen { [200, 200, 200, 201] } else { [403; 4] };
                assert_eq!(statuses(&site, stranger, id), expected, "{what}: {}", stranger.role);
                let client = site.client(stranger);
                assert_eq!(client.delete(&format!("/api/files/{id}")).status, 403, "{what}: {}", stranger.role);
                if let Some(kind) = kind {
                    let list = client.get(&format!("/api/files?related_type={kind}&related_id={number}"));
                    assert_eq!(list.status, if seen { 200 } else { 403 }, "{what}: {}", stranger.role);
                }
                assert_eq!(client.get("/api/files").json["pagination"]["total"], 0);
            }
            if kind == Some("assessment") {
                assert_eq!(statuses(&site, &team.electrical, id), [200, 200, 200, 201], "the other inspector of the team");
            }
            assert_eq!(site.anonymous().get(&format!("/api/files/{id}/download")).code(), "TOKEN_MISSING");
        }
    }

    fn its_uploader_and_admins_delete_a_file_with_its_bytes(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Specialist);
        for who in [client.clone(), site.as_a(Role::Admin)] {
            let id = upload_photo(&client, &[])["id"].as_i64().expect("an id");
            assert_eq!(client.get(&format!("/api/files/{id}/thumbnail")).status, 200);
            assert_eq!(crate::files::stored_files(&site).len(), 2);
            assert_eq!(who.delete(&format!("/api/files/{id}")).status, 200);
            assert_eq!(who.delete(&format!("/api/files/{id}")).code(), "NOT_FOUND");
            assert_eq!(client.get(&format!("/api/files/{id}/download")).code(), "NOT_FOUND");
            assert!(crate::files::stored_files(&site).is_empty());
        }
    }

    fn the_filter_is_validated(site: TestSite) {
        let client = site.as_a(Role::Admin);
        for (query, wrong) in [
            ("related_type=equipment", vec!["related_id"]),
            ("related_id=1", vec!["related_type"]),
            ("related_type=planet&related_id=1", vec!["related_type"]),
            ("related_type=equipment&related_id=0", vec!["related_id"]),
            ("related_type=x&related_id=y&page=0", vec!["related_type", "related_id", "page"]),
        ] {
            let refused = client.get(&format!("/api/files?{query}"));
            assert_eq!((refused.status, refused.fields()), (400, wrong), "{query}");
        }
        assert_eq!(client.get("/api/files?related_type=equipment&related_id=77").code(), "NOT_FOUND");
    }
}
