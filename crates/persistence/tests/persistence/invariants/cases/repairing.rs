//! Breaks of the invariants of repairs, reviews, leaves and records.

use inspection_domain::invariants::Invariant;

use super::{Case, case};

pub(in super::super) const CASES: &[Case] = &[
    case(
        Invariant::RepairsHaveTheMachineOfTheirDefect,
        &["jobs"],
        &["UPDATE jobs SET equipment_id = equipment_id + 100000 WHERE kind = 'specialist'"],
    ),
    case(
        Invariant::DefectsMatchTheirAssessment,
        &[],
        &["UPDATE defects SET assessment_status = CASE assessment_status WHEN 'pending' \
             THEN 'minor' ELSE 'pending' END"],
    ),
    case(
        Invariant::RejectedFindingsCostAPoint,
        &[],
        &["INSERT INTO point_entries (user_id, role, amount, kind, related_type, \
             related_id, created_at) SELECT specialist_id, 'inspector', -1, \
             'defect_rejected', 'defect', defect_id, created_at FROM defect_assessments \
             WHERE verdict = 'reject'"],
    ),
    case(
        Invariant::WorkedAndPausedIsElapsed,
        &[],
        &["UPDATE jobs SET actual_time_hours = actual_time_hours + 1 WHERE \
             actual_time_hours IS NOT NULL"],
    ),
    case(
        Invariant::PausedTimeIsThatOfThePauses,
        &[],
        &["UPDATE jobs SET paused_seconds = paused_seconds + 60 WHERE started_at IS NOT \
             NULL"],
    ),
    case(
        Invariant::TimersAreSingle,
        &["job_pauses"],
        &["UPDATE job_pauses SET status = 'approved' WHERE status = 'ended'"],
    ),
    case(
        Invariant::RequestsForPausesAreOfRunningJobs,
        &["job_pauses"],
        &["UPDATE job_pauses SET status = 'pending' WHERE job_id IN (SELECT id FROM jobs \
             WHERE status <> 'in_progress')"],
    ),
    case(
        Invariant::JobBonusMatchesLedger,
        &["jobs"],
        &["UPDATE jobs SET admin_bonus = COALESCE(admin_bonus, 0) + 1"],
    ),
    case(
        Invariant::CleaningPointsMatchLedger,
        &["job_cleanings"],
        &["UPDATE job_cleanings SET cleaning_rating = COALESCE(cleaning_rating, 0) + 1"],
    ),
    case(
        Invariant::TakeoversBelongToTheirTaker,
        &["takeovers"],
        &["UPDATE takeovers SET status = 'approved', \
             requested_by_id = (SELECT MIN(id) FROM users), \
             partner_id = CASE WHEN partner_id IS NOT NULL THEN (SELECT MIN(id) FROM users) END"],
    ),
    case(
        Invariant::TakeoverRequestsAreOfOpenWork,
        &["takeovers", "jobs", "inspection_assignments"],
        &[
            "UPDATE takeovers SET status = 'pending'",
            "UPDATE jobs SET status = 'completed'",
            "UPDATE inspection_assignments SET status = 'completed'",
        ],
    ),
    case(
        Invariant::TakeoverPointsMatchLedger,
        &["takeovers"],
        &["UPDATE takeovers SET status = CASE status WHEN 'completed' THEN 'denied' ELSE \
             'completed' END"],
    ),
    case(
        Invariant::ReviewsMatchTheirJob,
        &["jobs"],
        &["UPDATE jobs SET status = 'cancelled' WHERE id IN (SELECT job_id FROM \
             quality_reviews WHERE status IN ('pending', 'approved'))"],
    ),
    case(
        Invariant::ApprovedJobsHaveTheirReview,
        &["jobs"],
        &["UPDATE jobs SET status = 'qc_approved' WHERE id NOT IN (SELECT job_id FROM \
             quality_reviews)"],
    ),
    case(
        Invariant::ReviewsAreSingle,
        &["quality_reviews"],
        &[
            "INSERT INTO quality_reviews (id, kind, job_id, worker_id, qe_id, status, \
             sla_deadline, created_at) SELECT id + 100000, kind, job_id, worker_id, qe_id, \
             'pending', sla_deadline, created_at FROM quality_reviews",
            "INSERT INTO quality_reviews (id, kind, job_id, worker_id, qe_id, status, \
             sla_deadline, created_at) SELECT id + 200000, kind, job_id, worker_id, qe_id, \
             'pending', sla_deadline, created_at FROM quality_reviews",
        ],
    ),
    case(
        Invariant::DeadlinesOfReviewsAreJudged,
        &[],
        &["UPDATE quality_reviews SET sla_met = NOT sla_met WHERE sla_met IS NOT NULL"],
    ),
    case(
        Invariant::RejectionsMatchLedger,
        &["quality_reviews"],
        &["UPDATE quality_reviews SET is_valid = NOT is_valid WHERE is_valid IS NOT NULL"],
    ),
    case(
        Invariant::LeavesDoNotOverlap,
        &["leaves"],
        &[
            "INSERT INTO leaves (id, user_id, leave_type, date_from, date_to, scope, \
             status, created_at, updated_at) SELECT id + 100000, user_id, leave_type, \
             date_from, date_to, scope, 'pending', created_at, updated_at FROM leaves",
            "INSERT INTO leaves (id, user_id, leave_type, date_from, date_to, scope, \
             status, created_at, updated_at) SELECT id + 200000, user_id, leave_type, \
             date_from, date_to, scope, 'pending', created_at, updated_at FROM leaves",
        ],
    ),
    case(
        Invariant::AbsenceMarksHaveALeave,
        &[],
        &["UPDATE users SET is_on_leave = TRUE WHERE id NOT IN (SELECT user_id FROM \
             leaves)"],
    ),
    case(
        Invariant::LeavesInForceAreMarked,
        &["leaves"],
        &["INSERT INTO leaves (id, user_id, leave_type, date_from, date_to, scope, \
             status, decided_at, created_at, updated_at) SELECT id + 100000, id, 'annual', \
             '2026-01-01', '2036-01-01', 'full', 'approved', created_at, created_at, \
             created_at FROM users WHERE NOT is_on_leave"],
    ),
    case(
        Invariant::ExpiredLeavesAreEnded,
        &["leaves"],
        &[
            "INSERT INTO leaves (id, user_id, leave_type, date_from, date_to, scope, \
             status, decided_at, created_at, updated_at) SELECT id + 100000, id, 'annual', \
             '2020-01-01', '2020-01-02', 'full', 'approved', '2020-01-01T00:00:00.000Z', \
             created_at, created_at FROM users",
            "INSERT INTO task_runs (task, scheduled_for, is_manual, instance, started_at, \
             lease_until, attempts, finished_at, outcome, counts) VALUES ('check_backlog', \
             '2020-03-01T00:00:00.000Z', FALSE, 'x', '2020-03-01T00:00:00.000Z', \
             '2020-03-01T00:00:00.000Z', 1, '2020-03-01T00:00:00.000Z', 'succeeded', '{}')",
        ],
    ),
    case(
        Invariant::CoversAreNamedByALeave,
        &[],
        &["UPDATE users SET leave_coverage_for = (SELECT MAX(id) FROM users) WHERE id NOT \
             IN (SELECT coverage_user_id FROM leaves WHERE coverage_user_id IS NOT NULL)"],
    ),
    case(
        Invariant::TemporaryRolesHaveALeave,
        &["users"],
        &[
            "UPDATE users SET minor_role = 'inspector', minor_role_id = 'COV-' || role_id \
             WHERE role = 'specialist'",
            "INSERT INTO leaves (user_id, leave_type, date_from, date_to, scope, status, \
             created_at, updated_at, coverage_badge, coverage_user_id, ended_at) SELECT \
             (SELECT MIN(id) FROM users), 'annual', '2020-01-01', '2020-01-02', 'full', \
             'approved', created_at, created_at, minor_role_id, id, created_at FROM users \
             WHERE minor_role_id LIKE 'COV-%'",
        ],
    ),
    case(
        Invariant::StarsMatchLedger,
        &["bonus_stars"],
        &["UPDATE bonus_stars SET amount = amount + 1 WHERE status IN ('approved', \
             'modified')"],
    ),
    case(
        Invariant::NotificationsReferToWhatExists,
        &[],
        &["UPDATE notifications SET related_id = 900000 WHERE related_type IN \
             ('equipment', 'user', 'defect', 'specialist_job', 'leave', 'inspection', \
             'assignment', 'takeover')"],
    ),
    case(
        Invariant::BackgroundJobsKeepTheirTurn,
        &[],
        &[
            "INSERT INTO outbox (id, kind, payload, status, attempts, run_at, created_at) \
             VALUES (900000, 'translate', '{}', 'pending', 0, '2020-01-01T00:00:00.000Z', \
             '2020-01-01T00:00:00.000Z')",
            "INSERT INTO translations (model_type, model_id, field_name, language, \
             source_hash, text, version, created_at) VALUES ('x', 1, 'x', 'en', 'x', 'x', \
             900001, '2020-01-01T00:00:00.000Z')",
        ],
    ),
    case(
        Invariant::PhotosOfAnswersAreFiles,
        &[],
        &["UPDATE inspection_answers SET photo_file_ids = '[900000]'"],
    ),
    case(
        Invariant::EvidenceHasItsRecord,
        &[],
        &["INSERT INTO evidence (file_id, record_type, record_id) SELECT id, 'defect', \
             900000 FROM files"],
    ),
    case(Invariant::ChangesReachOwners, &[], &["DELETE FROM changes WHERE entity_type = 'job'"]),
    case(
        Invariant::ChangesReachTeams,
        &[],
        &["DELETE FROM changes WHERE entity_type = 'assignment' AND entity_id IN (SELECT \
             id FROM inspection_assignments WHERE status <> 'unassigned')"],
    ),
    case(
        Invariant::TasksRunOnce,
        &["task_runs"],
        &["INSERT INTO task_runs (id, task, scheduled_for, is_manual, instance, \
             started_at, lease_until, attempts, finished_at, outcome, counts) VALUES \
             (900001, 'check_backlog', '2020-01-01T00:00:00.000Z', FALSE, 'x', \
             '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.000Z', 1, \
             '2020-01-01T00:00:00.000Z', 'succeeded', '{}'), (900002, 'check_backlog', \
             '2020-01-01T00:00:00.000Z', FALSE, 'x', '2020-01-01T00:00:00.000Z', \
             '2020-01-01T00:00:00.000Z', 1, '2020-01-01T00:00:00.000Z', 'succeeded', '{}')"],
    ),
    case(
        Invariant::RunsOfTasksEnd,
        &[],
        &["INSERT INTO task_runs (task, scheduled_for, is_manual, instance, started_at, \
             lease_until, attempts, finished_at, outcome, counts) VALUES ('check_backlog', \
             '2020-01-01T00:00:00.000Z', FALSE, 'x', '2020-01-01T00:00:00.000Z', \
             '2020-01-01T00:00:00.000Z', 1, NULL, 'running', '{}')"],
    ),
    case(
        Invariant::AuditHasTheStatusOfMachines,
        &[],
        &["UPDATE equipment SET status = 'paused' WHERE status = 'active'"],
    ),
    case(
        Invariant::AuditHasTheStatusOfDefects,
        &["defects"],
        &["UPDATE defects SET status = 'false_alarm' WHERE status <> 'false_alarm'"],
    ),
    case(
        Invariant::AuditHasTheStatusOfJobs,
        &["jobs"],
        &["UPDATE jobs SET status = 'cancelled' WHERE status <> 'cancelled'"],
    ),
    case(
        Invariant::AuditHasTheStatusOfAssessments,
        &["final_assessments"],
        &["UPDATE final_assessments SET status = CASE status WHEN 'pending' THEN \
             'completed' ELSE 'pending' END"],
    ),
    case(
        Invariant::AuditHasTheStatusOfLeaves,
        &["leaves"],
        &["UPDATE leaves SET status = CASE status WHEN 'rejected' THEN 'cancelled' ELSE \
             'rejected' END"],
    ),
    case(
        Invariant::AuditHasTheRolesOfAccounts,
        &["users"],
        &["UPDATE users SET role = 'engineer' WHERE role = 'specialist'"],
    ),
];
