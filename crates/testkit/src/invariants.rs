//! The invariants of the stored data, at the end of a test.

use std::time::Duration;

use inspection_domain::invariants::InvariantResult;
use inspection_persistence::{Context, Database, Error, invariants};

/// Fails if the stored data violate an invariant. A database that is unavailable is left out.
///
/// # Panics
///
/// When an invariant is violated, or a query fails.
pub fn assert_kept(database: &Database, context: &Context) {
    let results = match invariants::check(database, context, Duration::from_mins(1)) {
        Err(Error::Unavailable(_)) => return,
        results => results.expect("a check of the invariants"),
    };
    let violated: Vec<&InvariantResult> = results.iter().filter(|result| !result.holds()).collect();
    assert!(violated.is_empty(), "violated invariants: {violated:#?}");
}
