//! What the configuration alone says.

use std::time::Duration;

use inspection_domain::files::FileKind;

use super::Finding;
use crate::{
    config::{Config, LogFormat, Origins, Profile, RedisUrl},
    logging,
};

pub(super) fn look(config: &Config) -> Vec<Finding> {
    vec![
        postgresql(config),
        profile(config),
        workers(config),
        timeouts(config),
        proxy(config),
        origins(config),
        redis(config),
        limits(config),
        size_limit(config),
        types(),
        level(config),
        rotation(config),
        enabled(config),
        metrics(config),
        lifetimes(config),
    ]
}

fn postgresql(config: &Config) -> Finding {
    let id = "database.postgresql";
    if config.database_url.is_postgres() {
        Finding::pass(id, "the database is PostgreSQL")
    } else {
        Finding::fail(
            id,
            "the database is a file of SQLite",
            "set DATABASE_URL to postgres://user:password@host/name",
        )
    }
}

fn profile(config: &Config) -> Finding {
    let id = "web.profile";
    match config.app_env {
        Profile::Production => Finding::pass(id, "the profile is production"),
        other => Finding::fail(id, format!("the profile is {}", other.as_str()), "set APP_ENV=production"),
    }
}

fn workers(config: &Config) -> Finding {
    let id = "web.workers";
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers =
        config.workers.map_or(cores, |workers| usize::try_from(workers.get()).unwrap_or(usize::MAX));
    let found = format!("{workers} workers on {cores} cores");
    if workers < cores {
        Finding::warning(id, found, "leave WORKERS unset, or set it to the number of cores")
    } else if workers > 4 * cores {
        Finding::warning(id, found, "more workers than cores only cost memory: leave WORKERS unset")
    } else {
        Finding::pass(id, found)
    }
}

fn timeouts(config: &Config) -> Finding {
    let id = "web.timeouts";
    let (request, shutdown) = (config.request_timeout.as_secs(), config.shutdown_timeout.as_secs());
    let found = format!("requests have {request} s, a stop {shutdown} s");
    if (5..=600).contains(&request) {
        Finding::pass(id, found)
    } else {
        Finding::warning(id, found, "120 s is what proxies are set to: REQUEST_TIMEOUT=120s")
    }
}

fn proxy(config: &Config) -> Finding {
    let id = "web.proxy";
    if config.trusted_proxies.is_empty() {
        let fix = "set TRUSTED_PROXIES to the addresses of the proxy, or all clients share one limit";
        return Finding::warning(id, "no proxy is trusted", fix);
    }
    let everybody = config.trusted_proxies.iter().any(|network| network.prefix_len() == 0);
    if everybody {
        let fix = "set TRUSTED_PROXIES to the addresses of the proxy alone";
        return Finding::fail(id, "everybody is trusted to say who they are", fix);
    }
    if !config.https_redirect {
        return Finding::warning(id, "requests without TLS are answered", "set HTTPS_REDIRECT=true");
    }
    Finding::pass(
        id,
        format!(
            "{} networks of proxies are trusted; requests without TLS are redirected",
            config.trusted_proxies.len()
        ),
    )
}

fn origins(config: &Config) -> Finding {
    let id = "cors.origins";
    let fix = "set CORS_ORIGINS to the web apps: https://app.example.com,https://example.com";
    match &config.cors_origins {
        None => Finding::fail(id, "CORS_ORIGINS not set — defaulting to '*'", fix),
        Some(origins) if origins.is_any() => {
            Finding::fail(id, "CORS_ORIGINS is '*': every web site may call", fix)
        }
        Some(Origins(list)) if list.iter().any(|origin| origin.starts_with("http://")) => {
            Finding::warning(id, "an origin without TLS may call", fix)
        }
        Some(Origins(list)) => Finding::pass(id, format!("{} origins may call", list.len())),
    }
}

