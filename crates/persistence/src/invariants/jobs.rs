//! Queries of the invariants of jobs, pauses, takeovers and reviews (§7, §8).

use inspection_domain::invariants::Invariant;

use super::query::Query;

pub(super) const QUERIES: &[(Invariant, Query)] = &[
    (
        Invariant::WorkedAndPausedIsElapsed,
        Query::Sql(
            "SELECT j.id FROM (
    SELECT id, actual_time_hours, [second completed_at] - [second started_at] - paused_seconds AS worked
    FROM jobs WHERE started_at IS NOT NULL AND completed_at IS NOT NULL AND actual_time_hours IS NOT NULL
) j WHERE j.actual_time_hours <> (CASE WHEN j.worked < 0 THEN 0 ELSE j.worked END + 18) / 36",
        ),
    ),
    (
        Invariant::PausedTimeIsThatOfThePauses,
        Query::Sql(
            "SELECT j.id FROM jobs j
LEFT JOIN job_pauses p ON p.job_id = j.id AND p.status = 'ended' AND p.paused_at >= j.started_at
WHERE j.started_at IS NOT NULL
GROUP BY j.id, j.paused_seconds HAVING j.paused_seconds <> COALESCE(SUM(p.duration_seconds), 0)",
        ),
    ),
    (
        Invariant::TimersAreSingle,
        Query::Sql(
            "SELECT j.id FROM jobs j LEFT JOIN job_pauses p ON p.job_id = j.id AND p.status = 'approved'
WHERE (j.status = 'paused') <> (p.id IS NOT NULL) OR j.paused_at <> p.paused_at
UNION ALL SELECT p.job_id FROM job_pauses p WHERE p.status IN ('approved', 'pending')
GROUP BY p.job_id, p.status HAVING COUNT(*) > 1",
        ),
    ),
    (
        Invariant::RequestsForPausesAreOfRunningJobs,
        Query::Sql(
            "SELECT p.id FROM job_pauses p JOIN jobs j ON j.id = p.job_id
WHERE p.status = 'pending' AND j.status <> 'in_progress'",
        ),
    ),
    (
        Invariant::JobBonusMatchesLedger,
        Query::Sql(
            "SELECT j.id FROM jobs j
LEFT JOIN (SELECT user_id, related_type, related_id, SUM(amount) AS amount FROM point_entries
    WHERE kind = 'job_bonus' GROUP BY user_id, related_type, related_id) p
    ON p.related_id = j.id AND p.related_type = j.kind || '_job' AND p.user_id = j.owner_id
WHERE j.admin_bonus IS NOT NULL AND j.admin_bonus <> COALESCE(p.amount, 0)",
        ),
    ),
    (
        Invariant::CleaningPointsMatchLedger,
        Query::Sql(
            "SELECT c.job_id AS id FROM job_cleanings c
LEFT JOIN (SELECT user_id, related_id, SUM(amount) AS amount FROM point_entries
    WHERE kind = 'cleaning' GROUP BY user_id, related_id) p
    ON p.related_id = c.job_id AND p.user_id = c.cleaned_by_id
WHERE c.cleaning_rating IS NOT NULL AND c.cleaning_rating <> COALESCE(p.amount, 0)",
        ),
    ),
    (
        Invariant::TakeoversBelongToTheirTaker,
        Query::Sql(
            "SELECT t.id FROM takeovers t LEFT JOIN jobs j ON j.id = t.job_id
LEFT JOIN inspection_assignments a ON a.id = t.assignment_id
WHERE t.status = 'approved' AND (
    (t.job_id IS NOT NULL AND (j.owner_id <> t.requested_by_id
        OR j.status NOT IN ('assigned', 'in_progress', 'paused', 'incomplete')))
    OR (t.assignment_id IS NOT NULL
        AND ((COALESCE(a.mechanical_inspector_id, 0) NOT IN (t.requested_by_id, t.partner_id)
                AND COALESCE(a.electrical_inspector_id, 0) NOT IN (t.requested_by_id, t.partner_id))
            OR a.status NOT IN ('assigned', 'in_progress', 'mech_complete', 'elec_complete'))))",
        ),
    ),
    (
        Invariant::TakeoverRequestsAreOfOpenWork,
        Query::Sql(
            "SELECT t.id FROM takeovers t LEFT JOIN jobs j ON j.id = t.job_id
LEFT JOIN inspection_assignments a ON a.id = t.assignment_id
WHERE t.status = 'pending' AND (
    (t.job_id IS NOT NULL AND j.status NOT IN ('in_progress', 'paused'))
    OR (t.assignment_id IS NOT NULL
        AND a.status NOT IN ('assigned', 'in_progress', 'mech_complete', 'elec_complete')))",
        ),
    ),
    (
        Invariant::TakeoverPointsMatchLedger,
        Query::Sql(
            "SELECT t.id FROM takeovers t
LEFT JOIN (SELECT user_id, related_id, SUM(amount) AS amount FROM point_entries
    WHERE kind = 'takeover' AND related_type = 'takeover' GROUP BY user_id, related_id) p
    ON p.related_id = t.id AND p.user_id = t.requested_by_id
WHERE COALESCE(p.amount, 0) <> CASE WHEN t.status = 'completed' THEN 3 ELSE 0 END",
        ),
    ),
    (
        Invariant::ReviewsMatchTheirJob,
        Query::Sql(
            "SELECT r.id FROM quality_reviews r JOIN jobs j ON j.id = r.job_id
WHERE ((r.status = 'pending' OR (r.status = 'rejected' AND r.is_valid IS NULL))
        AND j.status <> 'completed')
    OR ((r.status = 'approved' OR (r.is_valid IS NOT NULL AND NOT r.is_valid))
        AND j.status <> 'qc_approved')",
        ),
    ),
    (
        Invariant::ApprovedJobsHaveTheirReview,
        Query::Sql(
            "SELECT j.id FROM jobs j WHERE j.status = 'qc_approved'
    AND NOT EXISTS (SELECT 1 FROM quality_reviews r WHERE r.job_id = j.id
        AND (r.status = 'approved' OR (r.is_valid IS NOT NULL AND NOT r.is_valid)))",
        ),
    ),
    (
        Invariant::ReviewsAreSingle,
        Query::Sql(
            "SELECT MIN(r.id) AS id FROM quality_reviews r
WHERE r.status = 'pending' OR (r.status = 'rejected' AND r.is_valid IS NULL)
GROUP BY r.job_id HAVING COUNT(*) > 1",
        ),
    ),
    (
        Invariant::DeadlinesOfReviewsAreJudged,
        Query::Sql(
            "SELECT r.id FROM quality_reviews r
WHERE r.status <> 'pending' AND (r.sla_met IS NULL OR r.sla_met <> (r.reviewed_at <= r.sla_deadline))",
        ),
    ),
    (
        Invariant::RejectionsMatchLedger,
        Query::Sql(
            "SELECT r.id FROM quality_reviews r
LEFT JOIN (SELECT user_id, related_id, SUM(amount) AS amount FROM point_entries
    WHERE kind = 'rejection' AND related_type = 'quality_review' GROUP BY user_id, related_id) w
    ON w.related_id = r.id AND w.user_id = r.worker_id
LEFT JOIN (SELECT user_id, related_id, SUM(amount) AS amount FROM point_entries
    WHERE kind = 'rejection' AND related_type = 'quality_review' GROUP BY user_id, related_id) q
    ON q.related_id = r.id AND q.user_id = r.qe_id
WHERE COALESCE(w.amount, 0) <> CASE WHEN r.is_valid THEN -2 ELSE 0 END
    OR COALESCE(q.amount, 0) <> CASE WHEN r.is_valid IS NULL THEN 0 WHEN r.is_valid THEN 2 ELSE -2 END",
        ),
    ),
];
