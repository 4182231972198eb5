//! The configuration: sources, defaults, validation, and the documents generated from it.

use std::{num::NonZeroU32, time::Duration};

use inspection_server::config::{
    Config, LogFormat, Origins, Problems, Profile, RedisUrl, Sources, VARIABLES, Variable,
};
use secrecy::ExposeSecret;
use tracing::level_filters::LevelFilter;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn env(given: &[(&str, &str)]) -> Sources {
    Sources { environment: pairs(given), ..Sources::default() }
}

fn load(given: &[(&str, &str)]) -> Result<Config, Problems> {
    Config::load(&env(given))
}

fn valid(given: &[(&str, &str)]) -> Config {
    load(given).expect("valid")
}

const PRODUCTION: [(&str, &str); 4] = [
    ("APP_ENV", "production"),
    ("SECRET_KEY", "5f0e2bd1a6c94b7c8f3d7e1a9b0c6d24"),
    ("JWT_SECRET_KEY", "e91c7a3f2d8b4605b7f1c0d9a8e35b62"),
    ("DATABASE_URL", "postgres://user:hush@db.example.com/site"),
];

/// Production with some variables changed.
fn production(changes: &[(&'static str, &'static str)]) -> Result<Config, Problems> {
    // The last value of a name counts.
    load(&[&PRODUCTION[..], changes].concat())
}

fn problems(outcome: Result<Config, Problems>) -> Vec<String> {
    outcome.err().map(|problems| problems.each().collect()).unwrap_or_default()
}

/// Whether the configuration is refused for this variable alone.
fn refused_for(outcome: Result<Config, Problems>, variable: &str) -> bool {
    let problems = problems(outcome);
    problems.len() == 1 && problems.iter().all(|problem| problem.starts_with(&format!("{variable} ")))
}

#[test]
fn without_anything_it_is_development_with_its_defaults() {
    let config = valid(&[]);
    assert_eq!(config.app_env, Profile::Development);
    assert_eq!(config.address(), ("127.0.0.1", 5000));
    assert_eq!(config.workers, None);
    assert_eq!(config.jwt_access_token_expires, Duration::from_hours(24));
    assert_eq!(config.jwt_refresh_token_expires, Duration::from_hours(24 * 7));
    assert_eq!(config.database_url.expose().expose_secret(), "sqlite://data/inspection.db");
    assert_eq!((config.db_pool_size.get(), config.db_max_overflow), (10, 5));
    assert_eq!(config.cors_origins, Some(Origins::any()));
    assert_eq!(config.max_content_length.get(), 16 * 1024 * 1024);
    assert_eq!(config.log_level.0, LevelFilter::DEBUG);
    assert_eq!(config.log_format, LogFormat::Text);
    assert_eq!(config.app_timezone.name, "UTC");
    assert_eq!(config.request_timeout, Duration::from_mins(2));
    assert_eq!(config.shutdown_timeout, Duration::from_secs(30));
    assert!(config.auto_migrate && config.trusted_proxies.is_empty() && config.admin_email.is_none());
    assert!(config.warnings().is_empty());
}

#[test]
fn production_has_defaults_of_its_own() {
    let config = production(&[]).expect("valid");
    assert_eq!(config.address(), ("0.0.0.0", 5000));
    assert_eq!(config.jwt_access_token_expires, Duration::from_hours(8));
    assert_eq!(config.log_level.0, LevelFilter::INFO);
    assert_eq!(config.log_format, LogFormat::Json);
    assert!(!config.auto_migrate);
}

#[test]
fn production_needs_secrets_and_a_database() {
    assert_eq!(
        problems(load(&[("APP_ENV", "production")])),
        ["DATABASE_URL is required", "SECRET_KEY is required", "JWT_SECRET_KEY is required"]
    );
}

