//! How raw SQL breaks each invariant.

mod inspecting;
mod repairing;

use inspection_domain::invariants::Invariant;

/// Statements that break an invariant, if the first of them changes any row.
pub(super) struct Case {
    pub(super) breaks: Invariant,
    /// Tables whose constraints would prevent it.
    pub(super) unguarded: &'static [&'static str],
    pub(super) statements: &'static [&'static str],
}

const fn case(
    breaks: Invariant,
    unguarded: &'static [&'static str],
    statements: &'static [&'static str],
) -> Case {
    Case { breaks, unguarded, statements }
}

/// All cases.
pub(super) fn all() -> impl Iterator<Item = &'static Case> {
    inspecting::CASES.iter().chain(repairing::CASES)
}
