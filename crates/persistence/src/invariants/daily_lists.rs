//! Queries of the invariants of daily lists, teams and halves (§4).

use inspection_domain::invariants::Invariant;

use super::query::Query;

pub(super) const QUERIES: &[(Invariant, Query)] = &[
    (
        Invariant::ListCountersMatch,
        Query::Sql(
            "SELECT l.id FROM inspection_lists l
LEFT JOIN (
    SELECT list_id, COUNT(*) AS total,
        SUM(CASE WHEN status <> 'unassigned' THEN 1 ELSE 0 END) AS assigned,
        SUM(CASE WHEN status = 'completed' THEN 1 ELSE 0 END) AS completed
    FROM inspection_assignments GROUP BY list_id
) a ON a.list_id = l.id
WHERE l.total_assets <> COALESCE(a.total, 0) OR l.assigned_assets <> COALESCE(a.assigned, 0)
    OR l.completed_assets <> COALESCE(a.completed, 0)",
        ),
    ),
    (
        Invariant::ListStatusFollows,
        Query::Sql(
            "SELECT l.id FROM inspection_lists l WHERE l.status <> CASE
    WHEN l.total_assets > 0 AND l.completed_assets = l.total_assets THEN 'completed'
    WHEN l.assigned_assets = 0 THEN 'generated'
    WHEN l.assigned_assets = l.total_assets THEN 'fully_assigned'
    ELSE 'partially_assigned' END",
        ),
    ),
    (
        Invariant::ListsAreSingle,
        Query::Sql(
            "SELECT MIN(l.id) AS id FROM inspection_lists l GROUP BY l.target_date, l.shift HAVING COUNT(*) > 1
UNION ALL SELECT a.list_id FROM inspection_assignments a
GROUP BY a.list_id, a.equipment_id HAVING COUNT(*) > 1",
        ),
    ),
    (
        Invariant::AssignmentsMatchTheirList,
        Query::Sql(
            "SELECT a.id FROM inspection_assignments a JOIN inspection_lists l ON l.id = a.list_id
WHERE a.target_date <> l.target_date OR a.shift <> l.shift",
        ),
    ),
    (
        Invariant::CompleteHalvesAreSubmitted,
        Query::Sql(
            "SELECT a.id FROM inspection_assignments a
WHERE (a.status IN ('mech_complete', 'both_complete', 'assessment_pending', 'completed')
        AND NOT EXISTS (SELECT 1 FROM inspections i WHERE i.assignment_id = a.id
            AND i.category = 'mechanical' AND i.status <> 'draft'))
    OR (a.status IN ('elec_complete', 'both_complete', 'assessment_pending', 'completed')
        AND NOT EXISTS (SELECT 1 FROM inspections i WHERE i.assignment_id = a.id
            AND i.category = 'electrical' AND i.status <> 'draft'))",
        ),
    ),
    (
        Invariant::SubmittedHalvesAreComplete,
        Query::Sql(
            "SELECT i.id FROM inspections i JOIN inspection_assignments a ON a.id = i.assignment_id
WHERE i.status <> 'draft' AND (
    (i.category = 'mechanical' AND a.status NOT IN
        ('mech_complete', 'both_complete', 'assessment_pending', 'completed'))
    OR (i.category = 'electrical' AND a.status NOT IN
        ('elec_complete', 'both_complete', 'assessment_pending', 'completed')))",
        ),
    ),
    (
        Invariant::HalvesBelongToTheTeam,
        Query::Sql(
            "SELECT i.id FROM inspections i JOIN inspection_assignments a ON a.id = i.assignment_id
WHERE i.technician_id <> COALESCE(CASE i.category WHEN 'mechanical' THEN a.mechanical_inspector_id
        ELSE a.electrical_inspector_id END, 0)
    OR i.equipment_id <> a.equipment_id",
        ),
    ),
];
