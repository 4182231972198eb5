//! What happens to every request: its id, its time limit, the headers of its answer and its line in the log.

use actix_cors::Cors;
use actix_web::{
    Error, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::header::{self, HeaderName, HeaderValue},
    middleware::Next,
};

use crate::{
    app::{App, Settings},
    limits,
    problem::Problem,
};

tokio::task_local! {
    static ID: String;
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Id of the request that is being answered.
pub(crate) fn current_id() -> Option<String> {
    ID.try_with(Clone::clone).ok()
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
    let id = given.map_or_else(|| app.world().ids.unique(), ToOwned::to_owned);
    if let Some(limits) = app.limits() {
        limits.tidy(app.now());
    }
    let started = std::time::Instant::now();
    let method = request.method().clone();
    let path = request.path().to_owned();
    let answered = ID.scope(id.clone(), async {
        match tokio::time::timeout(app.settings().request_timeout, next.call(request)).await {
            Ok(answered) => answered,
            Err(_) => Err(timed_out(&id, &path)),
        }
    });
    let mut response = match answered.await {
        Ok(response) => response,
        Err(error) => {
            let status = error.as_response_error().status_code().as_u16();
            tracing::info!(request_id = id, %method, path, status, "request");
            return Err(error);
        }
    };
    tracing::info!(
        request_id = id,
        %method,
        route = response.request().match_pattern().unwrap_or_default(),
        status = response.status().as_u16(),
        milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request"
    );
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    limits::standard_headers(response.headers_mut());
    secure(&path, response.headers_mut());
    Ok(response)
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
