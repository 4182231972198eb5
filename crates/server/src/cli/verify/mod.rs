//! `verify`: whether a deployment is as it must be, seen from outside. It needs nothing but HTTP, and tidies up behind itself.

mod cleanup;
mod errors;
mod http;
mod rounds;
mod sessions;
mod surface;
mod tasks;
mod uploads;

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use inspection_domain::{ids::Ids, users::Password};

use super::{
    admin,
    findings::{Finding, tell},
};
use crate::system::SystemIds;
use cleanup::Made;
use http::{Answer, Base, Http, Unanswered};
use sessions::{Credentials, Session};

/// Holds the password that goes with `--email`.
const PASSWORD: &str = "VERIFY_PASSWORD";

/// Holds the password that goes with `--user-email`.
const USER_PASSWORD: &str = "VERIFY_USER_PASSWORD";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the deployment, such as https://inspections.example.com.
    #[arg(long, value_parser = Base::parse)]
    url: Base,
    /// An admin to sign in as; the password is in the variable VERIFY_PASSWORD, or comes with --password-stdin.
    #[arg(long)]
    email: Option<String>,
    /// Read the admin's password from stdin.
    #[arg(long, requires = "email")]
    password_stdin: bool,
    /// Somebody who is no admin, with the password in VERIFY_USER_PASSWORD; made and deactivated again if not given.
    #[arg(long, requires = "email")]
    user_email: Option<String>,
    /// Certificates in PEM to trust, instead of those of this machine.
    #[arg(long, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
    /// Port at which plain HTTP must lead to HTTPS.
    #[arg(long, default_value_t = 80, value_name = "PORT")]
    http_port: u16,
    /// Don't use up the limit on signing in, which keeps this address from signing in for a minute.
    #[arg(long)]
    skip_rate_limit: bool,
    /// Print an object for programs instead of a table.
    #[arg(long)]
    json: bool,
}

/// What a step has seen.
enum Look {
    /// It is as it should be.
    Pass(String),
    /// It works, but shouldn't stay so; and what to do.
    Warning(String, String),
    /// It isn't as it must be; and what to do.
    Fail(String, String),
    /// There is nothing to look at, and why.
    NotApplicable(String),
}

/// What a step has seen; an error when it had to end early.
type Seen = Result<Look, Look>;

fn pass(found: impl Into<String>) -> Look {
    Look::Pass(found.into())
}

fn warning(found: impl Into<String>, fix: impl Into<String>) -> Look {
    Look::Warning(found.into(), fix.into())
}

fn fail(found: impl Into<String>, fix: impl Into<String>) -> Look {
    Look::Fail(found.into(), fix.into())
}

fn not_applicable(why: impl Into<String>) -> Look {
    Look::NotApplicable(why.into())
}

/// Fails unless the answer has this status.
fn expect(answer: &Answer, status: u16, doing: &str) -> Result<(), Look> {
    if answer.status == status {
        return Ok(());
    }
    let told = answer.told();
    Err(fail(
        format!("{doing} is answered with {told} instead of {status}"),
        "look into the log of the service",
    ))
}

impl From<Unanswered> for Look {
    fn from(why: Unanswered) -> Self {
        fail(why.to_string(), "look whether service and proxy run, and into their logs")
    }
}

impl Look {
    fn found(self, id: &'static str) -> Finding {
        match self {
            Self::Pass(found) => Finding::pass(id, found),
            Self::Warning(found, fix) => Finding::warning(id, found, fix),
            Self::Fail(found, fix) => Finding::fail(id, found, fix),
            Self::NotApplicable(why) => Finding::not_applicable(id, why),
        }
    }
}

/// A look at a deployment under way.
struct Run {
    http: Http,
    http_port: u16,
    skip_rate_limit: bool,
    /// A name for what is made, which nothing else has.
    name: String,
    given: Option<Credentials>,
    given_user: Option<Credentials>,
    /// Why no connection could be made.
    lost: Option<Unanswered>,
    /// The admin, signed in.
    admin: Option<Session>,
    /// Seconds the admin's token lives.
    expires_in: Option<i64>,
    /// What has to be put away at the end.
    made: Vec<Made>,
}

