//! Queries of the invariants of inspections and their answers (§5, §6).

use inspection_domain::invariants::Invariant;

use super::query::Query;

/// The questions without a condition, of each checklist and of each revision that drafts keep.
macro_rules! asked {
    ($query:literal) => {
        concat!(
            "WITH asked AS (
    SELECT 0 AS revision_id, template_id, id AS item_id, category, answer_type, fails_on,
        CASE WHEN is_required THEN 1 ELSE 0 END AS is_required,
        CASE WHEN critical_failure THEN 1 ELSE 0 END AS is_critical,
        CASE WHEN requires_comment_on_fail THEN 1 ELSE 0 END AS needs_comment,
        created_at, removed_at
    FROM checklist_items WHERE show_if IS NULL
    UNION ALL
    SELECT r.id, r.template_id, CAST([text q.value id] AS BIGINT), [text q.value category],
        [text q.value answer_type], [text q.value fails_on],
        CASE WHEN [text q.value is_required] IN ('true', '1') THEN 1 ELSE 0 END,
        CASE WHEN [text q.value critical_failure] IN ('true', '1') THEN 1 ELSE 0 END,
        CASE WHEN [text q.value requires_comment_on_fail] IN ('true', '1') THEN 1 ELSE 0 END,
        NULL, NULL
    FROM checklist_revisions r CROSS JOIN [each r.questions q]
    WHERE [text q.value show_if] IS NULL
)
",
            $query
        )
    };
}

/// The answers of submitted inspections that fail by themselves, numbers and choices excepted.
macro_rules! failed {
    ($query:literal) => {
        concat!(
            asked!(
                "SELECT i.id FROM inspection_answers a
JOIN inspections i ON i.id = a.inspection_id AND i.status <> 'draft'
JOIN asked ON asked.item_id = a.checklist_item_id AND asked.revision_id = COALESCE(i.revision_id, 0)
"
            ),
            $query,
            "
    AND ((asked.answer_type = 'pass_fail' AND a.answer_value = 'fail')
        OR (asked.answer_type = 'yes_no' AND a.answer_value = COALESCE(asked.fails_on, 'no')))"
        )
    };
}

pub(super) const QUERIES: &[(Invariant, Query)] = &[
    (
        Invariant::RequiredQuestionsAreAnswered,
        Query::Sql(asked!(
            "SELECT i.id FROM inspections i
JOIN asked ON asked.template_id = i.template_id AND asked.revision_id = COALESCE(i.revision_id, 0)
    AND asked.is_required = 1
    AND (i.category IS NULL OR asked.category IS NULL OR asked.category = i.category)
LEFT JOIN inspection_answers a ON a.inspection_id = i.id AND a.checklist_item_id = asked.item_id
WHERE i.status <> 'draft' AND (asked.created_at IS NULL OR asked.created_at <= i.started_at)
    AND (asked.removed_at IS NULL OR asked.removed_at > COALESCE(i.received_at, i.submitted_at))
    AND (a.id IS NULL OR CASE WHEN asked.answer_type = 'photo'
        THEN a.answer_value <> 'n/a' AND a.photo_path IS NULL AND a.photo_file_id IS NULL
        ELSE a.answer_value = '' END)"
        )),
    ),
    (
        Invariant::CriticalFailuresHavePhotos,
        Query::Sql(failed!(
            "WHERE asked.is_critical = 1 AND a.photo_path IS NULL AND a.photo_file_id IS NULL"
        )),
    ),
    (
        Invariant::FailuresHaveRemarks,
        Query::Sql(failed!(
            "WHERE asked.needs_comment = 1 AND a.comment IS NULL"
        )),
    ),
    (
        Invariant::ResultsMatchOccurrences,
        Query::Sql(
            "SELECT i.id FROM inspections i
LEFT JOIN (SELECT DISTINCT inspection_id FROM defect_occurrences WHERE inspection_id IS NOT NULL) o
    ON o.inspection_id = i.id
WHERE i.status <> 'draft'
    AND i.result <> CASE WHEN o.inspection_id IS NULL THEN 'pass' ELSE 'fail' END",
        ),
    ),
    (
        Invariant::AnswersFitTheirChecklist,
        Query::Sql(
            "SELECT a.id FROM inspection_answers a JOIN inspections i ON i.id = a.inspection_id
JOIN checklist_items q ON q.id = a.checklist_item_id
WHERE q.template_id <> i.template_id",
        ),
    ),
    (
        Invariant::DraftsAreSingle,
        Query::Sql(
            "SELECT MIN(i.id) AS id FROM inspections i WHERE i.status = 'draft' AND i.assignment_id IS NOT NULL
GROUP BY i.technician_id, i.assignment_id HAVING COUNT(*) > 1
UNION ALL SELECT MIN(i.id) FROM inspections i
WHERE i.status = 'draft' AND i.assignment_id IS NULL AND NOT i.is_detached
GROUP BY i.technician_id, i.equipment_id HAVING COUNT(*) > 1",
        ),
    ),
    (
        Invariant::HalvesAreSingle,
        Query::Sql(
            "SELECT MIN(i.id) AS id FROM inspections i WHERE i.assignment_id IS NOT NULL
GROUP BY i.assignment_id, i.category HAVING COUNT(*) > 1",
        ),
    ),
    (
        Invariant::WeeklyCompletionsMatch,
        Query::Sql(
            "SELECT e.id FROM equipment e
LEFT JOIN (SELECT equipment_id, SUM(completions) AS number FROM equipment_weekly_completions
    GROUP BY equipment_id) w ON w.equipment_id = e.id
LEFT JOIN (SELECT equipment_id, COUNT(*) AS number FROM inspections WHERE status <> 'draft'
    GROUP BY equipment_id) i ON i.equipment_id = e.id
WHERE COALESCE(w.number, 0) <> COALESCE(i.number, 0)",
        ),
    ),
    (
        Invariant::RatingsAreOfSubmittedInspections,
        Query::Sql(
            "SELECT r.id FROM inspection_ratings r JOIN inspections i ON i.id = r.inspection_id
WHERE i.status = 'draft' OR i.technician_id <> r.technician_id",
        ),
    ),
    (
        Invariant::QualityBonusMatchesLedger,
        Query::Sql(
            "SELECT r.id FROM inspection_ratings r
LEFT JOIN (SELECT user_id, related_id, SUM(amount) AS amount FROM point_entries
    WHERE kind = 'quality_bonus' AND related_type = 'inspection' GROUP BY user_id, related_id) p
    ON p.related_id = r.inspection_id AND p.user_id = r.technician_id
WHERE r.admin_quality_bonus <> COALESCE(p.amount, 0)",
        ),
    ),
    (
        Invariant::FailedAnswersHaveOccurrences,
        Query::Sql(failed!(
            "LEFT JOIN defect_occurrences o
    ON o.inspection_id = a.inspection_id AND o.checklist_item_id = a.checklist_item_id
WHERE o.id IS NULL"
        )),
    ),
];
