//! What everybody sees of a deployment without signing in.

use super::{
    Look, Run, Seen, fail,
    http::{Answer, Ask, Unanswered},
    not_applicable, pass, warning,
};

/// Whether there is a connection, and whether it is to whom it should be.
pub(super) fn tls(run: &mut Run) -> Look {
    if let Err(why) = run.http.get("/health/live", None) {
        run.lost = Some(why.clone());
        return match why {
            Unanswered::Untrusted(_) => fail(
                why.to_string(),
                "install a certificate for this host; name a CA of your own with --ca-certificate",
            ),
            Unanswered::Silent(_) => not_applicable("nobody answers: see verify.health"),
        };
    }
    let base = &run.http.base;
    match (base.is_secure, base.is_loopback()) {
        (true, _) => pass(format!("the certificate is valid for {}", base.host)),
        (false, true) => {
            warning("plain HTTP, on this machine only", "verify the https address that people use")
        }
        (false, false) => {
            fail("plain HTTP: passwords can be read on the way", "put a proxy with TLS in front")
        }
    }
}

/// `/health`.
pub(super) fn health(run: &mut Run) -> Seen {
    match &run.lost {
        Some(Unanswered::Untrusted(_)) => {
            return Err(not_applicable("no trusted connection: see verify.tls"));
        }
        Some(why) => return Err(why.clone().into()),
        None => {}
    }
    let answer = run.http.get("/health", None)?;
    let text = |pointer| answer.at(pointer).as_str().unwrap_or("nothing");
    let (status, database, version) = (text("/status"), text("/database"), text("/version"));
    if (answer.status, status, database) == (200, "healthy", "connected") {
        return Ok(pass(format!("healthy, version {version}")));
    }
    Ok(fail(
        format!("/health is answered with {}: status {status}, database {database}", answer.status),
        "look into the log of the service, and whether the database runs",
    ))
}

/// `/health/ready`.
pub(super) fn ready(run: &mut Run) -> Seen {
    let answer = run.http.get("/health/ready", None)?;
    if answer.status == 200 {
        return Ok(pass("ready to serve"));
    }
    let text = |pointer| answer.at(pointer).as_str().unwrap_or("unknown");
    let (migrations, storage) = (text("/migrations"), text("/storage"));
    Ok(fail(
        format!(
            "/health/ready is answered with {}: migrations {migrations}, storage {storage}",
            answer.status
        ),
        "apply migrations with `inspection-server migrate up`, and make the store of files writable",
    ))
}

/// From `http` to `https`.
pub(super) fn redirect(run: &mut Run) -> Seen {
    let base = &run.http.base;
    match (base.is_secure, base.is_loopback()) {
        (false, true) => return Err(not_applicable("plain HTTP on this machine")),
        (false, false) => {
            return Err(fail("the address given is no https", "verify the https address that people use"));
        }
        (true, _) => {}
    }
    let fix = "let the proxy lead http to https";
    let url = format!("{}/health", base.in_the_open(run.http_port));
    let answer = run.http.ask_at(&url, &Ask { path: "/health", ..Ask::default() });
    let answer = answer.map_err(|why| fail(format!("http, port {}: {why}", run.http_port), fix))?;
    let location = answer.header("location").unwrap_or_default();
    if matches!(answer.status, 301 | 302 | 307 | 308) && location.starts_with("https://") {
        return Ok(pass(format!("http leads to https ({})", answer.status)));
    }
    Ok(fail(format!("http is answered with {} instead of leading to https", answer.status), fix))
}

/// Headers that keep browsers from being used against people.
pub(super) fn headers(run: &mut Run) -> Seen {
    let is_secure = run.http.base.is_secure;
    let mut missing = Vec::new();
    for path in ["/", "/api/auth/me", "/there-is-nothing-here"] {
        let answer = run.http.get(path, None)?;
        missing
            .extend(unsafe_headers(&answer, is_secure).into_iter().map(|name| format!("{name} on {path}")));
    }
    if missing.is_empty() {
        return Ok(pass("on the start page, the API and errors"));
    }
    Ok(fail(
        format!("missing or too lax: {}", missing.join(", ")),
        "the service sends them: don't let the proxy remove or replace them",
    ))
}

fn unsafe_headers(answer: &Answer, is_secure: bool) -> Vec<&'static str> {
    let value = |name| answer.header(name).unwrap_or_default().to_ascii_lowercase();
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

/// An origin that nobody has allowed.
const FOREIGN: &str = "https://foreign.example";

