//! What `check` and `verify` find: a line for people or an object for programs each.

use anyhow::{Result, bail};
use serde::Serialize;

use super::{say, table};

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// As it should be.
    Pass,
    /// It works, but shouldn't stay so.
    Warning,
    /// Not as it must be.
    Fail,
    /// There is nothing to look at here.
    NotApplicable,
}

impl Verdict {
    fn sign(self) -> &'static str {
        match self {
            Self::Pass => "✔",
            Self::Warning => "!",
            Self::Fail => "✘",
            Self::NotApplicable => "–",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at, by a name that stays the same, such as `database.version`.
    pub(super) id: &'static str,
    /// How it was found.
    pub(super) verdict: Verdict,
    /// What was found, in one line.
    pub(super) found: String,
    /// What to do about it, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub(super) fn pass(id: &'static str, found: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Pass, found: found.into(), fix: None }
    }

    /// It works, but shouldn't stay so.
    pub(super) fn warning(id: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Warning, found: found.into(), fix: Some(fix.into()) }
    }

    /// It isn't as it must be.
    pub(super) fn fail(id: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Fail, found: found.into(), fix: Some(fix.into()) }
    }

    /// There is nothing to look at here, and why.
    pub(super) fn not_applicable(id: &'static str, why: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::NotApplicable, found: why.into(), fix: None }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    findings: &'a [Finding],
}

/// Whether nothing is as it must not be.
fn is_ok(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.verdict != Verdict::Fail)
}

fn lines(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let rows = findings.iter().map(|finding| {
        let fix = finding.fix.as_ref().map_or_else(String::new, |fix| format!("  → {fix}"));
        vec![finding.verdict.sign().into(), finding.id.into(), format!("{}{fix}", finding.found)]
    });
    format!(
        "{}\n\n{} passed, {} warnings, {} failed, {} not applicable",
        table(&rows.collect::<Vec<_>>()),
        count(Verdict::Pass),
        count(Verdict::Warning),
        count(Verdict::Fail),
        count(Verdict::NotApplicable),
    )
}

/// Tells what was found, as a table or as JSON. An error if something isn't as it must be.
pub(super) fn tell(findings: &[Finding], as_json: bool) -> Result<()> {
    let ok = is_ok(findings);
    if as_json {
        say(serde_json::to_string_pretty(&Report { ok, findings })?)?;
    } else {
        say(lines(findings))?;
    }
    if !ok {
        let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail);
        bail!("not as it must be: {}", failed.map(|finding| finding.id).collect::<Vec<_>>().join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line_with_its_fix_and_a_failure_fails() {
        let findings = [
            Finding::pass("database.version", "PostgreSQL 16.4"),
            Finding::warning("cors.origins", "any web site may call", "list them in CORS_ORIGINS"),
            Finding::not_applicable("database.tls", "the database is on this machine"),
        ];
        let text = lines(&findings);
        assert!(text.starts_with("✔  database.version  PostgreSQL 16.4\n"), "{text}");
        assert!(
            text.contains("!  cors.origins      any web site may call  → list them in CORS_ORIGINS"),
            "{text}"
        );
        assert!(text.ends_with("1 passed, 1 warnings, 0 failed, 1 not applicable"), "{text}");
        tell(&findings, true).expect("nothing failed");
        let failed = [Finding::fail("database.version", "PostgreSQL 15", "upgrade")];
        assert!(tell(&failed, false).expect_err("failed").to_string().contains("database.version"));
    }

    #[test]
    fn programs_get_an_object() {
        let findings = [Finding::not_applicable("a.b", "none")];
        let report = serde_json::to_value(Report { ok: true, findings: &findings }).expect("JSON");
        let expected = serde_json::json!({
            "ok": true,
            "findings": [{"id": "a.b", "verdict": "not_applicable", "found": "none"}],
        });
        assert_eq!(report, expected);
    }
}
