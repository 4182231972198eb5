//! The findings of `check` for a configuration, by variable.

use std::collections::{BTreeMap, BTreeSet};

use inspection_operations::{
    Finding, Verdict,
    check::{self, IDS},
};
use inspection_server::{
    config::{Config, Sources},
    wire,
};

fn sources(given: &[(&str, &str)]) -> Sources {
    // The last value of a name counts, even if it is empty.
    let environment: BTreeMap<String, String> =
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment: environment.into_iter().collect(), ..Sources::default() }
}

const FIT: &[(&str, &str)] = &[
    ("APP_ENV", "production"),
    ("SECRET_KEY", "8b0c5d1f7e2a94c6b3d8e1f05a7c29d46e8f1b3a5c7d9e0f"),
    ("JWT_SECRET_KEY", "pGt0x5Q9mLr2Vw8ZkYb3NcJhS7dF1aEuTi4oXq6R"),
    ("DATABASE_URL", "postgres://inspection:hush@db.example.com/site?sslmode=verify-full"),
    ("REDIS_URL", "rediss://:hush@redis.example.com:6379"),
    ("CORS_ORIGINS", "https://app.example.com"),
    ("TRUSTED_PROXIES", "10.0.0.1"),
    ("METRICS_TOKEN", "a token for the monitoring"),
];

/// The findings of the configuration alone, with some variables changed.
fn found(changes: &[(&str, &str)]) -> Vec<Finding> {
    let config = Config::load(&sources(&[FIT, changes].concat())).expect("valid");
    check::configuration(&wire::deployment(&config))
}

#[test]
fn a_fit_configuration_passes() {
    for finding in found(&[]) {
        assert_eq!(finding.verdict, Verdict::Pass, "{finding:?}");
    }
}

#[test]
fn each_unfit_variable_is_found_and_named_by_its_fix() {
    use Verdict::{Fail, Warning};
    for (name, value, id, verdict, words) in [
        ("APP_ENV", "development", "web.profile", Fail, "development"),
        ("APP_ENV", "testing", "limits.in_force", Fail, "not limited"),
        ("RATE_LIMITS", "off", "limits.in_force", Fail, "not limited"),
        ("WORKERS", "1000", "web.workers", Warning, "1000 workers"),
        ("REQUEST_TIMEOUT", "2h", "web.timeouts", Warning, "7200 s"),
        ("TRUSTED_PROXIES", "", "web.proxy", Warning, "no proxy"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "web.proxy", Fail, "forge its address"),
        ("HTTPS_REDIRECT", "false", "web.proxy", Warning, "without TLS"),
        ("CORS_ORIGINS", "", "cors.origins", Fail, "CORS_ORIGINS not set — defaulting to '*'"),
        ("CORS_ORIGINS", "*", "cors.origins", Fail, "every web site"),
        ("CORS_ORIGINS", "http://app.example.com", "cors.origins", Warning, "without TLS"),
        ("REDIS_URL", "memory://", "limits.redis", Warning, "in memory"),
        ("REDIS_URL", "redis://:hush@redis.example.com", "limits.redis", Warning, "not encrypted"),
        ("MAX_CONTENT_LENGTH", "1000000000", "storage.size_limit", Warning, "1000000000 bytes"),
        ("LOG_LEVEL", "debug", "logging.level", Fail, "debug"),
        ("LOG_LEVEL", "error", "logging.level", Warning, "error"),
        ("SCHEDULER_ENABLED", "false", "scheduler.enabled", Warning, "no scheduled tasks"),
        ("METRICS_TOKEN", "", "monitoring.metrics", Warning, "this machine only"),
        ("JWT_ACCESS_TOKEN_EXPIRES", "24h", "security.token_lifetimes", Fail, "24 h"),
        ("JWT_REFRESH_TOKEN_EXPIRES", "30d", "security.token_lifetimes", Fail, "30 days"),
    ] {
        let found = found(&[(name, value)]);
        let finding = found.iter().find(|finding| finding.id == id).expect("a finding");
        assert_eq!(finding.verdict, verdict, "{name}={value}: {finding:?}");
        assert!(finding.found.contains(words), "{name}={value}: {finding:?}");
        assert!(finding.fix.as_ref().is_some_and(|fix| fix.contains(name)), "{name}={value}: {finding:?}");
    }
    let sqlite = Config::load(&sources(&[])).expect("valid");
    let found = check::configuration(&wire::deployment(&sqlite));
    let finding = found.iter().find(|finding| finding.id == "database.postgresql").expect("a finding");
    assert_eq!(finding.verdict, Fail, "{finding:?}");
}

#[test]
fn every_finding_is_reported_whatever_fails() {
    for (given, fails) in [
        // Nothing is set.
        (sources(&[("DATABASE_URL", "sqlite:///nowhere/at/all.db")]), "database.reachable"),
        (sources(&[("APP_ENV", "production")]), "configuration.valid"),
        (sources(&[("APP_ENV", "production"), ("PORT", "many")]), "configuration.valid"),
        (sources(&[("DATABASE_URL", "postgres://a:hush-hush@127.0.0.1:1/x")]), "database.reachable"),
        (sources(&[("REDIS_URL", "redis://:hush-hush@127.0.0.1:1")]), "limits.redis_reachable"),
    ] {
        let resolved = given.resolve();
        let deployment = Config::validate(&resolved).map(|config| wire::deployment(&config));
        let deployment = deployment.as_ref().map_err(|problems| problems.each().collect());
        let found = check::run(deployment, &wire::secrets(&resolved));
        let ids: Vec<&str> = found.iter().map(|finding| finding.id).collect();
        assert_eq!(ids, IDS);
        let failed = found.iter().find(|finding| finding.id == fails).expect("a finding");
        assert_eq!(failed.verdict, Verdict::Fail, "{found:?}");
        let shown = format!("{found:?}");
        assert!(!shown.contains("hush"), "{shown}");
    }
    assert_eq!(IDS.iter().collect::<BTreeSet<_>>().len(), IDS.len());
}
