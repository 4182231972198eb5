//! Quality reviews of completed work, and the validation of rejections by admins (rule book §8).

use serde::Serialize;

use crate::{
    ids::{FileId, JobId, ReviewId, UserId},
    input::{Integer, ValueList, input, text_enum},
    jobs::{Job, JobKind},
    rule::{Code, Forbidden, Rule, article},
    text::Text,
    time::Instant,
    users::{Role, User},
};

text_enum! {
    /// Lifecycle status of a review.
    pub enum ReviewStatus {
        /// Waiting for the quality engineer.
        Pending = "pending",
        /// The work is approved.
        Approved = "approved",
        /// The work is rejected; an admin validates the rejection.
        Rejected = "rejected",
    }
}

text_enum! {
    /// Category of a rejection.
    pub enum RejectionCategory {
        /// Incomplete work.
        IncompleteWork = "incomplete_work",
        /// Wrong parts.
        WrongParts = "wrong_parts",
        /// Safety hazard.
        SafetyIssue = "safety_issue",
        /// Poor workmanship.
        PoorWorkmanship = "poor_workmanship",
        /// Procedure not followed.
        DidNotFollowProcedure = "did_not_follow_procedure",
        /// Equipment still faulty.
        EquipmentStillFaulty = "equipment_still_faulty",
        /// Poor quality.
        PoorQuality = "poor_quality",
        /// Violation of safety rules.
        SafetyViolation = "safety_violation",
        /// Missing documentation.
        MissingDocumentation = "missing_documentation",
        /// Wrong procedure.
        WrongProcedure = "wrong_procedure",
        /// Other.
        Other = "other",
    }
}

text_enum! {
    /// Commands on a review.
    pub enum ReviewCommand {
        /// Approve the work.
        Approve = "approve",
        /// Reject the work.
        Reject = "reject",
        /// Decide whether a rejection is valid.
        Validate = "validate",
    }
}

/// A review of completed work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::quality_reviews, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct QualityReview {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: ReviewId,
    /// Kind of the job.
    #[serde(rename = "job_type")]
    pub kind: JobKind,
    /// The job.
    pub job_id: JobId,
    /// User that did the work.
    pub worker_id: UserId,
    /// Quality engineer.
    pub qe_id: UserId,
    /// Lifecycle status.
    pub status: ReviewStatus,
    /// Deadline of the review.
    pub sla_deadline: Instant,
    /// Time of the review.
    pub reviewed_at: Option<Instant>,
    /// Whether the review met its deadline.
    pub sla_met: Option<bool>,
    /// Rating of the work, 1 to 5.
    pub qc_rating: Option<i64>,
    /// Remark.
    pub notes: Option<String>,
    /// Category of the rejection.
    pub rejection_category: Option<RejectionCategory>,
    /// Reason for the rejection.
    pub rejection_reason: Option<String>,
    /// Description of the evidence.
    pub evidence: Option<String>,
    /// Whether an admin found the rejection valid.
    pub is_valid: Option<bool>,
    /// Admin that validated the rejection.
    pub validated_by_id: Option<UserId>,
    /// Time of the validation.
    pub validated_at: Option<Instant>,
    /// Remark of the admin.
    pub validation_notes: Option<String>,
    /// Creation time.
    pub created_at: Instant,
}

crate::translations::translated!(QualityReview, "quality_review", { notes, rejection_reason, validation_notes });

impl crate::entity::Entity for QualityReview {
    const NAME: &'static str = "quality_review";
    const LABEL: &'static str = "quality review";
    const PATH: Option<&'static str> = Some("/quality-reviews");

    fn id(&self) -> i64 {
        self.id.get()
    }
}

input! {
    /// Approval of completed work.
    pub struct Approval {
        /// Rating of the work, 1 to 5.
        qc_rating | "rating": Integer<1, 5>,
        /// Remark.
        notes: Option<Text<2000>>,
    }
}

input! {
    /// Rejection of completed work.
    pub struct Rejection {
        /// Category of the rejection.
        rejection_category | "category": RejectionCategory,
        /// Reason; at least 20 characters.
        rejection_reason | "reason": Text<2000, 20>,
        /// Description of the evidence.
        evidence | "evidence_notes": Option<Text<2000>>,
        /// Files with evidence, uploaded before.
        file_ids | "evidence_file_ids": Option<ValueList<FileId, 0, 10>>,
    }
}

input! {
    /// An admin's decision on a rejection.
    pub struct Validation {
        /// Whether the rejection is valid.
        is_valid: bool,
        /// Remark.
        notes | "admin_notes": Option<Text<2000>>,
    }
}

input! {
    /// Assignment of a reviewer to a job without one.
    pub struct NewReview {
        /// Kind of the job.
        job_type: Option<JobKind>,
        /// The job.
        job_id: JobId,
        /// The quality engineer.
        qe_id: UserId,
    }
}

