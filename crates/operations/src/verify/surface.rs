//! Checks that need no account: TLS, health, headers, CORS, documentation, metrics.

use super::{
    client::{Request, RequestError, Response},
    result::{CheckResult, StepResult, fail, not_applicable, pass, warning},
    run::Run,
};

/// The connection, and the certificate of the host.
pub(super) fn tls(run: &mut Run<'_>) -> CheckResult {
    if let Err(error) = run.client.get("/health/live", None) {
        run.lost = Some(error.clone());
        return match error {
            RequestError::Untrusted(_) => fail(
                error.to_string(),
                "install a certificate for this host; name a private CA with --ca-certificate",
            ),
            RequestError::Unreachable(_) => not_applicable("no response: see verify.health"),
        };
    }
    let base = &run.client.base;
    match (base.is_secure, base.is_loopback()) {
        (true, _) => pass(format!("the certificate is valid for {}", base.host)),
        (false, true) => {
            warning("plain HTTP, on this machine only", "verify the https address that clients use")
        }
        (false, false) => fail("plain HTTP: passwords can be intercepted", "put a TLS proxy in front"),
    }
}

/// `/health`.
pub(super) fn health(run: &mut Run<'_>) -> StepResult {
    match &run.lost {
        Some(RequestError::Untrusted(_)) => {
            return Err(not_applicable("no trusted connection: see verify.tls"));
        }
        Some(error) => return Err(error.clone().into()),
        None => {}
    }
    let response = run.client.get("/health", None)?;
    let text = |pointer| response.at(pointer).as_str().unwrap_or("nothing");
    let (status, database, version) = (text("/status"), text("/database"), text("/version"));
    if (response.status, status, database) == (200, "healthy", "connected") {
        return Ok(pass(format!("healthy, version {version}")));
    }
    Ok(fail(
        format!("/health returns {}: status {status}, database {database}", response.status),
        "read the log of the service, and start the database",
    ))
}

/// `/health/ready`.
pub(super) fn ready(run: &mut Run<'_>) -> StepResult {
    let response = run.client.get("/health/ready", None)?;
    if response.status == 200 {
        return Ok(pass("ready"));
    }
    let text = |pointer| response.at(pointer).as_str().unwrap_or("unknown");
    let (migrations, storage) = (text("/migrations"), text("/storage"));
    Ok(fail(
        format!("/health/ready returns {}: migrations {migrations}, storage {storage}", response.status),
        "apply migrations with `inspection-server migrate up`, and make the file store writable",
    ))
}

/// The redirect from `http` to `https`.
pub(super) fn redirect(run: &mut Run<'_>) -> StepResult {
    let base = &run.client.base;
    match (base.is_secure, base.is_loopback()) {
        (false, true) => return Err(not_applicable("plain HTTP on this machine")),
        (false, false) => {
            return Err(fail("the address is not https", "verify the https address that clients use"));
        }
        (true, _) => {}
    }
    let fix = "let the proxy redirect http to https";
    let url = format!("{}/health", base.plain_http_url(run.settings.http_port));
    let response = run.client.send_to(&url, &Request { path: "/health", ..Request::default() });
    let response =
        response.map_err(|error| fail(format!("http, port {}: {error}", run.settings.http_port), fix))?;
    let location = response.header("location").unwrap_or_default();
    if matches!(response.status, 301 | 302 | 307 | 308) && location.starts_with("https://") {
        return Ok(pass(format!("http redirects to https ({})", response.status)));
    }
    Ok(fail(format!("http returns {} instead of a redirect to https", response.status), fix))
}

/// Security headers for browsers.
pub(super) fn headers(run: &mut Run<'_>) -> StepResult {
    let is_secure = run.client.base.is_secure;
    let mut missing = Vec::new();
    for path in ["/", "/api/auth/me", "/there-is-nothing-here"] {
        let response = run.client.get(path, None)?;
        missing
            .extend(unsafe_headers(&response, is_secure).into_iter().map(|name| format!("{name} on {path}")));
    }
    if missing.is_empty() {
        return Ok(pass("on the start page, the API and errors"));
    }
    Ok(fail(
        format!("missing or too lax: {}", missing.join(", ")),
        "the service sends them: the proxy must not remove or replace them",
    ))
}

fn unsafe_headers(response: &Response, is_secure: bool) -> Vec<&'static str> {
    let value = |name| response.header(name).unwrap_or_default().to_ascii_lowercase();
    let is_strict = |value: &str| value.contains("max-age=") && !value.contains("max-age=0");
    let fine = [
        ("x-content-type-options", value("x-content-type-options") == "nosniff"),
        ("x-frame-options", matches!(value("x-frame-options").as_str(), "deny" | "sameorigin")),
        ("referrer-policy", !matches!(value("referrer-policy").as_str(), "" | "unsafe-url")),
        ("content-security-policy", !value("content-security-policy").is_empty()),
        ("strict-transport-security", !is_secure || is_strict(&value("strict-transport-security"))),
    ];
    fine.into_iter().filter(|(_, fine)| !fine).map(|(name, _)| name).collect()
}

/// An origin that isn't allowed.
const FOREIGN: &str = "https://foreign.example";

