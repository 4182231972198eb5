//! `check --data`: whether the stored data and files keep the invariants of the rule book. Nothing
//! is written.

use std::time::Duration;

use inspection_domain::invariants::{InvariantResult, TIME_LIMIT};
use inspection_persistence::{Context, Database, invariants};
use inspection_storage::Storage;

use crate::{Finding, Result, files};

/// Checks all invariants: those of the database on one snapshot, then those of the file store.
pub(super) fn findings(database: &Database, storage: &Storage, context: &Context) -> Result<Vec<Finding>> {
    let mut results = invariants::check(database, context, Duration::from_secs(TIME_LIMIT))?;
    results.extend(files::invariants(database, storage, context.clock.now(), false)?);
    results.sort_by_key(|result| result.name);
    Ok(results.iter().map(finding).collect())
}

fn finding(result: &InvariantResult) -> Finding {
    let (id, sentence, section) = (result.name.as_str(), result.name.sentence(), result.name.section());
    match result.violations {
        Some(0) => Finding::pass(id, format!("{sentence} (§{section})")),
        Some(number) => {
            let ids: Vec<String> = result.ids.0.iter().map(ToString::to_string).collect();
            let ids = if ids.is_empty() { String::new() } else { format!(" ({})", ids.join(", ")) };
            let fix = format!("compare them with the audit trail and §{section}; nothing was corrected");
            Finding::fail(id, format!("{number} violations{ids}: {sentence}"), fix)
        }
        None => {
            let found = format!("{TIME_LIMIT} s were over before it was checked: {sentence}");
            Finding::warning(id, found, "check a copy of the database from a backup")
        }
    }
}

#[cfg(test)]
mod tests {
    use inspection_domain::invariants::{Invariant, OffendingIds};

    use super::*;
    use crate::Verdict;

    fn result(violations: Option<i64>, ids: &[i64]) -> InvariantResult {
        InvariantResult {
            name: Invariant::PointsMatchLedger,
            checked_at: inspection_testkit::context::instant("2026-03-02T08:00:00Z"),
            violations,
            ids: OffendingIds(ids.to_vec()),
            took_ms: 1,
        }
    }

    #[test]
    fn a_violation_fails_with_the_ids_and_an_unchecked_invariant_warns() {
        let kept = finding(&result(Some(0), &[]));
        assert_eq!((kept.id, kept.verdict), ("points_match_ledger", Verdict::Pass));
        let broken = finding(&result(Some(2), &[7, 9]));
        assert_eq!(broken.verdict, Verdict::Fail);
        assert!(broken.found.starts_with("2 violations (7, 9): the points of"), "{}", broken.found);
        assert!(broken.fix.is_some_and(|fix| fix.contains("§1")));
        let counted = finding(&result(Some(2), &[]));
        assert!(counted.found.starts_with("2 violations: "), "{}", counted.found);
        assert_eq!(finding(&result(None, &[])).verdict, Verdict::Warning);
    }
}
