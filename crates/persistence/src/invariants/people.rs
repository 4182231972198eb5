//! Queries of the invariants of accounts, badges, sessions and points (§1).

use inspection_domain::invariants::Invariant;

use super::query::Query;

pub(super) const QUERIES: &[(Invariant, Query)] = &[
    (
        Invariant::PointsMatchLedger,
        Query::Sql(
            "SELECT u.id FROM users u
LEFT JOIN (
    SELECT user_id, SUM(amount) AS total,
        SUM(CASE WHEN role = 'inspector' THEN amount ELSE 0 END) AS inspector,
        SUM(CASE WHEN role = 'specialist' THEN amount ELSE 0 END) AS specialist,
        SUM(CASE WHEN role = 'engineer' THEN amount ELSE 0 END) AS engineer,
        SUM(CASE WHEN role = 'quality_engineer' THEN amount ELSE 0 END) AS qe
    FROM point_entries GROUP BY user_id
) p ON p.user_id = u.id
WHERE u.total_points <> COALESCE(p.total, 0) OR u.inspector_points <> COALESCE(p.inspector, 0)
    OR u.specialist_points <> COALESCE(p.specialist, 0)
    OR u.engineer_points <> COALESCE(p.engineer, 0) OR u.qe_points <> COALESCE(p.qe, 0)",
        ),
    ),
    (
        Invariant::AnAdminIsActive,
        Query::Sql(
            "SELECT u.id FROM users u WHERE u.role = 'admin'
    AND NOT EXISTS (SELECT 1 FROM users a WHERE a.role = 'admin' AND a.is_active)",
        ),
    ),
    (
        Invariant::BadgesNameOneRole,
        Query::Sql(
            "SELECT MIN(b.id) AS id FROM (
    SELECT id, role_id AS badge FROM users
    UNION ALL SELECT id, minor_role_id FROM users WHERE minor_role_id IS NOT NULL
) b GROUP BY b.badge HAVING COUNT(*) > 1",
        ),
    ),
    (
        Invariant::EmailsNameOneAccount,
        Query::Sql(
            "SELECT MIN(u.id) AS id FROM users u WHERE u.email_key IS NOT NULL
GROUP BY u.email_key HAVING COUNT(*) > 1",
        ),
    ),
    (
        Invariant::InspectorsHaveATrade,
        Query::Sql(
            "SELECT u.id FROM users u WHERE u.specialization IS NULL
    AND (u.role = 'inspector' OR u.minor_role = 'inspector')",
        ),
    ),
    (Invariant::IdentifiersHaveKeys, Query::Sql("SELECT u.id FROM users u WHERE u.email_key IS NULL")),
    (
        Invariant::InactiveAccountsHaveNoSession,
        Query::Sql(
            "SELECT u.id FROM users u WHERE NOT u.is_active
    AND EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.ended_at IS NULL)",
        ),
    ),
];
