//! `verify`: whether a deployment meets the requirements, tested over HTTP alone. Resources that a
//! run creates are removed at its end.

mod cleanup;
mod client;
mod errors;
mod rounds;
mod sessions;
mod surface;
mod tasks;
mod uploads;

use std::{fmt, path::PathBuf};

use inspection_domain::{ids::Ids, users::Password};

pub use client::DeploymentUrl;

use crate::{Finding, Result};
use client::{Client, RequestError, Response};

/// The deployment, and the accounts to test it with.
#[derive(Clone)]
pub struct Settings {
    /// Address of the deployment.
    pub url: DeploymentUrl,
    /// An admin; without one, only the public surface is tested.
    pub admin: Option<Credentials>,
    /// An account that isn't an admin; created for the run if absent.
    pub user: Option<Credentials>,
    /// Certificates in PEM format to trust instead of those of this machine.
    pub ca_certificate: Option<PathBuf>,
    /// Port at which plain HTTP must redirect to HTTPS.
    pub http_port: u16,
    /// Whether to leave the rate limit of sign-ins alone. Testing it blocks sign-ins of this address
    /// for a minute.
    pub skip_rate_limit: bool,
}

/// An account.
#[derive(Clone)]
pub struct Credentials {
    /// E-mail address.
    pub email: String,
    /// Password.
    pub password: Password,
}

/// The tokens of a session.
#[derive(Clone)]
struct Session {
    access: String,
    refresh: String,
}

/// A resource that a run created.
enum Resource {
    Session(Session),
    User(i64),
    File(i64),
    Machine(i64),
    Checklist(i64),
    /// An inspection that isn't submitted.
    Draft(i64),
    /// A submitted inspection.
    Inspection(i64),
    Defect(i64),
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(_) => f.write_str("a session"),
            Self::User(id) => write!(f, "account {id}"),
            Self::File(id) => write!(f, "file {id}"),
            Self::Machine(id) => write!(f, "machine {id}"),
            Self::Checklist(id) => write!(f, "checklist {id}"),
            Self::Draft(id) | Self::Inspection(id) => write!(f, "inspection {id}"),
            Self::Defect(id) => write!(f, "defect {id}"),
        }
    }
}

/// The result of a step.
enum CheckResult {
    /// The requirement is met: observation.
    Pass(String),
    /// It works, but should be changed: observation, remedy.
    Warning(String, String),
    /// The requirement isn't met: observation, remedy.
    Fail(String, String),
    /// The requirement doesn't apply: reason.
    NotApplicable(String),
}

/// The result of a step; an error if the step ended early.
type StepResult = Result<CheckResult, CheckResult>;

fn pass(found: impl Into<String>) -> CheckResult {
    CheckResult::Pass(found.into())
}

fn warning(found: impl Into<String>, fix: impl Into<String>) -> CheckResult {
    CheckResult::Warning(found.into(), fix.into())
}

fn fail(found: impl Into<String>, fix: impl Into<String>) -> CheckResult {
    CheckResult::Fail(found.into(), fix.into())
}

fn not_applicable(reason: impl Into<String>) -> CheckResult {
    CheckResult::NotApplicable(reason.into())
}

/// Fails unless the response has this status.
fn expect(response: &Response, status: u16, doing: &str) -> Result<(), CheckResult> {
    if response.status == status {
        return Ok(());
    }
    let summary = response.summary();
    Err(fail(format!("{doing} returns {summary} instead of {status}"), "read the log of the service"))
}

impl From<RequestError> for CheckResult {
    fn from(error: RequestError) -> Self {
        fail(error.to_string(), "start the service and the proxy, and read their logs")
    }
}

impl CheckResult {
    fn finding(self, id: &'static str) -> Finding {
        match self {
            Self::Pass(found) => Finding::pass(id, found),
            Self::Warning(found, fix) => Finding::warning(id, found, fix),
            Self::Fail(found, fix) => Finding::fail(id, found, fix),
            Self::NotApplicable(reason) => Finding::not_applicable(id, reason),
        }
    }
}

/// A run in progress.
struct Run<'a> {
    client: Client<'a>,
    settings: Settings,
    ids: &'a dyn Ids,
    /// Unique name of everything that the run creates.
    name: String,
    /// The error of the first request.
    lost: Option<RequestError>,
    /// The session of the admin.
    admin: Option<Session>,
    /// Lifetime of the admin's access token, in seconds.
    expires_in: Option<i64>,
    /// Resources to remove at the end.
    resources: Vec<Resource>,
}

impl<'a> Run<'a> {
    fn new(settings: Settings, ids: &'a dyn Ids, on_progress: &'a dyn Fn(&str)) -> Result<Self> {
        Ok(Self {
            client: Client::new(settings.url.clone(), settings.ca_certificate.as_deref(), on_progress)?,
            settings,
            name: format!("verify-{}", ids.unique()),
            ids,
            lost: None,
            admin: None,
            expires_in: None,
            resources: Vec::new(),
        })
    }

    /// The access token of the admin.
    fn admin(&self) -> Result<String, CheckResult> {
        let session = self.admin.as_ref().ok_or_else(|| {
            not_applicable(match self.settings.admin {
                Some(_) => "the admin is not signed in: see verify.login",
                None => "requires an admin: pass --email",
            })
        })?;
        Ok(session.access.clone())
    }
}

/// A step, and the id of its finding.
type Step = (&'static str, fn(&mut Run<'_>) -> StepResult);

/// The steps in order. The rate limit allows five sign-ins at once, and the steps before
/// `verify.rate_limit` need five.
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
    ("verify.errors", errors::leak_nothing),
    ("verify.cleanup", cleanup::cleanup),
    ("verify.rate_limit", sessions::rate_limit),
    ("verify.cookies", |run| Ok(surface::cookies(run))),
];

/// Ids of all findings, in the order in which they are reported.
pub fn ids() -> Vec<&'static str> {
    STEPS.iter().map(|(id, _)| *id).collect()
}

/// Verifies a deployment. `on_progress` is called with the current step.
pub fn run(settings: Settings, ids: &dyn Ids, on_progress: &dyn Fn(&str)) -> Result<Vec<Finding>> {
    let mut run = Run::new(settings, ids, on_progress)?;
    let mut findings = Vec::new();
    for (id, step) in STEPS {
        run.client.start(id);
        let result = step(&mut run).unwrap_or_else(|result| result);
        findings.push(result.finding(id));
        if run.lost.is_some() && *id == "verify.health" {
            let remaining = STEPS.iter().skip(findings.len()).map(|(id, _)| *id);
            findings
                .extend(remaining.map(|id| not_applicable("the deployment can't be reached").finding(id)));
            break;
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_step_has_a_unique_id() {
        let names: BTreeSet<_> = STEPS.iter().map(|(id, _)| id).collect();
        assert_eq!(names.len(), STEPS.len());
        assert!(names.iter().all(|id| id.starts_with("verify.")));
    }
}