#[test]
fn production_secrets_are_long_different_and_not_those_of_development() {
    assert!(refused_for(production(&[("SECRET_KEY", "short")]), "SECRET_KEY"));
    assert!(refused_for(production(&[("SECRET_KEY", "dev-secret-key-change-in-production")]), "SECRET_KEY"));
    assert!(refused_for(
        production(&[("JWT_SECRET_KEY", "dev-jwt-secret-change-in-production")]),
        "JWT_SECRET_KEY"
    ));
    assert!(refused_for(
        production(&[("JWT_SECRET_KEY", "5f0e2bd1a6c94b7c8f3d7e1a9b0c6d24")]),
        "JWT_SECRET_KEY"
    ));
    // Bytes, not characters.
    assert!(production(&[("SECRET_KEY", "ضقهخثصغعطذشمنتالبيسرؤءئظزوةىكد")]).is_ok());
    assert!(refused_for(production(&[("SECRET_KEY", "f0e2bd1a6c94b7c8f3d7e1a9b0c6d24")]), "SECRET_KEY"));
}

#[test]
fn production_secrets_and_their_predecessors_are_random() {
    for weak in [
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "passwordpasswordpasswordpasswordpassword",
        "0123456789abcdef0123456789abcdef",
    ] {
        for name in ["SECRET_KEY", "JWT_SECRET_KEY", "SECRET_KEYS_OLD", "JWT_SECRET_KEYS_OLD"] {
            let refused = problems(production(&[(name, weak)]));
            assert_eq!(refused, [format!("{name} is not random: generate one with `openssl rand -hex 32`")]);
        }
        assert!(load(&[("SECRET_KEY", weak)]).is_ok(), "in development");
    }
    let old = "8b0c5d1f7e2a94c6b3d8e1f05a7c29d4, 6e8f1b3a5c7d9e0f8b0c5d1f7e2a94c6,";
    let config = production(&[("JWT_SECRET_KEYS_OLD", old)]).expect("valid");
    assert_eq!((config.jwt_secret_keys_old.len(), config.secret_keys_old.len()), (2, 0));
    assert!(refused_for(production(&[("SECRET_KEYS_OLD", "short")]), "SECRET_KEYS_OLD"));
}

#[test]
fn production_is_on_postgresql() {
    assert!(refused_for(production(&[("DATABASE_URL", "sqlite://data/site.db")]), "DATABASE_URL"));
    assert!(production(&[("DATABASE_URL", "postgresql://db/site")]).is_ok());
    assert!(refused_for(load(&[("DATABASE_URL", "mysql://db/site")]), "DATABASE_URL"));
    assert!(refused_for(load(&[("DATABASE_URL", "sqlite://")]), "DATABASE_URL"));
}

#[test]
fn production_warns_about_any_origin() {
    let warnings = |changes| production(changes).expect("valid").warnings();
    assert!(warnings(&[])[0].starts_with("CORS_ORIGINS not set — defaulting to '*'"));
    assert!(warnings(&[("CORS_ORIGINS", "https://a.example, *")])[0].starts_with("CORS_ORIGINS is '*'"));
    assert!(warnings(&[("CORS_ORIGINS", "https://a.example")]).is_empty());
}

#[test]
fn an_unknown_profile_is_refused_together_with_other_problems() {
    let found = problems(load(&[("APP_ENV", "prod"), ("PORT", "x")]));
    assert_eq!(
        found,
        ["APP_ENV must be one of: development, production, testing", "PORT must be a port, 0 to 65535"]
    );
}

