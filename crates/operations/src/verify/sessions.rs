//! Signing in and out, roles, and the rate limit of sign-ins.

use inspection_domain::users::Password;
use serde_json::{Value, json};

use super::{
    client::{Request, Response},
    result::{CheckResult, StepResult, expect, fail, not_applicable, pass, warning},
    run::{Credentials, Resource, Run, Session},
};
use crate::accounts::random_password;

/// Maximum lifetime of an access token, in seconds.
const MAX_LIFETIME: i64 = 8 * 60 * 60;

/// Number of wrong passwords after which the rate limit must have applied; it refills one sign-in
/// every twelve seconds.
const MAX_ATTEMPTS: u32 = 20;

fn credentials_body(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

/// Fails if the sign-in is still rate limited after the wait.
fn not_limited(response: &Response) -> Result<(), CheckResult> {
    if response.status != 429 {
        return Ok(());
    }
    Err(fail("sign-ins are rate limited for longer than the maximum wait", "try again in a few minutes"))
}

impl Run<'_> {
    /// Signs in. The cleanup ends the session.
    fn sign_in(&mut self, credentials: &Credentials) -> Result<(Session, Response), CheckResult> {
        let body = credentials_body(&credentials.email, credentials.password.expose());
        let response = self.client.post("/api/auth/login", None, &body)?;
        not_limited(&response)?;
        if response.status == 401 {
            return Err(fail(
                format!("the credentials of {} are refused: {}", credentials.email, response.code()),
                "pass the address and password of an active account",
            ));
        }
        expect(&response, 200, "signing in")?;
        let session = self.started(&response)?;
        Ok((session, response))
    }

    /// The session of a response with tokens. The cleanup ends it.
    fn started(&mut self, response: &Response) -> Result<Session, CheckResult> {
        let token = |pointer| response.at(pointer).as_str().filter(|text| !text.is_empty());
        let (Some(access), Some(refresh)) = (token("/access_token"), token("/refresh_token")) else {
            return Err(fail("the sign-in returns no tokens", "the proxy must not change responses"));
        };
        let session = Session { access: access.to_owned(), refresh: refresh.to_owned() };
        self.resources.push(Resource::Session(session.clone()));
        Ok(session)
    }

    /// Changes the password of an account that the run has created, as its owner must. Its earlier
    /// session ends.
    fn change_password(&mut self, session: &Session, current: &Password) -> Result<Session, CheckResult> {
        let token = Some(session.access.as_str());
        let refused = self.client.get("/api/equipment", token)?;
        if (refused.status, refused.code()) != (403, "PASSWORD_CHANGE_REQUIRED") {
            let summary = refused.summary();
            return Err(fail(
                format!("with a password that an admin has set, the equipment returns {summary}"),
                "read the log of the service; let all instances be of one version",
            ));
        }
        let new = random_password(self.ids);
        let body = json!({"current_password": current.expose(), "new_password": new.expose()});
        let response = self.client.post("/api/auth/change-password", token, &body)?;
        not_limited(&response)?;
        expect(&response, 200, "changing a password")?;
        self.started(&response)
    }

    /// The admin's credentials, unless they would be sent in plain text to another machine.
    fn admin_credentials(&self) -> Result<Credentials, CheckResult> {
        let base = &self.client.base;
        if !base.is_secure && !base.is_loopback() {
            return Err(not_applicable("no password is sent over plain HTTP: see verify.tls"));
        }
        let credentials = self.settings.admin.clone();
        credentials.ok_or_else(|| not_applicable("requires an admin: pass --email"))
    }
}

/// Whether the account must change its password before anything else.
fn must_change_password(response: &Response) -> bool {
    response.at("/user/must_change_password") == &Value::Bool(true)
}

/// Fails if the given account must change its password before anything else.
fn has_own_password(response: &Response, credentials: &Credentials) -> Result<(), CheckResult> {
    if !must_change_password(response) {
        return Ok(());
    }
    let email = &credentials.email;
    Err(fail(format!("{email} must change the password first"), "change it on the page /password"))
}

