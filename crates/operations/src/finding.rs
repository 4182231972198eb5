//! Findings of [`check`](crate::check) and [`verify`](crate::verify).

use serde::Serialize;

/// The verdict of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The requirement is met.
    Pass,
    /// It works, but should be changed.
    Warning,
    /// The requirement isn't met.
    Fail,
    /// The requirement doesn't apply here, or can't be checked yet.
    NotApplicable,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name of the check, such as `database.version`.
    pub id: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// The observation, on one line.
    pub found: String,
    /// The remedy, on one line; only with a warning or a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    /// The requirement is met.
    pub fn pass(id: &'static str, found: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Pass, found: found.into(), fix: None }
    }

    /// It works, but should be changed.
    pub fn warning(id: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Warning, found: found.into(), fix: Some(fix.into()) }
    }

    /// The requirement isn't met.
    pub fn fail(id: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Fail, found: found.into(), fix: Some(fix.into()) }
    }

    /// The requirement doesn't apply, for this reason.
    pub fn not_applicable(id: &'static str, reason: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::NotApplicable, found: reason.into(), fix: None }
    }
}

/// Findings as a document: the JSON output of `check` and `verify`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether no finding failed.
    pub ok: bool,
    /// The findings, in their fixed order.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The report of these findings.
    pub fn new(findings: Vec<Finding>) -> Self {
        Self { ok: findings.iter().all(|finding| finding.verdict != Verdict::Fail), findings }
    }

    /// The number of findings with a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_makes_a_report_fail_and_a_warning_does_not() {
        let warned = Report::new(vec![
            Finding::pass("a.b", "fine"),
            Finding::warning("a.c", "lax", "change it"),
            Finding::not_applicable("a.d", "none"),
        ]);
        assert!(warned.ok && warned.count(Verdict::Warning) == 1);
        assert!(!Report::new(vec![Finding::fail("a.b", "broken", "mend it")]).ok);
    }

    #[test]
    fn programs_get_an_object() {
        let report = Report::new(vec![Finding::not_applicable("a.b", "none")]);
        let expected = serde_json::json!({
            "ok": true,
            "findings": [{"id": "a.b", "verdict": "not_applicable", "found": "none"}],
        });
        assert_eq!(serde_json::to_value(report).expect("JSON"), expected);
    }
}
