//! Conventions of all endpoints.

use inspection_domain::users::Role;
use inspection_testkit::{DatabaseKind, builders};
use serde_json::{Value, json};

use crate::site::{TestSite, on_both, settings};

on_both! {
    fn lists_have_pages_orders_and_filters(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        for n in 0..25 {
            builders::equipment_with(&site.db, &site.context, |body| {
                body["name"] = json!(format!("Crane {n:02}"));
                body["equipment_type"] = json!(if n % 5 == 0 { "pump" } else { "crane" });
            });
        }
        let page = |query: &str| admin.get(&format!("/api/equipment?{query}")).json;
        let names = |page: &Value| -> Vec<String> {
            page["data"].as_array().expect("a list").iter().map(|m| m["name"].as_str().expect("a name").into()).collect()
        };
        let first = page("");
        assert_eq!(first["pagination"], json!({
            "page": 1, "per_page": 20, "total": 25, "pages": 2, "has_next": true, "has_prev": false,
            "next_cursor": first["pagination"]["next_cursor"], "total_is_exact": true,
        }));
        assert!(first["pagination"]["next_cursor"].is_string());
        assert_eq!(names(&first).first().map(String::as_str), Some("Crane 00"));
        let last = page("page=2");
        assert_eq!((names(&last).len(), &last["pagination"]["has_next"]), (5, &json!(false)));
        let beyond = page("page=4000000000");
        assert_eq!((names(&beyond).len(), &beyond["pagination"]["total"]), (0, &json!(25)));
        assert_eq!(page("per_page=1000")["pagination"]["per_page"], 100);
        assert_eq!(names(&page("sort=-name&per_page=1")), ["Crane 24"]);
        assert_eq!(names(&page("equipment_type=pump")).len(), 5);
        assert_eq!(names(&page("q=crane%2007")), ["Crane 07"]);
        assert_eq!(names(&page("q=%25")).len(), 0, "a wildcard is a literal character");
        assert_eq!(names(&page("status=&equipment_type=")).len(), 20, "an empty filter is no filter");
        assert_eq!(admin.get("/api/equipment?status=broken").fields(), ["status"]);
    }

    fn errors_carry_a_code_and_the_id_of_the_request(site: TestSite) {
        let admin = site.as_a(Role::Admin).with_header("x-request-id", "my-request.1");
        let answer = admin.get("/api/equipment/999");
        assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"));
        assert_eq!(answer.json, json!({
            "status": "error", "message": "equipment not found", "error": "equipment not found", "code": "NOT_FOUND", "request_id": "my-request.1",
        }));
        assert_eq!(answer.header("x-request-id"), Some("my-request.1"));
        let odd = site.anonymous().with_header("x-request-id", "a b;c").get("/nowhere");
        assert_eq!((odd.status, odd.code()), (404, "NOT_FOUND"));
        assert_ne!(odd.header("x-request-id"), Some("a b;c"));
        assert!(odd.header("x-request-id").is_some_and(|id| odd.text.contains(id)));
    }

    fn unknown_fields_are_ignored_and_aliases_accepted(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let created = admin.post("/api/users", &json!({
            "email": "New@Example.com", "password": "correct horse battery", "full_name": "New", "role": "engineer",
            "employee_id": "eng-77", "shoe_size": 43,
        }));
        assert_eq!((created.status, &created.data()["role_id"], &created.data()["email"]),
            (201, &json!("ENG-77"), &json!("New@Example.com")));
        let shown = created.text.replace("must_change_password", "");
        assert!(!shown.contains("password") && !shown.contains("correct horse"), "{shown}");
        let signed_in = site.anonymous().post("/api/auth/login", &json!({
            "username": "NEW@example.com", "password": "correct horse battery",
        }));
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        let checklist = admin.post("/api/checklists", &json!({"name": "C", "equipment_type": "crane", "items": [
            {"question_text": "Pressure?", "answer_type": "number", "order": 7, "is_critical": true},
        ]}));
        let item = &checklist.data()["items"][0];
        assert_eq!((&item["answer_type"], &item["order_index"], &item["critical_failure"]),
            (&json!("numeric"), &json!(7), &json!(true)));
    }

    fn only_what_is_sent_changes_and_null_clears(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let machine = builders::equipment(&site.db, &site.context);
        let path = format!("/api/equipment/{}", machine.id);
        let changed = admin.put(&path, &json!({"berth": null, "manufacturer": "Acme"}));
        let after = changed.data();
        assert_eq!((&after["berth"], &after["manufacturer"], &after["name"]),
            (&Value::Null, &json!("Acme"), &json!(machine.name)));
        assert_eq!(admin.put(&path, &json!({"name": null})).fields(), ["name"]);
        let trail = admin.get(&format!("/api/admin/audit?entity=equipment&entity_id={}&action=update", machine.id));
        assert_eq!(trail.data()[0]["changes"], json!({
            "berth": {"old": "B1", "new": null}, "manufacturer": {"old": null, "new": "Acme"},
        }));
        assert_eq!(trail.data()[0]["address"], "127.0.0.1");
        assert_eq!(trail.data()[0]["actor"]["role"], "admin");
        assert_eq!(trail.data()[0]["request_id"].as_str(), changed.header("x-request-id"));
    }

    fn a_value_in_use_is_a_duplicate_with_its_field(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let machine = builders::equipment(&site.db, &site.context);
        let again = json!({"name": "x", "equipment_type": "crane", "serial_number": machine.serial_number});
        let answer = admin.post("/api/equipment", &again);
        assert_eq!((answer.status, answer.code(), answer.fields()), (400, "DUPLICATE", vec!["serial_number"]));
        let person = site.user(Role::Engineer);
        let again = json!({
            "email": person.email.to_uppercase(), "password": "correct horse battery", "full_name": "x", "role": "engineer",
        });
        let answer = admin.post("/api/users", &again);
        assert_eq!((answer.status, answer.code(), answer.fields()), (400, "DUPLICATE", vec!["email"]));
    }
}

