//! Sign-in, refresh and the end of sessions (rule book §1).

use std::thread;

use inspection_auth::{passwords, tokens::TokenType};
use inspection_domain::users::{NewUser, Role, User};
use inspection_persistence::{Origin, Tx, sessions::find_account, users};
use inspection_testkit::{
    builders::{PASSWORD, input},
    clients::{Client, Response},
};
use serde_json::{Value, json};

use crate::site::on_both;

fn refused(answer: &Response, code: &str) {
    assert_eq!((answer.status, answer.code()), (401, code), "{}", answer.text);
}

/// The tokens in an answer: the access token and the refresh token.
fn tokens(answer: &Response) -> [String; 2] {
    assert_eq!(answer.status, 200, "{}", answer.text);
    ["access_token", "refresh_token"].map(|name| answer.json[name].as_str().expect("a token").to_owned())
}

fn sign_in(client: &Client, user: &User) -> [String; 2] {
    tokens(&client.post("/api/auth/login", &json!({"email": user.email, "password": PASSWORD})))
}

fn refresh(client: &Client, token: &str) -> Response {
    client.with_token(token).post("/api/auth/refresh", &json!({}))
}

/// Whether a session of these tokens is valid: all of them are, or none.
fn is_valid(client: &Client, access: &[&String]) -> bool {
    let valid: Vec<_> =
        access.iter().map(|token| client.with_token(token).get("/api/auth/me").status == 200).collect();
    assert!(valid.iter().all(|one| *one == valid[0]), "{valid:?}");
    valid[0]
}

fn own_sessions(client: &Client) -> Vec<Value> {
    client.get("/api/auth/sessions").data().as_array().expect("a list").clone()
}

/// A hash of [`PASSWORD`] with little memory and one pass.
const WEAK_HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$p15c/TOJ3ovY07sMZYG2VvFjxPpwKMT5GPQgPMRev2o";

