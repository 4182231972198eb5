//! A fit deployment for tests.

use std::time::Duration;

use inspection_testkit::context::context;

use super::deployment::Deployment;

/// A deployment that passes every check of its configuration.
pub(super) fn fit() -> Deployment {
    Deployment {
        profile: "production",
        enforces_limits: true,
        database_url: "postgres://inspection:hush@db.example.com/site?sslmode=verify-full".into(),
        pool_size: 10,
        pool_overflow: 5,
        workers: None,
        request_timeout: Duration::from_mins(2),
        shutdown_timeout: Duration::from_secs(30),
        trusted_proxies: vec!["10.0.0.1/32".parse().expect("a network")],
        https_redirect: true,
        cors_origins: Some(vec!["https://app.example.com".into()]),
        redis_url: Some("rediss://:hush@redis.example.com:6379".into()),
        upload_folder: "data/uploads".into(),
        bucket: None,
        max_content_length: 16 << 20,
        log_level: "info".into(),
        log_format: "JSON",
        log_file: None,
        log_file_size: 10 << 20,
        log_files_kept: 5,
        runs_scheduler: true,
        has_metrics_token: true,
        access_token_lifetime: Duration::from_hours(8),
        refresh_token_lifetime: Duration::from_hours(7 * 24),
        backup_folder: "backups".into(),
        folders: Vec::new(),
        known_passwords: Vec::new(),
        demo_domain: "demo.example",
        context: context().0,
    }
}
