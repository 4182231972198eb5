//! Quality reviews of completed work, and the validation of rejections by admins (rule book §8).

use serde::{Serialize, Serializer};

use crate::{
    ids::{FileId, JobId, ReviewId, UserId},
    input::{AnyOf, Integer, Invalid, RawValue, Scalar, ValueList, input, text_enum},
    jobs::{Job, JobKind},
    message,
    message::Message,
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
        /// Give it to another quality engineer.
        Reassign = "reassign",
    }
}

text_enum! {
    /// Decision of an admin on a rejection.
    pub enum AdminValidation {
        /// The rejection is right.
        Valid = "valid",
        /// The rejection is wrong.
        Wrong = "wrong",
    }
}

impl From<bool> for AdminValidation {
    fn from(is_valid: bool) -> Self {
        if is_valid { Self::Valid } else { Self::Wrong }
    }
}

/// A decision on a rejection, as its name or as a boolean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision(AdminValidation);

impl Decision {
    /// Whether the rejection is valid.
    pub fn is_valid(self) -> bool {
        self.0 == AdminValidation::Valid
    }
}

impl Scalar for Decision {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        match given {
            RawValue::Json(serde_json::Value::Bool(is_valid)) => Ok(Self(is_valid.into())),
            named => AdminValidation::read(named).map(Self),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::OneOfBuilder::new()
            .item(<AdminValidation as Scalar>::schema())
            .item(<bool as Scalar>::schema())
            .into()
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
    #[serde(rename = "evidence_notes")]
    pub evidence: Option<String>,
    /// Whether an admin found the rejection valid.
    #[serde(rename = "admin_validation", serialize_with = "as_validation")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<AdminValidation>))]
    pub is_valid: Option<bool>,
    /// Admin that validated the rejection.
    pub validated_by_id: Option<UserId>,
    /// Time of the validation.
    pub validated_at: Option<Instant>,
    /// Remark of the admin.
    #[serde(rename = "admin_validation_notes")]
    pub validation_notes: Option<String>,
    /// Creation time.
    pub created_at: Instant,
}

/// Serializes whether a rejection is valid as [`AdminValidation`].
#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference to the field"
)]
fn as_validation<S: Serializer>(is_valid: &Option<bool>, serializer: S) -> Result<S::Ok, S::Error> {
    is_valid.map(AdminValidation::from).serialize(serializer)
}

crate::translated!(QualityReview, "quality_review", { notes, rejection_reason, validation_notes });

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
        evidence_notes | "evidence": Option<Text<2000>>,
        /// Remark.
        notes: Option<Text<2000>>,
        /// Files with evidence, uploaded before.
        file_ids | "evidence_file_ids": Option<ValueList<FileId, 0, 10>>,
    }
}

input! {
    /// An admin's decision on a rejection.
    pub struct Validation {
        /// `valid` or `wrong`; or whether the rejection is valid.
        admin_validation | "is_valid": Decision,
        /// Remark.
        admin_validation_notes | "admin_notes" | "notes": Option<Text<2000>>,
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
    /// Transfer of a pending review to another quality engineer.
    pub struct ReviewReassignment {
        /// The quality engineer.
        qe_id: UserId,
        /// Reason.
        reason: Option<Text<1000>>,
    }
}

input! {
    /// Filter of a list of reviews.
    pub struct ReviewFilter {
        /// Filter by status.
        status: AnyOf<ReviewStatus>,
        /// Filter by kind of job.
        job_type: AnyOf<JobKind>,
    }
}

/// Reasons for rejecting a command on a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReviewRule {
    /// The command is not allowed in the current status (§8).
    #[error("{}", self.message())]
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
    /// The quality engineer has the review.
    #[error("this quality engineer already has the review")]
    SameReviewer,
}

impl Rule for ReviewRule {
    fn code(&self) -> Code {
        match self {
            Self::WrongStatus { .. } | Self::Validated => Code::InvalidState,
            Self::UnderReview | Self::SameReviewer => Code::Duplicate,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::WrongStatus { command, status } => message!(
                "cannot {command} {article} {status} review",
                command,
                article = article(status.as_str()),
                status,
            ),
            rule => rule.to_string().into(),
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
            (Self::Pending, ReviewCommand::Reassign) => Ok(Self::Pending),
            (status, command) => Err(ReviewRule::WrongStatus { command, status }),
        }
    }
}

/// Seconds from completion to the deadline of the review: 48 hours (§8).
const SLA: i64 = 48 * 3600;

/// Points gained or lost by a validated rejection (§8).
pub(crate) const STAKE: i64 = 2;

/// Quality engineer with the fewest pending reviews; the lowest primary key decides ties (§8).
/// `doers` are the worker and users who have completed the job for the worker: no user reviews
/// their own work.
pub fn least_busy<'a>(
    candidates: impl IntoIterator<Item = (&'a User, i64)>,
    doers: &[UserId],
) -> Option<&'a User> {
    let fit = |(user, _): &(&User, i64)| {
        user.is_active && !user.is_on_leave && user.has(Role::QualityEngineer) && !doers.contains(&user.id)
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

    /// Transfers it to another quality engineer, who has as long for it as the first had (§8).
    pub fn given_to(&self, qe: UserId, now: Instant) -> Result<Self, ReviewRule> {
        let status = self.status.after(ReviewCommand::Reassign)?;
        if self.qe_id == qe {
            return Err(ReviewRule::SameReviewer);
        }
        Ok(Self { status, qe_id: qe, sla_deadline: now.plus_seconds(SLA), ..self.clone() })
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
            notes: rejection.notes.map(Into::into),
            evidence: rejection.evidence_notes.map(Into::into),
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
            is_valid: Some(validation.admin_validation.is_valid()),
            validated_by_id: Some(by),
            validated_at: Some(now),
            validation_notes: validation.admin_validation_notes.map(Into::into),
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
mod tests;
