//! `verify`: whether a deployment meets the requirements, tested over HTTP alone. Resources that a
//! run creates are removed at its end.

mod cleanup;
mod client;
mod errors;
mod result;
mod rounds;
mod run;
mod sessions;
mod surface;
mod tasks;
mod uploads;

use inspection_domain::ids::Ids;

pub use client::DeploymentUrl;
pub use run::{Credentials, Settings};

use crate::{Finding, Result};
use result::{StepResult, not_applicable};
use run::Run;

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
