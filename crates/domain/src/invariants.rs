//! Invariants: what every rule together must leave true in the stored data (rule book,
//! "Invariants"). Each has a name, a sentence and a section; persistence has the query.

mod sentences;

use serde::{Deserialize, Serialize};

use crate::{input::text_enum, time::Instant};

/// Maximum number of ids that a result names.
pub const MOST_IDS: usize = 20;

/// Seconds that a check of all invariants may take.
pub const TIME_LIMIT: u64 = 60;

text_enum! {
    /// Weight of a violation.
    pub enum Severity {
        /// Safety, evidence, points or access may be wrong.
        Critical = "critical",
        /// A record that follows from others is wrong.
        Warning = "warning",
    }
}

text_enum! {
    /// Name of an invariant. Names are stable.
    pub enum Invariant {
        /// The points of every account are the sums of its entries in the ledger (§1).
        PointsMatchLedger = "points_match_ledger",
        /// If there are administrators, one of them is active (§1).
        AnAdminIsActive = "an_admin_is_active",
        /// Every badge names one role of one account (§1).
        BadgesNameOneRole = "badges_name_one_role",
        /// Every e-mail address names one account (§1).
        EmailsNameOneAccount = "emails_name_one_account",
        /// Everyone with the role inspector has a trade (§1).
        InspectorsHaveATrade = "inspectors_have_a_trade",
        /// Every account has the key by which its e-mail address is found (§1).
        IdentifiersHaveKeys = "identifiers_have_keys",
        /// A deactivated account has no valid session (§1).
        InactiveAccountsHaveNoSession = "inactive_accounts_have_no_session",
        /// The last role of every account in the audit trail is its role (§1).
        AuditHasTheRolesOfAccounts = "audit_has_the_roles_of_accounts",
        /// Every serial number names one machine (§2).
        SerialNumbersNameOneMachine = "serial_numbers_name_one_machine",
        /// The status of every machine is the last one of its history (§2).
        MachineStatusMatchesHistory = "machine_status_matches_history",
        /// Of every stopped machine it is known which user or assessment stopped it (§2).
        StoppedMachinesHaveACause = "stopped_machines_have_a_cause",
        /// The last status of every machine in the audit trail is its status (§2).
        AuditHasTheStatusOfMachines = "audit_has_the_status_of_machines",
        /// The counters of every daily list are the numbers of its assignments (§4).
        ListCountersMatch = "list_counters_match",
        /// The status of every daily list follows from its counters (§4).
        ListStatusFollows = "list_status_follows",
        /// A date and shift have one daily list, and a machine has one assignment on it (§4).
        ListsAreSingle = "lists_are_single",
        /// Every assignment has the date and the shift of its list (§4).
        AssignmentsMatchTheirList = "assignments_match_their_list",
        /// Every complete half of an assignment is a submitted inspection (§4).
        CompleteHalvesAreSubmitted = "complete_halves_are_submitted",
        /// Every submitted inspection of an assignment has completed its half (§4).
        SubmittedHalvesAreComplete = "submitted_halves_are_complete",
        /// Every inspection of an assignment belongs to the member of its team for that half (§4).
        HalvesBelongToTheTeam = "halves_belong_to_the_team",
        /// Submitted inspections have answers to all required questions without condition (§5).
        RequiredQuestionsAreAnswered = "required_questions_are_answered",
        /// Every failed critical answer of a submitted inspection has a photo (§5).
        CriticalFailuresHavePhotos = "critical_failures_have_photos",
        /// Every failed answer of a submitted inspection has the remark that it requires (§5).
        FailuresHaveRemarks = "failures_have_remarks",
        /// A submitted inspection has failed exactly when it has found a defect (§5).
        ResultsMatchOccurrences = "results_match_occurrences",
        /// Every answer belongs to a question of the checklist of its inspection (§5).
        AnswersFitTheirChecklist = "answers_fit_their_checklist",
        /// An inspector has one draft for an assignment, and one for a machine alone (§5).
        DraftsAreSingle = "drafts_are_single",
        /// Every half of an assignment is one inspection (§5).
        HalvesAreSingle = "halves_are_single",
        /// The weekly completions of every machine are its submitted inspections (§5).
        WeeklyCompletionsMatch = "weekly_completions_match",
        /// Only submitted inspections have a rating, for their own inspector (§5).
        RatingsAreOfSubmittedInspections = "ratings_are_of_submitted_inspections",
        /// The quality bonus of every rating is booked in the ledger (§5).
        QualityBonusMatchesLedger = "quality_bonus_matches_ledger",
        /// Every failed answer of a submitted inspection is an occurrence of a defect (§6).
        FailedAnswersHaveOccurrences = "failed_answers_have_occurrences",
        /// Every defect that wasn't joined with another counts its occurrences, of its machine
        /// (§6).
        OccurrenceCountsMatch = "occurrence_counts_match",
        /// Every occurrence from an inspection has an answer of a submitted inspection (§6).
        OccurrencesHaveTheirAnswer = "occurrences_have_their_answer",
        /// A question of a machine has at most one unresolved defect (§6).
        QuestionsHaveOneUnresolvedDefect = "questions_have_one_unresolved_defect",
        /// The defect of every live repair is in progress (§6).
        LiveRepairsHaveDefectsInProgress = "live_repairs_have_defects_in_progress",
        /// Every defect in progress has a repair that is live or left incomplete (§6).
        DefectsInProgressHaveARepair = "defects_in_progress_have_a_repair",
        /// A defect has at most one live repair (§6).
        RepairsAreSingle = "repairs_are_single",
        /// Every repair is on the machine of its defect (§6).
        RepairsHaveTheMachineOfTheirDefect = "repairs_have_the_machine_of_their_defect",
        /// Every defect has the assessment status of its assessment, and is pending without one
        /// (§6).
        DefectsMatchTheirAssessment = "defects_match_their_assessment",
        /// Every rejected finding of an inspection costs one point, once (§6).
        RejectedFindingsCostAPoint = "rejected_findings_cost_a_point",
        /// The last status of every defect in the audit trail is its status (§6).
        AuditHasTheStatusOfDefects = "audit_has_the_status_of_defects",
        /// The time worked and the time paused of every finished job add up to its length (§7).
        WorkedAndPausedIsElapsed = "worked_and_paused_is_elapsed",
        /// The paused time of every job is the sum of its ended pauses since its start (§7).
        PausedTimeIsThatOfThePauses = "paused_time_is_that_of_the_pauses",
        /// Only a paused job has an open pause, one, which began when its timer stopped (§7).
        TimersAreSingle = "timers_are_single",
        /// Only a job in progress has an open request for a pause (§7).
        RequestsForPausesAreOfRunningJobs = "requests_for_pauses_are_of_running_jobs",
        /// The bonus of every job is booked for its owner (§7).
        JobBonusMatchesLedger = "job_bonus_matches_ledger",
        /// The rating of every cleaning is booked for its specialist (§7).
        CleaningPointsMatchLedger = "cleaning_points_match_ledger",
        /// The object of every approved takeover is in the hands of its taker and unfinished (§7).
        TakeoversBelongToTheirTaker = "takeovers_belong_to_their_taker",
        /// Every pending request for a takeover is for work that has begun and isn't finished (§7).
        TakeoverRequestsAreOfOpenWork = "takeover_requests_are_of_open_work",
        /// Every completed takeover has given its taker three points, once (§7).
        TakeoverPointsMatchLedger = "takeover_points_match_ledger",
        /// The last status of every job in the audit trail is its status (§7).
        AuditHasTheStatusOfJobs = "audit_has_the_status_of_jobs",
        /// Jobs with an undecided review are completed, with a favourable one approved (§8).
        ReviewsMatchTheirJob = "reviews_match_their_job",
        /// Every approved job has a review that approved or wrongly rejected it (§8).
        ApprovedJobsHaveTheirReview = "approved_jobs_have_their_review",
        /// A job has at most one undecided review (§8).
        ReviewsAreSingle = "reviews_are_single",
        /// Every review met its deadline exactly when it was done by then (§8).
        DeadlinesOfReviewsAreJudged = "deadlines_of_reviews_are_judged",
        /// Every decided rejection has moved the points of worker and reviewer, once (§8).
        RejectionsMatchLedger = "rejections_match_ledger",
        /// The machine of every urgent verdict in force is stopped (§9).
        UrgentVerdictsStopMachines = "urgent_verdicts_stop_machines",
        /// Two verdicts decide an assessment, and one urgent verdict makes it urgent (§9).
        VerdictsAreSettled = "verdicts_are_settled",
        /// An assignment with two complete halves has an assessment, and ends with it (§9).
        AssignmentsHaveTheirAssessment = "assignments_have_their_assessment",
        /// Every decided assessment has given each of its inspectors one point, once (§9).
        AssessmentsGivePointsOnce = "assessments_give_points_once",
        /// The last status of every assessment in the audit trail is its status (§9).
        AuditHasTheStatusOfAssessments = "audit_has_the_status_of_assessments",
        /// No two open leaves of a person have a day in common (§10).
        LeavesDoNotOverlap = "leaves_do_not_overlap",
        /// Everyone marked as on leave has an approved leave that has begun and hasn't ended (§10).
        AbsenceMarksHaveALeave = "absence_marks_have_a_leave",
        /// Everyone whose approved leave covers today is marked as on leave (§10).
        LeavesInForceAreMarked = "leaves_in_force_are_marked",
        /// Every leave whose last day was past when leaves were last ended has ended (§10).
        ExpiredLeavesAreEnded = "expired_leaves_are_ended",
        /// Everyone marked as a cover is named by a leave in force, and the reverse (§10).
        CoversAreNamedByALeave = "covers_are_named_by_a_leave",
        /// Every temporary role is granted by a leave in force (§10).
        TemporaryRolesHaveALeave = "temporary_roles_have_a_leave",
        /// The last status of every leave in the audit trail is its status (§10).
        AuditHasTheStatusOfLeaves = "audit_has_the_status_of_leaves",
        /// All awarded bonus stars are booked once, and no others (§11).
        StarsMatchLedger = "stars_match_ledger",
        /// The object of every notification exists, or its removal is in the audit trail (§12).
        NotificationsReferToWhatExists = "notifications_refer_to_what_exists",
        /// No background job has waited for an hour while later ones were done (§13).
        BackgroundJobsKeepTheirTurn = "background_jobs_keep_their_turn",
        /// Every photo of an answer is a recorded file (§14).
        PhotosOfAnswersAreFiles = "photos_of_answers_are_files",
        /// Every file that is evidence proves a record that exists (§14).
        EvidenceHasItsRecord = "evidence_has_its_record",
        /// Every recorded file has its bytes, and in a sample the recorded checksum (§14).
        FilesHaveTheirBytes = "files_have_their_bytes",
        /// All stored bytes older than an hour belong to a recorded file (§14).
        StoredBytesHaveAFile = "stored_bytes_have_a_file",
        /// Every job is in the feed of changes of its owner (§15).
        ChangesReachOwners = "changes_reach_owners",
        /// Every assignment is in the feeds of changes of its team (§15).
        ChangesReachTeams = "changes_reach_teams",
        /// Every scheduled time of a task has one run (§16).
        TasksRunOnce = "tasks_run_once",
        /// No scheduled run has been left unfinished for a day (§16).
        RunsOfTasksEnd = "runs_of_tasks_end",
    }
}

