//! Queries of the invariants of leaves, coverage and bonus stars (§10, §11).

use inspection_domain::invariants::Invariant;

use super::{marks, query::Query};

pub(super) const QUERIES: &[(Invariant, Query)] = &[
    (
        Invariant::LeavesDoNotOverlap,
        Query::Sql(
            "SELECT a.id FROM leaves a JOIN leaves b ON b.user_id = a.user_id AND b.id > a.id
    AND b.date_from <= a.date_to AND b.date_to >= a.date_from
WHERE (a.status = 'pending' OR (a.status = 'approved' AND a.ended_at IS NULL))
    AND (b.status = 'pending' OR (b.status = 'approved' AND b.ended_at IS NULL))",
        ),
    ),
    (Invariant::AbsenceMarksHaveALeave, Query::Rows(marks::absence_marks_have_a_leave)),
    (Invariant::LeavesInForceAreMarked, Query::Rows(marks::leaves_in_force_are_marked)),
    (Invariant::ExpiredLeavesAreEnded, Query::Rows(marks::expired_leaves_are_ended)),
    (
        Invariant::CoversAreNamedByALeave,
        Query::Sql(
            "SELECT u.id FROM users u WHERE u.leave_coverage_for IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM leaves l WHERE l.coverage_user_id = u.id
        AND l.user_id = u.leave_coverage_for AND l.status = 'approved' AND l.ended_at IS NULL)
UNION ALL SELECT u.id FROM users u JOIN leaves l ON l.coverage_user_id = u.id
WHERE u.leave_coverage_for IS NULL AND l.status = 'approved' AND l.ended_at IS NULL",
        ),
    ),
    (
        Invariant::TemporaryRolesHaveALeave,
        Query::Sql(
            "SELECT u.id FROM users u WHERE u.minor_role_id LIKE 'COV-%'
    AND EXISTS (SELECT 1 FROM leaves l WHERE l.coverage_badge = u.minor_role_id)
    AND NOT EXISTS (SELECT 1 FROM leaves l WHERE l.coverage_user_id = u.id
        AND l.coverage_badge = u.minor_role_id AND l.status = 'approved' AND l.ended_at IS NULL)",
        ),
    ),
    (
        Invariant::StarsMatchLedger,
        Query::Sql(
            "SELECT b.id FROM bonus_stars b
LEFT JOIN (SELECT user_id, related_id, SUM(amount) AS amount FROM point_entries
    WHERE kind = 'bonus_stars' AND related_type = 'bonus_star' GROUP BY user_id, related_id) p
    ON p.related_id = b.id AND p.user_id = b.user_id
WHERE COALESCE(p.amount, 0) <> CASE WHEN b.status IN ('approved', 'modified') THEN b.amount ELSE 0 END",
        ),
    ),
];
