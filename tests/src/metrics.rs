//! Metrics of the service.

use std::collections::BTreeMap;

use inspection_domain::users::Role;
use inspection_http::{ExtraMetric, Settings};
use inspection_testkit::{DatabaseKind, builders, clients::Client};
use serde_json::json;

use crate::site::{TestSite, on_both, settings};

/// The values of all metrics, by name and labels.
fn numbers(client: &Client) -> BTreeMap<String, f64> {
    let answer = client.get("/metrics");
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
    let lines = answer.text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').expect("a name and a number"));
    pairs.map(|(name, number)| (name.to_owned(), number.parse().expect("a number"))).collect()
}

on_both! {
    fn requests_are_counted_by_route_and_timed(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let machine = builders::equipment(&site.db, &site.context);
        for _ in 0..3 {
            assert_eq!(admin.get(&format!("/api/equipment/{}", machine.id)).status, 200);
        }
        assert_eq!(admin.get("/api/equipment/99999").status, 404);
        assert_eq!(admin.send("DANCE", "/nowhere/at/all", None).status, 404);
        assert_eq!(site.anonymous().get("/api/equipment").status, 401);
        let seen = numbers(&site.anonymous());
        let of = |name: &str| seen.get(name).copied().unwrap_or_else(|| panic!("no {name} in {seen:?}"));
        let total = |labels: &str| of(&format!("inspection_http_requests_total{{{labels}}}"));
        assert!((total(r#"method="GET",route="/api/equipment/{id}",status="200""#) - 3.0).abs() < 0.1);
        assert!((total(r#"method="GET",route="/api/equipment/{id}",status="404""#) - 1.0).abs() < 0.1);
        assert!((total(r#"method="GET",route="/api/equipment",status="401""#) - 1.0).abs() < 0.1);
        assert!((total(r#"method="other",route="unmatched",status="404""#) - 1.0).abs() < 0.1);
        assert!((of(r#"inspection_http_request_duration_seconds_count{method="GET",route="/api/equipment/{id}"}"#) - 4.0).abs() < 0.1);
        assert!((of("inspection_http_requests_in_flight") - 1.0).abs() < 0.1, "the request itself");
        assert!(!seen.keys().any(|name| name.contains(&machine.id.to_string()) && name.contains("/api/equipment/9")), "routes, not paths");
    }

    fn dependencies_of_the_service_are_reported(site: TestSite) {
        let chief = site.user(Role::Admin);
        let _ = builders::dead_job(&site.db, &chief);
        let login = json!({"email": chief.email, "password": "wrong by far"});
        assert_eq!(site.anonymous().post("/api/auth/login", &login).status, 401);
        let seen = numbers(&site.anonymous());
        let of = |name: &str| seen.get(name).copied().unwrap_or_else(|| panic!("no {name} in {seen:?}"));
        for (name, number) in [
            (r#"inspection_up{part="database"}"#, 1.0),
            (r#"inspection_up{part="storage"}"#, 1.0),
            (r#"inspection_outbox_jobs{status="dead"}"#, 1.0),
            (r#"inspection_outbox_jobs{status="pending"}"#, 0.0),
            ("inspection_outbox_oldest_due_seconds", 0.0),
            ("inspection_sign_in_failures_total", 1.0),
            (r#"inspection_pool_waits_refused_total{place="database"}"#, 0.0),
            (r#"inspection_pool_connections{state="most"}"#, 8.0),
            ("inspection_storage_files", 0.0),
            ("inspection_storage_bytes", 0.0),
            // Neither task has run: one is due now, at 8:00, the other since 00:15.
            (r#"inspection_task_late_seconds{task="check_backlog"}"#, 0.0),
            (r#"inspection_task_late_seconds{task="activate_starting_leaves"}"#, 27_900.0),
        ] {
            assert!((of(name) - number).abs() < 0.001, "{name}: {}", of(name));
        }
        inspection_persistence::tasks::run_now(&site.db, &site.context, "one", inspection_domain::tasks::TaskName::ActivateStartingLeaves)
            .expect("run");
        let seen = numbers(&site.anonymous());
        assert!(seen[r#"inspection_task_late_seconds{task="activate_starting_leaves"}"#].abs() < 0.001);
    }
}

fn with(change: impl FnOnce(&mut Settings)) -> TestSite {
    let mut settings = settings();
    change(&mut settings);
    TestSite::start_with(DatabaseKind::Sqlite, settings).expect("SQLite is built in")
}

#[test]
fn metrics_need_a_local_connection_or_the_token() {
    let site = with(|_| {});
    assert_eq!(site.anonymous().get("/metrics").status, 200, "a local connection");
    for name in ["x-forwarded-for", "forwarded"] {
        let forwarded = site.anonymous().with_header(name, "192.0.2.1").get("/metrics");
        assert_eq!((forwarded.status, forwarded.code()), (403, "FORBIDDEN"), "through a proxy");
    }
    assert_eq!(
        site.as_a(Role::Admin).with_header("x-forwarded-for", "192.0.2.1").get("/metrics").status,
        403
    );

    let site = with(|settings| settings.metrics_token = Some("open sesame".to_owned().into()));
    let refused = site.anonymous().get("/metrics");
    assert_eq!((refused.status, refused.code()), (401, "TOKEN_MISSING"));
    let refused = site.anonymous().with_token("open sesam").get("/metrics");
    assert_eq!((refused.status, refused.code()), (401, "TOKEN_INVALID"));
    let far = site.anonymous().with_header("x-forwarded-for", "192.0.2.1").with_token("open sesame");
    assert_eq!(far.get("/metrics").status, 200);
}

#[test]
fn external_readings_are_reported_when_they_can_be_read() {
    let reading = |name, label, value: Option<f64>| ExtraMetric {
        name,
        help: "An external reading.",
        label,
        read: std::sync::Arc::new(move || value),
    };
    let site = with(|settings| {
        settings.extra_metrics = vec![
            reading("inspection_disk_free_bytes", Some(("place", "uploads")), Some(7.0)),
            reading("inspection_disk_free_bytes", Some(("place", "logs")), None),
            reading("inspection_disk_free_bytes", Some(("place", "backups")), Some(8.0)),
            reading("inspection_last_backup_timestamp_seconds", None, Some(9.0)),
        ];
    });
    let seen = numbers(&site.anonymous());
    assert!((seen[r#"inspection_disk_free_bytes{place="uploads"}"#] - 7.0).abs() < 0.001);
    assert!((seen[r#"inspection_disk_free_bytes{place="backups"}"#] - 8.0).abs() < 0.001);
    assert!(!seen.contains_key(r#"inspection_disk_free_bytes{place="logs"}"#));
    assert!((seen["inspection_last_backup_timestamp_seconds"] - 9.0).abs() < 0.001);
}