on_both! {
    fn a_sign_in_renews_a_weak_hash_and_ends_no_session(site: TestSite) {
        let new: NewUser = input(json!({
            "email": "early@example.com", "password": PASSWORD, "full_name": "Early", "role": "specialist",
        }));
        let create = |tx: &mut Tx<'_>| users::create(tx, new, WEAK_HASH);
        let user = site.db.write(&site.context, Origin::default(), create).expect("a user");
        let hash = || {
            let account = site.db.read(|conn| find_account(conn, &user.email)).expect("a read");
            account.expect("the account").password_hash
        };
        let client = site.anonymous();
        assert_eq!(client.post("/api/auth/login", &json!({"email": user.email, "password": "wrong"})).status, 401);
        assert_eq!(hash(), WEAK_HASH);
        let [first, _] = sign_in(&client, &user);
        let renewed = hash();
        assert!(passwords::is_current(&renewed), "{renewed}");
        let [second, _] = sign_in(&client, &user);
        assert_eq!(hash(), renewed);
        assert!(is_valid(&client, &[&first, &second]));
    }

    fn a_sign_out_ends_every_token_of_the_session(site: TestSite) {
        let (user, client) = (site.user(Role::Specialist), site.anonymous());
        for pair in [0, 1] {
            let [first, refresh_1] = sign_in(&client, &user);
            let [second, refresh_2] = tokens(&refresh(&client, &refresh_1));
            assert!(is_valid(&client, &[&first, &second]));
            let own = client.with_token([&first, &second][pair]);
            let presented = [&refresh_1, &refresh_2][pair];
            assert_eq!(own.post("/api/auth/logout", &json!({"refresh_token": presented})).status, 200);
            assert!(!is_valid(&client, &[&first, &second]));
            for token in [&refresh_1, &refresh_2] {
                refused(&refresh(&client, token), "TOKEN_REVOKED");
            }
        }
        // The access token ends the session alone; the refresh token of another one ends that, too.
        let [access, refresh_token] = sign_in(&client, &user);
        let [other, other_refresh] = sign_in(&client, &user);
        assert_eq!(client.with_token(&access).post("/api/auth/logout", &json!({"refresh_token": other_refresh})).status, 200);
        assert!(!is_valid(&client, &[&access, &other]));
        refused(&refresh(&client, &refresh_token), "TOKEN_REVOKED");
    }

    fn a_refresh_token_that_is_used_again_ends_its_session_and_tells_its_user(site: TestSite) {
        let (user, client) = (site.user(Role::Inspector), site.anonymous());
        let [elsewhere, _] = sign_in(&client, &user);
        let [first, stolen] = sign_in(&client, &user);
        let [second, next] = tokens(&refresh(&client, &stolen));
        site.clock.advance_seconds(61);
        assert!(is_valid(&client, &[&first, &second]));
        refused(&refresh(&client.with_header("user-agent", "thief"), &stolen), "TOKEN_REVOKED");
        assert!(!is_valid(&client, &[&first, &second]));
        refused(&refresh(&client, &next), "TOKEN_REVOKED");
        refused(&refresh(&client, &stolen), "TOKEN_REVOKED");
        let other = client.with_token(&elsewhere);
        let told = other.get("/api/notifications");
        assert_eq!((told.data().as_array().map(Vec::len), &told.data()[0]["type"], &told.data()[0]["priority"]),
            (Some(1), &json!("session_reused"), &json!("urgent")), "once: {}", told.text);
        let trail = site.as_a(Role::Admin).get(&format!("/api/admin/audit?user_id={}&action=reuse_token", user.id));
        assert_eq!(trail.json["pagination"]["total"], 0, "no user is signed in");
        let trail = site.as_a(Role::Admin).get(&format!("/api/admin/audit?entity_type=user&entity_id={}&action=reuse_token", user.id));
        assert_eq!((&trail.json["pagination"]["total"], &trail.data()[0]["address"]), (&json!(1), &json!("127.0.0.1")));
        assert_eq!(trail.data()[0]["changes"]["session"]["new"].as_str().map(str::len), Some(32));
    }

    fn a_refresh_whose_response_was_lost_is_repeated_for_a_minute(site: TestSite) {
        let (user, client) = (site.user(Role::Inspector), site.anonymous());
        let [_, token] = sign_in(&client, &user);
        tokens(&refresh(&client, &token));
        site.clock.advance_seconds(60);
        let [access, next] = tokens(&refresh(&client, &token));
        assert!(is_valid(&client, &[&access]));
        let [_, after] = tokens(&refresh(&client, &next));
        let [access, after_again] = tokens(&refresh(&client, &next));
        tokens(&refresh(&client, &after));
        tokens(&refresh(&client, &after_again));
        // The successor was used: this is no lost response.
        refused(&refresh(&client, &next), "TOKEN_REVOKED");
        assert!(!is_valid(&client, &[&access]));
    }

    fn of_simultaneous_refreshes_with_one_token_none_ends_the_session(site: TestSite) {
        let (user, client) = (site.user(Role::Engineer), site.anonymous());
        let [first, mut token] = sign_in(&client, &user);
        for _ in 0..5 {
            let answers: Vec<Response> = thread::scope(|scope| {
                let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| refresh(&client, &token))).collect();
                threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
            });
            let pairs: Vec<_> = answers.iter().map(tokens).collect();
            let access: Vec<&String> = pairs.iter().map(|pair| &pair[0]).chain([&first]).collect();
            assert!(is_valid(&client, &access));
            token.clone_from(&pairs[3][1]);
        }
        assert_eq!(own_sessions(&client.with_token(&first)).len(), 1);
    }

    fn a_refresh_at_the_time_of_a_sign_out_leaves_no_valid_token(site: TestSite) {
        let (user, client) = (site.user(Role::Engineer), site.anonymous());
        for round in 0..12 {
            let [access, token] = sign_in(&client, &user);
            let own = client.with_token(&access);
            let (refreshed, ended) = thread::scope(|scope| {
                let refreshed = scope.spawn(|| refresh(&client, &token));
                let ended = scope.spawn(|| match round % 3 {
                    0 => own.post("/api/auth/logout", &json!({})),
                    1 => own.post("/api/auth/logout-all", &json!({})),
                    _ => client.with_token(&access).post("/api/auth/logout", &json!({"refresh_token": token})),
                });
                (refreshed.join().expect("an answer"), ended.join().expect("an answer"))
            });
            assert_eq!(ended.status, 200, "{}", ended.text);
            if refreshed.status == 200 {
                let [next, next_refresh] = tokens(&refreshed);
                assert!(!is_valid(&client, &[&access, &next]));
                refused(&refresh(&client, &next_refresh), "TOKEN_REVOKED");
            } else {
                refused(&refreshed, "TOKEN_REVOKED");
            }
        }
    }

    fn a_user_lists_the_own_sessions_and_ends_one(site: TestSite) {
        let (user, client) = (site.user(Role::Inspector), site.anonymous());
        let [phone, phone_refresh] = sign_in(&client.with_header("user-agent", "phone"), &user);
        site.clock.advance_seconds(60);
        let [tablet, _] = sign_in(&client.with_header("user-agent", "tablet"), &user);
        let (phone, tablet) = (client.with_token(&phone), client.with_token(&tablet));
        let seen = |from: &Client| -> Vec<Value> {
            own_sessions(from).iter().map(|row| json!([row["user_agent"], row["is_current"], row["address"]])).collect()
        };
        assert_eq!(seen(&tablet), [json!(["tablet", true, "127.0.0.1"]), json!(["phone", false, "127.0.0.1"])]);
        assert_eq!(seen(&phone)[0], json!(["tablet", false, "127.0.0.1"]));
        let first = own_sessions(&tablet)[1].clone();
        assert_eq!((&first["created_at"], &first["last_used_at"], &first["expires_at"]),
            (&json!("2026-03-02T08:00:00.000Z"), &json!("2026-03-02T08:00:00.000Z"), &json!("2026-03-03T08:00:00.000Z")));
        site.clock.advance_seconds(60);
        tokens(&refresh(&client.with_header("user-agent", "phone 2"), &phone_refresh));
        let moved = own_sessions(&tablet)[0].clone();
        assert_eq!((&moved["id"], &moved["user_agent"], &moved["last_used_at"]),
            (&first["id"], &json!("phone 2"), &json!("2026-03-02T08:02:00.000Z")));

        let path = format!("/api/auth/sessions/{}", first["id"].as_str().expect("a name"));
        let stranger = site.as_a(Role::Admin);
        assert_eq!((stranger.delete(&path).status, stranger.delete(&path).code()), (404, "NOT_FOUND"));
        assert_eq!(stranger.delete("/api/auth/sessions/7").fields(), ["id"]);
        assert_eq!(tablet.delete(&path).status, 200);
        assert_eq!(tablet.delete(&path).code(), "NOT_FOUND", "it has ended");
        refused(&phone.get("/api/auth/me"), "TOKEN_REVOKED");
        assert_eq!(seen(&tablet).len(), 1);
        let own = own_sessions(&tablet)[0]["id"].as_str().expect("a name").to_owned();
        assert_eq!(tablet.delete(&format!("/api/auth/sessions/{own}")).status, 200);
        refused(&tablet.get("/api/auth/me"), "TOKEN_REVOKED");
    }

    fn a_session_ends_without_a_refresh_for_a_day_and_after_thirty_days(site: TestSite) {
        let (user, client) = (site.user(Role::Inspector), site.anonymous());
        let [_, idle] = sign_in(&client, &user);
        site.clock.advance_seconds(86_400);
        refused(&refresh(&client, &idle), "TOKEN_EXPIRED");
        let [_, mut token] = sign_in(&client, &user);
        let mut days = 0;
        let last = loop {
            site.clock.advance_seconds(86_000);
            let answer = refresh(&client, &token);
            if answer.status != 200 {
                break answer;
            }
            days += 1;
            let access;
            [access, token] = tokens(&answer);
            let open = own_sessions(&client.with_token(&access)).len();
            assert_eq!(open, 1, "day {days}");
        };
        assert_eq!(days, 30);
        refused(&last, "TOKEN_EXPIRED");
    }

    fn the_end_of_a_session_takes_effect_on_every_instance(site: TestSite) {
        let other = site.another_instance();
        let (user, [here, there]) = (site.user(Role::Inspector), [site.anonymous(), other.anonymous()]);
        let [access, token] = sign_in(&here, &user);
        assert!(is_valid(&there, &[&access]));
        // Two instances with one refresh token, and a reuse on the other one.
        let [one, next] = tokens(&refresh(&here, &token));
        tokens(&refresh(&there, &token));
        site.clock.advance_seconds(61);
        refused(&refresh(&there, &token), "TOKEN_REVOKED");
        assert!(!is_valid(&here, &[&access, &one]));
        refused(&refresh(&here, &next), "TOKEN_REVOKED");
        let [access, token] = sign_in(&there, &user);
        assert_eq!(here.with_token(&access).post("/api/auth/logout", &json!({})).status, 200);
        assert!(!is_valid(&there, &[&access]));
        refused(&refresh(&there, &token), "TOKEN_REVOKED");
    }

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