/// The admin signs in.
pub(super) fn login(run: &mut Run<'_>) -> StepResult {
    let credentials = run.admin_credentials()?;
    let (session, response) = run.sign_in(&credentials)?;
    let text = |pointer| response.at(pointer).as_str().unwrap_or_default();
    let faulty: Vec<_> = [
        ("status", text("/status") == "success"),
        ("token_type", text("/token_type") == "Bearer"),
        ("expires_in", response.at("/expires_in").as_i64().is_some_and(|seconds| seconds > 0)),
        ("user.email", text("/user/email").eq_ignore_ascii_case(&credentials.email)),
    ]
    .into_iter()
    .filter(|(_, valid)| !valid)
    .map(|(name, _)| name)
    .collect();
    if !faulty.is_empty() {
        let fields = faulty.join(", ");
        return Err(fail(format!("the response lacks {fields}"), "the proxy must not change responses"));
    }
    has_own_password(&response, &credentials)?;
    if text("/user/role") != "admin" {
        return Err(fail(format!("{} is no admin", credentials.email), "pass the address of an admin"));
    }
    run.admin = Some(session);
    run.expires_in = response.at("/expires_in").as_i64();
    Ok(pass("an admin signs in"))
}

/// The lifetime of access tokens.
pub(super) fn token_lifetime(run: &mut Run<'_>) -> StepResult {
    run.admin()?;
    let seconds = run.expires_in.unwrap_or_default();
    let hours = format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60);
    Ok(if seconds <= MAX_LIFETIME {
        pass(format!("access tokens live {hours}"))
    } else {
        warning(format!("access tokens live {hours}"), "set JWT_ACCESS_TOKEN_EXPIRES to 8h or less")
    })
}

/// A wrong password is refused, and the response doesn't reveal whether the account exists.
pub(super) fn wrong_password(run: &mut Run<'_>) -> StepResult {
    let credentials = run.admin_credentials()?;
    let password = random_password(run.ids);
    let unknown = format!("{}@example.com", run.name);
    let mut responses = Vec::new();
    for email in [&credentials.email, &unknown] {
        let body = credentials_body(email, password.expose());
        let response = run.client.post("/api/auth/login", None, &body)?;
        not_limited(&response)?;
        if response.status < 400 {
            return Err(fail("a wrong password is accepted", "take the service offline and read its log"));
        }
        responses.push((response.status, response.code().to_owned(), response.at("/message").clone()));
    }
    let same = responses.windows(2).all(|pair| matches!(pair, [one, other] if one == other));
    let refused =
        responses.iter().all(|(status, code, _)| (*status, code.as_str()) == (401, "INVALID_CREDENTIALS"));
    let shown: Vec<_> = responses.iter().map(|(status, code, _)| format!("{status} {code}")).collect();
    Ok(if !refused {
        let shown = shown.join(" and ");
        fail(
            format!("refused with {shown} instead of 401 INVALID_CREDENTIALS"),
            "the proxy must not change responses",
        )
    } else if same {
        pass("refused, and an unknown address gets the same response")
    } else {
        fail("an unknown address gets another response", "the proxy must not change responses")
    })
}

/// Tokens of an ended session are refused.
pub(super) fn logout(run: &mut Run<'_>) -> StepResult {
    run.admin()?;
    let credentials = run.admin_credentials()?;
    let (session, _) = run.sign_in(&credentials)?;
    let token = Some(session.access.as_str());
    expect(&run.client.get("/api/auth/me", token)?, 200, "a request with a fresh token")?;
    let response = run.client.post("/api/auth/logout", token, &json!({"refresh_token": session.refresh}))?;
    expect(&response, 200, "signing out")?;
    let fix = "let all instances use the same database";
    let after = run.client.get("/api/auth/me", token)?;
    if (after.status, after.code()) != (401, "TOKEN_REVOKED") {
        return Err(fail(format!("after signing out, the access token returns {}", after.summary()), fix));
    }
    let refresh = Request {
        method: "POST",
        path: "/api/auth/refresh",
        token: Some(&session.refresh),
        ..Request::default()
    };
    let after = run.client.send(&refresh)?;
    if after.status != 401 {
        return Err(fail(format!("after signing out, the refresh token returns {}", after.summary()), fix));
    }
    Ok(pass("after signing out, both tokens are refused"))
}

/// An account that isn't an admin: the given one, or a new one.
fn other_account(run: &mut Run<'_>, token: &str) -> Result<Credentials, CheckResult> {
    if let Some(credentials) = run.settings.user.clone() {
        return Ok(credentials);
    }
    let password = random_password(run.ids);
    let email = format!("{}@example.com", run.name);
    // Engineers are assigned no work automatically.
    let body = json!({
        "email": email, "password": password.expose(), "full_name": run.name, "role": "engineer",
    });
    let response = run.client.post("/api/users", Some(token), &body)?;
    expect(&response, 201, "creating an account")?;
    run.resources.extend(response.id().map(Resource::User));
    Ok(Credentials { email, password })
}