#[test]
fn every_problem_is_reported_at_once() {
    let sources = Sources {
        environment: pairs(&[
            ("APP_ENV", "production"),
            ("BIND", "here there"),
            ("PORT", "70000"),
            ("WORKERS", "0"),
            ("SECRET_KEY", "short"),
            ("SECRET_KEYS_OLD", "short"),
            ("JWT_SECRET_KEYS_OLD", "short"),
            ("JWT_ACCESS_TOKEN_EXPIRES", "soon"),
            ("JWT_REFRESH_TOKEN_EXPIRES", "0"),
            ("DATABASE_URL", "somewhere"),
            ("DATABASE_READ_URL", "elsewhere"),
            ("DB_POOL_SIZE", "-1"),
            ("DB_MAX_OVERFLOW", "some"),
            ("REDIS_URL", "somewhere"),
            ("CORS_ORIGINS", "app.example.com"),
            ("UPLOAD_FOLDER", "up\u{7}loads"),
            ("STORAGE_URL", "https://bucket"),
            ("AWS_ACCESS_KEY_ID", "two words"),
            ("AWS_SECRET_ACCESS_KEY", "short"),
            ("AWS_REGION", "far away"),
            ("AWS_ENDPOINT_URL", "minio"),
            ("MAX_CONTENT_LENGTH", "16MB"),
            ("DASHBOARD_AGE", "2s"),
            ("LOG_LEVEL", "loud"),
            ("LOG_FORMAT", "xml"),
            ("LOG_FILE", "app\u{7}.log"),
            ("APP_TIMEZONE", "Mars/Olympus"),
            ("SCHEDULER_ENABLED", "perhaps"),
            ("OPENAI_BASE_URL", "http://api.example.com/v1"),
            ("OPENAI_TRANSLATE_MODEL", "two words"),
            ("TRUSTED_PROXIES", "10.0.0.0/99"),
            ("RATE_LIMITS", "perhaps"),
            ("APP_URL", "https://example.com//evil.example"),
            ("SECURITY_CONTACT", "security@example.com"),
            ("HTTPS_REDIRECT", "perhaps"),
            ("BACKUP_FOLDER", "back\u{7}ups"),
            ("REQUEST_TIMEOUT", "-5"),
            ("WRITE_TIMEOUT", "soon"),
            ("RETENTION_TASK_RUNS", "for ever"),
            ("RETENTION_READ_NOTIFICATIONS", "0"),
            ("RETENTION_REJECTED_ITEMS", "soon"),
            ("RETENTION_IDEMPOTENCY_KEYS", "-1"),
            ("RETENTION_DEAD_JOBS", "11 years"),
            ("SHUTDOWN_TIMEOUT", "11 years"),
            ("AUTO_MIGRATE", "perhaps"),
            ("ADMIN_EMAIL", "nobody"),
            ("ADMIN_PASSWORD", "short"),
        ]),
        dotenv: Some("not a variable\n".into()),
        toml: Some("prot = 5000\n".into()),
    };
    let error = Config::load(&sources).expect_err("refused");
    let message = error.to_string();
    for variable in VARIABLES.iter().map(Variable::name).filter(|name| {
        // The first is valid, keys and tokens may have any value, and the others are checked
        // together with a variable that is invalid here.
        !["APP_ENV", "ADMIN_PASSWORD", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "METRICS_TOKEN"]
            .contains(&name.as_str())
    }) {
        assert!(message.contains(&format!("\n  {variable} ")), "{variable} is missing in {message}");
    }
    assert!(message.contains("\n  inspection.toml has an unknown setting: prot"), "{message}");
    assert!(message.contains("\n  .env can't be read: line 1 is not NAME=value"), "{message}");
    assert!(!message.contains("short"), "no secrets in messages");
}

#[test]
fn secrets_and_files_are_sent_encrypted_to_other_machines() {
    for name in ["AWS_ENDPOINT_URL", "OPENAI_BASE_URL"] {
        for (address, is_valid) in [
            ("https://s3.example.com", true),
            ("http://localhost:9000", true),
            ("http://127.0.0.1:9000", true),
            ("http://[::1]:9000", true),
            ("http://minio:9000", false),
            ("http://s3.example.com", false),
            ("http://localhost.example.com", false),
            ("http://10.1.2.3:9000", false),
        ] {
            let outcome = load(&[(name, address)]);
            assert_eq!(outcome.is_ok(), is_valid, "{name}={address}");
            assert!(is_valid || refused_for(outcome, name), "{name}={address}");
        }
    }
}

#[test]
fn contacts_of_security_have_a_scheme() {
    let contacts = |text| load(&[("SECURITY_CONTACT", text)]).map(|config| config.security_contact.0);
    assert_eq!(contacts(""), Ok(Vec::new()));
    let both = ["mailto:security@example.com", "https://example.com/report"].map(str::to_owned);
    assert_eq!(contacts("mailto:security@example.com, https://example.com/report"), Ok(both.into()));
    for text in ["security@example.com", "mailto:security@example.com,http://example.com/report"] {
        assert!(contacts(text).is_err(), "{text}");
    }
}

