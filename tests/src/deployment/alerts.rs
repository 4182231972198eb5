//! Alerting rules and the scrape configuration of Prometheus.

use serde_json::json;

use super::{read, read_yaml};

/// The metrics that alerting rules may use.
const METRICS: &[&str] = &[
    "inspection_disk_free_bytes",
    "inspection_disk_size_bytes",
    "inspection_last_verified_backup_timestamp_seconds",
    "inspection_http_request_duration_seconds_bucket",
    "inspection_http_requests_in_flight",
    "inspection_http_requests_total",
    "inspection_invariant_violations",
    "inspection_last_backup_timestamp_seconds",
    "inspection_outbox_jobs",
    "inspection_outbox_oldest_due_seconds",
    "inspection_pool_connections",
    "inspection_pool_waits_refused_total",
    "inspection_rate_limited_total",
    "inspection_sign_in_failures_total",
    "inspection_storage_bytes",
    "inspection_storage_files",
    "inspection_task_late_seconds",
    "inspection_up",
];

#[test]
fn every_condition_that_needs_an_operator_raises_an_alert() {
    let alerts = read_yaml("docker/alerts.yaml");
    let rules = alerts["groups"][0]["rules"].as_array().expect("rules");
    for (alert, about) in [
        ("InspectionUnreachable", "up{job=\"inspection\"} == 0"),
        ("InspectionUnhealthy", "inspection_up == 0"),
        ("InspectionHealthCheckFails", "status=\"503\""),
        ("InspectionErrors", "status=~\"5..\""),
        ("InspectionSlow", "le=~\"5(\\\\.0)?\""),
        ("InspectionPoolExhausted", "inspection_pool_waits_refused_total{place=\"database\"}"),
        ("InspectionPoolBusy", "inspection_pool_connections{state=\"most\"}"),
        ("InspectionDiskFillsUp", "inspection_disk_free_bytes / inspection_disk_size_bytes"),
        ("InspectionDiskFull", "inspection_disk_free_bytes / inspection_disk_size_bytes"),
        ("InspectionJobsWait", "inspection_outbox_oldest_due_seconds"),
        ("InspectionJobsDead", "inspection_outbox_jobs{status=\"dead\"}"),
        ("InspectionTaskLate", "inspection_task_late_seconds"),
        ("InspectionInvariantViolated", "inspection_invariant_violations"),
        ("InspectionRateLimited", "inspection_rate_limited_total"),
        ("InspectionSignInsFail", "inspection_sign_in_failures_total"),
        ("InspectionPasswordGuessed", "account_failures|address_failures"),
        ("InspectionBackupOld", "inspection_last_backup_timestamp_seconds"),
        ("InspectionBackupMissing", "inspection_last_backup_timestamp_seconds"),
    ] {
        let rule = rules.iter().find(|rule| rule["alert"] == alert).unwrap_or_else(|| panic!("no {alert}"));
        assert!(
            rule["labels"]["severity"].is_string() && rule["annotations"]["summary"].is_string(),
            "{alert}"
        );
        assert!(rule["expr"].as_str().is_some_and(|expr| expr.contains(about)), "{alert} is about {about}");
    }
    let text = read("docker/alerts.yaml");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for word in words.filter(|word| word.starts_with("inspection_")) {
        assert!(METRICS.contains(&word), "there is no metric {word}");
    }
    let scrape = &read_yaml("docker/prometheus.yaml")["scrape_configs"][0];
    assert_eq!((&scrape["job_name"], &scrape["metrics_path"]), (&json!("inspection"), &json!("/metrics")));
    let authorization =
        json!({"type": "Bearer", "credentials_file": "/etc/prometheus/inspection-metrics-token"});
    assert_eq!(scrape["authorization"], authorization);
}
