//! Middleware: request id, time limit, log line, metrics, response headers, HTTPS redirect, CORS
//! and rate limits.

use std::time::{Duration, Instant};

use actix_cors::Cors;
use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use inspection_domain::ids::UserId;

use super::{
    app::App,
    decided::Decided,
    extract::{bearer_user, preferred_language},
    forwarded::Forwarded,
    limits::Limits,
    prefix::Prefix,
    problem::Problem,
    request_context::{self, Reader},
    settings::Settings,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whether a client-supplied request id is acceptable: short, and safe in a log line.
fn is_valid_request_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The outermost middleware.
pub(crate) async fn handle(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let app = request
        .app_data::<App>()
        .cloned()
        .ok_or_else(|| Problem::internal("the application data has no app"))?;
    let given = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .filter(|id| is_valid_request_id(id));
    let id = given.map_or_else(|| app.context().ids.unique(), ToOwned::to_owned);
    if let Some(limits) = request.app_data::<Limits>() {
        limits.evict_idle_clients(app.now());
    }
    let language = preferred_language(request.request());
    let forwarded = Forwarded::read(request.request(), &app.settings().trusted_proxies);
    let named = forwarded.as_ref().ok().and_then(|forwarded| forwarded.prefix.as_deref());
    let prefix = Prefix::new(named, app.settings().app_url.as_deref());
    request.extensions_mut().insert(forwarded);
    let reader = Reader::new(language, prefix, app.settings().app_url.clone());
    request_context::scope(id.clone(), reader, answer(app, id, request, next)).await
}

/// Handles a request with this id.
async fn answer(
    app: App,
    id: String,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let in_flight = app.metrics().request_started();
    let method = request.method().clone();
    let path = request.path().to_owned();
    let route = request.match_pattern();
    let answered = match tokio::time::timeout(app.settings().request_timeout, next.call(request)).await {
        Ok(answered) => answered,
        Err(_) => Err(timed_out(&id, &path)),
    };
    drop(in_flight);
    let status = match &answered {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    record(&app, &method, route.as_deref().unwrap_or("unmatched"), status, started.elapsed());
    let mut response = answered?;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    secure(&path, response.headers_mut());
    Ok(response)
}

/// Updates the metrics and writes the log line of a request.
fn record(app: &App, method: &Method, route: &str, status: StatusCode, took: Duration) {
    app.metrics().request_handled(method, route, status, took);
    let milliseconds = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
    let _ = request_context::with_current(|current| {
        let queries = current.stats();
        tracing::info!(
            request_id = current.id(),
            user = current.user().map(UserId::get),
            %method,
            route,
            status = status.as_u16(),
            milliseconds = milliseconds(took),
            queries = queries.statements,
            database_milliseconds = milliseconds(queries.time),
            "request"
        );
    });
}

/// The response to a request that exceeded its time limit. It bypasses the inner layers, so its
/// headers are added here.
fn timed_out(id: &str, path: &str) -> Error {
    let mut response = Problem::timed_out().error_response();
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    secure(path, response.headers_mut());
    InternalError::from_response("the request took too long", response).into()
}

/// Refuses forwarded headers that are not readable, and redirects plain HTTP requests from a
/// trusted proxy to HTTPS, except for `/health` and `/metrics`, which monitoring requests over
/// plain HTTP.
pub(crate) async fn to_https(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let forwarded = match Forwarded::of(request.request()) {
        Ok(forwarded) => forwarded,
        Err(problem) => return Ok(request.into_response(problem.error_response()).map_into_right_body()),
    };
    let location = request
        .app_data::<App>()
        .and_then(|app| https_location(app.settings(), &forwarded, request.request()));
    match location {
        Some(location) => {
            let redirect =
                HttpResponse::PermanentRedirect().insert_header((header::LOCATION, location)).finish();
            Ok(request.into_response(redirect).map_into_right_body())
        }
        None => Ok(next.call(request).await?.map_into_left_body()),
    }
}

/// The redirect target of a request, if it must be redirected.
fn https_location(settings: &Settings, forwarded: &Forwarded, request: &HttpRequest) -> Option<String> {
    let path = request.uri().path_and_query()?.as_str();
    let is_probe = path.starts_with("/health") || path.starts_with("/metrics");
    let is_plain = forwarded.scheme.as_deref() == Some("http");
    if !settings.https_redirect || is_probe || !is_plain {
        return None;
    }
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    // A port in the header is that of plain HTTP.
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':');
    let path = request_context::reader().prefix.path(path);
    (!name.is_empty() && name.chars().all(is_name)).then(|| format!("https://{name}{path}"))
}

/// Content security policy of the documentation page, which loads its own scripts and styles.
const PAGE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Content security policy of all other responses.
const API_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds the security headers.
fn secure(path: &str, headers: &mut header::HeaderMap) {
    let policy = if path.starts_with("/docs") { PAGE_POLICY } else { API_POLICY };
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    if !headers.contains_key(header::CACHE_CONTROL) && path.starts_with("/api") {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// CORS. The API uses no cookies, so credentials are never allowed.
pub(crate) fn cross_origin(settings: &Settings) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .expose_headers([
            "x-request-id",
            "retry-after",
            "ratelimit-limit",
            "ratelimit-remaining",
            "ratelimit-reset",
            "content-disposition",
            "etag",
            "accept-ranges",
            "content-range",
            "idempotency-replayed",
        ])
        .max_age(3600);
    if settings.cors_origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    settings
        .cors_origins
        .iter()
        .fold(cors.block_on_origin_mismatch(false), |cors, origin| cors.allowed_origin(origin))
}

/// Enforces the rate limits.
pub(crate) async fn enforce_limits(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let app = request.app_data::<App>().cloned();
    let limits = request.app_data::<Limits>().cloned();
    let (Some(app), Some(limits)) = (app, limits) else {
        return Err(Problem::internal("the application data has no app or no limits").into());
    };
    let user = bearer_user(request.request());
    let Some(mut decision) = limits.check(&request, user).await? else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let mut response = if decision.is_refusal() {
        request.into_response(Problem::rate_limited().error_response()).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    if let Some(decided) = response.request().extensions().get::<Decided>().and_then(Decided::get) {
        decision = decided;
    }
    if decision.is_refusal() {
        app.metrics().rate_limited(decision.name);
    }
    decision.add_headers(response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::is_valid_request_id;

    #[test]
    fn only_short_plain_request_ids_are_accepted() {
        assert!(is_valid_request_id("0193a-b_c.D"));
        for invalid in ["", "a b", "a\nb", "ä", &"x".repeat(65), "a\"b"] {
            assert!(!is_valid_request_id(invalid), "{invalid:?}");
        }
    }
}
