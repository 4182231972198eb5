//! Error responses must not leak internals.

use super::{
    client::{Request, Response},
    result::{StepResult, fail, pass},
    run::Run,
};

/// Substrings that only internals contain, in lower case.
const MARKS: &[&str] = &[
    // Stack traces.
    "backtrace",
    "traceback",
    "panicked at",
    "stack trace",
    ".rs:",
    ".py\"",
    // Databases.
    "select \"",
    "insert into",
    "sqlstate",
    "sqlite",
    "postgres",
    "syntax error",
    "violates",
    "relation \"",
    // Paths.
    "/usr/",
    "/home/",
    "/root/",
    "/var/",
    "/opt/",
    "/app/",
    "/srv/",
    "/src/",
    "root:x:",
    // Libraries.
    "actix",
    "diesel",
    "serde",
    "tokio",
    "hyper",
    "openssl",
    "werkzeug",
    "flask",
    "sqlalchemy",
];

/// Path traversals and hidden files. A proxy may refuse them by itself.
const TRAVERSALS: &[&str] = &[
    "/api/../../../../etc/passwd",
    "/api/files/..%2f..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/docs/..%2f..%2fetc%2fpasswd",
    "/api/equipment/%00",
    "/.env",
    "/.git/config",
];

/// Invalid requests without a token.
const ANONYMOUS: &[&str] =
    &["/api/there-is-nothing-here", "/api/users/%27%20OR%201=1", "/api/equipment?page=%27;DROP%20TABLE"];

/// Invalid requests of an admin.
const AUTHENTICATED: &[&str] = &[
    "/api/equipment/not-a-number",
    "/api/equipment/99999999999999999999999999",
    "/api/equipment/9223372036854775807",
    "/api/equipment?page=minus-one&sort=%27;--",
    "/api/defects?severity=%27%20OR%20%271%27=%271",
];

/// Invalid bodies of an admin.
const BODIES: &[&str] = &[
    "{\"name\": ",
    "[1, 2, 3]",
    "{\"name\": 7, \"equipment_type\": [], \"serial_number\": {\"a\": null}}",
    "\u{0}\u{1}",
];

/// Provokes errors and searches the responses for internals.
pub(super) fn leak_nothing(run: &mut Run<'_>) -> StepResult {
    let token = run.admin().ok();
    let token = token.as_deref();
    let mut requests: Vec<(Request<'_>, bool)> = Vec::new();
    let request = |path, token| Request { path, token, ..Request::default() };
    requests.extend(TRAVERSALS.iter().map(|path| (request(path, None), false)));
    requests.extend(ANONYMOUS.iter().map(|path| (request(path, None), true)));
    if token.is_some() {
        requests.extend(AUTHENTICATED.iter().map(|path| (request(path, token), true)));
        requests.extend(BODIES.iter().map(|body| {
            let body = Some(("application/json", body.as_bytes()));
            (Request { method: "POST", path: "/api/equipment", token, body, ..Request::default() }, true)
        }));
    }
    for (request, is_ours) in &requests {
        let response = run.client.send(request)?;
        if let Some(leak) = leak(&response, *is_ours) {
            let method = if request.method.is_empty() { "GET" } else { request.method };
            return Err(fail(
                format!("{method} {}: {leak}", request.path),
                "read the log of the service; let the proxy forward its errors",
            ));
        }
    }
    let only = if token.is_some() { "" } else { ", as far as they can be provoked without a token" };
    Ok(pass(format!("{} errors leak no internals{only}", requests.len())))
}

/// The fault of an error response. Errors of the service itself name the request.
fn leak(response: &Response, is_ours: bool) -> Option<String> {
    let text = String::from_utf8_lossy(&response.bytes).to_lowercase();
    if let Some(mark) = MARKS.iter().find(|mark| text.contains(**mark)) {
        return Some(format!("the response contains {}", mark.trim()));
    }
    if !(400..500).contains(&response.status) {
        return Some(format!("the response is {}", response.status));
    }
    let names_request = response.at("/request_id").as_str().is_some_and(|id| !id.is_empty());
    if !names_request && (is_ours || !response.json.is_null()) {
        return Some(format!("the response {} has no request_id", response.summary()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str, is_ours: bool) -> Option<String> {
        leak(&Response::fake(status, &[], body), is_ours)
    }

    #[test]
    fn plain_refusals_pass() {
        let body = r#"{"status":"error","message":"must be a number","code":"NOT_FOUND","request_id":"1"}"#;
        assert_eq!(of(404, body, true), None);
        assert_eq!(of(400, "<html>400 Bad Request</html>", false), None, "an error of the proxy");
    }

    #[test]
    fn internals_are_found() {
        for body in ["thread 'main' panicked at src/main.rs:1", "ERROR: relation \"users\"", "/usr/lib/x.so"]
        {
            assert!(of(400, body, false).expect("found").contains("contains"), "{body}");
        }
        assert!(of(500, r#"{"request_id":"1"}"#, true).expect("found").contains("500"));
        assert!(of(200, "SECRET_KEY=1", false).expect("found").contains("200"));
        assert!(of(404, "{}", true).expect("found").contains("request_id"));
        assert!(of(404, "<html>", true).expect("found").contains("request_id"));
    }
}
