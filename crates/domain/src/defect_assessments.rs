//! Assessments of defects by their specialists before the repair (rule book §6).

use serde::Serialize;

use crate::{
    defects::{AssessmentStatus, Defect, DefectCommand, DefectRule, Priority},
    ids::{DefectAssessmentId, DefectId, JobId, UserId},
    input::{input, text_enum},
    jobs::Job,
    rule::{Code, Forbidden, Rule},
    text::Text,
    time::Instant,
};

text_enum! {
    /// Verdict of the specialist.
    pub enum AssessmentVerdict {
        /// Confirmed.
        Confirm = "confirm",
        /// Confirmed, minor.
        Minor = "minor",
        /// Not a defect.
        Reject = "reject",
    }
}

/// A specialist's assessment of a defect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::defect_assessments, treat_none_as_default_value = false)
)]
pub struct DefectAssessment {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: DefectAssessmentId,
    /// The defect.
    pub defect_id: DefectId,
    /// The repair job.
    pub job_id: JobId,
    /// Specialist that assessed it.
    pub specialist_id: UserId,
    /// Verdict.
    pub verdict: AssessmentVerdict,
    /// Explanation.
    pub technical_notes: String,
    /// Time of the assessment.
    pub created_at: Instant,
}

crate::translations::translated!(DefectAssessment, "defect_assessment", { technical_notes });

impl crate::entity::Entity for DefectAssessment {
    const NAME: &'static str = "defect_assessment";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

input! {
    /// An assessment to record.
    pub struct NewDefectAssessment {
        /// The defect.
        defect_id: DefectId,
        /// Verdict.
        verdict: AssessmentVerdict,
        /// Explanation.
        technical_notes: Text<2000>,
    }
}

/// Reasons for rejecting an assessment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DefectAssessmentRule {
    /// The defect has an assessment (§6).
    #[error("the defect has been assessed already")]
    Assessed,
    /// The repair has started (§6).
    #[error("a defect is assessed before the work on it begins")]
    WorkBegun,
}

impl Rule for DefectAssessmentRule {
    fn code(&self) -> Code {
        match self {
            Self::Assessed => Code::Duplicate,
            Self::WorkBegun => Code::InvalidState,
        }
    }
}

/// Checks that the actor is the specialist of the defect's job (§6).
pub fn may_assess(job: Option<&Job>, actor: UserId) -> Result<&Job, Forbidden> {
    job.filter(|job| job.owner_id == actor)
        .ok_or(Forbidden("only the specialist of its job may assess a defect"))
}

impl NewDefectAssessment {
    /// Builds the assessment, of which a defect has one, before the repair starts (§6).
    pub fn assess(
        self,
        defect: &Defect,
        job: &Job,
        actor: UserId,
        now: Instant,
    ) -> Result<DefectAssessment, DefectAssessmentRule> {
        if defect.assessment_status != AssessmentStatus::Pending {
            return Err(DefectAssessmentRule::Assessed);
        }
        if job.status.after(crate::jobs::JobCommand::Assess).is_err() {
            return Err(DefectAssessmentRule::WorkBegun);
        }
        Ok(DefectAssessment {
            id: DefectAssessmentId::UNSAVED,
            defect_id: defect.id,
            job_id: job.id,
            specialist_id: actor,
            verdict: self.verdict,
            technical_notes: self.technical_notes.into(),
            created_at: now,
        })
    }
}

impl Defect {
    /// Applies the assessment: confirmed, of low priority, or a false alarm (§6).
    pub fn assessed(&self, verdict: AssessmentVerdict, now: Instant) -> Result<Self, DefectRule> {
        let after = Self { updated_at: now, ..self.clone() };
        Ok(match verdict {
            AssessmentVerdict::Confirm => Self { assessment_status: AssessmentStatus::Confirmed, ..after },
            AssessmentVerdict::Minor => {
                Self { assessment_status: AssessmentStatus::Minor, priority: Priority::Low, ..after }
            }
            AssessmentVerdict::Reject => Self {
                assessment_status: AssessmentStatus::Rejected,
                status: self.status.after(DefectCommand::Reject)?,
                ..after
            },
        })
    }
}