input! {
    /// Filter of a list of reviews.
    pub struct ReviewFilter {
        /// Filter by status.
        status: Option<ReviewStatus>,
        /// Filter by kind of job.
        job_type: Option<JobKind>,
    }
}

/// Reasons for rejecting a command on a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReviewRule {
    /// The command is not allowed in the current status (§8).
    #[error("cannot {command} {} {status} review", article(.status.as_str()))]
    WrongStatus {
        /// Rejected command.
        command: ReviewCommand,
        /// Current status.
        status: ReviewStatus,
    },
    /// The rejection has been decided (§8).
    #[error("this rejection has already been decided")]
    Validated,
    /// The job has a pending review.
    #[error("this job already has a reviewer")]
    UnderReview,
}

impl Rule for ReviewRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } | Self::Validated => Code::InvalidState,
            Self::UnderReview => Code::Duplicate,
        }
    }
}

impl ReviewStatus {
    /// Status after a command (§8).
    pub fn after(self, command: ReviewCommand) -> Result<Self, ReviewRule> {
        match (self, command) {
            (Self::Pending, ReviewCommand::Approve) => Ok(Self::Approved),
            (Self::Pending, ReviewCommand::Reject) | (Self::Rejected, ReviewCommand::Validate) => {
                Ok(Self::Rejected)
            }
            (status, command) => Err(ReviewRule::WrongStatus { command, status }),
        }
    }
}

/// Seconds from completion to the deadline of the review: 48 hours (§8).
const SLA: i64 = 48 * 3600;

/// Points gained or lost by a validated rejection (§8).
pub(crate) const STAKE: i64 = 2;

/// Quality engineer with the fewest pending reviews; the lowest primary key decides ties (§8).
/// Users do not review their own work.
pub fn least_busy<'a>(
    candidates: impl IntoIterator<Item = (&'a User, i64)>,
    worker: UserId,
) -> Option<&'a User> {
    let fit = |(user, _): &(&User, i64)| {
        user.is_active && !user.is_on_leave && user.has(Role::QualityEngineer) && user.id != worker
    };
    candidates.into_iter().filter(fit).min_by_key(|(user, pending)| (*pending, user.id)).map(|(user, _)| user)
}

impl QualityReview {
    /// Builds the review of a completed job (§8).
    pub fn of(job: &Job, qe: UserId, now: Instant) -> Self {
        Self {
            id: ReviewId::UNSAVED,
            kind: job.kind,
            job_id: job.id,
            worker_id: job.owner_id,
            qe_id: qe,
            status: ReviewStatus::Pending,
            sla_deadline: now.plus_seconds(SLA),
            reviewed_at: None,
            sla_met: None,
            qc_rating: None,
            notes: None,
            rejection_category: None,
            rejection_reason: None,
            evidence: None,
            is_valid: None,
            validated_by_id: None,
            validated_at: None,
            validation_notes: None,
            created_at: now,
        }
    }

    /// Whether it is pending after its deadline (§8).
    pub fn is_overdue(&self, now: Instant) -> bool {
        self.status == ReviewStatus::Pending && self.sla_deadline < now
    }

    /// Checks that the actor may see it: admins, its quality engineer and the worker (§8).
    pub fn may_be_seen_by(&self, actor: &User) -> Result<(), Forbidden> {
        if actor.is_admin() || [self.qe_id, self.worker_id].contains(&actor.id) {
            return Ok(());
        }
        Err(Forbidden("this review belongs to another user"))
    }

    /// Checks that the actor may decide it: its quality engineer (§8).
    pub fn may_be_done_by(&self, actor: &User) -> Result<(), Forbidden> {
        if self.qe_id == actor.id { Ok(()) } else { Err(Forbidden("this review belongs to another user")) }
    }

    fn reviewed(&self, command: ReviewCommand, now: Instant) -> Result<Self, ReviewRule> {
        let status = self.status.after(command)?;
        let sla_met = Some(now <= self.sla_deadline);
        Ok(Self { status, reviewed_at: Some(now), sla_met, ..self.clone() })
    }

    /// Approves the work (§8).
    pub fn approve(&self, approval: Approval, now: Instant) -> Result<Self, ReviewRule> {
        let after = self.reviewed(ReviewCommand::Approve, now)?;
        Ok(Self { qc_rating: Some(approval.qc_rating.get()), notes: approval.notes.map(Into::into), ..after })
    }

    /// Rejects the work (§8).
    pub fn reject(&self, rejection: Rejection, now: Instant) -> Result<Self, ReviewRule> {
        let after = self.reviewed(ReviewCommand::Reject, now)?;
        Ok(Self {
            rejection_category: Some(rejection.rejection_category),
            rejection_reason: Some(rejection.rejection_reason.into()),
            evidence: rejection.evidence.map(Into::into),
            ..after
        })
    }

