//! Signed links that open a file without a session.

use inspection_domain::users::Role;
use inspection_testkit::{
    clients::Client,
    files::{jpeg, pdf},
};
use serde_json::json;

use super::{signed_in, upload_photo};
use crate::site::on_both;

on_both! {
    fn a_link_opens_its_file_without_a_session_until_it_expires(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Inspector);
        let bytes = jpeg(400, 300);
        let id = client.upload(&[], "photo.jpg", "image/jpeg", &bytes).id();
        let other = upload_photo(&client, &[])["id"].as_i64().expect("an id");
        let created = client.post(&format!("/api/files/{id}/link"), &json!({"expires_in": 600}));
        assert_eq!(created.status, 201, "{}", created.text);
        let link = created.data();
        assert_eq!(link["expires_at"], "2026-03-02T08:10:00.000Z");
        let anonymous = site.anonymous();
        let url = link["url"].as_str().expect("an address");
        let shown = anonymous.get(url);
        assert_eq!(shown.status, 200, "{}", shown.text);
        assert!(shown.bytes == bytes);
        assert!(shown.header("content-disposition").expect("a disposition").starts_with("inline"));
        let small = anonymous.get(link["thumbnail_url"].as_str().expect("an address"));
        assert_eq!(small.status, 200);
        let saved = anonymous.get(link["download_url"].as_str().expect("an address"));
        assert!(saved.header("content-disposition").expect("a disposition").starts_with("attachment"));
        assert_eq!(anonymous.with_header("range", "bytes=0-9").get(url).status, 206);

        let elsewhere = url.replace(&format!("/files/{id}/"), &format!("/files/{other}/"));
        assert_eq!((anonymous.get(&elsewhere).status, anonymous.get(&elsewhere).code()), (401, "TOKEN_INVALID"));
        assert_eq!(anonymous.get(&format!("{url}x")).code(), "TOKEN_INVALID");
        assert_eq!(anonymous.get(&format!("/api/files/{id}/download?token=")).code(), "TOKEN_INVALID");
        let token = url.rsplit_once("token=").expect("a token").1;
        for path in [format!("/api/files/{id}"), "/api/auth/me".into(), format!("/api/files/{id}/link")] {
            assert_eq!(anonymous.with_token(token).get(&path).status, if path.ends_with("link") { 405 } else { 401 }, "{path}");
            assert!(anonymous.get(&format!("{path}?token={token}")).status >= 401, "{path}");
        }
        let access = site.token(&site.user(Role::Admin), inspection_auth::tokens::TokenType::Access);
        assert_eq!(anonymous.get(&format!("/api/files/{id}/download?token={access}")).code(), "TOKEN_INVALID");

        site.clock.advance_seconds(599);
        assert_eq!(anonymous.get(url).status, 200);
        site.clock.advance_seconds(1);
        assert_eq!((anonymous.get(url).status, anonymous.get(url).code()), (401, "TOKEN_EXPIRED"));
    }

    fn a_link_ends_with_the_session_in_which_it_was_made_and_its_uses_are_recorded(site: TestSite) {
        let (user, client) = signed_in(&site, Role::Inspector);
        let id = upload_photo(&client, &[])["id"].as_i64().expect("an id");
        let link = |client: &Client| {
            let created = client.post(&format!("/api/files/{id}/link"), &json!({"expires_in": 3600}));
            ["url", "thumbnail_url"].map(|name| created.data()[name].as_str().expect("an address").to_owned())
        };
        let [url, small] = link(&client);
        let [other, _] = link(&site.client(&user));
        let anonymous = site.anonymous();
        assert_eq!((anonymous.get(&url).status, anonymous.get(&small).status), (200, 200));
        assert_eq!(client.post("/api/auth/logout", &json!({})).status, 200);
        for path in [&url, &small] {
            assert_eq!((anonymous.get(path).status, anonymous.get(path).code()), (401, "TOKEN_REVOKED"));
        }
        assert_eq!(anonymous.get(&other).status, 200, "of another session");
        let admin = site.as_a(Role::Admin);
        assert_eq!(admin.delete(&format!("/api/users/{}", user.id)).status, 200);
        assert_eq!(anonymous.get(&other).code(), "ACCOUNT_DISABLED");
        let trail = admin.get(&format!("/api/admin/audit?action=open_link&entity_type=file&entity_id={id}"));
        assert_eq!(trail.json["pagination"]["total"], 3, "{}", trail.text);
        let last = &trail.data()[0];
        assert_eq!((&last["actor_id"], &last["address"], &last["changes"]["link_of"]["new"]),
            (&json!(null), &json!("127.0.0.1"), &json!(user.id)));
    }

    fn a_link_lasts_five_minutes_or_up_to_an_hour(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Inspector);
        let id = upload_photo(&client, &[])["id"].as_i64().expect("an id");
        let path = format!("/api/files/{id}/link");
        assert_eq!(client.post(&path, &json!({})).data()["expires_at"], "2026-03-02T08:05:00.000Z");
        assert_eq!(client.post(&path, &json!({"expires_in": 3600})).data()["expires_at"], "2026-03-02T09:00:00.000Z");
        for wrong in [json!(0), json!(-1), json!(3601), json!("soon"), json!(1.5), json!(1e300)] {
            let refused = client.post(&path, &json!({"expires_in": wrong}));
            assert_eq!((refused.status, refused.fields()), (400, vec!["expires_in"]), "{wrong}");
        }
        let document = client.upload(&[], "a.pdf", "application/pdf", &pdf()).id();
        let link = client.post(&format!("/api/files/{document}/link"), &json!({}));
        assert_eq!(link.data()["thumbnail_url"], json!(null));
    }

    fn a_link_to_a_deleted_file_opens_nothing(site: TestSite) {
        let (_, client) = signed_in(&site, Role::Inspector);
        let id = upload_photo(&client, &[])["id"].as_i64().expect("an id");
        let created = client.post(&format!("/api/files/{id}/link"), &json!({}));
        client.delete(&format!("/api/files/{id}")).data();
        assert_eq!(site.anonymous().get(created.data()["url"].as_str().expect("an address")).code(), "NOT_FOUND");
    }
}