impl Invariant {
    /// Section of the rule book.
    pub const fn section(self) -> u8 {
        match self {
            Self::PointsMatchLedger
            | Self::AnAdminIsActive
            | Self::BadgesNameOneRole
            | Self::EmailsNameOneAccount
            | Self::InspectorsHaveATrade
            | Self::IdentifiersHaveKeys
            | Self::InactiveAccountsHaveNoSession
            | Self::AuditHasTheRolesOfAccounts => 1,
            Self::SerialNumbersNameOneMachine
            | Self::MachineStatusMatchesHistory
            | Self::StoppedMachinesHaveACause
            | Self::AuditHasTheStatusOfMachines => 2,
            Self::ListCountersMatch
            | Self::ListStatusFollows
            | Self::ListsAreSingle
            | Self::AssignmentsMatchTheirList
            | Self::CompleteHalvesAreSubmitted
            | Self::SubmittedHalvesAreComplete
            | Self::HalvesBelongToTheTeam => 4,
            Self::RequiredQuestionsAreAnswered
            | Self::CriticalFailuresHavePhotos
            | Self::FailuresHaveRemarks
            | Self::ResultsMatchOccurrences
            | Self::AnswersFitTheirChecklist
            | Self::DraftsAreSingle
            | Self::HalvesAreSingle
            | Self::WeeklyCompletionsMatch
            | Self::RatingsAreOfSubmittedInspections
            | Self::QualityBonusMatchesLedger => 5,
            Self::FailedAnswersHaveOccurrences
            | Self::OccurrenceCountsMatch
            | Self::OccurrencesHaveTheirAnswer
            | Self::QuestionsHaveOneUnresolvedDefect
            | Self::LiveRepairsHaveDefectsInProgress
            | Self::DefectsInProgressHaveARepair
            | Self::RepairsAreSingle
            | Self::RepairsHaveTheMachineOfTheirDefect
            | Self::DefectsMatchTheirAssessment
            | Self::RejectedFindingsCostAPoint
            | Self::AuditHasTheStatusOfDefects => 6,
            Self::WorkedAndPausedIsElapsed
            | Self::PausedTimeIsThatOfThePauses
            | Self::TimersAreSingle
            | Self::RequestsForPausesAreOfRunningJobs
            | Self::JobBonusMatchesLedger
            | Self::CleaningPointsMatchLedger
            | Self::TakeoversBelongToTheirTaker
            | Self::TakeoverRequestsAreOfOpenWork
            | Self::TakeoverPointsMatchLedger
            | Self::AuditHasTheStatusOfJobs => 7,
            Self::ReviewsMatchTheirJob
            | Self::ApprovedJobsHaveTheirReview
            | Self::ReviewsAreSingle
            | Self::DeadlinesOfReviewsAreJudged
            | Self::RejectionsMatchLedger => 8,
            Self::UrgentVerdictsStopMachines
            | Self::VerdictsAreSettled
            | Self::AssignmentsHaveTheirAssessment
            | Self::AssessmentsGivePointsOnce
            | Self::AuditHasTheStatusOfAssessments => 9,
            Self::LeavesDoNotOverlap
            | Self::AbsenceMarksHaveALeave
            | Self::LeavesInForceAreMarked
            | Self::ExpiredLeavesAreEnded
            | Self::CoversAreNamedByALeave
            | Self::TemporaryRolesHaveALeave
            | Self::AuditHasTheStatusOfLeaves => 10,
            Self::StarsMatchLedger => 11,
            Self::NotificationsReferToWhatExists => 12,
            Self::BackgroundJobsKeepTheirTurn => 13,
            Self::PhotosOfAnswersAreFiles
            | Self::EvidenceHasItsRecord
            | Self::FilesHaveTheirBytes
            | Self::StoredBytesHaveAFile => 14,
            Self::ChangesReachOwners | Self::ChangesReachTeams => 15,
            Self::TasksRunOnce | Self::RunsOfTasksEnd => 16,
        }
    }