#[test]
fn a_replica_requires_postgresql() {
    let with = |url, replica| load(&[("DATABASE_URL", url), ("DATABASE_READ_URL", replica)]);
    assert!(with("postgres://primary/site", "postgres://replica/site").is_ok());
    for (url, replica) in [
        ("sqlite://data/site.db", "postgres://replica/site"),
        ("postgres://primary/site", "sqlite://data/site.db"),
        ("postgres://primary/site", "mysql://replica/site"),
    ] {
        assert!(refused_for(with(url, replica), "DATABASE_READ_URL"), "{url}, {replica}");
    }
}

#[test]
fn nothing_is_deleted_within_an_hour() {
    for name in [
        "RETENTION_TASK_RUNS",
        "RETENTION_READ_NOTIFICATIONS",
        "RETENTION_REJECTED_ITEMS",
        "RETENTION_IDEMPOTENCY_KEYS",
        "RETENTION_DEAD_JOBS",
    ] {
        assert!(load(&[(name, "1h")]).is_ok(), "{name}");
        assert!(refused_for(load(&[(name, "59m")]), name), "{name}");
    }
}

#[test]
fn the_first_admin_needs_a_valid_address_and_password() {
    let admin = |email, password| load(&[("ADMIN_EMAIL", email), ("ADMIN_PASSWORD", password)]);
    assert!(admin("a@example.com", "correct horse").is_ok());
    assert!(refused_for(admin("a@example.com", "short"), "ADMIN_PASSWORD"));
    assert!(refused_for(admin("a@example.com", "A@example.com"), "ADMIN_PASSWORD"));
    assert!(refused_for(admin("a@example.com", ""), "ADMIN_PASSWORD"));
    assert!(refused_for(admin("", "correct horse"), "ADMIN_EMAIL"));
    assert!(refused_for(admin("nobody", "correct horse"), "ADMIN_EMAIL"));
}

#[test]
fn environment_overrides_dotenv_overrides_toml_overrides_defaults() {
    let mut sources = Sources {
        environment: pairs(&[("PORT", "1"), ("LOG_LEVEL", "")]),
        dotenv: Some("PORT=2\nWORKERS=2\nLOG_LEVEL=INFO".into()),
        toml: Some("port = 3\nworkers = 3\nlog_format = 'json'\ncors_origins = ['https://a.example', 'https://b.example']".into()),
    };
    let config = Config::load(&sources).expect("valid");
    assert_eq!((config.port, config.workers.map(NonZeroU32::get)), (Some(1), Some(2)));
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.log_level.0, LevelFilter::INFO, "an empty value counts as not set");
    assert_eq!(
        config.cors_origins,
        Some(Origins(vec!["https://a.example".into(), "https://b.example".into()]))
    );
    let from = |sources: &Sources, name: &str| {
        let shown = sources.resolve().shown();
        shown.into_iter().find(|line| line.name == name).and_then(|line| line.from)
    };
    for (name, source) in [
        ("PORT", "environment"),
        ("WORKERS", ".env"),
        ("LOG_FORMAT", "inspection.toml"),
        ("LOG_LEVEL", ".env"),
        ("BIND", "default"),
    ] {
        assert_eq!(from(&sources, name).as_deref(), Some(source), "{name}");
    }
    // The profile may come from any layer, and decides the defaults.
    sources.toml = Some("app_env = 'testing'".into());
    assert_eq!(Config::load(&sources).expect("valid").app_env, Profile::Testing);
}

#[test]
fn old_names_are_accepted_and_new_ones_take_precedence() {
    let config = valid(&[("FLASK_ENV", "testing"), ("GUNICORN_BIND", ":8000"), ("GUNICORN_WORKERS", "3")]);
    assert_eq!(config.app_env, Profile::Testing);
    assert_eq!(config.address(), ("0.0.0.0", 8000));
    assert_eq!(config.workers.map(NonZeroU32::get), Some(3));
    assert_eq!(valid(&[("GUNICORN_WORKERS", "3"), ("WORKERS", "4")]).workers.map(NonZeroU32::get), Some(4));
    // The layer takes precedence over the name.
    let sources = Sources {
        environment: pairs(&[("GUNICORN_WORKERS", "5")]),
        dotenv: Some("WORKERS=6".into()),
        toml: None,
    };
    assert_eq!(Config::load(&sources).expect("valid").workers.map(NonZeroU32::get), Some(5));
}

