//! What happens to every request: its id, its time limit, the headers of its answer and its line in the log.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use actix_cors::Cors;
use actix_web::{
    Error, HttpRequest, HttpResponse, ResponseError,
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
use inspection_persistence::QueryStats;

use crate::{
    app::{App, Settings},
    limits,
    problem::Problem,
};

/// What becomes known of a request while it is answered.
struct Current {
    id: String,
    user: Cell<Option<UserId>>,
    meter: Cell<QueryStats>,
}

tokio::task_local! {
    static CURRENT: Current;
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Id of the request that is being answered.
pub(crate) fn current_id() -> Option<String> {
    CURRENT.try_with(|current| current.id.clone()).ok()
}

/// The request that is being answered has a token of this person.
pub(crate) fn is_by(user: UserId) {
    // Outside of a request there is nobody to tell.
    let _ = CURRENT.try_with(|current| current.user.set(Some(user)));
}

/// The request that is being answered has asked this of the database.
pub(crate) fn asked_database(meter: QueryStats) {
    let _ = CURRENT.try_with(|current| current.meter.set(current.meter.get().plus(meter)));
}

/// An id that a client may give a request: short, and nothing in it that could break a log line.
fn is_sane(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The outermost layer around every handler.
pub(crate) async fn handle(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let app = request.app_data::<App>().cloned().ok_or_else(|| Problem::internal("no app"))?;
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| is_sane(id));
    let id = given.map_or_else(|| app.context().ids.unique(), ToOwned::to_owned);
    if let Some(limits) = app.limits() {
        limits.tidy(app.now());
    }
    let current = Current { id: id.clone(), user: Cell::default(), meter: Cell::default() };
    CURRENT.scope(current, answer(app, id, request, next)).await
}

/// Answers a request whose id is known.
async fn answer(
    app: App,
    id: String,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let begun = Instant::now();
    let in_flight = app.metrics().begun();
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
    tell(&app, &method, route.as_deref().unwrap_or("unmatched"), status, begun.elapsed());
    let mut response = answered?;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    secure(&path, response.headers_mut());
    Ok(response)
}

/// Counts a request, and puts its line into the log.
fn tell(app: &App, method: &Method, route: &str, status: StatusCode, took: Duration) {
    app.metrics().answered(method, route, status, took);
    let milliseconds = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
    // Outside of a request there is nothing to tell.
    let _ = CURRENT.try_with(|current| {
        let meter = current.meter.get();
        tracing::info!(
            request_id = current.id,
            user = current.user.get().map(UserId::get),
            %method,
            route,
            status = status.as_u16(),
            milliseconds = milliseconds(took),
            queries = meter.statements,
            database_milliseconds = milliseconds(meter.time),
            "request"
        );
    });
}

/// The answer to a request that took too long. It passes by the layers inside, so that it gets its headers here.
fn timed_out(id: &str, path: &str) -> Error {
    let mut response = Problem::timed_out().error_response();
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    secure(path, response.headers_mut());
    InternalError::from_response("the request took too long", response).into()
}

/// Sends requests that came to a trusted proxy without TLS to the same address with it. Whoever asks how the service is asks the
/// service, not a page of it, and gets an answer.
pub(crate) async fn to_https(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let location = request.app_data::<App>().and_then(|app| elsewhere(app.settings(), request.request()));
    match location {
        Some(location) => {
            let answer =
                HttpResponse::PermanentRedirect().insert_header((header::LOCATION, location)).finish();
            Ok(request.into_response(answer).map_into_right_body())
        }
        None => Ok(next.call(request).await?.map_into_left_body()),
    }
}

/// The address with TLS that a request should have come to.
fn elsewhere(settings: &Settings, request: &HttpRequest) -> Option<String> {
    let path = request.uri().path_and_query()?.as_str();
    let is_probe = path.starts_with("/health") || path.starts_with("/metrics");
    let is_plain =
        limits::forwarded_scheme(request, &settings.trusted_proxies).is_some_and(|scheme| scheme == "http");
    if !settings.https_redirect || is_probe || !is_plain {
        return None;
    }
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    // The port, if one is named, is that of plain HTTP.
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':');
    (!name.is_empty() && name.chars().all(is_name)).then(|| format!("https://{name}{path}"))
}

/// The page of the documentation needs its own scripts and styles; everything else needs nothing.
const PAGE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

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

/// Which pages of other origins may use the API. No cookies are involved, so credentials are never allowed.
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

#[cfg(test)]
mod tests {
    use super::is_sane;

    #[test]
    fn only_short_plain_request_ids_are_taken() {
        assert!(is_sane("0193a-b_c.D"));
        for odd in ["", "a b", "a\nb", "ä", &"x".repeat(65), "a\"b"] {
            assert!(!is_sane(odd), "{odd:?}");
        }
    }
}
