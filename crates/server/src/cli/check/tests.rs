use std::collections::{BTreeMap, BTreeSet};

use super::{super::findings::Verdict, *};

fn sources(given: &[(&str, &str)]) -> Sources {
    // The last of a name counts, also if it says that there is none.
    let environment: BTreeMap<String, String> =
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment: environment.into_iter().collect(), ..Sources::default() }
}

const FIT: &[(&str, &str)] = &[
    ("APP_ENV", "production"),
    ("SECRET_KEY", "8b0c5d1f7e2a94c6b3d8e1f05a7c29d46e8f1b3a5c7d9e0f"),
    ("JWT_SECRET_KEY", "pGt0x5Q9mLr2Vw8ZkYb3NcJhS7dF1aEuTi4oXq6R"),
    ("DATABASE_URL", "postgres://inspection:hush@db.example.com/site?sslmode=require"),
    ("REDIS_URL", "redis://:hush@redis.example.com:6379"),
    ("CORS_ORIGINS", "https://app.example.com"),
    ("TRUSTED_PROXIES", "10.0.0.1"),
    ("METRICS_TOKEN", "a token of the one who watches"),
];

/// What the configuration alone says of it, with some variables changed.
fn found(changes: &[(&str, &str)]) -> Vec<Finding> {
    let config = Config::load(&sources(&[FIT, changes].concat())).expect("valid");
    configuration::look(&config)
}

#[test]
fn a_fit_configuration_passes() {
    for finding in found(&[]) {
        assert_eq!(finding.verdict, Verdict::Pass, "{finding:?}");
    }
}

#[test]
fn each_variable_that_is_not_fit_is_found_and_its_fix_names_it() {
    use Verdict::{Fail, Warning};
    for (name, value, id, verdict, words) in [
        ("APP_ENV", "development", "web.profile", Fail, "development"),
        ("APP_ENV", "testing", "limits.in_force", Fail, "nothing is limited"),
        ("WORKERS", "1000", "web.workers", Warning, "1000 workers"),
        ("REQUEST_TIMEOUT", "2h", "web.timeouts", Warning, "7200 s"),
        ("TRUSTED_PROXIES", "", "web.proxy", Warning, "no proxy"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "web.proxy", Fail, "everybody"),
        ("HTTPS_REDIRECT", "false", "web.proxy", Warning, "without TLS"),
        ("CORS_ORIGINS", "", "cors.origins", Fail, "CORS_ORIGINS not set — defaulting to '*'"),
        ("CORS_ORIGINS", "*", "cors.origins", Fail, "every web site"),
        ("CORS_ORIGINS", "http://app.example.com", "cors.origins", Warning, "without TLS"),
        ("REDIS_URL", "memory://", "limits.redis", Warning, "in memory"),
        ("MAX_CONTENT_LENGTH", "1000000000", "storage.size_limit", Warning, "1000000000 bytes"),
        ("LOG_LEVEL", "debug", "logging.level", Fail, "debug"),
        ("LOG_LEVEL", "error", "logging.level", Warning, "error"),
        ("SCHEDULER_ENABLED", "false", "scheduler.enabled", Warning, "no scheduled tasks"),
        ("METRICS_TOKEN", "", "monitoring.metrics", Warning, "this machine only"),
        ("JWT_ACCESS_TOKEN_EXPIRES", "24h", "security.token_lifetimes", Fail, "24 h"),
        ("JWT_REFRESH_TOKEN_EXPIRES", "30d", "security.token_lifetimes", Fail, "30 days"),
    ] {
        let found = found(&[(name, value)]);
        let finding = found.iter().find(|finding| finding.id == id).expect("looked at");
        assert_eq!(finding.verdict, verdict, "{name}={value}: {finding:?}");
        assert!(finding.found.contains(words), "{name}={value}: {finding:?}");
        assert!(finding.fix.as_ref().is_some_and(|fix| fix.contains(name)), "{name}={value}: {finding:?}");
    }
    let sqlite = Config::load(&sources(&[])).expect("valid");
    let found = configuration::look(&sqlite);
    let finding = found.iter().find(|finding| finding.id == "database.postgresql").expect("looked at");
    assert_eq!(finding.verdict, Fail, "{finding:?}");
}

#[test]
fn everything_is_told_whatever_is_wrong() {
    for (given, fails) in [
        // Nothing is set, as when somebody tries it at home.
        (sources(&[("DATABASE_URL", "sqlite:///nowhere/at/all.db")]), "database.reachable"),
        (sources(&[("APP_ENV", "production")]), "configuration.valid"),
        (sources(&[("APP_ENV", "production"), ("PORT", "many")]), "configuration.valid"),
        (sources(&[("DATABASE_URL", "postgres://a:hush-hush@127.0.0.1:1/x")]), "database.reachable"),
        (sources(&[("REDIS_URL", "redis://:hush-hush@127.0.0.1:1")]), "limits.redis_reachable"),
    ] {
        let found = all(&given.resolve());
        let ids: Vec<&str> = found.iter().map(|finding| finding.id).collect();
        assert_eq!(ids, IDS);
        let failed = found.iter().find(|finding| finding.id == fails).expect("looked at");
        assert_eq!(failed.verdict, Verdict::Fail, "{found:?}");
        let told = format!("{found:?}");
        assert!(!told.contains("hush"), "{told}");
    }
    assert_eq!(IDS.iter().collect::<BTreeSet<_>>().len(), IDS.len());
}
