//! Passwords that another person has set (rule book §1), and the page to change them.

use inspection_domain::users::Role;
use inspection_http::Settings;
use inspection_testkit::{DatabaseKind, clients::Client};
use serde_json::{Value, json};

use crate::{
    actors::at_once,
    site::{TestSite, on_both, settings},
};

/// The password that the admin sets, and that of the owner.
const SET: &str = "a crane over quay nine";
const OWN: &str = "seven herons at dawn";

/// Creates an account as an admin does, and gives its number.
fn newcomer(admin: &Client, role: &str) -> i64 {
    let created = admin.post("/api/users", &json!({
        "email": "nour@example.com", "password": SET, "full_name": "Nour", "role": role, "specialization": "mechanical",
    }));
    assert_eq!(
        (created.status, &created.data()["must_change_password"]),
        (201, &json!(true)),
        "{}",
        created.text
    );
    created.id()
}

fn sign_in(site: &TestSite, password: &str) -> (Client, Value) {
    let credentials = json!({"email": "nour@example.com", "password": password});
    let login = site.anonymous().post("/api/auth/login", &credentials);
    assert_eq!(login.status, 200, "{}", login.text);
    (site.anonymous().with_token(login.json["access_token"].as_str().expect("a token")), login.json)
}

fn change(client: &Client, current: &str, new: &str) -> inspection_testkit::clients::Response {
    client.post("/api/auth/change-password", &json!({"current_password": current, "new_password": new}))
}

on_both! {
    fn a_password_that_an_admin_has_set_must_be_changed_first(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let id = newcomer(&admin, "inspector");
        let (phone, login) = sign_in(&site, SET);
        assert_eq!(login["user"]["must_change_password"], true);
        assert_eq!(phone.get("/api/auth/me").json["user"]["must_change_password"], true);
        let refused = phone.get("/api/inspection-assignments/my-assignments");
        assert_eq!((refused.status, refused.code()), (403, "PASSWORD_CHANGE_REQUIRED"), "{}", refused.text);
        assert_eq!(refused.json["data"]["change_password_page"], "/password");
        let message = |path: &str| phone.get(path).json["message"].as_str().expect("a message").to_owned();
        assert!(message("/api/equipment?lang=en").ends_with("change it first: /password"));
        assert!(message("/api/equipment?lang=ar").contains("غيّرها أولًا: /password"));

        // What the phone has queued waits, and is no refusal that remains.
        let item = json!({
            "client_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "entity_type": "defect_report",
            "entity_data": {"equipment_id": inspection_testkit::builders::equipment(&site.db, &site.context).id,
                "description": "Oil below the winch", "severity": "high"},
        });
        let batch = |client: &Client| client.post("/api/sync/batch", &json!({"items": [item]}));
        assert_eq!(batch(&phone).code(), "PASSWORD_CHANGE_REQUIRED");

        // A new session in the same state, and refreshing, change nothing.
        let refresh = site.anonymous().with_token(login["refresh_token"].as_str().expect("a token"));
        let refreshed = refresh.post("/api/auth/refresh", &json!({}));
        let phone = site.anonymous().with_token(refreshed.json["access_token"].as_str().expect("a token"));
        assert_eq!(phone.get("/api/equipment").code(), "PASSWORD_CHANGE_REQUIRED");
        let (tablet, _) = sign_in(&site, SET);
        for (new, reason) in [(SET, "differ"), ("password1", "guessed"), ("nour@example.com", "e-mail")] {
            let refused = change(&phone, SET, new);
            assert_eq!((refused.status, refused.fields()), (400, vec!["new_password"]), "{}", refused.text);
            assert!(refused.text.contains(reason), "{}", refused.text);
        }
        assert_eq!(phone.get("/api/equipment").code(), "PASSWORD_CHANGE_REQUIRED");

        let changed = change(&phone, SET, OWN);
        assert_eq!((changed.status, &changed.json["user"]["must_change_password"]), (200, &json!(false)));
        assert_eq!([&phone, &tablet].map(|client| client.get("/api/auth/me").status), [401, 401]);
        let phone = site.anonymous().with_token(changed.json["access_token"].as_str().expect("a token"));
        assert_eq!(phone.get("/api/inspection-assignments/my-assignments").status, 200);
        assert_eq!(batch(&phone).data()["results"][0]["outcome"], "applied");
        assert_eq!(admin.get(&format!("/api/users/{id}")).data()["must_change_password"], false);
        let told = |client: &Client| {
            let rows = client.get("/api/notifications?type=password_changed").data().clone();
            rows.as_array().expect("a list").len()
        };
        assert_eq!(told(&phone), 1);

        let reset = json!({"new_password": SET});
        assert_eq!(admin.post(&format!("/api/users/{id}/reset-password"), &reset).status, 200);
        let (phone, login) = sign_in(&site, SET);
        assert_eq!(login["user"]["must_change_password"], true);
        assert_eq!(phone.get("/api/notifications").code(), "PASSWORD_CHANGE_REQUIRED");
        let changed = change(&phone, SET, OWN);
        let phone = site.anonymous().with_token(changed.json["access_token"].as_str().expect("a token"));
        assert_eq!(told(&phone), 3, "two changes and a reset");
        let trail = admin.get(&format!("/api/admin/audit?entity_type=user&entity_id={id}&action=reset_password"));
        assert_eq!(trail.data()[0]["changes"]["must_change_password"], json!({"old": false, "new": true}));
    }

    fn a_reset_at_the_time_of_a_change_leaves_the_requirement(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let id = newcomer(&admin, "engineer");
        let mut current = SET.to_owned();
        for round in 0..4 {
            let (phone, _) = sign_in(&site, &current);
            let answers = at_once(&[phone.clone(), admin.clone()], |n, client| match n {
                0 => change(client, &current, &format!("{OWN} {round}")),
                _ => client.post(&format!("/api/users/{id}/reset-password"), &json!({"new_password": format!("{SET} {round}")})),
            });
            assert_eq!(answers[1].status, 200, "{answers:?}");
            assert!(matches!(answers[0].status, 200 | 400 | 401), "{answers:?}");
            assert_eq!(phone.get("/api/auth/me").status, 401);
            if answers[0].status == 200 {
                let changed = site.anonymous().with_token(answers[0].json["access_token"].as_str().expect("a token"));
                assert_eq!(changed.get("/api/auth/me").status, 401, "the reset came last");
            }
            current = format!("{SET} {round}");
            let (phone, _) = sign_in(&site, &current);
            assert_eq!(phone.get("/api/equipment").code(), "PASSWORD_CHANGE_REQUIRED");
        }
    }
}