    /// Weight of a violation.
    pub const fn severity(self) -> Severity {
        match self {
            Self::IdentifiersHaveKeys
            | Self::ListStatusFollows
            | Self::FailuresHaveRemarks
            | Self::WeeklyCompletionsMatch
            | Self::RatingsAreOfSubmittedInspections
            | Self::DefectsMatchTheirAssessment
            | Self::RequestsForPausesAreOfRunningJobs
            | Self::TakeoverRequestsAreOfOpenWork
            | Self::DeadlinesOfReviewsAreJudged
            | Self::ExpiredLeavesAreEnded
            | Self::NotificationsReferToWhatExists
            | Self::BackgroundJobsKeepTheirTurn
            | Self::EvidenceHasItsRecord
            | Self::StoredBytesHaveAFile
            | Self::ChangesReachOwners
            | Self::ChangesReachTeams
            | Self::RunsOfTasksEnd => Severity::Warning,
            _ => Severity::Critical,
        }
    }

    /// Whether it compares the database with the file store, and not rows with rows.
    pub const fn is_of_storage(self) -> bool {
        matches!(self, Self::FilesHaveTheirBytes | Self::StoredBytesHaveAFile)
    }
}

/// The ids of the objects that violate an invariant, as a JSON array.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = Vec<i64>))]
#[serde(transparent)]
pub struct OffendingIds(pub Vec<i64>);

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(OffendingIds);

