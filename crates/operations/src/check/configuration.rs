//! Checks of the configuration alone.

use std::time::Duration;

use inspection_domain::files::FileKind;
use secrecy::ExposeSecret;

use super::{
    database::{ServerLocation, location},
    deployment::Deployment,
};
use crate::Finding;

pub(super) fn findings(config: &Deployment) -> Vec<Finding> {
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

fn postgresql(config: &Deployment) -> Finding {
    let id = "database.postgresql";
    if config.sqlite_file().is_none() {
        Finding::pass(id, "the database is PostgreSQL")
    } else {
        Finding::fail(id, "the database is SQLite", "set DATABASE_URL to postgres://user:password@host/name")
    }
}

fn profile(config: &Deployment) -> Finding {
    let id = "web.profile";
    match config.profile {
        "production" => Finding::pass(id, "the profile is production"),
        other => Finding::fail(id, format!("the profile is {other}"), "set APP_ENV=production"),
    }
}

fn workers(config: &Deployment) -> Finding {
    let id = "web.workers";
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers =
        config.workers.map_or(cores, |workers| usize::try_from(workers.get()).unwrap_or(usize::MAX));
    let found = format!("{workers} workers on {cores} cores");
    if workers < cores {
        Finding::warning(id, found, "leave WORKERS unset, or set it to the number of cores")
    } else if workers > 4 * cores {
        Finding::warning(id, found, "workers beyond the cores only cost memory: leave WORKERS unset")
    } else {
        Finding::pass(id, found)
    }
}

fn timeouts(config: &Deployment) -> Finding {
    let id = "web.timeouts";
    let (request, shutdown) = (config.request_timeout.as_secs(), config.shutdown_timeout.as_secs());
    let found = format!("requests time out after {request} s, a shutdown after {shutdown} s");
    if (5..=600).contains(&request) {
        Finding::pass(id, found)
    } else {
        Finding::warning(id, found, "the shipped proxies expect 120 s: REQUEST_TIMEOUT=120s")
    }
}

fn proxy(config: &Deployment) -> Finding {
    let id = "web.proxy";
    if config.trusted_proxies.is_empty() {
        let fix = "set TRUSTED_PROXIES to the addresses of the proxy, or all clients share one rate limit";
        return Finding::warning(id, "no proxy is trusted", fix);
    }
    let any = config.trusted_proxies.iter().any(|network| network.prefix_len() == 0);
    if any {
        let fix = "set TRUSTED_PROXIES to the addresses of the proxy alone";
        return Finding::fail(id, "every client may forge its address", fix);
    }
    if !config.https_redirect {
        return Finding::warning(id, "requests without TLS are not redirected", "set HTTPS_REDIRECT=true");
    }
    Finding::pass(
        id,
        format!(
            "{} proxy networks are trusted; requests without TLS are redirected",
            config.trusted_proxies.len()
        ),
    )
}

fn origins(config: &Deployment) -> Finding {
    let id = "cors.origins";
    let fix = "set CORS_ORIGINS to the web apps: https://app.example.com,https://example.com";
    match &config.cors_origins {
        None => Finding::fail(id, "CORS_ORIGINS not set — defaulting to '*'", fix),
        Some(origins) if origins.iter().any(|origin| origin == "*") => {
            Finding::fail(id, "CORS_ORIGINS is '*': every web site may call the API", fix)
        }
        Some(origins) if origins.iter().any(|origin| origin.starts_with("http://")) => {
            Finding::warning(id, "an origin without TLS may call the API", fix)
        }
        Some(origins) => Finding::pass(id, format!("{} origins may call the API", origins.len())),
    }
}

fn redis(config: &Deployment) -> Finding {
    let id = "limits.redis";
    match config.redis_url.as_ref().map(ExposeSecret::expose_secret) {
        Some(url) if url.starts_with("redis://") && location(url) == ServerLocation::Remote => {
            let fix = "set REDIS_URL=rediss://:password@host:6379";
            Finding::warning(id, "the connection to Redis on another machine is not encrypted", fix)
        }
        Some(_) => Finding::pass(id, "limits are counted in Redis, for all instances together"),
        None => Finding::warning(
            id,
            "limits are counted in memory, separately by each instance",
            "with more than one instance, set REDIS_URL=redis://:password@host:6379",
        ),
    }
}

fn limits(config: &Deployment) -> Finding {
    let id = "limits.in_force";
    if !config.enforces_limits {
        return Finding::fail(
            id,
            "requests are not limited",
            "set APP_ENV=production, and remove RATE_LIMITS=off",
        );
    }
    let limits: Vec<String> =
        inspection_http::limits().into_iter().map(|(name, count)| format!("{name} {count}")).collect();
    let limits = limits.join(", ");
    Finding::pass(
        id,
        format!("requests per minute, user and address: {limits}; delays after wrong passwords"),
    )
}

fn size_limit(config: &Deployment) -> Finding {
    let id = "storage.size_limit";
    let bytes = config.max_content_length;
    let found = format!("files have at most {bytes} bytes");
    if bytes > 64 << 20 {
        Finding::warning(id, found, "set MAX_CONTENT_LENGTH=16777216, and the same limit in the proxy")
    } else {
        Finding::pass(id, found)
    }
}

fn types() -> Finding {
    let types: Vec<&str> = FileKind::ALL.iter().map(|kind| kind.extension()).collect();
    Finding::pass("storage.types", format!("accepted by content: {}", types.join(", ")))
}

fn level(config: &Deployment) -> Finding {
    let id = "logging.level";
    let level = config.log_level.as_str();
    match level {
        "info" | "warn" => Finding::pass(id, format!("the level is {level}")),
        "debug" | "trace" => Finding::fail(id, format!("the level is {level}"), "set LOG_LEVEL=info"),
        _ => Finding::warning(
            id,
            format!("the level is {level}: requests are not logged"),
            "set LOG_LEVEL=info",
        ),
    }
}

fn rotation(config: &Deployment) -> Finding {
    let id = "logging.rotation";
    if config.log_file.is_none() {
        return Finding::not_applicable(id, "there is no log file");
    }
    let (megabytes, retained) = (config.log_file_size >> 20, config.log_files_kept);
    Finding::pass(id, format!("{}; rotated at {megabytes} MB, {retained} files are kept", config.log_format))
}

fn enabled(config: &Deployment) -> Finding {
    let id = "scheduler.enabled";
    let tasks = inspection_scheduler::all_tasks().len();
    if config.runs_scheduler {
        Finding::pass(id, format!("{tasks} tasks are scheduled here; one instance executes each run"))
    } else {
        let fix = "set SCHEDULER_ENABLED=true on every instance";
        Finding::warning(id, "this instance runs no scheduled tasks; another one must", fix)
    }
}

fn metrics(config: &Deployment) -> Finding {
    let id = "monitoring.metrics";
    if config.has_metrics_token {
        Finding::pass(id, "/metrics requires a token")
    } else {
        let fix = "set METRICS_TOKEN, and configure it in Prometheus: docker/prometheus.yaml";
        Finding::warning(id, "/metrics can be read on this machine only", fix)
    }
}

fn lifetimes(config: &Deployment) -> Finding {
    let id = "security.token_lifetimes";
    let (access, refresh) = (config.access_token_lifetime, config.refresh_token_lifetime);
    let found = format!(
        "access tokens live {} h, refresh tokens {} days",
        access.as_secs() / 3600,
        refresh.as_secs() / 86_400
    );
    if access > Duration::from_hours(8) || refresh > Duration::from_hours(7 * 24) {
        let fix = "set JWT_ACCESS_TOKEN_EXPIRES=8h and JWT_REFRESH_TOKEN_EXPIRES=7d, or leave them unset";
        return Finding::fail(id, found, fix);
    }
    Finding::pass(id, found)
}