#[test]
fn methods_headers_and_preflight_requests_follow_http() {
    let site = TestSite::start(DatabaseKind::Sqlite).expect("SQLite is built in");
    let admin = site.as_a(Role::Admin);
    let answer = admin.send("PATCH", "/api/equipment", None);
    assert_eq!(
        (answer.status, answer.code(), answer.header("allow")),
        (405, "METHOD_NOT_ALLOWED", Some("GET, HEAD, POST"))
    );
    let head = admin.send("HEAD", "/api/equipment", None);
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    for path in ["/", "/api/equipment", "/nowhere", "/docs/"] {
        let answer = admin.get(path);
        for name in [
            "x-content-type-options",
            "x-frame-options",
            "content-security-policy",
            "referrer-policy",
            "strict-transport-security",
            "x-request-id",
        ] {
            assert!(answer.header(name).is_some(), "{path} {name}");
        }
        assert_eq!(answer.header("set-cookie"), None);
        let policy = answer.header("content-security-policy").expect("a policy");
        for directive in ["default-src", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
            assert!(policy.split("; ").any(|part| part.starts_with(directive)), "{path}: {policy}");
        }
    }
    assert_eq!(admin.get("/api/equipment").header("cache-control"), Some("no-store"));
    let preflight = site
        .anonymous()
        .with_header("origin", "https://app.example.com")
        .with_header("access-control-request-method", "PUT")
        .with_header("access-control-request-headers", "authorization")
        .send("OPTIONS", "/api/equipment/1", None);
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(preflight.header("access-control-allow-credentials"), None);
}

#[test]
fn only_listed_origins_may_read_responses() {
    let settings =
        inspection_http::Settings { cors_origins: vec!["https://app.example.com".into()], ..settings() };
    let site = TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in");
    let from = |origin: &str| {
        let answer = site.anonymous().with_header("origin", origin).get("/health");
        answer.header("access-control-allow-origin").map(ToOwned::to_owned)
    };
    assert_eq!(from("https://app.example.com").as_deref(), Some("https://app.example.com"));
    assert_eq!(from("https://evil.example.com"), None);
}