/// Result of checking one invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(
        table_name = crate::schema::invariant_results,
        treat_none_as_default_value = false
    )
)]
pub struct InvariantResult {
    /// The invariant.
    pub name: Invariant,
    /// Time of the check.
    pub checked_at: Instant,
    /// Number of violations; none if the time ran out before.
    pub violations: Option<i64>,
    /// Ids of the first objects that violate it, at most 20.
    pub ids: OffendingIds,
    /// Duration, in milliseconds.
    pub took_ms: i64,
}

crate::shows!(InvariantResult {});

impl InvariantResult {
    /// Whether it was checked and holds.
    pub fn holds(&self) -> bool {
        self.violations == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_invariant_has_a_name_and_a_sentence_of_its_own_in_both_languages() {
        let sentences: BTreeSet<String> =
            Invariant::ALL.iter().map(|invariant| invariant.sentence().to_string()).collect();
        assert_eq!(sentences.len(), Invariant::ALL.len());
        for invariant in Invariant::ALL {
            let name = invariant.as_str();
            assert!(name.chars().all(|c| c == '_' || c.is_ascii_lowercase()), "{name}");
            let arabic = invariant.sentence().arabic().into_owned();
            assert_ne!(arabic, invariant.sentence().to_string(), "{name}");
            assert!((1..=16).contains(&invariant.section()), "{name}");
        }
        assert!(Invariant::ALL.len() >= 40);
    }

    #[test]
    fn the_rule_book_lists_every_invariant() {
        let book = include_str!("RULES.md");
        let (_, chapter) = book.split_once("\n## Invariants\n").expect("a chapter");
        let (chapter, _) = chapter.split_once("\n## ").expect("another chapter");
        let lines: Vec<String> = chapter
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.split(" | ").collect::<Vec<_>>().join(" | "))
            .collect();
        let expected: Vec<String> = Invariant::ALL
            .iter()
            .map(|invariant| {
                let (name, section) = (invariant.as_str(), invariant.section());
                format!("| `{name}` | §{section} | {} | {} |", invariant.severity(), invariant.sentence())
            })
            .collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn only_a_checked_invariant_without_violations_holds() {
        let result = |violations| InvariantResult {
            name: Invariant::PointsMatchLedger,
            checked_at: crate::testing::now(),
            violations,
            ids: OffendingIds::default(),
            took_ms: 1,
        };
        assert_eq!([Some(0), Some(1), None].map(|count| result(count).holds()), [true, false, false]);
    }
}
