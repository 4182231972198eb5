//! Queries of the invariants of notifications, files, changes, tasks and the audit trail (§12 to
//! §16).

use inspection_domain::invariants::Invariant;

use super::query::Query;

pub(super) const QUERIES: &[(Invariant, Query)] = &[
    (
        Invariant::AuditHasTheRolesOfAccounts,
        Query::Sql(
            "SELECT x.id FROM users x WHERE x.role <> (SELECT [new l.changes role] FROM audit_entries l
    WHERE l.entity_type = 'user' AND l.entity_id = x.id AND l.changes LIKE '%\"role\":{%'
    ORDER BY l.id DESC LIMIT 1)",
        ),
    ),
    (
        Invariant::AuditHasTheStatusOfMachines,
        Query::Sql(
            "SELECT x.id FROM equipment x WHERE x.status <> (SELECT [new l.changes status] FROM audit_entries l
    WHERE l.entity_type = 'equipment' AND l.entity_id = x.id AND l.changes LIKE '%\"status\":{%'
    ORDER BY l.id DESC LIMIT 1)",
        ),
    ),
    (
        Invariant::AuditHasTheStatusOfDefects,
        Query::Sql(
            "SELECT x.id FROM defects x WHERE x.status <> (SELECT [new l.changes status] FROM audit_entries l
    WHERE l.entity_type = 'defect' AND l.entity_id = x.id AND l.changes LIKE '%\"status\":{%'
    ORDER BY l.id DESC LIMIT 1)",
        ),
    ),
    (
        Invariant::AuditHasTheStatusOfJobs,
        Query::Sql(
            "SELECT x.id FROM jobs x WHERE x.status <> (SELECT [new l.changes status] FROM audit_entries l
    WHERE l.entity_type = x.kind || '_job' AND l.entity_id = x.id AND l.changes LIKE '%\"status\":{%'
    ORDER BY l.id DESC LIMIT 1)",
        ),
    ),
    (
        Invariant::AuditHasTheStatusOfAssessments,
        Query::Sql(
            "SELECT x.id FROM final_assessments x WHERE x.status <> (SELECT [new l.changes status] FROM audit_entries l
    WHERE l.entity_type = 'assessment' AND l.entity_id = x.id AND l.changes LIKE '%\"status\":{%'
    ORDER BY l.id DESC LIMIT 1)",
        ),
    ),
    (
        Invariant::AuditHasTheStatusOfLeaves,
        Query::Sql(
            "SELECT x.id FROM leaves x WHERE x.status <> (SELECT [new l.changes status] FROM audit_entries l
    WHERE l.entity_type = 'leave' AND l.entity_id = x.id AND l.changes LIKE '%\"status\":{%'
    ORDER BY l.id DESC LIMIT 1)",
        ),
    ),
    (
        Invariant::NotificationsReferToWhatExists,
        Query::Sql(
            "SELECT n.id FROM notifications n LEFT JOIN equipment x ON x.id = n.related_id
WHERE n.related_type = 'equipment' AND x.id IS NULL
UNION ALL SELECT n.id FROM notifications n LEFT JOIN users x ON x.id = n.related_id
WHERE n.related_type = 'user' AND x.id IS NULL
UNION ALL SELECT n.id FROM notifications n LEFT JOIN defects x ON x.id = n.related_id
WHERE n.related_type = 'defect' AND x.id IS NULL
UNION ALL SELECT n.id FROM notifications n LEFT JOIN jobs x ON x.id = n.related_id AND x.kind = 'specialist'
WHERE n.related_type = 'specialist_job' AND x.id IS NULL
UNION ALL SELECT n.id FROM notifications n LEFT JOIN jobs x ON x.id = n.related_id AND x.kind = 'engineer'
WHERE n.related_type = 'engineer_job' AND x.id IS NULL
UNION ALL SELECT n.id FROM notifications n LEFT JOIN final_assessments x ON x.id = n.related_id
WHERE n.related_type = 'assessment' AND x.id IS NULL
UNION ALL SELECT n.id FROM notifications n LEFT JOIN quality_reviews x ON x.id = n.related_id
WHERE n.related_type = 'quality_review' AND x.id IS NULL
UNION ALL SELECT n.id FROM notifications n LEFT JOIN leaves x ON x.id = n.related_id
WHERE n.related_type = 'leave' AND x.id IS NULL
UNION ALL SELECT n.id FROM notifications n LEFT JOIN bonus_stars x ON x.id = n.related_id
WHERE n.related_type = 'bonus_star' AND x.id IS NULL
UNION ALL SELECT n.id FROM notifications n LEFT JOIN inspections x ON x.id = n.related_id
WHERE n.related_type = 'inspection' AND x.id IS NULL
    AND NOT EXISTS (SELECT 1 FROM audit_entries e
        WHERE e.entity_type = 'inspection' AND e.entity_id = n.related_id)
UNION ALL SELECT n.id FROM notifications n LEFT JOIN inspection_assignments x ON x.id = n.related_id
WHERE n.related_type = 'assignment' AND x.id IS NULL
    AND NOT EXISTS (SELECT 1 FROM audit_entries e
        WHERE e.entity_type = 'assignment' AND e.entity_id = n.related_id)
UNION ALL SELECT n.id FROM notifications n LEFT JOIN takeovers x ON x.id = n.related_id
WHERE n.related_type = 'takeover' AND x.id IS NULL
    AND NOT EXISTS (SELECT 1 FROM audit_entries e
        WHERE e.entity_type = 'takeover' AND e.entity_id = n.related_id)",
        ),
    ),
    (
        Invariant::BackgroundJobsKeepTheirTurn,
        Query::Sql(
            "SELECT o.id FROM outbox o WHERE o.status = 'pending' AND o.attempts = 0 AND o.run_at < [ago 3600]
    AND EXISTS (SELECT 1 FROM translations t WHERE t.version > o.id AND t.created_at < [ago 3600])",
        ),
    ),
    (
        Invariant::PhotosOfAnswersAreFiles,
        Query::Sql(
            "SELECT a.id FROM inspection_answers a CROSS JOIN [each a.photo_file_ids p]
LEFT JOIN files f ON f.id = CAST(p.value AS BIGINT)
WHERE a.photo_file_ids <> '[]' AND f.id IS NULL",
        ),
    ),
    (
        Invariant::EvidenceHasItsRecord,
        Query::Sql(
            "SELECT v.file_id AS id FROM evidence v LEFT JOIN inspection_answers x ON x.id = v.record_id
WHERE v.record_type = 'inspection_answer' AND x.id IS NULL
UNION ALL SELECT v.file_id AS id FROM evidence v LEFT JOIN inspections x ON x.id = v.record_id
WHERE v.record_type = 'inspection' AND x.id IS NULL
UNION ALL SELECT v.file_id AS id FROM evidence v LEFT JOIN defects x ON x.id = v.record_id
WHERE v.record_type = 'defect' AND x.id IS NULL
UNION ALL SELECT v.file_id AS id FROM evidence v LEFT JOIN job_cleanings x ON x.job_id = v.record_id
WHERE v.record_type = 'cleaning' AND x.job_id IS NULL
UNION ALL SELECT v.file_id AS id FROM evidence v LEFT JOIN quality_reviews x ON x.id = v.record_id
WHERE v.record_type = 'quality_review' AND x.id IS NULL",
        ),
    ),
    (
        Invariant::ChangesReachOwners,
        Query::Sql(
            "SELECT j.id FROM jobs j
LEFT JOIN changes c ON c.user_id = j.owner_id AND c.entity_type = 'job' AND c.entity_id = j.id
WHERE c.id IS NULL",
        ),
    ),
    (
        Invariant::ChangesReachTeams,
        Query::Sql(
            "SELECT a.id FROM inspection_assignments a
LEFT JOIN changes m ON m.user_id = a.mechanical_inspector_id AND m.entity_type = 'assignment'
    AND m.entity_id = a.id
LEFT JOIN changes e ON e.user_id = a.electrical_inspector_id AND e.entity_type = 'assignment'
    AND e.entity_id = a.id
WHERE a.status <> 'unassigned' AND (m.id IS NULL OR e.id IS NULL)",
        ),
    ),
    (
        Invariant::TasksRunOnce,
        Query::Sql(
            "SELECT MIN(r.id) AS id FROM task_runs r GROUP BY r.task, r.scheduled_for HAVING COUNT(*) > 1",
        ),
    ),
    (
        Invariant::RunsOfTasksEnd,
        Query::Sql(
            "SELECT r.id FROM task_runs r
WHERE r.outcome = 'running' AND NOT r.is_manual AND r.lease_until < [ago 86400]",
        ),
    ),
];