/// Admins may list accounts; others may not.
pub(super) fn roles(run: &mut Run<'_>) -> StepResult {
    let token = run.admin()?;
    let users = "/api/users";
    expect(&run.client.get(users, Some(&token))?, 200, "listing accounts as an admin")?;
    let fix = "read the log of the service; let the proxy forward Authorization unchanged";
    let response = run.client.get(users, None)?;
    if response.status != 401 {
        return Err(fail(format!("without a token, the accounts return {}", response.summary()), fix));
    }
    let other = other_account(run, &token)?;
    let (mut session, signed_in) = run.sign_in(&other)?;
    if run.settings.user.is_some() {
        has_own_password(&signed_in, &other)?;
    } else {
        session = run.change_password(&session, &other.password)?;
    }
    if signed_in.at("/user/role") == "admin" {
        return Err(fail(format!("{} is an admin", other.email), "pass another account as --user-email"));
    }
    let response = run.client.get(users, Some(&session.access))?;
    if (response.status, response.code()) != (403, "FORBIDDEN") {
        let summary = response.summary();
        return Err(fail(format!("for an account that is no admin, the accounts return {summary}"), fix));
    }
    Ok(pass("only an admin may list accounts"))
}

/// Repeated wrong passwords are rate limited.
pub(super) fn rate_limit(run: &mut Run<'_>) -> StepResult {
    if run.settings.skip_rate_limit {
        return Err(not_applicable("skipped"));
    }
    let body = credentials_body(&format!("{}@example.com", run.name), "a wrong password").to_string();
    let request = Request {
        method: "POST",
        path: "/api/auth/login",
        body: Some(("application/json", body.as_bytes())),
        ..Request::default()
    };
    for attempt in 1..=MAX_ATTEMPTS {
        let response = run.client.send_once(&request)?;
        if response.status == 429 {
            return Ok(limited(&response, attempt));
        }
    }
    Ok(fail(
        format!("{MAX_ATTEMPTS} wrong passwords in a row are not rate limited"),
        "run with APP_ENV=production, and list only your own proxies in TRUSTED_PROXIES",
    ))
}

/// Checks the headers and the code of a rate-limited response.
fn limited(response: &Response, attempt: u32) -> CheckResult {
    let is_number = |name| response.header(name).is_some_and(|value| value.parse::<u32>().is_ok());
    let expected = ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
    let missing: Vec<_> = expected.into_iter().filter(|name| !is_number(name)).collect();
    let fix = "leave the rate limit of sign-ins to the service, and let the proxy forward its headers";
    if response.code() != "RATE_LIMITED" {
        fail(format!("the rate limit returns {} instead of RATE_LIMITED", response.summary()), fix)
    } else if missing.is_empty() {
        pass(format!("rate limited at wrong password {attempt}, with Retry-After"))
    } else {
        fail(format!("the rate limit returns no {}", missing.join(", ")), fix)
    }
}

#[cfg(test)]
mod tests {
    use inspection_testkit::context::SequentialIds;

    use super::*;
    use crate::{
        Verdict,
        verify::{DeploymentUrl, Settings},
    };

    #[test]
    fn passwords_are_not_sent_in_plain_text_to_another_machine() {
        let sends = |address: &str| {
            let credentials =
                Credentials { email: "a@example.com".into(), password: Password::new("secret") };
            let settings = Settings {
                url: DeploymentUrl::parse(address).expect("an address"),
                admin: Some(credentials),
                user: None,
                ca_certificate: None,
                http_port: 80,
                skip_rate_limit: true,
            };
            let ids = SequentialIds::default();
            Run::new(settings, &ids, &|_| ()).expect("a client").admin_credentials().is_ok()
        };
        assert!(sends("https://example.com") && sends("http://127.0.0.1:5000"));
        assert!(!sends("http://example.com"));
    }

    #[test]
    fn a_rate_limit_must_name_the_time_to_wait() {
        let all = [
            ("retry-after", "12"),
            ("ratelimit-limit", "5"),
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "12"),
        ];
        let of = |headers: &[(&str, &str)], body: &str| {
            limited(&Response::fake(429, headers, body), 6).finding("verify.rate_limit")
        };
        assert_eq!(of(&all, r#"{"code":"RATE_LIMITED"}"#).verdict, Verdict::Pass);
        assert_eq!(of(&all, "<html>").verdict, Verdict::Fail, "a limit of the proxy");
        let without = of(&all[1..], r#"{"code":"RATE_LIMITED"}"#);
        assert!(without.verdict == Verdict::Fail && without.found.contains("retry-after"), "{without:?}");
    }
}