#[test]
fn addresses_are_parsed_with_and_without_port() {
    let bind = |text| load(&[("BIND", text)]).map(|config| (config.bind.host, config.bind.port));
    let is = |host: &str, port| Ok((host.to_owned(), port));
    assert_eq!(bind("localhost"), is("localhost", 5000));
    assert_eq!(bind("10.0.0.1:81"), is("10.0.0.1", 81));
    assert_eq!(bind("[::1]:81"), is("::1", 81));
    assert_eq!(bind("::1"), is("::1", 5000));
    assert!(bind("unix:/run/app.sock").is_err() && bind("a:b").is_err() && bind("http://a:80").is_err());
    assert_eq!(valid(&[("BIND", "10.0.0.1:81"), ("PORT", "82")]).address(), ("10.0.0.1", 82));
}

#[test]
fn durations_are_seconds_or_have_units() {
    let seconds = |text| {
        load(&[("JWT_ACCESS_TOKEN_EXPIRES", text)]).map(|config| config.jwt_access_token_expires.as_secs())
    };
    for (text, expected) in [
        ("1", 1),
        ("28800", 28_800),
        ("90s", 90),
        ("30m", 1800),
        ("8h", 28_800),
        ("24 h", 86_400),
        ("7d", 604_800),
        ("7 days", 604_800),
        ("1h 30m", 5400),
        ("2w", 1_209_600),
    ] {
        assert_eq!(seconds(text), Ok(expected), "{text}");
    }
    for text in ["0", "-1", "-8h", "soon", "8", "8.5", "10 parsecs", "100y", "99999999999", "200ms"] {
        assert_eq!(seconds(text).is_ok(), text == "8", "{text}");
    }
}

#[test]
fn proxies_are_addresses_or_ranges() {
    let proxies = valid(&[("TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.7,fd00::/8")]).trusted_proxies;
    let texts: Vec<_> = proxies.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["10.0.0.0/8", "192.168.1.7/32", "fd00::/8"]);
}

#[test]
fn origins_have_no_path() {
    for (text, is_valid) in [
        ("*", true),
        ("https://a.example", true),
        ("http://localhost:3000,https://a.example", true),
        ("https://a.example/", false),
        ("a.example", false),
        ("https://*.example", false),
        (",", false),
    ] {
        assert_eq!(load(&[("CORS_ORIGINS", text)]).is_ok(), is_valid, "{text}");
    }
}

#[test]
fn dotenv_supports_quotes_comments_and_export() {
    let text = "\u{feff}# a comment\r\n\r\nexport PORT = 81 # the port\nAWS_REGION='it''\n\
                AWS_REGION=\"a \\\"b\\\" #c\" # d\nOPENAI_TRANSLATE_MODEL='$HOME \\n'\n\
                LOG_LEVEL=info#not-a-comment\nOTHER=ignored\nADMIN_EMAIL=#nothing\n";
    let sources = Sources { dotenv: Some(text.into()), ..Sources::default() };
    let resolved = sources.resolve();
    let shown = resolved.shown();
    let value =
        |name: &str| shown.iter().find(|line| line.name == name).and_then(|line| line.value.as_deref());
    assert_eq!(value("PORT"), Some("81"));
    assert_eq!(value("AWS_REGION"), Some("a \"b\" #c"));
    assert_eq!(value("OPENAI_TRANSLATE_MODEL"), Some("$HOME \\n"), "nothing is substituted");
    assert_eq!(value("LOG_LEVEL"), Some("info#not-a-comment"));
    assert_eq!(value("ADMIN_EMAIL"), None);
    let found = problems(Config::validate(&resolved));
    let of_dotenv: Vec<_> = found.iter().filter(|problem| problem.starts_with(".env")).collect();
    assert_eq!(of_dotenv, [".env can't be read: line 4 is not NAME=value"]);
}

#[test]
fn a_malformed_file_is_reported_without_quoting_it() {
    let sources = Sources { toml: Some("port = 1\nsecret_key = hush-hush\n".into()), ..Sources::default() };
    let message = Config::load(&sources).expect_err("refused").to_string();
    assert!(message.contains("inspection.toml can't be read") && message.contains("line 2"), "{message}");
    assert!(!message.contains("hush"), "{message}");
}

