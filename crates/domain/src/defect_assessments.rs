//! Assessments of defects by their specialists before the repair (rule book §6).

use serde::Serialize;

use crate::{
    defects::{Defect, DefectAssessmentStatus, DefectCommand, DefectRule, Priority},
    ids::{DefectAssessmentId, DefectId, JobId, UserId},
    input::{input, text_enum},
    jobs::Job,
    rule::{Code, Forbidden, Rule},
    text::Text,
    time::Instant,
    users::{Role, User},
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
    #[serde(rename = "assessed_at")]
    pub created_at: Instant,
}

crate::translated!(DefectAssessment, "defect_assessment", { technical_notes });

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
    #[error("the defect has already been assessed")]
    Assessed,
    /// The repair has started (§6).
    #[error("a defect can only be assessed before work on it begins")]
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

/// Whether the actor sees all assessments: admins, engineers and quality engineers (§6).
pub fn may_see_all(actor: &User) -> bool {
    [Role::Admin, Role::Engineer, Role::QualityEngineer].into_iter().any(|role| actor.has(role))
}

impl DefectAssessment {
    /// Checks that the actor may see it: its specialist and users that see all assessments (§6).
    pub fn may_be_seen_by(&self, actor: &User) -> Result<(), Forbidden> {
        if may_see_all(actor) || self.specialist_id == actor.id {
            return Ok(());
        }
        Err(Forbidden("this assessment belongs to another user"))
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
        if defect.assessment_status != DefectAssessmentStatus::Pending {
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
            AssessmentVerdict::Confirm => {
                Self { assessment_status: DefectAssessmentStatus::Confirmed, ..after }
            }
            AssessmentVerdict::Minor => {
                Self { assessment_status: DefectAssessmentStatus::Minor, priority: Priority::Low, ..after }
            }
            AssessmentVerdict::Reject => Self {
                assessment_status: DefectAssessmentStatus::Rejected,
                status: self.status.after(DefectCommand::Reject)?,
                ..after
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        defects::DefectStatus,
        input::Input,
        jobs::JobStatus,
        testing::{changes, defect, fields, id, job, later, user},
    };

    fn new() -> NewDefectAssessment {
        let body = json!({"defect_id": 40, "verdict": "minor", "technical_notes": "a scratch"});
        NewDefectAssessment::from_json(body).expect("an assessment")
    }

    #[test]
    fn an_assessment_belongs_to_the_defect_the_job_and_the_specialist() {
        let assessment = new().assess(&defect(), &job(), id(4), later()).expect("assessed");
        insta::assert_snapshot!(fields(&assessment).join("\n"), @r#"
        id: DefectAssessmentId(0)
        defect_id: DefectId(41)
        job_id: JobId(7)
        specialist_id: UserId(4)
        verdict: Minor
        technical_notes: "a scratch"
        created_at: Instant(2026-03-01T08:00:00Z)
        "#);
    }

    #[test]
    fn an_assessment_is_seen_by_its_specialist_and_by_planners() {
        let assessment = new().assess(&defect(), &job(), id(4), later()).expect("assessed");
        for &role in Role::ALL {
            let all = matches!(role, Role::Admin | Role::Engineer | Role::QualityEngineer);
            let other = User { id: id(90), ..user(role) };
            let own = User { id: id(4), ..user(role) };
            let minor = User { id: id(90), minor_role: Some(role), ..user(Role::Inspector) };
            assert_eq!(
                (may_see_all(&other), assessment.may_be_seen_by(&other).is_ok()),
                (all, all),
                "{role}"
            );
            assert!(assessment.may_be_seen_by(&own).is_ok(), "{role}");
            assert_eq!(assessment.may_be_seen_by(&minor).is_ok(), all && role != Role::Admin, "{role}");
        }
    }

    #[test]
    fn only_the_specialist_of_the_job_assesses() {
        let job = job();
        assert_eq!(may_assess(Some(&job), id(4)).map(|job| job.id), Ok(id(7)));
        assert!(may_assess(Some(&job), id(5)).is_err() && may_assess(None, id(4)).is_err());
    }

    #[test]
    fn a_defect_is_assessed_once_before_the_repair() {
        let assess = |defect: &Defect, job: &Job| new().assess(defect, job, id(4), later()).err();
        for &assessment_status in DefectAssessmentStatus::ALL {
            let refused = (assessment_status != DefectAssessmentStatus::Pending)
                .then_some(DefectAssessmentRule::Assessed);
            let defect = Defect { assessment_status, ..defect() };
            assert_eq!(assess(&defect, &job()), refused, "{assessment_status}");
        }
        for &status in JobStatus::ALL {
            let refused = (status != JobStatus::Assigned).then_some(DefectAssessmentRule::WorkBegun);
            assert_eq!(assess(&defect(), &Job { status, ..job() }), refused, "{status}");
        }
        let codes = [DefectAssessmentRule::Assessed, DefectAssessmentRule::WorkBegun].map(|rule| rule.code());
        assert_eq!(codes, [Code::Duplicate, Code::InvalidState]);
    }

    #[test]
    fn every_verdict_changes_these_fields_of_the_defect() {
        let defect = Defect { status: DefectStatus::InProgress, ..defect() };
        let assessed = |verdict| defect.assessed(verdict, later()).expect("assessed");
        insta::assert_snapshot!(changes(&[
            ("confirm", &defect, &assessed(AssessmentVerdict::Confirm)),
            ("minor", &defect, &assessed(AssessmentVerdict::Minor)),
            ("reject", &defect, &assessed(AssessmentVerdict::Reject)),
        ]), @r"
        confirm
          assessment_status: Confirmed
          updated_at: Instant(2026-03-01T08:00:00Z)
        minor
          priority: Low
          assessment_status: Minor
          updated_at: Instant(2026-03-01T08:00:00Z)
        reject
          status: FalseAlarm
          assessment_status: Rejected
          updated_at: Instant(2026-03-01T08:00:00Z)
        ");
        let resolved = Defect { status: DefectStatus::Resolved, ..defect.clone() };
        assert!(resolved.assessed(AssessmentVerdict::Reject, later()).is_err());
        assert!(resolved.assessed(AssessmentVerdict::Minor, later()).is_ok());
    }
}
