//! Events that concern access: one entry of the audit trail and one line of the log each.

use std::cell::Cell;

use inspection_domain::users::Role;
use inspection_testkit::{builders::PASSWORD, files::png};
use serde_json::{Value, json};

use crate::{
    logs,
    site::{TestSite, on_both},
};

const AGENT: &str = "Inspector's phone/7";

/// The events of requests in the audit trail since the last call, oldest first.
fn events(site: &TestSite, admin: &inspection_domain::users::User, since: &Cell<i64>) -> Vec<Value> {
    let page = site.client(admin).get("/api/admin/audit?per_page=100");
    let rows = page.data().as_array().expect("entries").clone();
    let mut new: Vec<Value> = rows.into_iter().filter(|row| row["id"].as_i64() > Some(since.get())).collect();
    new.reverse();
    since.set(new.last().and_then(|row| row["id"].as_i64()).unwrap_or(since.get()));
    new.retain(|row| !row["address"].is_null());
    new
}

/// Action, acting user, object, address and user agent of an event.
fn shown(event: &Value) -> Value {
    json!([
        event["action"],
        event["actor_id"],
        event["entity_id"],
        event["address"],
        event["changes"]["user_agent"]["new"],
    ])
}

on_both! {
    fn access_leaves_a_trace(site: TestSite) {
        let (admin, person) = (site.user(Role::Admin), site.user(Role::Inspector));
        let last = Cell::new(0);
        events(&site, &admin, &last);
        let request = format!("watched-security-{}", site.base.rsplit(':').next().expect("a port"));
        let anonymous = site.anonymous().with_header("user-agent", AGENT).with_header("x-request-id", &request);
        let expect = |actions: &[(&str, Option<i64>, Option<i64>)]| {
            let found: Vec<Value> = events(&site, &admin, &last);
            let expected: Vec<Value> = actions
                .iter()
                .map(|(action, actor, object)| json!([action, actor, object, "127.0.0.1", AGENT]))
                .collect();
            assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), expected);
            found
        };
        let id = Some(person.id.get());

        let wrong = |email: &str| {
            let body = json!({"email": email, "password": "not the password"});
            assert_eq!(anonymous.post("/api/auth/login", &body).status, 401);
        };
        wrong(&person.email);
        let first = expect(&[("fail_sign_in", None, id)]);
        wrong(&format!(" {} ", person.email.to_uppercase()));
        let second = expect(&[("fail_sign_in", None, id)]);
        let account = |found: &[Value]| found[0]["changes"]["account"]["new"].as_str().expect("a digest").to_owned();
        assert_eq!(account(&first), account(&second), "the account is recognized");
        wrong("a.password.typed.as@name.example");
        let unknown = expect(&[("fail_sign_in", None, None)]);
        assert!(!unknown[0].to_string().contains("typed"), "what was typed is not stored: {}", unknown[0]);

        let signed_in = anonymous.post("/api/auth/login", &json!({"email": person.email, "password": PASSWORD}));
        expect(&[("sign_in", id, id)]);
        let refresh = signed_in.json["refresh_token"].as_str().expect("a token");
        let refreshed = anonymous.with_token(refresh).post("/api/auth/refresh", &json!({}));
        expect(&[("refresh", id, id)]);
        let client = anonymous.with_token(refreshed.json["access_token"].as_str().expect("a token"));

        let file = site.client(&person).upload(&[], "photo.png", "image/png", &png(20, 20)).id();
        let link = client.post(&format!("/api/files/{file}/link"), &json!({}));
        let url = link.data()["download_url"].as_str().expect("a link").to_owned();
        assert_eq!(anonymous.get(&url).status, 200);
        let found = events(&site, &admin, &last);
        let found: Vec<&Value> = found.iter().filter(|event| event["entity_type"] == "file").collect();
        let actions: Vec<&Value> = found.iter().map(|event| &event["action"]).collect();
        assert_eq!(actions, [&json!("create"), &json!("create_link"), &json!("open_link")]);
        assert_eq!(shown(found[2]), json!(["open_link", null, file, "127.0.0.1", AGENT]));

        let change = json!({"current_password": "not the password", "new_password": "a crane over quay nine"});
        assert_eq!(client.post("/api/auth/change-password", &change).status, 400);
        expect(&[("fail_sign_in", None, id)]);
        let change = json!({"current_password": PASSWORD, "new_password": "a crane over quay nine"});
        let changed = client.post("/api/auth/change-password", &change);
        expect(&[("change_password", id, id)]);
        let client = anonymous.with_token(changed.json["access_token"].as_str().expect("a token"));
        client.post("/api/auth/logout", &json!({}));
        expect(&[("logout", id, id)]);
        let chief = anonymous.with_token(site.client(&admin).token().expect("a token"));
        let path = format!("/api/users/{}", person.id);
        assert_eq!(chief.put(&path, &json!({"minor_role": "specialist"})).status, 200);
        expect(&[("update", Some(admin.id.get()), id)]);

        let logged: Vec<Value> = logs::lines(&request)
            .into_iter()
            .filter(|line| line["target"] == "inspection::security")
            .map(|line| json!([line["event"], line["user"], line["user_agent"]]))
            .collect();
        let names: Vec<&str> = logged.iter().map(|line| line[0].as_str().expect("a name")).collect();
        assert_eq!(
            names,
            [
                "fail_sign_in", "fail_sign_in", "fail_sign_in", "sign_in", "refresh", "create_link", "open_link",
                "fail_sign_in", "change_password", "logout", "update",
            ]
        );
        assert!(logged.iter().all(|line| line[2] == AGENT), "{logged:?}");
        assert_eq!(logged[3][1], json!(person.id.get()));
    }
}