#[test]
fn secrets_are_not_printed() {
    let sources = env(&[
        ("SECRET_KEY", "hush-1"),
        ("JWT_SECRET_KEY", "hush-2"),
        ("JWT_SECRET_KEYS_OLD", "hush-6,hush-7"),
        ("DATABASE_URL", "postgres://user:hush-3@db/site?sslmode=require&sslpassword=hush-4"),
        ("ADMIN_EMAIL", "a@example.com"),
        ("ADMIN_PASSWORD", "hush hush 5 lanterns"),
    ]);
    let config = Config::load(&sources).expect("valid");
    let shown = sources.resolve().shown();
    for text in [format!("{config:?}"), format!("{config:#?}"), format!("{sources:?}"), format!("{shown:?}")]
    {
        assert!(!text.contains("hush"), "{text}");
    }
    let url = shown.into_iter().find(|line| line.name == "DATABASE_URL").and_then(|line| line.value);
    assert_eq!(
        url.as_deref(),
        Some("postgres://user:********@db/site?sslmode=require&sslpassword=********"),
        "only passwords are masked"
    );
}

#[test]
fn addresses_of_redis_are_validated() {
    for url in [
        "redis://h",
        "redis://u:p@h:6379/1",
        "rediss://:p@h:6380",
        "redis+unix:///run/redis.sock?pass=p",
        "unix:///s",
    ] {
        assert!(matches!(valid(&[("REDIS_URL", url)]).redis_url, RedisUrl::Server(_)), "{url}");
    }
    assert!(matches!(valid(&[("RATELIMIT_STORAGE_URI", "memory://")]).redis_url, RedisUrl::Memory));
    for url in ["redis://", "redis://h:port", "redis://h/site", "http://h", "redis", "unix://"] {
        assert!(refused_for(load(&[("REDIS_URL", url)]), "REDIS_URL"), "{url}");
    }
}

#[test]
fn passwords_in_addresses_are_masked_in_every_form() {
    for (url, shown) in [
        ("sqlite://data/inspection.db", "sqlite://data/inspection.db"),
        ("postgres://db/site", "postgres://db/site"),
        ("postgres://user@db/site", "postgres://user@db/site"),
        ("postgres://user:p@ss@db/site", "postgres://user:********@db/site"),
        ("postgres://user:p/s?s@db/site", "postgres://user:********@db/site"),
        ("postgres://db/site?user=u&password=p", "postgres://db/site?user=u&password=********"),
        ("redis+unix:///run/redis.sock?db=1&pass=p", "redis+unix:///run/redis.sock?db=1&pass=********"),
        ("host=db password=p", "********"),
    ] {
        let lines = env(&[("DATABASE_URL", url)]).resolve().shown();
        let line = lines.into_iter().find(|line| line.name == "DATABASE_URL");
        assert_eq!(line.and_then(|line| line.value).as_deref(), Some(shown));
    }
}

#[test]
fn buckets_and_their_credentials_are_validated() {
    let bucket = |url: &str| {
        Config::load(&Sources { environment: pairs(&[("STORAGE_URL", url)]), ..Sources::default() })
            .map(|config| config.storage_url.map(|bucket| (bucket.name, bucket.prefix)))
    };
    for (url, name, prefix) in [
        ("s3://evidence", "evidence", ""),
        ("s3://evidence/", "evidence", ""),
        ("s3://my.evidence-1/site/one/", "my.evidence-1", "site/one"),
    ] {
        assert_eq!(bucket(url).expect(url), Some((name.to_owned(), prefix.to_owned())));
    }
    for invalid in [
        "s3://",
        "s3://a",
        "gs://evidence",
        "s3://evidence/../up",
        "s3://evi dence",
        "/data",
        "s3://evidence/a b",
    ] {
        assert!(bucket(invalid).is_err(), "{invalid}");
    }
    for (one, other) in
        [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")]
    {
        let sources = Sources { environment: pairs(&[(one, "given")]), ..Sources::default() };
        let refused = Config::load(&sources).expect_err("refused").to_string();
        assert!(refused.contains(&format!("{other} is required with {one}")), "{refused}");
    }
}