#[test]
fn the_page_is_small_strict_and_in_both_languages() {
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
    let client = site.anonymous();
    let english = client.get("/password");
    assert_eq!((english.status, english.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(english.text.contains(r#"<html lang="en" dir="ltr">"#));
    let arabic = client.with_header("accept-language", "ar-SA").get("/password");
    assert!(arabic.text.contains(r#"<html lang="ar" dir="rtl">"#));
    assert_eq!(client.get("/password?lang=ar").text, arabic.text);
    let count = |text: &str, part: &str| text.matches(part).count();
    let texts = count(&english.text, r#"<span class="en">"#);
    assert_eq!(
        (texts, count(&english.text, r#"<span class="ar">"#)),
        (12, 12),
        "each text in both languages"
    );
    for input in english.text.split("<input").skip(1) {
        let id = input.split_once("id=\"").and_then(|(_, rest)| rest.split_once('"')).expect("an id").0;
        assert!(english.text.contains(&format!("<label for=\"{id}\">")), "{id} has a label");
        assert!(input.contains("autocomplete="), "{id}");
    }
    let (style, script) = (client.get("/password/page.css"), client.get("/password/page.js"));
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    let total: usize = [&english, &style, &script].map(|part| part.bytes.len()).iter().sum();
    assert!(total < 10_000, "{total} bytes");
    for part in [&english, &style, &script] {
        let policy = part.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    for inline in ["<style", " style=", " on", "javascript:", "://"] {
        assert!(!english.text.contains(inline), "{inline}");
    }
    assert_eq!(count(&english.text, "<script"), count(&english.text, "<script src=\"password/page.js\""));
    for call in ["login", "change-password", "logout"] {
        assert!(script.text.contains(&format!("call(\"{call}\"")), "{call}");
    }
}

#[test]
fn the_refusal_names_the_page_as_clients_reach_it() {
    let page = |app_url: Option<&str>, prefix: &str| {
        let settings = Settings {
            trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")],
            app_url: app_url.map(ToOwned::to_owned),
            ..settings()
        };
        let site = TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in");
        newcomer(&site.as_a(Role::Admin), "engineer");
        let (client, _) = sign_in(&site, SET);
        let refused = client.with_header("x-forwarded-prefix", prefix).get("/api/equipment");
        let page = refused.json["data"]["change_password_page"].as_str().expect("an address").to_owned();
        assert!(refused.json["message"].as_str().is_some_and(|message| message.ends_with(&page)));
        page
    };
    assert_eq!(page(None, "/sites/north"), "/sites/north/password");
    assert_eq!(page(Some("https://example.com/inspection"), ""), "https://example.com/inspection/password");
}