/// The CORS policy for foreign origins.
pub(super) fn cors(run: &mut Run<'_>) -> StepResult {
    let mut any = false;
    for origin in [FOREIGN, "null"] {
        let simple = [("origin", origin)];
        let preflight = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ];
        let requests = [
            Request { path: "/health", headers: &simple, ..Request::default() },
            Request { path: "/api/auth/me", headers: &simple, ..Request::default() },
            Request { method: "OPTIONS", path: "/api/auth/login", headers: &preflight, ..Request::default() },
        ];
        for request in requests {
            let response = run.client.send(&request)?;
            any |= allows_any(&response, origin)?;
        }
    }
    let fix = "list the origins of your web apps in CORS_ORIGINS";
    Ok(if any {
        warning("every web site may call the API", fix)
    } else {
        pass("a foreign origin isn't allowed")
    })
}

/// Whether a response allows any origin. Fails if it allows this foreign one or credentials.
fn allows_any(response: &Response, origin: &str) -> Result<bool, CheckResult> {
    let fix = "list the origins of your web apps in CORS_ORIGINS, and leave CORS to the service";
    let allowed = response.header("access-control-allow-origin");
    if allowed == Some(origin) {
        return Err(fail(format!("the foreign origin {origin} is allowed"), fix));
    }
    let credentials = response.header("access-control-allow-credentials") == Some("true");
    if credentials && allowed.is_some() {
        return Err(fail("web sites may call the API with credentials", fix));
    }
    Ok(allowed == Some("*"))
}

/// The OpenAPI document and its page.
pub(super) fn docs(run: &mut Run<'_>) -> StepResult {
    let fix = "let the proxy forward /docs and /api/openapi.json";
    let document = run.client.get("/api/openapi.json", None)?;
    let paths = document.at("/paths").as_object().map_or(0, serde_json::Map::len);
    if document.status != 200 || paths == 0 {
        return Err(fail(format!("/api/openapi.json returns {}, no document", document.status), fix));
    }
    let page = run.client.get("/docs", None)?;
    // The page itself, or a redirect to it.
    if !(200..400).contains(&page.status) {
        return Err(fail(format!("/docs returns {}", page.status), fix));
    }
    Ok(pass(format!("the document has {paths} paths")))
}

/// Metrics are not public.
pub(super) fn metrics(run: &mut Run<'_>) -> StepResult {
    if run.client.base.is_loopback() {
        return Err(not_applicable("they may be read on this machine"));
    }
    let response = run.client.get("/metrics", None)?;
    Ok(hidden(response.status))
}

fn hidden(status: u16) -> CheckResult {
    match status {
        401 | 403 | 404 => pass(format!("not public ({status})")),
        other => fail(
            format!("/metrics returns {other} without a token"),
            "set METRICS_TOKEN, or keep the proxy from forwarding /metrics",
        ),
    }
}

/// No response sets a cookie.
pub(super) fn cookies(run: &mut Run<'_>) -> CheckResult {
    let cookies = &run.client.cookies;
    let Some(first) = cookies.first() else { return pass("no response sets one") };
    fail(
        format!("{} responses set cookies, such as {first}", cookies.len()),
        "keep the proxy from adding cookies; the API needs none",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    fn verdict(result: CheckResult) -> Verdict {
        result.finding("verify.test").verdict
    }

    fn response(headers: &[(&str, &str)]) -> Response {
        Response::fake(200, headers, "{}")
    }

    #[test]
    fn public_metrics_are_a_failure() {
        for status in [401, 403, 404] {
            assert_eq!(verdict(hidden(status)), Verdict::Pass, "{status}");
        }
        for status in [200, 301, 500] {
            assert_eq!(verdict(hidden(status)), Verdict::Fail, "{status}");
        }
    }

    #[test]
    fn an_origin_may_be_neither_echoed_nor_trusted_with_credentials() {
        let of = |headers: &[(&str, &str)]| allows_any(&response(headers), FOREIGN).map_err(|_| ());
        assert_eq!(of(&[]), Ok(false));
        assert_eq!(of(&[("access-control-allow-origin", "https://app.example.com")]), Ok(false));
        assert_eq!(of(&[("access-control-allow-origin", "*")]), Ok(true));
        assert_eq!(of(&[("access-control-allow-origin", FOREIGN)]), Err(()));
        let both = [("access-control-allow-origin", "*"), ("access-control-allow-credentials", "true")];
        assert_eq!(of(&both), Err(()));
    }

    #[test]
    fn lax_headers_are_as_bad_as_none() {
        let good = [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'"),
            ("strict-transport-security", "max-age=31536000"),
        ];
        assert!(unsafe_headers(&response(&good), true).is_empty());
        assert!(unsafe_headers(&response(&good[..4]), false).is_empty(), "HSTS needs TLS");
        assert_eq!(unsafe_headers(&response(&good[..4]), true), ["strict-transport-security"]);
        let lax = [("strict-transport-security", "max-age=0"), ("x-frame-options", "ALLOWALL")];
        assert_eq!(unsafe_headers(&response(&lax), true).len(), 5);
    }
}
