//! The sentences of the invariants.

use super::Invariant;
use crate::{message, message::Message};

impl Invariant {
    /// The sentence that must be true.
    #[allow(clippy::too_many_lines, reason = "one sentence each")]
    pub fn sentence(self) -> Message {
        match self {
            Self::PointsMatchLedger => {
                message!("the points of every account are the sums of its entries in the ledger")
            }
            Self::AnAdminIsActive => {
                message!("if there are administrators, one of them is active")
            }
            Self::BadgesNameOneRole => message!("every badge names one role of one account"),
            Self::EmailsNameOneAccount => message!("every e-mail address names one account"),
            Self::InspectorsHaveATrade => message!("everyone with the role inspector has a trade"),
            Self::IdentifiersHaveKeys => {
                message!("every account has the key by which its e-mail address is found")
            }
            Self::InactiveAccountsHaveNoSession => {
                message!("a deactivated account has no valid session")
            }
            Self::AuditHasTheRolesOfAccounts => {
                message!("the last role of every account in the audit trail is its role")
            }
            Self::SerialNumbersNameOneMachine => message!("every serial number names one machine"),
            Self::MachineStatusMatchesHistory => {
                message!("the status of every machine is the last one of its history")
            }
            Self::StoppedMachinesHaveACause => {
                message!("of every stopped machine it is known which user or assessment stopped it")
            }
            Self::AuditHasTheStatusOfMachines => {
                message!("the last status of every machine in the audit trail is its status")
            }
            Self::ListCountersMatch => {
                message!("the counters of every daily list are the numbers of its assignments")
            }
            Self::ListStatusFollows => {
                message!("the status of every daily list follows from its counters")
            }
            Self::ListsAreSingle => {
                message!("a date and shift have one daily list, and a machine has one assignment on it")
            }
            Self::AssignmentsMatchTheirList => {
                message!("every assignment has the date and the shift of its list")
            }
            Self::CompleteHalvesAreSubmitted => {
                message!("every complete half of an assignment is a submitted inspection")
            }
            Self::SubmittedHalvesAreComplete => {
                message!("every submitted inspection of an assignment has completed its half")
            }
            Self::HalvesBelongToTheTeam => {
                message!("every inspection of an assignment belongs to the member of its team for that half")
            }
            Self::RequiredQuestionsAreAnswered => {
                message!("submitted inspections have answers to all required questions without condition")
            }
            Self::CriticalFailuresHavePhotos => {
                message!("every failed critical answer of a submitted inspection has a photo")
            }
            Self::FailuresHaveRemarks => {
                message!("every failed answer of a submitted inspection has the remark that it requires")
            }
            Self::ResultsMatchOccurrences => {
                message!("a submitted inspection has failed exactly when it has found a defect")
            }
            Self::AnswersFitTheirChecklist => {
                message!("every answer belongs to a question of the checklist of its inspection")
            }
            Self::DraftsAreSingle => {
                message!("an inspector has one draft for an assignment, and one for a machine alone")
            }
            Self::HalvesAreSingle => message!("every half of an assignment is one inspection"),
            Self::WeeklyCompletionsMatch => {
                message!("the weekly completions of every machine are its submitted inspections")
            }
            Self::RatingsAreOfSubmittedInspections => {
                message!("only submitted inspections have a rating, for their own inspector")
            }
            Self::QualityBonusMatchesLedger => {
                message!("the quality bonus of every rating is booked in the ledger")
            }
            Self::FailedAnswersHaveOccurrences => {
                message!("every failed answer of a submitted inspection is an occurrence of a defect")
            }
            Self::OccurrenceCountsMatch => {
                message!(
                    "every defect that wasn't joined with another counts its occurrences, of its machine"
                )
            }
            Self::OccurrencesHaveTheirAnswer => {
                message!("every occurrence from an inspection has an answer of a submitted inspection")
            }
            Self::QuestionsHaveOneUnresolvedDefect => {
                message!("a question of a machine has at most one unresolved defect")
            }
            Self::LiveRepairsHaveDefectsInProgress => {
                message!("the defect of every live repair is in progress")
            }
            Self::DefectsInProgressHaveARepair => {
                message!("every defect in progress has a repair that is live or left incomplete")
            }
            Self::RepairsAreSingle => message!("a defect has at most one live repair"),
            Self::RepairsHaveTheMachineOfTheirDefect => {
                message!("every repair is on the machine of its defect")
            }
            Self::DefectsMatchTheirAssessment => {
                message!(
                    "every defect has the assessment status of its assessment, and is pending without one"
                )
            }
            Self::RejectedFindingsCostAPoint => {
                message!("every rejected finding of an inspection costs one point, once")
            }
            Self::AuditHasTheStatusOfDefects => {
                message!("the last status of every defect in the audit trail is its status")
            }
            Self::WorkedAndPausedIsElapsed => {
                message!("the time worked and the time paused of every finished job add up to its length")
            }
            Self::PausedTimeIsThatOfThePauses => {
                message!("the paused time of every job is the sum of its ended pauses since its start")
            }
            Self::TimersAreSingle => {
                message!("only a paused job has an open pause, one, which began when its timer stopped")
            }
            Self::RequestsForPausesAreOfRunningJobs => {
                message!("only a job in progress has an open request for a pause")
            }
            Self::JobBonusMatchesLedger => {
                message!("the bonus of every job is booked for its owner")
            }
            Self::CleaningPointsMatchLedger => {
                message!("the rating of every cleaning is booked for its specialist")
            }
            Self::TakeoversBelongToTheirTaker => {
                message!("the object of every approved takeover is in the hands of its taker and unfinished")
            }
            Self::TakeoverRequestsAreOfOpenWork => {
                message!("every pending request for a takeover is for work that has begun and isn't finished")
            }
            Self::TakeoverPointsMatchLedger => {
                message!("every completed takeover has given its taker three points, once")
            }
            Self::AuditHasTheStatusOfJobs => {
                message!("the last status of every job in the audit trail is its status")
            }
            Self::ReviewsMatchTheirJob => {
                message!("jobs with an undecided review are completed, with a favourable one approved")
            }
            Self::ApprovedJobsHaveTheirReview => {
                message!("every approved job has a review that approved or wrongly rejected it")
            }
            Self::ReviewsAreSingle => message!("a job has at most one undecided review"),
            Self::DeadlinesOfReviewsAreJudged => {
                message!("every review met its deadline exactly when it was done by then")
            }
            Self::RejectionsMatchLedger => {
                message!("every decided rejection has moved the points of worker and reviewer, once")
            }
            Self::UrgentVerdictsStopMachines => {
                message!("the machine of every urgent verdict in force is stopped")
            }
            Self::VerdictsAreSettled => {
                message!("two verdicts decide an assessment, and one urgent verdict makes it urgent")
            }
            Self::AssignmentsHaveTheirAssessment => {
                message!("an assignment with two complete halves has an assessment, and ends with it")
            }
            Self::AssessmentsGivePointsOnce => {
                message!("every decided assessment has given each of its inspectors one point, once")
            }
            Self::AuditHasTheStatusOfAssessments => {
                message!("the last status of every assessment in the audit trail is its status")
            }
            Self::LeavesDoNotOverlap => {
                message!("no two open leaves of a person have a day in common")
            }
            Self::AbsenceMarksHaveALeave => {
                message!("everyone marked as on leave has an approved leave that has begun and hasn't ended")
            }
            Self::LeavesInForceAreMarked => {
                message!("everyone whose approved leave covers today is marked as on leave")
            }
            Self::ExpiredLeavesAreEnded => {
                message!("every leave whose last day was past when leaves were last ended has ended")
            }
            Self::CoversAreNamedByALeave => {
                message!("everyone marked as a cover is named by a leave in force, and the reverse")
            }
            Self::TemporaryRolesHaveALeave => {
                message!("every temporary role is granted by a leave in force")
            }
            Self::AuditHasTheStatusOfLeaves => {
                message!("the last status of every leave in the audit trail is its status")
            }
            Self::StarsMatchLedger => {
                message!("all awarded bonus stars are booked once, and no others")
            }
            Self::NotificationsReferToWhatExists => {
                message!("the object of every notification exists, or its removal is in the audit trail")
            }
            Self::BackgroundJobsKeepTheirTurn => {
                message!("no background job has waited for an hour while later ones were done")
            }
            Self::PhotosOfAnswersAreFiles => {
                message!("every photo of an answer is a recorded file")
            }
            Self::EvidenceHasItsRecord => {
                message!("every file that is evidence proves a record that exists")
            }
            Self::FilesHaveTheirBytes => {
                message!("every recorded file has its bytes, and in a sample the recorded checksum")
            }
            Self::StoredBytesHaveAFile => {
                message!("all stored bytes older than an hour belong to a recorded file")
            }
            Self::ChangesReachOwners => {
                message!("every job is in the feed of changes of its owner")
            }
            Self::ChangesReachTeams => {
                message!("every assignment is in the feeds of changes of its team")
            }
            Self::TasksRunOnce => message!("every scheduled time of a task has one run"),
            Self::RunsOfTasksEnd => {
                message!("no scheduled run has been left unfinished for a day")
            }
        }
    }
}
