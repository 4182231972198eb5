//! The output of `check` and `verify`: a table for people, or an object for programs.

use anyhow::{Result, bail};
use inspection_operations::{Finding, Report, Verdict};

use super::output::{say, table};

fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✔",
        Verdict::Warning => "!",
        Verdict::Fail => "✘",
        Verdict::NotApplicable => "–",
    }
}

fn lines(report: &Report) -> String {
    let rows = report.findings.iter().map(|finding| {
        let fix = finding.fix.as_ref().map_or_else(String::new, |fix| format!("  → {fix}"));
        vec![sign(finding.verdict).into(), finding.id.into(), format!("{}{fix}", finding.found)]
    });
    format!(
        "{}\n\n{} passed, {} warnings, {} failed, {} not applicable",
        table(&rows.collect::<Vec<_>>()),
        report.count(Verdict::Pass),
        report.count(Verdict::Warning),
        report.count(Verdict::Fail),
        report.count(Verdict::NotApplicable),
    )
}

/// Prints findings as a table or as JSON. An error if one of them failed.
pub(super) fn print(findings: Vec<Finding>, as_json: bool) -> Result<()> {
    let report = Report::new(findings);
    if as_json {
        say(serde_json::to_string_pretty(&report)?)?;
    } else {
        say(lines(&report))?;
    }
    if !report.ok {
        let failed = report.findings.iter().filter(|finding| finding.verdict == Verdict::Fail);
        bail!("failed: {}", failed.map(|finding| finding.id).collect::<Vec<_>>().join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line_with_its_fix_and_a_failure_fails() {
        let findings = vec![
            Finding::pass("database.version", "PostgreSQL 16.4"),
            Finding::warning("cors.origins", "any web site may call", "list them in CORS_ORIGINS"),
            Finding::not_applicable("database.tls", "the database is on this machine"),
        ];
        let text = lines(&Report::new(findings.clone()));
        assert!(text.starts_with("✔  database.version  PostgreSQL 16.4\n"), "{text}");
        assert!(
            text.contains("!  cors.origins      any web site may call  → list them in CORS_ORIGINS"),
            "{text}"
        );
        assert!(text.ends_with("1 passed, 1 warnings, 0 failed, 1 not applicable"), "{text}");
        print(findings, true).expect("nothing failed");
        let failed = vec![Finding::fail("database.version", "PostgreSQL 15", "upgrade")];
        assert!(print(failed, false).expect_err("failed").to_string().contains("database.version"));
    }
}
