//! Sign-in, refresh and the end of sessions (rule book §1).

use inspection_auth::tokens::TokenType;
use inspection_domain::users::Role;
use inspection_testkit::{builders::PASSWORD, clients::Response};
use serde_json::json;

use crate::site::on_both;

fn refused(answer: &Response, code: &str) {
    assert_eq!((answer.status, answer.code()), (401, code), "{}", answer.text);
}

on_both! {
    fn a_session_from_sign_in_to_sign_out(site: TestSite) {
        let user = site.user(Role::Specialist);
        let anonymous = site.anonymous();
        let login = anonymous.post("/api/auth/login", &json!({"email": user.email, "password": PASSWORD}));
        assert_eq!(login.status, 200, "{}", login.text);
        assert_eq!((&login.json["status"], &login.json["token_type"], &login.json["expires_in"]),
            (&json!("success"), &json!("Bearer"), &json!(3600)));
        assert_eq!(login.json["user"]["role_id"], user.role_id);
        let (access, refresh) = (login.json["access_token"].as_str().unwrap(), login.json["refresh_token"].as_str().unwrap());
        let me = anonymous.with_token(access);
        assert_eq!(me.get("/api/auth/me").json["user"]["id"], user.id.get());
        refused(&anonymous.with_token(refresh).get("/api/auth/me"), "TOKEN_INVALID");
        refused(&me.post("/api/auth/refresh", &json!({})), "TOKEN_INVALID");
        site.clock.advance_seconds(3600);
        refused(&me.get("/api/auth/me"), "TOKEN_EXPIRED");
        let refreshed = anonymous.with_token(refresh).post("/api/auth/refresh", &json!({}));
        assert_eq!((refreshed.status, &refreshed.json["expires_in"]), (200, &json!(3600)));
        let me = anonymous.with_token(refreshed.json["access_token"].as_str().unwrap());
        let elsewhere = site.client(&user);
        assert_eq!(elsewhere.post("/api/auth/logout", &json!({"refresh_token": "rubbish"})).status, 200);
        refused(&elsewhere.get("/api/auth/me"), "TOKEN_REVOKED");
        let foreign = site.token(&site.user(Role::Specialist), TokenType::Refresh);
        assert_eq!(site.client(&user).post("/api/auth/logout", &json!({"refresh_token": foreign})).status, 200);
        let theirs = site.anonymous().with_token(&foreign).post("/api/auth/refresh", &json!({}));
        assert_eq!(theirs.status, 200, "the token of another user remains valid: {}", theirs.text);
        assert_eq!(me.post("/api/auth/logout", &json!({"refresh_token": refresh})).status, 200);
        refused(&me.get("/api/auth/me"), "TOKEN_REVOKED");
        refused(&anonymous.with_token(refresh).post("/api/auth/refresh", &json!({})), "TOKEN_REVOKED");
    }

    fn an_unknown_address_and_a_wrong_password_get_the_same_response(site: TestSite) {
        let user = site.user(Role::Engineer);
        let login = |email: &str, password: &str| {
            let mut answer = site.anonymous().post("/api/auth/login", &json!({"email": email, "password": password}));
            answer.json["request_id"].take();
            answer
        };
        let (unknown, wrong) = (login("nobody@example.com", PASSWORD), login(&user.email, "wrong"));
        refused(&unknown, "INVALID_CREDENTIALS");
        assert_eq!(unknown.json, wrong.json);
    }

    fn every_way_to_end_all_sessions_takes_effect_at_once(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        for (end, code) in [("logout-all", "TOKEN_REVOKED"), ("change", "TOKEN_REVOKED"),
            ("reset", "TOKEN_REVOKED"), ("deactivate", "ACCOUNT_DISABLED"), ("update", "ACCOUNT_DISABLED")] {
            let user = site.user(Role::Inspector);
            let (one, other) = (site.client(&user), site.client(&user));
            let refresh = site.anonymous().with_token(&site.token(&user, TokenType::Refresh));
            let path = format!("/api/users/{}", user.id);
            let answer = match end {
                "logout-all" => one.post("/api/auth/logout-all", &json!({})),
                "change" => one.post("/api/auth/change-password",
                    &json!({"current_password": PASSWORD, "new_password": "a new battery"})),
                "reset" => admin.post(&format!("{path}/reset-password"), &json!({"new_password": "a new battery"})),
                "deactivate" => admin.delete(&path),
                _ => admin.put(&path, &json!({"is_active": false})),
            };
            assert_eq!(answer.status, 200, "{end}: {}", answer.text);
            refused(&one.get("/api/auth/me"), code);
            refused(&other.get("/api/equipment"), code);
            refused(&refresh.post("/api/auth/refresh", &json!({})), code);
            let login = |password: &str| {
                site.anonymous().post("/api/auth/login", &json!({"email": user.email, "password": password}))
            };
            match end {
                "change" => {
                    let fresh = answer.json["access_token"].as_str().expect("a token of the new generation");
                    assert_eq!(site.anonymous().with_token(fresh).get("/api/auth/me").status, 200);
                    refused(&login(PASSWORD), "INVALID_CREDENTIALS");
                    assert_eq!(login("a new battery").status, 200);
                }
                "reset" => assert_eq!(login("a new battery").status, 200),
                "logout-all" => assert_eq!(login(PASSWORD).status, 200),
                _ => {
                    refused(&login(PASSWORD), "ACCOUNT_DISABLED");
                    refused(&login("wrong"), "INVALID_CREDENTIALS");
                    assert_eq!(admin.put(&path, &json!({"is_active": true})).status, 200);
                    refused(&one.get("/api/auth/me"), "TOKEN_REVOKED");
                }
            }
        }
    }

    fn a_new_password_needs_the_current_one_and_must_be_strong(site: TestSite) {
        let user = site.user(Role::Engineer);
        let client = site.client(&user);
        let change = |current: &str, new: &str| {
            client.post("/api/auth/change-password", &json!({"current_password": current, "new_password": new}))
        };
        assert_eq!(change("wrong", "a new battery").fields(), ["current_password"]);
        for weak in ["short", "password123", user.email.as_str()] {
            assert_eq!(change(PASSWORD, weak).fields(), ["new_password"], "{weak}");
        }
        assert_eq!(client.get("/api/auth/me").status, 200);
    }
}