fn redis(config: &Config) -> Finding {
    let id = "limits.redis";
    match config.redis_url {
        RedisUrl::Server(_) => Finding::pass(id, "limits are counted on Redis, for all instances together"),
        RedisUrl::Memory => Finding::warning(
            id,
            "limits are counted in memory: each instance has its own",
            "with more than one instance, set REDIS_URL=redis://:password@host:6379",
        ),
    }
}

fn limits(config: &Config) -> Finding {
    let id = "limits.in_force";
    if config.app_env == Profile::Testing {
        return Finding::fail(id, "nothing is limited in the profile for tests", "set APP_ENV=production");
    }
    let told: Vec<String> =
        inspection_http::limits().into_iter().map(|(name, count)| format!("{name} {count}")).collect();
    Finding::pass(id, format!("requests a minute and address: {}", told.join(", ")))
}

fn size_limit(config: &Config) -> Finding {
    let id = "storage.size_limit";
    let bytes = config.max_content_length.get();
    let found = format!("files have at most {bytes} bytes");
    if bytes > 64 << 20 {
        Finding::warning(id, found, "set MAX_CONTENT_LENGTH=16777216, and the proxy to the same")
    } else {
        Finding::pass(id, found)
    }
}

fn types() -> Finding {
    let types: Vec<&str> = FileKind::ALL.iter().map(|kind| kind.extension()).collect();
    Finding::pass("storage.types", format!("only these are taken, by their content: {}", types.join(", ")))
}

fn level(config: &Config) -> Finding {
    let id = "logging.level";
    let level = config.log_level.0.to_string().to_ascii_lowercase();
    match level.as_str() {
        "info" | "warn" => Finding::pass(id, format!("the level is {level}")),
        "debug" | "trace" => Finding::fail(id, format!("the level is {level}"), "set LOG_LEVEL=info"),
        _ => Finding::warning(
            id,
            format!("the level is {level}: requests leave no line"),
            "set LOG_LEVEL=info",
        ),
    }
}

fn rotation(config: &Config) -> Finding {
    let id = "logging.rotation";
    if config.log_file.is_none() {
        return Finding::not_applicable(id, "there is no file of the log");
    }
    let form = if config.log_format == LogFormat::Json { "JSON" } else { "text" };
    let (megabytes, kept) = (logging::FILE_SIZE >> 20, logging::FILES_KEPT);
    Finding::pass(id, format!("{form}; a file begins anew at {megabytes} MB, and {kept} are kept"))
}

fn enabled(config: &Config) -> Finding {
    let id = "scheduler.enabled";
    let tasks = inspection_scheduler::all_tasks().len();
    if config.scheduler_enabled {
        Finding::pass(id, format!("{tasks} tasks are scheduled here; each run is done by one instance"))
    } else {
        let fix = "set SCHEDULER_ENABLED=true on every instance";
        Finding::warning(id, "this instance runs no scheduled tasks; another one must", fix)
    }
}

fn metrics(config: &Config) -> Finding {
    let id = "monitoring.metrics";
    match config.metrics_token {
        Some(_) => Finding::pass(id, "/metrics can be read with a token"),
        None => Finding::warning(
            id,
            "/metrics can be read on this machine only",
            "set METRICS_TOKEN, and give it to Prometheus: docker/prometheus.yaml",
        ),
    }
}

fn lifetimes(config: &Config) -> Finding {
    let id = "security.token_lifetimes";
    let (access, refresh) = (config.jwt_access_token_expires, config.jwt_refresh_token_expires);
    let found = format!(
        "tokens live {} h, to refresh them {} days",
        access.as_secs() / 3600,
        refresh.as_secs() / 86_400
    );
    if access > Duration::from_hours(8) || refresh > Duration::from_hours(7 * 24) {
        let fix = "set JWT_ACCESS_TOKEN_EXPIRES=8h and JWT_REFRESH_TOKEN_EXPIRES=7d, or leave them unset";
        return Finding::fail(id, found, fix);
    }
    Finding::pass(id, found)
}
