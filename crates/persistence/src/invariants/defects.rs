//! Queries of the invariants of defects, their occurrences and repairs (§6).

use inspection_domain::invariants::Invariant;

use super::query::Query;

pub(super) const QUERIES: &[(Invariant, Query)] = &[
    (
        Invariant::OccurrenceCountsMatch,
        Query::Sql(
            "SELECT d.id FROM defects d
LEFT JOIN (SELECT defect_id, COUNT(*) AS number FROM defect_occurrences GROUP BY defect_id) o
    ON o.defect_id = d.id
WHERE d.occurrence_count <> COALESCE(o.number, 0)
    AND NOT (o.number IS NULL AND d.status = 'closed' AND d.resolved_by_id IS NULL)
UNION ALL SELECT d.id FROM defect_occurrences o JOIN defects d ON d.id = o.defect_id
JOIN inspections i ON i.id = o.inspection_id WHERE i.equipment_id <> d.equipment_id",
        ),
    ),
    (
        Invariant::OccurrencesHaveTheirAnswer,
        Query::Sql(
            "SELECT o.id FROM defect_occurrences o
LEFT JOIN inspections i ON i.id = o.inspection_id
LEFT JOIN inspection_answers a
    ON a.inspection_id = o.inspection_id AND a.checklist_item_id = o.checklist_item_id
WHERE o.inspection_id IS NOT NULL AND (a.id IS NULL OR i.status = 'draft')",
        ),
    ),
    (
        Invariant::QuestionsHaveOneUnresolvedDefect,
        Query::Sql(
            "SELECT MIN(d.id) AS id FROM defects d
WHERE d.status IN ('open', 'in_progress') AND d.lineage IS NOT NULL
GROUP BY d.equipment_id, d.lineage HAVING COUNT(*) > 1",
        ),
    ),
    (
        Invariant::LiveRepairsHaveDefectsInProgress,
        Query::Sql(
            "SELECT j.id FROM jobs j JOIN defects d ON d.id = j.defect_id
WHERE j.kind = 'specialist' AND j.status IN ('assigned', 'in_progress', 'paused')
    AND d.status <> 'in_progress'",
        ),
    ),
    (
        Invariant::DefectsInProgressHaveARepair,
        Query::Sql(
            "SELECT d.id FROM defects d WHERE d.status = 'in_progress'
    AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.defect_id = d.id AND j.kind = 'specialist'
        AND j.status IN ('assigned', 'in_progress', 'paused', 'incomplete'))",
        ),
    ),
    (
        Invariant::RepairsAreSingle,
        Query::Sql(
            "SELECT MIN(j.id) AS id FROM jobs j
WHERE j.kind = 'specialist' AND j.status IN ('assigned', 'in_progress', 'paused')
GROUP BY j.defect_id HAVING COUNT(*) > 1",
        ),
    ),
    (
        Invariant::RepairsHaveTheMachineOfTheirDefect,
        Query::Sql(
            "SELECT j.id FROM jobs j JOIN defects d ON d.id = j.defect_id
WHERE j.kind = 'specialist' AND j.equipment_id <> d.equipment_id",
        ),
    ),
    (
        Invariant::DefectsMatchTheirAssessment,
        Query::Sql(
            "SELECT d.id FROM defects d LEFT JOIN defect_assessments a ON a.defect_id = d.id
WHERE d.assessment_status <> CASE a.verdict WHEN 'confirm' THEN 'confirmed' WHEN 'minor' THEN 'minor'
    WHEN 'reject' THEN 'rejected' ELSE 'pending' END",
        ),
    ),
    (
        Invariant::RejectedFindingsCostAPoint,
        Query::Sql(
            "SELECT d.id FROM defects d JOIN defect_assessments a ON a.defect_id = d.id AND a.verdict = 'reject'
LEFT JOIN (SELECT related_id, SUM(amount) AS amount FROM point_entries
    WHERE kind = 'defect_rejected' AND related_type = 'defect' GROUP BY related_id) p
    ON p.related_id = d.id
WHERE COALESCE(p.amount, 0) <> CASE WHEN d.inspection_id IS NULL THEN 0 ELSE -1 END",
        ),
    ),
];