#[test]
fn a_request_that_reached_a_proxy_without_tls_is_redirected_to_https() {
    let settings = inspection_http::Settings {
        https_redirect: true,
        trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")],
        ..settings()
    };
    let site = TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in");
    let came_by = |scheme: &str, host: &str| {
        site.anonymous().with_header("x-forwarded-proto", scheme).with_header("host", host)
    };
    for (method, path) in
        [("GET", "/api/equipment?page=2&q=a%20b"), ("POST", "/api/auth/login"), ("GET", "/docs/")]
    {
        for (host, name) in [
            ("site.example.com", "site.example.com"),
            ("site.example.com:8080", "site.example.com"),
            ("[::1]:80", "[::1]"),
        ] {
            let answer = came_by("http", host).send(method, path, None);
            let there = format!("https://{name}{path}");
            assert_eq!(
                (answer.status, answer.header("location")),
                (308, Some(there.as_str())),
                "{method} {host}"
            );
            assert!(answer.header("x-request-id").is_some());
        }
    }
    assert_eq!(came_by("https", "site.example.com").get("/api/equipment").status, 401, "it arrived over TLS");
    assert_eq!(
        came_by("https, http", "site.example.com").get("/api/equipment").status,
        308,
        "the last hop had none"
    );
    assert_eq!(site.anonymous().get("/api/equipment").status, 401, "it did not pass a proxy");
    for path in ["/health", "/health/live", "/health/ready"] {
        assert_eq!(
            came_by("http", "site.example.com").get(path).status,
            200,
            "health probes are not redirected"
        );
    }
    // A host with invalid characters is not redirected.
    for host in ["evil.example.com/x", "a@b", "a b"] {
        assert_ne!(came_by("http", host).get("/api/equipment").status, 308, "{host}");
    }
    let settings = inspection_http::Settings { https_redirect: true, ..crate::site::settings() };
    let site = TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in");
    let answer = site.anonymous().with_header("x-forwarded-proto", "http").get("/api/equipment");
    assert_eq!(answer.status, 401, "this proxy is not trusted");
}

mod clients_over_a_limit_receive_the_time_to_retry {
    use inspection_testkit::{or_skip, redis::Redis};

    #[test]
    fn memory() {
        super::exceed_the_limit(None);
    }

    #[test]
    fn redis() {
        let redis = or_skip!(Redis::start());
        super::exceed_the_limit(Some(redis.url()));
    }
}

fn exceed_the_limit(redis_url: Option<String>) {
    let settings = inspection_http::Settings {
        rate_limits: true,
        redis_url: redis_url.map(Into::into),
        trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")],
        ..settings()
    };
    let site = TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in");
    let client = site.anonymous().with_header("x-forwarded-for", "192.0.2.1");
    let login = |client: &inspection_testkit::clients::Client| {
        client.post("/api/auth/login", &json!({"email": "nobody@example.com", "password": "x"}))
    };
    for left in (0..5).rev() {
        let answer = login(&client);
        assert_eq!((answer.status, answer.code()), (401, "INVALID_CREDENTIALS"));
        assert_eq!(answer.header("ratelimit-limit"), Some("5"));
        assert_eq!(answer.header("ratelimit-remaining"), Some(left.to_string().as_str()));
        assert!(answer.header("ratelimit-reset").is_some());
    }
    let refused = login(&client);
    assert_eq!((refused.status, refused.code()), (429, "RATE_LIMITED"));
    let wait: u64 = refused.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((1..=13).contains(&wait), "{wait}");
    assert_eq!(refused.header("ratelimit-remaining"), Some("0"));
    assert!(refused.headers.iter().all(|(name, _)| !name.starts_with("x-ratelimit")));
    let neighbour = site.anonymous().with_header("x-forwarded-for", "192.0.2.2");
    assert_eq!(login(&neighbour).status, 401, "other clients are not affected");
    let answer = client.get("/health");
    assert_eq!((answer.status, answer.header("ratelimit-limit")), (200, Some("200")));
    // On a slow machine, tokens are refilled meanwhile: 200 a minute.
    let refused = (0..2000).filter(|_| client.get("/health/live").status == 429).take(11).count();
    assert_eq!(refused, 11, "the limit on all requests applies");
}
