//! Queries of the invariants of machines and final assessments (§2, §9).

use inspection_domain::invariants::Invariant;

use super::query::Query;

pub(super) const QUERIES: &[(Invariant, Query)] = &[
    (
        Invariant::SerialNumbersNameOneMachine,
        Query::Sql(
            "SELECT MIN(e.id) AS id FROM equipment e WHERE e.serial_key IS NOT NULL
GROUP BY e.serial_key HAVING COUNT(*) > 1",
        ),
    ),
    (
        Invariant::MachineStatusMatchesHistory,
        Query::Sql(
            "SELECT e.id FROM equipment e
JOIN (SELECT equipment_id, MAX(id) AS last_id FROM equipment_status_changes GROUP BY equipment_id) l
    ON l.equipment_id = e.id
JOIN equipment_status_changes s ON s.id = l.last_id
WHERE s.to_status <> e.status",
        ),
    ),
    (
        Invariant::StoppedMachinesHaveACause,
        Query::Sql(
            "SELECT e.id FROM equipment e WHERE e.status = 'stopped'
    AND NOT EXISTS (SELECT 1 FROM final_assessments f
        WHERE f.equipment_id = e.id AND f.equipment_hold = 'stopped')
    AND NOT EXISTS (SELECT 1 FROM equipment_status_changes s
        WHERE s.equipment_id = e.id AND s.to_status = 'stopped'
            AND (s.changed_by_id IS NOT NULL OR s.from_status IS NULL)
            AND s.id = (SELECT MAX(l.id) FROM equipment_status_changes l WHERE l.equipment_id = e.id))",
        ),
    ),
    (
        Invariant::UrgentVerdictsStopMachines,
        Query::Sql(
            "SELECT f.id FROM final_assessments f JOIN equipment e ON e.id = f.equipment_id
WHERE (f.decision = 'urgent' OR (f.decision IS NULL
        AND (f.mechanical_verdict = 'urgent' OR f.electrical_verdict = 'urgent')))
    AND f.released_at IS NULL AND (f.equipment_hold IS NULL OR e.status <> 'stopped')",
        ),
    ),
    (
        Invariant::VerdictsAreSettled,
        Query::Sql(
            "SELECT f.id FROM final_assessments f
WHERE (f.status = 'pending' AND f.mechanical_verdict IS NOT NULL AND f.electrical_verdict IS NOT NULL)
    OR (f.status = 'completed' AND f.resolved_by <> 'admin'
        AND f.decision <> CASE WHEN f.mechanical_verdict = 'urgent' OR f.electrical_verdict = 'urgent'
            THEN 'urgent' ELSE 'operational' END)",
        ),
    ),
    (
        Invariant::AssignmentsHaveTheirAssessment,
        Query::Sql(
            "SELECT a.id FROM inspection_assignments a LEFT JOIN final_assessments f ON f.assignment_id = a.id
WHERE a.status = 'both_complete'
    OR (a.status = 'assessment_pending' AND COALESCE(f.status, '') <> 'pending')
    OR (a.status = 'completed' AND COALESCE(f.status, '') <> 'completed')
    OR (f.id IS NOT NULL AND a.status NOT IN ('assessment_pending', 'completed'))",
        ),
    ),
    (
        Invariant::AssessmentsGivePointsOnce,
        Query::Sql(
            "SELECT f.id FROM final_assessments f
LEFT JOIN point_entries p ON p.kind = 'assessment' AND p.related_type = 'assessment'
    AND p.related_id = f.id
GROUP BY f.id, f.status, f.mechanical_inspector_id, f.electrical_inspector_id
HAVING COUNT(p.user_id) <> CASE WHEN f.status = 'completed' THEN 2 ELSE 0 END
    OR SUM(CASE WHEN p.amount = 1
        AND p.user_id IN (f.mechanical_inspector_id, f.electrical_inspector_id) THEN 1 ELSE 0 END)
        <> COUNT(p.user_id)",
        ),
    ),
];
