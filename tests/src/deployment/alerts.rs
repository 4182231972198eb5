//! Alerts and scraping.

use super::{assert_lines, block, read};

/// Metrics that alerts may be about.
const METRICS: &[&str] = &[
    "inspection_disk_free_bytes",
    "inspection_disk_size_bytes",
    "inspection_last_verified_backup_timestamp_seconds",
    "inspection_http_request_duration_seconds_bucket",
    "inspection_http_requests_in_flight",
    "inspection_http_requests_total",
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
fn somebody_is_told_of_everything_that_needs_somebody() {
    let alerts = read("docker/alerts.yaml");
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
        ("InspectionRateLimited", "inspection_rate_limited_total"),
        ("InspectionSignInsFail", "inspection_sign_in_failures_total"),
        ("InspectionBackupOld", "inspection_last_backup_timestamp_seconds"),
        ("InspectionBackupMissing", "inspection_last_backup_timestamp_seconds"),
    ] {
        let rule = block(&alerts, &format!("- alert: {alert}"));
        assert!(rule.contains("expr:") && rule.contains("severity:") && rule.contains("summary:"), "{alert}");
        assert!(rule.contains(about), "{alert} is about {about}");
    }
    let words = alerts.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for word in words.filter(|word| word.starts_with("inspection_")) {
        assert!(METRICS.contains(&word), "there is no metric {word}");
    }
    let scrape = read("docker/prometheus.yaml");
    let wanted = ["- job_name: inspection", "metrics_path: /metrics", "type: Bearer"];
    assert_lines("prometheus.yaml", &scrape, &wanted);
    assert_lines("prometheus.yaml", &scrape, &["credentials_file: /etc/prometheus/inspection-metrics-token"]);
}