/// Whether pages of others may use the API.
pub(super) fn cors(run: &mut Run) -> Seen {
    let mut any = false;
    for origin in [FOREIGN, "null"] {
        let simple = [("origin", origin)];
        let preflight = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ];
        let asked = [
            Ask { path: "/health", headers: &simple, ..Ask::default() },
            Ask { path: "/api/auth/me", headers: &simple, ..Ask::default() },
            Ask { method: "OPTIONS", path: "/api/auth/login", headers: &preflight, ..Ask::default() },
        ];
        for ask in asked {
            let answer = run.http.ask(&ask)?;
            any |= allows_any(&answer, origin)?;
        }
    }
    let fix = "list the origins of your web apps in CORS_ORIGINS";
    Ok(if any {
        warning("every web site may call the API", fix)
    } else {
        pass("a foreign origin isn't allowed")
    })
}

/// Whether an answer to this foreign origin is for any; an error if it is for this one, or may carry credentials.
fn allows_any(answer: &Answer, origin: &str) -> Result<bool, Look> {
    let fix = "list the origins of your web apps in CORS_ORIGINS, and leave CORS to the service";
    let allowed = answer.header("access-control-allow-origin");
    if allowed == Some(origin) {
        return Err(fail(format!("the foreign origin {origin} is allowed"), fix));
    }
    let credentials = answer.header("access-control-allow-credentials") == Some("true");
    if credentials && allowed.is_some() {
        return Err(fail("web sites may call the API with credentials", fix));
    }
    Ok(allowed == Some("*"))
}

/// The document of the API and its page.
pub(super) fn docs(run: &mut Run) -> Seen {
    let fix = "let the proxy pass /docs and /api/openapi.json on";
    let document = run.http.get("/api/openapi.json", None)?;
    let paths = document.at("/paths").as_object().map_or(0, serde_json::Map::len);
    if document.status != 200 || paths == 0 {
        return Err(fail(
            format!("/api/openapi.json is answered with {}, no document", document.status),
            fix,
        ));
    }
    let page = run.http.get("/docs", None)?;
    // Of the page, or of the way to it.
    if !(200..400).contains(&page.status) {
        return Err(fail(format!("/docs is answered with {}", page.status), fix));
    }
    Ok(pass(format!("the document has {paths} paths")))
}

/// Numbers of the service are nobody's business.
pub(super) fn metrics(run: &mut Run) -> Seen {
    if run.http.base.is_loopback() {
        return Err(not_applicable("on this machine they may be read"));
    }
    let answer = run.http.get("/metrics", None)?;
    Ok(hidden(answer.status))
}

fn hidden(status: u16) -> Look {
    match status {
        401 | 403 | 404 => pass(format!("not for everybody ({status})")),
        other => fail(
            format!("/metrics is answered with {other} to everybody"),
            "set METRICS_TOKEN, or keep the proxy from passing /metrics on",
        ),
    }
}

/// Nothing the API answers sets a cookie.
pub(super) fn cookies(run: &mut Run) -> Look {
    let cookies = &run.http.cookies;
    let Some(first) = cookies.first() else { return pass("no answer has set one") };
    fail(
        format!("{} answers have set cookies, such as {first}", cookies.len()),
        "keep the proxy from adding cookies; the API needs none",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::findings::Verdict;

    fn verdict(look: Look) -> Verdict {
        look.found("verify.test").verdict
    }

    fn answer(headers: &[(&str, &str)]) -> Answer {
        Answer::made(200, headers, "{}")
    }

    #[test]
    fn metrics_are_hidden_or_it_is_a_failure() {
        for status in [401, 403, 404] {
            assert_eq!(verdict(hidden(status)), Verdict::Pass, "{status}");
        }
        for status in [200, 301, 500] {
            assert_eq!(verdict(hidden(status)), Verdict::Fail, "{status}");
        }
    }

    #[test]
    fn an_origin_may_be_neither_echoed_nor_trusted_with_credentials() {
        let of = |headers: &[(&str, &str)]| allows_any(&answer(headers), FOREIGN).map_err(|_| ());
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
        assert!(unsafe_headers(&answer(&good), true).is_empty());
        assert!(
            unsafe_headers(&answer(&good[..4]), false).is_empty(),
            "without TLS there is nothing to be strict about"
        );
        assert_eq!(unsafe_headers(&answer(&good[..4]), true), ["strict-transport-security"]);
        let lax = [("strict-transport-security", "max-age=0"), ("x-frame-options", "ALLOWALL")];
        assert_eq!(unsafe_headers(&answer(&lax), true).len(), 5);
    }
}
