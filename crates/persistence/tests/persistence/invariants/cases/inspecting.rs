//! Breaks of the invariants of accounts, machines, daily lists, inspections and defects.

use inspection_domain::invariants::Invariant;

use super::{Case, case};

pub(in super::super) const CASES: &[Case] = &[
    case(
        Invariant::PointsMatchLedger,
        &[],
        &["UPDATE users SET total_points = total_points + 1 WHERE id = (SELECT MIN(id) \
             FROM users)"],
    ),
    case(Invariant::AnAdminIsActive, &[], &["UPDATE users SET is_active = FALSE WHERE role = 'admin'"]),
    case(
        Invariant::BadgesNameOneRole,
        &["users"],
        &["UPDATE users SET minor_role = 'engineer', minor_role_id = (SELECT MIN(role_id) \
             FROM users WHERE role = 'admin') WHERE role = 'specialist'"],
    ),
    case(Invariant::EmailsNameOneAccount, &["users"], &["UPDATE users SET email_key = 'one'"]),
    case(
        Invariant::InspectorsHaveATrade,
        &["users"],
        &["UPDATE users SET specialization = NULL WHERE role = 'inspector'"],
    ),
    case(
        Invariant::IdentifiersHaveKeys,
        &[],
        &["UPDATE users SET email_key = NULL WHERE id = (SELECT MIN(id) FROM users)"],
    ),
    case(
        Invariant::InactiveAccountsHaveNoSession,
        &[],
        &[
            "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, \
             refreshes) SELECT 'a session ' || id, id, created_at, created_at, created_at, \
             0 FROM users",
            "UPDATE users SET is_active = FALSE",
        ],
    ),
    case(
        Invariant::SerialNumbersNameOneMachine,
        &["equipment"],
        &["UPDATE equipment SET serial_key = 'one' WHERE 1 < (SELECT COUNT(*) FROM \
             equipment)"],
    ),
    case(
        Invariant::MachineStatusMatchesHistory,
        &[],
        &["UPDATE equipment SET status = 'paused' WHERE status = 'active'"],
    ),
    case(
        Invariant::StoppedMachinesHaveACause,
        &[],
        &["UPDATE equipment SET status = 'stopped' WHERE status = 'active'"],
    ),
    case(
        Invariant::UrgentVerdictsStopMachines,
        &["final_assessments"],
        &["UPDATE final_assessments SET decision = 'urgent', equipment_hold = NULL, \
             released_at = NULL"],
    ),
    case(
        Invariant::VerdictsAreSettled,
        &["final_assessments"],
        &["UPDATE final_assessments SET status = 'pending', decision = NULL, \
             mechanical_verdict = 'operational', electrical_verdict = 'operational'"],
    ),
    case(
        Invariant::AssignmentsHaveTheirAssessment,
        &["inspection_assignments"],
        &["UPDATE inspection_assignments SET status = 'both_complete'"],
    ),
    case(
        Invariant::AssessmentsGivePointsOnce,
        &["point_entries"],
        &["INSERT INTO point_entries (user_id, role, amount, kind, related_type, \
             related_id, created_at) SELECT mechanical_inspector_id, 'inspector', 1, \
             'assessment', 'assessment', id, created_at FROM final_assessments"],
    ),
    case(Invariant::ListCountersMatch, &[], &["UPDATE inspection_lists SET total_assets = total_assets + 1"]),
    case(
        Invariant::ListStatusFollows,
        &[],
        &["UPDATE inspection_lists SET status = CASE status WHEN 'generated' THEN \
             'completed' ELSE 'generated' END"],
    ),
    case(
        Invariant::ListsAreSingle,
        &["inspection_lists"],
        &["INSERT INTO inspection_lists (id, target_date, shift, status, total_assets, \
             assigned_assets, completed_assets, created_at, updated_at) SELECT id + 100000, \
             target_date, shift, status, total_assets, assigned_assets, completed_assets, \
             created_at, updated_at FROM inspection_lists"],
    ),
    case(
        Invariant::AssignmentsMatchTheirList,
        &[],
        &["UPDATE inspection_assignments SET shift = CASE shift WHEN 'day' THEN 'night' \
             ELSE 'day' END"],
    ),
    case(
        Invariant::CompleteHalvesAreSubmitted,
        &["inspections"],
        &["UPDATE inspections SET status = 'draft' WHERE assignment_id IS NOT NULL AND \
             status <> 'draft'"],
    ),
    case(
        Invariant::SubmittedHalvesAreComplete,
        &["inspection_assignments"],
        &["UPDATE inspection_assignments SET status = 'assigned' WHERE id IN (SELECT \
             assignment_id FROM inspections WHERE status <> 'draft')"],
    ),
    case(
        Invariant::HalvesBelongToTheTeam,
        &["inspections"],
        &["UPDATE inspections SET technician_id = (SELECT MIN(id) FROM users) WHERE \
             assignment_id IS NOT NULL"],
    ),
    case(
        Invariant::RequiredQuestionsAreAnswered,
        &["inspection_answers"],
        &["DELETE FROM inspection_answers WHERE inspection_id IN (SELECT id FROM \
             inspections WHERE status <> 'draft')"],
    ),
    case(
        Invariant::CriticalFailuresHavePhotos,
        &["inspection_answers"],
        &["UPDATE inspection_answers SET answer_value = 'fail', photo_path = NULL, \
             photo_file_id = NULL WHERE checklist_item_id IN (SELECT id FROM \
             checklist_items WHERE answer_type = 'pass_fail' AND show_if IS NULL AND \
             critical_failure) AND inspection_id IN (SELECT id FROM inspections WHERE \
             status <> 'draft' AND revision_id IS NULL)"],
    ),
    case(
        Invariant::FailuresHaveRemarks,
        &[],
        &[
            "UPDATE inspection_answers SET answer_value = 'fail', comment = NULL WHERE \
             checklist_item_id IN (SELECT id FROM checklist_items WHERE answer_type = \
             'pass_fail' AND show_if IS NULL) AND inspection_id IN (SELECT id FROM \
             inspections WHERE status <> 'draft' AND revision_id IS NULL)",
            "UPDATE checklist_items SET requires_comment_on_fail = TRUE",
        ],
    ),
    case(
        Invariant::FailedAnswersHaveOccurrences,
        &[],
        &["UPDATE inspection_answers SET answer_value = 'fail' WHERE checklist_item_id IN \
             (SELECT id FROM checklist_items WHERE answer_type = 'pass_fail' AND show_if IS \
             NULL) AND inspection_id IN (SELECT id FROM inspections WHERE status <> 'draft' \
             AND revision_id IS NULL) AND NOT EXISTS (SELECT 1 FROM defect_occurrences o \
             WHERE o.inspection_id = inspection_answers.inspection_id AND \
             o.checklist_item_id = inspection_answers.checklist_item_id)"],
    ),
    case(
        Invariant::ResultsMatchOccurrences,
        &[],
        &["UPDATE inspections SET result = CASE result WHEN 'pass' THEN 'fail' ELSE \
             'pass' END WHERE status <> 'draft'"],
    ),
    case(
        Invariant::AnswersFitTheirChecklist,
        &["checklist_items"],
        &["UPDATE checklist_items SET template_id = template_id + 100000 WHERE id IN \
             (SELECT checklist_item_id FROM inspection_answers)"],
    ),
    case(
        Invariant::DraftsAreSingle,
        &["inspections"],
        &[
            "INSERT INTO inspections (id, equipment_id, template_id, technician_id, status, \
             started_at, updated_at, is_detached, warnings) SELECT id + 100000, \
             equipment_id, template_id, technician_id, 'draft', started_at, updated_at, \
             FALSE, 0 FROM inspections",
            "INSERT INTO inspections (id, equipment_id, template_id, technician_id, status, \
             started_at, updated_at, is_detached, warnings) SELECT id + 200000, \
             equipment_id, template_id, technician_id, 'draft', started_at, updated_at, \
             FALSE, 0 FROM inspections",
        ],
    ),
    case(
        Invariant::HalvesAreSingle,
        &["inspections"],
        &["INSERT INTO inspections (id, equipment_id, template_id, technician_id, \
             category, status, started_at, updated_at, assignment_id, is_detached, \
             warnings) SELECT id + 100000, equipment_id, template_id, technician_id, \
             category, 'draft', started_at, updated_at, assignment_id, FALSE, 0 FROM \
             inspections WHERE assignment_id IS NOT NULL"],
    ),
    case(Invariant::WeeklyCompletionsMatch, &[], &["DELETE FROM equipment_weekly_completions"]),
    case(
        Invariant::RatingsAreOfSubmittedInspections,
        &[],
        &["UPDATE inspection_ratings SET technician_id = rated_by_id"],
    ),
    case(
        Invariant::QualityBonusMatchesLedger,
        &["inspection_ratings"],
        &["UPDATE inspection_ratings SET admin_quality_bonus = admin_quality_bonus + 1"],
    ),
    case(
        Invariant::OccurrenceCountsMatch,
        &[],
        &["UPDATE defects SET occurrence_count = occurrence_count + 1"],
    ),
    case(
        Invariant::OccurrencesHaveTheirAnswer,
        &["inspection_answers"],
        &["DELETE FROM inspection_answers WHERE EXISTS (SELECT 1 FROM defect_occurrences \
             o WHERE o.inspection_id = inspection_answers.inspection_id AND \
             o.checklist_item_id = inspection_answers.checklist_item_id)"],
    ),
    case(
        Invariant::QuestionsHaveOneUnresolvedDefect,
        &["defects"],
        &["UPDATE defects SET status = 'open', lineage = 1, equipment_id = 1 WHERE 1 < \
             (SELECT COUNT(*) FROM defects)"],
    ),
    case(
        Invariant::LiveRepairsHaveDefectsInProgress,
        &["jobs", "defects"],
        &[
            "UPDATE jobs SET status = 'assigned' WHERE kind = 'specialist'",
            "UPDATE defects SET status = 'open'",
        ],
    ),
    case(
        Invariant::DefectsInProgressHaveARepair,
        &["defects"],
        &["UPDATE defects SET status = 'in_progress' WHERE id NOT IN (SELECT defect_id \
             FROM jobs WHERE defect_id IS NOT NULL)"],
    ),
    case(
        Invariant::RepairsAreSingle,
        &["jobs"],
        &["UPDATE jobs SET status = 'assigned', defect_id = (SELECT MIN(id) FROM defects) \
             WHERE kind = 'specialist' AND 1 < (SELECT COUNT(*) FROM jobs WHERE kind = \
             'specialist')"],
    ),
];