impl Run {
    /// The token of the admin.
    fn admin(&self) -> Result<String, Look> {
        let session = self.admin.as_ref().ok_or_else(|| {
            not_applicable(match self.given {
                Some(_) => "nobody is signed in: see verify.login",
                None => "needs an admin: give --email",
            })
        })?;
        Ok(session.access.clone())
    }
}

/// A step and the name of what it finds.
type Step = (&'static str, fn(&mut Run) -> Seen);

/// What is looked at, in this order. Signing in is limited to five at once: until the last step but two there are five.
const STEPS: &[Step] = &[
    ("verify.tls", |run| Ok(surface::tls(run))),
    ("verify.health", surface::health),
    ("verify.ready", surface::ready),
    ("verify.redirect", surface::redirect),
    ("verify.headers", surface::headers),
    ("verify.cors", surface::cors),
    ("verify.docs", surface::docs),
    ("verify.metrics", surface::metrics),
    ("verify.login", sessions::login),
    ("verify.token_lifetime", sessions::token_lifetime),
    ("verify.wrong_password", sessions::wrong_password),
    ("verify.logout", sessions::logout),
    ("verify.roles", sessions::roles),
    ("verify.upload", uploads::round_trip),
    ("verify.upload_disguised", uploads::disguised),
    ("verify.upload_large", uploads::large),
    ("verify.upload_too_large", uploads::too_large),
    ("verify.notification", rounds::notification),
    ("verify.tasks", tasks::on_time),
    ("verify.errors", errors::tell_nothing),
    ("verify.cleanup", cleanup::tidy),
    ("verify.rate_limit", sessions::rate_limit),
    ("verify.cookies", |run| Ok(surface::cookies(run))),
];

/// What is looked at, by name.
#[cfg(test)]
pub(crate) fn ids() -> Vec<&'static str> {
    STEPS.iter().map(|(id, _)| *id).collect()
}

pub(super) fn run(args: Args) -> Result<()> {
    let progress = progress();
    let given = match args.email {
        Some(email) => {
            let password =
                if args.password_stdin { admin::password_from_stdin()? } else { password_in(PASSWORD)? };
            Some(Credentials { email, password })
        }
        None => None,
    };
    let given_user = match args.user_email {
        Some(email) => Some(Credentials { email, password: password_in(USER_PASSWORD)? }),
        None => None,
    };
    let run = Run {
        http: Http::new(args.url, args.ca_certificate.as_deref(), progress.clone())?,
        http_port: args.http_port,
        skip_rate_limit: args.skip_rate_limit,
        name: format!("verify-{}", SystemIds.unique()),
        given,
        given_user,
        lost: None,
        admin: None,
        expires_in: None,
        made: Vec::new(),
    };
    let findings = carry_out(run, &progress);
    progress.finish_and_clear();
    tell(&findings, args.json)
}

fn carry_out(mut run: Run, progress: &ProgressBar) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, step) in STEPS {
        progress.set_message(*id);
        let look = step(&mut run).unwrap_or_else(|look| look);
        findings.push(look.found(id));
        if run.lost.is_some() && *id == "verify.health" {
            let rest =
                STEPS.iter().map(|(id, _)| *id).filter(|id| findings.iter().all(|seen| seen.id != *id));
            let unseen = |id| not_applicable("the deployment can't be reached").found(id);
            let rest: Vec<_> = rest.map(unseen).collect();
            findings.extend(rest);
            break;
        }
    }
    findings
}

/// Tells on a terminal what is under way; elsewhere nothing.
fn progress() -> ProgressBar {
    let progress = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}

#[expect(clippy::disallowed_methods, reason = "no configuration: this runs on machines that have none")]
fn password_in(variable: &str) -> Result<Password> {
    match std::env::var(variable) {
        Ok(password) if !password.is_empty() => Ok(Password::new(&password)),
        _ => bail!("no password: set {variable}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_step_has_a_name_of_its_own() {
        let names: BTreeSet<_> = STEPS.iter().map(|(id, _)| id).collect();
        assert_eq!(names.len(), STEPS.len());
        assert!(names.iter().all(|id| id.starts_with("verify.")));
    }
}