    /// Records an admin's decision on the rejection (§8).
    pub fn validate(&self, validation: Validation, by: UserId, now: Instant) -> Result<Self, ReviewRule> {
        let status = self.status.after(ReviewCommand::Validate)?;
        if self.is_valid.is_some() {
            return Err(ReviewRule::Validated);
        }
        Ok(Self {
            status,
            is_valid: Some(validation.is_valid),
            validated_by_id: Some(by),
            validated_at: Some(now),
            validation_notes: validation.notes.map(Into::into),
            ..self.clone()
        })
    }

    /// Points of the worker and the quality engineer after the validation: a valid rejection costs
    /// the worker, an invalid one the quality engineer (§8).
    pub fn stakes(&self) -> [(UserId, Role, i64); 2] {
        let (worker, qe) = match self.is_valid {
            Some(true) => (-STAKE, STAKE),
            Some(false) => (0, -STAKE),
            None => (0, 0),
        };
        [(self.worker_id, self.kind.role(), worker), (self.qe_id, Role::QualityEngineer, qe)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        input::Input,
        testing::{changes, fields, id, job, later, now, user},
    };

    fn review(status: ReviewStatus) -> QualityReview {
        QualityReview { id: id(7), status, ..QualityReview::of(&job(), id(6), now()) }
    }

    fn approval() -> Approval {
        Approval::from_json(json!({"qc_rating": 4, "notes": "Well done."})).expect("an approval")
    }

    fn rejection() -> Rejection {
        let body = json!({
            "category": "wrong_parts", "reason": "The seal is of the wrong size.", "evidence": "See photos.",
        });
        Rejection::from_json(body).expect("a rejection")
    }

    fn validation(is_valid: bool) -> Validation {
        let body = json!({"is_valid": is_valid, "notes": "Checked on site."});
        Validation::from_json(body).expect("a decision")
    }

    #[test]
    fn a_review_concerns_the_job_and_its_owner() {
        insta::assert_snapshot!(fields(&QualityReview::of(&job(), id(6), now())).join("\n"), @r"
        id: ReviewId(0)
        kind: Engineer
        job_id: JobId(7)
        worker_id: UserId(4)
        qe_id: UserId(6)
        status: Pending
        sla_deadline: Instant(2026-03-03T07:00:00Z)
        reviewed_at: None
        sla_met: None
        qc_rating: None
        notes: None
        rejection_category: None
        rejection_reason: None
        evidence: None
        is_valid: None
        validated_by_id: None
        validated_at: None
        validation_notes: None
        created_at: Instant(2026-03-01T07:00:00Z)
        ");
    }

    #[test]
    fn every_transition_changes_these_fields() {
        let (open, rejected) = (review(ReviewStatus::Pending), review(ReviewStatus::Rejected));
        let validated = |is_valid| rejected.validate(validation(is_valid), id(9), later()).expect("allowed");
        insta::assert_snapshot!(changes(&[
            ("approve", &open, &open.approve(approval(), later()).expect("allowed")),
            ("reject", &open, &open.reject(rejection(), later()).expect("allowed")),
            ("find valid", &rejected, &validated(true)),
            ("find invalid", &rejected, &validated(false)),
        ]), @r#"
        approve
          status: Approved
          reviewed_at: Some(Instant(2026-03-01T08:00:00Z))
          sla_met: Some(true)
          qc_rating: Some(4)
          notes: Some("Well done.")
        reject
          status: Rejected
          reviewed_at: Some(Instant(2026-03-01T08:00:00Z))
          sla_met: Some(true)
          rejection_category: Some(WrongParts)
          rejection_reason: Some("The seal is of the wrong size.")
          evidence: Some("See photos.")
        find valid
          is_valid: Some(true)
          validated_by_id: Some(UserId(9))
          validated_at: Some(Instant(2026-03-01T08:00:00Z))
          validation_notes: Some("Checked on site.")
        find invalid
          is_valid: Some(false)
          validated_by_id: Some(UserId(9))
          validated_at: Some(Instant(2026-03-01T08:00:00Z))
          validation_notes: Some("Checked on site.")
        "#);
    }

    #[test]
    fn every_command_obeys_the_state_machine() {
        let status_of = |after: Result<QualityReview, ReviewRule>| after.map(|review| review.status);
        for &status in ReviewStatus::ALL {
            let subject = review(status);
            let outcomes = [
                (ReviewCommand::Approve, subject.approve(approval(), now())),
                (ReviewCommand::Reject, subject.reject(rejection(), now())),
                (ReviewCommand::Validate, subject.validate(validation(true), id(9), now())),
            ];
            for (command, outcome) in outcomes {
                assert_eq!(status_of(outcome), status.after(command), "{command} {status}");
            }
        }
        assert_eq!(ReviewRule::UnderReview.code(), Code::Duplicate);
        assert_eq!(ReviewRule::Validated.code(), Code::InvalidState);
    }

    #[test]
    fn admins_its_quality_engineer_and_the_worker_see_a_review_and_the_engineer_decides_it() {
        let review = review(ReviewStatus::Pending);
        for &role in Role::ALL {
            let as_user = |id| User { id, ..user(role) };
            let allowed = [review.qe_id, review.worker_id, id(90)].map(|id| {
                let actor = as_user(id);
                (review.may_be_seen_by(&actor).is_ok(), review.may_be_done_by(&actor).is_ok())
            });
            assert_eq!(allowed, [(true, true), (true, false), (role == Role::Admin, false)], "{role}");
        }
    }

    #[test]
    fn the_grid_of_states_and_commands() {
        let mut grid = String::new();
        for &status in ReviewStatus::ALL {
            for &command in ReviewCommand::ALL {
                let outcome = status.after(command).map_or_else(|r| r.code().to_string(), |s| s.to_string());
                grid += &format!("{status:<8} {command:<8} -> {outcome}\n");
            }
        }
        insta::assert_snapshot!(grid, @r"
        pending  approve  -> approved
        pending  reject   -> rejected
        pending  validate -> INVALID_STATE
        approved approve  -> INVALID_STATE
        approved reject   -> INVALID_STATE
        approved validate -> INVALID_STATE
        rejected approve  -> INVALID_STATE
        rejected reject   -> INVALID_STATE
        rejected validate -> rejected
        ");
    }

    #[test]
    fn the_least_busy_engineer_reviews_but_never_their_own_work() {
        let qe = |number: i64| User { id: id(number), ..user(Role::QualityEngineer) };
        let (one, two, three) = (qe(1), qe(2), qe(3));
        let chosen = |loads: &[(&User, i64)], worker: i64| {
            least_busy(loads.iter().copied(), id(worker)).map(|user| user.id.get())
        };
        assert_eq!(
            chosen(&[(&one, 2), (&two, 1), (&three, 1)], 9),
            Some(2),
            "the lowest primary key decides ties"
        );
        assert_eq!(chosen(&[(&three, 0), (&two, 0), (&one, 5)], 9), Some(2));
        assert_eq!(chosen(&[(&one, 0), (&two, 7)], 1), Some(2));
        assert_eq!(chosen(&[(&one, 0)], 1), None);
        assert_eq!(chosen(&[], 9), None);
        let away = User { is_on_leave: true, ..one.clone() };
        let gone = User { is_active: false, ..one.clone() };
        let engineer = User { id: id(1), ..user(Role::Engineer) };
        let minor = User { minor_role: Some(Role::QualityEngineer), ..engineer.clone() };
        for ineligible in [&away, &gone, &engineer] {
            assert_eq!(chosen(&[(ineligible, 0)], 9), None);
        }
        assert_eq!(chosen(&[(&minor, 0)], 9), Some(1));
    }

    #[test]
    fn forty_eight_hours_to_the_second_are_in_time() {
        let at = |seconds: i64| now().plus_seconds(48 * 3600 + seconds);
        for (seconds, met) in [(-1, true), (0, true), (1, false)] {
            let open = review(ReviewStatus::Pending);
            let approved = open.approve(approval(), at(seconds)).expect("approved");
            let rejected = open.reject(rejection(), at(seconds)).expect("rejected");
            assert_eq!((approved.sla_met, rejected.sla_met), (Some(met), Some(met)));
            assert_eq!(open.is_overdue(at(seconds)), !met);
            assert!(!approved.is_overdue(at(seconds)) && !rejected.is_overdue(at(seconds)));
        }
    }

    #[test]
    fn a_rejection_is_validated_once_and_costs_one_party() {
        let rejected = review(ReviewStatus::Rejected);
        let decide = |valid| rejected.validate(validation(valid), id(9), now()).expect("decided");
        let stakes = |worker, qe| {
            [(rejected.worker_id, Role::Engineer, worker), (rejected.qe_id, Role::QualityEngineer, qe)]
        };
        assert_eq!(decide(true).stakes(), stakes(-2, 2));
        assert_eq!(decide(false).stakes(), stakes(0, -2));
        assert_eq!(rejected.stakes(), stakes(0, 0), "not decided");
        for decided in [decide(true), decide(false)] {
            let again = decided.validate(validation(true), id(9), now());
            assert_eq!(again, Err(ReviewRule::Validated));
        }
    }

    #[test]
    fn a_rejection_has_a_reason_of_twenty_characters() {
        let of = |count: usize| {
            Rejection::from_json(json!({"category": "other", "reason": "x".repeat(count)})).is_ok()
        };
        assert!(!of(19) && of(20));
    }
}
