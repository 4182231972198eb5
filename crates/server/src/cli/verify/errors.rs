//! What errors tell: nothing about the inside.

use super::{
    Run, Seen, fail,
    http::{Answer, Ask},
    pass,
};

/// What only the inside of a program has in it, in small letters.
const MARKS: &[&str] = &[
    // Stacks.
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
    // Places.
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

/// Paths that should lead nowhere. A proxy may refuse them by itself.
const TRICKS: &[&str] = &[
    "/api/../../../../etc/passwd",
    "/api/files/..%2f..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/docs/..%2f..%2fetc%2fpasswd",
    "/api/equipment/%00",
    "/.env",
    "/.git/config",
];

/// Requests of nobody that are wrong in themselves.
const WRONG: &[&str] =
    &["/api/there-is-nothing-here", "/api/users/%27%20OR%201=1", "/api/equipment?page=%27;DROP%20TABLE"];

/// Requests of an admin that are wrong in themselves.
const WRONG_SIGNED_IN: &[&str] = &[
    "/api/equipment/not-a-number",
    "/api/equipment/99999999999999999999999999",
    "/api/equipment/9223372036854775807",
    "/api/equipment?page=minus-one&sort=%27;--",
    "/api/defects?severity=%27%20OR%20%271%27=%271",
];

/// Bodies of an admin that are wrong in themselves.
const WRONG_BODIES: &[&str] = &[
    "{\"name\": ",
    "[1, 2, 3]",
    "{\"name\": 7, \"equipment_type\": [], \"serial_number\": {\"a\": null}}",
    "\u{0}\u{1}",
];

/// Provokes errors and reads what they tell.
pub(super) fn tell_nothing(run: &mut Run) -> Seen {
    let token = run.admin().ok();
    let token = token.as_deref();
    let mut asks: Vec<(Ask<'_>, bool)> = Vec::new();
    let ask = |path, token| Ask { path, token, ..Ask::default() };
    asks.extend(TRICKS.iter().map(|path| (ask(path, None), false)));
    asks.extend(WRONG.iter().map(|path| (ask(path, None), true)));
    if token.is_some() {
        asks.extend(WRONG_SIGNED_IN.iter().map(|path| (ask(path, token), true)));
        asks.extend(WRONG_BODIES.iter().map(|body| {
            let body = Some(("application/json", body.as_bytes()));
            (Ask { method: "POST", path: "/api/equipment", token, body, ..Ask::default() }, true)
        }));
    }
    for (ask, is_ours) in &asks {
        let answer = run.http.ask(ask)?;
        if let Some(leak) = leak(&answer, *is_ours) {
            let method = if ask.method.is_empty() { "GET" } else { ask.method };
            return Err(fail(
                format!("{method} {}: {leak}", ask.path),
                "look into the log of the service; let the proxy pass its errors on",
            ));
        }
    }
    let only = if token.is_some() { "" } else { ", as far as nobody can provoke them" };
    Ok(pass(format!("{} errors tell nothing about the inside{only}", asks.len())))
}

/// What is wrong with the answer to a request that is wrong. What the service answers by itself names the request.
fn leak(answer: &Answer, is_ours: bool) -> Option<String> {
    let text = String::from_utf8_lossy(&answer.bytes).to_lowercase();
    if let Some(mark) = MARKS.iter().find(|mark| text.contains(**mark)) {
        return Some(format!("the answer has {} in it", mark.trim()));
    }
    if !(400..500).contains(&answer.status) {
        return Some(format!("answered with {}", answer.status));
    }
    let names_request = answer.at("/request_id").as_str().is_some_and(|id| !id.is_empty());
    if !names_request && (is_ours || !answer.json.is_null()) {
        return Some(format!("the answer {} has no request_id", answer.told()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str, is_ours: bool) -> Option<String> {
        leak(&Answer::made(status, &[], body), is_ours)
    }

    #[test]
    fn plain_refusals_are_fine() {
        let body = r#"{"status":"error","message":"must be a number","code":"NOT_FOUND","request_id":"1"}"#;
        assert_eq!(of(404, body, true), None);
        assert_eq!(of(400, "<html>400 Bad Request</html>", false), None, "the proxy's own");
    }

    #[test]
    fn what_comes_from_inside_is_found() {
        for body in ["thread 'main' panicked at src/main.rs:1", "ERROR: relation \"users\"", "/usr/lib/x.so"]
        {
            assert!(of(400, body, false).expect("found").contains("in it"), "{body}");
        }
        assert!(of(500, r#"{"request_id":"1"}"#, true).expect("found").contains("500"));
        assert!(of(200, "SECRET_KEY=1", false).expect("found").contains("200"));
        assert!(of(404, "{}", true).expect("found").contains("request_id"));
        assert!(of(404, "<html>", true).expect("found").contains("request_id"));
    }
}
