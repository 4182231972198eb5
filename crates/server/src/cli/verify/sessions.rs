//! Signing in and out, and who may do what.

use inspection_domain::users::Password;
use serde_json::{Value, json};

use super::{
    Look, Run, Seen, admin,
    cleanup::Made,
    expect, fail,
    http::{Answer, Ask},
    not_applicable, pass, warning,
};
use crate::system::SystemIds;

/// Who can sign in.
#[derive(Clone)]
pub(super) struct Credentials {
    /// Address.
    pub(super) email: String,
    /// Password.
    pub(super) password: Password,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(super) struct Session {
    /// For requests.
    pub(super) access: String,
    /// For new access tokens.
    pub(super) refresh: String,
}

/// The longest an access token should live, in seconds.
const LONGEST: i64 = 8 * 60 * 60;

/// How often to try a wrong password until there must have been enough: places for signing in come back every twelve seconds.
const MOST_TRIES: u32 = 20;

fn credentials_body(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

/// Fails if the limit on signing in has not let us through, in spite of waiting.
fn let_through(answer: &Answer) -> Result<(), Look> {
    if answer.status != 429 {
        return Ok(());
    }
    Err(fail("signing in is limited for longer than it can be waited for", "try again in a few minutes"))
}

impl Run {
    /// Signs somebody in. The session ends when this run does.
    fn sign_in(&mut self, who: &Credentials) -> Result<(Session, Answer), Look> {
        let body = credentials_body(&who.email, who.password.expose());
        let answer = self.http.post("/api/auth/login", None, &body)?;
        let_through(&answer)?;
        if answer.status == 401 {
            return Err(fail(
                format!("the credentials of {} are refused: {}", who.email, answer.code()),
                "give the address and password of an account that is active",
            ));
        }
        expect(&answer, 200, "signing in")?;
        let token = |pointer| answer.at(pointer).as_str().filter(|text| !text.is_empty());
        let (Some(access), Some(refresh)) = (token("/access_token"), token("/refresh_token")) else {
            return Err(fail("signing in gives no tokens", "look whether the proxy changes answers"));
        };
        let session = Session { access: access.to_owned(), refresh: refresh.to_owned() };
        self.made.push(Made::Session(session.clone()));
        Ok((session, answer))
    }

    /// The admin's credentials, where nobody on the way can read them.
    fn given(&self) -> Result<Credentials, Look> {
        let base = &self.http.base;
        if !base.is_secure && !base.is_loopback() {
            return Err(not_applicable("no password is sent over plain HTTP: see verify.tls"));
        }
        self.given.clone().ok_or_else(|| not_applicable("needs an admin: give --email"))
    }
}

/// The admin signs in.
pub(super) fn login(run: &mut Run) -> Seen {
    let given = run.given()?;
    let (session, answer) = run.sign_in(&given)?;
    let text = |pointer| answer.at(pointer).as_str().unwrap_or_default();
    let wrong: Vec<_> = [
        ("status", text("/status") == "success"),
        ("token_type", text("/token_type") == "Bearer"),
        ("expires_in", answer.at("/expires_in").as_i64().is_some_and(|seconds| seconds > 0)),
        ("user.email", text("/user/email").eq_ignore_ascii_case(&given.email)),
    ]
    .into_iter()
    .filter(|(_, fine)| !fine)
    .map(|(name, _)| name)
    .collect();
    if !wrong.is_empty() {
        let fields = wrong.join(", ");
        return Err(fail(format!("the answer lacks {fields}"), "look whether the proxy changes answers"));
    }
    if text("/user/role") != "admin" {
        return Err(fail(format!("{} is no admin", given.email), "give the address of an admin"));
    }
    run.admin = Some(session);
    run.expires_in = answer.at("/expires_in").as_i64();
    Ok(pass("an admin signs in"))
}

/// How long a stolen token is good.
pub(super) fn token_lifetime(run: &mut Run) -> Seen {
    run.admin()?;
    let seconds = run.expires_in.unwrap_or_default();
    let hours = format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60);
    Ok(if seconds <= LONGEST {
        pass(format!("access tokens live {hours}"))
    } else {
        warning(format!("access tokens live {hours}"), "set JWT_ACCESS_TOKEN_EXPIRES to 8h or less")
    })
}

/// Who doesn't know the password doesn't get in, nor learns whether there is an account.
pub(super) fn wrong_password(run: &mut Run) -> Seen {
    let given = run.given()?;
    let password = admin::random_password(&SystemIds);
    let nobody = format!("{}@example.com", run.name);
    let mut told = Vec::new();
    for email in [&given.email, &nobody] {
        let body = credentials_body(email, password.expose());
        let answer = run.http.post("/api/auth/login", None, &body)?;
        let_through(&answer)?;
        if answer.status < 400 {
            return Err(fail("a wrong password is taken", "take the service offline and look into its log"));
        }
        told.push((answer.status, answer.code().to_owned(), answer.at("/message").clone()));
    }
    let same = told.windows(2).all(|pair| matches!(pair, [one, other] if one == other));
    let refused =
        told.iter().all(|(status, code, _)| (*status, code.as_str()) == (401, "INVALID_CREDENTIALS"));
    let answers: Vec<_> = told.iter().map(|(status, code, _)| format!("{status} {code}")).collect();
    Ok(if !refused {
        let answers = answers.join(" and ");
        fail(
            format!("refused with {answers} instead of 401 INVALID_CREDENTIALS"),
            "look whether the proxy changes answers",
        )
    } else if same {
        pass("refused, and an address that nobody has gets the same answer")
    } else {
        fail("an address that nobody has gets another answer", "look whether the proxy changes answers")
    })
}

/// A session that has ended is over.
pub(super) fn logout(run: &mut Run) -> Seen {
    run.admin()?;
    let given = run.given()?;
    let (session, _) = run.sign_in(&given)?;
    let token = Some(session.access.as_str());
    expect(&run.http.get("/api/auth/me", token)?, 200, "a request with a fresh token")?;
    let answer = run.http.post("/api/auth/logout", token, &json!({"refresh_token": session.refresh}))?;
    expect(&answer, 200, "signing out")?;
    let fix = "let all instances use the same database";
    let after = run.http.get("/api/auth/me", token)?;
    if (after.status, after.code()) != (401, "TOKEN_REVOKED") {
        return Err(fail(format!("after signing out, the token is answered with {}", after.told()), fix));
    }
    let refresh =
        Ask { method: "POST", path: "/api/auth/refresh", token: Some(&session.refresh), ..Ask::default() };
    let after = run.http.ask(&refresh)?;
    if after.status != 401 {
        return Err(fail(
            format!("after signing out, the refresh token is answered with {}", after.told()),
            fix,
        ));
    }
    Ok(pass("after signing out, both tokens are refused"))
}

/// Somebody who is no admin: given, or made for this.
fn somebody(run: &mut Run, token: &str) -> Result<Credentials, Look> {
    if let Some(given) = run.given_user.clone() {
        return Ok(given);
    }
    let password = admin::random_password(&SystemIds);
    let email = format!("{}@example.com", run.name);
    // Engineers are given no work by themselves.
    let body = json!({
        "email": email, "password": password.expose(), "full_name": run.name, "role": "engineer",
    });
    let answer = run.http.post("/api/users", Some(token), &body)?;
    expect(&answer, 201, "making an account")?;
    run.made.extend(answer.id().map(Made::User));
    Ok(Credentials { email, password })
}

/// Admins may list accounts, others may not.
pub(super) fn roles(run: &mut Run) -> Seen {
    let token = run.admin()?;
    let users = "/api/users";
    expect(&run.http.get(users, Some(&token))?, 200, "listing accounts as an admin")?;
    let fix = "look into the log of the service; let the proxy pass Authorization on as it is";
    let answer = run.http.get(users, None)?;
    if answer.status != 401 {
        return Err(fail(format!("without a token, accounts are answered with {}", answer.told()), fix));
    }
    let who = somebody(run, &token)?;
    let (session, signed_in) = run.sign_in(&who)?;
    if signed_in.at("/user/role") == "admin" {
        return Err(fail(format!("{} is an admin", who.email), "give --user-email somebody who is none"));
    }
    let answer = run.http.get(users, Some(&session.access))?;
    if (answer.status, answer.code()) != (403, "FORBIDDEN") {
        let told = answer.told();
        return Err(fail(format!("somebody who is no admin is answered with {told}"), fix));
    }
    Ok(pass("an admin may list accounts, others and nobody may not"))
}

/// Who guesses passwords has to wait.
pub(super) fn rate_limit(run: &mut Run) -> Seen {
    if run.skip_rate_limit {
        return Err(not_applicable("skipped"));
    }
    let body = credentials_body(&format!("{}@example.com", run.name), "a wrong password").to_string();
    let ask = Ask {
        method: "POST",
        path: "/api/auth/login",
        body: Some(("application/json", body.as_bytes())),
        ..Ask::default()
    };
    for tries in 1..=MOST_TRIES {
        let answer = run.http.ask_once(&ask)?;
        if answer.status == 429 {
            return Ok(limited(&answer, tries));
        }
    }
    Ok(fail(
        format!("{MOST_TRIES} wrong passwords in a row are all looked at"),
        "run with APP_ENV=production, and trust in TRUSTED_PROXIES only proxies of your own",
    ))
}

/// Whether a refusal says what clients need to know.
fn limited(answer: &Answer, tries: u32) -> Look {
    let is_number = |name| answer.header(name).is_some_and(|value| value.parse::<u32>().is_ok());
    let wanted = ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
    let missing: Vec<_> = wanted.into_iter().filter(|name| !is_number(name)).collect();
    let fix = "leave the limit on signing in to the service, and let the proxy pass its headers on";
    if answer.code() != "RATE_LIMITED" {
        fail(format!("the limit answers with {} instead of RATE_LIMITED", answer.told()), fix)
    } else if missing.is_empty() {
        pass(format!("limited at wrong password {tries}, with Retry-After"))
    } else {
        fail(format!("the limit answers without {}", missing.join(", ")), fix)
    }
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressBar;

    use super::*;
    use crate::cli::{
        findings::Verdict,
        verify::http::{Base, Http},
    };

    #[test]
    fn passwords_are_sent_where_nobody_can_read_them() {
        let sends = |address: &str| {
            let base = Base::parse(address).expect("an address");
            let who = Credentials { email: "a@example.com".into(), password: Password::new("secret") };
            let run = Run {
                http: Http::new(base, None, ProgressBar::hidden()).expect("a client"),
                http_port: 80,
                skip_rate_limit: true,
                name: "verify-test".into(),
                given: Some(who),
                given_user: None,
                lost: None,
                admin: None,
                expires_in: None,
                made: Vec::new(),
            };
            run.given().is_ok()
        };
        assert!(sends("https://example.com") && sends("http://127.0.0.1:5000"));
        assert!(!sends("http://example.com"));
    }

    #[test]
    fn a_limit_has_to_say_when_to_come_back() {
        let all = [
            ("retry-after", "12"),
            ("ratelimit-limit", "5"),
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "12"),
        ];
        let of = |headers: &[(&str, &str)], body: &str| {
            limited(&Answer::made(429, headers, body), 6).found("verify.rate_limit")
        };
        assert_eq!(of(&all, r#"{"code":"RATE_LIMITED"}"#).verdict, Verdict::Pass);
        assert_eq!(of(&all, "<html>").verdict, Verdict::Fail, "the proxy's own limit");
        let without = of(&all[1..], r#"{"code":"RATE_LIMITED"}"#);
        assert!(without.verdict == Verdict::Fail && without.found.contains("retry-after"), "{without:?}");
    }
}
