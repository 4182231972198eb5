//! What a specialist thinks of a defect before work (rule book §6).

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
    /// What the specialist thinks.
    pub enum AssessmentVerdict {
        /// It is a defect.
        Confirm = "confirm",
        /// It is one, but a small one.
        Minor = "minor",
        /// It is none.
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
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: DefectAssessmentId,
    /// The defect.
    pub defect_id: DefectId,
    /// The job to repair it.
    pub job_id: JobId,
    /// Who assessed it.
    pub specialist_id: UserId,
    /// What they think.
    pub verdict: AssessmentVerdict,
    /// Why.
    pub technical_notes: String,
    /// When.
    pub created_at: Instant,
}

crate::translations::translated!(DefectAssessment, "defect_assessment", { technical_notes });

input! {
    /// An assessment of a defect.
    pub struct NewDefectAssessment {
        /// The defect.
        defect_id: DefectId,
        /// What you think of it.
        verdict: AssessmentVerdict,
        /// Why.
        technical_notes: Text<2000>,
    }
}

/// Why a defect can't be assessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DefectAssessmentRule {
    /// Once a defect (§6).
    #[error("the defect has been assessed already")]
    Assessed,
    /// Before work (§6).
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

/// By the specialist of its job (§6).
pub fn may_assess(job: Option<&Job>, actor: UserId) -> Result<&Job, Forbidden> {
    job.filter(|job| job.owner_id == actor)
        .ok_or(Forbidden("only the specialist of its job may assess a defect"))
}

impl NewDefectAssessment {
    /// The assessment: once a defect, and before work (§6).
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
    /// The defect after its specialist has assessed it: confirmed, of low priority, or a false alarm (§6).
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
